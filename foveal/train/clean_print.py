"""Lines of clean print of our own drawing: whether a model can still read plain text can always be asked."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from wordfreq import top_n_list

from foveal.train.few_lines import TextLine

_SIZE = 40  # of the font in pixels
_PAPER, _INK = 245, 20


def clean_print(lines: int = 40, *, words: int = 6, seed: int = 0) -> list[TextLine]:
    """Return lines of frequent English words in Pillow's own font, dark on light."""
    rng = np.random.default_rng(seed)
    known = [word for word in top_n_list("en", 3000) if word.isascii() and word.isalpha()]
    texts = [" ".join(rng.choice(known, words)).capitalize() for _ in range(lines)]
    return [_drawn(text) for text in texts]


def _drawn(text: str) -> TextLine:
    font = ImageFont.load_default(_SIZE)
    width = round(font.getlength(text)) + _SIZE
    image = Image.new("RGB", (width, _SIZE * 3 // 2), (_PAPER,) * 3)
    ImageDraw.Draw(image).text((_SIZE // 2, _SIZE // 8), text, fill=(_INK,) * 3, font=font)
    return TextLine(np.asarray(image), text)
