"""Integers and SI units → what people read. Nothing is rounded anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import floor, log10
from typing import Literal, NamedTuple, get_args

from profiler.errors import ProfilerError, UnknownName
from profiler.records.columns import COLUMNS

Scale = Literal["raw", "auto", "K", "M", "G", "T", "flops", "MFLOPs", "GFLOPs", "TFLOPs"]
"""What one column of counts is in; of multiply-adds FLOPs too, two for each."""
UNKNOWN = "–"
_STEPS = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
FLOPS: dict[str, Scale] = {"flops": "raw", "MFLOPs": "M", "GFLOPs": "G", "TFLOPs": "T"}
"""What FLOPs are counted in."""
_SECONDS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_JOULES = {"µJ": 1e-6, "mJ": 1e-3, "J": 1.0, "kJ": 1e3}
_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_OF: dict[str, Mapping[str, float]] = {"count": _STEPS, "seconds": _SECONDS, "joules": _JOULES, "bytes": _BYTES}


class PerColumn(NamedTuple):
    """A unit for each of some columns of counts, and one for the rest."""

    own: tuple[tuple[str, Scale], ...]
    """(column, unit)."""
    rest: Scale | None = None
    """None where a table has the unit that it has by itself."""
    fits_macs: bool = False
    """True where multiply-adds are in G, or in M where the least of a table would be lost in G."""


Unit = Scale | PerColumn
PAPER = PerColumn((), "M", fits_macs=True)
"""What tables of this field print: parameters in millions, multiply-adds in millions or billions."""
NAMES = (*get_args(Scale), "paper", "params=M,macs=G")
"""What a message lists as units."""


class Amount(str):
    """The text of a number that still knows the number, so that a column can be put in one unit and its best be found."""

    __slots__ = ("high", "low", "of", "rest", "unit", "value")
    value: float
    low: float
    """The ends of its interval; the number itself where it has none."""
    high: float
    of: str
    """What it is a number of: `count`, `seconds`, `joules` or `bytes`; empty where it has no unit to choose."""
    unit: str
    """The unit that was asked for, if one was; raw where it is whole."""
    rest: str
    """What the text says after the number and its unit."""


def amount(
    text: str, value: float, of: str = "", unit: str = "", rest: str = "", ends: tuple[float, float] | None = None
) -> Amount:
    """`text` and `rest` as one text that knows its number."""
    made = Amount(text + rest)
    made.value, made.of, made.unit, made.rest = value, of, unit, rest
    made.low, made.high = ends or (value, value)
    return made


def common(amounts: Sequence[Amount], rounded: bool = False) -> tuple[str, list[str]]:
    """One unit for a column of amounts of one thing, and their texts in it.

    The unit that was asked for; else, or where whole counts are to be `rounded`, the largest that leaves some of the least.
    """
    asked = {each.unit for each in amounts} if not rounded or amounts[0].unit != "raw" else {""}
    if asked == {"raw"}:
        return "", list(amounts)
    if len(asked) == 1 and "" not in asked:
        (unit,) = asked
        bare = [each.replace(f" {unit}", "", 1).removesuffix(each.rest) for each in amounts]
        places = max(len(text.partition(".")[2]) for text in bare)  # as many of all as the one that needs most
        return unit, [f"{each.value / _OF[each.of][unit]:,.{places}f}{each.rest}" for each in amounts]
    least = min((abs(each.value) for each in amounts if each.value), default=1)
    fitting = {name: step for name, step in _OF[amounts[0].of].items() if least >= 0.0995 * step}
    unit, step = max(fitting.items(), key=lambda item: item[1], default=("", 1))
    most = max((abs(each.value) for each in amounts), default=0) / step
    places = min(3 if most < 100 else 2 if most < 1000 else 1, max(0, 2 - floor(log10(least / step))))
    if step == 1 and unit != "s":
        places = 0
    return unit, [(f"{each.value / step:,.{places}f}" if each.value else "0") + each.rest for each in amounts]


def unit(name: str) -> Unit:
    """The unit called `name`: one for all counts, `paper`, or one for each column, as `params=M,macs=G`.

    Raises UnknownName for a unit or a column, ProfilerError for a column that holds no count.
    """
    if name == "paper":
        return PAPER
    if "=" not in name and "," not in name:
        one = _scale(name, name)
        return PerColumn((("macs", one),), "M") if one in FLOPS and one != "flops" else one
    own: dict[str, Scale] = {}
    rest: Scale | None = None
    for item in filter(None, map(str.strip, name.split(","))):
        column, equals, asked = (part.strip() for part in item.partition("="))
        if not equals:
            rest = _scale(column, name)
        elif column == "flops":
            own["macs"] = _scale(asked if asked.endswith("FLOPs") else f"{asked}FLOPs", name)
        else:
            _check_column(column, name)
            own[column] = _scale(asked, name)
            if own[column] in FLOPS and column != "macs":
                raise ProfilerError(f"unit '{name}': FLOPs apply only to macs; write {column}=M")
    return PerColumn(tuple(own.items()), rest)


def _scale(name: str, whole: str) -> Scale:
    for known in get_args(Scale):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UnknownName("unit", name, NAMES, "" if name == whole else f"(in '{whole}')")


def _check_column(name: str, whole: str) -> None:
    counts = [column.name for column in COLUMNS.values() if column.unit in ("count", "macs")]
    if name not in COLUMNS:
        raise UnknownName("column", name, counts, f"(in '{whole}')")
    if name not in counts:
        raise ProfilerError(f"unit '{whole}': {name} is not a count, and only counts take a unit; write e.g. params=M,macs=G")


def settled(asked: Unit | None, default: Scale, macs: Iterable[int | None] = ()) -> Unit:
    """The unit of a table: `default` where none was asked for; G or M of multiply-adds as its least, of `macs`, wants it."""
    if asked is None or not isinstance(asked, PerColumn):
        return default if asked is None else asked
    own = asked.own
    if asked.fits_macs:
        least = min((n for n in macs if n), default=0)
        own = (*own, ("macs", "G" if least >= 0.0995 * _STEPS["G"] else "M"))
    return PerColumn(own, asked.rest or default)


def of(shown: Unit, column: str) -> Scale:
    """What the numbers of a column are in."""
    if not isinstance(shown, PerColumn):
        return shown
    return dict(shown.own).get(column, shown.rest or "raw")


def count(n: int | None, shown: Unit = "raw", column: str = "") -> str:
    """A count: `568,740,352`, or `569 M` to three digits, or `568.74 M` in a unit that was asked for."""
    if n is None:
        return UNKNOWN
    scale = of(shown, column)
    scale = FLOPS.get(scale, scale)
    if scale == "raw":
        return amount(f"{n:,}", n, "count", "raw")
    if scale == "auto":
        return amount(_scaled(n), n, "count")
    value = n / _STEPS[scale]
    # two digits after the point, or three that say something: no count but 0 is 0.00
    places = 2 if not n or abs(value) >= 0.0995 else 2 - floor(log10(abs(value)))
    return amount(f"{value:,.{places}f} {scale}", n, "count", scale)


def macs(n: int | None, shown: Unit = "raw", column: str = "macs") -> str:
    """A number of multiply-adds, twice that as FLOPs where the unit asks for them."""
    return count(2 * n if n is not None and of(shown, column) in FLOPS else n, shown, column)


def macs_heading(shown: Unit) -> str:
    """What stands above such numbers."""
    return "FLOPs" if of(shown, "macs") in FLOPS else "MACs"


def _scaled(n: int) -> str:
    for suffix, step in reversed(_STEPS.items()):
        if abs(n) >= step * 0.9995:  # from there on it rounds to 1.00 of this unit
            return f"{three_digits(n / step)} {suffix}"
    return f"{n:,}"


def three_digits(value: float) -> str:
    """Three digits of a number, all of those before the point; two after it below 1."""
    for places, below in ((2, 9.995), (1, 99.95)):
        if abs(value) < below:
            return f"{value:.{places}f}"
    return f"{value:,.0f}"


def size(n_bytes: int) -> str:
    """Bytes in powers of 1024: `527.8 MiB`."""
    suffix, step = next(((name, step) for name, step in _BYTES.items() if n_bytes < 1024 * step), ("GiB", 2**30))
    return amount(f"{n_bytes:,} B" if step == 1 else f"{n_bytes / step:,.1f} {suffix}", n_bytes, "bytes")


def ratio(a: int, b: int) -> str:
    """`a` over `b` to three digits: `32.7×`."""
    if not b:
        return UNKNOWN
    value = a / b
    return f"{three_digits(value)}×" if value >= 0.1 else f"{value:.3f}×"


def percent(part: float, whole: float) -> str:
    """A share with two digits after the point, as the papers print it."""
    return f"{100 * part / whole:.2f}" if whole else UNKNOWN


def shape(sides: tuple[int, ...]) -> str:
    """A shape without its batch axis: `512×7×7`."""
    return "×".join(map(str, sides))


def fraction(number: Fraction) -> str:
    """A coefficient: `3,139,584`, `1/2`, `3/2`."""
    return f"{number.numerator:,}" + (f"/{number.denominator:,}" if number.denominator != 1 else "")


def seconds(value: float | None) -> str:
    """A duration to three digits: `3.42 ms`, `850 µs`, `12.0 s`, `5.2 min`."""
    if value is None:
        return UNKNOWN
    suffix = "h" if value >= 5940 else "min" if value >= 99.95 else "ns"
    if suffix == "ns":  # or the largest of those that it is at least one of
        suffix = next((name for name in ("s", "ms", "µs") if value >= _SECONDS[name] * 0.9995), "ns")
    return amount(f"{three_digits(value / _SECONDS[suffix])} {suffix}", value, "seconds")


def joules(value: float | None) -> str:
    """Energy to three digits: `3.42 mJ`, `12.0 J`."""
    if value is None:
        return UNKNOWN
    suffix = next((name for name, step in reversed(_JOULES.items()) if value >= step * 0.9995), "µJ")
    return amount(f"{three_digits(value / _JOULES[suffix])} {suffix}", value, "joules")


def interval(value: float, low: float, high: float) -> str:
    """Half an interval as a share of its estimate: `±0.8 %`."""
    return f"±{100 * (high - low) / 2 / value:.1f} %" if value else UNKNOWN


def rate(value: float | None) -> str:
    """Things a second: `1,240`, `31.5`."""
    return UNKNOWN if value is None else amount(three_digits(value), value)


def times(value: float) -> str:
    """A ratio of measured figures: `1.93×`."""
    return f"{value:.2f}×" if value < 9.995 else f"{three_digits(value)}×"


def accuracy(percent: float | None) -> str:
    """A top-1 in percent, with one digit after the point as the papers print it."""
    return UNKNOWN if percent is None else amount(f"{percent:.1f}", percent)
