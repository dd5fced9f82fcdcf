"""What does not fit in torch does not fit here: the count is refused in one sentence, in layers and in functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from profiler import ProfilerError
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run, meta, parameter


def of_three_biases() -> nn.Module:
    layer = nn.Conv1d(3, 4, 3)
    layer.bias = parameter(3)
    return layer


CASES: list[tuple[str, Callable[[], nn.Module], tuple[tuple[int, ...], ...]]] = [
    ("linear", lambda: nn.Linear(8, 4), ((3, 7),)),
    ("linear without rows", lambda: nn.Linear(8, 4), ((7,),)),
    ("the second of two", lambda: nn.Sequential(nn.Linear(8, 6), nn.Linear(5, 4)), ((3, 8),)),
    ("channels of a convolution", lambda: nn.Conv2d(3, 4, 3), ((1, 4, 9, 9),)),
    ("axes of a convolution", lambda: nn.Conv2d(3, 4, 3), ((1, 1, 3, 9, 9),)),
    ("a window that is too large", lambda: nn.Conv2d(3, 4, 11), ((1, 3, 9, 9),)),
    ("a dilated window that is too large", lambda: nn.Conv1d(3, 4, 3, dilation=5), ((1, 3, 9),)),
    ("reflection that is too wide", lambda: nn.Conv2d(3, 4, 3, padding=5, padding_mode="reflect"), ((1, 3, 4, 4),)),
    ("the bias of a convolution", of_three_biases, ((1, 3, 9),)),
    ("transposed", lambda: nn.ConvTranspose2d(3, 4, 3), ((1, 4, 9, 9),)),
    ("a pool that is too large", lambda: nn.MaxPool2d(5), ((1, 3, 4, 4),)),
    ("batch norm", lambda: nn.BatchNorm2d(4), ((1, 3, 5, 5),)),
    ("axes of a batch norm", lambda: nn.BatchNorm2d(3), ((3, 3),)),
    ("layer norm", lambda: nn.LayerNorm(8), ((3, 7),)),
    ("layer norm of two axes", lambda: nn.LayerNorm((4, 8)), ((3, 8),)),
    ("group norm", lambda: nn.GroupNorm(2, 4), ((1, 6, 3),)),
    ("prelu", lambda: nn.PReLU(3), ((1, 4, 3),)),
    ("softmax over an axis that is not there", lambda: nn.Softmax(5), ((3, 8),)),
    ("glu of an odd width", lambda: nn.GLU(), ((3, 7),)),
    ("pixel shuffle", lambda: nn.PixelShuffle(2), ((1, 3, 4, 4),)),
    ("flatten from an axis that is not there", lambda: nn.Flatten(3), ((3, 8),)),
    ("unflatten", lambda: nn.Unflatten(1, (3, 3)), ((3, 8),)),
    ("lstm", lambda: nn.LSTM(8, 4), ((5, 2, 7),)),
    ("axes of a gru", lambda: nn.GRU(8, 4), ((5, 2, 1, 8),)),
    ("a cell", lambda: nn.LSTMCell(8, 4), ((2, 7),)),
    ("multihead attention", lambda: nn.MultiheadAttention(8, 2), ((5, 2, 7),) * 3),
    ("multihead attention of other batches", lambda: nn.MultiheadAttention(8, 2), ((5, 2, 8), (5, 3, 8), (5, 3, 8))),
    ("multihead attention of other lengths", lambda: nn.MultiheadAttention(8, 2), ((5, 2, 8), (4, 2, 8), (3, 2, 8))),
    ("bilinear", lambda: nn.Bilinear(5, 6, 4), ((3, 5), (2, 6))),
    ("attention of other widths", lambda: Run(lambda m, q, k: F.scaled_dot_product_attention(q, k, k)), ((1, 2, 5, 8), (1, 2, 5, 7))),
    ("attention of other batches", lambda: Run(lambda m, q, k: F.scaled_dot_product_attention(q, k, k)), ((2, 2, 5, 8), (3, 2, 5, 8))),
    ("grouped queries", lambda: Run(lambda m, q, k: F.scaled_dot_product_attention(q, k, k, enable_gqa=True)), ((2, 3, 5, 8), (2, 2, 5, 8))),
    ("matmul", lambda: Run(lambda m, x: x @ x), ((3, 8),)),
    ("a sum", lambda: Run(lambda m, x: x + x.new_zeros(5)), ((3, 8),)),
    ("the bias of a function", lambda: Run(lambda m, x: F.linear(x, m.w, m.b), w=parameter(4, 8), b=parameter(3)), ((3, 8),)),
    ("a sum of a convolution", lambda: Run(lambda m, x: m.c(x) + x, c=nn.Conv2d(3, 4, 3, padding=1)), ((1, 3, 9, 9),)),
    ("a place that is too small", lambda: Run(lambda m, x: x.clone().add_(x[None])), ((3, 8),)),
    ("a view", lambda: Run(lambda m, x: x.view(5, -1)), ((3, 8),)),
    ("parts to put together", lambda: Run(lambda m, x: torch.cat((x, x[:, :2]))), ((3, 8),)),
]  # fmt: skip


@pytest.mark.parametrize(("make", "shapes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_torch_refuses_is_refused(make: Callable[[], nn.Module], shapes: tuple[Any, ...]) -> None:
    given = tuple(torch.randn(shape) for shape in shapes)
    with pytest.raises((RuntimeError, ValueError, IndexError, AssertionError)), torch.no_grad():
        make().eval()(*given)
    for module, inputs in ((make(), given), (make(), meta(given)), (make().to("meta"), meta(given))):
        with pytest.raises(ProfilerError) as refusal:
            trace(module.eval(), inputs, batch=None)
        assert "profiler's own" not in str(refusal.value)
