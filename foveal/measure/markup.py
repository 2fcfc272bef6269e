"""Editors' signs in the labels of real sets: what stands there without being ink, mapped or dropped here.

`clean` is used for training and for scoring alike, so that a model is asked for exactly what it was taught.
The rules were decided by looking at the images beside their labels:

| sign | sets | on the page | becomes |
|---|---|---|---|
| `>word<`, `><`, `<>` | handwriting | struck through or blotted out | nothing |
| `⟦word⟧`, `⟦⟧`, `[[]]` | any | struck through or blotted out | nothing |
| `[[word]]` | handwriting_cremma_mss19 | written; the editor is unsure of it | `word` |
| `#` | handwriting_peraire | a blot or a struck word | nothing |
| `⋎` | any | the writer's insertion mark; what is inserted stands in another line | nothing |
| `^` | handwriting but copiste | the next letters are raised (1er); no ink of its own | nothing |
| `¬` | printed_lines_ocr17 | a printed hyphen at the end of a line | `-` |
| `***` alone | receipts_sroie | Chinese that was not transcribed | no label |
| U+FFFD, `ï¿½` | scene_*_icdar2003 | a letter lost to a wrong encoding | the word as seen, else no label |
| `ᗅ` | any | a capital A | `A` |

Left alone, because they are ink: `_` for a rule drawn as a dash, `*`, `=`, square brackets, the braces, `^`
and `<` of formulae in handwriting_copiste, and `⸗`, the double hyphen of Fraktur.
"""

from __future__ import annotations

import re

Rule = tuple[re.Pattern[str], str]

_STRUCK: Rule = (re.compile(r">[^<>{}]*<|<>"), "")  # not across braces: "{a>0}, b<0" is a formula
_ANYWHERE: tuple[Rule, ...] = (
    (re.compile(r"⟦[^⟧]*⟧|\[\[\]\]|⋎"), ""),
    (re.compile("ᗅ"), "A"),
)
_RAISED: Rule = (re.compile(r"\^"), "")

_RULES: dict[str, tuple[Rule, ...]] = {
    "handwriting_copiste": (_STRUCK,),
    "handwriting_testaments_poilus": (_STRUCK, _RAISED),
    "handwriting_peraire": (_STRUCK, _RAISED, (re.compile("#"), "")),
    "handwriting_cremma_mss19": (_STRUCK, _RAISED, (re.compile(r"\[\[(.+?)\]\]"), r"\1")),
    "handwriting_lathrop": (_STRUCK, _RAISED),
    "printed_lines_ocr17": ((re.compile("¬"), "-"),),
    "receipts_sroie": ((re.compile(r"^\*\*\*$"), ""),),
}

_SEEN = {"Cafï¿½": "Café", "ESPAï¿½OL": "ESPAÑOL", "INGLï¿½S": "INGLÉS", "ï¿½350": "£359"}
_LOST = re.compile("\ufffd|ï¿½")


def clean(text: str, set_name: str) -> str | None:
    """Return the label as it stands in ink, or None where the label does not say what that is.

    `set_name` is the name of the set's folder; a set without rules of its own gets those for any set.

    >>> clean("le 1^er >mars< avril", "handwriting_lathrop")
    'le 1er avril'
    >>> clean("***", "receipts_sroie") is None
    True
    """
    text = _SEEN.get(text, text)
    if _LOST.search(text):
        return None
    for pattern, replacement in _ANYWHERE + _RULES.get(set_name, ()):
        text = pattern.sub(replacement, text)
    return " ".join(text.split()) or None
