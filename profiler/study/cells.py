"""Cells: networks at points → records, and what the witnesses say of them. No torch until a witness is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from profiler import grid
from profiler.count import conventions
from profiler.errors import UnknownName, WitnessFailed
from profiler.load.load import Counted
from profiler.load.reference import Reference
from profiler.records.agreement import Agreement
from profiler.records.profile import Profile, Record, record
from profiler.records.results import Results
from profiler.study.published import top1

ENGINES = ("closed", "traced", "fvcore", "thop", "torch")
DEFAULT_ENGINES = ("closed", "fvcore")

Numbers = str | float | Fraction | Sequence[str | float | Fraction] | None
"""A range or list as text ("0.25..1.0"), one number, or several."""

Watch = Callable[[Results], None]
"""Called with the results while they fill in."""


def watching(progress: bool, watch: Watch | None) -> AbstractContextManager[Watch | None]:
    """`watch` for the time of a with block; with `progress` a bar instead, in a terminal or a notebook."""
    if not progress:
        return nullcontext(watch)
    from profiler.report.terminal.progress import bar

    return bar()


@dataclass(frozen=True)
class Cell:
    """One network at one point, and the batch that it is counted for."""

    network: Counted
    batch: int | None


def engines_named(names: str | Iterable[str]) -> tuple[str, ...]:
    """Engines of a comma list or an iterable of them; `closed` is always among them. Raises UnknownName.

    A reference has no closed form: where `closed` counts a network of the zoo, tracing counts it.
    """
    given = [names] if isinstance(names, str) else list(names)
    asked = [name.strip() for item in given for name in item.split(",")]
    for name in asked:
        if name not in ENGINES:
            raise UnknownName("engine", name, ENGINES)
    return ("closed", *(name for name in ENGINES[1:] if name in asked))


def points(given: Numbers, what: str, step: Fraction, one: Callable[[object], Any]) -> list[Any] | None:
    """What `given` means as checked points; None where it is None. Raises ProfilerError."""
    if given is None:
        return None
    if isinstance(given, str):
        return [one(point) for point in grid.points(given, what, step)]
    return [one(point) for point in (given if isinstance(given, Sequence) else [given])]


def results_of(cells: Sequence[Cell], command: str, engines: Sequence[str], convention: str) -> Results:
    """The records of `cells` by closed form, the columns of the witnesses still empty."""
    rule = conventions.find(convention)
    records = []
    for cell in cells:
        totals = cell.network.totals(cell.batch)
        total = totals.macs
        if rule is not conventions.PAPER:
            total = rule.total(cell.network.profile(cell.batch).rows)
        found = top1(cell.network)
        network = cell.network
        batch = network.batched(cell.batch)
        bare = Profile(network.name, network.options, network.alpha, network.resolution, network.inputs, batch, (), totals)
        records.append(record(bare, convention, total, float(found.printed) if found else None))
    results = Results(records, command)
    for cell in cells:
        if isinstance(cell.network, Reference):
            results.warnings += [each.describe(cell.network.name) for each in cell.network.traced(cell.batch).uncounted]
    results.warnings = list(dict.fromkeys(results.warnings))
    results.engines = tuple(engines[1:])
    for engine in engines[1:]:
        for made in results:
            made.update(_empty(engine))
    return results


def check(results: Results, cells: Sequence[Cell], engines: Sequence[str], chosen: Sequence[int], watch: Watch | None) -> None:
    """Fill in what the witnesses say of the `chosen` cells; `watch` sees the results before and after each of them.

    While a cell waits, its record lacks the witness's columns. Raises Unavailable.
    """
    if len(engines) == 1:
        return
    if watch is not None:
        for index in chosen:
            for engine in engines[1:]:
                results[index].pop(f"{engine}_macs", None)  # type: ignore[misc]
        watch(results)
    from profiler.witness.agree import heard

    for index in chosen:
        network, asked = cells[index].network, list(engines[1:])
        if isinstance(network, Reference) and "traced" in asked:  # it is what the record holds already
            asked.remove("traced")
            results[index].update({"traced_macs": results[index]["macs"]})
        try:
            found = heard(network, cells[index].batch, asked)
        except WitnessFailed as fault:
            results.notes.append(f"{', '.join(asked)}: {fault}")
            for engine in asked:
                results[index].update(_empty(engine))
            continue
        for engine, said in zip(asked, found, strict=True):
            if isinstance(said, WitnessFailed):
                results.notes.append(f"{engine}: {said}")
                results[index].update(_empty(engine))
            else:
                results[index].update(_filled(engine, said))
                results.agreements.append(said)
        if watch is not None:
            watch(results)


def _empty(engine: str) -> Record:
    if engine in ("torch", "traced"):
        return {f"{engine}_macs": None}  # type: ignore[misc]
    return {f"{engine}_macs": None, f"{engine}_total": None}  # type: ignore[misc]


def _filled(engine: str, agreement: Agreement) -> Record:
    if engine in ("torch", "traced"):
        return {f"{engine}_macs": agreement.macs}  # type: ignore[misc]
    return {f"{engine}_macs": agreement.macs, f"{engine}_total": agreement.total}  # type: ignore[misc]
