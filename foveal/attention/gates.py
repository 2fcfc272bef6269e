"""Visual gates: how much of each channel, and of each place, a feature map may keep.

Every gate obeys one law: `weights(x)` lies in [0, 1] and broadcasts to x, and `forward(x) = x · weights(x)`.
x is "b c h w"; mask, where given, "b 1 #h #w": places outside it (padding) do not count.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from foveal.attention.build import at_least
from foveal.attention.routes import run
from foveal.errors import ConfigError


class Gate(nn.Module):
    """Base of all gates: subclasses give `weights`."""

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return what is kept, in [0, 1], broadcastable to x "b c h w"."""
        raise NotImplementedError

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return x · weights(x), "b c h w"."""
        return x * self.weights(x, mask)


class OpenGate(Gate):
    """Everything passes: weights are 1. The twin without attention is built with this part.

    Choose it to see what a gate is worth.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return ones, "1 c 1 1"."""
        return torch.ones(1, self.channels, 1, 1, dtype=x.dtype, device=x.device)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return x itself: the product with one, without its cost."""
        return x


def _mean(x: Tensor, mask: Tensor | None, axes: tuple[int, ...] = (2, 3)) -> Tensor:
    if mask is None:
        return x.mean(dim=axes, keepdim=True)
    kept = mask.to(x.dtype).expand(-1, 1, *x.shape[2:])
    return (x * kept).sum(dim=axes, keepdim=True) / kept.sum(dim=axes, keepdim=True).clamp(min=1)


def _max(x: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return x.amax(dim=(2, 3), keepdim=True)
    top = x.masked_fill(~mask, torch.finfo(x.dtype).min).amax(dim=(2, 3), keepdim=True)
    return top * mask.any(dim=3, keepdim=True).any(dim=2, keepdim=True)  # 0 where nothing counts


def _over_channels(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean and the maximum over the channels, "b 2 h w"; 0 at places that do not count."""
    if mask is not None:
        x = x * mask
    return torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)


class ChannelGate(Gate):
    """σ(W₂ relu(W₁ mean(x)))  (squeeze-excitation, Hu et al., 2018). Weights "b c 1 1"; cost c²/2 a map.

    Choose it where whole features should count more on some images than on others.
    """

    def __init__(self, channels: int, *, reduction: int = 4) -> None:
        super().__init__()
        at_least(1, reduction=reduction)
        hidden = max(channels // reduction, 4)
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.excite = nn.Conv2d(hidden, channels, 1)

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return one weight a channel, "b c 1 1"."""
        return self.judge(_mean(x, mask))

    def judge(self, means: Tensor) -> Tensor:
        """Return the weights from the mean of each channel, "b c 1 1" both."""
        return torch.sigmoid(self.excite(torch.relu(self.squeeze(means))))


class SpatialGate(Gate):
    """σ(conv₇ₓ₇[mean over c, max over c])  (CBAM, Woo et al., 2018). Weights "b 1 h w"; cost 98 a place.

    Choose it where text stands out from its surroundings: photographs, stained paper.
    """

    def __init__(self, channels: int, *, kernel: int = 7) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ConfigError(f"a gate cannot have a kernel of {kernel}", remedy="an odd number")
        self.channels = channels
        self.look = nn.Conv2d(2, 1, kernel, padding=kernel // 2)

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return one weight a place, "b 1 h w"."""
        return self.judge(_over_channels(x, mask))

    def judge(self, places: Tensor) -> Tensor:
        """Return the weights "b 1 h w" from the mean and the maximum over the channels, "b 2 h w"."""
        return torch.sigmoid(self.look(places))


class GlobalSpatialGate(Gate):
    """σ(W [F; mean of F; max of F]): each place is judged beside the whole map it stands in  (W 1×1).

    (After the global query g of Jetley et al., 2018, pooled both ways.) Weights "b 1 h w"; cost c a place and
    2c a map, for what W makes of the map is the same at every place.

    Choose it where a place must be judged by what the rest of the image looks like.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.place = nn.Conv2d(channels, 1, 1)
        self.scene = nn.Conv2d(2 * channels, 1, 1, bias=False)

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return one weight a place, "b 1 h w"."""
        scene = torch.cat([_mean(x, mask), _max(x, mask)], dim=1)
        return torch.sigmoid(self.place(x) + self.scene(scene))


class CoordinateGate(Gate):
    """σ(F_h δ(F₁ mean over w)) × σ(F_w δ(F₁ mean over h))  (coordinate attention, Hou et al., 2021).

    F₁ narrows to max(8, c / reduction) channels with batch norm, shared by both directions; δ is h-swish.
    Weights "b c h w", the product of one weight a row and one a column; cost c²/reduction · 2(h + w) a map.

    Choose it for text in rows and columns: tables, forms, receipts.
    """

    def __init__(self, channels: int, *, reduction: int = 32) -> None:
        super().__init__()
        at_least(1, reduction=reduction)
        hidden = max(channels // reduction, 8)
        self.narrow = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.BatchNorm2d(hidden), nn.Hardswish())
        self.row = nn.Conv2d(hidden, channels, 1)
        self.column = nn.Conv2d(hidden, channels, 1)

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the outer product of the weights of rows and of columns, "b c h w"."""
        rows, columns = _mean(x, mask, (3,)), _mean(x, mask, (2,)).transpose(2, 3)
        seen = self.narrow(torch.cat([rows, columns], dim=2))
        rows, columns = seen.split([x.shape[2], x.shape[3]], dim=2)
        kept: Tensor = torch.sigmoid(self.row(rows)) * torch.sigmoid(self.column(columns.transpose(2, 3)))
        return kept


Judge = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From the mean of each channel and mean and maximum over the channels to both weights of a mixed gate."""


def mixed(x: Tensor, judge: Judge, mask: Tensor | None) -> Tensor:
    """Return x · channel weights · spatial weights, the plain route of the kernel of that name."""
    by_channel, by_place = judge(_mean(x, mask), _over_channels(x, mask))
    return x * (by_channel * by_place)


class MixedGate(Gate):
    """Channel weights × spatial weights, both seen from the same x: "b c h w" in one product.

    (After CBAM, Woo et al., 2018, whose spatial map is seen once the channels are weighed.) Cost: both.

    Choose it unless one of its two parts is known to be enough.

    >>> MixedGate(8).weights(torch.zeros(2, 8, 3, 5)).shape
    torch.Size([2, 8, 3, 5])
    """

    def __init__(self, channels: int, *, reduction: int = 4, kernel: int = 7) -> None:
        super().__init__()
        self.channel = ChannelGate(channels, reduction=reduction)
        self.spatial = SpatialGate(channels, kernel=kernel)

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the outer product of both weights, "b c h w"."""
        return self.channel.weights(x, mask) * self.spatial.weights(x, mask)

    def judge(self, means: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weights of the channels "b c 1 1" and of the places "b 1 h w"; see `Judge`."""
        return self.channel.judge(means), self.spatial.judge(places)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return x · weights(x), "b c h w", by the fused kernel where it pays."""
        return run("mixed", mixed, x, self.judge, mask)


GATES: dict[str, type[Gate]] = {
    "none": OpenGate,
    "channel": ChannelGate,
    "spatial": SpatialGate,
    "spatial_global": GlobalSpatialGate,
    "coordinate": CoordinateGate,
    "mixed": MixedGate,
}
