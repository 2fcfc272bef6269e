"""What README.md and examples/ promise: the Python runs, links lead somewhere, examples have a licence."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "examples"
PICTURES = sorted(file for file in EXAMPLES.rglob("*") if file.suffix in {".jpg", ".png", ".pdf", ".webp"})


def test_the_python_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert "51.30" in capsys.readouterr().out


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(((?!http)[^)#]+)\)", README)
    assert len(README.splitlines()) < 150
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda file: file.name)
def test_an_example_has_its_text_and_a_licence(picture: Path) -> None:
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in table if f"`{picture.name}`" in line]
    _, _, what, source, licence, _ = row.split("|")
    assert what.strip()
    assert source.strip()
    assert re.search("public domain|not under copyright|CC BY|Apache-2.0", licence)
    assert picture.with_suffix(".txt").read_text(encoding="utf-8").strip()


def test_the_examples_are_small() -> None:
    assert PICTURES
    assert sum(file.stat().st_size for file in EXAMPLES.rglob("*")) < 4_000_000
