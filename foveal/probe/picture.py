"""Heads drawn: every head's map of one line, layer by layer, and a table of what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw

from foveal.explain.colours import face, table
from foveal.measure.concentration import as_shares
from foveal.measure.rollout import rollout
from foveal.probe.study import Head, Line

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]

_WIDE = 230  # of a map, in pixels
_GAP = 10
_TITLE = 38  # room for two rows of text above a map
_SIDE = 120  # room for the name of a layer
_INK = (30, 30, 30)
_LAYERS = {
    "blocks": "encoder {}\ncolumn → column",
    "fixate_layers": "fixations {}\ncharacter → column",
    "talk": "fixations {}\ncharacter → character",
}


def heads_picture(line: Line, maps: Mapping[str, Floats], heads: Sequence[Head]) -> Image:
    """Return all heads' maps of a line as one picture "h w 3": a row for each layer, a cell for each head.

    In a cell each row is a query, from the top, each column a place of the strip, which stands above it; the
    brighter, the more weight. Over it the head's pattern, its selectivity, and what the log p of a character
    loses without it. The last row is the look of the last layer, mean of its heads, and the same rolled out
    through the encoder to the columns of its input.
    """
    rows = [
        _row(line, layer, maps[layer], list(group)) for layer, group in groupby(heads, lambda one: one.layer)
    ]
    rows.append(_rolled_out(line, maps))
    wide = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, _GAP), (0, wide - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return np.concatenate(padded)


def heads_table(heads: Sequence[Head]) -> str:
    """Return the heads as tab-separated text with a heading; selectivity is that of the pattern."""
    rows = ["layer\thead\tpattern\tselectivity\tspread\tapart\tablation\tgradient\tchanged"]
    rows += [
        f"{one.layer}\t{one.number}\t{one.pattern}\t{_selective(one)}\t{one.spread:.3f}\t{one.apart:.3f}"
        f"\t{one.ablation:.4f}\t{one.gradient:.4f}\t{one.changed:.3f}"
        for one in heads
    ]
    return "\n".join(rows) + "\n"


def _selective(head: Head) -> str:
    return f"{head.selectivity[head.pattern]:.2f}" if head.pattern in head.selectivity else ""


def _row(line: Line, layer: str, maps: Floats, heads: Sequence[Head]) -> Image:
    cells = [
        _cell(
            line,
            maps[one.number],
            titles=(
                f"{one.number}: {one.pattern} {_selective(one)}",
                f"without it {0.0 - round(one.ablation, 3):+.3f} · apart {one.apart:.2f}",
            ),
        )
        for one in heads
    ]
    return _named_row(_said(layer), cells)


def _rolled_out(line: Line, maps: Mapping[str, Floats]) -> Image:
    *_, last = (each for name, each in maps.items() if _kind(name) == "fixate_layers")
    looks = as_shares(last).mean(0)
    back = rollout([each for name, each in maps.items() if _kind(name) == "blocks"])
    cells = [
        _cell(line, looks, titles=("the look", "mean of the heads")),
        _cell(line, looks @ back, titles=("rolled out", "through the encoder")),
    ]
    return _named_row("rollout\ncharacter → column", cells)


def _kind(layer: str) -> str:
    return "talk" if layer.endswith("talk") else layer.partition(".")[0]


def _said(layer: str) -> str:
    return _LAYERS[_kind(layer)].format(int(layer.split(".")[1]) + 1)


def _cell(line: Line, weights: Floats, *, titles: tuple[str, str]) -> Image:
    """Draw one map "q k" under its strip; each row is as bright as its heaviest place."""
    scaled = weights / np.maximum(weights.max(axis=1, keepdims=True), 1e-9)
    tall = min(max(8 * len(weights), 60), 140)
    shade = cv2.resize(scaled.astype(np.float32), (_WIDE, tall), interpolation=cv2.INTER_AREA)
    drawn = table("viridis")[(255 * shade.clip(0, 1)).astype(np.uint8)]
    strip = line.words[0].strip
    high = round(len(strip) * _WIDE / strip.shape[1])
    above = np.asarray(cv2.resize(strip, (_WIDE, max(high, 1)), interpolation=cv2.INTER_AREA), np.uint8)
    if weights.shape[1] != len(line.places.char):  # from character to character: no strip above
        above = np.full_like(above, 255)
    head = Pictures.new("RGB", (_WIDE, _TITLE), (255, 255, 255))
    draw = ImageDraw.Draw(head)
    for number, said in enumerate(titles):
        draw.text((0, 2 + 17 * number), said, fill=_INK, font=face(13))
    cell = np.concatenate([np.asarray(head), above, drawn])
    return np.pad(cell, ((0, 0), (0, _GAP), (0, 0)), constant_values=255)


def _named_row(name: str, cells: Sequence[Image]) -> Image:
    label = Pictures.new("RGB", (_SIDE, len(cells[0])), (255, 255, 255))
    ImageDraw.Draw(label).multiline_text((6, 2), name.replace(" → ", "\n→ "), fill=_INK, font=face(13))
    return np.concatenate([np.asarray(label), *cells], axis=1)
