"""What is compared in `attention.py`: each mechanism's formula, foveal's way and its peers', and sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import attention_others as others
import torch
from torch import Tensor
from torch.nn.functional import elu
from torch.nn.functional import scaled_dot_product_attention as sdpa

from foveal.attention import GATES, MECHANISMS, build
from foveal.attention.kernels.sines import additive_by_sines
from foveal.attention.position import by_distance
from foveal.attention.routes import Route, route, run

Way = Callable[..., Tensor]
WINDOW, CHUNK, KEYS = 64, 128, 64


def additive(q: Tensor, k: Tensor, v: Tensor, w: Tensor) -> Tensor:
    return (torch.tanh(q.unsqueeze(-2) + k.unsqueeze(-3)) @ w).softmax(-1) @ v


def mlp(q: Tensor, k: Tensor, v: Tensor, w: Tensor) -> Tensor:
    return (torch.relu(q.unsqueeze(-2) + k.unsqueeze(-3)) @ w).softmax(-1) @ v


def dotted(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | float = 0.0) -> Tensor:
    return (q @ k.mT * q.shape[-1] ** -0.5 + bias).softmax(-1) @ v


def linear(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    phi_q, phi_k = elu(q) + 1, elu(k) + 1
    return phi_q @ (phi_k.mT @ v) / (phi_q @ phi_k.sum(-2, keepdim=True).mT)


def places(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Return i "n 1" and j "1 m"."""
    i, j = (torch.arange(x.shape[-2], device=q.device) for x in (q, k))
    return i[:, None], j[None]


def near(q: Tensor, k: Tensor) -> Tensor:
    i, j = places(q, k)
    return (i - j).abs() <= WINDOW


def together(q: Tensor, k: Tensor) -> Tensor:
    i, j = places(q, k)
    return i // CHUNK == j // CHUNK


def drawn(q: Tensor, k: Tensor) -> Tensor:
    mechanism = build(MECHANISMS, {"name": "random", "keys": min(KEYS, k.shape[-2])}).to(q.device)
    return mechanism.pattern(torch.arange(q.shape[-2], device=q.device), k.shape[-2])


def only(mask: Callable[[Tensor, Tensor], Tensor]) -> Way:
    """Return the formula of scaled dot attention among the pairs of a mask."""

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return dotted(q, k, v, torch.zeros_like(q[0, 0, :1, :1]).where(mask(q, k), -torch.inf))

    return attend


def compiled(way: Way) -> Way:
    return torch.compile(way, dynamic=False)


