"""`foveal robustness`: what perturbations do to a folder's reading, and what is certified of it."""

import json
from collections.abc import Callable
from math import comb
from pathlib import Path

import pytest
from damaged import page
from ran import Ran

from foveal import Reader
from foveal.errors import ConfigError
from foveal.explain.robustness import Certificate, at_least, named, robustness
from foveal.measure.perturb import FAMILIES

Shell = Callable[..., Ran]


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of six clean lines."""
    folder = tmp_path_factory.mktemp("lines")
    texts = ("The quick brown fox", "jumps over the lazy dog", "and reads on page")
    rows = []
    for number in (1, 2):
        for row, text in enumerate(texts):
            name = f"{number}{row}.png"
            page(number).crop((20, 45 + 80 * row, 520, 120 + 80 * row)).save(folder / name)
            rows.append(f"{name}\t{text}" + (f" {number}" if row == 2 else ""))
    (folder / "labels.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def found(crops: Path) -> Certificate:
    return robustness(crops, Reader(), families=("blur", "contrast"), share=0.5)


def test_each_strength_of_each_family_is_told(found: Certificate) -> None:
    assert found.lines == 6
    assert [one.family for one in found.families] == ["blur", "contrast"]
    for one in found.families:
        assert tuple(level.strength for level in one.levels) == FAMILIES[one.family].strengths


def test_clean_print_bears_a_little_and_not_everything(found: Certificate) -> None:
    blur = found.families[0]
    assert blur.levels[0].kept == blur.levels[0].alike == 1.0
    assert blur.levels[0].drift < 0.2
    assert blur.levels[-1].kept < 0.9
    assert blur.certified is not None
    assert blur.breaks is not None
    assert blur.certified <= blur.breaks


def test_no_strength_beyond_a_failed_one_is_certified(found: Certificate) -> None:
    for one in found.families:
        failed = [level.strength for level in one.levels if level.at_least < found.share]
        certified = 0.0 if one.certified is None else one.certified
        assert all(strength > certified for strength in failed)


def test_few_lines_certify_nothing_much(crops: Path) -> None:
    strict = robustness(crops, Reader(), families=("contrast",), share=0.9, limit=2)
    assert strict.lines == 2
    assert strict.families[0].levels[0].lines == 1.0
    assert strict.families[0].certified is None


@pytest.mark.parametrize(("hits", "of"), [(1, 1), (19, 20), (40, 40), (57, 60), (3, 100)])
def test_the_bound_is_exact(hits: int, of: int) -> None:
    p = at_least(hits, of)
    assert sum(comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(hits, of + 1)) == pytest.approx(0.05)
    assert p < hits / of


def test_of_nothing_nothing_is_sure() -> None:
    assert at_least(0, 0) == at_least(0, 9) == 0.0


def test_pages_are_read_whole(tmp_path: Path) -> None:
    page().save(tmp_path / "scan.png")
    found = robustness(tmp_path, Reader(), families=("rotation",))
    assert found.lines == 3
    gentle = found.families[0].levels[0]
    assert gentle.kept == 1.0, "a page that is turned by half a degree is turned back"
    assert gentle.drift < 0.3


def test_a_family_that_is_not_there_names_the_nearest() -> None:
    assert named(None) == tuple(FAMILIES)
    with pytest.raises(ConfigError, match="blur"):
        named(["blurr"])


def test_the_shell_prints_a_table_or_json(crops: Path, shell: Shell) -> None:
    asked = ("robustness", crops, "--family", "contrast", "--limit", 2)
    table = shell(*asked)
    assert table.code == 0, table.err
    assert "contrast, % taken away: certified none" in table.out
    (family,) = json.loads(shell(*asked, "--json").out)["families"]
    assert len(family["levels"]) == len(FAMILIES["contrast"].strengths)
