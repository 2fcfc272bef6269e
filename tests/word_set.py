"""A set of drawn words with the box of every character: small, and learned in seconds."""

import json
from pathlib import Path

import cv2
import numpy as np

WORDS = ("abba", "cab", "bac", "aca", "cacb", "bb", "acbc", "ba")


def write_words(folder: Path, *, count: int = 16, seed: int = 0) -> Path:
    """Write words of three letters' kinds, black on white, each letter 20 px wide; return the folder."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    labels, boxes = [], []
    for number in range(count):
        word = WORDS[number % len(WORDS)]
        image = np.full((32, 20 * len(word) + 8, 3), int(rng.integers(200, 256)), np.uint8)
        for place, letter in enumerate(word):
            cv2.putText(image, letter, (4 + 20 * place, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (0, 0, 0), 2)
        name = f"images/{number}.png"
        cv2.imwrite(str(folder / name), image)
        labels.append(f"{name}\t{word}\n")
        placed = [[4 + 20 * place, 4, 20, 24] for place in range(len(word))]
        boxes.append(json.dumps({"image": name, "text": word, "boxes_xywh": placed}))
    (folder / "labels.tsv").write_text("".join(labels), encoding="utf-8")
    (folder / "charboxes.jsonl").write_text("\n".join(boxes), encoding="utf-8")
    return folder
