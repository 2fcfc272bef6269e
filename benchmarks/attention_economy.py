"""What each economy of attention saves and costs: `python benchmarks/attention_economy.py [--length 512]`.

A row is a way of computing the same; forward, both: milliseconds as in `attention.py`; kept, peak: MB. The
steps have no gradients. --device: a GPU if there is one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial

import torch
from attention_bench import Bench, Figures, Way
from torch import Tensor, nn

from foveal.attention import MECHANISMS, Attention, Cache, MultiHead, build, recomputed, route
from foveal.models.line import Block

DIM, HEADS, DEPTH, BUDGET, WINDOW = 256, 4, 4, 32 * 2**20, 16


def stacked(blocks: nn.ModuleList, x: Tensor, *, again: bool) -> Tensor:
    for block in blocks:
        x = recomputed(block, x, None) if again else block(x, None)
    return x


def in_half(blocks: nn.ModuleList, x: Tensor, *, kind: torch.dtype) -> Tensor:
    with torch.autocast(x.device.type, kind):
        return stacked(blocks, x, again=False)


def masked(mechanism: Attention, x: Tensor) -> Tensor:
    """Attend to near keys with all pairs scored and the far ones masked."""
    return mechanism.weights(x, x) @ x


def by_cache(heads: MultiHead, x: Tensor) -> Tensor:
    cache = Cache()
    return torch.cat([heads.step(x[:, i : i + 1], cache) for i in range(x.shape[1])], 1)


def all_again(heads: MultiHead, x: Tensor) -> Tensor:
    return torch.cat([heads(x[:, :i], mask=causal(i, x))[:, -1:] for i in range(1, x.shape[1] + 1)], 1)


def causal(n: int, x: Tensor) -> Tensor:
    return torch.ones(1, n, n, dtype=torch.bool, device=x.device).tril()


def plainly(way: Way) -> Way:
    def call(x: Tensor) -> Tensor:
        with route("plain"):
            return way(x)

    return call


def ways(device: torch.device) -> dict[str, Way]:
    """Return what is compared, by name; the first of two or three is without the economy."""
    torch.manual_seed(0)
    blocks = nn.ModuleList(Block(DIM, HEADS) for _ in range(DEPTH)).to(device)
    near = build(MECHANISMS, {"name": "local", "window": WINDOW}).to(device)
    heads, pairs = (MultiHead(DIM, HEADS, mechanism=name).to(device) for name in ("scaled_dot", "additive"))
    return {
        "four blocks": partial(stacked, blocks, again=False),
        "four blocks, recomputed": partial(stacked, blocks, again=True),
        "four blocks, autocast bf16": partial(in_half, blocks, kind=torch.bfloat16),
        "four blocks, autocast fp16": partial(in_half, blocks, kind=torch.float16),
        "additive, plain": plainly(pairs),
        f"additive, {BUDGET >> 20} MB at once": plainly(partial(pairs, budget=BUDGET)),
        f"local {WINDOW}, far keys masked": partial(masked, near),
        f"local {WINDOW}, far tiles skipped": plainly(lambda x: near(x, x, x)),
    } | {"steps, all again": partial(all_again, heads), "steps, cached": partial(by_cache, heads)}


def measured(length: int, bench: Bench) -> Iterator[Figures]:
    for name, way in ways(bench.device).items():
        x = torch.randn(2, length, DIM, device=bench.device, requires_grad=True)
        if name.startswith("steps"):
            with torch.no_grad():
                yield {"way": name, "forward": bench.milliseconds(partial(way, x))}
        else:
            yield {"way": name} | bench.measure(way, [x])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    asked = parser.parse_args()
    if asked.device == "cpu":
        torch.set_num_threads(1)
    bench = Bench(torch.device(asked.device), repeat=5, seconds=2)
    print(*(f"{key}: {value}" for key, value in bench.about().items()), f"length: {asked.length}", sep="\n")
    columns = ("forward", "both", "kept", "peak")
    print(" " * 30 + "".join(f"{key:>10}" for key in columns))
    for row in measured(asked.length, bench):
        figures = (f"{row[key]:>10.1f}" if key in row else f"{'–':>10}" for key in columns)
        print(f"{row['way']:30}" + "".join(figures), flush=True)


if __name__ == "__main__":
    main()
