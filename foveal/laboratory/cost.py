"""What reading a strip costs: operations, seconds, memory, energy."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from foveal.train.torch_reader import TorchReader

Image = NDArray[np.uint8]

WATTS_A_CORE = 10.0
"""What a busy core is taken to draw where nothing measures it: figures by it are estimates."""

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


@dataclass
class Energy:
    """Joules spent inside `measured`; by: nvml (the GPU), rapl (the processor) or estimate."""

    joules: float = 0.0
    by: str = "estimate"


@contextmanager
def measured(device: torch.device) -> Iterator[Energy]:
    """Measure the energy of a block of code, as well as the machine lets us."""
    energy, cpu = Energy(), time.process_time()
    meter, energy.by = _meter(device)
    before = meter()
    try:
        yield energy
    finally:
        energy.joules = meter() - before
        if energy.by == "estimate":
            energy.joules = (time.process_time() - cpu) * WATTS_A_CORE


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
        spent = latency(read, times=3, clock=time.process_time)
        rows.append({"width": width, "ms": spent, "bytes": working_memory(read)})
    return rows
