"""Every mechanism, position and gate by name: one class and one line here, and laws and docs cover it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from foveal.attention.adaptive import Routed
from foveal.attention.approximate import AdditiveBySines
from foveal.attention.core import Attention
from foveal.attention.hierarchy import TwoLevel
from foveal.attention.linear import Elu, FourierFeatures, RandomFeatures, Relu
from foveal.attention.location import Location
from foveal.attention.sampled import Random, RandomDynamic, Structured
from foveal.attention.scores import SCORES
from foveal.attention.sparse import Chunked, Local, Local2D
from foveal.attention.temporal import Temporal
from foveal.errors import InputMissing

MECHANISMS: dict[str, type[Attention]] = {
    **SCORES,
    "additive_by_sines": AdditiveBySines,
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


def load(path: Path) -> None:
    """Run a Python file that adds mechanisms of its reader's own: `MECHANISMS["mine"] = Mine`.

    Raises InputMissing where there is no such file; what the file itself raises is passed on.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InputMissing(f"{path}: no Python file of that name", remedy="give the path of a .py file")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
