"""The benchmark of peers, driven with an engine that needs no environment of its own."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"

ENGINE = """
import sys
sys.path.insert(0, {engines!r})
from pathlib import Path
from worker import serve

def read(image, task, language):
    print("what a library says while reading")
    return f"{{Path(image).stem}} {{task}} {{language}}"

serve(read)
"""


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("peers", BENCHMARKS / "peers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "peers", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "printed_lines_ocr17"
    folder.mkdir()
    labels = "one.png\tone line fra\ntwo.png\ttwo line frà\n"
    (folder / "labels.tsv").write_text(labels, encoding="utf-8")
    return folder


def test_an_engine_is_asked_measured_and_scored(
    peers: ModuleType,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script = tmp_path / "engine.py"
    script.write_text(ENGINE.format(engines=str(BENCHMARKS / "engines")))
    monkeypatch.setattr(peers, "commands", lambda _: {"stem": [sys.executable, str(script)]})
    kept = tmp_path / "results.json"
    monkeypatch.setattr(sys, "argv", ["peers.py", str(folder), "--json", str(kept), "--busy", "1"])
    peers.main()
    result = json.loads(kept.read_text(encoding="utf-8"))[0]
    assert result["texts"] == ["one line fra", "two line fra"]
    assert result["start"] > result["wall"] > 0
    assert result["peak"] > 10**6
    assert result["busy"] > 0
    row = capsys.readouterr().out.splitlines()[1].split()
    assert row[:5] == ["printed_lines_ocr17", "stem", "2", "cer", f"{1 / 24:.4f}"]


def test_results_that_are_kept_are_not_measured_again(
    peers: ModuleType,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = tmp_path / "results.json"
    costs = {"wall": 1, "cpu": 1, "start": 1, "peak": 1}
    known = {"engine": "stem", "set": folder.name, "texts": ["", ""], **costs}
    kept.write_text(json.dumps([known]), encoding="utf-8")
    monkeypatch.setattr(peers, "commands", lambda _: {"stem": ["no-such-program"]})
    monkeypatch.setattr(sys, "argv", ["peers.py", str(folder), "--json", str(kept)])
    peers.main()
    assert "1.0000" in capsys.readouterr().out


def test_an_engine_that_dies_is_named_with_the_image(peers: ModuleType, folder: Path) -> None:
    with pytest.raises(SystemExit, match=r"ended at .*one\.png"):
        peers.ask([sys.executable, "-c", "input()"], peers.requests(folder, None), threads=1)
