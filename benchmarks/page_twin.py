"""What attention does for finding text: the page model and its twin without, taught the same pages.

    python benchmarks/page_twin.py --data PAGES --fonts PACK --out OUT [--lines scraps.zip] [--minutes 5]
    python benchmarks/page_twin.py --out OUT --score SET…        # then: pages read with each

Both begin anew and learn from the very same batches for so many minutes in one process; the twin's levels
are summed and not gated (`--fusion sum --gate none` of foveal.train.page). --score reads sets of pages with
the embedded line model `fast` and either page model, and prints the bag-of-words F1 and the detection F1.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch
from onnxruntime import InferenceSession

from foveal import Reader
from foveal.evaluate import evaluate

KINDS = {"attention": ("pyramid", "mixed"), "twin": ("sum", "none")}
FIGURES = ("bag_of_words_f1", "detection_f1", "detection_recall")


def teach(asked: argparse.Namespace) -> None:
    """Train both and write OUT/attention.onnx and OUT/twin.onnx."""
    from foveal.models.export_page import export
    from foveal.models.page import PageModel
    from foveal.synth.looks import Dice
    from foveal.train.page import Learner, Plan, exposed, feed, rate_at, sources

    device = torch.device(asked.device)
    plan = Plan(asked.minutes, batch=asked.batch, side=asked.side, workers=asked.workers, echo=asked.echo)
    pages = feed(sources(asked.data, asked.fonts, asked.lines, seed=plan.seed), plan, device)
    learners = {}
    for name, (fusion, gate) in KINDS.items():
        torch.manual_seed(plan.seed)
        learners[name] = Learner(PageModel(fusion=fusion, gate=gate), device)
    dice = Dice(torch.Generator(device=device).manual_seed(plan.seed), batch=plan.batch)
    begun, step = time.monotonic(), 0
    while (share := (time.monotonic() - begun) / (60 * plan.minutes)) < 1:
        page, truth = exposed(next(pages), dice)
        parts = {name: one.step(page, truth, rate_at(share, plan.rate)) for name, one in learners.items()}
        step += 1
        if step % 100 == 0:
            sums = {name: round(float(sum(each.values())), 3) for name, each in parts.items()}
            print(step, round(pages.waited), sums, file=sys.stderr, flush=True)
    for name, (fusion, gate) in KINDS.items():
        kept = PageModel(fusion=fusion, gate=gate)
        kept.load_state_dict({key: value.cpu() for key, value in learners[name].average.state.items()})
        export(kept, asked.out / f"{name}.onnx")
    print(f"{step} steps of {plan.batch} pages")


def score(out: Path, folders: list[Path]) -> None:
    """Print a row for each set and model."""
    print(f"{'set':32}{'model':12}" + "".join(f"{name:>18}" for name in FIGURES))
    for folder in folders:
        for name in KINDS:
            reader = Reader("fast")
            reader.__dict__["_page_model"] = InferenceSession(out / f"{name}.onnx")
            figures = evaluate(folder, reader).figures
            row = "".join(f"{figures[key]:>18.4f}" if key in figures else f"{'':>18}" for key in FIGURES)
            print(f"{folder.name:32}{name:12}{row}", flush=True)


def main() -> None:
    """Train both, or score what was trained."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("data", "fonts", "lines"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5)
    for name, value in (("workers", 14), ("batch", 32), ("side", 640), ("echo", 4)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--score", type=Path, nargs="+", metavar="SET")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.score:
        score(asked.out, asked.score)
    else:
        teach(asked)


if __name__ == "__main__":
    main()
