"""The line model as two ONNX graphs: `python -m foveal.models.export WEIGHTS FOLDER [--real STRIPS…]`.

glance: strips uint8 "b 32 w 3" → features "b n d", log_probs "b n C", density "b n", n = w/4.
fixate: features, count "b n", positions "b t", words "b t", window "b t 2" → log_probs "b t C", look "b t n".
Parameters keep their torch names, so a graph can be trained further (foveal.models.graphs).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import onnx
import torch
from PIL import Image
from torch import Tensor, nn

from foveal.alphabet import Alphabet
from foveal.models import checkpoint
from foveal.models.export_lstm import TRANSLATIONS, as_nodes
from foveal.models.faster import faster
from foveal.models.graphs import Storage, compact, expand, own_names, snap
from foveal.models.line import LineModel
from foveal.models.parity import Asked, Half, largest_difference, mean_move, session
from foveal.reading.line_graphs import Alone

NAMES = {"glance": 1, "fixate": 0}
"""Which output of each graph is the log-probabilities."""

Inputs = dict[str, Tensor]
Model = TypeVar("Model", bound=nn.Module)


class GlanceGraph(nn.Module):
    """The glance as the reader wants it."""

    def __init__(self, model: LineModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, strips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features, log-probabilities and density of uint8 strips "b 32 w 3"."""
        glance = self.model.glance(strips.permute(0, 3, 1, 2).float() / 255)
        return glance.features, glance.logits.log_softmax(-1), glance.density


