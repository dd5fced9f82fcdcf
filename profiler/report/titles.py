"""What a table is of, as a sentence: networks, the points of a study, what was measured in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from profiler import grid
from profiler.records import notes as n

MOST_LISTED = 9
"""Points of an axis that a title lists one by one."""


def title(of: n.Title | str) -> str:
    """`mobilenet_v1: α 0.25, 0.5; resolution 224; CPU, 1 thread, fp32; 30 s for all cells`."""
    if isinstance(of, str):
        return of
    points = [f"{key} {listed([_written(value) for value in values])}" for key, values in of.over]
    points += [f"α {listed([grid.shown(alpha) for alpha in of.alphas])}"] if of.alphas else []
    points += [f"resolution {listed(list(map(str, of.sides)))}"] if of.sides else []
    points += [f"input {of.input}"] if of.input else []
    points += [f"batch {listed(['none' if batch is None else str(batch) for batch in of.batches])}"] if of.batches else []
    head = ": ".join(filter(None, [", ".join(of.models), "; ".join(points)]))
    return "; ".join(filter(None, [head, "" if of.measured_in is None else _setting(of.measured_in)]))


def _written(value: Any) -> str:
    if value is None:
        return "–"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _setting(of: n.MeasuredIn) -> str:
    """What the cells share of their settings."""
    from profiler.measure.devices import kind_of, threads_said

    words = []
    if of.fleet:
        words.append(
            f"{of.fleet} device{'s' if of.fleet > 1 else ''} of a fleet{', which share the cells' if of.shared else ''}"
        )
    elif len(of.devices) == 1:
        words.append(kind_of(of.devices[0]).title(of.devices[0]))
        words += threads_said(of.devices[0], of.threads[0]) if len(of.threads) == 1 else []
    words += of.dtypes if len(of.dtypes) == 1 else ()
    words += ["channels last"] if of.memory_formats == ("channels_last",) else []
    words += [of.runtimes[0]] if len(of.runtimes) == 1 and of.runtimes != ("eager",) else []
    words += [f"training steps with {of.optimizer}"] if of.optimizer else []
    return f"{', '.join(words)}; {of.seconds:g} s for all cells{' on each' if of.fleet > 1 and not of.shared else ''}"


def listed(values: Sequence[str]) -> str:
    if len(values) <= MOST_LISTED:
        return ", ".join(values)
    return f"{values[0]}, {values[1]} … {values[-1]} ({len(values)} points)"
