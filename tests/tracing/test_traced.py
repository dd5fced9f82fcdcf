"""Traced modules: every case with its multiply-adds as the product that they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profiler.records.traced import Traced
from profiler.tracing.traced import trace


class Run(nn.Module):
    """A module that runs one function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.function(*inputs, **named)


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def macs(module: nn.Module, *inputs: Any, **named: Any) -> int:
    found = trace(module, inputs, named, batch=None)
    assert found.profile.uncounted == ()
    assert found.harm == ()
    assert found.profile.macs == sum(row.macs for row in found.profile.rows)
    return found.profile.macs


MODULES: list[tuple[str, nn.Module, tuple[tuple[int, ...], ...], int]] = [
    ("conv1d", nn.Conv1d(4, 6, 3), ((2, 4, 10),), 3 * 4 * 6 * 8 * 2),
    ("conv2d", nn.Conv2d(3, 16, 3, stride=2, padding=1), ((2, 3, 8, 8),), 3 * 3 * 3 * 16 * 4 * 4 * 2),
    ("conv3d", nn.Conv3d(2, 4, (3, 1, 2)), ((1, 2, 5, 6, 7),), 3 * 1 * 2 * 2 * 4 * 3 * 6 * 6),
    ("conv2d of one sample", nn.Conv2d(3, 16, 3, padding=1), ((3, 8, 8),), 3 * 3 * 3 * 16 * 8 * 8),
    ("conv2d grouped", nn.Conv2d(8, 16, 3, groups=4, padding=1), ((1, 8, 6, 6),), 3 * 3 * 2 * 16 * 6 * 6),
    ("conv2d depthwise", nn.Conv2d(8, 8, 5, groups=8), ((3, 8, 9, 9),), 5 * 5 * 8 * 5 * 5 * 3),
    ("conv2d dilated", nn.Conv2d(2, 4, 3, dilation=2), ((1, 2, 9, 9),), 3 * 3 * 2 * 4 * 5 * 5),
    ("conv2d same", nn.Conv2d(2, 4, 3, padding="same"), ((1, 2, 9, 9),), 3 * 3 * 2 * 4 * 9 * 9),
    ("conv2d same, of an even window", nn.Conv2d(2, 4, 4, padding="same"), ((1, 2, 9, 9),), 4 * 4 * 2 * 4 * 9 * 9),
    ("conv2d valid", nn.Conv2d(2, 4, 4, padding="valid"), ((1, 2, 9, 9),), 4 * 4 * 2 * 4 * 6 * 6),
    ("conv2d reflecting", nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), ((1, 2, 9, 9),), 3 * 3 * 2 * 4 * 9 * 9),
    ("conv transpose", nn.ConvTranspose2d(6, 4, 3, stride=2), ((1, 6, 5, 5),), 3 * 3 * 6 * 4 * 5 * 5),
    ("conv transpose grouped", nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2), ((2, 6, 5, 5),), 3 * 3 * 6 * 2 * 5 * 5 * 2),
    ("conv transpose 1d of one sample", nn.ConvTranspose1d(6, 4, 3), ((6, 5),), 3 * 6 * 4 * 5),
    ("conv transpose 3d", nn.ConvTranspose3d(2, 3, 2, output_padding=1, stride=2), ((1, 2, 3, 3, 3),), 2**3 * 2 * 3 * 3**3),
    ("linear", nn.Linear(5, 7), ((2, 5),), 2 * 5 * 7),
    ("linear of a vector", nn.Linear(5, 7), ((5,),), 5 * 7),
    ("linear of four axes", nn.Linear(5, 7, bias=False), ((2, 3, 4, 5),), 2 * 3 * 4 * 5 * 7),
    ("bilinear", nn.Bilinear(3, 4, 5), ((2, 3), (2, 4)), 2 * (5 * 3 * 4 + 5 * 4)),
    ("lstm", nn.LSTM(5, 7), ((11, 2, 5),), 11 * 2 * 4 * 7 * (5 + 7)),
    ("lstm bidirectional, two layers", nn.LSTM(5, 7, 2, bidirectional=True), ((11, 2, 5),),
     11 * 2 * 2 * (4 * 7 * (5 + 7) + 4 * 7 * (14 + 7))),
    ("lstm projected", nn.LSTM(5, 7, proj_size=3), ((11, 2, 5),), 11 * 2 * (4 * 7 * (5 + 3) + 3 * 7)),
    ("lstm batch first", nn.LSTM(5, 7, batch_first=True), ((2, 11, 5),), 11 * 2 * 4 * 7 * (5 + 7)),
    ("lstm of one sample", nn.LSTM(5, 7), ((11, 5),), 11 * 4 * 7 * (5 + 7)),
    ("gru", nn.GRU(5, 7, bias=False), ((11, 2, 5),), 11 * 2 * 3 * 7 * (5 + 7)),
    ("rnn", nn.RNN(5, 7, nonlinearity="relu"), ((11, 2, 5),), 11 * 2 * 7 * (5 + 7)),
    ("lstm cell", nn.LSTMCell(5, 7), ((2, 5),), 2 * 4 * 7 * (5 + 7)),
    ("gru cell", nn.GRUCell(5, 7), ((2, 5),), 2 * 3 * 7 * (5 + 7)),
    ("rnn cell", nn.RNNCell(5, 7), ((2, 5),), 2 * 7 * (5 + 7)),
    ("multihead attention", nn.MultiheadAttention(8, 2), ((5, 3, 8),) * 3, 3 * (4 * 5 * 8 * 8 + 2 * 5 * 5 * 8)),
    ("multihead attention, other widths", nn.MultiheadAttention(8, 2, kdim=6, vdim=4), ((5, 3, 8), (9, 3, 6), (9, 3, 4)),
     3 * (5 * 8 * 8 + 9 * 6 * 8 + 9 * 4 * 8 + 2 * 5 * 9 * 8 + 5 * 8 * 8)),
    ("multihead attention of one sample", nn.MultiheadAttention(8, 2), ((5, 8),) * 3, 4 * 5 * 8 * 8 + 2 * 5 * 5 * 8),
    ("multihead attention, a key more", nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True), ((5, 3, 8),) * 3,
     3 * (4 * 5 * 8 * 8 + 2 * 5 * (5 + 2) * 8)),
    ("encoder layer", nn.TransformerEncoderLayer(8, 2, 32, batch_first=True), ((3, 5, 8),),
     3 * (4 * 5 * 8 * 8 + 2 * 5 * 5 * 8 + 2 * 5 * 8 * 32)),
    ("decoder layer", nn.TransformerDecoderLayer(8, 2, 32), ((5, 3, 8), (9, 3, 8)),
     3 * (4 * 5 * 8 * 8 + 2 * 5 * 5 * 8 + 2 * 5 * 8 * 8 + 2 * 9 * 8 * 8 + 2 * 5 * 9 * 8 + 2 * 5 * 8 * 32)),
    ("batch norm", nn.BatchNorm2d(4), ((2, 4, 3, 3),), 0),
    ("softmax", nn.Softmax(-1), ((2, 4),), 0),
]  # fmt: skip


