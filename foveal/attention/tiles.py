"""Places cut into tiles, each with the keys around it: the way in which near keys alone are met.

A tile's queries meet its keys and those of a halo. Places are numbered along a map of (outer, inner) places,
row by row; a line is a map of one column.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import pad


def at(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return a mask's or bias's entries ("… #q #k") at rows "t a", columns "t c": "… t a c"; below 0: any."""
    rows = rows.clamp(min=0) if x.shape[-2] > 1 else torch.zeros_like(rows)
    columns = columns.clamp(min=0) if x.shape[-1] > 1 else torch.zeros_like(columns)
    return x[..., rows[..., None], columns[..., None, :]]


def parts(places: int, size: int) -> int:
    """Return how many parts of `size` cover `places`; without negatives, which ONNX rounds the other way."""
    return (places + size - 1) // size


def sides(window: int, places: int, *, least: int) -> tuple[int, int]:
    """Return block and halo along an axis of `places`: as long as the window, the block `least` or more.

    No more than there are places, and no halo where one block holds them all; unless the number of places is
    open, as in an exported graph.
    """
    block = max(window, least)
    if not isinstance(places, int):
        return block, window
    return (places, 0) if block >= places else (block, window)


class Tiling(NamedTuple):
    """How a map of places is cut: tiles of `block` (outer, inner) places, each with `halo` more around it."""

    block: tuple[int, int]
    halo: tuple[int, int]
    inner: int

    def tiles(self, places: int) -> tuple[int, int]:
        """Return how many tiles cover `places` places along both axes."""
        return parts(places, self.inner * self.block[0]), parts(self.inner, self.block[1])

    def cut(self, x: Tensor, tiles: tuple[int, int], *, halo: bool) -> Tensor:
        """Cut "… n c" into tiles, "… t p c", with or without their halo; places that do not exist are 0."""
        margin = self.halo if halo else (0, 0)
        outer = parts(x.shape[-2], self.inner)
        x = pad(x, (0, 0, 0, outer * self.inner - x.shape[-2]))
        x = x.reshape(*x.shape[:-2], outer, self.inner, x.shape[-1])
        after = [
            t * b + m - n for t, b, m, n in zip(tiles, self.block, margin, (outer, self.inner), strict=True)
        ]
        x = pad(x, (0, 0, margin[1], after[1], margin[0], after[0]))
        for block, extra in zip(self.block, margin, strict=True):
            x = x.unfold(-3, block + 2 * extra, block)  # … tiles inner c window, then … to ti c window window
        return rearrange(x, "... to ti c wo wi -> ... (to ti) (wo wi) c")

    def join(self, x: Tensor, tiles: tuple[int, int], places: int) -> Tensor:
        """Put tiles without halo back in order: "… t p c" → "… n c"."""
        pattern = "... (to ti) (bo bi) c -> ... (to bo) (ti bi) c"
        x = rearrange(x, pattern, to=tiles[0], bo=self.block[0], bi=self.block[1])
        return x[..., : self.inner, :].flatten(-3, -2)[..., :places, :]


def merged(x: Tensor | None, batch: torch.Size) -> Tensor | None:
    """Make one axis of the batch of "*#batch t a c", as fused kernels take no more; none stays none."""
    if x is None or (x.dim() == 3 and batch):
        return x
    return x.expand(*batch, *x.shape[-3:]).reshape(-1, *x.shape[-3:])


def together(
    attend: Callable[..., Tensor], q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, bias: Tensor | None
) -> Tensor:
    """Return attend(q, k, v, mask, bias) of tiles "*batch t a d", handed over as one batch.

    A row that may look nowhere, as every place that does not exist, looks everywhere and counts for nothing:
    not every fused kernel knows what its softmax is.
    """
    batch = q.shape[:-3]
    some = None if mask is None else mask.any(-1, keepdim=True)
    mask = None if mask is None or some is None else mask | ~some
    seen = attend(*(merged(x, batch) for x in (q, k, v, mask, bias)))
    seen = seen.reshape(*batch, *seen.shape[-3:])
    return seen if some is None else seen * some


def tiled(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, bias: Tensor | None = None,
    *, near: Callable[[Tensor, Tensor], Tensor], tiling: Tiling, attend: Callable[..., Tensor],
) -> Tensor:  # fmt: skip
    """Return `attend` of q on the keys that are `near`, tile by tile: O(q · (block + 2·halo)) pairs."""
    tiles = tiling.tiles(q.shape[-2])
    i, j = (torch.arange(1, x.shape[-2] + 1, device=q.device)[:, None] for x in (q, k))
    rows = tiling.cut(i, tiles, halo=False).squeeze(-1) - 1  # -1: no such place
    columns = tiling.cut(j, tiles, halo=True).squeeze(-1) - 1
    allowed = near(rows[..., None], columns[..., None, :]) & (columns >= 0)[..., None, :]
    if mask is not None:
        allowed = allowed & at(mask, rows, columns)
    if bias is not None:
        bias = at(bias, rows, columns)
    keys, values = (tiling.cut(x, tiles, halo=True) for x in (k, v))
    seen = together(attend, tiling.cut(q, tiles, halo=False), keys, values, allowed, bias)
    return tiling.join(seen, tiles, q.shape[-2])
