"""A value that is built and traced has the rows of its closed form, facts and all: every leaf, and networks of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from profiler import build, profile
from profiler.count import leaves as counted
from tests.count.test_formulas import WITH_MACS, WITHOUT_MACS
from tests.strategies import Case, leaves, networks

LEAVES = [(name, Case(leaf, inputs)) for name, leaf, inputs, _ in WITH_MACS + WITHOUT_MACS]


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


@settings(max_examples=100)
@given(leaves())
def test_a_random_leaf_is_recognised_in_the_module_that_is_built_of_it(case: Case) -> None:
    same_rows(case, 3)


@settings(max_examples=40)
@given(networks())
def test_a_random_network_traced_is_its_closed_form(case: Case) -> None:
    same_rows(case, 2)