@pytest.mark.parametrize(("module", "shapes", "expected"), [case[1:] for case in MODULES], ids=[case[0] for case in MODULES])
def test_modules(module: nn.Module, shapes: tuple[tuple[int, ...], ...], expected: int) -> None:
    """One answer on the CPU and on meta, in training and evaluation, with and without gradients."""
    answers = set()
    real = tuple(torch.zeros(shape) for shape in shapes)
    for training in (True, False):
        module.train(training)
        for mode in (torch.enable_grad, torch.no_grad, torch.inference_mode):
            with mode():
                for inputs in (real, tuple(meta(*shape) for shape in shapes)):
                    answers.add(macs(module, *inputs))
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(not fast)
    answers.add(macs(module.eval(), *real))
    assert torch.backends.mha.get_fastpath_enabled() is not fast
    torch.backends.mha.set_fastpath_enabled(fast)
    answers.add(macs(module.to("meta"), *(meta(*shape) for shape in shapes)))
    assert answers == {expected}


A, B = (2, 3, 4), (2, 4, 5)
FUNCTIONS: list[tuple[str, Callable[..., Any], tuple[tuple[int, ...], ...], int]] = [
    ("mm", torch.mm, ((3, 4), (4, 5)), 3 * 4 * 5),
    ("bmm", torch.bmm, (A, B), 2 * 3 * 4 * 5),
    ("addmm", torch.addmm, ((3, 5), (3, 4), (4, 5)), 3 * 4 * 5),
    ("baddbmm", torch.baddbmm, ((2, 3, 5), A, B), 2 * 3 * 4 * 5),
    ("addbmm", torch.addbmm, ((3, 5), A, B), 2 * 3 * 4 * 5),
    ("matmul", torch.matmul, (A, B), 2 * 3 * 4 * 5),
    ("matmul spread over the batch", torch.matmul, ((7, 1, 3, 4), B), 7 * 2 * 3 * 4 * 5),
    ("matmul by a matrix", torch.matmul, (A, (4, 5)), 2 * 3 * 4 * 5),
    ("matmul by a vector", torch.matmul, (A, (4,)), 2 * 3 * 4),
    ("matmul of a vector", torch.matmul, ((4,), B), 2 * 4 * 5),
    ("matmul of vectors", torch.matmul, ((4,), (4,)), 4),
    ("mv", torch.mv, ((3, 4), (4,)), 3 * 4),
    ("dot", torch.dot, ((4,), (4,)), 4),
    ("vdot", torch.vdot, ((4,), (4,)), 4),
    ("addmv", torch.addmv, ((3,), (3, 4), (4,)), 3 * 4),
    ("inner", torch.inner, ((3, 4), (5, 4)), 3 * 4 * 5),
    ("einsum", lambda a, b: torch.einsum("bij,bjk->bik", a, b), (A, B), 2 * 3 * 4 * 5),
    ("einsum of three", lambda a, b, c: torch.einsum("ij,jk,kl->il", a, b, c), ((3, 4), (4, 5), (5, 6)), 3 * 4 * 5 + 3 * 5 * 6),
    ("tensordot", lambda a, b: torch.tensordot(a, b, dims=([2, 0], [1, 0])), (A, B), 3 * 2 * 4 * 5),
    ("chain", lambda a, b, c: torch.linalg.multi_dot([a, b, c]), ((3, 4), (4, 5), (5, 6)), 3 * 4 * 5 + 3 * 5 * 6),
    ("functional bilinear", lambda a, b, w: F.bilinear(a, b, w), ((2, 3), (2, 4), (5, 3, 4)), 2 * (5 * 3 * 4 + 5 * 4)),
    ("operator @", lambda a, b: a @ b, (A, B), 2 * 3 * 4 * 5),
    ("conv2d", lambda x, w: F.conv2d(x, w, stride=2, groups=2), ((1, 4, 7, 7), (6, 2, 3, 3)), 3 * 3 * 2 * 6 * 3 * 3),
    ("conv2d same", lambda x, w: F.conv2d(x, w, padding="same"), ((1, 4, 7, 7), (6, 4, 4, 4)), 4 * 4 * 4 * 6 * 7 * 7),
    ("conv transpose", lambda x, w: F.conv_transpose2d(x, w, stride=2), ((2, 4, 7, 7), (4, 6, 3, 3)), 3 * 3 * 4 * 6 * 7 * 7 * 2),
    ("linear", F.linear, ((2, 3, 4), (5, 4)), 2 * 3 * 4 * 5),
    ("cdist", torch.cdist, ((2, 3, 4), (2, 5, 4)), 2 * 3 * 5 * 4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "shapes", "expected"), [case[1:] for case in FUNCTIONS], ids=[case[0] for case in FUNCTIONS]
)
def test_functions(function: Callable[..., Any], shapes: tuple[tuple[int, ...], ...], expected: int) -> None:
    assert macs(Run(function), *(meta(*shape) for shape in shapes)) == expected
    assert macs(Run(function), *(torch.ones(shape) for shape in shapes)) == expected
    wide = [meta(*shape, dtype=torch.complex64) for shape in shapes]
    if "conv" not in function.__name__ and function not in (torch.cdist,):
        assert macs(Run(function), *wide) == 4 * expected


