"""Pack the words that reading knows: `python tools/pack_words.py [--output foveal/weights/words.npz]`.

The commonest words of every language of foveal/synth/lexicon.py with their frequencies, from wordfreq (Speer,
2022), whose data is licensed CC BY-SA 4.0. Words have two letters or more, all of them in the alphabet.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from wordfreq import top_n_list, word_frequency

from foveal.alphabet import ALPHABET
from foveal.reading.engine import WEIGHTS
from foveal.reading.vocabulary import Vocabulary
from foveal.synth.lexicon import LANGUAGES


def words_of(language: str, count: int) -> dict[str, float]:
    """Return the commonest words of a language with their log-chances."""
    writable = set(ALPHABET)
    kept = [
        word
        for word in top_n_list(language, count)
        if len(word) > 1 and word.replace("-", "").isalpha() and writable.issuperset(word + word.upper())
    ]
    return {word: math.log(word_frequency(word, language)) for word in kept}


def main() -> None:
    """Write the file and say how large it is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=WEIGHTS / "words.npz")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of words of each language")
    asked = parser.parse_args()
    found = {name: words_of(name, round(count * asked.scale)) for name, count in LANGUAGES.items()}
    packed = Vocabulary.build(found)
    packed.save(asked.output)
    size = asked.output.stat().st_size / 2**20
    print(f"{len(packed.spoken)} words of {len(found)} languages, {len(packed.letter)} nodes, {size:.1f} MiB")


if __name__ == "__main__":
    main()
