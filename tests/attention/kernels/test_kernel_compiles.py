"""What the interpreter runs also compiles for a GPU, and stays within its registers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULES = {"pairwise", "step", "flash", "features", "gate", "delta", "drawn", "waves", "causal"}
SPILT = 384
"""Bytes a thread: with values that outlive a loop spilt, more programs fit, which measured faster.

Triton 3.6 spills 296, or 344 with the assembler of CUDA 13, where 3.9 spills fewer than 256.
"""
SHARED = 227 * 1024  # bytes a program may have on Hopper


@pytest.mark.parametrize("size", [64, 128])
def test_every_kernel_compiles_for_hopper_without_spilling(size: int) -> None:
    program = Path(__file__).parent / "compile_all.py"
    elsewhere = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    run = subprocess.run(
        [sys.executable, program, str(size)], env=elsewhere, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    kernels = [json.loads(line) for line in run.stdout.splitlines()]
    made = MODULES if size <= 64 else MODULES - {"features", "causal"}
    assert {kernel["kernel"].split(".")[0] for kernel in kernels} == made
    large = [kernel for kernel in kernels if kernel["stack"] > SPILT or kernel["shared"] > SHARED]
    assert not large, "\n".join(map(str, large))
