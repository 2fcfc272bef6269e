"""What tools/fit_trust.py prints: how confidences and flags do on lines that they were not fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from foveal.measure.calibration import accepted, auroc, by_chance, ece
from foveal.measure.halves import family_of

_PROMISES = (0.01, 0.05)
"""The error rates at which it is told how many words are accepted, and how many of these are wrong."""
_TITLES = ("right", "said", "ECE", "chance", "AUROC", "at 1%", "wrong", "at 5%", "wrong")


class _Judged(NamedTuple):
    chances: np.ndarray
    right: np.ndarray


def report_level(level: str, judged: Mapping[str, tuple[np.ndarray, Any]]) -> None:
    """Print figures by set and by family. judged: chances, and rows whose `right` says what was right."""
    of = {name: _Judged(chances, rows.right) for name, (chances, rows) in judged.items()}
    families: dict[str, list[_Judged]] = {}
    for name, one in of.items():
        families.setdefault(family_of(name), []).append(one)
    pooled = {
        family: _Judged(*(np.concatenate(part) for part in zip(*several, strict=True)))
        for family, several in families.items()
    }
    print(f"\n{level:32}{'n':>7}" + "".join(f"{title:>8}" for title in _TITLES))
    for name, one in (of | {family.upper(): one for family, one in pooled.items()}).items():
        figures = [one.right.mean(), one.chances.mean(), ece(one.chances, one.right), by_chance(one.chances)]
        figures += [auroc(one.chances, one.right)]
        for promise in _PROMISES:
            taken = accepted(one.chances, max_error=promise)
            figures += [taken.mean(), 1 - one.right[taken].mean() if taken.any() else 0.0]
        print(f"{name:32}{len(one.right):7}" + "".join(f"{value:8.3f}" for value in figures), flush=True)


def report_guesses(
    judged: Mapping[str, tuple[np.ndarray, Any]],
    limits: Mapping[int, float],
    planted: Mapping[str, list[tuple[Any, int, str]]],
) -> None:
    """Print how guesses are told from readings. limits: by half fitted to; planted: in the order of rows."""
    print(f"\n{'guesses':32}{'n':>7}{'AUROC':>8}{'flagged':>8}{'false':>8}")
    kinds: dict[str, list[bool]] = {}
    every: list[_Judged] = []
    flags: list[np.ndarray] = []
    for name, (chances, rows) in judged.items():
        flagged = chances >= np.where(rows.half == 1, limits[0], limits[1])
        own = [kind for _, half, kind in planted[name] if half >= 0]
        for kind, flag in zip(own, flagged[: len(own)].tolist(), strict=True):
            kinds.setdefault(kind, []).append(flag)
        every.append(_Judged(chances, rows.right))
        flags.append(flagged)
        _print_guesses(name, every[-1], flagged)
    both = _Judged(*(np.concatenate(part) for part in zip(*every, strict=True)))
    _print_guesses("ALL", both, np.concatenate(flags))
    for kind, flagged_ones in kinds.items():
        print(f"{kind:32}{len(flagged_ones):7}{'':8}{np.mean(flagged_ones):8.3f}", flush=True)


def _print_guesses(name: str, one: _Judged, flagged: np.ndarray) -> None:
    caught = flagged[one.right].mean() if one.right.any() else float("nan")
    figures = (auroc(one.chances, one.right), caught)
    print(
        f"{name:32}{one.right.sum():7}"
        + "".join(f"{value:8.3f}" for value in figures)
        + f"{flagged[~one.right].mean():8.4f}"
    )
