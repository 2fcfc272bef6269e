"""Bad input and bad luck: one sentence, the exit code of its class, and what was read is kept."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from damaged import BOMBS, UNREADABLE, cut, encoded, many, page
from ran import Ran

from foveal import ImageTooLarge, OutputFailed, UnreadableImage
from foveal.__main__ import run
from foveal.batch.outputs import whole, write_text
from foveal.images import pages

LOCKED = Path(__file__).parent / "data" / "locked.pdf"
Shell = Callable[..., Ran]
Process = Callable[..., "subprocess.Popen[bytes]"]


@pytest.mark.parametrize("fault", UNREADABLE)
def test_what_cannot_be_read_is_one_sentence(fault: str, tmp_path: Path, shell: Shell) -> None:
    name, make, says = UNREADABLE[fault]
    (tmp_path / name).write_bytes(make())
    ran = shell("read", tmp_path / name)
    ran.assert_failed(4, name)
    assert re.search(says, ran.err)
    assert ran.out == ""


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_before_it_is_decoded(kind: str, tmp_path: Path, shell: Shell) -> None:
    bomb = tmp_path / f"bomb.{kind}"
    bomb.write_bytes(BOMBS[kind]())
    assert bomb.stat().st_size < 50_000
    began = time.process_time()
    shell("read", bomb).assert_failed(5, "pixels")
    assert time.process_time() - began < 2
    with pytest.raises(ImageTooLarge):
        list(pages(bomb.read_bytes()))


def test_an_encrypted_pdf_asks_for_its_password(shell: Shell) -> None:
    shell("read", LOCKED).assert_failed(6, "locked.pdf: the PDF is encrypted", "--password")
    shell("read", LOCKED, "--password", "ear").assert_failed(6, "the password is wrong")


def test_a_missing_file_and_a_folder_without_images(tmp_path: Path, shell: Shell) -> None:
    shell("read", tmp_path / "nope.png").assert_failed(3, "nope.png: no such file")
    shell("read", tmp_path).assert_failed(3, "no image or PDF in this folder")
    shell("read", tmp_path / "*.png").assert_failed(3, "nothing matches")


def test_a_batch_names_every_fault_and_ends_with_a_summary(tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "notes.png").write_text("milk")
    ran = shell("read", tmp_path, tmp_path / "nope.png", LOCKED)
    ran.assert_failed(8, "empty.png", "notes.png", "nope.png", "locked.pdf", "4 of 4 inputs failed")
    assert len(ran.err.splitlines()) == 5


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "a/" * 3000])
def test_a_path_no_file_can_have_is_missing(name: str, shell: Shell) -> None:
    assert shell("read", name).code in (3, 4)


def test_an_empty_name_is_not_the_working_folder(shell: Shell) -> None:
    shell("read", "").assert_failed(3, "an empty name")


def test_an_address_that_is_not_of_the_web_says_so(shell: Shell) -> None:
    shell("read", "ftp://example.org/a.png").assert_failed(3, "ftp://example.org/a.png: not an http")


# --- pages that were opened before the fault ----------------------------------------------------------------


def opened_before_the_fault(data: bytes) -> tuple[list[int], str]:
    """Return the pages that are opened, and what the error after them says."""
    opened: list[int] = []
    try:
        for image in pages(data):
            opened.append(image.number)
    except UnreadableImage as error:
        return opened, str(error)
    return opened, ""


@pytest.mark.parametrize(("share", "count"), [(0.9, 2), (0.5, 1)])
def test_the_pages_of_a_truncated_tiff_are_opened_up_to_the_cut(share: float, count: int) -> None:
    opened, says = opened_before_the_fault(cut(many(3, "TIFF"), share))
    assert opened == list(range(1, count + 1))
    assert re.search(rf"page {count + 1}.* cannot be decoded: .*; pages? .* (was|were) read", says)


def test_a_damaged_frame_does_not_hide_those_after_it() -> None:
    data = bytearray(many(3, "TIFF", compression="tiff_lzw"))
    middle = len(data) // 2
    data[middle - 40 : middle + 40] = bytes(80)
    opened, says = opened_before_the_fault(bytes(data))
    assert opened == [1, 3]
    assert re.search("page 2 cannot be decoded: .*; pages 1, 3 were read", says)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_truncated_pdf_says_so_even_where_it_opens(share: float) -> None:
    opened, says = opened_before_the_fault(cut(many(3, "PDF"), share))
    assert re.search("cut off|cannot be decoded", says)
    assert ("read" in says) == bool(opened)


# --- where results go ---------------------------------------------------------------------------------------


def test_a_full_disk_is_an_output_that_failed() -> None:
    with pytest.raises(OutputFailed, match="No space left on device"):
        write_text(Path("/dev/full"), "text\n" * 5000)
    assert Path("/dev/full").is_char_device()


def stop_half_way(path: Path) -> None:
    with whole(path) as file:
        file.write(b"half")
        raise ZeroDivisionError


def test_a_file_is_whole_or_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError):
        stop_half_way(path)
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_or_a_file_in_the_way_is_an_output_that_failed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "folder", tmp_path / "file" / "a.txt"):
        with pytest.raises(OutputFailed, match="nothing was written there"):
            write_text(path, "text")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


def test_control_c_ends_quietly_with_130(tmp_path: Path, process: Process) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    with process("read", pipe) as running, pipe.open("wb"):  # opened here means: it waits for the bytes there
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    Ran(running.returncode, out.decode(), err.decode()).assert_failed(130, "stopped in", "pipe.png")
    assert out == b""


class Stopped:
    """Stands for Ctrl-C: in the middle of an import, or of a call."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "foveal.cli":
            raise KeyboardInterrupt

    def __call__(self, *_: object, **__: object) -> None:
        raise KeyboardInterrupt


def test_control_c_while_the_commands_are_loaded_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "foveal.cli")
    monkeypatch.setattr(sys, "meta_path", [Stopped(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        run()
    Ran(int(ended.value.code or 0), *capsys.readouterr()).assert_failed(130, "stopped", "nothing was begun")


@pytest.mark.parametrize("command", ["read", "evaluate"])
def test_control_c_before_the_first_page_is_a_sentence(
    command: str, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("foveal.reading.reader.Reader", Stopped())
    shell(command, LOCKED).assert_failed(130, "stopped")


def test_the_pictures_of_these_tests_are_not_blank() -> None:
    (opened,) = pages(encoded(page(), "PNG"))
    assert 0.01 < (opened.pixels < 128).mean() < 0.3
