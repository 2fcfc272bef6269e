"""Cross-modal attention: text looks at the image, the image at the text, or both at once.

text: "b t text_dim"; image: "b n image_dim", the places of a feature map in any order; masks: "b t" and
"b n", true where there is something. Each direction is `MultiHead` over any mechanism, and what was found is
fused with what was known by a gate, so that a side that finds nothing stays exactly as it was.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from foveal.attention.build import Spec
from foveal.attention.heads import MultiHead


class Sides(NamedTuple):
    """Text "b t text_dim" and image "b n image_dim"; or where each looked, "b t n" and "b n t"."""

    text: Tensor
    image: Tensor


class Direction(nn.Module):
    """One side looks at the other:  a = MultiHead(norm x, norm m, norm m),  x' = x + g ⊙ a,  g = σ(W [x; a]).

    (One modality's queries on the other's keys: Lu et al., 2019; the gate: Arevalo et al., 2017.)
    x: "b q dim", m: "b k memory_dim", masks "b q" and "b k". What is masked, or finds all of m masked, has
    a = 0 and x' = x. Cost: that of the heads, and 2·dim² a query.
    """

    def __init__(self, dim: int, memory_dim: int, *, heads: int, mechanism: Spec) -> None:
        super().__init__()
        self.norm, self.norm_memory = nn.LayerNorm(dim), nn.LayerNorm(memory_dim)
        self.attention = MultiHead(dim, heads, memory_dim=memory_dim, mechanism=mechanism)
        self.gate = nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None, memory_mask: Tensor | None) -> Tensor:
        """Return x', "b q dim"."""
        keys = None if memory_mask is None else memory_mask[:, None]
        seen = self.attention(self.norm(x), self.norm_memory(memory), mask=keys)
        return self._fuse(x, seen, _counts(mask, memory_mask))

    def look(
        self, x: Tensor, memory: Tensor, mask: Tensor | None, memory_mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return x' and the mean look of the heads, "b q k", by the plain route."""
        keys = None if memory_mask is None else memory_mask[:, None]
        seen, look = self.attention.look(self.norm(x), self.norm_memory(memory), mask=keys)
        counts = _counts(mask, memory_mask)
        return self._fuse(x, seen, counts), look if counts is None else look * counts

    def _fuse(self, x: Tensor, seen: Tensor, counts: Tensor | None) -> Tensor:
        seen = seen if counts is None else seen * counts  # not even the bias of W^O
        return x + torch.sigmoid(self.gate(torch.cat([x, seen], dim=-1))) * seen


def _counts(mask: Tensor | None, memory_mask: Tensor | None) -> Tensor | None:
    """Return which places may change, "b #q 1": those that exist and have something to look at."""
    found = None if memory_mask is None else memory_mask.any(-1, keepdim=True)[..., None]
    own = None if mask is None else mask[..., None]
    return own if found is None else found if own is None else own & found


class CrossModal(nn.Module):
    """Base of the cross-modal parts: both sides in, both out; a side that does not look stays as it was.

    mechanism: any of MECHANISMS that does not go by the order of the keys, by name or with options. Time
    O((t + n)·dim² + t·n·dim) a direction, memory O(t·n) by the plain route.
    """

    text_looks: ClassVar[bool] = True
    image_looks: ClassVar[bool] = True

    def __init__(
        self, text_dim: int, image_dim: int, *, heads: int = 4, mechanism: Spec = "scaled_dot"
    ) -> None:
        super().__init__()

        def direction(dim: int, memory_dim: int) -> Direction:
            return Direction(dim, memory_dim, heads=heads, mechanism=mechanism)

        self.text = direction(text_dim, image_dim) if self.text_looks else None
        self.image = direction(image_dim, text_dim) if self.image_looks else None

    def forward(
        self,
        text: Tensor,
        image: Tensor,
        text_mask: Tensor | None = None,
        image_mask: Tensor | None = None,
    ) -> Sides:
        """Return both sides, each with what it found in the other as it came in."""
        return Sides(
            text if self.text is None else self.text(text, image, text_mask, image_mask),
            image if self.image is None else self.image(image, text, image_mask, text_mask),
        )

    def look(
        self,
        text: Tensor,
        image: Tensor,
        text_mask: Tensor | None = None,
        image_mask: Tensor | None = None,
    ) -> tuple[Sides, Sides]:
        """Return `forward`'s result and where each side looked, "b t n" and "b n t"; zeros if it does not."""
        t, n = text.shape[1], image.shape[1]
        new_text, text_look = text, text.new_zeros(text.shape[0], t, n)
        new_image, image_look = image, image.new_zeros(image.shape[0], n, t)
        if self.text is not None:
            new_text, text_look = self.text.look(text, image, text_mask, image_mask)
        if self.image is not None:
            new_image, image_look = self.image.look(image, text, image_mask, text_mask)
        return Sides(new_text, new_image), Sides(text_look, image_look)


class TextToImage(CrossModal):
    """Each character or word looks at the image: where is this, and what stands there?  (Lu et al., 2019.)

    text' = text + g ⊙ a, a = MultiHead(text, image, image), g = σ(W [text; a]); details: `Direction`.

    Choose it to ground words that are known: fields of a form, a transcript to be aligned.
    """

    image_looks = False


class ImageToText(CrossModal):
    """Each place of the image looks at the text: which word is here, what does it mean?  (Lu et al., 2019.)

    image' = image + g ⊙ a, a = MultiHead(image, text, text), g = σ(W [image; a]); details: `Direction`.

    Choose it to bring what the words mean into a map: kinds of block, cells of a table.
    """

    text_looks = False


class TwoWay(CrossModal):
    """Both directions at once, each fused by its own gate  (co-attention, Lu et al., 2019).

    Neither side waits for the other: both look at what came in. Cost: twice that of one direction.

    Choose it where both are read out: fields and their places.

    >>> both = TwoWay(12, 16)(torch.zeros(2, 5, 12), torch.zeros(2, 7, 16))
    >>> both.text.shape, both.image.shape
    (torch.Size([2, 5, 12]), torch.Size([2, 7, 16]))
    """


CROSSMODAL: dict[str, type[CrossModal]] = {
    "text_to_image": TextToImage,
    "image_to_text": ImageToText,
    "two_way": TwoWay,
}
