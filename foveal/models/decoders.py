"""Recurrent decoders, without attention and with any kind of it; and the table of all decoders."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from foveal.attention import MECHANISMS, Spec, build
from foveal.attention.location import Location
from foveal.attention.watching import report
from foveal.errors import ConfigError
from foveal.models.decoder import Decoder, Read, State, Step, unrolled
from foveal.models.transformer import Autoregressive, Parallel


class Summary(Decoder):
    """No attention: a GRU that knows of the line one vector of fixed length, mean and maximum of its columns.

    (Sutskever et al., 2014.) The twin that shows what attention is worth. Cost O(dim²) a character.
    """

    def __init__(self, dim: int, classes: int, *, hidden: int = 256) -> None:
        super().__init__(classes)
        self.embed = nn.Embedding(classes + 1, hidden)
        self.squeeze = nn.Linear(2 * dim, hidden)
        self.cell = nn.GRUCell(2 * hidden, hidden)
        self.name = nn.Linear(2 * hidden, classes)

    def start(self, memory: Tensor, valid: Tensor) -> State:
        """Return the vector of the line, and the hidden state, which begins as it."""
        kept = valid[..., None]
        mean = (memory * kept).sum(1) / kept.sum(1).clamp(min=1)
        most = memory.masked_fill(~kept, torch.finfo(memory.dtype).min).amax(1)
        seen = torch.tanh(self.squeeze(torch.cat((mean, most), -1)))
        return seen, seen

    def step(self, state: State, ids: Tensor) -> Step:
        """Return the next character of each line."""
        seen, hidden = state
        hidden = self.cell(torch.cat((self.embed(ids), seen), -1), hidden)
        return Step(self.name(torch.cat((hidden, seen), -1)).log_softmax(-1), None, (seen, hidden))

    def forward(self, memory: Tensor, valid: Tensor, ids: Tensor) -> Read:
        """Return all characters."""
        return unrolled(self, memory, valid, ids)


class Recurrent(Decoder):
    """A GRU that looks at the line before it names a character  (Bahdanau et al., 2015).

    c_i = attention(s_{i−1}, memory), s_i = GRU([y_{i−1}; c_i], s_{i−1}), y_i = softmax W[s_i; c_i].
    attention: one of MECHANISMS that takes queries one by one, or "location". Cost O(n·d) a character.
    """

    def __init__(self, dim: int, classes: int, *, hidden: int = 256, attention: Spec = "additive") -> None:
        super().__init__(classes)
        self.embed = nn.Embedding(classes + 1, hidden)
        self.begin = nn.Linear(dim, hidden)
        self.query = nn.Linear(hidden, dim)
        self.attention = build(MECHANISMS, attention, q_dim=dim, k_dim=dim, heads=1)
        if not (self.attention.rows_alone or isinstance(self.attention, Location)):
            raise ConfigError(
                f"{attention!r} takes all queries together", remedy="choose one of SCORES, or location"
            )
        self.cell = nn.GRUCell(hidden + dim, hidden)
        self.name = nn.Linear(hidden + dim, classes)

    def start(self, memory: Tensor, valid: Tensor) -> State:
        """Return memory, valid, hidden state and the look before (none)."""
        kept = valid[..., None]
        mean = (memory * kept).sum(1) / kept.sum(1).clamp(min=1)
        return memory, valid, torch.tanh(self.begin(mean)), memory.new_zeros(memory.shape[:2])

    def step(self, state: State, ids: Tensor) -> Step:
        """Look, then name the next character of each line."""
        memory, valid, hidden, before = state
        seen, look = self._look(self.query(hidden), memory, valid, before)
        hidden = self.cell(torch.cat((self.embed(ids), seen), -1), hidden)
        log_probs = self.name(torch.cat((hidden, seen), -1)).log_softmax(-1)
        return Step(log_probs, look, (memory, valid, hidden, look))

    def _look(self, query: Tensor, memory: Tensor, valid: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        attend = self.attention
        if isinstance(attend, Location):
            score = attend.step(attend.query(query), attend.key(memory), before)
            look = attend.normaliser(score, valid).to(memory.dtype)
            report(attend, look[:, None])
            return (look[:, None] @ memory).squeeze(1), look
        seen, looks = attend.look(query[:, None], memory, memory, valid[:, None])
        return seen.squeeze(1), looks.squeeze(1)

    def forward(self, memory: Tensor, valid: Tensor, ids: Tensor) -> Read:
        """Return all characters, in t steps one after another."""
        return unrolled(self, memory, valid, ids)


DECODERS: dict[str, type[Decoder]] = {
    "summary": Summary,
    "recurrent": Recurrent,
    "autoregressive": Autoregressive,
    "parallel": Parallel,
}
