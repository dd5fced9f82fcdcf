"""MobileNetV2: its width rule, and integers that other people's builds have."""

from __future__ import annotations

from fractions import Fraction

import pytest

from profiler.load.load import load
from profiler.network.registry import find

make_divisible = find("mobilenet_v2").factory.__globals__["make_divisible"]

# alpha, side, weights and macs at 1001 classes: TF-Slim's table, exactly
SLIM = [
    ("1.4", 224, 6_061_632, 582_197_616),
    ("1.3", 224, 5_343_200, 509_376_224),
    ("1", 224, 3_471_040, 300_775_552),
    ("1", 96, 3_471_040, 56_290_432),
    ("0.75", 160, 2_610_064, 107_296_480),
    ("0.5", 128, 1_950_416, 32_579_840),
    ("0.35", 224, 1_663_328, 59_287_088),
    ("0.35", 96, 1_663_328, 11_935_408),
]


@pytest.mark.parametrize(("alpha", "side", "weights", "macs"), SLIM)
def test_the_released_networks(alpha: str, side: int, weights: int, macs: int) -> None:
    totals = load("mobilenet_v2", alpha=alpha, resolution=side, options={"classes": 1001}).totals()
    assert (totals.weights, totals.macs) == (weights, macs)


@pytest.mark.parametrize(("alpha", "params", "macs"), [("1", 3_504_872, 300_774_272), ("1.4", 6_108_776, 582_195_824)])
def test_totals(alpha: str, params: int, macs: int) -> None:
    totals = load("mobilenet_v2", alpha=alpha).totals()
    assert (totals.params, totals.macs) == (params, macs)


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
