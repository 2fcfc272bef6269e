"""Attention mechanisms beside their peers: time, memory and error, in one run on one machine.

    python benchmarks/attention.py [CASE …] [--small] [--repeat 20] [--json results.json]
    python benchmarks/attention.py --lengths 64 256 1024 4096 [MECHANISM …]     # every mechanism against n

forward, both: median milliseconds of a call, and of a call with its gradients, after a warm-up: in bf16 on a
GPU (CUDA events, its cache overwritten before each call), in float32 on the CPU. kept: MB held from forward
to backward; peak: MB at most. error: of the result and of dq against the formula in float64, the larger.
must, aim: what is asked of foveal on one H200. --small: sizes to rehearse with.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from attention_cases import CASES, Case, Way
from torch import Tensor

from foveal.attention import MECHANISMS, build

Figures = dict[str, Any]


@dataclass
class Bench:
    """The machine that is measured: times calls on it and counts its memory."""

    device: torch.device
    repeat: int
    spare: Tensor = field(init=False)

    def __post_init__(self) -> None:
        gpu = self.device.type == "cuda"
        self.dtype = torch.bfloat16 if gpu else torch.float32
        self.spare = torch.empty(2**28 if gpu else 0, dtype=torch.uint8, device=self.device)

    def milliseconds(self, call: Callable[[], object]) -> float:
        """Return the median time of a call after three calls to warm up."""
        for _ in range(3):
            call()
        return statistics.median(self._times(call))

    def _times(self, call: Callable[[], object]) -> Iterator[float]:
        if self.device.type != "cuda":
            for _ in range(self.repeat):
                start = time.perf_counter()
                call()
                yield 1000 * (time.perf_counter() - start)
            return
        marks = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(self.repeat)]
        for start, end in marks:
            self.spare.zero_()  # overwrites the cache, and lets the CPU run ahead
            start.record()
            call()
            end.record()
        torch.cuda.synchronize()
        yield from (start.elapsed_time(end) for start, end in marks)

    def memory(self, way: Way, inputs: list[Tensor]) -> tuple[float, float]:
        """Return the MB kept for the backward and the MB in use at most, beyond the inputs; 0 on the CPU."""
        if self.device.type != "cuda":
            return 0.0, 0.0
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        out = way(*inputs)
        kept = torch.cuda.memory_allocated() - before - out.numel() * out.element_size()
        torch.autograd.grad(out, inputs, torch.ones_like(out), allow_unused=True)
        return kept / 1e6, (torch.cuda.max_memory_allocated() - before) / 1e6

    def measure(self, way: Way, inputs: list[Tensor]) -> Figures:
        """Return all figures of one way."""
        given = torch.randn_like(way(*inputs))
        with torch.no_grad():
            forward = self.milliseconds(lambda: way(*inputs))
        both = self.milliseconds(lambda: torch.autograd.grad(way(*inputs), inputs, given, allow_unused=True))
        kept, peak = self.memory(way, inputs)
        return {"forward": forward, "both": both, "kept": kept, "peak": peak}

    def ceilings(self) -> Figures:
        """Return what this machine can do at most: GB/s of a copy, and TFLOP/s of a matrix product."""
        size = 2**14 if self.device.type == "cuda" else 2**10
        a, b = (torch.randn(size, size, device=self.device, dtype=self.dtype) for _ in range(2))
        copy, product = self.milliseconds(lambda: a.copy_(b)), self.milliseconds(lambda: a @ b)
        moved = 2 * a.numel() * a.element_size()
        return {"copy GB/s": moved / copy / 1e6, "matmul TFLOP/s": 2 * size**3 / product / 1e9}


def apart(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other).norm() / other.norm())


def error(way: Way, case: Case, bench: Bench) -> float | None:
    """Return how far result and dq of one head of one example are from the formula in float64."""
    if case.formula is None:
        return None
    inputs = case.inputs(bench.device, b=1, h=1, dtype=bench.dtype)
    exact = [x.detach().double().requires_grad_() for x in inputs]
    out, expected = way(*inputs), case.formula(*exact)
    given = torch.randn_like(out)
    (dq,) = torch.autograd.grad(out, inputs[:1], given)
    (expected_dq,) = torch.autograd.grad(expected, exact[:1], given.double())
    return max(apart(out.detach(), expected.detach()), apart(dq, expected_dq))


def compare(name: str, case: Case, bench: Bench) -> Iterator[Figures]:
    """Yield the figures of every way of a case; of one that runs out of memory, only that."""
    torch._dynamo.reset()
    inputs = case.inputs(bench.device, b=case.b, h=case.h, dtype=bench.dtype)
    for way_name, way in case.ways(case.n, bench.device).items():
        row = {"case": name, "way": way_name, "must": case.must, "aim": case.aim}
        try:
            yield row | bench.measure(way, inputs) | {"error": comparable(way_name, way, case, bench)}
        except torch.OutOfMemoryError:
            yield row | {"out of memory": True}


def comparable(way_name: str, way: Way, case: Case, bench: Bench) -> float | None:
    """Return the error of a way, or None for a peer that computes something else, there for its time."""
    return None if way_name.startswith("dot by") else error(way, case, bench)


def along_lengths(name: str, lengths: list[int], bench: Bench) -> Iterator[Figures]:
    """Yield time and memory of a mechanism with 8 heads of 64 over n queries and n keys."""
    mechanism = build(MECHANISMS, name, q_dim=64, k_dim=64, heads=8).to(bench.device, bench.dtype)
    for n in lengths:
        inputs = [torch.randn(4, 8, n, 64, device=bench.device, dtype=bench.dtype) for _ in range(3)]
        row = {"case": name, "way": f"n = {n}"}
        try:
            yield row | bench.measure(mechanism, [x.requires_grad_() for x in inputs])
        except torch.OutOfMemoryError:
            yield row | {"out of memory": True}


def line(row: Figures) -> str:
    figures = [f"{row[key]:>10.3f}" if key in row else f"{'–':>10}" for key in ("forward", "both")]
    figures += [f"{row[key]:>10.1f}" if key in row else f"{'–':>10}" for key in ("kept", "peak")]
    figures.append(f"{row['error']:>10.1e}" if row.get("error") is not None else f"{'–':>10}")
    if row["way"] == "foveal":
        asked = [row[key] for key in ("must", "aim") if row.get(key)]
        figures += ["/".join("–" if x is None else f"{x:g}" for x in pair).rjust(12) for pair in asked]
    return f"{row['case']:27}{row['way']:17}" + "".join(figures)


def machine(device: torch.device) -> Figures:
    """Return what the figures belong to."""
    cpu = platform.processor() or platform.machine()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return {"device": name, "date": today, "torch": torch.__version__, "threads": torch.get_num_threads()}


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("names", nargs="*", help="all unless told")
    parser.add_argument("--lengths", type=int, nargs="+")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    bench = Bench(torch.device(asked.device), asked.repeat)
    about = machine(bench.device) | bench.ceilings()
    print(*(f"{key}: {value}" for key, value in about.items()), sep="\n")
    heads = [f"{key:>10}" for key in ("forward", "both", "kept", "peak", "error")]
    print(" " * 44 + "".join(heads) + f"{'must':>12}{'aim':>12}")
    rows = []
    for row in figures(asked, bench):
        rows.append(row)
        print(line(row), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps({"machine": about, "rows": rows}, indent=1))


def figures(asked: argparse.Namespace, bench: Bench) -> Iterator[Figures]:
    """Yield the rows that are asked for."""
    if asked.lengths:
        for name in asked.names or MECHANISMS:
            yield from along_lengths(name, asked.lengths, bench)
        return
    for name in asked.names or CASES:
        yield from compare(name, CASES[name].small() if asked.small else CASES[name], bench)


if __name__ == "__main__":
    main()
