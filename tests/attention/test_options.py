"""What is said of a part is heard or refused: by its kind over all tables, by its range if it has one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from foveal.attention import (
    CROSSMODAL,
    FUSIONS,
    GATES,
    MECHANISMS,
    NORMALISERS,
    POSITIONS,
    Attention,
    build,
)
from foveal.attention.build import PLAIN, misfit
from foveal.errors import ConfigError

SIZES: dict[str, dict[str, int]] = {
    "MECHANISMS": {"q_dim": 8, "k_dim": 8, "heads": 3},
    "POSITIONS": {"dim": 24, "head_dim": 8, "heads": 3},
    "GATES": {"channels": 12},
    "FUSIONS": {"channels": 12, "levels": 3},
    "NORMALISERS": {},
    "CROSSMODAL": {"text_dim": 8, "image_dim": 12},
}
TABLES: dict[str, Mapping[str, type]] = {
    "MECHANISMS": MECHANISMS,
    "POSITIONS": POSITIONS,
    "GATES": GATES,
    "FUSIONS": FUSIONS,
    "NORMALISERS": NORMALISERS,
    "CROSSMODAL": CROSSMODAL,
}
PARTS = [(table, name) for table, parts in TABLES.items() for name in parts]


def options(table: str, name: str) -> list[inspect.Parameter]:
    parameters = inspect.signature(TABLES[table][name]).parameters.values()
    return [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in SIZES[table]]


@pytest.mark.parametrize(("table", "name"), PARTS)
def test_an_option_of_another_kind_is_refused_by_name(table: str, name: str) -> None:
    for option in options(table, name):
        wrong: list[Any] = [object()]
        wrong += ["2", 2.5, True] if "int" in str(option.annotation).split(" | ") else []
        for value in wrong:
            with pytest.raises(ConfigError, match=rf"{option.name}|names no part"):
                build(TABLES[table], {"name": name, option.name: value}, **SIZES[table])


@pytest.mark.parametrize(("table", "name"), PARTS)
def test_what_an_option_is_unless_told_may_be_told(table: str, name: str) -> None:
    told = {option.name: option.default for option in options(table, name)}
    as_in_a_file = {key: list(x) if isinstance(x, tuple) else x for key, x in told.items()}
    for given in (told, as_in_a_file):
        assert type(build(TABLES[table], {"name": name, **given}, **SIZES[table])) is TABLES[table][name]


@pytest.mark.parametrize(
    ("table", "spec"),
    [
        ("MECHANISMS", {"name": "structured", "anchors": -1}),
        ("MECHANISMS", {"name": "local_2d", "window": [1.5, 1]}),
        ("MECHANISMS", {"name": "temporal", "fading": 0}),
        ("POSITIONS", {"name": "sinusoid", "longest": 0}),
        ("POSITIONS", {"name": "sinusoid", "axes": 0}),
        ("POSITIONS", {"name": "learned", "lengths": ()}),
        ("POSITIONS", {"name": "learned", "lengths": [4, 0]}),
        ("POSITIONS", {"name": "learned", "lengths": 512}),
        ("POSITIONS", {"name": "rotary", "shortest": 0}),
        ("POSITIONS", {"name": "rotary", "longest": -1.0}),
        ("POSITIONS", {"name": "rotary", "axes": 0}),
        ("POSITIONS", {"name": "relative", "reach": 0}),
        ("POSITIONS", {"name": "relative", "axes": 0}),
        ("POSITIONS", {"name": "alibi", "axes": 0}),
        ("POSITIONS", {"name": "distance", "sharpness": 0}),
        ("GATES", {"name": "channel", "reduction": 0}),
        ("GATES", {"name": "coordinate", "reduction": 0}),
        ("GATES", {"name": "spatial", "kernel": 4}),
        ("GATES", {"name": "mixed", "kernel": 0}),
        ("FUSIONS", {"name": "content", "reduction": 0}),
        ("FUSIONS", {"name": "task", "tasks": 0}),
    ],
)
def test_an_option_out_of_its_range_is_refused_by_name(table: str, spec: dict[str, Any]) -> None:
    option = next(key for key in spec if key != "name")
    with pytest.raises(ConfigError, match=option):
        build(TABLES[table], spec, **SIZES[table])


@pytest.mark.parametrize("spec", [5, None, ["dot"], {"name": 3}, {}])
def test_what_names_no_part_is_refused(spec: Any) -> None:
    with pytest.raises(ConfigError, match=r"names no part|has no name"):
        build(MECHANISMS, spec)
    with pytest.raises(ConfigError, match=r"names no part|has no name"):
        build(MECHANISMS, {"name": "local", "score": spec})


def test_a_size_that_is_none_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'q_dim'"):
        build(MECHANISMS, "additive", qdim=3, k_dim=3)


class Own(Attention):
    """A mechanism of a reader who annotates with classes; an unknown kind is the class's own affair."""

    def __init__(self, *, sharpness: float = 1.0, table: Tensor | None = None, free=None) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.given = sharpness, table, free


Own.__init__.__annotations__["sharpness"] = float


def test_options_of_ones_own_are_looked_at_too() -> None:
    table = torch.zeros(2)
    own = build({"own": Own}, {"name": "own", "sharpness": np.float32(2), "table": table, "free": "x"})
    assert own.given == (2, table, "x")
    with pytest.raises(ConfigError, match="sharpness"):
        build({"own": Own}, {"name": "own", "sharpness": "2"})


def test_kinds_are_told_apart() -> None:
    right = {"int": 2, "float": 2.5, "bool": True, "str": "2"}
    for kind in PLAIN:
        fits = {other for other, value in right.items() if misfit(value, kind) is None}
        assert fits == ({"int", "float"} if kind == "float" else {kind})
    assert misfit(None, "int | None") is None
    assert misfit(None, "int") is not None
    assert misfit("x", "int | None") == "a whole number"
