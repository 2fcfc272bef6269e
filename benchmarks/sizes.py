"""What a size of the line model costs on a CPU, before it is trained: python benchmarks/sizes.py

Median CPU ms of the glance on one thread, sizes in turn, for the strip of a word and of a line.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

from foveal.alphabet import Alphabet
from foveal.models.export import export
from foveal.models.line import SIZES, LineModel, LineSize

CANDIDATES = {
    "fast": SIZES["fast"],
    "slim": LineSize((24, 48, 96), (1, 1), dim=192, depth=4, heads=6, fixation=160, fixation_depth=2),
    "shallow": LineSize((32, 64, 128), (1, 1), dim=192, depth=3, heads=6, fixation=160, fixation_depth=2),
}


def main() -> None:
    sessions = {}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        for name, size in CANDIDATES.items():
            model = LineModel(size, len(Alphabet()))
            export(model, Path(folder), name)
            file = Path(folder) / f"line-{name}-glance.onnx"
            sessions[name] = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
            print(f"{name:10}{sum(p.numel() for p in model.parameters()) / 1e6:6.2f} M parameters")
    for width in (96, 640):
        strips = np.random.default_rng(0).integers(0, 256, (1, 32, width, 3), np.uint8)
        spent: dict[str, list[float]] = {name: [] for name in sessions}
        for _ in range(15):
            for name, session in sessions.items():
                begin = time.process_time()
                session.run(None, {"strips": strips})
                spent[name].append(time.process_time() - begin)
        medians = "".join(f"{name:>10}{1e3 * statistics.median(times):7.2f}" for name, times in spent.items())
        print(f"{width} px:{medians}")


if __name__ == "__main__":
    main()
