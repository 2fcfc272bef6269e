"""The questions that `foveal explain` answers of a chosen word or character: why not another, and what if."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from foveal.alphabet import Alphabet
from foveal.batch.outputs import whole, write_text
from foveal.config import nearest
from foveal.document import Line, Word
from foveal.errors import ConfigError, MissingExtra
from foveal.explain.causal import INTERVENTIONS, Cause, causes
from foveal.explain.colours import caption
from foveal.explain.counterfactual import Contrast, contrast
from foveal.explain.draw import Colour
from foveal.explain.examiner import Asked, Examiner
from foveal.explain.explanation import Explanation, as_png
from foveal.geometry import bounds
from foveal.reading.eye import Image, load_eye
from foveal.reading.steer import Held

RUNNER_UP = "?"
"""Stands for the character that would have been read instead."""

WAYS = ("occlusion", "gradients")
"""How the evidence of a contrast can be found."""

FOR: Colour = (31, 119, 180)
AGAINST: Colour = (214, 69, 65)
_SCALE = 10  # of a strip's pixels in pictures
_BESIDE = 16  # strip pixels that are shown on either side of a character
_PANEL = 300  # width of a picture's panels at least


def why(explanation: Explanation, rival: str = RUNNER_UP, *, by: str = "occlusion") -> Contrast:
    """Return why the chosen character was read and not its rival.

    by: how the evidence is found, "occlusion" or "gradients", which needs torch. Raises ConfigError unless
    one character is chosen, and for a rival that cannot be read; MissingExtra for gradients without torch.
    """
    if by not in WAYS:
        raise ConfigError(f"there is no evidence by '{by}'", remedy=nearest(by, WAYS))
    line, word, place = _chosen(explanation)
    if place is None:
        raise ConfigError("one character is needed to ask why", remedy="choose it with --char")
    held = _held(line)
    asked = asked_of(held, word)
    found = contrast(asked, held.model, place, rival=None if rival == RUNNER_UP else rival)
    return found if by == "occlusion" else _by_gradients(found, asked, place, held.model)


def _by_gradients(found: Contrast, asked: Asked, place: int, model: str) -> Contrast:
    try:
        from foveal.probe.line import load_line
        from foveal.probe.pixels import by_gradients
    except ModuleNotFoundError as error:
        raise MissingExtra(f"gradients need {error.name}", remedy='pip install "foveal[train]"') from error
    (rival,) = Alphabet().encode(found.rival)
    return by_gradients(found, asked, place, load_line(model), rival=rival)


def what_if(explanation: Explanation) -> list[Cause]:
    """Return for every character of the chosen word what its look does.

    Raises ConfigError unless a word or character is chosen.
    """
    line, word, place = _chosen(explanation)
    held = _held(line)
    found = causes(asked_of(held, word).alone(), load_eye(held.model))
    return found if place is None else [found[place]]


def _chosen(explanation: Explanation) -> tuple[Line, Word, int | None]:
    """Return the chosen word with its line, and the place in it of the chosen character."""
    choice = explanation.choice
    if choice.line is None or not choice.words:
        raise ConfigError("a word or a character is needed to ask", remedy="choose it with --word or --char")
    line, (chosen,) = explanation.page.lines[choice.line - 1], choice.words
    for word in line.words:
        if word is chosen:
            return line, word, None
        for place, char in enumerate(word.chars):
            if chosen.chars == (char,):
                return line, word, place
    raise AssertionError("what was chosen is not on the page")


def _held(line: Line) -> Held:
    if not isinstance(line.held, Held):
        raise ConfigError("the line has no pixels to ask", remedy="read it with looks=True")
    return line.held


def asked_of(held: Held, word: Word) -> Asked:
    """Return a word of a strip as its fixations were asked: the nearest one that holds its text.

    What is read last may differ from what fixations were asked for: words of a language or a second look
    decided, a doubtful mark was dropped. The same fixations are then asked for what was read. Raises
    ConfigError where they are not as many.
    """
    image = held.strip.image
    left, _, right, _ = bounds(held.strip.to_strip(word.polygon))
    middle = (left + right) / 2 / image.shape[1]
    examiner = Examiner(held.model)
    (words,) = examiner.words([image])
    near = sorted(words, key=lambda one: abs(float(one.boxes.mean()) / len(one.count) - middle))
    holding = [one for one in near if word.text in one.text]
    if holding:
        return _part(holding[0], holding[0].text.index(word.text), len(word.text))
    if not near or len(near[0].text) != len(word.text):
        first = f"which was read “{near[0].text}” at first, " if near else ""
        raise ConfigError(
            f"“{word.text}”, {first}cannot be asked", remedy="choose another word, or --language none"
        )
    asked = replace(near[0], text=word.text, ids=np.array(Alphabet().encode(word.text), np.int64))
    return replace(asked, chances=examiner.chances(asked, asked.strip[None])[0])


def _part(asked: Asked, first: int, t: int) -> Asked:
    """Return t characters of a word, from the first on, counted from 0, with the fixations asked for them."""
    if t == len(asked.text):
        return asked
    part = slice(first, first + t)
    return replace(
        asked,
        text=asked.text[part],
        positions=asked.positions[first:],
        ids=asked.ids[part],
        looks=asked.looks[part],
        boxes=asked.boxes[part],
        chances=asked.chances[part],
    )


def picture(found: Contrast) -> Image:
    """Return a contrast as a picture "h w 3": the character, what speaks for and against it, the change."""
    panels = [(found.strip, f"read: {found.text} {found.chance:.0%}, {found.rival} {found.rival_chance:.0%}")]
    panels.append((_tinted(found), f"blue for {found.text}, red for {found.rival}"))
    if found.changed is not None:
        panels.append((found.changed, f"so changed it is {found.rival}"))
    left = max(found.left - _BESIDE, 0)
    shown = [_enlarged(image[:, left : found.right + _BESIDE]) for image, _ in panels]
    if found.changed is not None:
        for mask, colour in ((found.added, FOR), (found.removed, AGAINST)):
            _outline(shown[-1], mask[:, left : found.right + _BESIDE], colour)
    width = max(_PANEL, shown[0].shape[1])
    rows = [
        np.concatenate([_padded(image, width), caption(said, width)])
        for image, (_, said) in zip(shown, panels, strict=True)
    ]
    gap = np.full((len(rows[0]), 8, 3), 160, np.uint8)
    return np.concatenate([part for row in rows for part in (row, gap)][:-1], axis=1)


def _tinted(found: Contrast) -> Image:
    share = found.evidence / max(float(np.abs(found.evidence).max()), 1e-6)
    colour = np.where((share > 0)[..., None], FOR, AGAINST)
    opacity = 0.75 * np.abs(share)[..., None]
    return np.asarray((found.strip * (1 - opacity) + colour * opacity).round(), np.uint8)


def _enlarged(image: Image) -> Image:
    return np.asarray(cv2.resize(image, None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_NEAREST))


def _outline(picture: Image, mask: np.ndarray, colour: Colour) -> None:
    """Draw around the marked strip pixels: blue where ink was added, red where it was taken away."""
    large = cv2.resize(mask.astype(np.uint8), None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_NEAREST)
    edges, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, edges, -1, colour, 2)


def _padded(image: Image, width: int) -> Image:
    more = width - image.shape[1]
    return np.pad(image, ((0, 0), (more // 2, more - more // 2), (0, 0)), constant_values=255)


def table(found: list[Cause]) -> str:
    """Return causes as tab-separated values: of each intervention what was read then, or “∅”."""
    rows = ["\t".join(["char", "chance", "sight", *INTERVENTIONS])]
    for one in found:
        read = [one.effects[name].read or "∅" for name in INTERVENTIONS]
        rows.append("\t".join([one.text, f"{one.chance:.4f}", f"{one.sight:.2f}", *read]))
    return "\n".join(rows)


def save_why(explanation: Explanation, rival: str, folder: Path, *, by: str = "occlusion") -> list[str]:
    """Write the picture of a contrast; return its sentence and the path. Raises OutputFailed."""
    found, path = why(explanation, rival, by=by), folder / f"{explanation.choice.name}-why.png"
    with whole(path) as file:
        file.write(as_png(picture(found)))
    return [found.sentence(), str(path)]


def save_what_if(explanation: Explanation, folder: Path) -> list[str]:
    """Write causes as JSON; return their table and the path. Raises OutputFailed."""
    found, path = what_if(explanation), folder / f"{explanation.choice.name}-what-if.json"
    content = {"chars": [one.to_json() for one in found]}
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return [table(found), str(path)]
