"""The zoo, or the networks of a library, as records: what `profiler list` shows. No torch, but for a library."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from fractions import Fraction
from os import PathLike
from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.checked import checked
from profiler.errors import ProfilerError, Unavailable, UnknownName, quoted
from profiler.load.load import load
from profiler.network.registry import Architecture, find, names
from profiler.records.events import Counted
from profiler.records.listing import Listing
from profiler.records.place import shape
from profiler.study.in_order import Counting, Jobs, Where
from profiler.study.jobs import workers
from profiler.study.published import top1

if TYPE_CHECKING:
    from profiler.study.cells import Watch


@checked
def listing(
    pattern: str | None = None,
    *,
    max_macs: str | int | None = None,
    max_params: str | int | None = None,
    year: str | int | None = None,
    task: str | None = None,
    native: str | None = None,
    count: bool = False,
    jobs: Jobs = None,
    fleet: str | PathLike[str] | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Listing:
    """One record a network, at its native input. `pattern` is part of a name or has `*` and `?`; `year` a year or range.

    `native` is the native input, or a pattern of it: `3x*` is what reads images of three channels. `timm:*mobile*` lists a
    library: names, tasks and inputs, and counts where a limit or `count` asks for them, or where few match; `jobs` is then how
    many processes count at once, "auto" for one a core, or `fleet` the scheduler whose workers do; `watch` is called with how
    many of how many are counted, and `progress` shows a bar instead.
    Raises ProfilerError where a limit is no number, UnknownName for a task that no network has; of a library Unavailable.
    """
    years = None if year is None else {grid.side(point, "year") for point in grid.points(quoted(year), "year", Fraction(1))}
    most = {
        "macs": None if max_macs is None else grid.count(max_macs, "--max-macs"),
        "params": None if max_params is None else grid.count(max_params, "--max-params"),
    }
    if pattern is not None and ":" in pattern:
        from profiler.study.cells import watching  # what only counting needs

        with watching(progress, watch) as seen, workers(Counting(jobs, fleet)) as where:
            return _of_library(pattern, most, years, task, native, count, seen, where)
    _check_task(task)
    records = []
    for name in names():
        made = find(name)
        if not _matches(name, pattern) or (years and made.year not in years) or task not in (None, made.task):
            continue
        if not _reads(_native(made), native):
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
                "input": _native(made),
                "params": totals.params,
                "macs": totals.macs,
                "activations": totals.activations,
                "top1": float(figure.printed) if figure else None,
                "options": {key: option.default for key, option in made.options.items()},
            }
        )
    if not records:
        names_of(None, pattern)
        raise ProfilerError(f"no network meets all these conditions; leave one out, `profiler list` shows all {len(names())}")
    return Listing(records)


def names_of(task: str | None, pattern: str | None = None, *, native: str | None = None) -> list[str]:
    """The networks of the zoo for a task, of any for None, as `list` has them: `native="3x*"` reads images of three channels.

    Raises UnknownName for a task that no network has, or a pattern that matches none.
    """
    _check_task(task)
    if not any(_matches(name, pattern) for name in names()):
        raise UnknownName("network", pattern or "", names(), "(a pattern may have * and ?)")
    found = [find(name) for name in names() if _matches(name, pattern)]
    return [made.name for made in found if task in (None, made.task) and _reads(_native(made), native)]


def _check_task(task: str | None) -> None:
    tasks = {find(name).task for name in names()}
    if task is not None and task not in tasks:
        raise UnknownName("task", task, sorted(tasks))


def _native(made: Architecture) -> str:
    return " ".join(map(shape, made.inputs()))


def _reads(inputs: str, wanted: str | None) -> bool:
    """True where the first of the inputs is as wanted, `3x224x224` or `3x*`."""
    return wanted is None or fnmatchcase(inputs.partition(" ")[0], wanted.lower().replace("×", "x"))


# Libraries


MOST_COUNTED = 8
"""Networks of a library that are counted unasked: each is built and traced."""


def _of_library(
    pattern: str,
    most: Mapping[str, int | None],
    years: Collection[int] | None,
    task: str | None,
    native: str | None,
    count: bool,
    watch: Watch | None,
    where: Where,
) -> Listing:
    from profiler.load.schemes import SCHEMES, matching, recipe
    from profiler.study.counting_tasks import count_listed

    if years:
        raise ProfilerError(
            f"--year works only for the networks of `profiler list`: {pattern.partition(':')[0]} does not say when a "
            "network was published"
        )
    names, records = matching(pattern), []
    scheme = SCHEMES[pattern.partition(":")[0]]
    for name in names:
        made: dict[str, Any] = {**dict.fromkeys(_COLUMNS), "model": name, "paper": "", "task": "", "input": "", "options": {}}
        if scheme.task is not None:
            made["task"] = scheme.task(name.partition(":")[2])
            made["input"] = " ".join(shape(each.shape) for each in recipe(name, {}).inputs if each.shape is not None)
        if task in (None, made["task"]) and _reads(made["input"], native):
            records.append(made)
    notes = []
    if count or len(records) <= MOST_COUNTED or any(limit is not None for limit in most.values()):
        outcomes = where.results(count_listed, [made["model"] for made in records])
        for i, made in enumerate(records):
            if watch is not None:
                watch(Counted(i, len(records), f"counting {made['model']}"))
            try:
                made |= next(outcomes).get()
            except Unavailable:
                raise
            except ProfilerError as fault:
                notes.append(f"{made['model']} is not counted: {fault}")
        known = [made for made in records if made["params"] is not None]
        records = [
            made
            for made in (known if any(limit is not None for limit in most.values()) else records)
            if all(limit is None or made[key] <= limit for key, limit in most.items())
        ]
    elif records:
        notes.append(f"{len(records):,} networks are not counted; --count counts them, at about a second each.")
    if not records:
        raise ProfilerError(f"no network of {pattern} meets all these conditions; leave out a limit, the task or the input")
    return Listing(records, notes=notes)


_COLUMNS = ("model", "paper", "year", "task", "input", "params", "macs", "activations", "top1", "options")


def _matches(name: str, pattern: str | None) -> bool:
    if pattern is None:
        return True
    pattern = pattern.lower()
    return fnmatchcase(name, pattern) if any(c in pattern for c in "*?[") else pattern in name
