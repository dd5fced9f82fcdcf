"""MobileNetV2: its width rule and its blocks."""

from __future__ import annotations

from fractions import Fraction

import pytest

from profiler.load.load import load
from profiler.network.registry import find

make_divisible = find("mobilenet_v2").factory.__globals__["make_divisible"]


@pytest.mark.parametrize(
    ("width", "made"),
    [
        (Fraction(3), 8),
        (Fraction(12), 16),  # halves go up
        (Fraction("11.2"), 16),  # 8 would lose more than a tenth
        (Fraction(80, 9), 8),  # exactly nine tenths are enough
        (Fraction(81, 9), 16),
        (Fraction("22.4"), 24),
    ],
)
def test_make_divisible(width: Fraction, made: int) -> None:
    assert make_divisible(width) == made


def test_the_last_convolution_grows_and_does_not_shrink() -> None:
    widths = {a: load("mobilenet_v2", alpha=a).profile().rows[-1].inputs[0][1] for a in ("0.5", "1", "1.3")}
    assert widths == {"0.5": 1280, "1": 1280, "1.3": 1664}


def test_the_table_has_17_blocks_10_of_them_with_a_shortcut() -> None:
    rows = load("mobilenet_v2").profile().rows
    assert sum(row.kind == "depthwise" for row in rows) == 17  # erratum: the text says 19
    assert sum(row.op == "add" for row in rows) == 10
