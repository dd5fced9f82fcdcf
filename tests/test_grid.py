"""Ranges, lists, counts, sizes and durations of the command line as exact values, and what is refused of them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction as F

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        (" 1 .. 2 : 0.5 , 3 ", [F(1), F(3, 2), F(2), F(3)]),
        ("4/7,5/7,1", [F(4, 7), F(5, 7), F(1)]),
        ("1/7..3/7:1/7", [F(1, 7), F(2, 7), F(3, 7)]),
        (" 3 / 2 , 2", [F(3, 2), F(2)]),
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
        ("0.25..0.9", "alpha '0.25..0.9': 0.9 is not on the step of 0.25; end it at 0.25..0.75 or 0.25..1, or give a step as 0.25..0.9:STEP"),
        # the low end alone is no range to propose
        ("0.25..0.4", "alpha '0.25..0.4': 0.4 is not on the step of 0.25; end it at 0.25..0.5, or give a step as 0.25..0.4:STEP"),
        ("nan", "alpha 'nan' is not finite; give a positive number"),
        ("0..inf", "alpha 'inf' is not finite; give a positive number"),
        ("wide", "alpha 'wide' is not a number; write it as 0.5"),
        ("0..1:wide", "the step of alpha 'wide' is not a number; write it as 0.25 or 224"),
        ("", "alpha '' has an empty item; write it as 0.25..1.0, 128..224:32 or 224,192"),
        ("0.5,,1", "alpha '0.5,,1' has an empty item; write it as 0.25..1.0, 128..224:32 or 224,192"),
        ("0.5:0.1", "alpha '0.5:0.1' has a step and no range; write it as A..B:STEP"),
        ("0..1:0.000000001", "alpha '0..1:0.000000001' makes more than 10,000 points; use a larger step"),
        ("1e99", "alpha '1e99' is too large or too small; give a positive number"),
        ("4/0", "alpha '4/0' divides by 0; write it as 0.5"),
        ("4/7/2", "alpha '4/7/2' is not a number; write it as 0.5"),
        ("0.5/2", "alpha '0.5/2' is not a number; write it as 0.5"),
    ],
)  # fmt: skip
def test_bad_ranges_are_refused_with_the_cure(text: str, message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        grid.points(text, "alpha", QUARTER)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "count"),
    [("1..10000", 10_000), ("1..10001", None), ("1,2..10000", 10_000), ("1,2..10001", None), ("1..9999,5,20000", 10_000)],
)
def test_at_most_ten_thousand_points(text: str, count: int | None) -> None:
    if count is None:
        with pytest.raises(ProfilerError, match=r"makes more than 10,000 points; use a larger step$"):
            grid.points(text, "resolution", F(1))
    else:
        assert len(grid.points(text, "resolution", F(1))) == count


@pytest.mark.parametrize(("value", "kept"), [("9e12", F(9 * 10**12)), ("1e13", None), ("1e-12", F(1, 10**12)), ("1e-13", None)])
def test_a_number_has_at_most_thirteen_digits_on_either_side(value: str, kept: F | None) -> None:
    if kept is None:
        with pytest.raises(ProfilerError, match="is too large or too small"):
            grid.exact(value, "alpha")
    else:
        assert grid.exact(value, "alpha") == kept


@pytest.mark.parametrize("value", [True, False])
def test_true_and_false_are_no_numbers(value: bool) -> None:
    with pytest.raises(ProfilerError, match=f"alpha '{value}' is not a number; write it as 0.5"):
        grid.exact(value, "alpha")


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        (grid.alpha, 64, F(64)),
        (grid.alpha, "0.0001", F(1, 10_000)),
        (grid.alpha, F(1, 3), F(1, 3)),
        (grid.rho, 64, F(64)),
        (grid.rho, " 0.5 ", F(1, 2)),
        (grid.side, 1, 1),
        (grid.side, "224.0", 224),
        (grid.side, 2**20, 2**20),
        (grid.batch, 1, 1),
        (grid.batch, "8", 8),
        (grid.batch, 2**20, 2**20),
        (grid.batch, None, None),
        (grid.batch, " none ", None),
        (grid.axis, 3, 3),
        (grid.batches, "1,8,32", [1, 8, 32]),
        (grid.batches, "1..4", [1, 2, 3, 4]),
        (grid.batches, " none ", [None]),
    ],
)
def test_values_at_their_bounds_are_taken(check: Callable[[object], object], value: object, expected: object) -> None:
    assert check(value) == expected


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (grid.alpha, 0, "alpha must be above 0 and at most 64, not 0"),
        (grid.alpha, "-0.5", "alpha must be above 0 and at most 64, not -0.5"),
        (grid.alpha, "64.01", "alpha must be above 0 and at most 64, not 64.01"),
        (grid.alpha, float("nan"), "alpha 'nan' is not finite; give a positive number"),
        (grid.rho, 0, "rho must be above 0 and at most 64, not 0"),
        (grid.rho, "-1", "rho must be above 0 and at most 64, not -1"),
        (grid.rho, "64.01", "rho must be above 0 and at most 64, not 64.01"),
        (grid.side, 0, "resolution must be a whole number of pixels from 1 to 1048576, not 0"),
        (grid.side, "224.5", "resolution must be a whole number of pixels from 1 to 1048576, not 224.5"),
        (grid.side, 2**20 + 1, "resolution must be a whole number of pixels from 1 to 1048576, not 1048577"),
        (
            grid.axis,
            None,
            "batch none is for modules without a batch axis, and networks of `profiler list` have one; give a number",
        ),
        (grid.batches, "0", "batch must be a whole number from 1 to 1048576, not 0"),
        (grid.batches, "1.5", "batch must be a whole number from 1 to 1048576, not 1.5"),
        (grid.batch, 2**20 + 1, "batch must be a whole number from 1 to 1048576, not 1048577"),
    ],
)
def test_bad_values_are_refused(check: Callable[[object], object], value: object, message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        check(value)
    assert str(caught.value) == message


def test_whole_steps_of_something_else_are_called_by_its_name() -> None:
    with pytest.raises(ProfilerError, match=r"^width must be a whole number from 1 to 1048576, not 1\.5$"):
        grid.side("1.5", "width")


def test_floats_are_taken_as_they_are_written() -> None:
    assert grid.alpha(0.1) == F(1, 10)


@pytest.mark.parametrize(
    ("number", "text"),
    [(F(1, 10), "0.1"), (F(1, 3), "1/3"), (F(-1, 4), "-0.25"), (224, "224"), (F(1000), "1000"), (F(0), "0"), (F(1, 8192), "0.0001220703125")],
)  # fmt: skip
def test_the_shortest_exact_text(number: F | int, text: str) -> None:
    assert grid.shown(number) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("600M", 600_000_000),
        ("4.2e6", 4_200_000),
        ("5k", 5000),
        ("1.5G", 1_500_000_000),
        ("0.25T", 250_000_000_000),
        ("2t", 2_000_000_000_000),
        (" 7 ", 7),
        ("7 M", 7_000_000),
        ("0", 0),
        ("0K", 0),
    ],
)
def test_counts(text: str, expected: int) -> None:
    assert grid.count(text, "--max-macs") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--max-macs '' is not a number; write it as 600M or 4200000"),
        ("M", "--max-macs '' is not a number; write it as 600M or 4200000"),
        ("1.5", "--max-macs '1.5' is not a whole number from 0; write it as 600M or 4200000"),
        ("0.0005K", "--max-macs '0.0005K' is not a whole number from 0; write it as 600M or 4200000"),
        ("-3", "--max-macs '-3' is not a whole number from 0; write it as 600M or 4200000"),
        ("many", "--max-macs 'many' is not a number; write it as 600M or 4200000"),
    ],
)
def test_bad_counts(text: str, message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        grid.count(text, "--max-macs")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("3x224x224", (3, 224, 224)),
        ("3×32×32", (3, 32, 32)),
        ("3X1X1048576", (3, 1, 1_048_576)),
        ("7", (7,)),
        ([3, 8, 9], (3, 8, 9)),
        ((3, 8), (3, 8)),
        (5, (5,)),
    ],
)
def test_shapes(given: object, expected: tuple[int, ...]) -> None:
    assert grid.sample(given) == expected


@pytest.mark.parametrize("given", ["3x0x224", "3x1048577", "abc", "", "3x", "3x2.5", "3x-2", [3, -1], (3, 2.5), True, None])
def test_bad_shapes_are_refused(given: object) -> None:
    with pytest.raises(ProfilerError, match=r"^input '.*' is not a shape; write channels and sides as 3x224x224$"):
        grid.sample(given)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("512B", 512),
        ("1kB", 1000),
        ("1 KiB", 1024),
        ("2MB", 2_000_000),
        ("64MiB", 64 * 1024 * 1024),
        ("1.5 GB", 1_500_000_000),
        ("1.5gib", 1_610_612_736),
        ("0.9999B", 0),
        ("0B", 0),
    ],
)
def test_sizes_in_bytes_are_rounded_down(text: str, expected: int) -> None:
    assert grid.size(text, "--max-memory") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5ns", F(5, 1_000_000_000)),
        ("850 us", F(850, 1_000_000)),
        ("850µs", F(850, 1_000_000)),
        ("30ms", F(30, 1000)),
        ("2.5 S", F(5, 2)),
        ("0s", F(0)),
    ],
)
def test_durations_are_exact_seconds(text: str, expected: F) -> None:
    assert grid.duration(text, "--max-latency") == expected


@pytest.mark.parametrize(("text", "expected"), [("1%", F(1, 100)), ("0.5 %", F(1, 200)), ("150%", F(3, 2)), ("0%", F(0))])
def test_shares(text: str, expected: F) -> None:
    assert grid.share(text, "--tolerance") == expected


@pytest.mark.parametrize(
    ("check", "text", "message"),
    [
        (grid.size, "64", "x '64' needs a unit (KiB, MiB, GiB, kB, MB, GB, B); write it as 64MiB"),
        (grid.size, "MiB", "x 'MiB' needs a unit (KiB, MiB, GiB, kB, MB, GB, B); write it as 64MiB"),
        (grid.size, "-1B", "x '-1B' is below 0; write it as 64MiB"),
        (grid.size, "someB", "x 'some' is not a number; write it as 64MiB"),
        (grid.duration, "30", "x '30' needs a unit (ns, us, µs, ms, s); write it as 30ms"),
        (grid.duration, " ms", "x ' ms' needs a unit (ns, us, µs, ms, s); write it as 30ms"),
        (grid.share, "0.01", "x '0.01' needs a unit (%); write it as 1%"),
        (grid.share, "-1%", "x '-1%' is below 0; write it as 1%"),
    ],
)
def test_bad_units_are_refused(check: Callable[[object, str], object], text: str, message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        check(text, "x")
    assert str(caught.value) == message


# Properties: what is shown is read back as what it was

DECIMALS = st.decimals(min_value=Decimal("1e-6"), max_value=Decimal(64), places=6).filter(bool).map(F)
UNITS = [("B", 1), ("kB", 10**3), ("MB", 10**6), ("GB", 10**9), ("KiB", 2**10), ("MiB", 2**20), ("GiB", 2**30)]
TIMES = [("ns", F(1, 10**9)), ("us", F(1, 10**6)), ("µs", F(1, 10**6)), ("ms", F(1, 10**3)), ("s", F(1))]


@given(DECIMALS)
def test_a_number_that_is_shown_is_read_back(number: F) -> None:
    assert grid.exact(grid.shown(number), "alpha") == grid.alpha(grid.shown(number)) == grid.rho(grid.shown(number)) == number


@given(DECIMALS, st.integers(1, 50), st.integers(1, 40))
def test_a_range_that_is_shown_is_read_back(low: F, thousandths: int, steps: int) -> None:
    step = F(thousandths, 1000)
    points = [low + step * k for k in range(steps + 1)]
    whole = f"{grid.shown(low)}..{grid.shown(points[-1])}:{grid.shown(step)}"
    assert grid.points(whole, "alpha", QUARTER) == points
    assert grid.points(",".join(map(grid.shown, points)), "alpha", QUARTER) == points
    cut = steps // 2
    halves = f"{grid.shown(low)}..{grid.shown(points[cut])}:{grid.shown(step)},{','.join(map(grid.shown, points[cut:]))}"
    assert grid.points(halves, "alpha", QUARTER) == points  # a point met twice is one


@given(st.lists(st.integers(1, 2**20), min_size=1, max_size=5).map(tuple))
def test_a_shape_that_is_shown_is_read_back(shape: tuple[int, ...]) -> None:
    assert grid.sample("x".join(map(str, shape))) == grid.sample(list(shape)) == shape


@given(st.integers(0, 10**6), st.sampled_from([("", 1), ("K", 10**3), ("M", 10**6), ("G", 10**9), ("T", 10**12)]))
def test_a_count_in_any_unit_is_read_back(n: int, unit: tuple[str, int]) -> None:
    assert grid.count(f"{n}{unit[0]}", "--max-macs") == n * unit[1]


@given(st.integers(0, 10**9).map(lambda n: F(n, 1000)), st.sampled_from(UNITS), st.sampled_from(TIMES))
def test_a_size_and_a_duration_in_any_unit_are_read_back(number: F, size: tuple[str, int], time: tuple[str, F]) -> None:
    assert grid.size(grid.shown(number) + size[0], "--max-memory") == number * size[1] // 1
    assert grid.duration(grid.shown(number) + time[0], "--max-latency") == number * time[1]
