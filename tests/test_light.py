"""Reading needs the light install only: no part of the extra `train`, no network, no torch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OUTSIDE_READING = {
    "einops", "faker", "fontTools", "jaxtyping", "onnx", "onnxscript", "safetensors", "torch", "wordfreq",
}  # fmt: skip

# runs in a process of its own, in which nothing but the reading itself could have imported anything
READ = """
import json, sys

def offline(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise OSError(f"reading reached for the network: {args}")

sys.addaudithook(offline)
import foveal
document = foveal.read(sys.argv[1])
loaded = sorted({name.split(".")[0] for name in sys.modules})
json.dump({"text": document.text, "loaded": loaded}, sys.stdout)
"""


@pytest.fixture(scope="module")
def reading() -> dict[str, object]:
    command = [sys.executable, "-c", READ, str(ROOT / "examples" / "receipt.jpg")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_reading_loads_nothing_of_the_train_extra(reading: dict[str, list[str]]) -> None:
    assert "onnxruntime" in reading["loaded"], "the page was not read by the models"
    assert not OUTSIDE_READING & set(reading["loaded"])


def test_reading_works_offline_with_the_embedded_models(reading: dict[str, str]) -> None:
    assert "51.30" in reading["text"]
