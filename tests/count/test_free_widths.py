"""Widths as symbols: which are free, and counts as polynomials in them, held to the walk over the network that they make."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.count import closed
from profiler.count.expressions import Expression, Space, at
from profiler.count.free_widths import SUMS, FreeWidths, free_widths
from profiler.errors import ShapeError
from profiler.network import layers as L
from profiler.network.combinators import Aside, Branches, Chain, Graph
from profiler.network.layers import Layer
from profiler.network.registry import find, names
from profiler.network.widen import with_widths
from profiler.network.widths import fixed, same, times
from profiler.records.profile import Totals
from tests.strategies import Case, networks
from tests.zoo import deeper_in_full

IMAGE = ((3, 8, 8),)


def values_at(found: FreeWidths, widths: dict[int, int]) -> dict[int, int]:
    """Every symbol's value, worked out from those that are free."""
    values = dict(widths)
    for symbol, floor in found.space.floors.items():
        values[symbol] = at(floor.dividend, values) // at(floor.divisor, values)
    return values


def fits(found: FreeWidths, values: dict[int, int]) -> bool:
    """Whether all is so that the formulas asked for."""
    for need in found.space.needs:
        a, b = at(need.a, values), at(need.b, values)
        if a % b if need.what == "divides" else a < b:
            return False
    return True


def counted(found: FreeWidths, values: dict[int, int]) -> dict[str, int]:
    return {name: at(Expression(found.space, terms), values) for name, terms in found.sums.items()}


def walked(totals: Totals) -> dict[str, int]:
    return {name: getattr(totals, name) for name in SUMS if not name.startswith("moved") and name != "standing"}


def agrees(network: Layer, inputs: tuple[tuple[int, ...], ...], widths: list[int]) -> bool:
    """Holds the polynomials at these free widths to the walk; False where both say that the network does not fit."""
    found = free_widths(network, inputs)
    values = values_at(found, dict(zip(found.free, widths, strict=False)))
    made = {each.position: at(each.width, values) for each in found.plain}
    if not fits(found, values):
        if min(made.values()) >= 1:  # else a width is none at all
            with pytest.raises(ShapeError):
                closed.totals(with_widths(network, made), inputs)
        return False
    totals = closed.totals(with_widths(network, made), inputs)
    ours = counted(found, values)
    assert ours.pop("moved_each") + ours.pop("moved_once") == totals.moved
    del ours["standing"]  # held to the peak of memory, in test_held.py
    assert ours == walked(totals)
    return True


def free(network: Layer, inputs: tuple[tuple[int, ...], ...] = IMAGE) -> dict[str, str]:
    """The width of each layer that has a plain one, in symbols."""
    found = free_widths(network, inputs)
    return {each.path: str(each.width) for each in found.plain}


# By hand


def test_the_counts_of_two_convolutions_are_the_papers_products() -> None:
    network = Chain(a=L.Conv(4, 3, padding=1, bias=False), b=L.Conv(6, 1))
    sums = free_widths(network, IMAGE).sums
    assert sums["macs"] == {(0,): 9 * 3 * 64, (0, 1): 64}
    assert sums["weights"] == {(0,): 9 * 3, (0, 1): 1}
    assert sums["bias"] == {(1,): 1}
    assert sums["activations"] == {(0,): 64, (1,): 64}
    # read 3·64 and w0·64, written w0·64 and w1·64, as float32; the parameters once
    assert sums["moved_each"] == {(): 4 * 3 * 64, (0,): 4 * 2 * 64, (1,): 4 * 64}
    assert sums["moved_once"] == {(0,): 4 * 27, (0, 1): 4, (1,): 4}


def test_what_meets_in_a_sum_is_one_width() -> None:
    block = Branches(branch=Chain(L.Conv(5, 3, padding=1), L.Conv(4, 1)), shortcut=L.Identity(), join=L.Add())
    assert free(Chain(stem=L.Conv(4, 1), a=block, b=block)) == {
        "stem": "1·w0", "a.branch.0": "1·w1", "a.branch.1": "1·w0", "b.branch.0": "1·w3", "b.branch.1": "1·w0",
    }  # fmt: skip


def test_a_width_that_meets_a_fixed_one_is_no_longer_free() -> None:
    network = Branches(a=L.Conv(fixed(4), 1), b=L.Conv(4, 3, padding=1), join=L.Add())
    found = free_widths(network, IMAGE)
    assert found.free == ()
    assert [each.width for each in found.plain] == [4]


def test_a_sum_with_a_concatenation_is_the_sum_of_its_widths() -> None:
    """ShuffleNet's units: a shortcut's channels beside new ones, and what is added to them later."""
    first = Branches(shortcut=L.AvgPool(1), branch=L.Conv(5, 1), join=L.Concatenate())
    second = Branches(shortcut=L.Identity(), branch=L.Conv(9, 1), join=L.Add())
    assert free(Chain(L.Conv(4, 1), first, second)) == {"0": "1·w0", "1.branch": "1·w1", "2.branch": "1·w0 + 1·w1"}


def test_a_width_that_is_twice_another_follows_it() -> None:
    network = Branches(a=Chain(L.Conv(4, 1), L.Conv(times(2), 1)), b=L.Conv(8, 1), join=L.Add())
    assert free(network) == {"a.0": "1·w0", "b": "2·w0"}


def test_a_plain_width_whose_groups_are_the_channels_follows_them() -> None:
    assert free(Chain(L.Conv(4, 1), L.Conv(8, 3, groups="each"))) == {"0": "1·w0", "1": "2·w0"}


