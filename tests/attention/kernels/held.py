"""What kernels are held against: the formula in float64, in values and in gradients."""

from collections.abc import Callable

import torch
from torch import Tensor

Formula = Callable[..., Tensor]


def softmax_over(score: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax among the places where mask is true; zeros in a row without any."""
    if mask is None:
        return score.softmax(-1)
    return score.masked_fill(~mask, -1e9).softmax(-1) * mask


def distance(one: Tensor, other: Tensor) -> float:
    """‖one − other‖ / ‖other‖, and ‖one‖ where other is zero; NaN stays NaN."""
    one, other = one.detach().double().cpu(), other.detach().double().cpu()
    size = other.norm()
    return float((one - other).norm() / (size if size > 0 else 1))


def distances(kernel: Formula, formula: Formula, inputs: list[Tensor], **options: object) -> list[float]:
    """Distances of the result and of the gradient of each input from the formula's in float64, on the CPU."""
    own = [x.detach().clone().requires_grad_() for x in inputs]
    exact = [x.detach().cpu().double().requires_grad_() for x in inputs]
    out, expected = kernel(*own, **options), formula(*exact, **on_cpu(options))
    given = torch.randn(expected.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    given = given.to(out.dtype)
    out.backward(given.to(out.device))
    expected.backward(given.double())
    pairs = [(out, expected), *((x.grad, y.grad) for x, y in zip(own, exact, strict=True))]
    return [distance(x, y) for x, y in pairs]


def on_cpu(options: dict[str, object]) -> dict[str, object]:
    return {name: value.cpu() if isinstance(value, Tensor) else value for name, value in options.items()}


def masks(batch: tuple[int, ...], queries: int, keys: int) -> dict[str, Tensor | None]:
    """Masks of every kind of shape; in "pairs" query 2 of the first element may look nowhere."""
    draw = torch.Generator().manual_seed(3)
    padding = torch.arange(keys) < torch.tensor([[keys], [keys - 3]])
    pairs = torch.rand(batch[0], 1, queries, keys, generator=draw) > 0.4
    pairs[0, 0, 2] = False
    heads = torch.rand(*batch, queries, keys, generator=draw) > 0.5
    common = torch.ones(queries, keys, dtype=torch.bool).tril(1)
    return {"none": None, "padding": padding[:, None, None], "pairs": pairs, "heads": heads, "common": common}
