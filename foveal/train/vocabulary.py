"""The words of the language that some texts are in, with how frequent they are, and those of the texts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from wordfreq import top_n_list, word_frequency

from foveal.alphabet import Alphabet
from foveal.reading.words import Words, parts
from foveal.synth.lexicon import LANGUAGES

_MOST = 30_000
"""Words of the language that are kept: 400 kB."""
_OWN = 0.1
"""Share of the chances that goes to the words of the texts themselves."""
_KNOWN = 0.5
"""The least share of the texts' words that must be listed; else no language is taken to be known."""
_ASKED = 200


def vocabulary(texts: Sequence[str], alphabet: Alphabet) -> Words | None:
    """Return the words of the texts' language and of the texts; None if it is no language that is known."""
    own = Counter(word for text in texts for part in text.split() if len(word := parts(part)[1].lower()) > 1)
    own = Counter({word: count for word, count in own.items() if word.replace("-", "").isalpha()})
    name = language([word for word, _ in own.most_common(_ASKED)])
    if name is None:
        return None
    kept = [word for word in top_n_list(name, _MOST) if len(word) > 1 and word.replace("-", "").isalpha()]
    chances = {word: (1 - _OWN) * word_frequency(word, name) for word in kept}
    for word, count in own.items():
        chances[word] = chances.get(word, 0.0) + _OWN * count / own.total()
    return Words({word: math.log(chance) for word, chance in chances.items()}, alphabet)


def language(words: Sequence[str]) -> str | None:
    """Return the language in which most of some words are frequent, as wordfreq names it; None for none."""
    chances = {name: [word_frequency(word, name, wordlist="small") for word in words] for name in LANGUAGES}
    scores = {name: sum(math.log(max(chance, 1e-8)) for chance in found) for name, found in chances.items()}
    best = max(scores, key=lambda name: scores[name])
    known = sum(chance > 0 for chance in chances[best])
    return best if words and known >= _KNOWN * len(words) else None
