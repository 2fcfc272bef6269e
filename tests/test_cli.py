"""The shell's commands: what they promise, without reading a page."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ran import Ran

from foveal import __version__
from foveal.batch.local import find_inputs
from foveal.batch.outputs import namer
from foveal.formats import FORMATS

Shell = Callable[..., Ran]


def test_version(shell: Shell) -> None:
    assert shell("version") == Ran(0, f"{__version__}\n", "")


def test_help_names_every_command_and_every_format(shell: Shell) -> None:
    assert {"read", "evaluate", "synth", "models", "version"} <= set(shell("--help").out.split())
    described = shell("read", "--help").out
    for name in FORMATS:
        assert name in described


def imported_by(code: str) -> set[str]:
    """Return the modules a fresh process has after running `code`."""
    code += "\nimport sys; print(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )


@pytest.mark.parametrize("code", ["import foveal", "import foveal.cli", "from foveal import FovealError"])
def test_importing_foveal_loads_nothing_heavy(code: str) -> None:
    assert (
        imported_by(code) & {"numpy", "cv2", "onnxruntime", "PIL", "pypdfium2", "rich.console", "torch"}
        == set()
    )


def test_the_front_door_has_the_words_a_user_needs() -> None:
    import foveal

    for name in foveal.__all__:
        assert getattr(foveal, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'raed'"):
        _ = foveal.raed


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--format", "makdown"], "did you mean 'markdown'?"),
        (["--boxes", "words"], "did you mean 'word'?"),
        (["--model", "acurate"], "did you mean 'accurate'?"),
        (["--pages", "3-1"], "pages '3-1' cannot be understood"),
        (["--threads", "0"], "0 threads cannot read"),
        (["--looks"], "text cannot hold looks (only --format json does)"),
    ],
)
def test_a_wrong_option_names_the_right_one(options: list[str], says: str, shell: Shell) -> None:
    shell("read", "scan.png", *options).assert_failed(2, says)


@pytest.mark.parametrize("options", [["--format", "alto"], ["--overlay", "boxes.png"], ["-o", "a.txt"]])
def test_several_inputs_need_a_folder(options: list[str], shell: Shell) -> None:
    shell("read", "a.png", "b.png", *options).assert_failed(2, "several inputs", "give one")


def test_an_option_that_does_not_exist_is_refused(shell: Shell) -> None:
    ran = shell("read", "scan.png", "--langauge", "de")
    assert ran.code == 2
    assert "--langauge" in ran.err


def test_results_are_named_after_their_inputs(tmp_path: Path) -> None:
    for name in ("a.png", "b/a.jpg", "b/c.d.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found, failed = find_inputs([str(tmp_path), "-", "https://example.org/x/Sign%201.jpg?w=3", "nope.png"])
    assert [item.stem for item in found] == ["a", "b/a", "b/c.d", "stdin", "Sign 1", "nope"]
    assert failed == []


def test_no_result_takes_the_place_of_another() -> None:
    name, folder = namer(), Path("out")
    given = [name(folder, stem, ".txt") for stem in ("a", "b", "a", "a", "a-2")]
    assert len(set(given)) == 5
    assert given[:3] == [folder / "a.txt", folder / "b.txt", folder / "a-2.txt"]
