"""Attention that spends where it is needed: a full look for some queries, and leaving early when sure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from foveal.attention.build import Spec, at_least, build, read
from foveal.attention.core import Attention
from foveal.attention.sampled import Random, Structured
from foveal.attention.scores import SCORES
from foveal.attention.sparse import Chunked, Local, Local2D
from foveal.attention.tiles import parts
from foveal.errors import ConfigError

CHEAP: dict[str, type[Attention]] = {
    "local": Local,
    "local_2d": Local2D,
    "chunked": Chunked,
    "random": Random,
    "structured": Structured,
}
"""What answers the queries that do not take the full route."""


class Routed(Attention):
    """Every query is answered by a cheap route, and one in `one_in` by the full one too, mixed by a router.

    r_i = σ(wᵀq_i + b); for the ⌈q / one_in⌉ queries with the largest r_i the weights are
    r_i · full_i + (1 − r_i) · cheap_i, for the others cheap_i  (after Mixture-of-Depths, Raposo et al.,
    2024). The cost is known beforehand, the router learns from the queries it chose, and training and reading
    do the same. cheap: one of CHEAP; full: one of SCORES. Time and memory: the cheap route for all, and
    O(q·k·d / one_in).

    Choose it where few queries are hard, as the worn characters of a clean line are.
    """

    any_order: ClassVar[bool] = False
    rows_alone: ClassVar[bool] = False

    def __init__(
        self,
        q_dim: int,
        k_dim: int | None = None,
        *,
        one_in: int = 4,
        cheap: Spec = "local",
        full: Spec = "scaled_dot",
        normaliser: Spec = "softmax",
    ) -> None:
        super().__init__(normaliser=normaliser)
        at_least(1, one_in=one_in)
        self.one_in = one_in
        self.router = nn.Linear(q_dim, 1)
        self.cheap, self.full = (
            build(table, _with(spec, normaliser), q_dim=q_dim, k_dim=k_dim or q_dim)
            for table, spec in ((CHEAP, cheap), (SCORES, full))
        )

    def route(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """Return the queries that take the full route, "*batch c 1", and their shares r, "*batch c 1".

        In float32 at least, under autocast too, so that precision sends no query elsewhere.
        """
        wide = q.to(torch.promote_types(q.dtype, torch.float32))
        logit = (wide * self.router.weight).sum(-1, keepdim=True) + self.router.bias
        best = logit.topk(parts(q.shape[-2], self.one_in), dim=-2)
        return best.indices, best.values.sigmoid().to(q.dtype)

    def weights(self, q: Tensor, k: Tensor, mask: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Return where each query looks by its route or both, "*batch q k"."""
        chosen, share = self.route(q)
        shares = q.new_zeros(*q.shape[:-1], 1).scatter(-2, chosen, share)
        cheap, full = (route.weights(q, k, mask, bias) for route in (self.cheap, self.full))
        return cheap + shares * (full - cheap)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        """Return the cheap values; for the chosen queries alone the full ones are made and mixed in."""
        chosen, share = self.route(q)
        cheap = self.cheap.attend(q, k, v, mask, bias)
        mask, bias = (x if x is None or x.shape[-2] == 1 else taken(x, chosen) for x in (mask, bias))
        full = self.full.attend(taken(q, chosen), k, v, mask, bias)
        change = share * (full - taken(cheap, chosen))
        return cheap.scatter_add(-2, chosen.expand_as(change), change.to(cheap.dtype))


def taken(x: Tensor, rows: Tensor) -> Tensor:
    """Return the rows "*batch c 1" of x "*#batch q d": "*batch c d"."""
    x = x.expand(*rows.shape[:-2], *x.shape[-2:])
    return x.gather(-2, rows.expand(*rows.shape[:-1], x.shape[-1]))


def _with(spec: Spec, normaliser: Spec) -> Spec:
    options = read(spec)
    if "normaliser" in options:
        raise ConfigError("a route has no normaliser of its own", remedy="give it to routed")
    return options | {"normaliser": normaliser}


class Leave(NamedTuple):
    """What an early exit says: logits "b n classes", and by how many blocks they were made, "b"."""

    logits: Tensor
    depth: Tensor


class EarlyExit(nn.Module):
    """Blocks one after another; a line leaves after the first whose classifier is sure of every place.

    confidence_l = min over places of max over classes of softmax(head_l(x_l)), and a line leaves where it
    reaches `threshold` (BranchyNet, Teerapittayanon et al., 2016; DeeBERT, Xin et al., 2020); above 1 none
    does. blocks: modules of x "b n d" and valid "b n" (or None), such as `models.line.Block`; heads: one
    classifier a block, "… d" → "… classes". Train all of them on the loss of `exits`. Cost: that of the
    blocks that were needed, line by line; the batch shrinks as lines leave, so it is not for export.

    Choose it where most lines are easy, and time counts by the line.
    """

    def __init__(
        self, blocks: Iterable[nn.Module], heads: Iterable[nn.Module], *, threshold: float = 0.95
    ) -> None:
        super().__init__()
        self.blocks, self.heads = nn.ModuleList(blocks), nn.ModuleList(heads)
        self.threshold = threshold
        if len(self.blocks) != len(self.heads) or not self.blocks:
            raise ConfigError(
                f"{len(self.blocks)} blocks, {len(self.heads)} heads", remedy="give one head a block"
            )

    def exits(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the logits after every block, "l b n classes": the definition, and what training needs."""
        logits = []
        for block, head in zip(self.blocks, self.heads, strict=True):
            x = block(x, valid)
            logits.append(head(x))
        return torch.stack(logits)

    def confidence(self, logits: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return how sure the logits "b n classes" are of their least sure place, "b"; 1 if there is none."""
        sure = logits.float().softmax(-1).amax(-1)
        return (sure if valid is None else sure.masked_fill(~valid, 1)).amin(-1)

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Leave:
        """Return each line's logits from the block it left after."""
        here = torch.arange(x.shape[0], device=x.device)
        depth = torch.full_like(here, len(self.blocks))
        logits: Tensor | None = None
        for done, (block, head) in enumerate(zip(self.blocks, self.heads, strict=True), start=1):
            x = block(x, valid)
            said = head(x)
            logits = said if logits is None else logits.index_copy(0, here, said)
            stays = self.confidence(said, valid) < self.threshold
            depth[here[~stays]] = done
            here, x, valid = here[stays], x[stays], None if valid is None else valid[stays]
            if not here.numel():
                break
        assert logits is not None
        return Leave(logits, depth)
