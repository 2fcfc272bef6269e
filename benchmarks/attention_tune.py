"""Try sizes of the kernels' tables on the benchmark cases that they decide, and print the best of each.

    python benchmarks/attention_tune.py [CASE …] [--seconds 270] [--jobs 14] [--small]

Everything is compiled first, by several processes into Triton's cache. Then knob after knob of a case is
turned, the best so far of the others kept: a JSON line a trial, with the milliseconds of what the knob
decides, the forward or the whole with gradients, and how far both are from those of the first setting.
At the end of a case one line with its best settings, measured again beside those it began with; at the end
of all, the settings as they would stand in the tables. Cases come in the order of what they have to gain;
the time left is shared evenly among those to come. --small: few trials on small inputs, to rehearse.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib import import_module
from typing import Any, NamedTuple

import attention_cases
import torch
import triton
import triton.language as tl
from attention_bench import Bench, Figures, failure
from attention_cases import CASES, Case, by_route
from torch import Tensor

from foveal.attention.kernels import mlp
from foveal.attention.kernels.blocks import nothing, places

APART = 2e-2
"""How far a result may be from that of the first setting, in bfloat16."""

GAIN = 0.01
"""By what share a setting must be faster than the best so far."""

COMPILING = 0.4
"""The share of the time that compiling may take."""


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


@dataclass
class Work:
    """One case's way, inputs and slope of the result."""

    way: Callable[..., Tensor]
    inputs: list[Tensor]
    given: Tensor

    def forward(self) -> Tensor:
        with torch.no_grad():
            return self.way(*self.inputs)

    def both(self) -> tuple[Tensor, ...]:
        """Return the result and the gradients."""
        out = self.way(*self.inputs)
        return out.detach(), *torch.autograd.grad(out, self.inputs, self.given, allow_unused=True)


@lru_cache(maxsize=1)
def work(name: str, small: bool, device: torch.device) -> Work:
    """Return a case ready to be called, always by its kernel."""
    torch.manual_seed(0)
    attention_cases.by_kernel = partial(by_route, "kernel")
    case = tiny(CASES[name]) if small else CASES[name]
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    way = case.ways(case.n, device)["foveal"]
    inputs = case.inputs(device, b=case.b, h=case.h, dtype=dtype)
    return Work(way, inputs, torch.randn_like(way(*inputs)))


def tiny(case: Case) -> Case:
    """Return the case so small that Triton's interpreter can run it."""
    return replace(case.small(), n=min(case.n, 40), m=min(case.m, 24), h=case.h if case.more == "map" else 1)


@contextmanager
def among(settings: Iterable[Setting]) -> Iterator[None]:
    """Keep settings inside the block only."""
    former = [setting.put() for setting in settings]
    try:
        yield
    finally:
        for setting in reversed(former):
            setting.put()


def compile_one(name: str, small: bool, device: str, both: bool, settings: list[Setting]) -> None:
    """Run a case once, that what it needs be in Triton's cache."""
    ready = work(name, small, torch.device(device))
    with among(settings):
        _ = ready.both() if both else ready.forward()
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.empty_cache()


