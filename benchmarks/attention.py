"""Attention mechanisms beside their peers: time, memory and error, in one run on one machine.

    python benchmarks/attention.py [CASE …] [--small] [--json results.json]
    python benchmarks/attention.py --lengths 64 256 1024 4096 [--plot lengths.png] [MECHANISM …]

forward, both: median milliseconds of a call, and of a call with its gradients, after a warm-up. On a GPU in
bf16, by CUDA events, the cache overwritten and the call queued whole before it begins: the GPU's own time.
On the CPU in float32, the processor's time of one thread. wall: on a GPU, milliseconds of a call with its
gradients among many, with what the CPU does to launch it. kept: MB held from forward to backward; peak: MB at
most. error: of the result and of dq against the formula in float64, the larger.
must, aim: what is asked of foveal on one H200. --small: sizes to rehearse with. A way that fails has its
reason in place of figures. --lengths: every mechanism over n queries and n keys, each by its plain route and
its kernel; --plot draws the lesser of both, and prints from which n on a mechanism beats `scaled_dot`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from attention_bench import Bench, Figures, Way, failure
from attention_cases import CASES, Case
from attention_lengths import along_lengths, crossings, draw
from torch import Tensor

from foveal.attention import MECHANISMS


def apart(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other).norm() / other.norm())


def error(way: Way, case: Case, bench: Bench) -> float | None:
    """Return how far result and dq of one head of one example are from the formula in float64."""
    if case.formula is None:
        return None
    inputs = case.inputs(bench.device, b=1, h=1, dtype=bench.dtype)
    exact = [x.detach().double().requires_grad_() for x in inputs]
    out, expected = way(*inputs), case.formula(*exact)
    given = torch.randn_like(out)
    (dq,) = torch.autograd.grad(out, inputs[:1], given)
    (expected_dq,) = torch.autograd.grad(expected, exact[:1], given.double())
    return max(apart(out.detach(), expected.detach()), apart(dq, expected_dq))


def compare(name: str, case: Case, bench: Bench) -> Iterator[Figures]:
    """Yield the figures of every way of a case; of one that fails, why."""
    torch._dynamo.reset()
    inputs = case.inputs(bench.device, b=case.b, h=case.h, dtype=bench.dtype)
    for way_name, way in case.ways(case.n, bench.device).items():
        row = {"case": name, "way": way_name, "must": case.must, "aim": case.aim}
        try:
            yield row | bench.measure(way, inputs) | {"error": comparable(way_name, way, case, bench)}
        except Exception as error:  # whatever it is, the others are still to be measured
            yield row | failure(error)


def comparable(way_name: str, way: Way, case: Case, bench: Bench) -> float | None:
    """Return the error of a way, or None for a peer that computes something else, there for its time."""
    return None if way_name.startswith("dot by") else error(way, case, bench)


def line(row: Figures) -> str:
    way = f"{row['way']} n = {row['n']}" if "n" in row else row["way"]
    opening = f"{row['case']:27}{way:17}"
    if "failed" in row:
        return f"{opening}  {row['failed']}"
    figures = [f"{row[key]:>10.3f}" for key in ("forward", "both")]
    figures.append(f"{row['wall']:>10.3f}" if "wall" in row else f"{'–':>10}")
    figures += [f"{row[key]:>10.1f}" for key in ("kept", "peak")]
    figures.append(f"{row['error']:>10.1e}" if row.get("error") is not None else f"{'–':>10}")
    if row["way"] == "foveal":
        asked = [row[key] for key in ("must", "aim") if row.get(key)]
        figures += ["/".join("–" if x is None else f"{x:g}" for x in pair).rjust(12) for pair in asked]
    return opening + "".join(figures)


def arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("names", nargs="*", help="all unless told")
    parser.add_argument("--lengths", type=int, nargs="+")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4, help="of repeats, for one figure")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    if asked.plot and not asked.lengths:
        parser.error("--plot draws what --lengths measures")
    return asked


def main() -> None:
    asked = arguments()
    if asked.device == "cpu":
        torch.set_num_threads(1)
    bench = Bench(torch.device(asked.device), asked.repeat, asked.seconds)
    about = bench.about() | bench.ceilings()
    print(*(f"{key}: {value}" for key, value in about.items()), sep="\n")
    heads = [f"{key:>10}" for key in ("forward", "both", "wall", "kept", "peak", "error")]
    print(" " * 44 + "".join(heads) + f"{'must':>12}{'aim':>12}")
    rows = []
    for row in figures(asked, bench):
        rows.append(row)
        print(line(row), flush=True)
        if asked.json:
            asked.json.write_text(json.dumps({"machine": about, "rows": rows}, indent=1))
    if asked.plot:
        draw(rows, asked.plot, about)
        print(crossings(rows))


def figures(asked: argparse.Namespace, bench: Bench) -> Iterator[Figures]:
    """Yield the rows that are asked for."""
    if asked.lengths:
        for name in asked.names or MECHANISMS:
            yield from along_lengths(name, asked.lengths, bench)
        return
    for name in asked.names or CASES:
        yield from compare(name, CASES[name].small() if asked.small else CASES[name], bench)


if __name__ == "__main__":
    main()
