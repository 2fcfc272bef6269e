"""The CTC loss in plain tensor steps: nothing waits for the device, so a training step can be recorded."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

NEVER = -1e30
"""The logarithm of nothing, finite so that no difference of two such numbers is NaN."""


def ctc_loss(log_probs: Tensor, ids: Tensor, lengths: Tensor, columns: Tensor) -> Tensor:
    """Return −log p(text | strip) of each sample, "b"  (Graves et al., 2006).

    log_probs: "b t classes", normalised, blank 0; ids: "b n", blank-padded; lengths: "b" ≥ 0; columns: "b",
    how many of the t count. A text that cannot be written in its columns costs 0 and has no gradient. Forward
    and backward variables run side by side in one pass of t steps: time O(t·n), memory O(b·t·n).
    """
    loss: Tensor = _Ctc.apply(log_probs, ids, lengths, columns)  # type: ignore[no-untyped-call]
    return loss


class _Ctc(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, log_probs: Tensor, ids: Tensor, lengths: Tensor, columns: Tensor) -> Tensor:
        states = functional.pad(torch.stack((torch.zeros_like(ids), ids), -1).flatten(1), (0, 1))
        there = log_probs.gather(2, states[:, None].expand(-1, log_probs.shape[1], -1))
        back_state = _reversed(states.shape[1], 2 * lengths + 1)
        back_time = _reversed(log_probs.shape[1], columns)
        turned = states.gather(1, back_state)
        back = _pick(there, back_state, back_time)
        alpha, beta = _paths(
            torch.cat((there, back)), torch.cat((states, turned)), columns.repeat(2)
        ).chunk(2)
        last = alpha.gather(1, (columns - 1).clamp(min=0)[:, None, None].expand(-1, -1, alpha.shape[2]))[:, 0]
        ends = last.gather(1, torch.stack((2 * lengths, (2 * lengths - 1).clamp(min=0)), 1))
        ends = torch.where((lengths > 0)[:, None] | (torch.arange(2, device=ids.device) == 0), ends, NEVER)
        total = ends.logsumexp(1)
        possible = (total > NEVER / 2) & (columns > 0)
        beta = _pick(beta, back_state, back_time)
        timely = torch.arange(log_probs.shape[1], device=ids.device) < columns[:, None]
        spelt = torch.arange(states.shape[1], device=ids.device) <= 2 * lengths[:, None]
        share = (alpha + beta - there - total[:, None, None]).clamp(max=0).exp()
        share = torch.where(timely[..., None] & (spelt & possible[:, None])[:, None], share, 0.0)
        ctx.save_for_backward(share, states)
        ctx.classes = log_probs.shape[2]
        return torch.where(possible, -total, 0.0)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        share, states = ctx.saved_tensors
        b, t, _ = share.shape
        grad = share.new_zeros(b, t, ctx.classes)
        grad.scatter_add_(2, states[:, None].expand(-1, t, -1), share * -outer[0][:, None, None])
        return grad, None, None, None


def _reversed(size: int, lengths: Tensor) -> Tensor:
    """Return places that turn the first `lengths` of `size` round and leave the others: "b size"."""
    places = torch.arange(size, device=lengths.device)
    return torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)


def _pick(values: Tensor, states: Tensor, times: Tensor) -> Tensor:
    """Return values "b t s" with both axes re-ordered."""
    values = values.gather(2, states[:, None].expand_as(values))
    return values.gather(1, times[..., None].expand_as(values))


def _paths(emit: Tensor, states: Tensor, columns: Tensor) -> Tensor:
    """Return the log-probability of all paths into each state at each time, "b t s"."""
    skip = torch.full_like(emit[:, 0], NEVER)
    skip[:, 3::2] = torch.where(states[:, 3::2] == states[:, 1:-2:2], NEVER, 0.0)
    start = torch.arange(states.shape[1], device=states.device) < 2
    score = torch.where(start, emit[:, 0], NEVER)
    scores = [score]
    for step in range(1, emit.shape[1]):
        by_one = functional.pad(score[:, :-1], (1, 0), value=NEVER)
        by_two = functional.pad(score[:, :-2], (2, 0), value=NEVER) + skip
        into = torch.logaddexp(torch.logaddexp(score, by_one), by_two)
        score = torch.where((step < columns)[:, None], into + emit[:, step], score)
        scores.append(score)
    return torch.stack(scores, 1)
