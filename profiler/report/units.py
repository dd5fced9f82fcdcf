"""Integers and SI units → what people read. Nothing is rounded anywhere else."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, get_args

from profiler.errors import UnknownName

Unit = Literal["raw", "auto", "K", "M", "G", "flops"]
UNKNOWN = "–"
_STEPS = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def unit(name: str) -> Unit:
    """The unit called `name`. Raises UnknownName."""
    for known in get_args(Unit):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UnknownName("unit", name, get_args(Unit))


def count(n: int | None, shown: Unit = "raw") -> str:
    """A count: `568,740,352`, or `569 M` to three digits, or `568.74 M` in a unit that was asked for."""
    if n is None:
        return UNKNOWN
    if shown in ("raw", "flops"):
        return f"{n:,}"
    if shown == "auto":
        return _scaled(n)
    return f"{n / _STEPS[shown]:,.2f} {shown}"


def macs(n: int, shown: Unit = "raw") -> str:
    """A number of multiply-adds, twice that as FLOPs where the unit asks for them."""
    return count(2 * n if shown == "flops" else n, shown)


def macs_heading(shown: Unit) -> str:
    """What stands above such numbers."""
    return "FLOPs" if shown == "flops" else "MACs"


def _scaled(n: int) -> str:
    for suffix, step in reversed(_STEPS.items()):
        if abs(n) >= step * 0.9995:  # from there on it rounds to 1.00 of this unit
            return f"{_three_digits(n / step)} {suffix}"
    return f"{n:,}"


def _three_digits(value: float) -> str:
    """Three digits of a number, all of those before the point; two after it below 1."""
    for places, below in ((2, 9.995), (1, 99.95)):
        if abs(value) < below:
            return f"{value:.{places}f}"
    return f"{value:,.0f}"


def size(n_bytes: int) -> str:
    """Bytes in powers of 1024: `527.8 MiB`."""
    value = float(n_bytes)
    for suffix in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:,.0f} B" if suffix == "B" else f"{value:.1f} {suffix}"
        value /= 1024
    return f"{value:,.1f} GiB"


def ratio(a: int, b: int) -> str:
    """`a` over `b` to three digits: `32.7×`."""
    if not b:
        return UNKNOWN
    value = a / b
    return f"{_three_digits(value)}×" if value >= 0.1 else f"{value:.3f}×"


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
    if value >= 5940:
        return f"{_three_digits(value / 3600)} h"
    if value >= 99.95:
        return f"{_three_digits(value / 60)} min"
    for suffix, step in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= step * 0.9995:
            return f"{_three_digits(value / step)} {suffix}"
    return f"{_three_digits(value / 1e-9)} ns"


def interval(value: float, low: float, high: float) -> str:
    """Half an interval as a share of its estimate: `±0.8 %`."""
    return f"±{100 * (high - low) / 2 / value:.1f} %" if value else UNKNOWN


def rate(value: float | None) -> str:
    """Things a second: `1,240`, `31.5`."""
    return UNKNOWN if value is None else _three_digits(value)


def times(value: float) -> str:
    """A ratio of measured figures: `1.93×`."""
    return f"{value:.2f}×" if value < 9.995 else f"{_three_digits(value)}×"