def test_same_times_and_products_follow() -> None:
    gate = Chain(L.AdaptiveAvgPool(1), L.Conv(2, 1), L.Conv(same(), 1))
    excite = Branches(features=L.Identity(), gate=gate, join=L.Multiply())
    assert free(Chain(L.Conv(4, 1), L.Conv(times(6), 1), excite)) == {"0": "1·w0", "2.gate.1": "1·w1"}


def test_widths_that_leave_no_whole_numbers_are_refused() -> None:
    twice, thrice = (Chain(L.Conv(n, 1), L.Conv(times(k), 1)) for n, k in ((6, 2), (4, 3)))
    with pytest.raises(
        ShapeError, match=r"^join: its parts meet with widths that are tied in a way that leaves no whole numbers"
    ):
        free(Branches(a=twice, b=thrice, join=L.Add()))


def test_attention_ties_queries_to_keys_and_leaves_values_free() -> None:
    network = Graph(
        inputs=("x",),
        nodes={
            "q": (L.Linear(8), "x"), "k": (L.Linear(8), "x"), "v": (L.Linear(12), "x"), "out": (L.Attention(2), "q", "k", "v"),
        },
        outputs=("out",),
    )  # fmt: skip
    assert free(network, ((5, 6),)) == {"q": "1·w0", "k": "1·w0", "v": "1·w2"}
    assert agrees(network, ((5, 6),), [10, 14])
    assert not agrees(network, ((5, 6),), [9, 14])


def test_a_training_branch_has_widths_and_counts_for_nothing() -> None:
    found = free_widths(Chain(L.Conv(4, 1), Aside(L.Conv(7, 1)), L.Conv(2, 1)), IMAGE)
    assert [(each.path, each.side) for each in found.plain] == [("0", False), ("1", True), ("2", False)]
    assert {name for name, terms in found.sums.items() if any(1 in monomial for monomial in terms)} == {"standing"}


def test_a_rounded_width_follows_its_input() -> None:
    """A transition that halves the channels, rounding down, as DenseNet's."""
    half = L.Conv(times(Fraction(1, 2)), 1, bias=False)
    network = Chain(L.Conv(7, 1, bias=False), half, L.Conv(5, 1, bias=False))
    found = free_widths(network, IMAGE)
    assert len(found.space.floors) == 1
    for n in (2, 7, 8, 15):
        assert agrees(network, IMAGE, [n, 5])


def test_a_sum_is_rather_followed_than_a_difference() -> None:
    """NASNet's halves: the whole follows them, so that it is there whatever they are."""
    halves = Branches(a=L.Conv(2, 1), b=L.Conv(6, 1), join=L.Concatenate())
    network = Branches(whole=L.Conv(8, 1), halves=halves, join=L.Add())
    assert free(network) == {"whole": "1·w1 + 1·w2", "halves.a": "1·w1", "halves.b": "1·w2"}


def test_a_width_that_a_difference_may_leave_nothing_of_needs_one_channel() -> None:
    left, right = (Branches(a=L.Conv(n, 1), b=L.Conv(8 - n, 1), join=L.Concatenate()) for n in (2, 5))
    network = Branches(left=left, right=right, join=L.Add())
    assert free(network)["right.b"] == "1·w0 + 1·w1 + -1·w2"
    found = free_widths(network, IMAGE)
    assert fits(found, {0: 4, 1: 4, 2: 7})
    assert not fits(found, {0: 4, 1: 4, 2: 8})


# Expressions


@given(st.lists(st.integers(-3, 3), min_size=6, max_size=6), st.integers(1, 20), st.integers(1, 20))
def test_expressions_are_polynomials(c: list[int], x: int, y: int) -> None:
    space = Space()
    a, b = space.symbol(x), space.symbol(y)
    made: Any = (a * c[0] + b * c[1] + c[2]) * (b * c[3] - a + c[4]) - c[5] + 3 * a
    assert at(made, {0: x, 1: y}) == (x * c[0] + y * c[1] + c[2]) * (y * c[3] - x + c[4]) - c[5] + 3 * x


def test_division_is_exact_where_it_can_be_and_else_a_symbol_that_follows() -> None:
    space = Space()
    a: Any = space.symbol(10)
    assert (a * 6) // 3 == a * 2
    assert (a * 6) % 3 == 0
    assert (a * 6 + 4) % 3 == 1
    assert (a * 4) // a == 4
    assert space.needs == {}
    half: Any = a // 4
    assert half == a // 4
    assert at(half, space.native) == 2
    assert a % 4 == 0
    assert [need.what for need in space.needs] == ["divides"]


# The zoo, and networks drawn at random


@pytest.mark.parametrize("name", deeper_in_full(names()))
def test_the_zoo_as_it_is_and_at_widths_drawn_at_random(name: str) -> None:
    made = find(name)
    network, inputs = made.make(), made.inputs()
    found = free_widths(network, inputs)
    native = [found.space.native[symbol] for symbol in found.free]
    assert agrees(network, inputs, native)
    draw = random.Random(name)
    for _ in range(4):
        agrees(network, inputs, [draw.randint(1, 2 * n) for n in native])
        factor = draw.randint(2, 5)
        assert agrees(network, inputs, [factor * n for n in native])


@given(networks(), st.lists(st.integers(1, 24), min_size=40, max_size=40))
def test_any_network_at_any_widths(case: Case, widths: list[int]) -> None:
    found = free_widths(case.network, case.inputs)
    assert agrees(case.network, case.inputs, [found.space.native[symbol] for symbol in found.free])
    agrees(case.network, case.inputs, widths)
