"""Budgets and baselines: networks counted, and measured where a latency is asked for; a verdict for each budget."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from profiler import grid
from profiler.config import Config
from profiler.errors import ProfilerError
from profiler.load.load import Model
from profiler.records.interval import Interval
from profiler.records.profile import Record
from profiler.records.results import Results
from profiler.records.verdicts import COUNTS, Checked, Compared, Limit, Line, Verdict
from profiler.saved.read import Saved, read
from profiler.study import baseline as base_of
from profiler.study.before_after import Side, clocks, compared, of_run
from profiler.study.bench_options import Clock
from profiler.study.budgets import Point, Subject, subjects
from profiler.study.cells import Watch, results_of


def check(
    *models: Model,
    macs: str | int | None = None,
    params: str | int | None = None,
    activations: str | int | None = None,
    weight_bytes: str | None = None,
    memory: str | None = None,
    latency: str | None = None,
    baseline: str | Saved | None = None,
    tolerance: str = "0%",
    strict: bool = False,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    batch: object = None,
    options: Mapping[str, Any] | None = None,
    config: Config | None = None,
    bench: bool = False,
    clock: Clock | None = None,
    watch: Watch | None = None,
) -> Checked:
    """A verdict for each budget of each model: counts as `600M`, bytes as `64MiB`, a latency as `30ms`.

    `config` holds the table `[tool.profiler.budgets]`; without models all of its networks are checked, or where there are none
    all of the baseline's. `baseline` is a saved run: what grew by more than `tolerance` is over. A latency is over where its
    whole 95 % interval is, within where none of it is, else undecided, which fails only where `strict`; so does an operation
    without a formula. Raises ProfilerError where there is nothing to check or the baseline is of another network, and as `load`
    does.
    """
    given = {
        "macs": macs, "params": params, "activations": activations, "weight_bytes": weight_bytes, "memory": memory,
        "latency": latency,
    }  # fmt: skip
    limits = {key: value for key, value in given.items() if value is not None}
    tolerated = grid.share(tolerance, "tolerance")
    base = None if baseline is None else of_run(baseline if isinstance(baseline, Saved) else read(baseline))
    found = subjects(models, Point(alpha, resolution, rho, input, batch, options), limits, config)
    if not found and base is not None:
        found = [Subject(cell, {}) for cell in base_of.cells_of(base)]
    _refuse_nothing(found, base)
    timed = [i for i, each in enumerate(found) if bench or "latency" in each.limits]
    clock = clock or Clock()
    places = [None] * len(found) if base is None else [base_of.place_in(base, each, _setting(clock, timed)) for each in found]
    counted = [_counted(each, base, place) for each, place in zip(found, places, strict=True)]
    start = time.monotonic()
    clocked = _measured([found[i] for i in timed], clock, watch)
    clocked_s = time.monotonic() - start if timed else 0.0
    for i, record in zip(timed, clocked or (), strict=True):
        counted[i].record.update(record)
    lines: list[Line] = []
    grown: list[Compared] = []
    notes: list[str] = [] if clocked is None else list(clocked.notes)
    machine = None if clocked is None else clocked.machine
    for each, (record, peak, _, _), place in zip(found, counted, places, strict=True):
        lines += [_line(record, limit, peak) for limit in each.limits.values()]
        if base is not None and place is not None:
            since = base_of.lines(base, place, record, peak and peak[0], tolerated, machine)
            lines += since
            notes += _uncompared(base, place, record, machine)
            if any(line.verdict == "over" and line.limit.quantity in COUNTS for line in since):
                now = Side("", [record], [each.cell.network.profile(each.cell.batch).rows], [None], machine)
                grown.append(compared(base, place, now, 0))
    warnings = dict.fromkeys(text for made in counted for text in made.warnings)
    seconds = {each.name: made.seconds for each, made in zip(found, counted, strict=True)}
    return Checked(
        tuple(lines), tuple(grown), strict, tuple(dict.fromkeys(notes)), tuple(warnings), seconds, clocked_s, machine
    )


class _Counted(NamedTuple):
    record: Record
    peak: tuple[int, str] | None
    """Bytes of an evaluation at its peak, and where that is; None where nobody asks."""
    warnings: list[str]
    seconds: float


def _counted(each: Subject, base: Side | None, place: int | None) -> _Counted:
    """What it costs on paper."""
    start = time.monotonic()
    results = results_of([each.cell], "check", ("closed",), "paper")
    asked = "memory" in each.limits or (base is not None and place is not None and base.peaks[place] is not None)
    peak = _peak(each) if asked else None
    return _Counted(results[0], peak, results.warnings, time.monotonic() - start)


def _refuse_nothing(found: Sequence[Subject], base: Side | None) -> None:
    if not found:
        raise ProfilerError(
            "there is nothing to check; name a network and a budget, as in: profiler check mobilenet_v1 --max-macs 600M, "
            "or write [tool.profiler.budgets] in pyproject.toml"
        )
    for each in found:
        if not each.limits and base is None:
            raise ProfilerError(
                f"{each.name} has no budget; give one, as --max-macs 600M, an entry in [tool.profiler.budgets], or --baseline"
            )


def _setting(clock: Clock, timed: Sequence[int]) -> Mapping[str, Any] | None:
    """What will be measured in, refused before any work where there are several."""
    if not timed:
        return None
    (setting,) = clock.single(Results([], "check"))
    return vars(setting)


def _measured(found: Sequence[Subject], clock: Clock, watch: Watch | None) -> Results | None:
    """The records of networks on the clock, side by side in rounds; None where none is to be measured."""
    if not found:
        return None
    from profiler.study.measuring import clocked  # what only measuring needs

    cells = [each.cell for each in found]
    results = results_of(cells, "check", ("closed",), "paper")
    clocked(results, cells, clock.single(results), clock, watch)
    return results


def _peak(each: Subject) -> tuple[int, str]:
    """Bytes of an evaluation at its peak, and where that is."""
    from profiler.study.show import memory_of  # traced, so torch is loaded

    found = memory_of(each.cell.network, each.cell.batch)
    return found.peak, f"{found.op} in {found.path or 'its own forward'}"


def _line(record: Record, limit: Limit, peak: tuple[int, str] | None) -> Line:
    if limit.quantity == "latency":
        return _latency(record, limit)
    value, where = peak if limit.quantity == "memory" and peak is not None else (record[limit.quantity], "")  # type: ignore[literal-required]
    return Line(record, limit, value, "within" if value <= limit.most else "over", reason=where)


def _latency(record: Record, limit: Limit) -> Line:
    value, low, high = record["latency_s"], record["latency_low_s"], record["latency_high_s"]
    if value is None or low is None or high is None:
        return Line(record, limit, None, "unmeasured", reason=record["reason"])
    verdict: Verdict = "undecided"
    most = float(limit.most)
    if high <= most:
        verdict = "within"
    elif low > most:
        verdict = "over"
    return Line(record, limit, value, verdict, Interval(value, low, high), reason=record["grade"] or "")


def _uncompared(base: Side, place: int, record: Record, machine: Mapping[str, Any] | None) -> list[str]:
    """Why the latency of the baseline says nothing here."""
    then = base.records[place]
    if then.get("latency_s") is None:
        return []
    if record.get("latency_s") is None:
        return [f"Latencies of {base.name} are not compared: nothing was measured here; --bench measures."]
    _, why = clocks(base, then, Side("", [record], [None], [None], machine), record)
    return [f"Latencies of {base.name} are not compared: {why}."] if why else []