def chunked(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return attention within chunks, by a view and SDPA."""
    parts = [x.unflatten(-2, (-1, CHUNK)).flatten(1, 2) for x in (q, k, v)]
    return sdpa(*parts).unflatten(1, (q.shape[1], -1)).flatten(2, 3)


def flex_local(n: int, device: torch.device) -> Way:
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    mask = create_block_mask(lambda b, h, i, j: (i - j).abs() <= WINDOW, None, None, n, n, device)  # noqa: ARG005
    attend = compiled(flex_attention)
    return lambda q, k, v: attend(q, k, v, block_mask=mask)


def flex_relative(q: Tensor, k: Tensor, v: Tensor, table: Tensor) -> Tensor:
    from torch.nn.attention.flex_attention import flex_attention

    n = q.shape[-2]
    return flex_attention(q, k, v, score_mod=lambda s, b, h, i, j: s + table[h, j - i + n - 1])  # noqa: ARG005


def fused(name: str, plain: Way, **options: int) -> Way:
    """Return foveal's kernel of that name; on the CPU `plain`."""
    return by_kernel(lambda *inputs: run(name, plain, *inputs, **options))


def by_route(name: Route, mechanism: Way) -> Way:
    def attend(*inputs: Tensor) -> Tensor:
        with route(name):
            return mechanism(*inputs)

    return attend


def by_kernel(mechanism: Way) -> Way:
    """Return a mechanism by its kernel, whatever the table of routes says; on the CPU by its plain route."""

    def attend(*inputs: Tensor) -> Tensor:
        return by_route("kernel" if inputs[0].is_cuda else "plain", mechanism)(*inputs)

    return attend


def additive_ways(n: int, device: torch.device) -> dict[str, Way]:  # noqa: ARG001
    return {"foveal": fused("additive", additive), "eager": additive, "compile": compiled(additive)}


def approximate_ways(n: int, device: torch.device) -> dict[str, Way]:  # noqa: ARG001
    return {"foveal": additive_by_sines, "4 terms": partial(additive_by_sines, terms=4)}


def mlp_ways(n: int, device: torch.device) -> dict[str, Way]:  # noqa: ARG001
    return {"foveal": fused("mlp", mlp), "eager": mlp, "compile": compiled(mlp)}


def step_ways(n: int, device: torch.device) -> dict[str, Way]:
    return additive_ways(n, device) | {"dot by SDPA": lambda q, k, v, w: sdpa(q, k, v)}  # noqa: ARG005


def relative(q: Tensor, k: Tensor, v: Tensor, table: Tensor) -> Tensor:
    return dotted(q, k, v, by_distance(table, k.shape[-2]))


def local_ways(n: int, device: torch.device) -> dict[str, Way]:
    tiled = build(MECHANISMS, {"name": "local", "window": WINDOW})
    ways = {
        "foveal": by_kernel(tiled),
        "foveal, tiled": by_route("plain", tiled),
        "SDPA + mask": lambda q, k, v: sdpa(q, k, v, attn_mask=near(q, k)),
        "local-attention": partial(others.local_attention, window=WINDOW),
    }
    if device.type == "cpu":
        return ways
    flash = partial(others.window_flash, window=WINDOW)
    return ways | {"window flash": flash, "Flex": flex_local(n, device)}


def relative_ways(n: int, device: torch.device) -> dict[str, Way]:  # noqa: ARG001
    biased = fused("biased", dotted)
    ways = {
        "foveal": lambda q, k, v, t: biased(q, k, v, by_distance(t, k.shape[-2])[None]),
        "SDPA + mask": lambda q, k, v, t: sdpa(q, k, v, attn_mask=by_distance(t, k.shape[-2])[None]),
    }
    return ways if device.type == "cpu" else ways | {"Flex": compiled(flex_relative)}


def random_ways(n: int, device: torch.device) -> dict[str, Way]:
    mechanism = build(MECHANISMS, {"name": "random", "keys": min(KEYS, n)}).to(device)
    mask = mechanism.pattern(torch.arange(n, device=device), n)
    return {
        "foveal": by_kernel(mechanism),
        "foveal, gathered": by_route("plain", mechanism),
        "SDPA + mask": lambda q, k, v: sdpa(q, k, v, attn_mask=mask),
    }


def chunked_ways(n: int, device: torch.device) -> dict[str, Way]:  # noqa: ARG001
    return {"foveal": build(MECHANISMS, {"name": "chunked", "size": CHUNK}), "view + SDPA": chunked}


def linear_ways(n: int, device: torch.device) -> dict[str, Way]:  # noqa: ARG001
    ways = {"foveal": fused("elu", linear), "eager": linear, "compile": compiled(linear)}
    return ways | {"performer-pytorch": others.performer, "dot by SDPA": sdpa}


def dotted_ways(n: int, device: torch.device) -> dict[str, Way]:  # noqa: ARG001
    ways = {"foveal": build(MECHANISMS, "scaled_dot"), "SDPA": sdpa}
    backends = {"flash": "FLASH_ATTENTION", "efficient": "EFFICIENT_ATTENTION", "cuDNN": "CUDNN_ATTENTION"}
    known = backends if device.type == "cuda" else {}
    return ways | {f"SDPA, {name}": by_backend(backend) for name, backend in known.items()}


def by_backend(name: str) -> Way:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        with sdpa_kernel(getattr(SDPBackend, name)):
            return sdpa(q, k, v)

    return attend


def gate_ways(n: int, device: torch.device) -> dict[str, Way]:  # noqa: ARG001
    gate = build(GATES, "mixed", channels=256).to(device, torch.bfloat16 if device.type == "cuda" else None)

    def whole(x: Tensor) -> Tensor:
        return x * gate.weights(x)

    ways = {"foveal": by_kernel(gate), "eager": by_route("plain", gate), "compile": compiled(whole)}
    return ways | {"timm CBAM": others.cbam, "CBAM, compiled": compiled(others.cbam)}


@dataclass(frozen=True)
class Case:
    """One comparison: its ways by name, its formula (None: no other than the first way), sizes b h n m d."""

    ways: Callable[[int, torch.device], dict[str, Way]]
    formula: Way | None
    b: int
    h: int
    n: int
    m: int
    d: int
    must: tuple[float, float | None] | None = None
    aim: tuple[float, float | None] | None = None
    more: str = ""
    """What is given beside q, k and v: "w" "d", or "table" "h n+m−1"; or "map" in their place: "b h n m"."""

    def inputs(self, device: torch.device, *, b: int, h: int, dtype: torch.dtype) -> list[Tensor]:
        """Return random inputs that want gradients."""
        qkv = (b, h, self.n, self.d), (b, h, self.m, self.d), (b, h, self.m, self.d)
        shapes = {"": qkv, "w": (*qkv, (self.d,)), "table": (*qkv, (h, self.n + self.m - 1))}
        shapes["map"] = ((b, h, self.n, self.m),)
        return [torch.randn(s, device=device, dtype=dtype, requires_grad=True) for s in shapes[self.more]]

    def small(self) -> Case:
        """Return the case in a size to rehearse with."""
        h = self.h if self.more == "map" else 2
        return replace(self, b=1, h=h, n=min(self.n, 256), m=min(self.m, 256), must=None, aim=None)


CASES = {
    "additive": Case(additive_ways, additive, 16, 4, 1024, 1024, 64, (1.2, 6.5), (0.95, 4.0), "w"),
    "additive, text to image": Case(
        additive_ways, additive, 64, 8, 128, 512, 64, (0.73, 3.6), (0.5, 2.3), "w"
    ),
    "additive, one head": Case(additive_ways, additive, 128, 1, 100, 256, 256, (0.45, 2.4), (0.25, 1.4), "w"),
    "additive, step": Case(step_ways, additive, 512, 8, 1, 512, 64, (0.20, None), (0.14, None), "w"),
    "additive, approximate": Case(
        approximate_ways, additive, 16, 4, 1024, 1024, 64, (0.75, 1.8), (0.40, 1.2), "w"
    ),
    "mlp": Case(mlp_ways, mlp, 64, 8, 128, 512, 64, (0.8, 4.5), (0.5, 2.5), "w"),
    "local": Case(local_ways, only(near), 64, 8, 1024, 1024, 64, (0.14, 0.9), (0.08, 0.45)),
    "relative": Case(relative_ways, relative, 64, 8, 1024, 1024, 64, (0.9, 4.5), (0.5, 2.0), "table"),
    "random": Case(random_ways, only(drawn), 64, 8, 1024, 1024, 64, (0.575, 1.95), (0.3, 1.2)),
    "chunked": Case(chunked_ways, only(together), 64, 8, 1024, 1024, 64, (0.075, 0.45), (0.07, 0.40)),
    "linear": Case(linear_ways, linear, 128, 8, 256, 256, 64, (0.14, 0.6), (0.08, 0.35)),
    "linear, long": Case(linear_ways, linear, 16, 8, 4096, 4096, 64),
    "mixed gate": Case(gate_ways, None, 128, 256, 16, 128, 0, (0.25, 1.2), (0.12, 0.5), "map"),
    "scaled dot": Case(dotted_ways, dotted, 64, 8, 1024, 1024, 64),
    "scaled dot, text to image": Case(dotted_ways, dotted, 64, 8, 128, 512, 64),
}  # fmt: skip