ATTENTION: list[tuple[str, dict[str, Any], tuple[tuple[int, ...], ...], int, int]] = [
    ("plain", {}, ((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 6)), 2 * 3 * 5 * 7 * (8 + 6), 2 * 3 * 5 * 7 * (8 + 6)),
    ("causal", {"is_causal": True}, ((2, 3, 5, 8),) * 3, 2 * 3 * 5 * 5 * (8 + 8), 2 * 3 * (1 + 2 + 3 + 4 + 5) * (8 + 8)),
    ("causal, more keys", {"is_causal": True}, ((1, 1, 3, 8), (1, 1, 7, 8), (1, 1, 7, 8)), 3 * 7 * 16, (1 + 2 + 3) * 16),
    ("causal, more queries", {"is_causal": True}, ((1, 1, 5, 8), (1, 1, 3, 8), (1, 1, 3, 8)), 5 * 3 * 16, (1 + 2 + 3 + 3 + 3) * 16),
    ("masked", {"attn_mask": torch.ones(5, 7, dtype=torch.bool)}, ((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 8)),
     2 * 3 * 5 * 7 * 16, 2 * 3 * 5 * 7 * 16),
    ("grouped queries", {"enable_gqa": True}, ((2, 6, 5, 8), (2, 2, 7, 8), (2, 2, 7, 8)), 2 * 6 * 5 * 7 * 16, 2 * 6 * 5 * 7 * 16),
    ("three axes", {}, ((3, 5, 8),) * 3, 3 * 5 * 5 * 16, 3 * 5 * 5 * 16),
]  # fmt: skip


