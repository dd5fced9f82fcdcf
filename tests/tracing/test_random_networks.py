"""A value that is built and traced has the rows of its closed form, facts and all: every leaf, and networks of them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings

from profiler import build, profile
from profiler.count import leaves as counted
from profiler.network.combinators import Chain
from profiler.network.layers import Embedding, TiedLinear
from profiler.network.widths import fixed
from tests.count.test_formulas import WITH_MACS, WITHOUT_MACS
from tests.strategies import Case, leaves, networks

LEAVES = [
    (name, Case(leaf, inputs))
    for name, leaf, inputs, _ in WITH_MACS + WITHOUT_MACS
    if not isinstance(leaf, TiedLinear)  # it has the weights of a network's Embedding: test_tied_weights_are_recognised
]


def same_rows(case: Case, batch: int) -> None:
    """The closed form, and the trace of the module that is built of the same value."""
    on_paper = profile(case.network, input=case.input, batch=batch)
    module = build(case.network, input=case.input, device="meta")
    found = profile(module, input=case.module_input, batch=batch)
    if type(case.network) in counted.LEAVES:  # a leaf has no path, its module is its own root
        (row,) = found.rows
        assert on_paper.rows == (row._replace(path=""),)
    else:
        assert found.rows == on_paper.rows
    assert found.totals == on_paper.totals
    assert found.uncounted == ()


@pytest.mark.parametrize("case", [case for _, case in LEAVES], ids=[name for name, _ in LEAVES])
def test_a_leaf_is_recognised_in_the_module_that_is_built_of_it(case: Case) -> None:
    same_rows(case, 2)


@pytest.mark.parametrize("bias", [False, True])
def test_tied_weights_are_recognised(bias: bool) -> None:
    network = Chain(token=Embedding(50, 16), scores=TiedLinear(fixed(50), bias=bias))
    module = build(network, input=(12,), device="meta")
    found = profile(module, args=(torch.zeros(2, 12, dtype=torch.long, device="meta"),))
    assert found.rows == profile(network, input=(12,), batch=2).rows
    assert found.macs == 2 * 12 * 16 * 50


@settings(max_examples=100)
@given(leaves())
def test_a_random_leaf_is_recognised_in_the_module_that_is_built_of_it(case: Case) -> None:
    same_rows(case, 3)


@settings(max_examples=40)
@given(networks())
def test_a_random_network_traced_is_its_closed_form(case: Case) -> None:
    same_rows(case, 2)
