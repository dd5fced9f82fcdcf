"""Ranges and lists as exact values."""

from __future__ import annotations

from fractions import Fraction as F

import pytest

from profiler import grid
from profiler.errors import ProfilerError

QUARTER = grid.ALPHA_STEP


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.25..1.0", [F(1, 4), F(1, 2), F(3, 4), F(1)]),
        ("0.1..0.5:0.1", [F(n, 10) for n in range(1, 6)]),
        ("0.5", [F(1, 2)]),
        ("1,0.5,0.75", [F(1), F(1, 2), F(3, 4)]),
        ("0.25..0.75,2", [F(1, 4), F(1, 2), F(3, 4), F(2)]),
        ("1,1,0.5..1", [F(1), F(1, 2), F(3, 4)]),
        ("0.3..0.3", [F(3, 10)]),
    ],
)
def test_points_are_exact(text: str, expected: list[F]) -> None:
    assert grid.points(text, "alpha", QUARTER) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1..0.25", "alpha '1..0.25' runs backwards; write it as 0.25..1"),
        ("0.25..1:0", "alpha '0.25..1:0' has a step of 0; give one above 0"),
        ("0.25..1:-1", "alpha '0.25..1:-1' has a step of -1; give one above 0"),
        ("0.25..0.9", "alpha '0.25..0.9': 0.9 is not on the step of 0.25; end it at 0.25..0.75 or 0.25..1, or give a step"),
        ("nan", "alpha 'nan' is not finite; give a positive number"),
        ("0..inf", "alpha 'inf' is not finite"),
        ("wide", "alpha 'wide' is not a number; write it as 0.25 or 224"),
        ("", "alpha '' has an empty place"),
        ("0.5,,1", "alpha '0.5,,1' has an empty place"),
        ("0.5:0.1", "alpha '0.5:0.1' has a step and no range"),
        ("0..1:0.000000001", "alpha '0..1:0.000000001' makes more than 10,000 points; take a larger step"),
        ("1e99", "alpha '1e99' is out of any network's range"),
    ],
)
def test_bad_ranges_are_refused_with_the_cure(text: str, message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        grid.points(text, "alpha", QUARTER)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (grid.alpha, 0, "alpha 0 is not a width"),
        (grid.alpha, "-0.5", "alpha -0.5 is not a width"),
        (grid.alpha, 65, "alpha 65 is not a width"),
        (grid.alpha, float("nan"), "alpha 'nan' is not finite"),
        (grid.rho, 0, "rho 0 is no resolution"),
        (grid.side, 0, "resolution 0 is not a side"),
        (grid.side, "224.5", "resolution 224.5 is not a side"),
        (grid.shape, "3x0x224", "input '3x0x224' is not a shape"),
        (grid.shape, "abc", "input 'abc' is not a shape"),
        (grid.batches, "0", "batch 0 is not a number of samples"),
        (grid.batches, "1.5", "batch 1.5 is not a number of samples"),
    ],
)
def test_bad_values_are_refused(check: object, value: object, message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        check(value)  # type: ignore[operator]
    assert str(caught.value).startswith(message)


def test_floats_are_taken_as_they_are_written() -> None:
    assert grid.alpha(0.1) == F(1, 10)
    assert grid.shown(F(1, 10)) == "0.1"
    assert grid.shown(F(1, 3)) == "1/3"


@pytest.mark.parametrize(
    ("text", "expected"), [("600M", 600_000_000), ("4.2e6", 4_200_000), ("5k", 5000), ("1.5G", 1_500_000_000), ("7", 7)]
)
def test_counts(text: str, expected: int) -> None:
    assert grid.count(text, "--max-macs") == expected


@pytest.mark.parametrize("text", ["", "M", "1.5", "-3", "many"])
def test_bad_counts(text: str) -> None:
    with pytest.raises(ProfilerError):
        grid.count(text, "--max-macs")


def test_shape_and_batches() -> None:
    assert grid.shape("3x224x224") == (3, 224, 224)
    assert grid.shape("3×32×32") == (3, 32, 32)
    assert grid.batches("1,8,32") == [1, 8, 32]
    assert grid.batches("1..4") == [1, 2, 3, 4]
