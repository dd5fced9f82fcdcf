"""The only place that rounds."""

from __future__ import annotations

from fractions import Fraction

import pytest

from profiler.errors import UnknownName
from profiler.report import units
from profiler.report.units import Unit


@pytest.mark.parametrize(
    ("n", "unit", "text"),
    [
        (568_740_352, "raw", "568,740,352"),
        (568_740_352, "auto", "569 M"),
        (15_470_264_320, "auto", "15.5 G"),
        (4_231_976, "auto", "4.23 M"),
        (999, "auto", "999"),
        (999_950, "auto", "1.00 M"),
        (999_999_999, "auto", "1.00 G"),
        (0, "auto", "0"),
        (568_740_352, "M", "568.74 M"),
        (568_740_352, "G", "0.57 G"),
        (470_072, "K", "470.07 K"),
        (None, "raw", "–"),
    ],
)
def test_count(n: int | None, unit: Unit, text: str) -> None:
    assert units.count(n, unit) == text


@pytest.mark.parametrize(("n", "text"), [(0, "0 B"), (1023, "1,023 B"), (553_430_176, "527.8 MiB"), (5 * 2**30, "5.0 GiB")])
def test_size(n: int, text: str) -> None:
    assert units.size(n) == text


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        (327, 10, "32.7×"),
        (1, 1, "1.00×"),
        (1, 30, "0.033×"),
        (1, 2, "0.50×"),
        (123_456, 1, "123,456×"),
        (1, 0, "–"),
        (9996, 1000, "10.0×"),
    ],
)
def test_ratio(a: int, b: int, text: str) -> None:
    assert units.ratio(a, b) == text


def test_percent_shape_fraction() -> None:
    assert units.percent(10_838_016, 568_740_352) == "1.91"
    assert units.percent(1, 0) == "–"
    assert units.shape((512, 7, 7)) == "512×7×7"
    assert units.fraction(Fraction(3, 2)) == "3/2"


def test_units_by_name() -> None:
    assert units.unit("auto") == "auto"
    with pytest.raises(UnknownName, match="no unit is called 'kilo'"):
        units.unit("kilo")