def compile_all(asked: argparse.Namespace, stop: float) -> Figures:
    """Compile every trial in processes of their own; return how many compiled until then."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(asked.jobs, mp_context=context)
    calls = [
        pool.submit(compile_one, name, asked.small, asked.device, knob.both, [*knob.under, setting])
        for name in asked.names
        for knob in knobs(name, asked.small)
        for setting in knob.settings()
    ]
    done, left = wait(calls, timeout=max(1, stop - time.monotonic()))
    failed = sum(call.exception() is not None for call in done if not call.cancelled())
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    return {"compiled": len(done) - failed, "failed": failed, "left": len(left)}


def knobs(name: str, small: bool) -> list[Knob]:
    return [replace(knob, values=knob.values[:1]) if small else knob for knob in KNOBS[name]]


def apart(found: Sequence[Tensor | None], expected: Sequence[Tensor | None]) -> float:
    """Return ‖found − expected‖ / ‖expected‖ of the result or the gradient where it is greatest."""
    pairs = [(x.float(), y.float()) for x, y in zip(found, expected, strict=True) if y is not None]
    distances = torch.stack([(x - y).norm() / y.norm().clamp(min=1e-30) for x, y in pairs])
    return float(distances.nan_to_num(torch.inf).max())


class Lost(Exception):
    """The GPU answers no more to this process."""


class Tuner:
    """Turns the knobs of one case until `stop`. chosen: the best settings so far, which are in force."""

    def __init__(self, name: str, asked: argparse.Namespace, bench: Bench, stop: float) -> None:
        self.name, self.bench, self.stop = name, bench, stop
        self.knobs = knobs(name, asked.small)
        self.work = work(name, asked.small, bench.device)
        self.expected = self.work.both()
        self.chosen: list[Setting] = []
        self.first: list[Setting] = []

    def milliseconds(self, both: bool) -> float:
        return self.bench.milliseconds(self.work.both if both else self.work.forward)

    def trial(self, setting: Setting, both: bool) -> Figures:
        """Return a setting's figures, or why it has none."""
        row = {"case": self.name, "setting": str(setting), "of": "both" if both else "forward"}
        try:
            with among([setting]):
                found = self.work.both() if both else [self.work.forward()]
                off = apart(found, self.expected[: len(found)])
                del found
                return row | {"ms": round(self.milliseconds(both), 4), "apart": float(f"{off:.1e}")}
        except Exception as error:  # whatever it is, the others are still to be tried
            if self.bench.device.type == "cuda":
                alive(error)
            return row | failure(error)

    def turn(self, knob: Knob) -> Iterator[Figures]:
        """Yield the trials of a knob, then keep the best setting."""
        best, least = None, self.milliseconds(knob.both)
        yield {"case": self.name, "setting": "so far", "of": "both" if knob.both else "forward", "ms": least}
        for setting in knob.settings():
            if time.monotonic() > self.stop:
                break
            row = self.trial(setting, knob.both)
            yield row
            if row.get("apart", torch.inf) < APART and row["ms"] < least * (1 - GAIN):
                best, least = setting, row["ms"]
        if best:
            self.first.append(best.put())
            self.chosen.append(best)

    def run(self) -> Iterator[Figures]:
        """Yield the trials of all knobs."""
        for knob in self.knobs:
            if time.monotonic() < self.stop and all(setting in self.chosen for setting in knob.under):
                yield from self.turn(knob)

    def result(self) -> Figures:
        """Return what was gained, and put all back."""
        after = [self.milliseconds(both) for both in (False, True)]
        for setting in reversed(self.first):
            setting.put()
        before = [self.milliseconds(both) for both in (False, True)]
        case, kept = CASES[self.name], {(x.table, x.key): x for x in self.chosen}
        return {
            "case": self.name, "best": [str(setting) for setting in kept.values()], "must": case.must,
            "before": [round(x, 4) for x in before], "after": [round(x, 4) for x in after],
        }  # fmt: skip


def alive(error: Exception) -> None:
    """Raise Lost if an error was the GPU's end."""
    try:
        torch.cuda.synchronize()
    except Exception:
        raise Lost(str(error)) from error


def arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(KNOBS)}; all unless told")
    parser.add_argument("--seconds", type=float, default=270, help="for everything")
    parser.add_argument("--jobs", type=int, default=14, help="processes that compile; 0: none")
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--small", action="store_true")
    asked = parser.parse_args()
    asked.names = asked.names or list(KNOBS)
    return asked


def say(row: Figures) -> None:
    print(json.dumps(row, ensure_ascii=False), flush=True)


def main() -> None:
    start, asked = time.monotonic(), arguments()
    end = start + asked.seconds
    if asked.jobs:
        say(compile_all(asked, start + COMPILING * asked.seconds))
    bench = Bench(torch.device(asked.device), asked.repeat, 0.2)
    say(bench.about() | {"seconds": round(time.monotonic() - start)})
    results = []
    for i, name in enumerate(asked.names):
        now = time.monotonic()
        try:
            tuner = Tuner(name, asked, bench, now + (end - now) / (len(asked.names) - i))
            for row in tuner.run():
                say(row)
            results.append(tuner.result())
            say(results[-1])
        except Lost as error:
            say({"case": name, "lost": str(error)[:200]})
            again([*asked.names[i + 1 :]], asked, end)
        except Exception as error:  # a case that cannot run at all; the others can
            say({"case": name} | failure(error))
    print()
    for row in results:
        say(row)


def again(names: list[str], asked: argparse.Namespace, end: float) -> None:
    """Begin anew with the other cases, in place of a process that has lost the GPU."""
    if names:
        left = f"{max(1.0, end - time.monotonic()):.0f}"
        options = ["--jobs", "0", "--seconds", left, "--repeat", str(asked.repeat)]
        os.execv(sys.executable, [sys.executable, __file__, *names, *options])


if __name__ == "__main__":
    main()
