"""Shapes of one sample: windows worked out by hand, and what does not fit refused with its values."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from profiler.count import shapes
from profiler.errors import ShapeError
from profiler.network.layers import Ints
from profiler.network.widths import fixed, same, times

# n, kernel, stride, padding, dilation: ⌊(n + 2p - d(k - 1) - 1) / s⌋ + 1
WINDOWS: list[tuple[str, tuple[int, ...], Ints, Ints, Ints, Ints, bool, tuple[int, ...]]] = [
    ("one that just fits", (3,), 3, 1, 0, 1, False, (1,)),
    ("10 - 3 + 1", (10,), 3, 1, 0, 1, False, (8,)),
    ("⌊(10 - 3) / 2⌋ + 1", (10,), 3, 2, 0, 1, False, (4,)),
    ("⌊(10 + 2 - 3) / 2⌋ + 1", (10,), 3, 2, 1, 1, False, (5,)),
    ("10 - 2·2", (10,), 3, 1, 0, 2, False, (6,)),
    ("another on each axis", (10, 7), (3, 1), (2, 3), (1, 0), (2, 1), False, (4, 3)),
    ("ceil takes the last part of a stride: ⌈(10 - 3) / 2⌉ + 1", (10,), 3, 2, 0, 1, True, (5,)),
    ("ceil of a whole number of strides", (11,), 3, 2, 0, 1, True, (5,)),
    ("ceil, but none starts in the right padding: 2·2 is not below 3 + 1", (3,), 2, 2, 1, 1, True, (2,)),
    ("ceil, where it starts on the last pixel: 2·2 is below 4 + 1", (4,), 2, 2, 1, 1, True, (3,)),
    ("ceil, far strides: 1·5 is not below 5", (5,), 2, 5, 0, 1, True, (1,)),
    ("ceil, far strides: 1·5 is below 6", (6,), 2, 5, 0, 1, True, (2,)),
]


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "padding", "dilation", "ceil", "expected"),
    [case[1:] for case in WINDOWS],
    ids=[case[0] for case in WINDOWS],
)
def test_windows(
    n: tuple[int, ...], kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil: bool, expected: tuple[int, ...]
) -> None:
    assert shapes.windows(n, kernel, stride, padding, dilation, ceil) == expected


def test_windows_do_not_hang_over_unless_asked() -> None:
    assert shapes.windows((10,), 3, 2, 0, 1) == (4,)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (((4,), 5, 1, 0, 1), "a window of 5 does not fit 4 pixels"),
        (((4,), 3, 1, 0, 2), "a window of 5 does not fit 4 pixels"),
        (((3,), 4, 1, 0, 1), "a window of 4 does not fit 3 pixels"),
        (((2,), 7, 1, 2, 1), "a window of 7 does not fit 6 pixels"),
        (((9,), 0, 1, 0, 1), "kernel 0, stride 1, padding 0 and dilation 1 must be whole numbers, from 1 but for the padding"),
        (((9,), 3, 0, 0, 1), "kernel 3, stride 0, padding 0 and dilation 1 must be whole numbers, from 1 but for the padding"),
        (
            ((9,), 3, 1, -1, 1),
            "kernel 3, stride 1, padding -1 and dilation 1 must be whole numbers, from 1 but for the padding",
        ),
        (((9,), 3, 1, 0, 0), "kernel 3, stride 1, padding 0 and dilation 0 must be whole numbers, from 1 but for the padding"),
        (((9, 9), (3,), 1, 0, 1), "(3,) has 1 numbers for 2 spatial axes; give one number or 2"),
    ],
)
def test_windows_that_are_none(settings: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(ShapeError) as caught:
        shapes.windows(*settings)
    assert caught.value.reason == reason


@pytest.mark.parametrize(("kernel", "rank", "expected"), [(3, 1, 3), (3, 2, 9), (3, 3, 27), ((1, 7), 2, 7)])
def test_area(kernel: Ints, rank: int, expected: int) -> None:
    assert shapes.area(kernel, rank) == expected


@pytest.mark.parametrize(
    ("width", "taken", "expected"),
    [(64, None, 64), (fixed(10), None, 10), (times(3), None, 36), (times(Fraction(1, 5)), None, 2), (same(), 7, 7)],
)
def test_widths(width: Any, taken: int | None, expected: int) -> None:
    assert shapes.width_of(width, 12, taken) == expected


@pytest.mark.parametrize(("groups", "m", "n", "expected"), [(1, 5, 7, 1), (4, 8, 12, 4), ("each", 6, 12, 6), (6, 6, 6, 6)])
def test_groups(groups: Any, m: int, n: int, expected: int) -> None:
    assert shapes.groups_of(groups, m, n) == expected


@pytest.mark.parametrize(("groups", "m", "n"), [(3, 8, 9), (3, 9, 8), (0, 8, 8), (-1, 8, 8), ("each", 6, 9)])
def test_groups_that_do_not_divide(groups: Any, m: int, n: int) -> None:
    count = m if groups == "each" else groups
    with pytest.raises(ShapeError) as caught:
        shapes.groups_of(groups, m, n)
    assert caught.value.reason == f"{m} channels in and {n} out do not divide into {count} groups"


@pytest.mark.parametrize(
    ("take", "inputs", "expected"),
    [
        (shapes.one, ((3, 8),), (3, 8)),
        (shapes.features, ((3, 8),), (3, (8,))),
        (shapes.features, ((3, 8, 9, 10),), (3, (8, 9, 10))),
        (shapes.tokens, ((5, 8),), (5, 8)),
        (shapes.two, ((5,), (7, 8)), ((5,), (7, 8))),
        (shapes.three, ((5, 8), (7, 8), (7, 6)), ((5, 8), (7, 8), (7, 6))),
    ],
)
def test_inputs(take: Callable[[Any], Any], inputs: tuple[tuple[int, ...], ...], expected: Any) -> None:
    assert take(inputs) == expected


@pytest.mark.parametrize(
    ("take", "inputs", "reason"),
    [
        (shapes.one, (), "takes one input but is given 0; join them first"),
        (shapes.one, ((3,), (3,)), "takes one input but is given 2; join them first"),
        (shapes.features, ((3,),), "takes (channels, *spatial) but is given (3,); move it before the Flatten"),
        (shapes.tokens, ((3,),), "takes tokens (T, C) but is given (3,)"),
        (shapes.tokens, ((3, 4, 5),), "takes tokens (T, C) but is given (3, 4, 5)"),
        (shapes.two, ((3,),), "takes two inputs but is given 1"),
        (shapes.two, ((3,),) * 3, "takes two inputs but is given 3"),
        (shapes.three, ((3, 4),) * 2, "takes queries, keys and values (T, C) but is given (3, 4) and (3, 4)"),
        (shapes.three, ((3, 4), (3, 4), (3,)), "takes queries, keys and values (T, C) but is given (3, 4) and (3, 4) and (3,)"),
        (
            shapes.three,
            ((3, 4),) * 4,
            "takes queries, keys and values (T, C) but is given (3, 4) and (3, 4) and (3, 4) and (3, 4)",
        ),
    ],
)
def test_inputs_that_do_not_fit(take: Callable[[Any], Any], inputs: tuple[tuple[int, ...], ...], reason: str) -> None:
    with pytest.raises(ShapeError) as caught:
        take(inputs)
    assert caught.value.reason == reason
