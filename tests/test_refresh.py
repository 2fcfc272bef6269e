"""tools/refresh.py draws the pictures of README and the pages on explaining, by the commands told there."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "docs/explaining.md", "docs/asking.md", "docs/measuring.md")
pytestmark = pytest.mark.skipif(not (ROOT / "tools").exists(), reason="only in a checkout")


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("refresh").PICTURES  # type: ignore[no-any-return]


def test_every_picture_shown_is_drawn_and_every_drawn_one_is_shown(
    pictures: dict[str, tuple[str, str]],
) -> None:
    shown = {
        (ROOT / name).parent.joinpath(link).resolve()
        for name in PAGES
        for link in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / name).read_text("utf-8"))
    }
    assert shown == {ROOT / picture for picture in pictures}
    assert all(picture.stat().st_size < 160_000 for picture in shown)
    kept = {picture for page in PAGES[1:] for picture in (ROOT / page).with_suffix("").iterdir()}
    assert kept == shown - {ROOT / "docs/looks.png"}


def test_the_pages_say_the_commands(pictures: dict[str, tuple[str, str]]) -> None:
    said = "".join((ROOT / name).read_text("utf-8") for name in PAGES)
    commands = [f"foveal explain {arguments}" for _, arguments in pictures.values()]
    assert [command for command in commands if command not in said] == []
