"""Every mechanism against the number of places n: what it takes, and from where on it pays."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from attention_bench import Bench, Figures, Way, failure
from torch import Tensor

from foveal.attention import MECHANISMS, Attention, build, kernels, route

HEADS, SIZE = 4, 64
BATCH = {"cpu": 1, "cuda": 4}
ROOM = {"cpu": 6e9, "cuda": 60e9}
"""Bytes: what a mechanism would take more than by the plain route is left out."""
MEASURES = {
    "forward": "ms forward",
    "both": "ms forward and backward",
    "peak": "MB at most, forward and backward",
}
FAMILIES: dict[str, tuple[str, ...]] = {
    "scores": ("dot", "additive", "additive_by_sines", "mlp", "bilinear", "location"),
    "sparse": ("local", "local_2d", "chunked", "random", "random_dynamic", "structured"),
    "linear": ("relu", "elu", "random_features", "fourier_features"),
    "others": ("two_level", "routed", "temporal"),
}
"""Which mechanisms share a plot; `scaled_dot`, the one to beat, is in each."""


def along_lengths(name: str, lengths: list[int], bench: Bench) -> Iterator[Figures]:
    """Yield time and memory of a mechanism with 4 heads of 64 over n queries and n keys, by every route.

    A route that fails or takes more than the time a figure may take is not tried at greater lengths.
    """
    mechanism = build(MECHANISMS, name, q_dim=SIZE, k_dim=SIZE, heads=HEADS).to(bench.device, bench.dtype)
    done: set[str] = set()
    for n in sorted(lengths):
        shape = BATCH[bench.device.type], HEADS, n, SIZE
        inputs = [torch.randn(shape, device=bench.device, dtype=bench.dtype).requires_grad_() for _ in "qkv"]
        for way, call in ways(name, mechanism, inputs).items():
            if way in done:
                continue
            row = {"case": name, "way": way, "n": n} | taken(mechanism, way, call, inputs, bench)
            if "failed" in row or row["both"] > 1000 * bench.seconds:
                done.add(way)
            yield row


def taken(mechanism: Attention, way: str, call: Way, inputs: list[Tensor], bench: Bench) -> Figures:
    """Return the figures of one way, or why there are none."""
    q, k, _ = inputs
    needed = mechanism.row_bytes(q, k) * q.shape[-2]
    if way == "plain" and needed > ROOM[bench.device.type]:
        return {"failed": f"would take {needed / 1e9:.0f} GB or more"}
    try:
        return bench.measure(call, inputs)
    except Exception as error:  # whatever it is, the others are still to be measured
        return failure(error)


def ways(name: str, mechanism: Attention, inputs: list[Tensor]) -> dict[str, Way]:
    """Return the routes that differ for a mechanism, by name."""

    def by(way: str) -> Way:
        def call(*inputs: Tensor) -> Tensor:
            with route(way):  # type: ignore[arg-type]
                return mechanism(*inputs)

        return call

    return {way: by(way) for way in ("plain", "kernel") if way == "plain" or kernels.usable(name, *inputs)}


def best(rows: Iterable[Figures], measure: str) -> dict[str, dict[int, float]]:
    """Return the least of a measure over the routes, by mechanism and length."""
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        if measure in row:
            lengths = found.setdefault(row["case"], {})
            lengths[row["n"]] = min(row[measure], lengths.get(row["n"], row[measure]))
    return found


def pays_from(own: dict[int, float], other: dict[int, float]) -> int | None:
    """Return the least length from which on `own` is below `other` by 5 %, wherever both are known."""
    both = sorted(own.keys() & other.keys(), reverse=True)
    first = None
    for n in both:
        if own[n] >= 0.95 * other[n]:  # less is no difference
            break
        first = n
    return first


def crossings(rows: list[Figures]) -> str:
    """Tabulate from which n on each mechanism beats `scaled_dot`, and how many times its figure it has."""
    found = {measure: best(rows, measure) for measure in MEASURES}
    lines = [["mechanism", *MEASURES.values()], ["---"] * (1 + len(MEASURES))]
    for name in found["forward"].keys() - {"scaled_dot"}:
        tables = ((table.get(name, {}), table.get("scaled_dot", {})) for table in found.values())
        lines.append([f"`{name}`", *(against(*pair) for pair in tables)])
    order = {f"`{name}`": place for place, name in enumerate(MECHANISMS)}
    lines[2:] = sorted(lines[2:], key=lambda line: order[line[0]])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def against(own: dict[int, float], other: dict[int, float]) -> str:
    """Say from which length on `own` pays, and how many times as much as `other` it is at the longest."""
    n, first = max(own.keys() & other.keys(), default=0), pays_from(own, other)
    if not n or not other[n]:
        return "–"
    times = own[n] / other[n]
    return f"{'never' if first is None else f'from {first}'}; × {times:.{0 if times > 9.95 else 2}f} at {n}"


def draw(rows: list[Figures], path: Path, about: Figures) -> None:
    """Draw time and memory against n, a row of plots for each measure, one column for each family."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, plots = plt.subplots(len(MEASURES), len(FAMILIES), figsize=(18, 12), sharex=True, sharey="row")
    for line, (measure, title) in zip(plots, MEASURES.items(), strict=True):
        found = best(rows, measure)
        for plot, (family, names) in zip(line, FAMILIES.items(), strict=True):
            for name in ("scaled_dot", *names):
                lengths = found.get(name, {})
                dashed = "k--" if name == "scaled_dot" else "o-"
                plot.plot(lengths.keys(), lengths.values(), dashed, label=name, markersize=4)
            plot.set(xscale="log", yscale="log", title=family if measure == "forward" else None)
            plot.set_xscale("log", base=2)
            plot.grid(alpha=0.3)
        line[0].set_ylabel(title)
    for plot in plots[-1]:
        plot.set_xlabel("n, queries and keys")
    for plot in plots[0]:
        plot.legend(fontsize=8)
    named = ", ".join(f"{key} {about[key]}" for key in ("device", "date", "torch", "threads"))
    figure.suptitle(named)
    figure.tight_layout()
    figure.savefig(path, dpi=70)
    plt.close(figure)


def main() -> None:
    """Draw and tabulate what was measured before: `attention_lengths.py lengths.json lengths.png`."""
    source, picture = map(Path, sys.argv[1:])
    told = json.loads(source.read_text())
    draw(told["rows"], picture, told["machine"])
    print(crossings(told["rows"]))


if __name__ == "__main__":
    main()
