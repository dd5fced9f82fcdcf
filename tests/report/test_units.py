"""The only place that rounds: each text as it is read, at the numbers where the digits or the unit change."""

from __future__ import annotations

from fractions import Fraction

import pytest

from profiler.errors import ProfilerError, UnknownName
from profiler.report import units
from profiler.report.units import Amount, Unit, amount


@pytest.mark.parametrize(
    ("n", "unit", "text"),
    [
        (568_740_352, "raw", "568,740,352"),
        (568_740_352, "flops", "568,740,352"),
        (568_740_352, "auto", "569 M"),
        (15_470_264_320, "auto", "15.5 G"),
        (4_231_976, "auto", "4.23 M"),
        (1_234_567_890_123, "auto", "1.23 T"),
        (9_876_543_210_987_654, "auto", "9,877 T"),
        (0, "auto", "0"),
        (999, "auto", "999"),
        (1000, "auto", "1.00 K"),
        (9994, "auto", "9.99 K"),
        (9995, "auto", "10.0 K"),
        (99_949, "auto", "99.9 K"),
        (99_950, "auto", "100 K"),
        (999_499, "auto", "999 K"),
        (999_500, "auto", "1.00 M"),
        (999_999_999, "auto", "1.00 G"),
        (-4_231_976, "auto", "-4.23 M"),
        (-999, "auto", "-999"),
        (568_740_352, "M", "568.74 M"),
        (568_740_352, "G", "0.57 G"),
        (99_400_000, "G", "0.0994 G"),
        (4_231_976, "G", "0.00423 G"),
        (61_706, "G", "0.0000617 G"),
        (1, "T", "0.00000000000100 T"),
        (0, "G", "0.00 G"),
        (568_740_352, "T", "0.000569 T"),
        (470_072, "K", "470.07 K"),
        (1_234_567_890, "K", "1,234,567.89 K"),
        (None, "raw", "–"),
        (None, "G", "–"),
    ],
)
def test_count(n: int | None, unit: Unit, text: str) -> None:
    assert units.count(n, unit) == text


def test_a_count_is_raw_unless_asked() -> None:
    assert units.count(1234) == units.macs(1234) == "1,234"


@pytest.mark.parametrize(
    ("unit", "text", "heading"),
    [
        ("raw", "1,500,000", "MACs"),
        ("M", "1.50 M", "MACs"),
        ("flops", "3,000,000", "FLOPs"),
        ("MFLOPs", "3.00 M", "FLOPs"),
        ("GFLOPs", "0.00300 G", "FLOPs"),
    ],
)
def test_multiply_adds_are_two_flops_each(unit: Unit, text: str, heading: str) -> None:
    assert units.macs(1_500_000, unit) == text
    assert units.macs_heading(unit) == heading


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1_048_575, "1,024.0 KiB"),
        (1_048_576, "1.0 MiB"),
        (553_430_176, "527.8 MiB"),
        (1_073_741_824, "1.0 GiB"),
        (5 * 2**30, "5.0 GiB"),
        (2**40, "1,024.0 GiB"),
    ],
)
def test_size(n: int, text: str) -> None:
    assert units.size(n) == text


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        (327, 10, "32.7×"),
        (1, 1, "1.00×"),
        (1, 30, "0.033×"),
        (1, 10, "0.10×"),
        (999, 10_000, "0.100×"),
        (1, 2, "0.50×"),
        (123_456, 1, "123,456×"),
        (9994, 1000, "9.99×"),
        (9996, 1000, "10.0×"),
        (9994, 100, "99.9×"),
        (9996, 100, "100×"),
        (0, 7, "0.000×"),
        (1, 0, "–"),
    ],
)
def test_ratio(a: int, b: int, text: str) -> None:
    assert units.ratio(a, b) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.00 ns"),
        (3e-9, "3.00 ns"),
        (42.5e-9, "42.5 ns"),
        (999.4e-9, "999 ns"),
        (999.6e-9, "1.00 µs"),
        (850e-6, "850 µs"),
        (999.4e-6, "999 µs"),
        (999.6e-6, "1.00 ms"),
        (3.42e-3, "3.42 ms"),
        (34.2e-3, "34.2 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (12.0, "12.0 s"),
        (99.94, "99.9 s"),
        (99.96, "1.67 min"),
        (312.0, "5.20 min"),
        (5939.0, "99.0 min"),
        (5940.0, "1.65 h"),
        (7200.0, "2.00 h"),
    ],
)
def test_seconds(value: float | None, text: str) -> None:
    assert units.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (1.0, 0.99, 1.01, "±1.0 %"),
        (2.0, 1.9, 2.3, "±10.0 %"),
        (0.5, 0.498, 0.506, "±0.8 %"),
        (4.0, 4.0, 4.0, "±0.0 %"),
        (0.0, 0.0, 1.0, "–"),
    ],
)
def test_interval_is_half_its_width_as_a_share(value: float, low: float, high: float, text: str) -> None:
    assert units.interval(value, low, high) == text


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (1240.4, "1,240"), (31.46, "31.5"), (3.146, "3.15"), (0.05, "0.05")])
def test_rate(value: float | None, text: str) -> None:
    assert units.rate(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.934, "1.93×"),
        (0.014, "0.01×"),
        (9.994, "9.99×"),
        (9.996, "10.0×"),
        (31.46, "31.5×"),
        (99.96, "100×"),
        (1234.0, "1,234×"),
    ],
)
def test_times(value: float, text: str) -> None:
    assert units.times(value) == text


