"""Describe every part of `foveal.attention` from its docstring and signature; `docs.py` puts it in its page.

A docstring's first paragraph is the formula; brackets with a year in them are papers; sentences about time
and memory are the cost; a paragraph "Choose it …" says when; what remains explains the formula.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping

from foveal.attention import (
    CROSSMODAL,
    FUSIONS,
    GATES,
    MECHANISMS,
    NORMALISERS,
    POSITIONS,
    AlongTime,
    Attention,
    EarlyExit,
    MultiHead,
    ScaleGates,
)

PAPER = re.compile(r" *\((?P<paper>[^()]*\b(?:19|20)\d\d[^()]*)\)")
SENTENCE = re.compile(r"(?<=\.) (?=[A-Z(\"`])")
COST = re.compile(r"^(Time|Memory|Cost)\b|\btime O\(")
WHEN = "Choose it "
AROUND = {kind.__name__: kind for kind in (MultiHead, AlongTime, EarlyExit, ScaleGates)}
TABLES: dict[str, tuple[str, Mapping[str, type]]] = {
    "Mechanisms": (
        'Where a query looks: `attention = "additive"`, `{name = "local", window = 8}`.',
        MECHANISMS,
    ),
    "Normalisers": ("How scores become weights: the option `normaliser` of most mechanisms.", NORMALISERS),
    "Positions": ("The argument `position` of `MultiHead`: they change q and k, or the score.", POSITIONS),
    "Gates": ("What a feature map may keep: `weights(x)` in [0, 1], `forward(x) = x · weights(x)`.", GATES),
    "Pyramid": ("Maps of several scales become one; `weights` sum to one over the levels.", FUSIONS),
    "Cross-modal": ("Text and image look at each other; both come in, both come out.", CROSSMODAL),
    "Around them": ("Modules that hold mechanisms, blocks or gates; all in `foveal.attention`.", AROUND),
}
PROPERTIES = {
    "q and k may differ in size": "unequal",
    "order of keys is free": "any_order",
    "queries apart, so step by step": "rows_alone",
    "takes a bias": "takes_bias",
    "ONNX": "exports",
}


def attention() -> str:
    """Describe all parts under headings of their own; mechanisms begin with what can be relied on."""
    return "".join(
        f"\n## {title}\n\n{introduction}\n"
        + (properties(MECHANISMS) if table is MECHANISMS else "")
        + "".join(part(name, kind, drawn=table is MECHANISMS) for name, kind in table.items())
        for title, (introduction, table) in TABLES.items()
    )


def properties(table: Mapping[str, type[Attention]]) -> str:
    """Tabulate the class attributes that laws and models rely on."""
    rows = [["mechanism", *PROPERTIES], ["---"] * (1 + len(PROPERTIES))]
    for name, kind in table.items():
        rows.append(
            [f"[`{name}`](#{name})", *("yes" if getattr(kind, key) else "" for key in PROPERTIES.values())]
        )
    return "\n" + "".join("| " + " | ".join(row) + " |\n" for row in rows)


def part(name: str, kind: type, *, drawn: bool) -> str:
    """Describe one part: formula, explanation, then cost, options, when to choose it, papers, and picture."""
    text = inspect.getdoc(kind) or ""
    paragraphs = [" ".join(p.split()) for p in re.sub(r"\n+>>>.*", "", text, flags=re.DOTALL).split("\n\n")]
    papers = [found["paper"].strip(" .") for p in paragraphs for found in PAPER.finditer(p)]
    paragraphs = [PAPER.sub("", p) for p in paragraphs]
    sentences = [s for p in paragraphs[1:] if not p.startswith(WHEN) for s in SENTENCE.split(p.strip(" ."))]
    cost = " ".join(s.rstrip(".") + "." for s in sentences if COST.search(s))
    facts = {
        "cost": re.sub("^Cost:? ", "", cost),
        "options": options(kind),
        "when": " ".join(p for p in paragraphs if p.startswith(WHEN)),
        "papers": "; ".join(dict.fromkeys(papers)),
    }
    explained = " ".join(s.rstrip(".") + "." for s in sentences if not COST.search(s) and s)
    listed = "".join(f"- {key}: {escaped(value)}\n" for key, value in facts.items() if value)
    opening = f"**{escaped(paragraphs[0])}** {escaped(explained)}".rstrip()
    picture = f"\n![weights of {name} on one line](attention/{name}.png)\n" if drawn else ""
    return f"\n### {name}\n\n{opening}\n" + (f"\n{listed}" if listed else "") + picture


def options(kind: type) -> str:
    """Return a part's options with what they are unless told; a size such as `levels` is none."""
    parameters = [p for p in inspect.signature(kind).parameters.values() if p.kind is p.KEYWORD_ONLY]
    named = {p.name: json.dumps(p.default) for p in parameters if p.default is not p.empty}
    return ", ".join(
        f"`{name}`" if value == "null" else f"`{name} = {value}`" for name, value in named.items()
    )


def escaped(text: str) -> str:
    """Return text whose formulas Markdown leaves alone: outside of `code`, no * or _ has a meaning."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([*_\[\]<])", r"\\\1", p) for p in pieces)
