"""The boxes of characters, drawn to the ink: the model tells where along its line each stands, the pixels of
the strip how far it reaches.

Shapes: c characters, w columns and h rows of the strip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from foveal.reading.characters import Ints, Ranges
from foveal.reading.readings import Reading

Boxes = NDArray[np.float64]
Mask = NDArray[np.bool_]

_TALL = 48  # rows at which a strip is looked at if it has more
_FAINT = 24  # grey levels that ink and paper differ by, or nothing is called ink
_SPECK = 0.003  # of the strip's height squared: what is smaller is dirt, not a dot
_RULE = (2.0, 0.15)  # so wide and yet so low, in heights of the strip: an underline
_OUT = 0.3  # widths of a character by which its ink may reach out of the place that the model gives
_IN = 0.25  # of a character's width on each side of its middle: no neighbour begins there
_FAR = 0.3  # what a cut a character's width from the middle of the gap costs, in columns full of ink


def with_boxes(reading: Reading, image: NDArray[np.uint8], *, margin: float = 0.0) -> Reading:
    """Return the reading of a strip with a box for each character, see `ink_boxes`; margin: as of a line."""
    places = np.array([(char.x0, char.x1) for word in reading.words for char in word.chars], np.float64)
    sizes = [len(word.chars) for word in reading.words]
    boxes = iter(ink_boxes(image, places.reshape(-1, 2), sizes, margin=margin / (1 + 2 * margin)).tolist())
    words = [
        replace(word, chars=tuple(replace(char, box=tuple(next(boxes))) for char in word.chars))
        for word in reading.words
    ]
    return replace(reading, words=tuple(words))


def ink_boxes(image: NDArray[np.uint8], places: Boxes, words: Sequence[int], *, margin: float) -> Boxes:
    """Return left, top, right, bottom of each character of a strip "h w 3": "c 4", in its pixels.

    places: their left and right ends by the model, "c 2"; words: characters in each word; margin: the share
    of the strip above, and below, that is not of the line. Neighbours within a word are parted where least
    ink is, about the middle of the gap between their places; then each box is drawn to the ink in its
    columns, dots and accents with it. Columns are of one character only. Where no ink is told from paper, a
    character keeps its place, as high as the line. Dark on light or light on dark.
    """
    high, wide = image.shape[:2]
    boxes = np.empty((len(places), 4))
    boxes[:, ::2], boxes[:, 1::2] = places, (high * margin, high - high * margin)
    if not len(places):
        return boxes
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if high > _TALL:
        size = (max(1, round(wide * _TALL / high)), _TALL)
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    seen = np.asarray(grey, np.uint8)
    scale = seen.shape[1] / wide
    ink = _ink(seen, places * scale, margin)
    if ink is None:
        return boxes
    limits = _limits(ink, places * scale, words)
    apart = np.clip(places, *(limits / scale).T[:, :, None])  # a place may reach into a neighbour's columns
    boxes[:, ::2] = np.where(limits[:, :1] < limits[:, 1:], apart, places)
    found, drawn = _drawn(ink, limits)
    boxes[found] = drawn / (scale, seen.shape[0] / high, scale, seen.shape[0] / high)
    boxes[:, 1::2] = boxes[:, 1::2].clip(high * margin, high - high * margin)
    return boxes


def _ink(grey: NDArray[np.uint8], places: Boxes, margin: float) -> Mask | None:
    """Return what is ink, "h w": the brighter or darker part, without dirt; None if they hardly differ."""
    level, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright = np.asarray(grey > level)
    share = float(bright.mean())
    if not 0 < share < 1:
        return None
    total, light = float(grey.mean()), cv2.mean(grey, bright.astype(np.uint8))[0]
    if (light - total) / (1 - share) < _FAINT:  # light − dark, by what the mean says of dark
        return None
    return _without_dirt(~bright if _is_paper(bright, places) else bright, margin)


def _is_paper(bright: Mask, places: Boxes) -> bool:
    """Tell whether the paper is bright: more so along the edges of the strip than where characters stand."""
    high, wide = bright.shape
    ends = np.clip(np.stack([np.floor(places[:, 0]), np.ceil(places[:, 1])]).astype(np.int64), 0, wide)
    on = np.zeros(wide + 1, np.int64)
    np.add.at(on, ends[0], 1)
    np.add.at(on, ends[1], -1)
    within = bright[high // 4 : high - high // 4, on.cumsum()[:-1] > 0]
    frame = np.concatenate([bright[:2].ravel(), bright[-2:].ravel(), bright[:, 0], bright[:, -1]])
    return not within.size or bool(frame.mean() >= within.mean())


def _without_dirt(ink: Mask, margin: float) -> Mask:
    """Leave out specks, underlines, and what reaches in from the lines above and below."""
    high = ink.shape[0]
    _, labels, parts, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    _, top, wide, tall, area = np.asarray(parts, np.int64).T
    kept = (area >= _SPECK * high**2) & (top + tall > high * margin) & (top < high - high * margin)
    kept &= (wide < _RULE[0] * high) | (tall > _RULE[1] * high)
    kept[0] = False  # the paper
    return np.asarray(kept[labels])


def _limits(ink: Mask, places: Boxes, words: Sequence[int]) -> Ints:
    """Return the columns [left, right) in which the ink of each character is looked for: "c 2".

    They follow one another without overlap wherever places do.
    """
    left, right = places.T
    ends = np.cumsum(words)
    usual = np.maximum((right[ends - 1] - left[ends - np.array(words)]) / words, 1.0).repeat(words)
    limits = np.stack([left - _OUT * usual, right + _OUT * usual], axis=1)
    middle, inner = (left + right) / 2, _IN * (right - left)
    between = (right[:-1] + left[1:]) / 2
    ordered = middle[:-1] < middle[1:]  # a person may have moved a look past others
    outer = np.zeros(len(places), bool)
    outer[ends - 1] = True
    within, apart = ordered & ~outer[:-1], ordered & outer[:-1]
    low = np.maximum(middle + inner, right - _OUT * usual)[:-1][within]
    high = np.minimum(middle - inner, left + _OUT * usual)[1:][within]
    cuts = _cuts(ink, low, high, between[within], usual[:-1][within])
    limits[:-1, 1][within], limits[1:, 0][within] = cuts, cuts
    limits[:-1, 1][apart] = np.minimum(limits[:-1, 1], between)[apart]
    limits[1:, 0][apart] = np.maximum(limits[1:, 0], between)[apart]
    return np.clip(np.ceil(limits - 0.5), 0, ink.shape[1]).astype(np.int64)


def _cuts(ink: Mask, low: Boxes, high: Boxes, middle: Boxes, usual: Boxes) -> Boxes:
    """Return the column in each range with least ink, near a middle; of an empty range that middle."""
    cuts: Boxes = middle.copy()
    first = np.maximum(np.floor(low), 0).astype(np.int64)
    last = np.minimum(np.ceil(high), ink.shape[1]).astype(np.int64)
    some = np.flatnonzero(last > first)
    if not len(some):
        return cuts
    ranges = Ranges(first[some], last[some])
    of = some.repeat(ranges.sizes)
    away = np.abs(ranges.every + 0.5 - middle[of]) / usual[of]
    cost = ink.mean(0)[ranges.every] + _FAR * away
    least = np.flatnonzero(cost == ranges.min(cost).repeat(ranges.sizes))
    cuts[of[least]] = ranges.every[least] + 0.5
    return cuts


def _drawn(ink: Mask, limits: Ints) -> tuple[Ints, Boxes]:
    """Return which characters have ink within their limits, and their boxes: "k" and "k 4"."""
    high, wide = ink.shape
    column = np.where(ink.any(0), np.arange(wide), -1)
    before = np.concatenate(([-1], np.maximum.accumulate(column)))  # the last with ink left of a column
    after = np.append(np.minimum.accumulate(np.where(column < 0, wide, column)[::-1])[::-1], wide)
    left, right = after[limits[:, 0]], before[limits[:, 1]] + 1
    found = np.flatnonzero(left < right)
    if not len(found):
        return found, np.empty((0, 4))
    columns = Ranges(left[found], right[found])
    top = np.where(column < 0, high, ink.argmax(0))[columns.every]
    bottom = np.where(column < 0, 0, high - ink[::-1].argmax(0))[columns.every]
    sides = (left[found], columns.min(top), right[found], columns.max(bottom))
    return found, np.stack(sides, axis=1).astype(np.float64)
