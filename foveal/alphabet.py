"""The characters foveal can write: text ⇄ ids, the normal form of a text, and what cannot be written."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

_ASCII = "".join(chr(code) for code in range(0x20, 0x7F))
_LATIN_1 = "".join(chr(code) for code in range(0xA1, 0x100) if code not in (0xAD, 0xB5))
_EXTENDED_A = "".join(chr(code) for code in range(0x100, 0x180) if code not in (0x132, 0x133, 0x149))
_EUROPEAN = "ƒǍǎǪǫǴǵȘșȚțə" "ḂḃḊḋḞḟṀṁṖṗṠṡṪṫẀẁẂẃẄẅẞẼẽỲỳ"
_TYPOGRAPHY = "–—―‘’‚‛“”„‟†‡•…‰′″‹›⁄⁎⁊" "⸗⸺˙˚˛ˇ˘˜˝ˆ"
_SYMBOLS = "€₤₣₧₩₫₴₹₺₽₿℃℅ℓ№℗℞℠™Ω℮←↑→↓↔−∕√∞≈≠≤≥□■▪▲△▶►▼◄○●★☆☎☐☑☒♀♂♣♥♦♪✓✔✗"
_NUMERALS = "⅓⅔⅛⅜⅝⅞⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄"
_OLD_PRINT = "ꝛꝑꝓꝗꝙꝯꝰꝫꝭðþſ" + (
    "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327\u0328\u0363\u0364\u0366"
)
_GREEK = "αβγδεθλμπσφωΔΣΦΠ"

FOREIGN = "\ufffd"
"""U+FFFD, the replacement character: stands for each sign of a script that cannot be written."""

ALPHABET: str = "".join(
    dict.fromkeys(
        _ASCII
        + _LATIN_1
        + _EXTENDED_A
        + _EUROPEAN
        + _TYPOGRAPHY
        + _SYMBOLS
        + _NUMERALS
        + _OLD_PRINT
        + _GREEK
        + FOREIGN
    )
)
"""Every character the models can write, in the order of their ids; first the space, last FOREIGN."""

_ALIKE = str.maketrans(
    {
        "\u00a0": " ", "\u2002": " ", "\u2003": " ", "\u2009": " ", "\u202f": " ", "\t": " ", "\n": " ",
        "\u00ad": "-", "\u2011": "-", "\u2010": "-", "\u2012": "–", "ʼ": "’", "ʹ": "′", "µ": "μ",
        "ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ſt", "ﬆ": "st",
        "Ĳ": "IJ", "ĳ": "ij", "ŉ": "’n", "⋅": "·", "∙": "·", "➔": "→", "✕": "×", "Ω": "Ω",
    }
)  # fmt: skip


def normalise(text: str) -> str:
    """Return the normal form of `text`: NFC, look-alikes folded into one sign, words parted by single spaces.

    Marks that have no composed form (ſ̃, aͤ) stay separate characters.

    >>> normalise("  cafe\u0301\u00a0 ﬁn ")
    'café fin'
    """
    composed = unicodedata.normalize("NFC", text.translate(_ALIKE)).translate(_ALIKE)
    return " ".join(composed.split())


class Alphabet:
    """Text ⇄ ids over `characters`. Id 0 is kept for "nothing" (CTC's blank, the end of a word)."""

    def __init__(self, characters: str = ALPHABET) -> None:
        self.characters = characters
        self._ids = {character: index for index, character in enumerate(characters, start=1)}

    def __len__(self) -> int:
        """Return the number of classes: the characters and "nothing"."""
        return len(self.characters) + 1

    def __contains__(self, character: str) -> bool:
        """Tell whether one character can be written."""
        return character in self._ids

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`; characters that cannot be written are left out (see `unwritable`)."""
        return [self._ids[character] for character in text if character in self._ids]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`; "nothing" (0) gives no character."""
        return "".join([self.characters[index - 1] for index in ids if index > 0])

    def unwritable(self, text: str) -> Sequence[str]:
        """Return the characters of `text` outside the alphabet, each once, in order of appearance."""
        return list(dict.fromkeys(character for character in text if character not in self._ids))
