"""Every attention mechanism, position, gate and normaliser, by name. Needs the extra `train`.

>>> attend = build(MECHANISMS, {"name": "additive", "hidden": 32}, q_dim=16, k_dim=24)
>>> attend(torch.zeros(2, 5, 16), torch.zeros(2, 7, 24), torch.zeros(2, 7, 3)).shape
torch.Size([2, 5, 3])
"""

from foveal.attention.build import Spec, build
from foveal.attention.core import Attention
from foveal.attention.gates import GATES, Gate
from foveal.attention.heads import Cache, MultiHead
from foveal.attention.normalisers import NORMALISERS, Normaliser
from foveal.attention.position import POSITIONS, Position
from foveal.attention.recalling import Recalled, recall
from foveal.attention.registry import MECHANISMS, load
from foveal.attention.watching import watch

__all__ = [
    "GATES",
    "MECHANISMS",
    "NORMALISERS",
    "POSITIONS",
    "Attention",
    "Cache",
    "Gate",
    "MultiHead",
    "Normaliser",
    "Position",
    "Recalled",
    "Spec",
    "build",
    "load",
    "recall",
    "watch",
]
