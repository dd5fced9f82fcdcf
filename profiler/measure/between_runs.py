"""How far one run may be from the next: what an interval within a run lacks and a gate across runs needs. No torch.

The rounds of one run say nothing of what changes between runs: where the memory lies, what clock and neighbours do for minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp, hypot, isfinite, log, sqrt
from typing import Any, NamedTuple

from profiler.measure.history import History
from profiler.measure.statistics import CONFIDENCE
from profiler.records.interval import Interval

ASSUMED = 0.10
"""Half-width of the interval for another run, as a share, where too few runs are known."""
ASSUMED_DISTURBED = 0.50
"""The same of a run with a figure at grade D."""
LEAST = 0.02
WIDEST = 50.0
"""Of a logarithm: a document may hold any number."""
LEAST_RUNS = 3
"""Degrees of freedom that an estimate takes."""


class Spread(NamedTuple):
    """How far another run is likely to be from this one."""

    share: float
    """Half-width of the 95 % interval for another run's latency over this one's, as a logarithm."""
    runs: int
    """Runs that it was estimated from; 0 where it is assumed."""


def spread(history: History, keys: Iterable[str], disturbed: bool = False) -> Spread:
    """What the runs of the history say, of a run's states; the widest. `disturbed`: the run has a figure at grade D."""
    assumed = ASSUMED_DISTURBED if disturbed else ASSUMED
    found = [_of(*history.deviations(key, disturbed), assumed) for key in keys]
    return max(found, default=Spread(assumed, 0))


def _of(squares: float, free: int, assumed: float) -> Spread:
    if free < LEAST_RUNS:
        return Spread(assumed, 0)
    from scipy.special import stdtrit

    # two runs differ by √2 of what one is off
    wide = float(stdtrit(free, (1 + CONFIDENCE) / 2)) * sqrt(2 * squares / free)
    return Spread(max(wide, LEAST), free + 1)


def ratio(old: Mapping[str, Any], before: Any, new: Mapping[str, Any], after: Any) -> Interval:
    """One measured record over another of another run: what it may be with 95 % confidence.

    `before` and `after` are the machines of their runs, as documents hold them: how far runs are from each other there, and how
    long the reference kernel took in each, by which the machine itself was slower in one of them.
    """
    middle = new["latency_s"] / old["latency_s"]
    wide = hypot(_within(old), _within(new), max(_share(before), _share(after)))
    then, now = _reference(before, old), _reference(after, new)
    wide += abs(log(now / then)) if then is not None and now is not None else 0.0
    wide = min(wide, WIDEST)
    return Interval(middle, middle * exp(-wide), middle * exp(wide))


def _within(record: Mapping[str, Any]) -> float:
    """Half of a record's own interval, as a logarithm."""
    low, middle, high = record["latency_low_s"], record["latency_s"], record["latency_high_s"]
    return max(log(high / middle), log(middle / low)) if low > 0 else log(2)


def _share(machine: Any) -> float:
    held = machine.get("between_runs") if isinstance(machine, Mapping) else None
    share = held.get("share") if isinstance(held, Mapping) else None
    return _number(share) or ASSUMED


def _reference(machine: Any, record: Mapping[str, Any]) -> float | None:
    """Seconds of the reference kernel in a run, in the state that a record was measured in."""
    held = machine.get("reference") if isinstance(machine, Mapping) else None
    for each in held if isinstance(held, list) else []:
        if isinstance(each, Mapping) and all(each.get(name) == record.get(name) for name in ("device", "threads")):
            return _number(each.get("median_s"))
    return None


def _number(value: Any) -> float | None:
    """A number above 0 that a document holds; None for anything else there."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain and isfinite(value) and value > 0 else None
