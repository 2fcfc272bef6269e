"""Which columns of the grid belong to which character, from the model's own CTC scores."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_NEVER = -1e4


@torch.no_grad()
def align(log_probs: Tensor, ids: Tensor, lengths: Tensor, columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return first column, last column ("b n" each) and mean log-probability ("b") of the best CTC path.

    Viterbi over the path lattice of Graves et al. (2006). log_probs: "b t classes", blank 0; ids: "b n";
    lengths: "b"; columns: "b", valid t. A text that does not fit into its columns scores −10⁴/t or less.
    Time O(t·n), with t steps one after another; memory O(b·t·n) bytes.
    """
    b, t, _ = log_probs.shape
    n = ids.shape[1]
    states = torch.stack((torch.zeros_like(ids), ids), -1).flatten(1)  # blank, c₁, blank, c₂, …
    states = functional.pad(states, (0, 1))  # and a blank behind the last
    emit = log_probs.gather(2, states[:, None].expand(-1, t, -1))
    skip_ok = torch.zeros_like(states, dtype=torch.bool)
    skip_ok[:, 3::2] = ids[:, 1:] != ids[:, :-1]
    skip = torch.where(skip_ok, 0.0, _NEVER)
    score = torch.full((b, 2 * n + 1), _NEVER, device=ids.device)
    score[:, :2] = emit[:, 0, :2]
    moves = torch.zeros(t, b, 2 * n + 1, dtype=torch.uint8, device=ids.device)
    for step in range(1, t):
        options = torch.stack(
            (
                score,
                functional.pad(score[:, :-1], (1, 0), value=_NEVER),
                functional.pad(score[:, :-2], (2, 0), value=_NEVER) + skip,
            )
        )
        best, move = options.max(0)
        live = (step < columns)[:, None]
        score = torch.where(live, best + emit[:, step], score)
        moves[step] = torch.where(live, move, 0).to(torch.uint8)
    return _trace(score, moves, n, lengths, columns)


def _trace(
    score: Tensor, moves: Tensor, n: int, lengths: Tensor, columns: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    t, b, _ = moves.shape
    ends = torch.stack((2 * lengths, (2 * lengths - 1).clamp(min=0)), -1)
    final, choice = score.gather(1, ends).max(-1)
    state = ends.gather(1, choice[:, None])
    first = torch.zeros(b, n + 1, dtype=torch.long, device=score.device)
    last = torch.zeros_like(first)
    for step in range(t - 1, -1, -1):
        live = (step < columns)[:, None]
        slot = torch.where((state % 2 == 1) & live, state // 2, n)  # column n collects the blanks
        now = torch.full_like(slot, step)
        last.scatter_(1, slot, torch.maximum(last.gather(1, slot), now))
        first.scatter_(1, slot, now)
        state = (state - moves[step].gather(1, state).long()).clamp(min=0)
    return first[:, :n], last[:, :n], final / columns.clamp(min=1)
