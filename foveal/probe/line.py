"""The line model in torch, with the weights that ship, asked as the reader asks it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from foveal.attention import watch
from foveal.explain.examiner import Asked, Image
from foveal.models.line import Fixations, LineModel
from foveal.models.one_file import open_line

Maps = dict[str, Tensor]
"""Weights by layer, "h q k" each: `blocks.N` look from column to column, `fixate_layers.N` from character to
column, `fixate_layers.N.talk` from character to character."""


def load_line(model: str = "fast") -> LineModel:
    """Return a line model, "fast", "accurate" or that of a file, as a torch module for inference.

    Raises what `foveal.reading.line_graphs.load_line` does.
    """
    return open_line(model).model.requires_grad_(False)


def as_tensor(strips: Image) -> Tensor:
    """Return strips "s 32 w 3" of bytes as "s 3 32 w" in [0, 1]."""
    return torch.from_numpy(strips).permute(0, 3, 1, 2).float() / 255


class WordModule(nn.Module):
    """A word's fixations as a function of its strip: "s 3 32 w" → log p of its characters, "s t".

    What `Examiner.chances` asks of ONNX, but with gradients: positions, window and running count are held.
    """

    def __init__(self, model: LineModel, word: Asked) -> None:
        super().__init__()
        self.model, self.word = model, word

    def forward(self, strips: Tensor) -> Tensor:
        """Return the log-probabilities."""
        return log_p(self.model, [self.word], self.model.glance(strips).features)


def log_p(model: LineModel, words: Sequence[Asked], features: Tensor) -> Tensor:
    """Return log p of the characters "t" of words of one strip, fixated over its features "s n d": "s t"."""
    ids = torch.from_numpy(np.concatenate([word.ids for word in words]))
    return log_chances(model, words, features)[:, torch.arange(len(ids)), ids]


def log_chances(model: LineModel, words: Sequence[Asked], features: Tensor) -> Tensor:
    """Return log p of every class in the place of each of these characters: "s t C"."""
    return _fixate(model, words, features).logits[:, _named(words)].log_softmax(-1)


@torch.inference_mode()
def line_maps(model: LineModel, words: Sequence[Asked]) -> Maps:
    """Return every head's map of one strip; `words`: all words of it, one after the other.

    Queries of fixations are the characters of all words. They talk within their word only, and what they look
    at past its end is left out.
    """
    with watch(model) as maps:
        _fixate(model, words, model.glance(as_tensor(words[0].strip[None])).features)
    kept = _named(words)
    found = {_short(name): each[0][0] for name, each in maps.items()}
    for name, each in found.items():
        if name.endswith("talk"):
            found[name] = each[:, kept][:, :, kept]
        elif not name.startswith("blocks"):
            found[name] = each[:, kept]
    return found


def _fixate(model: LineModel, words: Sequence[Asked], features: Tensor) -> Fixations:
    """Return what all fixations "f" of words of one strip see in features "s n d"."""
    s, sizes = len(features), [len(word.positions) for word in words]
    positions = torch.from_numpy(np.concatenate([word.positions for word in words]))
    numbers = torch.arange(len(words)).repeat_interleave(torch.tensor(sizes))
    windows = torch.tensor([word.window for word in words])[numbers]
    return model.fixate(
        features,
        torch.from_numpy(words[0].count).expand(s, -1),
        positions.expand(s, -1),
        numbers.expand(s, -1),
        windows.expand(s, -1, 2),
    )


def _named(words: Sequence[Asked]) -> Tensor:
    """Return the numbers of the fixations that named a character; those past the end of a word did not."""
    sizes = [len(word.positions) for word in words]
    starts = np.cumsum([0, *sizes[:-1]])
    parts = [start + np.arange(len(word.ids)) for start, word in zip(starts, words, strict=True)]
    return torch.from_numpy(np.concatenate(parts))


def _short(name: str) -> str:
    return name.removesuffix(".mechanism").removesuffix(".attention")