@pytest.mark.parametrize(("percent", "text"), [(None, "–"), (70.64, "70.6"), (0.0, "0.0"), (100.0, "100.0")])
def test_accuracy(percent: float | None, text: str) -> None:
    assert units.accuracy(percent) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(10_838_016, 568_740_352, "1.91"), (1, 3, "33.33"), (0, 7, "0.00"), (7, 7, "100.00"), (1, 0, "–"), (3, 1, "300.00")],
)
def test_percent(part: float, whole: float, text: str) -> None:
    assert units.percent(part, whole) == text


def test_shape() -> None:
    assert units.shape((512, 7, 7)) == "512×7×7"
    assert units.shape((10,)) == "10"


@pytest.mark.parametrize(
    ("number", "text"),
    [(Fraction(3, 2), "3/2"), (Fraction(1, 1024), "1/1,024"), (Fraction(3_139_584), "3,139,584"), (Fraction(-1, 2), "-1/2"), (Fraction(0), "0")],
)  # fmt: skip
def test_fraction(number: Fraction, text: str) -> None:
    assert units.fraction(number) == text


# Texts that know their numbers


def test_an_amount_knows_its_number() -> None:
    made = amount("3.42 ms", 0.00342, "seconds", rest=" *", ends=(0.0034, 0.0035))
    assert (made, made.value, made.low, made.high) == ("3.42 ms *", 0.00342, 0.0034, 0.0035)
    assert (made.of, made.unit, made.rest) == ("seconds", "", " *")
    plain = amount("7", 7)
    assert (plain.low, plain.high, plain.of, plain.unit, plain.rest) == (7, 7, "", "", "")


@pytest.mark.parametrize(
    ("text", "value", "of", "unit"),
    [
        (units.count(1500, "raw"), 1500, "count", "raw"),
        (units.count(1500, "flops"), 1500, "count", "raw"),
        (units.count(1500, "auto"), 1500, "count", ""),
        (units.count(1500, "K"), 1500, "count", "K"),
        (units.size(1536), 1536, "bytes", ""),
        (units.seconds(0.25), 0.25, "seconds", ""),
        (units.rate(31.5), 31.5, "", ""),
        (units.accuracy(70.6), 70.6, "", ""),
    ],
)
def test_what_a_text_is_a_number_of(text: str, value: float, of: str, unit: str) -> None:
    assert isinstance(text, Amount)
    assert (text.value, text.of, text.unit) == (value, of, unit)


def counts(*numbers: int) -> list[Amount]:
    return [amount(str(n), n, "count") for n in numbers]


def spans(*numbers: float) -> list[Amount]:
    return [amount(str(n), n, "seconds") for n in numbers]


def sizes(*numbers: int) -> list[Amount]:
    return [amount(str(n), n, "bytes") for n in numbers]


COLUMNS: list[tuple[str, list[Amount], str, list[str]]] = [
    ("the largest unit that leaves some of the least", counts(4_231_976, 138_357_544), "M", ["4.23", "138.36"]),
    ("a least of a tenth still fits its unit", counts(100_000, 50_000_000), "M", ["0.100", "50.000"]),
    ("a least of less than that does not", counts(99_400, 50_000_000), "K", ["99.4", "50,000.0"]),
    ("a least that rounds to a tenth does", counts(99_500, 50_000_000), "M", ["0.100", "50.000"]),
    ("three places under a hundred", counts(123_456, 99_000_000), "M", ["0.123", "99.000"]),
    ("two places from a hundred", counts(123_456, 100_000_000), "M", ["0.12", "100.00"]),
    ("one place from a thousand", counts(123_456, 1_000_000_000), "M", ["0.1", "1,000.0"]),
    ("three digits of the least are enough", counts(12_345_678, 56_000_000), "M", ["12.3", "56.0"]),
    ("no places where the least has three digits", counts(123_456_000_000_000, 999_000_000_000_000), "T", ["123", "999"]),
    ("nor hours beyond four days", spans(360_000.0, 720_000.0), "h", ["100", "200"]),
    ("below every unit whole", counts(7, 42), "", ["7", "42"]),
    ("a nought is 0 and has no say", counts(0, 4_231_976), "M", ["0", "4.23"]),
    ("noughts alone", counts(0, 0), "", ["0", "0"]),
    ("signs have no say", counts(-4_231_976, 12_000_000), "M", ["-4.23", "12.00"]),
    ("tera", counts(5_000_000_000_000), "T", ["5.00"]),
    ("milliseconds", spans(0.00342, 0.012), "ms", ["3.42", "12.00"]),
    ("microseconds", spans(0.00085, 0.0000021), "µs", ["850.00", "2.10"]),
    ("seconds keep their places", spans(1.5, 12.0), "s", ["1.50", "12.00"]),
    ("minutes", spans(60.0, 6000.0), "min", ["1.00", "100.00"]),
    ("hours", spans(3600.0, 36_000.0), "h", ["1.00", "10.00"]),
    ("whole bytes", sizes(12, 90), "B", ["12", "90"]),
    ("kibibytes", sizes(2048, 10_240), "KiB", ["2.00", "10.00"]),
    ("mebibytes", sizes(3 * 2**20, 300 * 2**20), "MiB", ["3.00", "300.00"]),
    ("gibibytes", sizes(2**30), "GiB", ["1.00"]),
]


