"""TorchScript and other captured programs: a part is counted as the module that it was made from, a whole is counted or named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler import ProfilerError
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, count

# torch calls TorchScript deprecated
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")


def script(module: nn.Module, *inputs: Tensor) -> Any:
    return torch.jit.script(module)


def traced(module: nn.Module, *inputs: Tensor) -> Any:
    return torch.jit.trace(module, inputs)


WAYS = pytest.mark.parametrize("way", [script, traced])


@WAYS
def test_a_part(way: Callable[..., Any]) -> None:
    x = torch.randn(2, 10)
    module = Run(lambda m, x: m.b(m.a(x)), a=way(nn.Linear(10, 10), x), b=nn.Linear(10, 4))
    found = count(module, x)
    assert found.profile.macs == 2 * (10 * 10 + 10 * 4)
    assert (found.profile.params, found.unread) == (10 * 10 + 10 + 10 * 4 + 4, 0)


@WAYS
def test_the_first_of_three(way: Callable[..., Any]) -> None:
    x = torch.randn(2, 320)
    module = nn.Sequential(way(nn.Linear(320, 50), x), nn.ReLU(), nn.Linear(50, 10))
    assert count(module, x).profile.macs == 2 * (320 * 50 + 50 * 10)


@WAYS
def test_a_network_deep_inside(way: Callable[..., Any]) -> None:
    x = torch.randn(2, 3, 9, 9)
    inner = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 5, 3, padding=1))).eval()
    module = nn.Sequential(nn.Sequential(nn.Identity(), way(inner, x)), nn.Flatten(), nn.Linear(5 * 49, 2)).eval()
    found = count(module, x)
    assert found.profile.macs == 2 * (27 * 4 * 49 + 36 * 5 * 49 + 5 * 49 * 2)
    assert found.profile.params == 112 + 8 + 185 + 492


@WAYS
def test_a_part_that_is_called_twice(way: Callable[..., Any]) -> None:
    x = torch.randn(3, 8)
    found = count(Run(lambda m, x: m.a(m.a(x)), a=way(nn.Linear(8, 8), x)), x)
    assert (found.profile.macs, found.profile.params) == (2 * 3 * 64, 72)


@WAYS
def test_attention_inside(way: Callable[..., Any]) -> None:
    class Attend(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(8, 24)

        def forward(self, x: Tensor) -> Tensor:
            q, k, v = self.qkv(x).chunk(3, dim=-1)
            return torch.nn.functional.scaled_dot_product_attention(q, k, v)

    x = torch.randn(2, 5, 8)
    found = count(Run(lambda m, x: m.l(m.a(x)), a=way(Attend(), x), l=nn.Linear(8, 4)), x)
    assert found.profile.macs == 10 * 8 * 24 + 2 * 5 * 5 * (8 + 8) + 10 * 8 * 4


def scripted_product(x: Tensor, w: Tensor) -> Tensor:
    for _ in range(3):
        x = (x @ w).relu()
    return x


def test_scripted_functions() -> None:
    function = torch.jit.script(scripted_product)
    found = count(Run(lambda m, x: function(x, m.w), w=nn.Parameter(torch.zeros(8, 8))), torch.randn(3, 8))
    assert (found.profile.macs, found.profile.elementwise, found.profile.params) == (3 * 3 * 64, 3 * 24, 64)


@WAYS
@pytest.mark.parametrize("make", [lambda: nn.Linear(8, 4), lambda: nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))])
def test_a_whole_is_counted_or_refused_by_name(way: Callable[..., Any], make: Callable[[], nn.Module]) -> None:
    x = torch.randn(3, 8)
    expected = trace(make(), (x,)).profile
    whole = way(make(), x)
    try:
        found = trace(whole, (x,))
    except ProfilerError as refusal:
        assert "script" in str(refusal).lower()  # noqa: PT017  # either way is right
        assert "check the input" not in str(refusal)  # noqa: PT017  # either way is right
    else:
        assert (found.profile.macs, found.profile.params) == (expected.macs, expected.params)


def test_a_frozen_part_is_counted_or_refused_by_name() -> None:
    """Its weights are constants of the program."""
    x = torch.randn(3, 8)
    frozen = torch.jit.freeze(torch.jit.script(nn.Linear(8, 4).eval()))
    try:
        assert trace(Run(lambda m, x: m.a(x), a=frozen), (x,)).profile.macs == 3 * 8 * 4
    except ProfilerError as refusal:
        assert "script" in str(refusal).lower()  # noqa: PT017  # either way is right


def test_a_graph_of_torch_fx() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Any:
            return self.b(torch.relu(self.a(x)) + x)

    found = count(torch.fx.symbolic_trace(Net()), torch.randn(3, 8))
    assert (found.profile.macs, found.profile.params) == (3 * (64 + 32), 72 + 36)
    assert [row.path for row in found.profile.rows if row.macs] == ["a", "b"]


def test_an_exported_program() -> None:
    x = torch.randn(3, 8)
    program = torch.export.export(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4)), (x,))
    found = count(program.module(), x)
    assert (found.profile.macs, found.profile.params) == (3 * (64 + 32), 72 + 36)


@WAYS
def test_the_scripted_part_is_as_before(way: Callable[..., Any]) -> None:
    x = torch.randn(3, 8)
    part = way(nn.Linear(8, 4), x)
    module = Run(lambda m, x: m.a(x), a=part)
    expected = module(x)
    trace(module, (x,))
    assert torch.equal(module(x), expected)
    assert part.weight.device.type == "cpu"
