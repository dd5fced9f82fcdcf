"""Seconds on one device → seconds on another, by a factor and a correction, from a few networks measured on both. No torch.

Devices differ in how fast they compute and in how fast they move memory, so the factor of a network depends on its intensity,
the multiply-adds an output element: log(here / there) = a + b · (log intensity - its mean). The slope b is held back (ridge
regression), so that three networks do not make a line of noise. The errors are those of each network scaled by the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, fsum, log
from typing import NamedTuple

from profiler.prediction.calibration import FEWEST, OUTSIDE, half_width
from profiler.prediction.features import Works, total
from profiler.records.interval import Interval

RIDGE = 1.0
"""How much the slope is held back, as so many networks whose intensity is off by one (in logarithms)."""


class Pair(NamedTuple):
    """A network on both devices."""

    works: Works
    there_s: float
    here: Interval


class Scaling(NamedTuple):
    """The factor from one device to another, and how far off it was for networks that it had not been told."""

    log_factor: float
    slope: float
    centre: float
    """The mean intensity, as a logarithm, where the factor holds."""
    errors: tuple[float, ...]
    """Logarithms of measured over scaled, each network scaled by the others."""
    noise: float
    """The median half-width of what was measured here."""
    span_s: tuple[float, float]
    """The least and the most seconds there of the networks that it is fitted to."""

    def factor(self, works: Works) -> float:
        """Seconds here over seconds there of a network."""
        return exp(self.log_factor + self.slope * (_intensity(works) - self.centre))

    @property
    def half_width(self) -> float:
        """Of the 95 % interval, as a logarithm."""
        return half_width(self.errors, self.noise)

    def refusal(self, there_s: float) -> str:
        """Why a network that takes `there_s` on the other device is not to be scaled; empty where it may be."""
        least, most = self.span_s
        if least <= OUTSIDE * there_s and there_s <= OUTSIDE * most:
            return ""
        return (
            f"it takes {1e3 * there_s:.3g} ms there, outside the range of the networks that were measured on both devices "
            f"({1e3 * least:.3g} to {1e3 * most:.3g} ms) by more than {OUTSIDE}×"
        )


def scaled(pairs: Sequence[Pair]) -> Scaling:
    """The scaling of networks measured on both devices. Raises ValueError for fewer than three."""
    if len(pairs) < FEWEST:
        raise ValueError(f"{len(pairs)} measured on both devices; scaling needs {FEWEST}")
    points = [(_intensity(each.works), log(each.here.estimate / each.there_s)) for each in pairs]
    errors = []
    for i, (intensity, ratio) in enumerate(points):
        a, b, centre = _line([point for k, point in enumerate(points) if k != i])
        errors.append(ratio - a - b * (intensity - centre))
    widths = sorted(each.here.half_width for each in pairs)
    seconds = [each.there_s for each in pairs]
    return Scaling(*_line(points), tuple(errors), widths[len(widths) // 2], (min(seconds), max(seconds)))


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """(height at the centre, slope, centre) of a ridge regression, in closed form."""
    n = len(points)
    centre, height = fsum(x for x, _ in points) / n, fsum(y for _, y in points) / n
    slope = fsum((x - centre) * (y - height) for x, y in points) / (fsum((x - centre) ** 2 for x, _ in points) + RIDGE)
    return height, slope, centre


def _intensity(works: Works) -> float:
    """The logarithm of the multiply-adds an output element."""
    whole = total(works)
    return log((whole.macs + 1) / (whole.elements + 1))
