"""The zoo as records: what `profiler list` shows. No torch."""

from __future__ import annotations

from fnmatch import fnmatchcase
from fractions import Fraction

from profiler import grid
from profiler.checked import checked
from profiler.errors import ProfilerError, UnknownName, quoted
from profiler.load.load import load
from profiler.network.registry import find, names
from profiler.records.listing import Listing
from profiler.study.published import top1


@checked
def listing(
    pattern: str | None = None,
    *,
    max_macs: str | int | None = None,
    max_params: str | int | None = None,
    year: str | int | None = None,
    task: str | None = None,
) -> Listing:
    """One record a network, at its native input. `pattern` is part of a name or has `*` and `?`; `year` a year or range.

    Raises ProfilerError where a limit is no number, UnknownName for a task that no network has.
    """
    years = None if year is None else {grid.side(point, "year") for point in grid.points(quoted(year), "year", Fraction(1))}
    most = {
        "macs": None if max_macs is None else grid.count(max_macs, "--max-macs"),
        "params": None if max_params is None else grid.count(max_params, "--max-params"),
    }
    tasks = {find(name).task for name in names()}
    if task is not None and task not in tasks:
        raise UnknownName("task", task, sorted(tasks))
    records = []
    for name in names():
        made = find(name)
        if not _matches(name, pattern) or (years and made.year not in years) or task not in (None, made.task):
            continue
        network = load(name)
        totals = network.totals()
        if any(limit is not None and getattr(totals, key) > limit for key, limit in most.items()):
            continue
        figure = top1(network)
        records.append(
            {
                "model": name,
                "paper": made.paper,
                "year": made.year,
                "task": made.task,
                "input": " ".join("x".join(map(str, shape)) for shape in made.inputs()),
                "params": totals.params,
                "macs": totals.macs,
                "activations": totals.activations,
                "top1": float(figure.printed) if figure else None,
                "options": {key: option.default for key, option in made.options.items()},
            }
        )
    if not records and not any(_matches(name, pattern) for name in names()):
        raise UnknownName("network", pattern or "", names(), "(a pattern may have * and ?)")
    if not records:
        raise ProfilerError(f"no network of the zoo is all of that; `profiler list` shows all {len(names())}")
    return Listing(records)


def _matches(name: str, pattern: str | None) -> bool:
    if pattern is None:
        return True
    pattern = pattern.lower()
    return fnmatchcase(name, pattern) if any(c in pattern for c in "*?[") else pattern in name
