"""Which positions of one axis of the input the positions of a later axis see, exactly.

Strides and windows make the first and last position that output i sees linear in i. Transposed convolutions and resizing do
not, but repeat: output i + period sees what output i sees, `step` positions further. So the spans of one period say all.
The axis has no borders, and between its first and its last position a span may have gaps, as under a dilated window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from math import floor, gcd, lcm
from typing import NamedTuple

Span = tuple[int, int] | None
"""The first and the last position seen; None of an output that sees none."""
LONGEST_PERIOD = 4096
"""Outputs with spans of their own, from which on an axis is not followed."""


class Windows(NamedTuple):
    """Output `i = q·period + φ` sees from `spans[φ][0] + q·step` to `spans[φ][1] + q·step`."""

    step: int
    spans: tuple[Span, ...]

    @property
    def period(self) -> int:
        return len(self.spans)

    @property
    def jump(self) -> Fraction:
        """Input positions between two neighbouring outputs."""
        return Fraction(self.step, self.period)

    @property
    def size(self) -> int:
        """Positions from the first to the last that the output which sees most sees."""
        return max((high - low + 1 for low, high in filter(None, self.spans)), default=0)

    def at(self, i: int) -> Span:
        """What output `i` sees, negative numbers too."""
        q, phase = divmod(i, self.period)
        span = self.spans[phase]
        return None if span is None else (span[0] + q * self.step, span[1] + q * self.step)


SAME = Windows(1, ((0, 0),))
"""An axis of the input itself."""


class Taps(NamedTuple):
    """Which inputs of one layer its output `i = q·period + φ` reads: each of `reads[φ]`, `q·step` further."""

    step: int
    reads: tuple[tuple[int, ...], ...]


def window(kernel: int, stride: int = 1, before: int = 0, dilation: int = 1) -> Taps:
    """A window of `kernel` taps, `before` positions padded in front of the first."""
    return Taps(stride, (tuple(dilation * tap - before for tap in range(kernel)),))


def shifted(start: int, step: int = 1) -> Taps:
    """A slice, or padding where `start` is below 0."""
    return Taps(step, ((start,),))


@lru_cache(maxsize=4096)
def transposed(kernel: int, stride: int = 1, before: int = 0, dilation: int = 1) -> Taps:
    """A transposed convolution: output i reads the inputs j with i = stride·j - before + dilation·tap."""
    taps = [dilation * tap for tap in range(kernel)]
    reads = ([(i + before - tap) // stride for tap in taps if (i + before - tap) % stride == 0] for i in range(stride))
    return Taps(1, tuple(map(tuple, reads)))


@lru_cache(maxsize=4096)
def adaptive(n: int, m: int) -> Taps:
    """Adaptive pooling of n positions into m: output i takes from floor(i·n/m) to ceil((i + 1)·n/m) - 1."""
    common = gcd(n, m)
    n, m = n // common, m // common
    return Taps(n, tuple(tuple(range(i * n // m, -((-(i + 1) * n) // m))) for i in range(m)))


@lru_cache(maxsize=4096)
def resized(n: int, m: int, mode: str, align_corners: bool = False) -> Taps | None:
    """n positions resized to m by interpolation; None of a mode that is not followed."""
    scale = Fraction(n, m)
    if mode == "area":
        return adaptive(n, m)
    if mode in ("nearest", "nearest-exact"):
        start, step, taps = (scale / 2 if mode == "nearest-exact" else Fraction(0)), scale, _nearest
    elif mode in ("linear", "bilinear", "trilinear", "bicubic"):
        taps = _cubic if mode == "bicubic" else _linear
        start, step = (Fraction(0), Fraction(n - 1, m - 1)) if align_corners and m > 1 else ((scale - 1) / 2, scale)
    else:
        return None
    if step.denominator > LONGEST_PERIOD:
        return None
    return Taps(step.numerator, tuple(tuple(taps(start + i * step)) for i in range(step.denominator)))


def _nearest(at: Fraction) -> Sequence[int]:
    return (floor(at),)


def _linear(at: Fraction) -> Sequence[int]:
    low = floor(at)
    return (low,) if at == low else (low, low + 1)  # the second has no weight where it falls on the first


def _cubic(at: Fraction) -> Sequence[int]:
    low = floor(at)
    return (low,) if at == low else (low - 1, low, low + 1, low + 2)


@lru_cache(maxsize=1 << 14)
def through(seen: Windows, taps: Taps) -> Windows | None:
    """What the outputs of a layer see whose inputs see `seen`; None where that is not followed."""
    # the spans repeat once a whole number of the layer's periods is a whole number of the inputs'
    times = seen.period // gcd(seen.period, taps.step) if taps.step else 1
    if times * len(taps.reads) > LONGEST_PERIOD:
        return None
    spans = [_hull(seen.at(q * taps.step + tap) for tap in reads) for q in range(times) for reads in taps.reads]
    return _shortest(times * taps.step * seen.step // seen.period, spans)


@lru_cache(maxsize=1 << 14)
def union(a: Windows, b: Windows) -> Windows | None:
    """What outputs see that are made of one output of `a` and the same one of `b`; None where these drift apart."""
    if a == b:
        return a
    if a.jump != b.jump or lcm(a.period, b.period) > LONGEST_PERIOD:
        return None
    period = lcm(a.period, b.period)
    return _shortest(period * a.step // a.period, [_hull((a.at(i), b.at(i))) for i in range(period)])


def _hull(spans: Iterable[Span]) -> Span:
    known = [span for span in spans if span is not None]
    return (min(span[0] for span in known), max(span[1] for span in known)) if known else None


def _shortest(step: int, spans: list[Span]) -> Windows:
    """The same with the shortest period that says it."""
    whole = Windows(step, tuple(spans))
    for period in range(1, len(spans)):
        if len(spans) % period == 0 and step * period % len(spans) == 0:
            part = Windows(step * period // len(spans), tuple(spans[:period]))
            if all(part.at(i) == span for i, span in enumerate(spans)):
                return part
    return whole
