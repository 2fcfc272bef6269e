"""An adapter's file: read without onnx or torch, it does what the merged model does."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

import foveal
from foveal.errors import ConfigError
from foveal.models.one_file import check_output, open_line, save
from foveal.reading.beside import Adapter, files, read_adapter, write_adapter
from foveal.reading.stored import raw_data
from foveal.train.adapt import Plan, adapt

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
MATRICES = {
    "blocks.1.attention.query": (192, 192),
    "fixate_layers.0.attention.key": (160, 192),
    "stem.shapes.0.0": (96, 48, 3, 3),
}


def adapter(size: float) -> Adapter:
    """Return an adapter of `fast` that changes two matrices, a kernel and a norm by so much."""
    rng = np.random.default_rng(0)
    parameters: dict[str, NDArray[Any]] = {"norm.bias": rng.normal(0, size, 192).astype(np.float32)}
    for name, shape in MATRICES.items():
        scale = np.full((shape[0], *[1] * (len(shape) - 1)), size / 15, np.float32)
        parameters[f"{name}.weight:byte"] = rng.integers(-15, 16, shape, np.int8)
        parameters[f"{name}.weight:scale"] = scale
    return Adapter("fast", parameters, {"language": "none"})


def test_the_places_of_numbers_are_those_that_onnx_finds() -> None:
    for path in files("fast"):
        data = path.read_bytes()
        found = raw_data(data)
        for one in onnx.load(path).graph.initializer:
            if one.raw_data:
                assert data[found.pop(one.name)] == numpy_helper.to_array(one).tobytes()
        assert not found


def test_an_adapter_of_nothing_changes_no_matrix() -> None:
    nothing = Adapter("fast", {k: v * 0 for k, v in adapter(1.0).parameters.items() if ":" in k}, {})
    assert nothing.graphs() == tuple(path.read_bytes() for path in files("fast"))


def test_beside_the_model_it_does_what_it_does_merged(tmp_path: Path) -> None:
    beside, merged = tmp_path / "mine.npz", tmp_path / "mine.onnx"
    write_adapter(beside, adapter(0.05))
    save(open_line(str(beside)), merged)
    assert beside.stat().st_size < 80e3
    strip = [EXAMPLES / "sign.jpg"]
    one, other, plain = (foveal.load(name, threads=1) for name in (beside, merged, "fast"))
    for looks in (False, True):
        mine = one.transcribe(strip, looks=looks)[0]
        assert mine.text == other.transcribe(strip, looks=looks)[0].text
        assert mine.confidence == pytest.approx(other.transcribe(strip, looks=looks)[0].confidence, abs=1e-3)
        assert mine.confidence != pytest.approx(plain.transcribe(strip, looks=looks)[0].confidence, abs=1e-6)


def test_what_is_no_adapter_or_that_of_other_weights_is_refused(tmp_path: Path) -> None:
    beside = tmp_path / "mine.npz"
    write_adapter(beside, adapter(0.1))
    with np.load(beside) as archive:
        arrays = dict(archive)
    said = arrays["facts"].tobytes().replace(b'"print": "', b'"print": "0')
    np.savez(beside, **{**arrays, "facts": np.frombuffer(said, np.uint8)})
    with pytest.raises(ConfigError, match="made for other weights of 'fast'"):
        foveal.load(beside)
    np.savez(beside, something=np.zeros(3))
    with pytest.raises(ConfigError, match="not an adapter of foveal"):
        read_adapter(beside)
    beside.write_bytes(b"no archive")
    with pytest.raises(ConfigError, match="not an adapter of foveal"):
        read_adapter(beside)


def test_only_what_adapts_an_embedded_model_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.onnx"):
        check_output(tmp_path / "mine.npz")
    with pytest.raises(ConfigError, match="belongs to an embedded model"):
        adapt("mine.onnx", tmp_path, tmp_path / "other.npz", plan=Plan())