@pytest.mark.parametrize(
    ("named", "shapes", "full", "useful"), [case[1:] for case in ATTENTION], ids=[case[0] for case in ATTENTION]
)
def test_attention(named: dict[str, Any], shapes: tuple[tuple[int, ...], ...], full: int, useful: int) -> None:
    for inputs in (tuple(meta(*shape) for shape in shapes), tuple(torch.ones(shape) for shape in shapes)):
        found = trace(Run(F.scaled_dot_product_attention), inputs, named, batch=None)
        assert (found.profile.macs, found.useful_macs) == (full, useful)
        (row,) = found.profile.rows
        scores = full // (shapes[0][-1] + shapes[2][-1])
        assert (row.path, row.kind, row.elementwise) == ("attention", "attention", scores)
        assert row.activations == scores + full // (shapes[0][-1] + shapes[2][-1]) // shapes[1][-2] * shapes[2][-1]


@pytest.mark.parametrize("hooked", [False, True])
def test_multihead_attention_is_one_row_whatever_it_is_asked(hooked: bool) -> None:
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    if hooked:  # then it is run, and what it runs is summed
        layer.register_forward_hook(lambda *_: None)
    x = meta(3, 5, 8)
    for named in ({}, {"need_weights": False}, {"average_attn_weights": False}, {"attn_mask": meta(5, 5)}):
        (row,) = trace(layer, (x, x, x), named).profile.rows
        assert (row.op, row.kind, row.macs) == ("multihead_attention", "attention", 3 * (4 * 5 * 8 * 8 + 2 * 5 * 5 * 8))
        assert (row.weights, row.bias, row.elementwise) == (4 * 8 * 8, 4 * 8, 3 * 2 * 5 * 5)
        assert row.activations == 3 * (3 * 5 * 8 + 2 * 5 * 5 + 5 * 8 + 5 * 8)
    causal = trace(layer, (x, x, x), {"attn_mask": meta(5, 5), "is_causal": True, "need_weights": False})
    assert causal.useful_macs == 3 * (4 * 5 * 8 * 8 + 2 * (5 + 4 + 3 + 2 + 1) * 8)

    class Asks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            out, weights = self.layer(x, x, x, average_attn_weights=False)
            assert weights.shape == (3, 2, 5, 5)
            return out @ out.transpose(1, 2)  # type: ignore[no-any-return]

    assert trace(Asks(), (x,)).profile.rows[-1].output == (3, 5, 5)


def test_unfused_attention_is_attention() -> None:
    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = q @ k.transpose(-2, -1) / 8**0.5 + torch.zeros(5, 7, device=q.device)
        return F.dropout(scores.softmax(-1).to(v.dtype), 0.1) @ v

    found = trace(Run(attend), (meta(2, 3, 5, 8), meta(2, 3, 7, 8), meta(2, 3, 7, 6)))
    products = [row for row in found.profile.rows if row.macs]
    assert [(row.kind, row.macs) for row in products] == [("attention", 2 * 3 * 5 * 7 * 8), ("attention", 2 * 3 * 5 * 7 * 6)]
    found = trace(Run(lambda a, b, c: (a @ b) @ c), (meta(3, 4), meta(4, 5), meta(5, 6)))
    assert [row.kind for row in found.profile.rows] == ["matmul", "matmul"]


