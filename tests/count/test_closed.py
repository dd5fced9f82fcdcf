"""The walk: paths, shapes, asides, joins, batches."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.count import closed
from profiler.errors import ShapeError
from profiler.load.load import in_closed_form as load
from profiler.network.combinators import Aside, Branches, Chain, Graph
from profiler.network.layers import Add, Concatenate, Conv, Flatten, Identity, Layer, Linear, MaxPool
from profiler.network.registry import names
from profiler.network.widths import same
from profiler.records.profile import Totals

IMAGE = ((3, 8, 8),)


def test_paths_are_the_names_of_the_parts() -> None:
    network = Chain(stem=Conv(4, 3), body=Chain(Chain(conv=Conv(8, 1)), MaxPool(2)))
    assert [row.path for row in closed.rows(network, IMAGE)] == ["stem", "body.0.conv", "body.1"]


def test_same_is_the_width_of_the_first_part() -> None:
    block = Branches(branch=Conv(12, 3, stride=2, padding=1), shortcut=Conv(same(), 1, stride=2, bias=False), join=Add())
    rows = {row.path: row for row in closed.rows(block, IMAGE)}
    assert rows["shortcut"].output == (1, 12, 4, 4)
    assert rows["shortcut"].weights == 3 * 12
    assert rows["join"].elementwise == 12 * 16


def test_an_aside_is_counted_aside_and_changes_nothing_on_the_way() -> None:
    aside = Chain(flatten=Flatten(), fc=Linear(5))
    with_it = Chain(conv=Conv(4, 1), aside=Aside(aside), more=Conv(2, 1))
    without = Chain(conv=Conv(4, 1), more=Conv(2, 1))
    ours, plain = closed.totals(with_it, IMAGE), closed.totals(without, IMAGE)
    assert ours == plain._replace(side_params=4 * 64 * 5 + 5, side_macs=4 * 64 * 5)
    assert [row.path for row in closed.rows(with_it, IMAGE) if row.side] == ["aside.flatten", "aside.fc"]


def test_a_graph_uses_a_node_twice_and_has_several_inputs_and_outputs() -> None:
    network = Graph(
        inputs=("a", "b"),
        nodes={"left": (Conv(4, 1), "a"), "right": (Conv(4, 1), "b"), "sum": (Add(), "left", "right", "left")},
        outputs=("sum", "left"),
    )
    outputs, _ = closed.walk(network, ((3, 8, 8), (5, 8, 8)))
    assert outputs == ((4, 8, 8), (4, 8, 8))
    assert closed.totals(network, ((3, 8, 8), (5, 8, 8))).macs == (3 * 4 + 5 * 4) * 64
    with pytest.raises(ShapeError, match=r"takes 2 inputs \(a, b\) and is given 1"):
        closed.walk(network, IMAGE)


def test_a_fault_names_the_layer() -> None:
    network = Chain(stem=Conv(4, 3), body=Chain(Branches(a=Conv(4, 3), b=Identity(), join=Add())))
    with pytest.raises(ShapeError, match=r"^body\.0\.join: adds unlike shapes"):
        closed.totals(network, IMAGE)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("batch", [1, 3])
def test_totals_are_the_sums_of_the_rows(name: str, batch: int) -> None:
    network = load(name)
    rows = closed.rows(network.value, network.inputs, batch)
    main = [row for row in rows if not row.side]
    side = [row for row in rows if row.side]
    sums = [sum(getattr(row, field) for row in main) for field in Totals._fields[:7]]
    assert network.totals(batch) == Totals._make([*sums, sum(row.params for row in side), sum(row.macs for row in side)])


@pytest.mark.parametrize("name", names())
def test_batch_scales_macs_and_not_params(name: str) -> None:
    one, many = load(name).totals(), load(name).totals(7)
    assert (many.params, many.buffers, many.side_params) == (one.params, one.buffers, one.side_params)
    assert (many.macs, many.elementwise, many.activations) == (7 * one.macs, 7 * one.elementwise, 7 * one.activations)


@pytest.mark.parametrize("name", names())
def test_alpha_one_is_no_alpha(name: str) -> None:
    assert load(name, alpha=1).value == load(name).value
    assert load(name, alpha="1.0").totals() == load(name).totals()


@pytest.mark.parametrize("name", names())
def test_every_alpha_from_a_twentieth_to_two(name: str) -> None:
    params = [load(name, alpha=Fraction(n, 20)).totals().params for n in range(1, 41)]
    assert params == sorted(params)
    assert params[0] > 0


@given(st.permutations([Conv(4, 1), Conv(8, 3, padding=1), MaxPool(3, 1, padding=1), Conv(5, 5, padding=2)]))
def test_the_order_of_a_concatenation_does_not_matter(parts: list[Layer]) -> None:
    network = Chain(join=Branches(*parts, join=Concatenate()), after=Conv(6, 3))
    order = sorted(parts, key=repr)
    assert closed.totals(network, IMAGE) == closed.totals(
        Chain(join=Branches(*order, join=Concatenate()), after=Conv(6, 3)), IMAGE
    )


@given(st.integers(0, 2**32))
def test_two_halves_of_a_chain_sum_to_the_whole(seed: int) -> None:
    draw = random.Random(seed)
    layers = [Conv(draw.randint(1, 9), draw.choice([1, 3]), padding=1, bias=draw.random() < 0.5) for _ in range(6)]
    cut = draw.randint(1, 5)
    middle, _ = closed.walk(Chain(*layers[:cut]), IMAGE)
    first, second = closed.totals(Chain(*layers[:cut]), IMAGE), closed.totals(Chain(*layers[cut:]), middle)
    assert closed.totals(Chain(*layers), IMAGE) == Totals(*(a + b for a, b in zip(first, second, strict=True)))
