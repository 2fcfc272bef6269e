"""What reading a strip costs: operations, seconds, memory, energy."""

from __future__ import annotations

import copy
import platform
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from foveal.models.export_steps import Begin, TorchSteps
from foveal.models.recogniser import Fixating, Spelling
from foveal.reading.decode import best_path
from foveal.reading.search import spell
from foveal.train.torch_reader import TorchReader

Image = NDArray[np.uint8]

WATTS_A_CORE = 10.0
"""What a busy core is taken to draw where nothing measures it: figures by it are estimates."""

BATCH = 64
"""Strips that are read together where their energy is measured."""

_RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


def flops(read: Callable[[], object]) -> int:
    """Return the floating-point operations of matrix products and convolutions in one call."""
    with FlopCounterMode(display=False) as counter:
        read()
    return int(counter.get_total_flops())


def latency(read: Callable[[], object], *, times: int, clock: Callable[[], float]) -> float:
    """Return the median milliseconds of a call by a clock, after one call to warm up."""
    taken = []
    for _ in range(times + 1):
        begin = clock()
        read()
        taken.append(clock() - begin)
    return 1000 * median(taken[1:])


class _Live(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the bytes of the tensors that live at a time, on any device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now, self.peak = 0, 0
        self._owners: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for one in tree_leaves(out):
            if isinstance(one, Tensor):
                self._add(one)
        return out

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        where, size = storage.data_ptr(), storage.nbytes()
        self._owners[where] = self._owners.get(where, 0) + 1
        if self._owners[where] == 1:
            self.now += size
            self.peak = max(self.peak, self.now)
        weakref.finalize(tensor, self._drop, where, size)

    def _drop(self, where: int, size: int) -> None:
        self._owners[where] -= 1
        if self._owners[where] == 0:
            self.now -= size


def working_memory(read: Callable[[], object]) -> int:
    """Return the most bytes of tensors that one call makes and holds at a time, weights not counted."""
    with torch.no_grad(), _Live() as live:
        read()
    peak: int = live.peak
    return peak


class Energy(NamedTuple):
    """Joules of a call, and by what they were measured: nvml (the GPU), rapl (the processor) or estimate."""

    joules: float
    by: str


def energy(read: Callable[[], object], device: torch.device, *, seconds: float = 1.5) -> Energy:
    """Return the energy of one of the calls that are made back to back for so long, as the machine lets us.

    A counter moves a few times a second only: calls are counted from one move of it to another.
    """
    meter, by = _meter(device)
    if by == "estimate":
        cpu, calls = time.process_time(), _called(read, until=seconds, moved=lambda: True)
        return Energy((time.process_time() - cpu) * WATTS_A_CORE / calls, by)
    _called(read, until=0.0, moved=_moves(meter))
    before = meter()
    calls = _called(read, until=seconds, moved=_moves(meter))
    return Energy((meter() - before) / calls, by)


def _moves(meter: Callable[[], float]) -> Callable[[], bool]:
    """Return what tells whether a counter stands elsewhere than when it was last asked."""
    last = meter()

    def moved() -> bool:
        nonlocal last
        before, last = last, meter()
        return last != before

    return moved


def _called(read: Callable[[], object], *, until: float, moved: Callable[[], bool]) -> int:
    """Call until the seconds are over and the counter moves (or stands for a second); return how often."""
    begin, calls = time.perf_counter(), 0
    while True:
        read()
        calls += 1
        now, has_moved = time.perf_counter() - begin, moved()
        if (has_moved and now >= until) or now > until + 1:
            return calls


def _meter(device: torch.device) -> tuple[Callable[[], float], str]:
    if device.type == "cuda":
        import pynvml  # type: ignore[import-untyped, unused-ignore]

        pynvml.nvmlInit()
        # by its name: NVML counts the cards that CUDA_VISIBLE_DEVICES hides as well
        card = torch.cuda.get_device_properties(device).uuid
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{card}")
        return lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000, "nvml"
    try:
        _RAPL.read_text()
    except OSError:
        return lambda: 0.0, "estimate"
    return lambda: int(_RAPL.read_text()) / 1e6, "rapl"


def by_length(
    reader: TorchReader, widths: tuple[int, ...] = (64, 128, 256, 512, 1024)
) -> list[dict[str, float]]:
    """Return CPU milliseconds and working memory of reading strips of noise of these widths.

    Texts are cut off at a character to 10 pixels: what is read from noise has no length of its own.
    """
    rng = np.random.default_rng(0)
    rows = []
    for width in widths:
        strip = rng.integers(0, 256, (32, width, 3), dtype=np.uint8)
        search = replace(reader.search, longest=width // 10)
        read = partial(TorchReader(reader.model, reader.alphabet, search=search).transcribe, [strip])
        spent = latency(read, times=2, clock=time.process_time)
        rows.append({"width": width, "ms": spent, "bytes": working_memory(read)})
    return rows


def costs_of(reader: TorchReader, images: Sequence[Image]) -> dict[str, Any]:
    """Return what reading costs, a strip: on one core of the CPU, and on the reader's GPU if it has one.

    Energy is that of batches of BATCH strips. Nothing else should run meanwhile.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    device = next(reader.model.parameters()).device
    model = copy.deepcopy(reader.model).cpu().requires_grad_(False)  # what torch needs to count operations
    alone = TorchReader(model, reader.alphabet, search=reader.search)
    costs: dict[str, Any] = {
        "parameters": sum(p.numel() for p in reader.model.parameters()),
        "flops": flops(partial(alone.transcribe, images)) / len(images),
        "cpu_ms": _mean_latency(alone, images, time.process_time),
        "reading_bytes": working_memory(partial(alone.transcribe, images[:1])),
        "by_length": by_length(alone),
    }
    if device.type == "cuda":
        costs["gpu_ms"] = _mean_latency(reader, images, time.perf_counter)
    width = 16 * max(1, round(float(np.median([32 * i.shape[1] / i.shape[0] for i in images])) / 16))
    alike = [np.asarray(cv2.resize(image, (width, 32)), np.uint8) for image in images]
    together = np.stack([alike[i % len(alike)] for i in range(BATCH)])
    spent = energy(partial(read_together, reader, together), device)
    torch.set_num_threads(threads)
    return costs | {"joules": spent.joules / BATCH, "joules_by": spent.by}


def _mean_latency(reader: TorchReader, images: Sequence[Image], clock: Callable[[], float]) -> float:
    reads = (partial(reader.transcribe, [image]) for image in images)
    return float(np.mean([latency(read, times=3, clock=clock) for read in reads]))


@torch.no_grad()
def read_together(reader: TorchReader, strips: Image) -> None:
    """Read strips of one size "b 32 w 3" in one batch, as far as the kind of recogniser can."""
    model = reader.model
    if isinstance(model, Fixating):
        reader.transcribe(list(strips))
    elif isinstance(model, Spelling):
        begun = Begin(model)(torch.from_numpy(strips).to(next(model.parameters()).device))
        spell(TorchSteps(model), begun, reader.search, lines=len(strips), first=model.decoder.classes)
    else:
        pixels = torch.from_numpy(strips).to(next(model.parameters()).device)
        for column in model(pixels.permute(0, 3, 1, 2).float() / 255).float().log_softmax(-1).cpu().numpy():
            best_path(column)


def processor() -> str:
    """Return what the CPU is called."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
