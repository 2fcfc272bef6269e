"""Positions as parts: they change q and k, or add to the score; never v.

A part does one of three things, and `MultiHead` asks it for all three: `embed` what queries and keys are made
from, `turn` the queries and keys of a head, or give a `bias` of the score. Positions are real numbers "b n"
(column numbers, running character counts), or "b n a" where a part has `axes` a > 1 (row, column).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from foveal.attention.build import at_least, beyond_zero, wholes
from foveal.errors import ConfigError


def along(n: int, *, start: int = 0, device: torch.device | None = None) -> Tensor:
    """Return the positions start … start+n−1 of a line, "1 n"."""
    return torch.arange(start, start + n, device=device)[None]


def grid(h: int, w: int, *, device: torch.device | None = None) -> Tensor:
    """Return the positions (row, column) of a map's places, row by row: "1 h·w 2"."""
    return torch.cartesian_prod(torch.arange(h, device=device), torch.arange(w, device=device))[None]


def by_axis(positions: Tensor, axes: int) -> Tensor:
    """Return positions "b n" or "b n a" as "b n a"."""
    found = positions if axes > 1 else positions[..., None]
    if found.dim() != 3 or found.shape[-1] != axes:
        raise ConfigError(
            f"{list(positions.shape)} are not positions of {axes} axes", remedy="see along, grid"
        )
    return found


def whole(x: Tensor) -> Tensor:
    """Return x rounded to whole numbers."""
    return x.round().long() if x.is_floating_point() else x.long()


def by_distance(table: Tensor, keys: int) -> Tensor:
    """Return "… q k" whose entry (i, j) is that of the table "… q+k−1" for the distance j − i, from 1 − q on.

    Its gradient sums along diagonals, where that of looking each entry up would sort them all.
    """
    return table.unfold(-1, keys, 1).flip(-2)


class Position(nn.Module):
    """Base of all positions: each of the three does nothing unless a part says otherwise."""

    axes: int = 1

    def embed(self, x: Tensor, positions: Tensor) -> Tensor:  # noqa: ARG002
        """Return what queries or keys are made from, "b n dim"."""
        return x

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:  # noqa: ARG002
        """Return queries or keys "b h n d" with their positions in them."""
        return x

    def bias(self, q_positions: Tensor, k_positions: Tensor) -> Tensor | None:  # noqa: ARG002
        """Return what is added to the score, "b h q k"."""
        return None

    def bias_along(self, queries: int, keys: int, *, device: torch.device) -> Tensor | None:
        """Return the bias of queries and keys at 0, 1, …: of two whole lines."""
        return self.bias(along(queries, device=device), along(keys, device=device))


