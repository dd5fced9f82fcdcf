"""One operator at a time: multiply-adds, activations and what its softmax works on, each the product that it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler.tracing.tables.gradients import GRADIENTS
from profiler.tracing.tables.operators import PRODUCTS
from profiler.tracing.traced import trace


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


# Activations of a recurrent layer are its gates, and its states where they are projected, at every step of every sample:
# what its products make.
LAYERS: list[tuple[str, nn.Module, tuple[int, ...], int, int]] = [
    ("lstm", nn.LSTM(5, 7), (11, 2, 5), 22 * 4 * 7 * (5 + 7), 22 * 2 * 4 * 7),
    ("lstm batch first", nn.LSTM(5, 7, batch_first=True), (2, 11, 5), 22 * 4 * 7 * (5 + 7), 22 * 2 * 4 * 7),
    ("lstm of one sample", nn.LSTM(5, 7), (11, 5), 11 * 4 * 7 * (5 + 7), 11 * 2 * 4 * 7),
    ("lstm projected", nn.LSTM(5, 7, proj_size=3), (11, 2, 5), 22 * (4 * 7 * (5 + 3) + 3 * 7), 22 * (2 * 4 * 7 + 3)),
    ("lstm of two layers, both ways", nn.LSTM(5, 7, 2, bidirectional=True), (11, 2, 5),
     22 * 2 * (4 * 7 * (5 + 7) + 4 * 7 * (14 + 7)), 22 * 2 * 2 * 2 * 4 * 7),
    ("gru", nn.GRU(5, 7, bias=False), (11, 2, 5), 22 * 3 * 7 * (5 + 7), 22 * 2 * 3 * 7),
    ("rnn", nn.RNN(5, 7), (11, 2, 5), 22 * 7 * (5 + 7), 22 * 2 * 7),
    ("lstm cell", nn.LSTMCell(5, 7), (2, 5), 2 * 4 * 7 * (5 + 7), 2 * 2 * 4 * 7),
    ("lstm cell of one sample", nn.LSTMCell(5, 7), (5,), 4 * 7 * (5 + 7), 2 * 4 * 7),
    ("gru cell", nn.GRUCell(5, 7, bias=False), (2, 5), 2 * 3 * 7 * (5 + 7), 2 * 2 * 3 * 7),
    ("rnn cell", nn.RNNCell(5, 7), (2, 5), 2 * 7 * (5 + 7), 2 * 2 * 7),
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "shape", "macs", "activations"), [case[1:] for case in LAYERS], ids=[case[0] for case in LAYERS]
)
def test_recurrent_layers(module: nn.Module, shape: tuple[int, ...], macs: int, activations: int) -> None:
    for given in (torch.zeros(shape), meta(*shape)):
        (row,) = trace(module, (given,), batch=None).profile.rows
        assert (row.kind, row.macs, row.activations, row.elementwise) == ("recurrent", macs, activations, 0)


def test_a_packed_sequence_makes_its_own_steps() -> None:
    packed = nn.utils.rnn.pack_padded_sequence(torch.zeros(5, 3, 4), torch.tensor([5, 3, 2]))
    (row,) = trace(nn.LSTM(4, 6), (packed,)).profile.rows
    assert (row.macs, row.activations) == (10 * 4 * 6 * (4 + 6), 10 * 2 * 4 * 6)


Q, K, V = meta(2, 3, 5, 8), meta(2, 3, 7, 8), meta(2, 3, 7, 6)
PAIRS, OUT = 2 * 3 * 5 * 7, meta(2, 3, 5, 6)
GROUPS = meta(3, dtype=torch.int32)
BF16 = torch.bfloat16
# The operator's output, its arguments, its multiply-adds, activations, elements.
CALLS: list[tuple[str, str, Any, tuple[Any, ...], int, int, int]] = [
    ("a convolution of (T, B, M): 8 steps of 3 × 4 × 6", "conv_tbc", meta(8, 2, 6), (meta(10, 2, 4), meta(3, 4, 6), meta(6)),
     8 * 2 * 3 * 4 * 6, 8 * 2 * 6, 0),
    ("rows of groups: each by the matrix of its own", "_grouped_mm", meta(12, 32, dtype=BF16),
     (meta(12, 16, dtype=BF16), meta(3, 16, 32, dtype=BF16), GROUPS), 12 * 16 * 32, 12 * 32, 0),
    ("matrices of groups, by columns", "_grouped_mm", meta(5, 12, dtype=BF16),
     (meta(3, 5, 16, dtype=BF16), meta(16, 12, dtype=BF16), GROUPS), 5 * 16 * 12, 5 * 12, 0),
    ("sums within groups", "_grouped_mm", meta(3, 16, 32, dtype=BF16),
     (meta(16, 12, dtype=BF16), meta(12, 32, dtype=BF16), GROUPS), 16 * 12 * 32, 3 * 16 * 32, 0),
    ("a batch of products", "_grouped_mm", meta(3, 5, 32, dtype=BF16),
     (meta(3, 5, 16, dtype=BF16), meta(3, 16, 32, dtype=BF16)), 3 * 5 * 16 * 32, 3 * 5 * 32, 0),
    ("attention: scores and the output", "scaled_dot_product_attention", OUT, (Q, K, V), PAIRS * 14, PAIRS + 2 * 3 * 5 * 6, PAIRS),
    ("attention, flash", "_scaled_dot_product_flash_attention", (OUT, None), (Q, K, V), PAIRS * 14, PAIRS + 2 * 3 * 5 * 6, PAIRS),
    ("attention, flash on the CPU", "_scaled_dot_product_flash_attention_for_cpu", (OUT, None), (Q, K, V), PAIRS * 14, PAIRS + 2 * 3 * 5 * 6, PAIRS),
    ("attention, efficient", "_scaled_dot_product_efficient_attention", (OUT, None), (Q, K, V, None, False),
     PAIRS * 14, PAIRS + 2 * 3 * 5 * 6, PAIRS),
    ("attention, cuDNN's", "_scaled_dot_product_cudnn_attention", (OUT, None), (Q, K, V, None, True),
     PAIRS * 14, PAIRS + 2 * 3 * 5 * 6, PAIRS),
    ("a packed linear, whose weight tells no shape", "_weight_int4pack_mm", meta(9, 12), (meta(9, 16), None, 32, None), 9 * 16 * 12, 9 * 12, 0),
    ("mkldnn's layer of an lstm", "mkldnn_rnn_layer", (meta(11, 2, 7),), (meta(11, 2, 5), meta(28, 5), meta(28, 7)),
     22 * 28 * (5 + 7), 22 * 2 * 28, 0),
    ("an outer product", "addr", meta(3, 4), (meta(3, 4), meta(3), meta(4)), 3 * 4, 3 * 4, 0),
    ("distances of every pair", "cdist", meta(2, 3, 5), (meta(2, 3, 4), meta(2, 5, 4)), 2 * 3 * 5 * 4, 2 * 3 * 5, 0),
    ("a bilinear form", "bilinear", meta(2, 5), (meta(2, 3), meta(2, 4), meta(5, 3, 4)), 2 * (5 * 3 * 4 + 5 * 4), 2 * 5, 0),
    ("a sum over the batch", "addbmm", meta(3, 5), (meta(3, 5), meta(2, 3, 4), meta(2, 4, 5)), 2 * 3 * 4 * 5, 3 * 5, 0),
    ("a complex product is four real ones", "mm", meta(3, 5, dtype=torch.complex64),
     (meta(3, 4, dtype=torch.complex64), meta(4, 5, dtype=torch.complex64)), 4 * 3 * 4 * 5, 3 * 5, 0),
    ("a transposed convolution", "convolution", meta(2, 6, 7, 7),
     (meta(2, 4, 3, 3), meta(4, 6, 3, 3), None, [2, 2], [0, 0], [1, 1], True, [0, 0], 1), 2 * 9 * 9 * 4 * 6, 2 * 6 * 49, 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "out", "given", "macs", "activations", "elements"), [case[1:] for case in CALLS], ids=[case[0] for case in CALLS]
)
def test_operators(name: str, out: Any, given: tuple[Any, ...], macs: int, activations: int, elements: int) -> None:
    work = PRODUCTS[f"aten::{name}"].formula(out, *given)
    assert (work.macs, work.activations, work.elementwise) == (macs, activations, elements)


def test_grouped_products_know_their_experts() -> None:
    formula: Callable[..., Any] = PRODUCTS["aten::_grouped_mm"].formula
    assert formula(meta(12, 32), meta(12, 16), meta(3, 16, 32)).facts == {"experts": 3}
    assert formula(meta(5, 12), meta(4, 5, 16), meta(16, 12)).facts == {"experts": 4}
    assert formula(meta(3, 5, 32), meta(3, 5, 16), meta(3, 16, 32)).facts == {"experts": 3}
    assert formula(meta(3, 16, 32), meta(16, 12), meta(12, 32)).facts == {}


# A kernel that skips what is masked: the first query meets one key, the second two …
@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("scaled_dot_product_attention", (None, 0.0, True)),
        ("_scaled_dot_product_flash_attention", (0.0, True)),
        ("_scaled_dot_product_efficient_attention", (None, False, 0.0, True)),
        ("_scaled_dot_product_cudnn_attention", (None, False, 0.0, True)),
    ],
)
def test_causal_attention_has_a_useful_part(name: str, rest: tuple[Any, ...]) -> None:
    out = OUT if name == "scaled_dot_product_attention" else (OUT, None)
    work = PRODUCTS[f"aten::{name}"].formula(out, Q, K, V, *rest)
    assert work.macs == PAIRS * 14
    assert dict(work.facts) == {"causal": True, "useful_macs": 2 * 3 * (1 + 2 + 3 + 4 + 5) * 14}


X, W, G = meta(2, 4, 9, 9), meta(6, 4, 3, 3), meta(2, 6, 7, 7)
CONVOLUTION = (G, X, W, [6], [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
BACKWARD: list[tuple[str, str, tuple[Any, ...], int, int]] = [
    ("convolution, input and weight", "convolution_backward", (*CONVOLUTION, [True, True, True]),
     2 * (2 * 49 * 9 * 4 * 6), 2 * 4 * 81 + 9 * 4 * 6),
    ("convolution, weight alone", "convolution_backward", (*CONVOLUTION, [False, True, True]), 2 * 49 * 9 * 4 * 6, 9 * 4 * 6),
    ("convolution, input alone", "convolution_backward", (*CONVOLUTION, [True, False, False]), 2 * 49 * 9 * 4 * 6, 2 * 4 * 81),
    ("transposed convolution", "convolution_backward",
     (meta(2, 6, 5, 5), meta(2, 4, 3, 3), meta(4, 6, 3, 3), [6], [1, 1], [0, 0], [1, 1], True, [0, 0], 1, [True, True, False]),
     2 * (2 * 9 * 9 * 4 * 6), 2 * 4 * 9 + 9 * 4 * 6),
    ("attention", "_scaled_dot_product_flash_attention_backward", (OUT, Q, K, V), 2 * PAIRS * 14, 2 * 3 * (5 * 8 + 7 * 8 + 7 * 6)),
    ("a layer of an lstm", "mkldnn_rnn_layer_backward", (meta(11, 2, 5), meta(28, 5), meta(28, 7), meta(28)),
     2 * 22 * 28 * (5 + 7), 11 * 2 * 5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "macs", "made"), [case[1:] for case in BACKWARD], ids=[case[0] for case in BACKWARD])
def test_gradients(name: str, given: tuple[Any, ...], macs: int, made: int) -> None:
    work = GRADIENTS[f"aten::{name}"](None, *given)
    assert (work.macs, work.activations) == (macs, made)
