"""The figures of a set: every measure of text that its truth allows, by name, under one rule."""

from __future__ import annotations

from collections.abc import Sequence

from foveal.measure import text
from foveal.measure.rules import Rule, exact
from foveal.measure.text import Pair

Figures = dict[str, float]


def crop_figures(pairs: Sequence[Pair], *, rule: Rule) -> Figures:
    """Return the figures of crops, given (read, true) texts.

    `cer` and `accuracy` by the rule of the set; `accuracy_exact` and `accuracy_alphanumeric` whatever the
    rule; `spaces_f1` where the truth has spaces.
    """
    folded = [(rule(read), rule(truth)) for read, truth in pairs]
    strict = [(exact(read), exact(truth)) for read, truth in pairs]
    loose = [(text.alphanumeric(read), text.alphanumeric(truth)) for read, truth in pairs]
    figures = {
        "cer": text.cer(folded),
        "accuracy": text.accuracy(folded),
        "accuracy_exact": text.accuracy(strict),
        "accuracy_alphanumeric": text.accuracy(loose),
    }
    if any(" " in truth for _, truth in strict):
        figures["spaces_f1"] = text.spaces(strict)
    return figures


def page_figures(pairs: Sequence[Pair], *, rule: Rule, flows: bool, unknown: str = "") -> Figures:
    """Return the figures of pages, given (read, true) texts: F1 of words; CER where it flows.

    `unknown`: the sign of the truth for any sign that it could not write, if it has one.
    """
    figures = {
        "bag_of_words_f1": text.bag_of_words(pairs, fold=rule, unknown=unknown),
        "bag_of_bare_words_f1": text.bag_of_words(pairs, fold=rule, cut=text.bare_words, unknown=unknown),
    }
    if flows:
        figures["cer"] = text.cer((rule(read), rule(truth)) for read, truth in pairs)
    return figures
