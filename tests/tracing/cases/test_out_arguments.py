"""An operator that is told where to put its result costs what it does otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, count, count_on_both, parameter

M = (10, 10)
CASES: list[tuple[str, Callable[..., Any], tuple[int, ...], tuple[tuple[int, ...], ...], int, int]] = [
    ("mm", torch.mm, (3, 4), ((3, 8), (8, 4)), 3 * 8 * 4, 0),
    ("matmul", torch.matmul, (3, 4), ((3, 8), (8, 4)), 3 * 8 * 4, 0),
    ("matmul that spreads", torch.matmul, (7, 2, 3, 4), ((7, 1, 3, 8), (2, 8, 4)), 7 * 2 * 3 * 8 * 4, 0),
    ("bmm", torch.bmm, (5, 3, 4), ((5, 3, 8), (5, 8, 4)), 5 * 3 * 8 * 4, 0),
    ("addmm", torch.addmm, (3, 4), ((3, 4), (3, 8), (8, 4)), 3 * 8 * 4, 0),
    ("baddbmm", torch.baddbmm, (5, 3, 4), ((5, 3, 4), (5, 3, 8), (5, 8, 4)), 5 * 3 * 8 * 4, 0),
    ("addbmm", torch.addbmm, (3, 4), ((3, 4), (5, 3, 8), (5, 8, 4)), 5 * 3 * 8 * 4, 0),
    ("mv", torch.mv, (3,), ((3, 8), (8,)), 3 * 8, 0),
    ("addmv", torch.addmv, (3,), ((3,), (3, 8), (8,)), 3 * 8, 0),
    ("dot", torch.dot, (), ((8,), (8,)), 8, 0),
    ("vdot", torch.vdot, (), ((8,), (8,)), 8, 0),
    ("inner", torch.inner, (3, 4), ((3, 8), (4, 8)), 3 * 8 * 4, 0),
    ("tensordot", lambda a, b, out: torch.tensordot(a, b, 1, out=out), (3, 4), ((3, 8), (8, 4)), 3 * 8 * 4, 0),
    (
        "multi_dot",
        lambda a, b, c, out: torch.linalg.multi_dot([a, b, c], out=out),
        (3, 4),
        ((3, 2), (2, 8), (8, 4)),
        3 * 2 * 4 + 2 * 8 * 4,
        0,
    ),
    ("linalg.matmul", torch.linalg.matmul, (3, 4), ((3, 8), (8, 4)), 3 * 8 * 4, 0),
    ("a wider place", lambda a, b, out: torch.mm(a, b, out=out[:, :4]), (3, 9), ((3, 8), (8, 4)), 3 * 8 * 4, 0),
    ("add", torch.add, M, (M, M), 0, 100),
    ("sin", torch.sin, M, (M,), 0, 100),
    ("clamp", lambda x, out: torch.clamp(x, 0, 1, out=out), M, (M,), 0, 100),
    ("softmax", lambda x, out: torch.softmax(x, -1, out=out), M, (M,), 0, 100),
    ("where", lambda x, out: torch.where(x > 0, x, x, out=out), M, (M,), 0, 100),
    ("cat", lambda x, out: torch.cat((x, x), out=out), (20, 10), (M,), 0, 0),
    ("cumsum", lambda x, out: torch.cumsum(x, 0, out=out), M, (M,), 0, 100),
]


@pytest.mark.parametrize(
    ("function", "place", "shapes", "macs", "elementwise"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_where_the_result_goes(function: Callable[..., Any], place: Any, shapes: Any, macs: int, elementwise: int) -> None:
    module = Run(lambda m, *xs: function(*xs, out=xs[0].new_empty(place)))
    found = count_on_both(lambda: module, *(torch.randn(shape) for shape in shapes))
    assert found.profile.macs == macs
    assert found.profile.elementwise == elementwise
    assert found.rung == "meta"


@pytest.mark.parametrize("function", [torch.mm, torch.matmul, lambda x, w, out: torch.addmm(out.zero_(), x, w, out=out)])
def test_by_a_parameter(function: Callable[..., Any]) -> None:
    module = Run(lambda m, x: function(x, m.w, out=x.new_empty(3, 4)), w=parameter(8, 4)).requires_grad_(False)
    found = count(module, torch.randn(3, 8))
    assert (found.profile.macs, found.profile.params) == (3 * 8 * 4, 32)
    assert sum(row.kind in ("matmul", "linear") for row in found.profile.rows) == 1


def test_what_was_put_there_is_used_afterwards() -> None:
    """The layer after it has the shape of what was written."""

    def forward(m: Any, x: Tensor) -> Any:
        place = torch.empty(0, device=x.device)
        torch.mm(x, m.w, out=place)
        return m.l(place)

    with torch.no_grad():
        module = Run(forward, w=nn.Parameter(torch.zeros(8, 4), requires_grad=False), l=nn.Linear(4, 2))
        found = count(module, torch.randn(3, 8))
    assert found.profile.macs == 3 * 8 * 4 + 3 * 4 * 2


def test_a_result_that_goes_into_a_buffer_leaves_it() -> None:
    module = Run(lambda m, x: torch.mm(x, m.w, out=m.b), w=nn.Buffer(torch.ones(8, 4)), b=nn.Buffer(torch.ones(3, 4)))
    found = trace(module, (torch.ones(3, 8),), batch=None)
    assert (found.profile.macs, found.harm) == (3 * 8 * 4, ("b: its version",))
    assert [b.tolist() for name, b in module.named_buffers() if name == "b"] == [torch.ones(3, 4).tolist()]