class Embedded(Position):
    """Positions that are added to what queries and keys are made from: give `forward`."""

    def embed(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return x with its positions added."""
        added: Tensor = self(x, positions)
        return added


class Biased(Position):
    """Positions that add to the score: give `forward`."""

    def bias(self, q_positions: Tensor, k_positions: Tensor) -> Tensor | None:
        """Return the bias "b h q k"."""
        found: Tensor = self(q_positions, k_positions)
        return found


class Sinusoid(Embedded):
    """x + PE, PE[2i] = sin(p / longest^{2i/d}), PE[2i+1] = cos of the same  (Vaswani et al., 2017).

    With several axes each has d / axes channels, one after another. Defined for every real p, so also beyond
    the lengths seen in training. Cost O(n·d).

    Choose it for absolute places without anything learned.
    """

    def __init__(self, dim: int, *, axes: int = 1, longest: float = 10000.0) -> None:
        super().__init__()
        at_least(1, axes=axes)
        beyond_zero(longest=longest)
        if dim % (2 * axes):
            raise ConfigError(f"sinusoid cannot have {dim} channels", remedy=f"a multiple of {2 * axes}")
        self.axes = axes
        each = dim // axes
        self.frequencies: Tensor
        self.register_buffer("frequencies", longest ** -(torch.arange(0, each, 2) / each), persistent=False)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return x "b n dim" with the waves of `positions` added."""
        angles = by_axis(positions, self.axes).float()[..., None] * self.frequencies  # b n a d/2a
        waves = torch.stack((angles.sin(), angles.cos()), -1).flatten(-3)
        return x + waves.to(x.dtype)


class Learned(Embedded):
    """x + Σ_axes E_a[p_a]: a learned vector for each place  (Gehring et al., 2017).

    `lengths`: places along each axis; positions are rounded. There is no vector beyond: ConfigError (the
    check waits for the positions on a GPU; compiled graphs leave it to the look-up). Cost O(n·d).

    Choose it where no line is longer than those of training.
    """

    def __init__(self, dim: int, *, lengths: Sequence[int] = (512,)) -> None:
        super().__init__()
        if not wholes(lengths, least=1):
            raise ConfigError(f"lengths is {lengths!r}", remedy="[n, …]: for each axis a number, 1 or more")
        self.axes = len(lengths)
        self.tables = nn.ModuleList(nn.Embedding(length, dim) for length in lengths)
        for table in self.tables.parameters():
            nn.init.normal_(table, std=0.02)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return x "b n dim" with the vectors of `positions` added."""
        places = whole(by_axis(positions, self.axes))
        for table, place in zip(self.tables, places.unbind(-1), strict=True):
            if not torch.compiler.is_compiling():
                self._check(place, int(table.num_embeddings))  # type: ignore[arg-type]
            x = x + table(place)
        return x

    def _check(self, place: Tensor, length: int) -> None:
        if place.numel() and not 0 <= int(place.min()) <= int(place.max()) < length:
            raise ConfigError(
                f"positions {int(place.min())} to {int(place.max())} are not among the {length} learned",
                remedy="learn more, or choose rotary, relative, alibi or sinusoid, which go on",
            )


class Rotary(Position):
    """Turns pairs of features by an angle proportional to the position: qᵀk depends on the distance only.

    (Su et al., 2021.) `shortest`, `longest`: the wavelengths, in positions, of the fastest and slowest pair.
    With several axes each turns head_dim / axes features. Defined for every real position; distances beyond
    those seen in training meet angles not seen, unless `longest` covers them. Cost O(n·d).

    Choose it for distances at no cost in the score, so that the fused kernels stay: also for real positions.
    """

    def __init__(
        self, head_dim: int, *, shortest: float = 2.0, longest: float = 128.0, axes: int = 1
    ) -> None:
        super().__init__()
        at_least(1, axes=axes)
        beyond_zero(shortest=shortest, longest=longest)
        if head_dim % (2 * axes):
            raise ConfigError(f"rotary cannot turn {head_dim} features", remedy=f"a multiple of {2 * axes}")
        self.axes = axes
        wavelengths = torch.logspace(math.log10(shortest), math.log10(longest), head_dim // axes // 2)
        self.frequencies: Tensor
        self.register_buffer("frequencies", 2 * math.pi / wavelengths, persistent=False)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return x turned by its positions. x: "b h n d"; positions: "b n", or "b n a"."""
        if self.axes == 1:
            return self._turned(x, positions)
        parts = zip(x.chunk(self.axes, -1), by_axis(positions, self.axes).unbind(-1), strict=True)
        return torch.cat([self._turned(part, place) for part, place in parts], -1)

    def _turned(self, x: Tensor, positions: Tensor) -> Tensor:
        angles = positions.float()[:, None, :, None] * self.frequencies
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        first, second = x.chunk(2, dim=-1)
        return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)

    def turn(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return queries or keys turned by their positions."""
        return self.forward(x, positions)


class DistanceBias(Biased):
    """−s·(p_q − p_k)² with a learned sharpness s > 0 per head: a Gaussian prior on where to look.

    (The score's counterpart of the Gaussian attention of Luong et al., 2015.) Defined at every distance, also
    beyond those seen in training. Cost O(h·q·k).

    Choose it where the place to look at is roughly known, as for a fixation seeded by the glance.
    """

    def __init__(self, heads: int, *, sharpness: float = 1.0) -> None:
        super().__init__()
        beyond_zero(sharpness=sharpness)
        raw = math.log(math.expm1(sharpness))
        self.raw = nn.Parameter(torch.full((heads,), raw))

    def forward(self, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """Return the bias "b h q k" of positions "b q" and "b k"."""
        distance = (q_positions[:, :, None] - k_positions[:, None, :])[:, None].float()
        sharpness = functional.softplus(self.raw.float())[:, None, None]
        return -sharpness * distance.square()


class RelativeBias(Biased):
    """Σ_axes B_a[h, bucket(p_k − p_q)]: a learned number for each head and distance.

    Clipped (Shaw et al., 2018): one bucket a distance up to ±`reach`. With `buckets` (Raffel et al., 2020):
    that many, half for each direction, one a distance up to a quarter of them, then ever wider ones up to
    `reach`. Either way the last bucket holds all that is farther, so that longer lines are defined.
    Distances are rounded. Cost O(h·q·k).

    Choose it where what matters about a distance is to be learned, for each head.
    """

    def __init__(self, heads: int, *, reach: int = 64, buckets: int | None = None, axes: int = 1) -> None:
        super().__init__()
        at_least(1, reach=reach, axes=axes)
        if buckets is not None and (buckets % 4 or not 4 <= buckets < 4 * reach):
            raise ConfigError(
                f"relative cannot have {buckets} buckets", remedy="a multiple of 4, less than 4 × reach"
            )
        self.axes, self.reach, self.buckets = axes, reach, buckets
        self.tables = nn.Parameter(torch.randn(axes, heads, buckets or 2 * reach + 1) * 0.02)

    def bucket(self, distance: Tensor) -> Tensor:
        """Return the bucket of each distance p_k − p_q (whole numbers)."""
        if self.buckets is None:
            return distance.clamp(-self.reach, self.reach) + self.reach
        half = self.buckets // 2
        exact, size = half // 2, distance.abs()
        growth = (size.clamp(min=1).float() / exact).log() / math.log(self.reach / exact)
        wide = (exact + (growth * (half - exact)).long()).clamp(max=half - 1)
        return torch.where(distance > 0, half, 0) + torch.where(size < exact, size, wide)

    def forward(self, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """Return the bias "b h q k" of positions "b q" and "b k", or "b q a" and "b k a"."""
        q, k = by_axis(q_positions, self.axes), by_axis(k_positions, self.axes)
        distance = whole(k[:, None, :, :] - q[:, :, None, :])
        buckets = self.bucket(distance).unbind(-1)
        found = [table[:, index] for table, index in zip(self.tables, buckets, strict=True)]  # h b q k
        return torch.stack(found).sum(0).transpose(0, 1)

    def bias_along(self, queries: int, keys: int, *, device: torch.device) -> Tensor | None:
        """Return the bias "1 h q k" of two whole lines, from one number a distance."""
        if self.axes > 1 or torch.compiler.is_exporting():
            return super().bias_along(queries, keys, device=device)
        distances = torch.arange(1 - queries, keys, device=device)
        return by_distance(self.tables[0][:, self.bucket(distances)], keys)[None]


class Alibi(Biased):
    """−m_h · Σ_axes |p_q − p_k|: the farther, the less, each head at its own slope  (Press et al., 2022).

    m_h = 2^{−8h/H} for h = 1 … H; where H is no power of two, the slopes of the power below, then every
    second one of the power above, as in the paper's code. Nothing is learned; longer lines are defined.
    Cost O(h·q·k).

    Choose it where lines are longer than those of training.
    """

    def __init__(self, heads: int, *, axes: int = 1) -> None:
        super().__init__()
        at_least(1, heads=heads, axes=axes)
        self.axes = axes
        below = 2 ** int(math.log2(heads))
        slopes = [2 ** (-8 * h / below) for h in range(1, below + 1)]
        slopes += [2 ** (-4 * h / below) for h in range(1, 2 * below + 1, 2)][: heads - below]
        self.slopes: Tensor
        self.register_buffer("slopes", torch.tensor(slopes), persistent=False)

    def forward(self, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """Return the bias "b h q k" of positions "b q" and "b k", or "b q a" and "b k a"."""
        q, k = by_axis(q_positions, self.axes), by_axis(k_positions, self.axes)
        distance = (q[:, :, None, :] - k[:, None, :, :]).abs().sum(-1).float()
        return -self.slopes[:, None, None] * distance[:, None]


POSITIONS: dict[str, type[Position]] = {
    "sinusoid": Sinusoid,
    "learned": Learned,
    "relative": RelativeBias,
    "rotary": Rotary,
    "alibi": Alibi,
    "distance": DistanceBias,
}
