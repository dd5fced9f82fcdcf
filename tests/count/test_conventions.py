"""Each convention on single rows: what it counts as the product that it is, and why, in words."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import pytest

from profiler.count import closed, conventions
from profiler.errors import UnknownName
from profiler.network import layers as L
from profiler.network.combinators import Aside, Chain
from profiler.records.profile import Row

ALL = ("paper", "fvcore", "thop", "torch", "torchinfo")

X, PIXELS = (6, 5, 4), 5 * 4  # 6 channels
Case = tuple[str, L.Layer, tuple[tuple[int, ...], ...], tuple[int, int, int, int, int]]
# What the five count of two samples, in the order of ALL.
CONV = 9 * 6 * 8 * 3 * 2
LEAVES: list[Case] = [
    ("conv", L.Conv(8, 3), (X,), (2 * CONV, 2 * CONV, 2 * CONV, 4 * CONV, 2 * (9 * 6 * 8 + 8) * 3 * 2)),
    ("conv without a bias", L.Conv(8, 3, bias=False), (X,), (2 * CONV, 2 * CONV, 2 * CONV, 4 * CONV, 2 * CONV)),
    ("transposed conv, in two groups, 11 × 9 out", L.ConvTranspose(8, 3, 2, groups=2), (X,),
     (2 * 9 * 6 * 4 * PIXELS, 2 * 9 * 6 * 4 * PIXELS, 2 * (8 * 11 * 9) * (6 // 2) * 9, 4 * 9 * 6 * 4 * PIXELS, 2 * (9 * 6 * 4 + 8) * 11 * 9)),
    ("linear", L.Linear(3), ((7, 6),), (2 * 7 * 18, 2 * 7 * 18, 2 * 7 * 18, 4 * 7 * 18, 2 * (18 + 3))),
    ("matrix product", L.MatMul(), ((5, 7), (7, 2)), (2 * 70, 2 * 70, 0, 4 * 70, 0)),
    ("attention", L.Attention(2), ((5, 8), (9, 8), (9, 6)), (2 * 45 * 14, 0, 0, 4 * 45 * 14, 0)),
    ("batch norm: 2 an element by fvcore, 4 by thop", L.BatchNorm(), (X,), (0, 2 * 2 * 6 * PIXELS, 4 * 2 * 6 * PIXELS, 0, 2 * 12)),
    ("batch norm, bare: 1 and 2", L.BatchNorm(affine=False), (X,), (0, 2 * 6 * PIXELS, 2 * 2 * 6 * PIXELS, 0, 0)),
    ("batch norm by the batch: 5 and 4", L.BatchNorm(track_running_stats=False), (X,), (0, 5 * 2 * 6 * PIXELS, 4 * 2 * 6 * PIXELS, 0, 2 * 12)),
    ("batch norm by the batch, bare: 4 and 2", L.BatchNorm(affine=False, track_running_stats=False), (X,),
     (0, 4 * 2 * 6 * PIXELS, 2 * 2 * 6 * PIXELS, 0, 0)),
    ("layer norm", L.LayerNorm(), ((7, 6),), (0, 5 * 2 * 42, 4 * 2 * 42, 0, 2 * 12)),
    ("layer norm, bare", L.LayerNorm(elementwise_affine=False), ((7, 6),), (0, 4 * 2 * 42, 2 * 2 * 42, 0, 0)),
    ("group norm, which thop does not see", L.GroupNorm(3), (X,), (0, 5 * 2 * 6 * PIXELS, 0, 0, 2 * 12)),
    ("instance norm", L.InstanceNorm(affine=True), (X,), (0, 5 * 2 * 6 * PIXELS, 4 * 2 * 6 * PIXELS, 0, 2 * 12)),
    ("instance norm, bare", L.InstanceNorm(), (X,), (0, 4 * 2 * 6 * PIXELS, 2 * 2 * 6 * PIXELS, 0, 0)),
    ("prelu", L.PReLU(each_channel=True), (X,), (0, 0, 2 * 6 * PIXELS, 0, 2 * 6)),
    ("relu", L.Activation("ReLU"), (X,), (0, 0, 0, 0, 0)),
    ("softmax over 6 channels: 3·6 - 1 a position", L.Activation("Softmax"), (X,), (0, 0, 2 * PIXELS * 17, 0, 0)),
    ("average pooling", L.AvgPool(2), (X,), (0, 0, 2 * 6 * 2 * 2, 0, 0)),
    ("max pooling", L.MaxPool(2), (X,), (0, 0, 0, 0, 0)),
    ("global average of 20: 21 an output", L.AdaptiveAvgPool(1), (X,), (0, 2 * 6 * PIXELS, 2 * 6 * 21, 0, 0)),
    ("adaptive average of 2.5 × 2: 6 an output", L.AdaptiveAvgPool(2), (X,), (0, 2 * 6 * PIXELS, 2 * 6 * 2 * 2 * 6, 0, 0)),
    ("adaptive average in 1D, which fvcore does not know", L.AdaptiveAvgPool(1), ((6, 5),), (0, 0, 2 * 6 * (5 + 1), 0, 0)),
    ("upsample, nearest", L.Upsample(2), (X,), (0, 2 * 6 * 80, 2 * 6 * 80, 0, 0)),
    ("upsample, bilinear: 4 and 11", L.Upsample(2, "bilinear"), (X,), (0, 4 * 2 * 6 * 80, 11 * 2 * 6 * 80, 0, 0)),
    ("upsample, linear: thop's 5", L.Upsample(2, "bilinear"), ((6, 5),), (0, 0, 5 * 2 * 6 * 10, 0, 0)),
    ("upsample, trilinear", L.Upsample(2, "bilinear"), ((2, 3, 3, 3),), (0, 0, 0, 0, 0)),
    ("upsample, nearest in 1D", L.Upsample(2), ((6, 5),), (0, 0, 2 * 6 * 10, 0, 0)),
    ("resize, nearest", L.Resize(), (X, (1, 9, 9)), (0, 2 * 6 * 81, 0, 0, 0)),
    ("resize, bilinear", L.Resize("bilinear"), (X, (1, 9, 9)), (0, 4 * 2 * 6 * 81, 0, 0, 0)),
    ("embedding", L.Embedding(10, 4), ((7,),), (0, 0, 0, 0, 2 * 40)),
    ("class token", L.ClassToken(), ((7, 6),), (0, 0, 0, 0, 2 * 6)),
    ("position embedding", L.PositionEmbedding(), ((7, 6),), (0, 0, 0, 0, 2 * 42)),
    ("add", L.Add(), (X, X), (0, 0, 0, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("leaf", "inputs", "expected"), [case[1:] for case in LEAVES], ids=[case[0] for case in LEAVES])
def test_a_leaf_by_every_convention(leaf: L.Layer, inputs: tuple[tuple[int, ...], ...], expected: tuple[int, ...]) -> None:
    (row,) = closed.rows(leaf, inputs, batch=2)
    assert tuple(conventions.find(name).of(row) for name in ALL) == expected


def row(op: str, module: str, macs: int, facts: Mapping[str, Any], inputs: tuple[int, ...] = (2, 5, 4)) -> Row:
    return Row("x", op, op, module, facts, (inputs,), inputs, 0, 0, 0, 0, macs, 0, 0, False)


def recurrent(op: str, layers: int = 1, both: bool = False, bias: bool = True) -> Row:
    facts = {"input_size": 4, "hidden_size": 3, "num_layers": layers, "bidirectional": both, "bias": bias}
    return row(op, op.upper(), 1000, facts)


# A cell of width 4 and state 3: (4 + 3)·3 + 3 and two biases of 3 for each gate; 10 = 2·5 steps of all samples.
RECURRENT: list[tuple[str, Row, int]] = [
    ("lstm: four gates and 4·3", recurrent("lstm"), 10 * (4 * (7 * 3 + 3 + 6) + 12)),
    ("lstm without a bias", recurrent("lstm", bias=False), 10 * (4 * (7 * 3 + 3) + 12)),
    ("gru: three gates and 4·3", recurrent("gru"), 10 * (3 * (7 * 3 + 3 + 6) + 12)),
    ("rnn: one", recurrent("rnn"), 10 * (7 * 3 + 3 + 6)),
    ("rnn of two layers, the second of width 3", recurrent("rnn", 2), 10 * ((7 * 3 + 9) + (6 * 3 + 9))),
    ("rnn both ways: its third layers have a width of 6", recurrent("rnn", 3, both=True), 10 * (2 * (7 * 3 + 9) + 2 * 2 * (9 * 3 + 9))),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), [case[1:] for case in RECURRENT], ids=[case[0] for case in RECURRENT])
def test_recurrent_layers_by_thop(given: Row, expected: int) -> None:
    assert conventions.THOP.of(given) == expected
    assert conventions.FVCORE.of(given) == 0
    assert conventions.PAPER.of(given) == 1000
    assert conventions.TORCH.of(given) == 2000
    assert conventions.TORCH_ON_CPU.of(given) == (0 if given.op == "lstm" else 2000)  # the others run as products


MULTIHEAD = row("multihead_attention", "MultiheadAttention", 1000, {"fused_macs": 300})
MASKED = row("multihead_attention", "MultiheadAttention", 1000, {"masked": True, "num_heads": 2, "embed_dim": 16})._replace(
    elementwise=2 * 30
)
UNFUSED = row("multihead_attention", "MultiheadAttention", 1000, {})
EXPERTS = row("matmul", "", 1000, {"experts": 8})
MATMUL = row("matmul", "", 1000, {})
ATTENTION = row("attention", "", 1000, {})
FUNCTIONAL = row("linear", "", 1000, {})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (MULTIHEAD, {"fvcore": 700, "thop": 0, "torch": 2000, "torch on CPU": 1400, "paper": 1000}),
        (UNFUSED, {"fvcore": 1000, "thop": 0, "torch": 2000, "torch on CPU": 2000, "paper": 1000}),
        (EXPERTS, {"fvcore": 0, "thop": 0, "torch": 0, "torch on CPU": 0, "paper": 1000}),
        (MATMUL, {"fvcore": 1000, "thop": 0, "torch": 2000, "torch on CPU": 2000, "paper": 1000}),
        (ATTENTION, {"fvcore": 0, "thop": 0, "torch": 2000, "torch on CPU": 0, "paper": 1000}),
        (FUNCTIONAL, {"fvcore": 1000, "thop": 0, "torch": 2000, "torch on CPU": 2000, "paper": 1000}),
    ],
    ids=["fused multihead", "multihead", "experts", "matmul", "attention", "functional linear"],
)
def test_traced_rows(given: Row, expected: dict[str, int]) -> None:
    known = {"torch on CPU": conventions.TORCH_ON_CPU, **conventions.CONVENTIONS}
    assert {name: known[name].of(given) for name in expected} == expected


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_a_softmax_along_any_axis_by_thop(dim: int) -> None:
    n = (2, 5, 4)[dim]
    assert conventions.THOP.of(row("softmax", "Softmax", 0, {"dim": dim})) == 2 * 5 * 4 // n * (3 * n - 1)


def test_what_runs_in_training_only_counts_for_nobody() -> None:
    network = Chain(conv=L.Conv(4, 3, bias=False), aside=Aside(L.Conv(2, 1)))
    rows = closed.rows(network, (X,))
    for name in ALL:
        convention = conventions.find(name)
        assert convention.total(rows) == (2 if name == "torch" else 1) * 9 * 6 * 4 * 3 * 2
        assert [convention.of(each) for each in rows if each.side] == [0]
    assert conventions.PAPER.differences(rows) == {}


# Why a convention's count is not the multiply-adds


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("fvcore", closed.rows(Chain(L.BatchNorm(), L.BatchNorm(), L.BatchNorm(affine=False)), (X,)),
         {"counts 2 operations per element of BatchNorm": 2 * 2 * 120, "counts 1 operations per element of BatchNorm": 120}),
        ("fvcore", closed.rows(L.Upsample(2, "bilinear"), (X,)), {"counts 4 operations per output element of resizing": 4 * 480}),
        ("fvcore", closed.rows(L.AdaptiveAvgPool(1), (X,)), {"counts 1 operation per input element of adaptive average pooling": 120}),
        ("fvcore", (EXPERTS,), {"does not count the grouped products of experts": -1000}),
        ("fvcore", (MULTIHEAD, ATTENTION), {"does not count the products of fused attention": -1300}),
        ("fvcore", (recurrent("lstm"),), {"passes over lstm": -1000}),
        ("fvcore", (row("lstm_cell", "LSTMCell", 7, {}),), {}),  # recorded as its two linear layers
        ("fvcore", (MASKED,), {"does not count the scores that a mask is added to": -30 * 16}),
        ("thop", (MULTIHEAD,), {"sees no multihead attention that is not a module of its own list": -1000}),
        ("thop", (FUNCTIONAL,), {"sees no linear that is not a module of its own list": -1000}),
        ("thop", (ATTENTION,), {"sees no attention that is not a module of its own list": -1000}),
        ("thop", (MATMUL,), {"sees no matrix product outside a Linear": -1000}),
        ("thop", (EXPERTS,), {"does not count the grouped products of experts": -1000}),
        ("thop", (recurrent("rnn"),), {"counts biases and the products of gates in recurrent layers": 10 * 30 - 1000}),
        ("torch", (MATMUL, FUNCTIONAL), {"counts a multiply-add as two operations": 2000}),
        ("torch", (recurrent("gru"),), {"counts a multiply-add as two operations": 1000}),
        ("torchinfo", closed.rows(Chain(L.Conv(2, 1), L.Linear(3)), ((6, 5, 4),)),
         {"counts a bias as an operation an output": 2 * 20, "counts linear as its parameters, once a sample": (4 * 3 + 3) - 2 * 5 * 4 * 3}),
    ],
)  # fmt: skip
def test_differences_have_their_reasons(name: str, given: tuple[Row, ...], expected: dict[str, int]) -> None:
    convention = conventions.find(name)
    found = convention.differences(given)
    assert found == expected
    assert sum(found.values()) == convention.total(given) - sum(each.macs for each in given)


def test_the_reasons_of_torch_on_the_cpu() -> None:
    found = conventions.TORCH_ON_CPU.differences((recurrent("lstm"), ATTENTION, MULTIHEAD))
    assert found == {
        "does not count the fused LSTM of the CPU": -1000,
        "does not count the products of fused attention": -1000,
        "counts a multiply-add as two operations": 400,
    }


def test_nothing_has_no_share_of_an_element() -> None:
    empty = row("batch_norm", "BatchNorm1d", 0, {"track_running_stats": True, "affine": True}, (0, 6))
    assert prod(empty.output) == conventions.FVCORE.of(empty) == 0
    assert conventions.FVCORE.differences((empty._replace(macs=3),)) == {"counts 0 operations per element of BatchNorm": -3}


def test_an_unknown_convention_is_refused() -> None:
    assert {name: conventions.find(name).name for name in ALL} == dict(zip(ALL, ALL, strict=True))
    with pytest.raises(UnknownName, match="unknown convention 'fvcor'; did you mean fvcore"):
        conventions.find("fvcor")
