"""`foveal read` on real pages: results whole, on standard output or in files, whatever else happens."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from damaged import encoded, many, page
from PIL import Image
from ran import Ran

from foveal import Document
from foveal.document import Page
from foveal.formats import FORMATS

LOCKED = Path(__file__).parent / "data" / "locked.pdf"
Shell = Callable[..., Ran]
Process = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "scan.png"
    path.parent.mkdir()
    page().save(path)
    return path


def finished(process: "subprocess.Popen[bytes]", *, given: bytes | None = None) -> Ran:
    out, err = process.communicate(given, timeout=60)
    return Ran(process.returncode, out.decode(), err.decode())


# --- results ------------------------------------------------------------------------------------------------


def test_text_goes_to_standard_output_and_nothing_else(scan: Path, process: Process) -> None:
    ran = finished(process("read", scan, "--threads", 1))
    assert (ran.code, ran.err) == (0, "")
    assert "quick brown fox" in ran.out


def test_standard_input_is_read(process: Process) -> None:
    ran = finished(process("read", "-", stdin=subprocess.PIPE), given=encoded(page(), "PNG"))
    assert "quick brown fox" in ran.out


def timeless(text: str) -> str:
    """Leave out when a file was made."""
    return re.sub(r"\d\d:\d\d:\d\d", "", text)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_written_whole(format: str, scan: Path, tmp_path: Path, shell: Shell) -> None:
    assert shell("read", scan, "--format", format, "--output", tmp_path / "result") == Ran(0, "", "")
    printed = shell("read", scan, "--format", format).out
    assert timeless((tmp_path / "result").read_text(encoding="utf-8")) == timeless(printed)
    assert "quick" in printed
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["in", "result"]


def test_a_folder_gets_one_file_an_input(scan: Path, tmp_path: Path, shell: Shell) -> None:
    (scan.parent / "more").mkdir()
    page(2).save(scan.parent / "more" / "scan.jpg")
    (scan.parent / "two.tif").write_bytes(many(2, "TIFF"))
    out = tmp_path / "out"
    assert shell("read", scan.parent, "--format", "page-xml", "--output", out).code == 0
    written = sorted(str(path.relative_to(out)) for path in out.rglob("*.*"))
    suffix = FORMATS["page-xml"].suffix
    assert written == [f"{name}{suffix}" for name in ("more/scan", "scan", "two-2", "two")]


def test_looks_come_with_their_characters(scan: Path, shell: Shell) -> None:
    document = Document.from_json(shell("read", scan, "--format", "json", "--looks").out)
    looks = [c.look for line in document.pages[0].lines for word in line.words for c in word.chars]
    assert looks
    assert None not in looks


def test_the_overlay_draws_on_the_page(scan: Path, tmp_path: Path, shell: Shell) -> None:
    for level in ("line", "word", "char"):
        target = tmp_path / f"{level}.png"
        ran = shell("read", scan, "--overlay", target, "--boxes", level)
        assert ran.err == f"foveal: wrote {target}\n"
        drawn = np.asarray(Image.open(target)).astype(int)
        assert drawn.shape == (400, 640, 3)
        assert (np.ptp(drawn, axis=2) > 60).sum() > 500  # coloured, which the page is not


@pytest.mark.parametrize(
    ("format", "told"), [("text", True), ("markdown", True), ("tsv", True), ("json", False)]
)
def test_what_could_not_be_read_is_told_where_the_format_cannot_list_it(
    format: str, told: bool, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ((1.0, 1.0), (9.0, 1.0), (9.0, 5.0), (1.0, 5.0))
    unread = Page(1, 20, 20, (), unread=(place, place))
    monkeypatch.setattr("foveal.reading.reader.Reader.read_page", lambda *_, **__: unread)
    ran = shell("read", LOCKED, "--password", "eye", "--format", format)
    assert (ran.code, ran.err.startswith("foveal: 2 places look like text but could not")) == (0, told)
    assert ("json, hocr, alto, page-xml)" in ran.err) == told


def test_a_pdf_cannot_be_drawn_at_no_resolution(shell: Shell) -> None:
    for dpi in ("0", "nan"):
        shell("read", LOCKED, "--password", "eye", "--dpi", dpi).assert_failed(2, "cannot be drawn")


def test_remedies_are_taken_if_asked_for(scan: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bool] = []

    def cannot_gain(*_: object) -> bool:
        taken.append(True)
        return True

    monkeypatch.setattr("foveal.reading.remedy._cannot_gain", cannot_gain)
    assert shell("read", scan).code == 0
    assert not taken
    assert shell("read", scan, "--remedies").code == 0
    assert taken


def test_an_input_is_never_overwritten(scan: Path, shell: Shell) -> None:
    before = scan.read_bytes()
    for option in ("--overlay", "--output"):
        shell("read", scan, option, scan).assert_failed(2, "would be overwritten")
    assert scan.read_bytes() == before


def test_a_locked_pdf_is_read_with_its_password(shell: Shell) -> None:
    assert "secret" in shell("read", LOCKED, "--password", "eye").out


# --- faults -------------------------------------------------------------------------------------------------


def test_a_bad_file_does_not_stop_a_batch(scan: Path, tmp_path: Path, shell: Shell) -> None:
    (scan.parent / "a.png").touch()
    (scan.parent / "z.png").write_bytes(encoded(page(2), "PNG"))
    out = tmp_path / "out"
    ran = shell("read", scan.parent, tmp_path / "nope.png", "--output", out)
    ran.assert_failed(8, "a.png: the file is empty", "nope.png", "2 of 4 inputs failed")
    assert sorted(path.name for path in out.iterdir()) == ["scan.txt", "z.txt"]
    assert "page2" in (out / "z.txt").read_text().replace(" ", "")


def test_what_was_read_before_a_cut_is_kept(tmp_path: Path, shell: Shell) -> None:
    data = many(3, "TIFF")
    (tmp_path / "fax.tif").write_bytes(data[: int(0.9 * len(data))])
    ran = shell("read", tmp_path / "fax.tif", "--format", "json", "--boxes", "char")
    ran.assert_failed(4, "page 3", "pages 1–2 were read")
    kept = Document.from_json(ran.out)
    assert [opened.number for opened in kept.pages] == [1, 2]
    assert "page 3" in kept.metadata["incomplete"]


def test_a_full_disk_under_standard_output(scan: Path, process: Process) -> None:
    with Path("/dev/full").open("wb") as full, process("read", scan, stdout=full) as running:
        _, err = running.communicate(timeout=60)
    Ran(running.returncode, "", err.decode()).assert_failed(7, "standard output", "No space left on device")


def test_a_full_disk_under_a_file_leaves_none(scan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = f"ulimit -f 0; exec '{sys.executable}' -m foveal read '{scan}' --output '{out}/' --format json"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    Ran(ran.returncode, ran.stdout, ran.stderr).assert_failed(7, "scan.json", "nothing was written there")
    assert list(out.iterdir()) == []


def test_nobody_reads_any_more(scan: Path, process: Process) -> None:
    read, write = os.pipe()
    os.close(read)
    with process("read", scan, stdout=write) as running:
        os.close(write)
        _, err = running.communicate(timeout=60)
    assert running.returncode != 0
    assert b"Traceback" not in err


def test_an_interrupted_run_keeps_what_was_read(tmp_path: Path, process: Process) -> None:
    (tmp_path / "long.tif").write_bytes(many(150, "TIFF", compression="tiff_lzw"))
    out, pictures = tmp_path / "out", tmp_path / "pictures"
    arguments = ("read", tmp_path / "long.tif", "-f", "json", "-o", f"{out}/", "--overlay", f"{pictures}/")
    with process(*arguments) as running:
        deadline = time.monotonic() + 50
        while len(list(pictures.glob("*.png"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        ran = finished(running)
    ran.assert_failed(130, "stopped in", "0 of 1 inputs were read whole")
    kept = json.loads((out / "long.json").read_text())
    assert 2 <= len(kept["pages"]) < 150
    assert kept["metadata"] == {"incomplete": "stopped"}
    assert [path.name for path in out.iterdir()] == ["long.json"]
    assert not list(pictures.glob(".*"))
