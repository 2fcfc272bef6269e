"""Looks of single characters, afterwards: weights of chosen rows computed again, never the whole q×k."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn

from foveal.attention.core import Attention, pick
from foveal.attention.normalisers import Softmax
from foveal.attention.watching import listening, names

_BLOCK = 1024
"""Keys at once when a row's log-sum-exp is taken."""


class Recalled:
    """One call of a mechanism, remembered by its queries and keys; `rows` says where some of them looked.

    The log-sum-exp of a row, L_i = log Σ_j exp(s_ij), is stored once it was needed, so that any part of the
    row is exp(s_ij − L_i): memory O(rows · keys asked for), and no more.
    """

    def __init__(
        self, mechanism: Attention, q: Tensor, k: Tensor, mask: Tensor | None, bias: Tensor | None
    ) -> None:
        self.mechanism, self.mask = (
            deepcopy(mechanism) if mechanism.draws else mechanism,
            mask,
        )  # with its draw
        self.q, self.k, self.bias = q.detach(), k.detach(), None if bias is None else bias.detach()
        self._log_sums: dict[int, Tensor] = {}
        device = q.device.type
        dtype, enabled = torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)
        self._precision = partial(torch.autocast, device, dtype=dtype, enabled=enabled)  # that of the call

    @torch.no_grad()
    def rows(self, rows: Sequence[int], keys: Sequence[int] | None = None) -> Tensor:
        """Return the weights of the queries `rows` at `keys` (at all unless told), "*batch r k"."""
        at = torch.as_tensor(rows, device=self.q.device)
        columns = None if keys is None else torch.as_tensor(keys, device=self.q.device)
        with self._precision():
            return self._rows(at, columns)

    def _rows(self, at: Tensor, columns: Tensor | None) -> Tensor:
        attend = self.mechanism
        apart = attend.rows_alone and attend.any_order and type(attend).weights is Attention.weights
        if columns is not None and apart and isinstance(attend.normaliser, Softmax):
            score = self._score(at, columns)
            weights = (score - self._log_sum(at)).exp()
            return weights.masked_fill(score == -torch.inf, 0)  # also where a whole row is empty
        weights = attend.rows(self.q, self.k, at, self.mask, self.bias)
        return weights if columns is None else weights.index_select(-1, columns)

    def _log_sum(self, rows: Tensor) -> Tensor:
        """Return the log-sum-exp of each row, "*batch r 1"."""
        wanted = rows.tolist()
        if missing := [row for row in wanted if row not in self._log_sums]:
            at, total = torch.as_tensor(missing, device=rows.device), None
            for columns in torch.split(torch.arange(self.k.shape[-2], device=rows.device), _BLOCK):
                part = self._score(at, columns).logsumexp(-1)
                total = part if total is None else torch.logaddexp(total, part)
            assert total is not None
            self._log_sums |= dict(zip(missing, total.unbind(-1), strict=True))
        return torch.stack([self._log_sums[row] for row in wanted], -1)[..., None]

    def _score(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the score of some queries and keys with its bias, −∞ where they may not look."""
        score = self.mechanism.score(self.q.index_select(-2, rows), self.k.index_select(-2, columns))
        score = score.to(torch.promote_types(score.dtype, torch.float32))
        if (bias := _part(self.bias, rows, columns)) is not None:
            score = score + bias
        mask = _part(self.mask, rows, columns)
        return score if mask is None else score.masked_fill(~mask, -torch.inf)


def _part(x: Tensor | None, rows: Tensor, columns: Tensor) -> Tensor | None:
    x = pick(x, rows)
    return x if x is None or x.shape[-1] == 1 else x.index_select(-1, columns)


class _Calls:
    """Remembers the calls of the modules it knows."""

    plain = False

    def __init__(self, model: nn.Module) -> None:
        self.names = names(model)
        self.calls: dict[str, list[Recalled]] = {}

    def weights(self, module: nn.Module, weights: Tensor) -> None:
        """Do nothing: weights are computed again when asked for."""

    def call(self, module: nn.Module, inputs: tuple[Tensor | None, ...]) -> None:
        """Remember a call under the module's name if the watched model holds that module."""
        if isinstance(module, Attention) and (name := self.names.get(id(module))) is not None:
            q, k, mask, bias = inputs
            assert q is not None
            assert k is not None
            self.calls.setdefault(name, []).append(Recalled(module, q, k, mask, bias))


@contextmanager
def recall(model: nn.Module) -> Iterator[dict[str, list[Recalled]]]:
    """Remember every attention call inside `model`, by module name, in the order of the calls.

    Mechanisms keep their fast route; the memory is that of queries and keys. Parameters must not change
    until the rows are asked for; what was drawn for a call is remembered with it. Works through
    torch.compile, autocast and DDP as `watch` does.

    >>> with recall(model) as calls: model(x)        # doctest: +SKIP
    >>> calls["blocks.0.attention.mechanism"][0].rows([3])    # doctest: +SKIP
    """
    remembered = _Calls(model)
    with listening(remembered):
        yield remembered.calls
