"""The product in numbers is the count, for every layer of every network; in letters it is the paper's."""

from __future__ import annotations

import re

import pytest

from profiler.count import closed
from profiler.count.derivation import derivation, separable_pairs
from profiler.load.load import load
from profiler.network.combinators import Chain
from profiler.network.layers import Attention, Conv, ConvTranspose, Layer, Linear, MatMul
from profiler.network.registry import names
from profiler.network.widths import times

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
]


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
