"""Processes that begin with training loaded: to import it takes a process longer than what it does here."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["foveal.cli", "foveal.train.run", "torch.distributed.pipelining"])


def started(target: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """Start a process that calls `target`."""
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


def ended(*processes: ForkServerProcess, seconds: float = 240) -> list[int | None]:
    """Wait for processes and return their exit codes: None of one that took too long, and is killed."""
    for process in processes:
        process.join(seconds)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    return codes


def foveal(arguments: tuple[str, ...], log: Path, environment: dict[str, str] | None = None) -> None:
    """Do as `foveal` does with these arguments, on one thread; results are added to `log`, talk to .talk."""
    import torch

    from foveal.__main__ import run

    for number, path in ((1, log), (2, log.with_suffix(".talk"))):
        with path.open("ab") as file:
            os.dup2(file.fileno(), number)
    os.environ.update(environment or {})
    torch.set_num_threads(1)
    sys.argv = ["foveal", *arguments]
    run()
