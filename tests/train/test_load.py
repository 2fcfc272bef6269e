"""A mechanism of one's own takes part in `foveal train`, `compare` and `choose`: `--load mine.py`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ran import Ran
from tiny_recipe import ENCODER
from word_set import write_words

from foveal.attention import MECHANISMS

OWN = Path(__file__).parent.parent.parent / "examples" / "own_mechanism.py"
RECIPE = f"""
decoder = "ctc"
{ENCODER}attention = "cosine"
[data]
batch = 8
width = 96
characters = 6
augment = 0.0
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    write_words(tmp_path / "words", count=80)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.toml").write_text(RECIPE, encoding="utf-8")
    yield tmp_path
    MECHANISMS.pop("cosine", None)


@pytest.mark.parametrize(
    "command",
    [
        ("train", "recipes/mine.toml", "--train", "words", "--steps", "1", "--device", "cpu"),
        ("compare", "recipes/mine.toml", "--train", "words", "--dev", "words", "--steps", "1", "--seeds", "1",
         "--limit", "8", "--threads", "1", "--device", "cpu"),
        ("choose", "words", "--recipes", "recipes", "--minutes", "0.02", "--cpu"),
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_a_mechanism_of_ones_own_takes_part(
    command: tuple[str, ...], home: Path, shell: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    without = shell(*command, "--output", "none")
    assert without.code != 0
    assert "cosine" in without.err
    ran = shell(*command, "--output", "out", "--load", OWN)
    assert ran.code == 0, ran.err
    assert list((home / "out").rglob("final.safetensors"))
