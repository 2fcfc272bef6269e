"""Every mechanism, position and gate by name: one class and one line here, and laws and docs cover it."""

from __future__ import annotations

from foveal.attention.adaptive import Routed
from foveal.attention.core import Attention
from foveal.attention.hierarchy import TwoLevel
from foveal.attention.linear import Elu, FourierFeatures, RandomFeatures, Relu
from foveal.attention.sampled import Random, RandomDynamic, Structured
from foveal.attention.scores import SCORES, Location
from foveal.attention.sparse import Chunked, Local, Local2D
from foveal.attention.temporal import Temporal

MECHANISMS: dict[str, type[Attention]] = {
    **SCORES,
    "location": Location,
    "local": Local,
    "local_2d": Local2D,
    "chunked": Chunked,
    "random": Random,
    "random_dynamic": RandomDynamic,
    "structured": Structured,
    "relu": Relu,
    "elu": Elu,
    "random_features": RandomFeatures,
    "fourier_features": FourierFeatures,
    "two_level": TwoLevel,
    "routed": Routed,
    "temporal": Temporal,
}
