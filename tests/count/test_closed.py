"""The walk: paths, shapes, asides, joins, batches."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.count import closed
from profiler.count.leaves import LEAVES
from profiler.errors import ShapeError
from profiler.load.load import in_closed_form as load
from profiler.network import layers as L
from profiler.network.combinators import Aside, Branches, Chain, Graph
from profiler.network.layers import Add, Concatenate, Conv, Flatten, Identity, Layer, Linear, MaxPool
from profiler.network.registry import names
from profiler.network.widths import same, times
from profiler.records.profile import Row, Totals
from tests.strategies import Case, leaves, networks

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
    with pytest.raises(ShapeError, match=r"takes 2 inputs \(a, b\) but is given 1"):
        closed.walk(network, IMAGE)


def test_a_fault_names_the_layer() -> None:
    network = Chain(stem=Conv(4, 3), body=Chain(Branches(a=Conv(4, 3), b=Identity(), join=Add())))
    with pytest.raises(ShapeError, match=r"^body\.0\.join: adds different shapes"):
        closed.totals(network, IMAGE)


TWO = Graph(inputs=("x",), nodes={"a": (Conv(2, 1), "x"), "b": (Conv(3, 1), "x")}, outputs=("a", "b"))


@pytest.mark.parametrize(
    ("network", "fault"),
    [
        (Conv(4, 9), "a window of 9 does not fit 8 pixels"),
        (Chain(a=Conv(4, 9)), "a: a window of 9 does not fit 8 pixels"),
        (Chain(a=Chain(b=Conv(4, 1), c=Conv(4, 9))), "a.c: a window of 9 does not fit 8 pixels"),
        (Branches(a=Conv(4, 1), b=TWO, join=Add()), "b: has 2 outputs where one is expected; join them inside it"),
        (Chain(z=Graph(inputs=("x",), nodes={"n": (TWO, "x")}, outputs=("n",))), "z.n: has 2 outputs where one is expected; join them inside it"),
        (Chain(z=Graph(inputs=("x", "y"), nodes={}, outputs=("x",))), "z: takes 2 inputs (x, y) but is given 1"),
        (Chain(out=Aside(Chain(a=Conv(4, 9)))), "out.a: a window of 9 does not fit 8 pixels in a branch that runs in training only"),
        (Branches(Conv(same(), 1), Identity(), join=Add()), "0: same() has no width to take here; use it in a branch after the first of Branches"),
        (Branches(Identity(), Identity(), join=Conv(same(), 1)), "join: takes one input but is given 2; join them first"),
    ],
)  # fmt: skip
def test_faults_by_path(network: Layer, fault: str) -> None:
    with pytest.raises(ShapeError) as caught:
        closed.walk(network, IMAGE)
    assert str(caught.value) == fault


def test_same_is_the_width_of_the_part_before_and_ends_with_its_branches() -> None:
    parts = Branches(Conv(5, 1), Chain(Conv(same(), 1), Conv(7, 1)), Conv(same(), 1), join=Concatenate())
    assert closed.walk(parts, IMAGE)[0] == ((5 + 7 + 5, 8, 8),)
    nested = Branches(Conv(5, 1), Graph(inputs=("x",), nodes={"n": (Conv(same(), 1), "x")}, outputs=("n",)), join=Add())
    assert closed.walk(nested, IMAGE)[0] == ((5, 8, 8),)


def test_totals_of_a_batch_by_hand() -> None:
    network = Chain(
        conv=Conv(4, 3), norm=L.BatchNorm(), out=Aside(Chain(pool=L.AdaptiveAvgPool(1), flat=Flatten(), fc=Linear(2)))
    )
    found = closed.totals(network, IMAGE, batch=5)
    assert found == Totals(
        weights=9 * 3 * 4, bias=4, norm=8, buffers=9, macs=5 * 9 * 3 * 4 * 36, elementwise=5 * 4 * 36, activations=5 * 4 * 36,
        side_params=4 * 2 + 2, side_macs=5 * 4 * 2,
        # of a sample 3·8² and 4·6² by the convolution, 2·4·6² by the norm; 112 and 8 parameters once
        moved=4 * (5 * (3 * 64 + 4 * 36 + 2 * 4 * 36) + 112 + 8),
    )  # fmt: skip
    assert found.params == 9 * 3 * 4 + 4 + 8
    assert closed.totals(Chain(), IMAGE) == Totals()
    assert closed.totals(Aside(Linear(2)), ((3,),)) == Totals(side_params=8, side_macs=6)
    # one sample unless asked
    assert closed.totals(Conv(4, 3), IMAGE).macs == closed.rows(Conv(4, 3), IMAGE)[0].macs == 9 * 3 * 4 * 36
    assert closed.rows(Conv(4, 3), IMAGE)[0].output == (1, 4, 6, 6)


def row(leaf: Layer, *inputs: tuple[int, ...]) -> Row:
    (found,) = closed.rows(leaf, inputs or IMAGE)
    return found


NAMED: list[tuple[Layer, tuple[int, ...], str, str, str]] = [
    (Conv(4, 3), (3, 8, 8), "conv", "conv", "Conv2d"),
    (Conv(4, 3), (3, 8), "conv", "conv", "Conv1d"),
    (Conv(4, 1), (3, 8, 8, 8), "conv", "pointwise", "Conv3d"),
    (Conv(4, (1, 3)), (3, 8, 8), "conv", "conv", "Conv2d"),
    (Conv(times(1), 3, groups="each"), (3, 8, 8), "conv", "depthwise", "Conv2d"),
    (Conv(times(2), 1, groups="each"), (3, 8, 8), "conv", "depthwise", "Conv2d"),
    (Conv(6, 3, groups=2), (4, 8, 8), "conv", "grouped", "Conv2d"),
    (Conv(6, 1, groups=2), (4, 8, 8), "conv", "grouped", "Conv2d"),
    (Conv(6, 3, groups="each"), (1, 8, 8), "conv", "conv", "Conv2d"),  # one channel in one group
    (L.ConvTranspose(4, 1), (3, 8, 8), "conv_transpose", "conv_transpose", "ConvTranspose2d"),
    (L.MaxPool(2), (3, 8), "max_pool", "pool", "MaxPool1d"),
    (L.AvgPool(2), (3, 8, 8, 8), "avg_pool", "pool", "AvgPool3d"),
    (L.AdaptiveAvgPool(1), (3, 8, 8), "adaptive_avg_pool", "pool", "AdaptiveAvgPool2d"),
    (L.AdaptiveMaxPool(1), (3, 8), "adaptive_max_pool", "pool", "AdaptiveMaxPool1d"),
    (L.BatchNorm(), (3,), "batch_norm", "norm", "BatchNorm1d"),
    (L.BatchNorm(), (3, 8), "batch_norm", "norm", "BatchNorm1d"),
    (L.BatchNorm(), (3, 8, 8), "batch_norm", "norm", "BatchNorm2d"),
    (L.InstanceNorm(), (3, 8, 8, 8), "instance_norm", "norm", "InstanceNorm3d"),
    (L.LayerNorm(), (5, 8), "layer_norm", "norm", "LayerNorm"),
    (L.Pad(1), (3, 8), "pad", "reshape", "ZeroPad1d"),
    (L.PReLU(), (3, 8), "prelu", "activation", "PReLU"),
    (L.Activation("ReLU6"), (3, 8), "relu6", "activation", "ReLU6"),
    (L.LocalResponseNorm(3), (3, 8), "local_response_norm", "norm", "LocalResponseNorm"),
    (L.Upsample(2), (3, 8), "upsample", "resize", "Upsample"),
]


@pytest.mark.parametrize(
    ("leaf", "shape", "op", "kind", "module"), NAMED, ids=[f"{leaf!r} {shape}" for leaf, shape, *_ in NAMED]
)
def test_what_a_row_is_called(leaf: Layer, shape: tuple[int, ...], op: str, kind: str, module: str) -> None:
    found = row(leaf, shape)
    assert (found.op, found.kind, found.module) == (op, kind, module)


def test_facts_are_one_number_an_axis_and_no_widths() -> None:
    assert row(Conv(4, 3, stride=2, groups="each", bias=False), (2, 9, 9)).facts == {
        "kernel": (3, 3), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), "groups": 2, "bias": False,
    }  # fmt: skip
    assert row(L.ConvTranspose(4, 3), (2, 9)).facts == {
        "kernel": (3,), "stride": (1,), "padding": (0,), "output_padding": (0,), "groups": 1, "bias": True, "dilation": (1,),
    }  # fmt: skip
    # a pool's stride is its window unless given
    assert row(L.AvgPool(2), (2, 9, 9)).facts == {
        "kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "ceil_mode": False, "count_include_pad": True,
    }  # fmt: skip
    assert row(L.AvgPool(2, 1), (2, 9, 9)).facts["stride"] == (1, 1)
    assert row(L.AdaptiveAvgPool(3), (2, 9, 9)).facts == {"output": (3, 3)}
    assert row(Linear(3), (4,)).facts == {"bias": True}
    assert row(L.Embedding(9, 4), (5,)).facts == {"num_embeddings": 9}


def test_every_leaf_has_a_formula_and_a_kind() -> None:
    leaves_of_all = {cls.__name__ for cls in L.Layer.__subclasses__() if cls.__module__ == L.__name__}
    assert {leaf.__name__ for leaf in LEAVES} == leaves_of_all


# Properties


def of_batch(rows: tuple[Row, ...], n: int) -> tuple[Row, ...]:
    """Rows of one sample as those of n: shapes from n, everything but parameters n times; without the bytes moved."""
    return tuple(
        row._replace(
            inputs=tuple((n, *shape[1:]) for shape in row.inputs),
            output=(n, *row.output[1:]),
            macs=n * row.macs,
            elementwise=n * row.elementwise,
            activations=n * row.activations,
            moved=0,
        )
        for row in rows
    )


@given(st.one_of(leaves(), networks()), st.integers(2, 9))
def test_a_batch_of_n_is_n_times_one(case: Case, n: int) -> None:
    one = closed.rows(case.network, case.inputs)
    assert {row.output[0] for row in one} == {1}
    assert [row._replace(moved=0) for row in closed.rows(case.network, case.inputs, n)] == list(of_batch(one, n))
    single, many = closed.totals(case.network, case.inputs), closed.totals(case.network, case.inputs, n)
    scaled = ("macs", "elementwise", "activations", "side_macs")
    assert many._replace(moved=0) == single._replace(moved=0, **{field: n * getattr(single, field) for field in scaled})
    held = 2 * single.moved - closed.totals(case.network, case.inputs, 2).moved  # its parameters are read once a batch
    assert many.moved == n * (single.moved - held) + held


@given(networks())
def test_the_rows_of_a_network_fit_one_another(case: Case) -> None:
    rows, wiring = closed.rows(case.network, case.inputs, 2), closed.wiring_of(case.network, case.inputs, 2)
    shapes = [row.output for row in rows]
    for row, wires in zip(rows, wiring.sources, strict=True):
        assert row.inputs == tuple(shapes[wire] if wire >= 0 else wiring.inputs[-1 - wire] for wire in wires)
    outputs, steps = closed.walk(case.network, case.inputs)
    assert [row.path for row in rows] == [path for path, *_ in steps]
    assert tuple(shapes[wire] for wire in wiring.outputs) == tuple((2, *output) for output in outputs)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("batch", [1, 3])
def test_totals_are_the_sums_of_the_rows(name: str, batch: int) -> None:
    network = load(name)
    rows = closed.rows(network.value, network.inputs, batch)
    main = [row for row in rows if not row.side]
    side = [row for row in rows if row.side]
    sums = [sum(getattr(row, field) for row in main) for field in Totals._fields[:7]]
    aside = [sum(row.params for row in side), sum(row.macs for row in side)]
    assert network.totals(batch) == Totals._make([*sums, *aside, sum(row.moved for row in main)])


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
    step = 1 if len(load(name).profile().rows) < 100 else 5  # the deeper ones repeat the same blocks
    params = [load(name, alpha=Fraction(n, 20)).totals().params for n in range(1, 41, step)]
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
