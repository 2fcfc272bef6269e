"""The mean of the weights of models that began from the same (model soups; Wortsman et al., 2022).

    python -m foveal.models.mean A.safetensors B.safetensors … --output MEAN.safetensors [--shares 0.7 0.3]

Models trained further from one start, in different ways, read together in one model's time; so do a model and
its start, which may be the graph it began from (line-fast-glance.onnx). Weights that a start has in common
only by name do not: their mean reads nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from foveal.alphabet import Alphabet
from foveal.errors import ConfigError
from foveal.models import checkpoint
from foveal.models.line import LineModel


def mean(paths: Sequence[Path], output: Path, *, shares: Sequence[float] | None = None) -> None:
    """Write the weighted mean of line models' weights in half precision, and their facts.

    paths: of safetensors, one at least, and of exported graphs; shares: how much each counts, alike unless
    told; they are brought to a sum of one. Raises ConfigError if the models are not of one size with the same
    positions, or shares do not fit.
    """
    facts = [checkpoint.facts(path) for path in paths if path.suffix != ".onnx"]
    if not facts:
        raise ConfigError("graphs only, whose size nothing tells", remedy="name what training wrote too")
    sizes = [checkpoint.built(found) for found in facts]
    if len(set(map(repr, sizes))) > 1:
        raise ConfigError(
            f"{', '.join(map(str, paths))}: models of different sizes", remedy="name models of one size"
        )
    parts = [1.0] * len(paths) if shares is None else list(shares)
    if len(parts) != len(paths) or sum(parts) <= 0:
        raise ConfigError(f"{len(parts)} shares for {len(paths)} models", remedy="give one share each")
    model = LineModel(sizes[0], len(Alphabet()))
    total = {name: value.double() * 0 for name, value in model.state_dict().items()}
    for path, part in zip(paths, parts, strict=True):
        checkpoint.load(model, path)
        for name, value in model.state_dict().items():
            total[name] += value.double() * (part / sum(parts))
    model.load_state_dict({name: total[name].to(value.dtype) for name, value in model.state_dict().items()})
    said = {key: value for key, value in facts[0].items() if key != "step"}
    checkpoint.save(model, output, **said)


def main() -> None:
    """Read the arguments and write the mean."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--shares", type=float, nargs="+")
    asked = parser.parse_args()
    mean(asked.paths, asked.output, shares=asked.shares)


if __name__ == "__main__":
    main()
