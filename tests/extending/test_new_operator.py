"""An operator that torch did not come with, counted by `profiler.register`; and what a built-in one is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import profiler
from profiler.count.products import Work
from profiler.tracing.tables.operators import PRODUCTS, Operator
from profiler.tracing.tables.registered import forget, unregister
from profiler.tracing.traced import trace

NAME = "profiler_extending::scaled_product"


@torch.library.custom_op(NAME, mutates_args=())
def scaled_product(a: Tensor, b: Tensor, scale: float) -> Tensor:
    """(n, k), (k, m) → (n, m)."""
    return a @ b * scale


@scaled_product.register_fake
def _(a: Tensor, b: Tensor, scale: float) -> Tensor:
    return a.new_empty(a.shape[0], b.shape[1])


class Net(nn.Module):
    """One operator."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        out: Tensor = scaled_product(a, b, 0.5)
        return out


GIVEN = (torch.zeros(2, 3), torch.zeros(3, 5))


def test_without_a_formula_it_is_reported_with_the_cure() -> None:
    found = trace(Net(), GIVEN, batch=None)
    (missing,) = found.uncounted
    assert (missing.op, missing.times, found.profile.macs) == (NAME, 1, 0)
    assert missing.cure == f"profiler.register('{NAME}') adds its formula"


@pytest.fixture
def registered() -> Iterator[None]:
    @profiler.register(NAME)
    def macs(a: tuple[int, ...], b: tuple[int, ...], scale: float, *, out_shape: tuple[int, ...]) -> int:
        n, k = a
        return n * k * out_shape[1]

    yield
    unregister(NAME)


@pytest.mark.usefixtures("registered")
def test_registered_it_is_a_row() -> None:
    found = trace(Net(), GIVEN, batch=None)
    (row,) = found.profile.rows
    assert (row.op, row.kind, row.macs, row.activations) == ("scaled_product", "matmul", 2 * 3 * 5, 2 * 5)
    assert not found.uncounted


@pytest.fixture
def built_in() -> Iterator[None]:
    """As an entry of tables/operators.py has it: a name of torch, what its row is called, its kind and its formula."""

    def formula(out: Any, a: Tensor, b: Tensor, *rest: Any) -> Work:
        return Work(out.numel() * a.shape[-1], out.numel(), 0, {"scale": rest[0]})

    PRODUCTS[NAME] = Operator("product", "linear", formula)
    forget()
    yield
    del PRODUCTS[NAME]
    forget()


@pytest.mark.usefixtures("built_in")
def test_a_built_in_operator_is_one_entry() -> None:
    (row,) = trace(Net(), GIVEN, batch=None).profile.rows
    assert (row.op, row.kind, row.macs, row.facts["scale"]) == ("product", "linear", 2 * 3 * 5, 0.5)
