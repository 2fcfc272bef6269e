"""What `attention_tune.py` turns: places in the kernels' tables, and what may stand there, case by case."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, NamedTuple

import triton
import triton.language as tl

from foveal.attention.kernels import mlp
from foveal.attention.kernels.blocks import nothing, places


@triton.jit
def relu_of_sums(
    q, k, eq, ek, c, row, column, n, m, reach,  # noqa: ARG001
    D: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, WARPS: tl.constexpr, PAD: tl.constexpr,
):  # fmt: skip
    """Return Σ_d c_d·relu(q_d + k_d) as it is written."""
    rows, columns = places(BM, BN, WARPS)
    s = nothing(BM, BN, WARPS)
    for d in tl.range(0, D, loop_unroll_factor=4):
        t = tl.load(eq + d * PAD + rows) + tl.load(ek + d * PAD + columns)
        s += tl.load(c + d) * tl.maximum(t, 0.0)
    return s


FORMS = {"relu_of_sums": replace(mlp.FORM, scores=relu_of_sums)}


class Setting(NamedTuple):
    """A table of the kernels, "module.NAME", the key in it (None: it is no dict), and the value there."""

    table: str
    key: int | None
    value: Any

    def put(self) -> Setting:
        """Set the value, a tuple as what stood there; return what stood there."""
        name, attribute = self.table.split(".")
        module = import_module(f"foveal.attention.kernels.{name}")
        holder = vars(module) if self.key is None else getattr(module, attribute)
        place = attribute if self.key is None else self.key
        former = holder[place]
        value = FORMS[self.value] if isinstance(self.value, str) else self.value
        holder[place] = type(former)(*value) if isinstance(former, tuple) else value
        return Setting(self.table, self.key, former)

    def __str__(self) -> str:
        return f"{self.table}{'' if self.key is None else [self.key]} = {self.value}"


@dataclass(frozen=True)
class Knob:
    """What may stand at one place of a table. both: it decides the gradients, not the forward alone."""

    table: str
    key: int | None
    both: bool
    values: Sequence[Any]
    under: tuple[Setting, ...] = ()
    """What must be set, that the kernel be used at all."""

    def settings(self) -> list[Setting]:
        return [Setting(self.table, self.key, value) for value in self.values]


def crossed(*choices: Sequence[Any]) -> list[tuple[Any, ...]]:
    return list(itertools.product(*choices))


TILES = [
    (64, 64, 4, None), (64, 64, 4, 128), (64, 64, 4, 168), (64, 64, 4, 200), (64, 64, 8, None),
    (64, 64, 8, 128), (64, 64, 8, 80), (32, 64, 4, None), (32, 64, 4, 128), (32, 64, 4, 96),
    (32, 64, 2, None), (32, 64, 2, 168), (64, 64, 2, None), (64, 32, 4, None), (64, 32, 4, 96),
    (128, 64, 8, None), (128, 64, 8, 128), (128, 64, 4, None), (128, 32, 8, None), (64, 128, 8, None),
]  # fmt: skip
PAIRS = [
    (64, 64, 4, 168), (64, 64, 4, 200), (64, 64, 8, None), (64, 64, 8, 128), (32, 64, 4, None),
    (32, 64, 4, 128), (32, 64, 2, None), (64, 32, 4, None), (64, 32, 4, 128), (32, 32, 4, None),
    (32, 32, 2, None), (32, 64, 8, None),
]  # fmt: skip
SIDES = [
    (64, 64, 4, None), (64, 64, 8, None), (32, 64, 2, None), (32, 64, 8, None), (32, 64, 4, 128),
    (32, 64, 4, 96), (16, 64, 2, None), (16, 64, 4, None), (64, 32, 4, None), (32, 32, 2, None),
    (64, 32, 8, None), (64, 16, 4, None),
]  # fmt: skip
WIDE_TILES = [
    (64, 64, 8, None), (32, 64, 4, None), (32, 64, 4, 128), (32, 64, 4, 168), (32, 64, 8, 128),
    (64, 32, 8, 128), (128, 64, 16, 128), (64, 64, 16, 64),
]  # fmt: skip
FLASH = [
    (64, 64, 4, 2), (64, 64, 4, 4), (64, 64, 4, 1), (64, 32, 4, 3), (64, 32, 4, 2), (32, 64, 4, 3),
    (32, 64, 4, 2), (32, 32, 4, 3), (64, 64, 8, 3), (128, 64, 8, 3), (128, 64, 8, 2), (128, 64, 4, 3),
    (128, 32, 4, 3), (64, 128, 8, 2), (64, 128, 4, 2), (128, 128, 8, 2),
]  # fmt: skip
STEP = [
    *crossed((4096,), (2, 4, 8), (None,), (2, 3, 4)), (2048, 4, None, 3), (2048, 4, None, 4),
    (2048, 2, None, 3), (1024, 2, None, 4), (1024, 1, None, 4), (2048, 2, None, 4), (8192, 8, None, 2),
    (8192, 4, None, 3), (2048, 2, None, 0), (2048, 4, None, 0), (4096, 8, None, 0), (4096, 4, 128, 0),
    (4096, 4, 96, 0), (8192, 8, None, 0), (1024, 1, None, 0), (1024, 2, None, 0), (4096, 4, 128, 3),
    (512, 1, None, 4),
]  # fmt: skip
GROUPS = [
    *crossed((32, 64, 128), (4, 8), (2, 3), (None,)), (64, 4, 1, None), (32, 2, 3, None), (64, 2, 3, None),
    (64, 4, 4, None), (32, 4, 3, 128), (32, 4, 3, 168), (32, 8, 3, 128), (64, 8, 3, 128), (64, 8, 1, 128),
    (16, 4, 3, None), (64, 4, 3, 168), (64, 8, 1, None), (32, 8, 1, 80),
]  # fmt: skip
DRAWN = [*crossed((16, 32, 64), (1, 2, 4), (2, 3)), (64, 8, 3), (64, 4, 1), (64, 2, 4)]
OWN = [(16, 2), (16, 4), (8, 1), (8, 2), (32, 2), (32, 8), (64, 4), (64, 8), (4, 1), (16, 1)]
MAPS = crossed((2**12, 2**13, 2**14, 2**15), (4, 8, 16))
ROWS = [(rows, 0, warps) for rows in (8, 16, 32, 64) for warps in (2, 4, 8)]
SOFTEN = [
    (1, 256, 1),
    (4, 256, 2),
    (4, 256, 4),
    (8, 256, 4),
    (16, 256, 8),
    (4, 1024, 4),
    (8, 1024, 8),
    (1, 1024, 4),
]
SLOPE = [(64, 64, 8), (128, 64, 8), (64, 128, 8), (128, 128, 8), (32, 64, 4), (32, 128, 4), (64, 128, 4)]
ROOM = [2**26, 2**27, 2**28, 2**30, 2**31, 2**32]
DELTA = Knob("delta.TILE", None, True, (1024, 2048, 8192))


def sums(forward: int) -> list[Knob]:
    """Return the knobs of a score that is a sum, values of size `forward` and at least 64 features."""
    return [
        Knob("sums.FORWARD", forward, False, TILES),
        Knob("sums.SIDES", 64, True, SIDES),
        Knob("sums.PAIRS", forward, True, PAIRS),
    ]


def flash() -> list[Knob]:
    return [
        Knob("dotted.KEYS", 64, True, FLASH),
        Knob("dotted.QUERIES", 64, True, FLASH),
        Knob("dotted.FORWARD", 64, False, FLASH),
        DELTA,
    ]


BY_SCORES = (Setting("sums.WIDE", None, 128),)
KNOBS = {
    "additive, one head": [
        Knob("sums.WIDE", None, False, (128,)),
        Knob("sums.SCORES", None, False, TILES, BY_SCORES),
        Knob("sums.SOFTEN", None, False, SOFTEN[:5], BY_SCORES),
        Knob("sums.FORWARD", 256, False, WIDE_TILES),
        Knob("sums.SIDES", 64, True, SIDES),
        Knob("sums.PAIRS", 256, True, PAIRS),
    ],
    "additive, step": [Knob("step.FORWARD", None, False, STEP)],
    "linear": [
        Knob("linear.WHOLE", None, False, GROUPS),
        Knob("linear.WHOLE_BACK", None, True, GROUPS),
        Knob("linear.MANY", None, False, (2**30,)),
        Knob("linear.MANY", None, True, (528, 2**30)),
    ],
    "local": flash(),
    "mlp": [Knob("mlp.FORM", None, False, ("relu_of_sums",)), *sums(64)],
    "random": [
        Knob("drawn.FORWARD", None, False, DRAWN),
        Knob("drawn.OWN", None, True, OWN),
        Knob("drawn.BLOCKS", None, True, DRAWN),
        Knob("drawn.SCRATCH", None, True, ROOM),
    ],
    "mixed gate": [
        Knob("gate.SEE", None, False, MAPS),
        Knob("gate.WEIGH", None, False, MAPS),
        Knob("gate.SEE_BACK", None, True, MAPS),
        Knob("gate.WEIGH_BACK", None, True, MAPS),
    ],
    "additive, approximate": [
        Knob("sines.SCRATCH", None, False, ROOM),
        Knob("sines.SPREAD", None, False, ROWS),
        Knob("sines.SOFTEN", None, False, SOFTEN),
        Knob("sines.SLOPE", None, True, SLOPE),
        Knob("sines.GATHER", None, True, ROWS),
        Knob("sines.SCRATCH", None, True, ROOM),
    ],
    "additive": sums(64),
    "additive, text to image": sums(64),
    "relative": flash()[:3],
    "linear, long": [
        Knob("linear.MEANS", None, False, GROUPS),
        Knob("linear.FORWARD", None, False, GROUPS),
        Knob("linear.PROGRAMS", None, True, (132, 264, 1056)),
        Knob("linear.QUERIES", None, True, GROUPS),
        Knob("linear.KEYS", None, True, GROUPS),
    ],
}
