"""An estimate with its 95 % interval."""

from __future__ import annotations

from typing import NamedTuple


class Interval(NamedTuple):
    """An estimate with its 95 % interval, of seconds or of a ratio."""

    estimate: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half the interval as a share of the estimate."""
        return (self.high - self.low) / 2 / self.estimate if self.estimate else float("inf")
