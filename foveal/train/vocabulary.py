"""The words of some texts, for a model to know as its own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from foveal.alphabet import Alphabet
from foveal.reading.words import parts


def own_words(texts: Sequence[str], alphabet: Alphabet) -> str:
    """Return the words of texts with their log-chances, as `Vocabulary.from_text` takes them.

    In lower case, with two letters or more; those that the alphabet cannot write are left out.

    >>> own_words(["Ada, Ada and I"], Alphabet()).splitlines()
    ['ada -0.41', 'and -1.10']
    """
    cores = (parts(part)[1].lower() for text in texts for part in text.split())
    counts = Counter(core for core in cores if len(core) > 1 and core.replace("-", "").isalpha())
    kept = {word: count for word, count in counts.items() if not alphabet.unwritable(word)}
    every = sum(kept.values())
    return "\n".join(f"{word} {math.log(count / every):.2f}" for word, count in kept.items())
