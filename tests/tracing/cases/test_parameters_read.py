"""Which parameters a forward reads: once each by identity, wherever they stand and whatever reads them; the rest is unread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from profiler import profile
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, count, count_on_both, parameter

GIVEN: list[tuple[str, Callable[[], nn.Module], int, int]] = [
    ("to a linear layer", lambda: Run(lambda m, x: m.l(m.q) + x, q=parameter(1, 4, 8), l=nn.Linear(8, 8)), 4 * 64, 32 + 72),
    ("a view of it", lambda: Run(lambda m, x: m.l(m.q[0, :2]).sum() + x, q=parameter(1, 4, 8), l=nn.Linear(8, 8)), 2 * 64, 32 + 72),
    ("spread over the batch", lambda: Run(lambda m, x: m.l(m.q.expand(2, -1, -1)) + x, q=parameter(1, 4, 8), l=nn.Linear(8, 8)),
     2 * 4 * 64, 32 + 72),
    ("to a norm", lambda: Run(lambda m, x: m.n(m.q) + x, q=parameter(4, 8), n=nn.LayerNorm(8)), 0, 32 + 16),
    ("to an activation", lambda: Run(lambda m, x: m.a(m.q) + x, q=parameter(4, 8), a=nn.GELU()), 0, 32),
    ("to an identity", lambda: Run(lambda m, x: m.i(m.q) + x, q=parameter(4, 8), i=nn.Identity()), 0, 32),
    ("to two layers", lambda: Run(lambda m, x: m.a(m.q) + m.b(m.q) + x, q=parameter(4, 8), a=nn.Linear(8, 8), b=nn.Linear(8, 8)),
     2 * 4 * 64, 32 + 144),
    ("to a convolution", lambda: Run(lambda m, x: m.c(m.q[None]).sum() + x, q=parameter(8, 4), c=nn.Conv1d(8, 3, 1)), 4 * 24, 32 + 27),
    ("as a query to attention", lambda: Run(lambda m, x: m.a(m.q.expand(2, -1, -1), x, x, need_weights=False)[0], q=parameter(1, 3, 8),
                                            a=nn.MultiheadAttention(8, 2, batch_first=True)),
     2 * (3 * 64 + 2 * 4 * 64 + 2 * 3 * 4 * 8 + 3 * 64), 24 + 4 * 64 + 32),
    ("as the state of a GRU", lambda: Run(lambda m, x: m.g(x, m.h.expand(-1, 4, -1).contiguous())[0], h=parameter(1, 1, 8), g=nn.GRU(8, 8)),
     2 * 4 * 3 * 8 * 16, 8 + 2 * 3 * 64 + 2 * 24),
    ("to a dropout", lambda: Run(lambda m, x: m.d(m.q) + x, q=parameter(4, 8), d=nn.Dropout()), 0, 32),
]  # fmt: skip


@pytest.mark.parametrize(("make", "macs", "params"), [case[1:] for case in GIVEN], ids=[case[0] for case in GIVEN])
def test_a_parameter_given_to_a_stock_module_is_read(make: Callable[[], nn.Module], macs: int, params: int) -> None:
    found = count_on_both(lambda: make().eval(), torch.randn(2, 4, 8))
    assert found.profile.macs == macs
    assert found.profile.params == params
    assert (found.unread, found.unused) == (0, ())


def test_a_buffer_given_to_a_stock_module_is_read() -> None:
    found = count_on_both(
        lambda: Run(lambda m, x: m.l(m.q) + x, q=nn.Buffer(torch.zeros(4, 8)), l=nn.Linear(8, 8)), torch.randn(4, 8)
    )
    assert (found.profile.macs, found.profile.params, found.profile.buffers) == (4 * 64, 72, 32)


def test_a_layer_in_a_plain_list_is_read() -> None:
    inner = [nn.Linear(8, 4)]
    found = count(Run(lambda m, x: inner[0](x)), torch.randn(3, 8))
    assert (found.profile.macs, found.profile.params, found.unread) == (3 * 32, 36, 0)


def test_a_parameter_outside_the_module_is_read_once() -> None:
    outside = parameter(4, 8)
    found = count(Run(lambda m, x: F.linear(x, outside) + F.linear(x, outside[:1])), torch.randn(3, 8))
    assert (found.profile.macs, found.profile.params) == (3 * 8 * 4 + 3 * 8, 32)


def test_a_plain_tensor_outside_the_module_is_no_parameter() -> None:
    outside = torch.zeros(4, 8, requires_grad=True)
    found = count(Run(lambda m, x: F.linear(x, outside)), torch.randn(3, 8))
    assert (found.profile.macs, found.profile.params) == (3 * 8 * 4, 0)


def test_layers_that_are_made_during_the_forward() -> None:
    """Their parameters are parameters, and are read."""
    found = trace(Run(lambda m, x: nn.Linear(8, 4)(x)), (torch.randn(3, 8),))
    assert (found.profile.macs, found.profile.params) == (3 * 32, 36)


def test_parameters_of_lists_and_dicts() -> None:
    def make() -> nn.Module:
        return Run(lambda m, x: x @ m.ps[0] + x @ m.d["b"], ps=nn.ParameterList([parameter(8, 4), parameter(8, 5)]),
                   d=nn.ParameterDict({"a": parameter(7), "b": parameter(8, 4)}))  # fmt: skip

    found = count_on_both(make, torch.randn(3, 8))
    assert (found.profile.macs, found.profile.params, found.unread) == (2 * 3 * 32, 64, 40 + 7)


UNREAD: list[tuple[str, Callable[[], nn.Module], int, int]] = [
    ("nothing", lambda: nn.Linear(8, 4), 36, 0),
    ("a layer", lambda: Run(lambda m, x: m.a(x), a=nn.Linear(8, 4), fc=nn.Linear(100, 100)), 36, 10_100),
    ("a parameter", lambda: Run(lambda m, x: m.a(x), a=nn.Linear(8, 4), p=parameter(7)), 36, 7),
    ("a bias beside a weight", lambda: Run(lambda m, x: F.linear(x, m.a.weight), a=nn.Linear(8, 4)), 32, 4),
    ("everything", lambda: Run(lambda m, x: x * 2, a=nn.Linear(8, 4)), 0, 36),
    (
        "the second half of a block",
        lambda: Run(lambda m, x: m.b[0](x), b=nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2))),
        36,
        10,
    ),
    ("the shape alone", lambda: Run(lambda m, x: x.new_zeros(m.a.weight.shape), a=nn.Linear(8, 4)), 0, 36),
    ("heads of a norm", lambda: Run(lambda m, x: F.layer_norm(x, (8,), m.n.weight), n=nn.LayerNorm(8)), 8, 8),
]


@pytest.mark.parametrize(("make", "read", "unread"), [case[1:] for case in UNREAD], ids=[case[0] for case in UNREAD])
def test_read_and_unread_are_all_there_is(make: Callable[[], nn.Module], read: int, unread: int) -> None:
    module = make()
    found = profile(module, args=(torch.randn(3, 8),), batch=None)
    assert (found.params, found.unread) == (read, unread)
    assert found.params + found.side_params + found.unread == sum(p.numel() for p in module.parameters())
    assert profile(module.to("meta"), args=(torch.empty(3, 8, device="meta"),), batch=None).unread == unread


@pytest.mark.parametrize("aside", [False, True], ids=["alone", "beside a layer of training"])
def test_a_parameter_that_training_reads(aside: bool) -> None:
    """A mask that is learned: evaluation does not read it, so it is unread or counted beside, and never lost."""

    def forward(m: Any, x: torch.Tensor) -> Any:
        if m.training:
            x = torch.where(x > 0, x, m.mask)
            return m.l(x), (m.aux(x) if aside else None)
        return m.l(x)

    module = Run(forward, mask=parameter(8), l=nn.Linear(8, 4), aux=nn.Linear(8, 2)).eval()
    found = profile(module, args=(torch.randn(3, 8),), batch=None)
    assert found.params == 36
    assert found.params + found.side_params + found.unread == 36 + 8 + 18
