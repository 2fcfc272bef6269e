"""Decoders of attention layers: one character after another with keys that are kept, or all at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from foveal.attention import Cache, MultiHead, Spec
from foveal.attention.position import along
from foveal.errors import ConfigError
from foveal.models.decoder import Decoder, Read, State, Step
from foveal.models.line import feed_forward


class Layer(nn.Module):
    """A decoder's layer: among the characters, at the line, and by itself; norms come before each.

    Columns and characters are told apart by sinusoids in queries and keys of the look.
    """

    def __init__(self, dim: int, heads: int, *, attention: Spec, position: Spec | None) -> None:
        super().__init__()
        self.norm_talk = nn.LayerNorm(dim)
        self.talk = MultiHead(dim, heads, position=position)
        self.norm_look = nn.LayerNorm(dim)
        self.attention = MultiHead(dim, heads, mechanism=attention, position="sinusoid")
        self.norm_mlp = nn.LayerNorm(dim)
        self.mlp = feed_forward(dim)

    def forward(
        self, x: Tensor, memory: Tensor, valid: Tensor, before: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return "b t dim" and the looks "b t n". before: "1 t t", which characters each may know of."""
        x = x + self.talk(self.norm_talk(x), mask=before)
        seen, look = self.attention.look(self.norm_look(x), memory, mask=valid[:, None])
        x = x + seen
        return x + self.mlp(self.norm_mlp(x)), look

    def remember(self, memory: Tensor) -> State:
        """Return keys and values of the characters (none yet) and of the line, "b h n d" each."""
        cache = self.attention.remember(memory)
        assert cache.k is not None
        assert cache.v is not None
        none = cache.k[:, :, :0]
        return none, none, cache.k, cache.v

    def step(self, x: Tensor, kept: State, valid: Tensor) -> tuple[Tensor, Tensor, State]:
        """Return `forward` of the next character only, "b 1 dim", its look, and what is kept now."""
        k, v, line_k, line_v = kept
        so_far = k.shape[2]
        own = Cache(k, v, along(so_far, device=x.device), steps=so_far)
        line = Cache(line_k, line_v, along(line_k.shape[2], device=x.device), grows=False, steps=so_far)
        x = x + self.talk.step(self.norm_talk(x), own)
        seen, look = self.attention.look_step(self.norm_look(x), line, mask=valid[:, None])
        x = x + seen
        assert own.k is not None
        assert own.v is not None
        return x + self.mlp(self.norm_mlp(x)), look, (own.k, own.v, line_k, line_v)


class Autoregressive(Decoder):
    """A transformer's decoder: each character knows those before it, kept as keys and values.

    (Vaswani et al., 2017.) Cost of a step: O(n + t) looks, where all t again would be O(t·(n + t)).
    """

    def __init__(
        self,
        dim: int,
        classes: int,
        *,
        hidden: int = 128,
        depth: int = 2,
        heads: int = 4,
        attention: Spec = "scaled_dot",
        position: Spec = "sinusoid",
    ) -> None:
        super().__init__(classes)
        self.embed = nn.Embedding(classes + 1, hidden)
        self.bridge = nn.Linear(dim, hidden)
        self.layers = nn.ModuleList(
            Layer(hidden, heads, attention=attention, position=position) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(hidden)
        self.name = nn.Linear(hidden, classes)

    def forward(self, memory: Tensor, valid: Tensor, ids: Tensor) -> Read:
        """Return all characters in one pass."""
        x, memory, look = self.embed(ids), self.bridge(memory), None
        before = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool, device=ids.device).tril()[None]
        for layer in self.layers:
            x, look = layer(x, memory, valid, before)
        return Read(self.name(self.norm(x)).log_softmax(-1), look)

    def start(self, memory: Tensor, valid: Tensor) -> State:
        """Return valid, and four tensors of keys and values a layer."""
        memory = self.bridge(memory)
        kept = [part for layer in self.layers for part in layer.remember(memory)]  # type: ignore[operator]
        return valid, *kept

    def step(self, state: State, ids: Tensor) -> Step:
        """Return the next character of each line."""
        valid, *kept = state
        x, look, after = self.embed(ids)[:, None], None, [valid]
        for number, layer in enumerate(self.layers):
            x, look, now = layer.step(x, tuple(kept[4 * number : 4 * number + 4]), valid)  # type: ignore[operator]
            after += now
        assert look is not None
        return Step(self.name(self.norm(x)).log_softmax(-1).squeeze(1), look.squeeze(1), tuple(after))


class Parallel(Decoder):
    """Every character at once: a learned query for each place in the text  (Bautista and Atienza, 2022).

    Places know of each other's queries, not of the characters read there. `longest`: places there are.
    Cost O(longest·(longest + n)) a line, in one pass.
    """

    def __init__(
        self,
        dim: int,
        classes: int,
        *,
        hidden: int = 128,
        depth: int = 2,
        heads: int = 4,
        longest: int = 32,
        attention: Spec = "scaled_dot",
    ) -> None:
        super().__init__(classes)
        self.queries = nn.Parameter(torch.randn(longest, hidden) * 0.02)
        self.bridge = nn.Linear(dim, hidden)
        self.layers = nn.ModuleList(
            Layer(hidden, heads, attention=attention, position=None) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(hidden)
        self.name = nn.Linear(hidden, classes)

    def forward(self, memory: Tensor, valid: Tensor, ids: Tensor) -> Read:
        """Return as many characters as there are `ids`, whatever these are."""
        if ids.shape[1] > len(self.queries):
            raise ConfigError(
                f"{ids.shape[1]} places, and {len(self.queries)} queries",
                remedy="give the decoder a longer `longest`",
            )
        read = self._read(memory, valid)
        return Read(
            read.logits[:, : ids.shape[1]], None if read.looks is None else read.looks[:, : ids.shape[1]]
        )

    def _read(self, memory: Tensor, valid: Tensor) -> Read:
        x, look = self.queries.expand(memory.shape[0], -1, -1), None
        memory = self.bridge(memory)
        for layer in self.layers:
            x, look = layer(x, memory, valid)
        return Read(self.name(self.norm(x)).log_softmax(-1), look)

    def start(self, memory: Tensor, valid: Tensor) -> State:
        """Return all log-probabilities, all looks, and the place of the next character."""
        read = self._read(memory, valid)
        assert read.looks is not None
        return read.logits, read.looks, valid.new_zeros(valid.shape[0], dtype=torch.long)

    def step(self, state: State, ids: Tensor) -> Step:  # noqa: ARG002
        """Return the next character of each line, whatever stands before it."""
        log_probs, looks, place = state
        at = place.clamp(max=log_probs.shape[1] - 1)[:, None, None]
        here, look = (x.gather(1, at.expand(-1, 1, x.shape[2])).squeeze(1) for x in (log_probs, looks))
        return Step(here, look, (log_probs, looks, place + 1))
