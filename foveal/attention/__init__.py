"""Every attention mechanism, position, gate and normaliser, by name. Needs the extra `train`.

>>> attend = build(MECHANISMS, {"name": "additive", "hidden": 32}, q_dim=16, k_dim=24)
>>> attend(torch.zeros(2, 5, 16), torch.zeros(2, 7, 24), torch.zeros(2, 7, 3)).shape
torch.Size([2, 5, 3])
"""

from foveal.attention.adaptive import EarlyExit, Leave
from foveal.attention.build import Spec, build
from foveal.attention.core import Attention
from foveal.attention.crossmodal import CROSSMODAL, CrossModal, Sides
from foveal.attention.economy import attend_within, recomputed
from foveal.attention.gates import GATES, Gate
from foveal.attention.heads import Cache, MultiHead
from foveal.attention.normalisers import NORMALISERS, Normaliser
from foveal.attention.position import POSITIONS, Position
from foveal.attention.pyramid import FUSIONS, Fusion, ScaleGates
from foveal.attention.recalling import Recalled, recall
from foveal.attention.registry import MECHANISMS, load
from foveal.attention.routes import ROUTES, route
from foveal.attention.temporal import AlongTime
from foveal.attention.watching import watch

__all__ = [
    "CROSSMODAL",
    "FUSIONS",
    "GATES",
    "MECHANISMS",
    "NORMALISERS",
    "POSITIONS",
    "ROUTES",
    "AlongTime",
    "Attention",
    "Cache",
    "CrossModal",
    "EarlyExit",
    "Fusion",
    "Gate",
    "Leave",
    "MultiHead",
    "Normaliser",
    "Position",
    "Recalled",
    "ScaleGates",
    "Sides",
    "Spec",
    "attend_within",
    "build",
    "load",
    "recall",
    "recomputed",
    "route",
    "watch",
]
