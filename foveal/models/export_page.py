"""The page model as ONNX: uint8 "b 3 h w" in; core, height, direction and kind out; any multiples of 32.

python -m foveal.models.export_page WEIGHTS OUT.onnx [--fusion sum --gate none]

WEIGHTS: safetensors of a training run, or a graph that was exported before, whose parameters are used.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import torch
from torch import Tensor, nn

from foveal.models import checkpoint
from foveal.models.faster import faster
from foveal.models.graphs import compact, own_names, snap
from foveal.models.page import KINDS, LINE_HEIGHT_UNIT, PageModel

OUTPUTS = ("core", "height", "direction", "kind")


class Answers(nn.Module):
    """The maps as the reader wants them: core as probability, kind as probabilities, the border left out."""

    def __init__(self, model: PageModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, page: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return core, height, direction, kind."""
        maps = self.model(page)
        return maps.core.sigmoid(), maps.height, maps.direction, maps.kind.softmax(dim=1)


def export(model: PageModel, path: Path) -> float:
    """Write the model as ONNX after comparing it with torch on pages of two sizes.

    Returns the largest difference seen over all outputs. Raises ValueError, and writes nothing, if that is
    above 2e-3.
    """
    with torch.no_grad():
        for value in (*model.float().parameters(), *model.buffers()):
            if value.is_floating_point():
                value.copy_(torch.from_numpy(snap(value.cpu().numpy(), "half")))
    answers = Answers(model.eval()).eval()
    page = torch.randint(0, 256, (2, 3, 96, 128), dtype=torch.uint8)
    sizes = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    program = torch.onnx.export(
        answers, (page,), input_names=["page"], output_names=list(OUTPUTS), dynamic_shapes=(sizes,),
        dynamo=True, optimize=False, verbose=False,
    )  # fmt: skip
    assert program is not None
    graph = program.model_proto
    own_names(graph)
    faster(graph)
    described = {"kinds": json.dumps(KINDS), "line_height_unit": str(LINE_HEIGHT_UNIT)}
    onnx.helper.set_model_props(graph, described)
    compact(graph, "half")
    worst = largest_difference(answers, graph.SerializeToString())
    if worst > 2e-3:
        raise ValueError(f"ONNX differs from torch by {worst:.2g}")
    path.write_bytes(graph.SerializeToString())
    return worst


def largest_difference(answers: Answers, graph: bytes) -> float:
    """Return the largest difference between torch and ONNX Runtime over outputs, on pages of two sizes."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    worst = 0.0
    for shape in ((1, 3, 224, 160), (2, 3, 64, 320)):
        page = torch.randint(0, 256, shape, dtype=torch.uint8)
        with torch.inference_mode():
            ours = answers(page)
        theirs = session.run(list(OUTPUTS), {"page": page.numpy()})
        worst = max(worst, *(float(np.abs(a.numpy() - b).max()) for a, b in zip(ours, theirs, strict=True)))
    return worst


def main() -> None:
    """Read weights, write ONNX."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fusion", default="pyramid")
    parser.add_argument("--gate", default="mixed")
    options = parser.parse_args()
    model = PageModel(fusion=options.fusion, gate=options.gate)
    checkpoint.load(model, options.weights)
    worst = export(model, options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB, differs from torch by {worst:.1e}")


if __name__ == "__main__":
    main()
