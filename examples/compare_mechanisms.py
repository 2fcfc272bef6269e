"""Train the smallest recogniser with two attention mechanisms, and look at where each looks.

    python examples/compare_mechanisms.py [--attention additive cosine] [--load examples/own_mechanism.py]
        [--seconds 60] [--fonts tests/data/fonts] [--output mechanisms.png]

Both learn words drawn in the same fonts for so many seconds on the CPU. The picture shows a word that neither
has seen; under it, for each mechanism, a row for every column of the strip: how much that column looks at the
columns above, the mean of the heads of the encoder's only block. Needs `pip install "foveal[train]"`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from foveal.alphabet import Alphabet
from foveal.attention import load, watch
from foveal.models.line import SIZES, LineModel
from foveal.train.feed import Feed, Shape, rendered
from foveal.train.objective import Objective, Question
from foveal.train.step import Step

CPU = torch.device("cpu")
WORDS = Shape("word", batch=12, width=128, characters=28, fixations=36)
SCALE = 4
"""Pixels of the picture to one of the strip."""


def train(attention: str, fonts: Path, *, seconds: float) -> LineModel:
    """Return a recogniser whose encoder attends by `attention`; print its loss on the way."""
    torch.manual_seed(0)
    model = LineModel(replace(SIZES["tiny"], attention=attention), len(Alphabet()))
    objective = Objective(model, device=CPU, seed=0)
    step = Step(objective, torch.tensor(4e-3))
    feed = Feed(rendered(fonts, WORDS), workers=0, seed=0, device=CPU, echo=3)
    begin, losses = time.perf_counter(), list[float]()
    while time.perf_counter() - begin < seconds:
        asked = objective.question(next(feed), width=WORDS.width, scene=0.0)
        losses.append(step("word", asked)["loss"].item())
    print(f"{attention}: {len(losses)} steps, loss {losses[0]:.2f} → {np.mean(losses[-5:]):.2f}")
    return model.eval()


def unseen(fonts: Path) -> Question:
    """Return some words of another seed."""
    objective = Objective(LineModel("tiny", len(Alphabet())), device=CPU, seed=1)
    batch = next(Feed(rendered(fonts, WORDS), workers=0, seed=77, device=CPU))
    return objective.question(batch, width=WORDS.width, scene=0.0)


def looks(model: LineModel, strip: Tensor) -> np.ndarray:
    """Return the mean look of the heads of the first block, "n n" in [0, 1]."""
    with torch.inference_mode(), watch(model) as maps:
        model.glance(strip[None])
    return maps["blocks.0.attention.mechanism"][0][0].mean(0).numpy()


def painted(look: np.ndarray, width: int) -> np.ndarray:
    """Return a look as a heat map "w w 3"."""
    levels = (255 * look / look.max()).astype(np.uint8)
    large = cv2.resize(levels, (width, width // 2), interpolation=cv2.INTER_NEAREST)
    return cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS)


def main() -> None:
    """Train both, draw both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--attention", nargs="+", default=["additive", "cosine"])
    parser.add_argument("--load", type=Path, help="a file that adds mechanisms of your own")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--fonts", type=Path, default=Path("tests/data/fonts"))
    parser.add_argument("--output", type=Path, default=Path("mechanisms.png"))
    asked = parser.parse_args()
    if asked.load is not None:
        load(asked.load)
    words = unseen(asked.fonts)
    width = int(words.widths[0]) // 4 * 4
    strip = words.images[0, :, :, :width]
    pixels = (strip.permute(1, 2, 0).numpy()[..., ::-1] * 255).astype(np.uint8)
    rows = [cv2.resize(pixels, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)]
    for name in asked.attention:
        model = train(name, asked.fonts, seconds=asked.seconds)
        rows.append(painted(looks(model, strip), width * SCALE))
    cv2.imwrite(str(asked.output), np.concatenate(rows))
    print(f"{asked.output}: the word, then {', '.join(asked.attention)}")


if __name__ == "__main__":
    main()
