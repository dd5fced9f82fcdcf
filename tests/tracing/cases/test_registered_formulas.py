"""Formulas that users register: they reach stock modules, whenever they are registered and however torch counts them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import flop_counter

from profiler import ProfilerError, profile, register, unregister
from profiler.count.conventions import find
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run

LIBRARY = torch.library.Library("profiler_cases", "DEF")
for _name in ("even", "odd", "late"):
    LIBRARY.define(f"{_name}(Tensor x) -> Tensor")
    LIBRARY.impl(_name, lambda x: x.sin(), "CompositeExplicitAutograd")


@pytest.fixture
def formula() -> Iterator[Any]:
    """Registers with torch's own counter, and takes it away again."""
    known = dict(flop_counter.flop_registry)
    yield flop_counter.register_flop_formula
    flop_counter.flop_registry.clear()
    flop_counter.flop_registry.update(known)


def test_what_torch_is_told_is_found_before_and_after_a_trace(formula: Any) -> None:
    module = Run(lambda m, x: torch.ops.profiler_cases.late(x))
    assert trace(module, (torch.randn(3),)).profile.uncounted == ("profiler_cases::late",)
    formula(torch.ops.profiler_cases.late)(lambda *a, **k: 9000)
    found = trace(module, (torch.randn(3),)).profile
    assert (found.macs, found.uncounted) == (4500, ())
    del flop_counter.flop_registry[torch.ops.profiler_cases.late]
    assert trace(module, (torch.randn(3),)).profile.uncounted == ("profiler_cases::late",)


@pytest.mark.parametrize("flops", [9000, 9001, 1])
def test_flops_that_are_no_even_number(formula: Any, flops: int) -> None:
    """Half of them, and all of them again under torch's convention."""
    formula(torch.ops.profiler_cases.odd)(lambda *a, **k: flops)
    found = trace(Run(lambda m, x: torch.ops.profiler_cases.odd(x)), (torch.randn(3),)).profile
    assert found.macs in (flops // 2, (flops + 1) // 2)
    assert found.uncounted == ()
    assert find("torch").total(found.rows) == flops


@pytest.fixture
def sigmoid() -> Iterator[None]:
    register("aten::sigmoid")(lambda *a, out_shape=None, **k: 10_000)
    yield
    unregister("aten::sigmoid")


@pytest.mark.usefixtures("sigmoid")
@pytest.mark.parametrize("make", [
    lambda: nn.Sequential(nn.Linear(8, 4), nn.Sigmoid()),
    lambda: Run(lambda m, x: torch.sigmoid(m.l(x)), l=nn.Linear(8, 4)),
    lambda: Run(lambda m, x: m.l(x).sigmoid(), l=nn.Linear(8, 4)),
    lambda: Run(lambda m, x: m.l(x).sigmoid_(), l=nn.Linear(8, 4)),
], ids=["nn.Sigmoid", "torch.sigmoid", "method", "in place"])  # fmt: skip
def test_a_formula_of_an_operator_reaches_the_module_that_runs_it(make: Any) -> None:
    for device in ("cpu", "meta"):
        assert profile(make().to(device), args=(torch.randn(2, 8, device=device),), batch=None).macs == 2 * 8 * 4 + 10_000


def test_and_is_forgotten_with_it() -> None:
    register("aten::relu")(lambda *a, out_shape=None, **k: 7)
    try:
        assert profile(nn.ReLU(), args=(torch.randn(2, 8),)).macs == 7
    finally:
        unregister("aten::relu")
    found = profile(nn.ReLU(), args=(torch.randn(2, 8),))
    assert (found.macs, found.elementwise) == (0, 16)


def test_a_formula_of_a_product_replaces_ours_in_the_module_too() -> None:
    register("aten::linear")(lambda x, w, *rest, out_shape=None, **k: 5)
    try:
        assert profile(nn.Sequential(nn.Linear(8, 4)), args=(torch.randn(2, 8),), batch=None).macs == 5
    finally:
        unregister("aten::linear")
    assert profile(nn.Sequential(nn.Linear(8, 4)), args=(torch.randn(2, 8),), batch=None).macs == 64


class Same(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(_: Any, grad: Tensor) -> Tensor:
        return grad


def same(x: Tensor) -> Any:
    return Same.apply(x)  # type: ignore[no-untyped-call]


def test_a_function_of_autograd_is_counted_by_its_formula_or_refused() -> None:
    try:
        register(Same)(lambda *a, **k: 42)
    except (ProfilerError, TypeError) as refusal:
        assert "Same" in str(refusal)  # noqa: PT017  # either way is right
        return
    try:
        module = Run(lambda m, x: m.l(same(x)), l=nn.Linear(8, 4))
        assert profile(module, args=(torch.randn(2, 8),), batch=None).macs == 64 + 42
    finally:
        unregister(Same)


@pytest.mark.parametrize("wrong", [int, Tensor, 3])
def test_what_cannot_have_a_formula_is_refused(wrong: Any) -> None:
    with pytest.raises((ProfilerError, TypeError)):
        register(wrong)(lambda *a, **k: 42)


def test_a_scalar_is_given_by_its_shape() -> None:
    module = Run(lambda m, x, t: m.l(x * t), l=nn.Linear(10, 5))
    assert profile(module, input=[(10,), ()], batch=1).macs == 50
