"""The product in numbers is the count, for every layer of every network; in letters it is the paper's."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest

from profiler.count import closed
from profiler.count.derivation import derivation, separable_pairs
from profiler.load.load import load
from profiler.network.combinators import Aside, Chain
from profiler.network.layers import Activation, Attention, BatchNorm, Conv, ConvTranspose, Layer, Linear, MatMul, MaxPool
from profiler.network.registry import names
from profiler.network.widths import times
from profiler.records.profile import Row

LETTERS: list[tuple[Layer, tuple[tuple[int, ...], ...], str, str]] = [
    (Conv(64, 3, padding=1), ((32, 14, 14),), "D_K²·M·N·D_F²", "3²·32·64·14²"),
    (Conv(times(1), 3, padding=1, groups="each"), ((32, 14, 14),), "D_K²·M·D_F²", "3²·32·14²"),
    (Conv(times(2), 3, padding=1, groups="each"), ((32, 14, 14),), "D_K²·N·D_F²", "3²·64·14²"),
    (Conv(64, 1), ((32, 14, 14),), "M·N·D_F²", "32·64·14²"),
    (Conv(64, 3, groups=2), ((32, 14, 14),), "D_K²·(M/G)·N·D_F²", "3²·(32/2)·64·12²"),
    (Conv(64, (1, 7)), ((32, 14, 14),), "D_K1·D_K2·M·N·D_F1·D_F2", "1·7·32·64·14·8"),
    (Conv(8, 3), ((2, 9, 9, 9),), "D_K³·M·N·D_F³", "3³·2·8·7³"),
    (ConvTranspose(8, 2, stride=2), ((4, 7, 7),), "D_K²·M·N·D_I²", "2²·4·8·7²"),
    (Linear(10), ((84,),), "M·N", "84·10"),
    (Linear(10), ((5, 84),), "T·M·N", "5·84·10"),
    (MatMul(), ((3, 5, 7), (3, 7, 2)), "P·T·M·N", "3·5·7·2"),
    (Attention(2), ((5, 8), (9, 8), (9, 16)), "T·S·(C+C_v)", "5·9·(8+16)"),
    (Attention(3), ((197, 576),), "T·S·(C+C_v)", "197·197·(192+192)"),
    (Attention(6, kv_heads=2), ((7, 40),), "T·S·(C+C_v)", "7·7·(24+24)"),
    (Attention(6, kv_heads=2), ((5, 24), (9, 8), (9, 10)), "T·S·(C+C_v)", "5·9·(24+30)"),
    (Conv(6, 1, groups=2), ((4, 5, 5),), "(M/G)·N·D_F²", "(4/2)·6·5²"),
    (Conv(6, 3), ((4, 5),), "D_K·M·N·D_F", "3·4·6·3"),
    (Conv(6, 3), ((4, 5, 6),), "D_K²·M·N·D_F1·D_F2", "3²·4·6·3·4"),
    (Conv(6, (1, 1)), ((4, 5, 6),), "M·N·D_F1·D_F2", "4·6·5·6"),
    (ConvTranspose(8, 2, stride=2, groups=2), ((4, 7, 6),), "D_K²·(M/G)·N·D_I1·D_I2", "2²·(4/2)·8·7·6"),
    (Linear(10), ((3, 5, 84),), "T·M·N", "15·84·10"),
    (MatMul(), ((5, 7), (7, 2)), "T·M·N", "5·7·2"),
    (MatMul(), ((2, 3, 5, 7), (2, 3, 7, 2)), "P·T·M·N", "6·5·7·2"),
    (Attention(2), ((5, 8), (5, 8), (5, 8)), "T·S·(C+C_v)", "5·5·(8+8)"),
]


def traced(op: str, kind: str, inputs: tuple[tuple[int, ...], ...], output: tuple[int, ...], macs: int, **facts: object) -> Row:
    return Row("x", op, kind, "", facts, inputs, output, 0, 0, 0, 0, macs, 0, 0, False)


QKV = ((2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 6))
TRACED: list[tuple[str, Row, tuple[str, str] | None]] = [
    ("attention, its heads apart", traced("attention", "attention", QKV, (2, 3, 5, 6), 2 * 3 * 5 * 7 * 14),
     ("B·H·T·S·(C+C_v)", "2·3·5·7·(8+6)")),
    ("attention, of one head", traced("attention", "attention", ((1, 1, 5, 8),) * 3, (1, 1, 5, 8), 5 * 5 * 16),
     ("T·S·(C+C_v)", "5·5·(8+8)")),
    ("a product of a batch", traced("matmul", "matmul", ((4, 3, 5, 7), (4, 3, 7, 2)), (4, 3, 5, 2), 4 * 3 * 5 * 7 * 2),
     ("B·P·T·M·N", "4·3·5·7·2")),
    ("a product of matrices has no batch", traced("linear", "linear", ((5, 7),), (5, 2), 5 * 7 * 2), ("B·M·N", "5·7·2")),
    ("not what it counts", traced("linear", "linear", ((5, 7),), (5, 2), 5 * 7 * 2 + 1), None),
    ("a causal half", traced("attention", "attention", QKV, (2, 3, 5, 6), 7), None),
    ("without facts", traced("conv", "conv", ((1, 4, 5, 5),), (1, 6, 3, 3), 9 * 4 * 6 * 9), None),
    ("without axes", traced("matmul", "matmul", ((7,), (7,)), (), 7), None),
    ("of vectors, to a vector", traced("matmul", "matmul", ((7,), (7, 3)), (3,), 21), None),
    ("of another operation", traced("lstm", "recurrent", ((2, 5, 7),), (2, 5, 3), 99), None),
    ("a convolution, its weight an input too", traced("conv", "conv", ((1, 4, 5, 5), (6, 2, 3, 3)), (1, 6, 3, 3), 9 * 2 * 6 * 9, kernel=(3, 3), groups=2),
     ("D_K²·(M/G)·N·D_F²", "3²·(4/2)·6·3²")),
    ("of nothing", traced("linear", "linear", ((5, 7),), (5, 2), 0), None),
    ("four axes one by one", traced("conv", "conv", ((1, 2, 4, 4, 4, 4),), (1, 3, 2, 2, 2, 2), 81 * 2 * 3 * 16, kernel=(3,) * 4, groups=1),
     ("D_K1·D_K2·D_K3·D_K4·M·N·D_F1·D_F2·D_F3·D_F4", "3·3·3·3·2·3·2·2·2·2")),
]  # fmt: skip


@pytest.mark.parametrize(("row", "expected"), [case[1:] for case in TRACED], ids=[case[0] for case in TRACED])
def test_of_a_traced_row(row: Row, expected: tuple[str, str] | None) -> None:
    assert derivation(row) == expected


def evaluated(numbers: str) -> int:
    text = numbers.replace("·", "*").replace("/", "//")
    return int(eval(re.sub("²", "**2", re.sub("³", "**3", text)), {"__builtins__": {}}))


@pytest.mark.parametrize(("leaf", "inputs", "letters", "numbers"), LETTERS, ids=[case[2] + repr(case[0]) for case in LETTERS])
def test_letters_and_numbers(leaf: Layer, inputs: tuple[tuple[int, ...], ...], letters: str, numbers: str) -> None:
    (row,) = closed.rows(leaf, inputs)
    assert derivation(row) == (letters, numbers)
    assert evaluated(numbers) == row.macs


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("batch", [1, 4])
def test_the_numbers_are_the_count(name: str, batch: int) -> None:
    for row in load(name).profile(batch).rows:
        made = derivation(row)
        assert (made is None) == (row.macs == 0)
        if made is not None:
            assert evaluated(made.numbers) == row.macs
            assert made.letters.startswith("B·") == (batch > 1)


def test_pairs_need_a_pointwise_layer_at_the_same_side() -> None:
    def depthwise(stride: int = 1) -> Conv:
        return Conv(times(1), 3, stride, padding=1, groups="each")

    image = ((8, 6, 6),)
    (pair,) = separable_pairs(closed.rows(Chain(a=depthwise(), b=Conv(4, 1)), image))
    assert (pair.path, pair.macs, pair.standard) == ("a + b", 8 * 9 * 36 + 8 * 4 * 36, 9 * 8 * 4 * 36)
    assert separable_pairs(closed.rows(Chain(depthwise(), Conv(4, 3, padding=1)), image)) == []
    assert separable_pairs(closed.rows(Chain(depthwise(), Conv(4, 1, stride=2)), image)) == []
    assert separable_pairs(closed.rows(Chain(Conv(8, 1), Conv(4, 1)), image)) == []


def test_pairs_by_hand() -> None:
    def depthwise(k: int = 1) -> Conv:
        return Conv(times(k), 3, padding=1, groups="each", bias=False)

    image = ((8, 6, 6),)
    block = Chain(
        depthwise=Chain(conv=depthwise(), norm=BatchNorm(), act=Activation("ReLU")),
        pointwise=Chain(conv=Conv(4, 1, bias=False)),
    )
    (pair,) = separable_pairs(closed.rows(Chain(body=Chain(block)), image, batch=3))
    assert tuple(pair) == ("body.0", (3, 3), 8, 4, (6, 6), 3 * (9 * 8 + 8 * 4) * 36, 3 * 9 * 8 * 4 * 36)
    assert pair.share == Fraction(1, 4) + Fraction(1, 9)
    # twice the channels between: the standard one has M = 8 still
    (pair,) = separable_pairs(closed.rows(Chain(body=Chain(a=depthwise(2), b=Conv(4, 1))), image))
    assert (pair.path, pair.m, pair.n, pair.macs, pair.standard) == ("body", 8, 4, (9 * 16 + 16 * 4) * 36, 9 * 8 * 4 * 36)
    two = separable_pairs(closed.rows(Chain(a=depthwise(), b=Conv(4, 1), c=depthwise(), d=Conv(2, 1)), image))
    assert [(pair.path, pair.m, pair.n) for pair in two] == [("a + b", 8, 4), ("c + d", 4, 2)]
    assert separable_pairs([]) == []


@pytest.mark.parametrize(
    "between",
    [MaxPool(3, 1, padding=1), Conv(8, 3, padding=1), Conv(8, 1)],
    ids=["a pool", "a convolution", "another pointwise one"],
)
def test_nothing_else_stands_between_a_pair(between: Layer) -> None:
    rows = closed.rows(Chain(a=Conv(times(1), 3, padding=1, groups="each"), x=between, b=Conv(4, 1)), ((8, 6, 6),))
    assert [pair.path for pair in separable_pairs(rows)] == (["a + x"] if between == Conv(8, 1) else [])


def test_a_branch_of_training_is_no_part_of_a_pair() -> None:
    network = Chain(a=Conv(times(1), 3, padding=1, groups="each"), x=Aside(Conv(8, 3)), b=Conv(4, 1))
    assert [pair.path for pair in separable_pairs(closed.rows(network, ((8, 6, 6),)))] == ["a + b"]
    assert separable_pairs(closed.rows(Aside(network), ((8, 6, 6),))) == []
