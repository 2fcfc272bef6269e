"""How texts are to be looked for, as asked for in a shell before the model is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from foveal.alphabet import ALPHABET, Alphabet, normalise
from foveal.config import nearest
from foveal.errors import ConfigError, InputMissing
from foveal.reading.context import embedded_languages
from foveal.reading.language import Language
from foveal.reading.search import Search

WEIGHT = 0.3
"""What a language weighs beside the image, unless told."""


@dataclass(frozen=True)
class SearchSpec:
    """What is asked of a search: it acts on recognisers that spell, and on CTC alone.

    beam: hypotheses kept, 1 for greedy; fuse: fr, de or en, or a file of texts (UTF-8, one a line), whose
    characters are counted; weight: of that language beside the image, see `Search`.
    """

    beam: int = 1
    fuse: str | None = None
    weight: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be, and a weight that nothing bears."""
        if self.beam < 1:
            raise ConfigError(f"a beam of {self.beam} keeps nothing", remedy="give 1 or more")
        if self.weight is not None and self.fuse is None:
            raise ConfigError("a weight of no language", remedy="give --fuse too: fr, de, en, or a file")

    @property
    def acts(self) -> bool:
        """Whether anything but the greedy search is asked for."""
        return self != SearchSpec()

    def search(self, alphabet: Alphabet) -> Search:
        """Return the search for a model that writes in an alphabet.

        Raises ConfigError for a language that does not exist or is not counted in these characters,
        InputMissing for a file that does not exist.
        """
        if self.fuse is None:
            return Search(self.beam)
        weight = WEIGHT if self.weight is None else self.weight
        return Search(self.beam, language=_language(self.fuse, alphabet), weight=weight)


def _language(fuse: str, alphabet: Alphabet) -> Language:
    path = Path(fuse)
    if path.is_file():
        return _counted(path, alphabet)
    if path.suffix:
        raise InputMissing(f"{fuse}: no such file", remedy="check the path")
    languages = embedded_languages()
    if fuse not in languages:
        raise ConfigError(f"nothing is counted of '{fuse}'", remedy=nearest(fuse, languages))
    if alphabet.characters != ALPHABET:
        raise ConfigError(
            f"'{fuse}' is counted in other characters than this model writes",
            remedy="give a file of texts instead, one a line",
        )
    return languages[fuse]


def _counted(path: Path, alphabet: Alphabet) -> Language:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8", remedy="give a file of texts, one a line") from error
    texts = [text for text in map(normalise, lines) if text and not alphabet.unwritable(text)]
    if not texts:
        raise ConfigError(
            f"{path}: no line that this model can write", remedy="give a file of texts, one a line"
        )
    return Language.learn(map(alphabet.encode, texts), classes=len(alphabet))
