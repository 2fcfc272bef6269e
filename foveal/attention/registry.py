"""Every mechanism, position and gate by name: one class and one line here, and laws and docs cover it."""

from __future__ import annotations

from foveal.attention.core import Attention
from foveal.attention.linear import Elu, FourierFeatures, RandomFeatures, Relu
from foveal.attention.sampled import Random, RandomDynamic, Structured
from foveal.attention.scores import SCORES, Location
from foveal.attention.sparse import Chunked, Local, Local2D

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
}