@pytest.mark.parametrize(("column", "unit", "texts"), [case[1:] for case in COLUMNS], ids=[case[0] for case in COLUMNS])
def test_a_column_has_one_unit(column: list[Amount], unit: str, texts: list[str]) -> None:
    assert units.common(column) == (unit, texts)


def test_a_column_keeps_the_unit_that_was_asked_for() -> None:
    asked = [amount("568.74 M", 568_740_352, "count", "M", rest=" M more"), amount("0.57 M", 570_000, "count", "M")]
    assert units.common(asked) == ("M", ["568.74 M more", "0.57"])
    raw = [amount("1,500,000", 1_500_000, "count", "raw"), amount("7", 7, "count", "raw")]
    assert units.common(raw) == ("", ["1,500,000", "7"])
    assert units.common(raw[:1]) == ("", ["1,500,000"])
    assert units.common(raw[:1], rounded=True) == ("M", ["1.50"])
    in_thousands = [amount("568,740.35 K", 568_740_352, "count", "K")]
    assert units.common(in_thousands) == units.common(in_thousands, rounded=True) == ("K", ["568,740.35"])
    assert units.common(asked, rounded=True) == ("M", ["568.74 M more", "0.57"])


def test_a_column_of_two_minds_is_put_in_one_unit() -> None:
    mixed = [amount("5.00 M", 5_000_000, "count", "M"), amount("6.00 M", 6_000_000, "count")]
    assert units.common(mixed) == ("M", ["5.00", "6.00"])


def test_what_follows_a_number_stays() -> None:
    marked = [amount("3.42 ms", 0.00342, "seconds", rest=" a"), amount("0 ns", 0.0, "seconds", rest=" b")]
    assert units.common(marked) == ("ms", ["3.42 a", "0 b"])


def test_units_by_name() -> None:
    for name in ("raw", "auto", "K", "M", "G", "flops"):
        assert units.unit(name) == name
    with pytest.raises(UnknownName, match="unknown unit 'kilo'"):
        units.unit("kilo")


# A unit for each column


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("M", {"params": "M", "macs": "M", "activations": "M"}),
        ("params=M,macs=G", {"params": "M", "macs": "G", "activations": "raw"}),
        ("auto,params=K", {"params": "K", "macs": "auto", "activations": "auto"}),
        ("macs=GFLOPs", {"params": "raw", "macs": "GFLOPs"}),
        ("params=M, flops=G", {"params": "M", "macs": "GFLOPs"}),
        ("GFLOPs", {"params": "M", "macs": "GFLOPs", "activations": "M"}),
        ("flops", {"params": "flops", "macs": "flops"}),
        ("paper", {"params": "M", "macs": "G", "activations": "M"}),
    ],
)
def test_what_a_unit_is_of_each_column(name: str, columns: dict[str, str]) -> None:
    settled = units.settled(units.unit(name), "raw", [300_000_000, 4_000_000_000])
    assert {column: units.of(settled, column) for column in columns} == columns


def test_multiply_adds_of_papers_are_in_what_says_something_of_the_least() -> None:
    assert units.of(units.settled(units.PAPER, "raw", [99_400_000, 10**10]), "macs") == "M"
    assert units.of(units.settled(units.PAPER, "raw", [99_600_000, 10**10]), "macs") == "G"
    assert units.of(units.settled(units.PAPER, "raw", [None, 0]), "macs") == "M"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("megs", "unknown unit 'megs'"),
        ("params=megs", "unknown unit 'megs'; use .* \\(in 'params=megs'\\)"),
        ("parms=M", "unknown column 'parms'; did you mean params"),
        ("latency_s=M", "latency_s is not a count"),
        ("params=GFLOPs", "FLOPs apply only to macs"),
    ],
)
def test_units_of_no_column(name: str, said: str) -> None:
    with pytest.raises(ProfilerError, match=said):
        units.unit(name)


def test_a_column_in_one_unit_has_as_many_digits_everywhere() -> None:
    amounts = [units.count(n, "G") for n in (138_357_544, 4_231_976)]
    assert amounts == ["0.14 G", "0.00423 G"]
    assert units.common([each for each in amounts if isinstance(each, Amount)]) == ("G", ["0.13836", "0.00423"])
