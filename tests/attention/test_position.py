"""Positions: each against NumPy or its defining law, in 1-D and 2-D, and beyond what was learned."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from foveal.attention import POSITIONS, build
from foveal.attention.position import (
    Alibi,
    DistanceBias,
    Learned,
    RelativeBias,
    Rotary,
    Sinusoid,
    along,
    grid,
)
from foveal.errors import ConfigError

SIZES = {"dim": 24, "head_dim": 8, "heads": 3}
BIASES = ("relative", "alibi", "distance")


def test_sinusoid_is_its_formula() -> None:
    places, d = torch.tensor([[0.0, 3.0, 7.5]]), 6
    found = Sinusoid(d)(torch.zeros(1, 3, d), places)
    expected = np.zeros((3, d))
    for n, p in enumerate((0.0, 3.0, 7.5)):
        for i in range(d // 2):
            expected[n, 2 * i] = math.sin(p / 10000 ** (2 * i / d))
            expected[n, 2 * i + 1] = math.cos(p / 10000 ** (2 * i / d))
    np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-6)


def test_sinusoid_of_a_map_is_that_of_its_row_then_that_of_its_column() -> None:
    found = Sinusoid(12, axes=2)(torch.zeros(1, 6, 12), grid(2, 3))
    rows = Sinusoid(6)(torch.zeros(1, 6, 6), torch.tensor([[0, 0, 0, 1, 1, 1]]))
    columns = Sinusoid(6)(torch.zeros(1, 6, 6), torch.tensor([[0, 1, 2, 0, 1, 2]]))
    assert_close(found, torch.cat([rows, columns], -1))


def test_learned_places_are_rows_of_a_table() -> None:
    part, x = Learned(5, lengths=(4,)), torch.randn(2, 3, 5)
    found = part(x, torch.tensor([[0, 3, 1], [2, 2, 0]]))
    table = part.tables[0].weight
    assert_close(found, x + torch.stack([table[[0, 3, 1]], table[[2, 2, 0]]]))
    two = Learned(5, lengths=(2, 3))
    first, second = (table.weight for table in two.tables)
    places = (first[:, None] + second[None]).view(1, 6, 5)
    assert_close(two(torch.zeros(1, 6, 5), grid(2, 3)), places)


def test_what_was_not_learned_is_refused() -> None:
    part = Learned(5, lengths=(4,))
    with pytest.raises(ConfigError, match=r"4 learned.*rotary"):
        part(torch.zeros(1, 5, 5), along(5))
    with pytest.raises(ConfigError, match="-1"):
        part(torch.zeros(1, 1, 5), torch.tensor([[-1]]))


def test_rotary_depends_on_distance_only() -> None:
    rotary, (q, k) = Rotary(8).double(), torch.randn(2, 1, 1, 4, 8, dtype=torch.float64)
    places = torch.arange(4, dtype=torch.float64)[None]
    here = rotary(q, places) @ rotary(k, places).mT
    there = rotary(q, places + 31.5) @ rotary(k, places + 31.5).mT
    assert_close(here, there, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(here, q @ k.mT)


def test_rotary_turns_pairs_as_complex_numbers_do() -> None:
    rotary, x = Rotary(6, shortest=3.0, longest=48.0), torch.randn(1, 1, 2, 6)
    turned = rotary(x, torch.tensor([[2.0, 5.0]]))
    for place, p in enumerate((2.0, 5.0)):
        for pair, wavelength in enumerate((3.0, 12.0, 48.0)):
            before = complex(*x[0, 0, place, [pair, pair + 3]].tolist())
            after = before * np.exp(2j * math.pi * p / wavelength)
            assert_close(
                complex(*turned[0, 0, place, [pair, pair + 3]].tolist()), complex(after), atol=1e-5, rtol=0
            )


def test_rotary_of_a_map_turns_half_by_row_and_half_by_column() -> None:
    x, rotary, half = torch.randn(2, 3, 6, 8), Rotary(8, axes=2), Rotary(4)
    rows, columns = grid(2, 3).float().unbind(-1)
    expected = torch.cat([half(x[..., :4], rows), half(x[..., 4:], columns)], -1)
    assert_close(rotary(x, grid(2, 3)), expected)


def t5_bucket(relative: int, buckets: int, reach: int) -> int:
    """The bidirectional bucket of Raffel et al. (2020), section 2.1, of p_k − p_q."""
    half = buckets // 2
    offset, n, exact = half * (relative > 0), abs(relative), half // 2
    if n < exact:
        return offset + n
    wide = exact + int(math.log(n / exact) / math.log(reach / exact) * (half - exact))
    return offset + min(wide, half - 1)


@pytest.mark.parametrize("buckets", [None, 8, 32])
def test_relative_bias_is_one_number_a_head_and_bucket(buckets: int | None) -> None:
    part = RelativeBias(3, reach=20, buckets=buckets)
    bias = part(along(50), along(47))
    assert bias.shape == (1, 3, 50, 47)
    for i in range(50):
        for j in range(47):
            clipped = max(-20, min(20, j - i)) + 20
            bucket = clipped if buckets is None else t5_bucket(j - i, buckets, 20)
            assert bool((bias[0, :, i, j] == part.tables[0, :, bucket]).all()), (i, j)


@pytest.mark.parametrize("name", BIASES)
@pytest.mark.parametrize(("queries", "keys"), [(5, 7), (7, 5), (1, 6), (40, 40)])
def test_the_bias_of_whole_lines_is_that_of_their_positions(name: str, queries: int, keys: int) -> None:
    torch.manual_seed(0)
    options = {"reach": 9, "buckets": 8} if name == "relative" and keys == 5 else {}
    position = build(POSITIONS, {"name": name, **options}, heads=3).double()
    whole = position.bias_along(queries, keys, device=torch.device("cpu"))
    each = position.bias(along(queries), along(keys))
    assert_close(whole, each)
    if parameters := list(position.parameters()):
        probe = torch.randn(whole.shape, dtype=whole.dtype)
        one, other = (torch.autograd.grad((x * probe).sum(), parameters) for x in (whole, each))
        assert_close(one, other)


def test_relative_bias_of_a_map_adds_both_axes() -> None:
    part = RelativeBias(2, reach=3, axes=2)
    bias = part(grid(2, 3), grid(2, 3))
    rows, columns = grid(2, 3)[0].unbind(-1)
    for i in range(6):
        for j in range(6):
            expected = (
                part.tables[0, :, rows[j] - rows[i] + 3] + part.tables[1, :, columns[j] - columns[i] + 3]
            )
            assert_close(bias[0, :, i, j], expected)


@pytest.mark.parametrize(
    ("heads", "slopes"),
    [
        (1, [2**-8]),
        (4, [2**-2, 2**-4, 2**-6, 2**-8]),
        (3, [2**-4, 2**-8, 2**-2]),
        (6, [2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3]),
    ],
)
def test_alibi_is_its_formula(heads: int, slopes: list[float]) -> None:
    bias = Alibi(heads)(along(3), torch.tensor([[0.0, 0.5, 9.0]]))
    distance = torch.tensor([[0, 0.5, 9], [1, 0.5, 8], [2, 1.5, 7]])
    assert_close(bias[0], -torch.tensor(slopes)[:, None, None] * distance)


def test_distance_bias_is_highest_at_the_expected_place() -> None:
    bias = DistanceBias(2)(torch.tensor([[2.0]]), torch.tensor([[0.0, 1.0, 2.0, 4.0]]))
    assert bias.argmax(-1).flatten().tolist() == [2, 2]
    assert_close(bias[0, 0, 0, 0], bias[0, 0, 0, 3])


@pytest.mark.parametrize("name", BIASES)
def test_a_bias_depends_on_distance_only_and_on_nothing_of_other_lines(name: str) -> None:
    part = build(POSITIONS, name, **SIZES)
    places = torch.tensor([[0.0, 2.0, 7.0], [5.0, 1.0, 3.0]])
    bias = part.bias(places, places)
    assert bias is not None
    assert bias.shape == (2, 3, 3, 3)
    moved = part.bias(places + 100, places + 100)
    assert_close(bias, moved)
    alone = part.bias(places[1:], places[1:])
    assert alone is not None
    assert_close(bias[1:], alone)


@pytest.mark.parametrize("name", sorted(set(POSITIONS) - {"learned"}))
def test_far_beyond_any_line_is_defined(name: str) -> None:
    part, far = build(POSITIONS, name, **SIZES), torch.tensor([[0.0, 1e4]])
    assert part.embed(torch.ones(1, 2, 24), far).isfinite().all()
    assert part.turn(torch.ones(1, 3, 2, 8), far).isfinite().all()
    bias = part.bias(far, far)
    assert bias is None or bias.isfinite().all()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("sinusoid", {"axes": 5}),
        ("rotary", {"axes": 3}),
        ("relative", {"buckets": 6}),
        ("relative", {"buckets": 512}),
        ("learned", {"length": 3}),
    ],
)
def test_what_cannot_be_is_refused(name: str, wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        build(POSITIONS, {"name": name, **wrong}, **SIZES)


def test_positions_of_another_number_of_axes_are_refused() -> None:
    with pytest.raises(ConfigError, match="axes"):
        Sinusoid(8)(torch.zeros(1, 6, 8), grid(2, 3))
    with pytest.raises(ConfigError, match="axes"):
        Alibi(2, axes=2)(along(3), along(3))
