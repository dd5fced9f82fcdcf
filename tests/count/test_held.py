"""The peak of memory on paper: held to the module that the value builds, run operator by operator on the meta device."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, reject, settings

import profiler
from profiler.count.held import peak
from profiler.errors import ProfilerError
from profiler.load.inputs import example
from profiler.load.load import given_to
from profiler.network import layers as L
from profiler.network.combinators import Aside, Branches, Chain, Graph
from profiler.network.layers import Layer
from profiler.network.registry import find, names
from tests.strategies import Case, leaves, networks
from tests.zoo import deeper_in_full

IMAGE = ((3, 8, 8),)
PIXELS = 64


def traced(network: Layer, inputs: tuple[tuple[int, ...], ...], batch: int = 1) -> int:
    module = profiler.build(network, input=list(inputs), device="meta")
    args, _ = example(given_to(network, inputs), batch, "meta")
    return profiler.memory(module, args).peak


def held_as_traced(network: Layer, inputs: tuple[tuple[int, ...], ...]) -> None:
    try:
        there = traced(network, inputs, 2)
    except ProfilerError:
        reject()  # torch normalises no single value
    assert peak(network, inputs, 2) == there


def activations(network: Layer) -> int:
    """Floats of activations at the peak, of a network without parameters."""
    return peak(network, IMAGE) // 4 - 3 * PIXELS


def act() -> Layer:
    return L.Activation("ReLU")


def test_a_chain_holds_what_its_part_takes_and_gives() -> None:
    assert activations(Chain(act())) == 3 * PIXELS
    assert activations(Chain(act(), act(), act())) == 2 * 3 * PIXELS


def test_a_chain_in_a_chain_is_given_something_that_is_held_meanwhile() -> None:
    assert activations(Chain(act(), Chain(act(), act()))) == 3 * 3 * PIXELS


def test_branches_hold_their_outputs_until_they_are_joined() -> None:
    # what came in, both outputs, and their sum
    assert activations(Chain(act(), Branches(act(), act(), join=L.Add()))) == 4 * 3 * PIXELS
    assert activations(Chain(act(), Branches(act(), L.Identity(), join=L.Add()))) == 3 * 3 * PIXELS


def test_a_graph_holds_all_of_its_nodes() -> None:
    nodes = {"a": (act(), "x"), "b": (act(), "a"), "c": (act(), "b")}
    assert activations(Graph(inputs=("x",), nodes=nodes, outputs=("c",))) == 3 * 3 * PIXELS


def test_a_training_branch_is_not_run_but_its_parameters_are_there() -> None:
    bare = Chain(act(), act())
    beside = Chain(act(), Aside(Chain(L.Flatten(), L.Linear(5))), act())
    assert peak(beside, IMAGE) - peak(bare, IMAGE) == 4 * (3 * PIXELS * 5 + 5)
    assert peak(beside, IMAGE) == traced(beside, IMAGE)


def test_parameters_and_buffers_stand_all_the_time() -> None:
    network = Chain(L.Conv(4, 1), L.BatchNorm())
    # weights and biases; scale and shift; means, variances, and an int64 of batches; the input; what norm takes and gives
    assert peak(network, IMAGE) == 4 * (12 + 4) + 4 * 8 + 4 * 8 + 8 + 4 * 3 * PIXELS + 2 * 4 * 4 * PIXELS


@pytest.mark.parametrize("name", deeper_in_full(name for name in names() if name != "resnet1202_cifar"))
def test_the_zoo_is_as_it_is_traced(name: str) -> None:
    made = find(name)
    assert peak(made.make(), made.inputs(), 2) == traced(made.make(), made.inputs(), 2)


@settings(max_examples=150)
@given(leaves())
def test_a_leaf_after_an_activation(case: Case) -> None:
    network: Any = case.network
    if isinstance(network, L.Embedding):
        return  # which reads integers
    if len(case.inputs) == 1:
        network = Chain(act(), network)
    held_as_traced(network, case.inputs)


@settings(max_examples=50)
@given(networks())
def test_any_network(case: Case) -> None:
    held_as_traced(case.network, case.inputs)


@pytest.mark.parametrize(
    ("heads", "kv_heads", "shape"), [(2, None, (5, 24)), (4, 2, (64, 64)), (4, 2, (1, 64)), (1, None, (5, 6)), (8, 2, (3, 192))]
)
def test_rotary_positions_hold_what_they_turned(heads: int, kv_heads: int | None, shape: tuple[int, int]) -> None:
    network = Chain(act(), L.RotaryEmbedding(heads, kv_heads))
    for batch in (1, 2, 3):
        assert peak(network, (shape,), batch) == traced(network, (shape,), batch)