class FixateGraph(nn.Module):
    """The fixations as the reader wants them: the last layer's look."""

    def __init__(self, model: LineModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, features: Tensor, count: Tensor, positions: Tensor, words: Tensor, window: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return log-probabilities and looks."""
        seen = self.model.fixate(features, count, positions, words, window)
        return seen.logits.log_softmax(-1), seen.looks[-1]


def glance_inputs(strips: Tensor) -> Inputs:
    """Return the glance's inputs."""
    return {"strips": strips}


def fixate_inputs(features: Tensor, *, fixations: int) -> Inputs:
    """Return inputs for the fixations over `features`, two words to a strip."""
    b, n, _ = features.shape
    count = torch.linspace(0, fixations, n).expand(b, n).contiguous()
    positions = (torch.arange(fixations) + 0.5).expand(b, -1).contiguous()
    words = (torch.arange(fixations) // 3).expand(b, -1).contiguous()
    window = torch.tensor([0, n]).expand(b, fixations, 2).contiguous()
    return {"features": features, "count": count, "positions": positions, "words": words, "window": window}


def _program(
    module: nn.Module, inputs: Inputs, axes: dict[str, dict[int, str]], outputs: list[str]
) -> onnx.ModelProto:
    """Return a graph whose parameters are named as in torch."""
    dims = {name: dict.fromkeys(axes[name], torch.export.Dim.DYNAMIC) for name in inputs}
    program = torch.onnx.export(
        module, (), kwargs=inputs, input_names=list(inputs), output_names=outputs, dynamic_shapes=dims,
        dynamo=True, optimize=False, verbose=False, custom_translation_table=TRANSLATIONS,
    )  # fmt: skip
    assert program is not None
    return settled(program.model_proto)


def settled(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return a fresh export of a wrapper, its parameters named as its inner model names them, made faster."""
    own_names(graph)
    return faster(graph)


def noise() -> list[Tensor]:
    """Return strips of noise, "b 32 w 3", of several sizes."""
    return [torch.randint(0, 256, (b, 32, w, 3), dtype=torch.uint8) for b, w in ((2, 96), (3, 64), (1, 320))]


def inputs_for(model: LineModel, strips: Sequence[Tensor]) -> tuple[list[Inputs], list[Inputs]]:
    """Return inputs for the glance and for the fixations, one each for every batch of strips."""
    glance = GlanceGraph(model).eval()
    looks = [glance_inputs(strip) for strip in strips]
    with torch.inference_mode():
        features = [glance(**values)[0] for values in looks]
    fixed = [fixate_inputs(seen.clone(), fixations=5 + index) for index, seen in enumerate(features)]
    return looks, fixed


def programs(model: LineModel) -> dict[str, onnx.ModelProto]:
    """Return the graphs of the glance and of the fixations, with parameters in float32."""
    looks, fixed = inputs_for(model, noise()[:1])
    width, grid, asked = {0: "b", 2: "w"}, {0: "b", 1: "n"}, {0: "b", 1: "t"}
    axes = {"features": grid, "count": grid, "positions": asked, "words": asked, "window": asked}
    seen = ["features", "log_probs", "density"]
    with as_nodes(model):
        return {
            "glance": _program(GlanceGraph(model).eval(), looks[0], {"strips": width}, seen),
            "fixate": _program(FixateGraph(model).eval(), fixed[0], axes, ["log_probs", "look"]),
        }


def rounded(model: Model, storage: Storage) -> Model:
    """Return the model with its parameters as they will be after storing, so that parity can be exact."""
    with torch.no_grad():
        for value in (*model.parameters(), *model.buffers()):
            if value.is_floating_point():
                value.copy_(torch.from_numpy(snap(value.numpy(), storage)))
    return model


def read_strips(paths: Sequence[Path]) -> list[Tensor]:
    """Return real images as strips, "1 32 w 3" each, for the comparison."""
    strips = []
    for path in paths:
        image = np.asarray(Image.open(path).convert("RGB"))
        width = max(16, 4 * round(8 * image.shape[1] / image.shape[0]))
        strips.append(torch.from_numpy(cv2.resize(image, (width, 32), interpolation=cv2.INTER_AREA))[None])
    return strips


def export(
    model: LineModel, folder: Path, name: str, *, strips: Sequence[Tensor] = (), storage: Storage = "half"
) -> dict[str, float]:
    """Write `line-NAME-glance.onnx` and `line-NAME-fixate.onnx`; return how far each is from torch at most.

    strips: real strips to compare on besides noise; storage: how parameters are kept (the model's own are
    rounded to it), and whether products are of integers: then what is returned tells too how much probability
    that moves. Raises FovealError, and writes nothing, beyond what models/parity.py allows.
    """
    model = model.float()
    return write(programs(model), model, folder, name, strips=strips, storage=storage)


def write(
    drawn: Mapping[str, onnx.ModelProto],
    model: LineModel,
    folder: Path,
    name: str,
    *,
    strips: Sequence[Tensor] = (),
    storage: Storage = "half",
) -> dict[str, float]:
    """Compare and write the `programs` of a model, which become what is written: the rest of `export`."""
    graphs = {part: compact(graph, storage) for part, graph in drawn.items()}
    model = rounded(model, storage)
    halves = {"glance": GlanceGraph(model), "fixate": FixateGraph(model)}
    found = {}
    for (part, half), inputs in zip(halves.items(), inputs_for(model, [*noise(), *strips]), strict=True):
        floats = expand(onnx.ModelProto.FromString(graphs[part].SerializeToString()))
        stored = floats if storage == "integer" else graphs[part]
        asked = Asked(Half(half), session(stored.SerializeToString()), inputs, NAMES[part])
        found[part] = largest_difference(asked)
        if storage == "integer":
            integers = Alone(session(graphs[part].SerializeToString()))
            found[f"{part} moved"] = mean_move(replace(asked, graph=integers))
    folder.mkdir(parents=True, exist_ok=True)
    for part, graph in graphs.items():
        (folder / f"line-{name}-{part}.onnx").write_bytes(graph.SerializeToString())
    return found


def main() -> None:
    """Read weights, write the graphs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--storage", choices=("half", "byte", "integer"), default="half")
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="images of lines to compare on")
    arguments = parser.parse_args()
    facts = checkpoint.facts(arguments.weights)
    size = facts["size"]
    model = LineModel(checkpoint.built(facts), len(Alphabet()))
    checkpoint.load(model, arguments.weights)
    strips = read_strips(arguments.real)
    print(export(model, arguments.folder, size, strips=strips, storage=arguments.storage))


if __name__ == "__main__":
    main()
