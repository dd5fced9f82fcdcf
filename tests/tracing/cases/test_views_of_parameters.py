"""A view of a parameter or buffer costs the same wherever the module stands, and reading it reads the whole parameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.tracing.cases.counting import Run, count, count_on_both, parameter


class Sliced(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pos, self.qkv, self.o = parameter(1, 64, 16), nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Any:
        b, n, _ = x.shape
        q, k, v = self.qkv(x + self.pos[:, :n]).reshape(b, n, 3, 4, 4).permute(2, 0, 3, 1, 4)
        return self.o(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, n, 16))


def test_positions_that_are_cut_to_the_length_leave_attention_whole() -> None:
    found = count_on_both(Sliced, torch.randn(2, 10, 16))
    assert found.profile.macs == 20 * 16 * 48 + 2 * 4 * 10 * 10 * (4 + 4) + 20 * 16 * 16
    assert found.profile.elementwise == 2 * 10 * 16 + 2 * 4 * 10 * 10
    assert len(found.profile.rows) == 4
    assert found.useful_macs == found.profile.macs - 2 * 4 * (100 - 55) * 8
    assert found.profile.params == 64 * 16 + 16 * 48 + 48 + 16 * 16 + 16
    assert (found.rung, found.reason) == ("meta", "")


def test_a_gate_leaves_a_bilinear_layer_whole() -> None:
    def make() -> nn.Module:
        return Run(lambda m, x, y: m.b(x, y) * m.g[0], b=nn.Bilinear(5, 6, 4), g=parameter(2))

    found = count_on_both(make, torch.randn(3, 5), torch.randn(3, 6))
    assert found.profile.macs == 3 * (4 * 5 * 6 + 4 * 6)
    assert found.profile.params == 4 * 5 * 6 + 4 + 2
    assert [row.op for row in found.profile.rows] == ["bilinear", "multiply"]


@pytest.mark.parametrize(
    ("layer", "gates", "params"),
    [(nn.LSTM, 4, 4 * 8 * 8 * 2 + 2 * 4 * 8), (nn.GRU, 3, 3 * 8 * 8 * 2 + 2 * 3 * 8), (nn.RNN, 1, 8 * 8 * 2 + 2 * 8)],
)
def test_a_gate_leaves_a_recurrent_layer_on_the_first_rung(layer: Any, gates: int, params: int) -> None:
    found = count_on_both(lambda: Run(lambda m, x: m.l(x * m.g[0])[0], l=layer(8, 8), g=parameter(2)), torch.randn(5, 2, 8))
    assert found.profile.macs == 5 * 2 * gates * 8 * (8 + 8)
    assert found.profile.params == params + 2
    assert (found.rung, found.reason) == ("meta", "")


VIEWS: list[tuple[str, tuple[int, ...], Callable[[Tensor, Tensor], Any], int]] = [
    ("t", (8, 4), lambda x, w: F.linear(x, w.t()), 3 * 8 * 4),
    ("T", (8, 4), lambda x, w: x @ w.T.T, 3 * 8 * 4),
    ("mT", (5, 4, 8), lambda x, w: x @ w.mT, 5 * 3 * 8 * 4),
    ("index", (5, 4, 8), lambda x, w: F.linear(x, w[1]), 3 * 8 * 4),
    ("slice", (9, 8), lambda x, w: F.linear(x, w[2:6]), 3 * 8 * 4),
    ("stepped slice", (8, 8), lambda x, w: F.linear(x, w[::2]), 3 * 8 * 4),
    ("ellipsis", (4, 8, 2), lambda x, w: F.linear(x, w[..., 0]), 3 * 8 * 4),
    ("unbind", (5, 4, 8), lambda x, w: sum(F.linear(x, each) for each in w.unbind()), 5 * 3 * 8 * 4),
    ("iteration", (5, 4, 8), lambda x, w: sum(F.linear(x, each) for each in w), 5 * 3 * 8 * 4),
    ("chunk", (12, 8), lambda x, w: [F.linear(x, each) for each in w.chunk(3)], 3 * (3 * 8 * 4)),
    ("split", (12, 8), lambda x, w: [F.linear(x, each) for each in w.split([2, 10])], 3 * 8 * 2 + 3 * 8 * 10),
    ("tensor_split", (12, 8), lambda x, w: [F.linear(x, each) for each in w.tensor_split(2)], 3 * 8 * 12),
    ("narrow", (9, 8), lambda x, w: F.linear(x, w.narrow(0, 1, 4)), 3 * 8 * 4),
    ("select", (3, 4, 8), lambda x, w: F.linear(x, w.select(0, 2)), 3 * 8 * 4),
    ("expand", (1, 8, 4), lambda x, w: torch.bmm(x.expand(5, 3, 8), w.expand(5, 8, 4)), 5 * 3 * 8 * 4),
    ("detach", (4, 8), lambda x, w: F.linear(x, w.detach()), 3 * 8 * 4),
    ("data", (4, 8), lambda x, w: F.linear(x, w.data), 3 * 8 * 4),
    ("view", (32,), lambda x, w: F.linear(x, w.view(4, 8)), 3 * 8 * 4),
    ("unflatten", (32,), lambda x, w: F.linear(x, w.unflatten(0, (4, 8))), 3 * 8 * 4),
    ("permute", (8, 5, 4), lambda x, w: torch.einsum("ni,eio->neo", x, w.permute(1, 0, 2)), 3 * 5 * 8 * 4),
    ("squeeze", (4, 1, 8), lambda x, w: F.linear(x, w.squeeze(1)), 3 * 8 * 4),
    ("as_strided", (64,), lambda x, w: F.linear(x, w.as_strided((4, 8), (16, 2))), 3 * 8 * 4),
    ("diagonal", (8, 8), lambda x, w: x * w.diagonal(), 0),
    ("view of a view", (2, 8, 9), lambda x, w: F.linear(x, w[1].t()[:4].detach()), 3 * 8 * 4),
    ("two views of one", (8, 8), lambda x, w: F.linear(x, w[:4]) + F.linear(x, w[4:]), 2 * (3 * 8 * 4)),
]


@pytest.mark.parametrize(("shape", "function", "expected"), [case[1:] for case in VIEWS], ids=[case[0] for case in VIEWS])
@pytest.mark.parametrize("buffer", [False, True], ids=["parameter", "buffer"])
def test_views(shape: tuple[int, ...], function: Callable[..., Any], expected: int, buffer: bool) -> None:
    def make() -> nn.Module:
        held = nn.Buffer(torch.zeros(shape)) if buffer else parameter(*shape)
        return Run(lambda m, x: function(x, m.held), held=held)

    found = count_on_both(make, torch.randn(3, 8))
    assert found.profile.macs == expected
    size = torch.Size(shape).numel()
    assert (found.profile.params, found.profile.buffers) == ((0, size) if buffer else (size, 0))
    assert (found.rung, found.reason) == ("meta", "")
    assert found.unread == 0


def test_a_convolution_by_a_view_is_a_convolution() -> None:
    def make() -> nn.Module:
        return Run(lambda m, x: F.conv2d(x, m.w.view(4, 3, 3, 3), m.b[0]), w=parameter(108), b=parameter(2, 4))

    found = count_on_both(make, torch.randn(2, 3, 9, 9))
    assert found.profile.macs == 2 * (3 * 3 * 3) * 4 * 7 * 7
    assert [(row.op, row.kind, row.params) for row in found.profile.rows] == [("conv", "conv", 108 + 8)]


@pytest.mark.parametrize("grad", [False, True])
def test_whether_gradients_are_asked_for_says_nothing(grad: bool) -> None:
    answers = set()
    for mode in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        module = Sliced().requires_grad_(grad)
        with mode():
            found = count(module, torch.zeros(2, 10, 16))
        answers.add((found.profile.macs, found.profile.elementwise, len(found.profile.rows), found.rung))
    assert answers == {(20 * 16 * 48 + 2 * 4 * 10 * 10 * 8 + 20 * 16 * 16, 320 + 800, 4, "meta")}
