"""Kernels run on the GPU where there is one, and in Triton's interpreter on the CPU where there is none."""

import os
import sys
from importlib.util import find_spec

import pytest
import torch

collect_ignore_glob = [] if find_spec("triton") else ["test_*.py"]  # Triton is for Linux

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
    if "triton" in sys.modules and not sys.modules["triton"].knobs.runtime.interpret:
        raise RuntimeError("Triton was imported before its interpreter was asked for")
if find_spec("triton"):
    import triton  # noqa: F401  (now, while its interpreter is asked for)


@pytest.fixture
def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
