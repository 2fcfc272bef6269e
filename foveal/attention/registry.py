"""Every mechanism, position and gate by name: one class and one line here, and laws and docs cover it."""

from __future__ import annotations

from foveal.attention.core import Attention
from foveal.attention.scores import SCORES, Location

MECHANISMS: dict[str, type[Attention]] = {
    **SCORES,
    "location": Location,
}
