"""Compile all kernels for a GPU that need not be there, and print what each takes of it, as JSON lines.

python compile_all.py [D]
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from foveal.attention import kernels
from foveal.attention.kernels import linear, sums
from foveal.attention.kernels.gate import mixed
from foveal.attention.kernels.sines import additive_by_sines

TOOL = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
BATCH, HEADS, QUERIES, KEYS = 2, 4, 128, 256


class Hopper:
    """Stands where Triton asks for the GPU."""

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:  # noqa: ARG002
        return 0


def only_compile(self: JITFunction, grid: tuple[int, ...]) -> Callable[..., None]:
    """Compile where a kernel would be launched."""

    def launch(*args: Any, **options: Any) -> None:
        kernel = self.run(*args, grid=grid, warmup=True, **options)
        name = f"{self.__module__.split('.')[-1]}.{self.__name__}"
        print(json.dumps({"kernel": name, **usage(kernel)}), flush=True)

    return launch


def usage(kernel: Any) -> dict[str, int]:
    """Return the registers and the bytes of stack a thread takes, and the shared memory of a program."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(kernel.asm["cubin"])
        file.flush()
        said = subprocess.run([TOOL, "-res-usage", file.name], capture_output=True, text=True, check=True)
    registers, stack = map(int, re.search(r"REG:(\d+) STACK:(\d+)", said.stdout).groups())
    return {"registers": registers, "stack": stack, "shared": kernel.metadata.shared}


def differentiate(name: str, *inputs: torch.Tensor, **options: Any) -> None:
    """Call a mechanism forward and backward: nothing is computed, as nothing is launched."""
    kernels.load(name)(*inputs, **options).sum().backward()


def main() -> None:
    d = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    driver.set_active(Hopper())
    JITFunction.__getitem__ = only_compile

    def some(*shape: int) -> torch.Tensor:
        return torch.randn(BATCH, HEADS, *shape).bfloat16().requires_grad_()

    q, k, v, w = some(QUERIES, d), some(KEYS, d), some(KEYS, d), torch.randn(d, requires_grad=True)
    mask = torch.ones(BATCH, 1, 1, KEYS, dtype=torch.bool)
    bias = torch.randn(HEADS, QUERIES, KEYS, requires_grad=True)
    for name in ("additive", "mlp"):
        differentiate(name, q, k, v, w)
        differentiate(name, q, k, v, w, mask=mask)
        differentiate(name, q, k, v, w, bias=torch.randn(HEADS, QUERIES, KEYS, requires_grad=True))
        differentiate(name, q[:, :, :1], k, v, w)
    differentiate("local", q, k, v, window=64)
    differentiate("local", q, k, v, mask, window=64)
    differentiate("biased", q, k, v, bias)
    if d <= kernels.KERNELS["elu"].most[0, -1]:
        differentiate("elu", q, k, v, mask)
        differentiate("relu", q, k, v)
        differentiate("elu_causal", q, k, v, mask)
    if d <= kernels.KERNELS["random"].most[0, -1]:
        columns = torch.stack([torch.randperm(KEYS)[:64] for _ in range(QUERIES // 16)])
        differentiate("random", q, k, v, columns, block=16)
    linear.MANY, sums.WIDE = 1, 0
    differentiate("additive", q, k, v, w)
    if d <= kernels.KERNELS["elu"].most[0, -1]:
        differentiate("elu", q, k, v, mask)
    additive_by_sines(q, k, v, w).sum().backward()
    image = torch.randn(BATCH, 256, 16, 128).bfloat16().requires_grad_()
    mixed(image, lambda means, places: (means, places.sum(1, keepdim=True))).sum().backward()


if __name__ == "__main__":
    main()
