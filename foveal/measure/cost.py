"""What reading costs: wall seconds, CPU seconds of all threads, peak memory of this process."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Cost:
    """Wall and CPU seconds spent inside `spent`, and the peak resident size in bytes at its end."""

    wall: float = 0.0
    cpu: float = 0.0
    peak: int = 0


@contextmanager
def spent() -> Iterator[Cost]:
    """Measure a block of code: the yielded Cost is filled in when the block ends, also by an error."""
    cost = Cost()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield cost
    finally:
        cost.wall, cost.cpu = time.perf_counter() - wall, time.process_time() - cpu
        cost.peak = peak_memory()


def peak_memory() -> int:
    """Return the peak resident size of this process in bytes; 0 where the system does not say.

    Linux says it in /proc, for getrusage there also counts the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        if found:
            return int(found[1]) * 1024
    if sys.platform == "win32":
        return 0
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
