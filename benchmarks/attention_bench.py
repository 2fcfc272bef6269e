"""Time and memory of a call on one machine, as `attention.py` measures them."""

from __future__ import annotations

import datetime
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

HEAD_START = 4_000_000
"""Cycles that a GPU waits before each call, so that all of the call is queued when it begins."""

Way = Callable[..., Tensor]
Figures = dict[str, Any]


def failure(error: Exception) -> Figures:
    """Return why a way has no figures: the run goes on without them."""
    if isinstance(error, torch.OutOfMemoryError):
        return {"failed": "out of memory"}
    first = next(iter(str(error).splitlines()), "")
    return {"failed": f"{type(error).__name__}: {first}"[:120]}


@dataclass
class Bench:
    """The machine that is measured. repeat: calls of which the median counts, fewer beyond `seconds`."""

    device: torch.device
    repeat: int
    seconds: float
    spare: Tensor = field(init=False)

    def __post_init__(self) -> None:
        gpu = self.device.type == "cuda"
        self.dtype = torch.bfloat16 if gpu else torch.float32
        self.spare = torch.empty(2**28 if gpu else 0, dtype=torch.uint8, device=self.device)

    def milliseconds(self, call: Callable[[], object]) -> float:
        """Return the median time of a call, after calls to warm up."""
        call()  # which may compile
        (first,) = self._times(call, 1)
        many = max(1, min(self.repeat, int(1000 * self.seconds / max(first, 1e-3))))
        return first if many == 1 else statistics.median(self._times(call, many))

    def _times(self, call: Callable[[], object], many: int) -> Iterator[float]:
        if self.device.type != "cuda":
            for _ in range(many):
                start = time.process_time()  # of one thread, that others on the machine do not matter
                call()
                yield 1000 * (time.process_time() - start)
            return
        marks = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(many)]
        for start, end in marks:
            torch.cuda._sleep(HEAD_START)
            self.spare.zero_()  # overwrites the cache
            start.record()
            call()
            end.record()
        torch.cuda.synchronize()
        yield from (start.elapsed_time(end) for start, end in marks)

    def wall(self, call: Callable[[], object]) -> float:
        """Return the milliseconds a call takes on average among many, with what the CPU does to launch it."""
        start = time.perf_counter()
        for _ in range(self.repeat):
            call()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - start) / self.repeat

    def memory(self, way: Way, inputs: list[Tensor]) -> tuple[float, float]:
        """Return the MB kept for the backward and the MB in use at most, beyond inputs and result."""
        if self.device.type != "cuda":
            kept, _ = allocated(lambda: way(*inputs))
            _, peak = allocated(lambda: gradients(way, inputs))
            return kept / 1e6, peak / 1e6
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        out = way(*inputs)
        kept = torch.cuda.memory_allocated() - before - out.numel() * out.element_size()
        torch.autograd.grad(out, inputs, torch.ones_like(out), allow_unused=True)
        return kept / 1e6, (torch.cuda.max_memory_allocated() - before) / 1e6

    def measure(self, way: Way, inputs: list[Tensor]) -> Figures:
        """Return all figures of one way."""
        given = torch.randn_like(way(*inputs))

        def differentiate() -> object:
            return torch.autograd.grad(way(*inputs), inputs, given, allow_unused=True)

        with torch.no_grad():
            forward = self.milliseconds(lambda: way(*inputs))
        both = self.milliseconds(differentiate)
        found = {"forward": forward, "both": both}
        if self.device.type == "cuda":
            found["wall"] = self.wall(differentiate)
        kept, peak = self.memory(way, inputs)
        return found | {"kept": kept, "peak": peak}

    def ceilings(self) -> Figures:
        """Return what this machine can do at most: GB/s of a copy, and TFLOP/s of a matrix product."""
        size = 2**14 if self.device.type == "cuda" else 2**10
        a, b = (torch.randn(size, size, device=self.device, dtype=self.dtype) for _ in range(2))
        copy, product = self.milliseconds(lambda: a.copy_(b)), self.milliseconds(lambda: a @ b)
        moved = 2 * a.numel() * a.element_size()
        return {"copy GB/s": moved / copy / 1e6, "matmul TFLOP/s": 2 * size**3 / product / 1e9}

    def about(self) -> Figures:
        """Return what the figures belong to."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else processor()
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        return {"device": name, "date": today, "torch": torch.__version__, "threads": torch.get_num_threads()}


def gradients(way: Way, inputs: list[Tensor]) -> tuple[Tensor | None, ...]:
    out = way(*inputs)
    return torch.autograd.grad(out, inputs, torch.ones_like(out), allow_unused=True)


def allocated(call: Callable[[], Tensor | tuple[Tensor | None, ...]]) -> tuple[int, int]:
    """Return the bytes that a call on the CPU holds when it is done, its result left out, and at most."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as told:
        result = call()
    events = [e for e in told.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = list(accumulate(e.nbytes() for e in sorted(events, key=lambda e: e.start_ns()))) or [0]
    result = result if isinstance(result, tuple) else (result,)
    own = sum(x.untyped_storage().nbytes() for x in result if x is not None)
    return max(0, held[-1] - own), max(held)


def processor() -> str:
    """Return what the CPU is called."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
