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

import attention_cases
import torch
from attention_bench import Bench, Figures, failure
from attention_cases import CASES, Case, by_route
from attention_knobs import KNOBS, Knob, Setting
from torch import Tensor

APART = 2e-2
"""How far a result may be from that of the first setting, in bfloat16."""

GAIN = 0.01
"""By what share a setting must be faster than the best so far."""

COMPILING = 0.4
"""The share of the time that compiling may take."""


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