def test_packed_sequences_count_their_own_steps() -> None:
    packed = nn.utils.rnn.pack_padded_sequence(torch.zeros(5, 3, 4), torch.tensor([5, 3, 2]))
    assert macs(nn.LSTM(4, 6), packed) == (5 + 3 + 2) * 4 * 6 * (4 + 6)
    assert macs(nn.GRU(4, 6, bidirectional=True), packed) == 2 * (5 + 3 + 2) * 3 * 6 * (4 + 6)


def test_packing_inside_the_model_depends_on_the_lengths() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 6, batch_first=True)

        def forward(self, x: Tensor, lengths: Tensor) -> Any:
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
            return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0].relu()

    found = trace(Reader(), (torch.zeros(3, 5, 4), torch.tensor([5, 3, 2])))
    assert found.profile.rows[-1].output == (3, 5, 6)
    assert (found.profile.macs, found.rung) == ((5 + 3 + 2) * 4 * 6 * (4 + 6), "data-dependent")
    assert "CPU int64 tensor" in found.reason
    assert found.reason.endswith("counted on these values of the integer inputs")


def test_embedding_bag() -> None:
    found = trace(nn.EmbeddingBag(100, 6), (torch.zeros(4, 3, dtype=torch.long),))
    assert (found.profile.params, found.profile.macs, found.profile.elementwise) == (100 * 6, 0, 4 * 6)


def test_integer_product() -> None:
    a, b = (torch.ones(shape, dtype=torch.int8) for shape in ((32, 16), (16, 24)))
    assert macs(Run(torch._int_mm), a, b) == 32 * 16 * 24


def test_scaled_product() -> None:
    a = meta(32, 16, dtype=torch.float8_e4m3fn)
    b = meta(32, 16, dtype=torch.float8_e4m3fn).t()
    one = meta()
    assert macs(Run(lambda a, b: torch._scaled_mm(a, b, one, one, out_dtype=torch.bfloat16)), a, b) == 32 * 16 * 32


def test_quantised_linear() -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantised = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    found = trace(quantised, (torch.zeros(3, 8),))
    assert found.profile.macs == 3 * (8 * 4 + 4 * 2)


def test_grouped_product_and_active_experts() -> None:
    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.router = nn.Linear(16, 8, bias=False)
            self.weight = nn.Parameter(torch.zeros(8, 16, 32))

        def forward(self, x: Tensor) -> Tensor:
            chosen = self.router(x).topk(2, dim=-1).indices
            rows = x.repeat_interleave(2, 0)
            offsets = torch.full((8,), rows.shape[0] // 8, dtype=torch.int32, device=x.device).cumsum(0, dtype=torch.int32)
            return torch._grouped_mm(rows + 0 * chosen.flatten()[:, None], self.weight, offs=offsets)

    found = trace(Experts().bfloat16(), (meta(12, 16, dtype=torch.bfloat16),))
    assert found.profile.macs == 12 * 16 * 8 + 12 * 2 * 16 * 32
    assert found.profile.params == 16 * 8 + 8 * 16 * 32
    assert found.active_params == 16 * 8 + 2 * 16 * 32


def test_without_a_formula_is_said() -> None:
    found: Traced = trace(Run(lambda x: torch.fft.rfft(x) * 2), (meta(3, 16),))
    assert found.profile.uncounted == ("aten::_fft_r2c",) or found.profile.uncounted == ("aten::fft_rfft",)
    (missing,) = found.uncounted
    assert missing.times == 1
    assert "register" in missing.cure
    assert found.coverage.uncounted == 1
    assert 0 < found.coverage.share < 1


@pytest.mark.parametrize(
    "power",
    [
        lambda x, y: x**y,
        lambda x, y: 2**x,
        lambda x, y: (x**y).mean(-1, keepdim=True) + x,
        lambda x, y: x.pow(torch.tensor(2.0)),
    ],
    ids=["by a tensor", "of a number", "and its mean", "by a tensor of one number"],
)
def test_a_power_that_is_no_square(power: Callable[..., Tensor]) -> None:
    """No step of a normalisation, and counted as any other elementwise operation."""
    assert macs(Run(power), meta(3, 16), meta(3, 16)) == 0
