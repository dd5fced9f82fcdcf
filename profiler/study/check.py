"""Budgets and baselines: networks counted, and measured where a latency is asked for; a verdict for each budget."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec import structs

from profiler import grid
from profiler.checked import checked
from profiler.config import Config
from profiler.errors import ProfilerError
from profiler.records.columns import Record, latency
from profiler.records.events import Event
from profiler.records.interval import Interval
from profiler.records.notes import LatenciesNotCompared, Note, Title
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.records.verdicts import COUNTS, Checked, Compared, Limit, Line, Verdict
from profiler.report.files import File
from profiler.saved.read import Saved, read_document
from profiler.study import baseline as base_of
from profiler.study import renewal
from profiler.study.before_after import Side, clocks, compared, of_run
from profiler.study.bench_options import BenchOptions, bench_options
from profiler.study.budgets import Budgeted, budgeted, inputs_of
from profiler.study.cells import Cell, Interrupted, Watch, counted, ending, finished
from profiler.study.counting_tasks import peak
from profiler.study.in_order import Counting, Jobs, Where
from profiler.study.jobs import workers
from profiler.study.models import Given
from profiler.study.tracing_ahead import traced_ahead


@checked
def check(
    *models: Given,
    macs: str | int | None = None,
    params: str | int | None = None,
    activations: str | int | None = None,
    weight_bytes: str | None = None,
    unread: str | int | None = None,
    memory: str | None = None,
    latency: str | None = None,
    baseline: str | Saved | None = None,
    tolerance: str = "0%",
    update: bool = False,
    strict: bool = False,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    batch: object = None,
    options: Mapping[str, Any] | None = None,
    config: Config | None = None,
    bench: bool | BenchOptions = False,
    jobs: Jobs = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Checked:
    """A verdict for each budget of each model: counts as `600M`, bytes as `64MiB`, a latency as `30ms`.

    `config` holds the table `[tool.profiler.budgets]`; without models all of its networks are checked. `baseline` is a saved
    run, of which no network is loaded: what grew by more than `tolerance` is over. A latency is over where its
    whole 95 % interval is, within where none of it is, else undecided, which fails only where `strict`; so does an operation
    without a formula. Networks with a budget of latency are measured, with `bench` every one; BenchOptions says how. `jobs` is
    that of `compare`.
    Raises ProfilerError where there is nothing to check or the baseline is of another network, and as `load`
    does.

    With `update` what grew since the baseline is accepted: where every budget is kept the file is rewritten with the counts of
    now, and a note says what is different. It may be a file that there is not yet.
    """
    given = {
        "macs": macs, "params": params, "activations": activations, "weight_bytes": weight_bytes, "unread": unread,
        "memory": memory, "latency": latency,
    }  # fmt: skip
    limits = {key: value for key, value in given.items() if value is not None}
    at = Place(None, options or {}, alpha, resolution, input, batch, rho)
    measuring = bench_options(bench)
    events = checking(models, at, limits, baseline, tolerance, strict, config, measuring is not None, measuring, update, jobs)
    return finished(events, watch, progress)  # type: ignore[no-any-return]


def checking(
    models: Sequence[Given],
    at: Place,
    limits: Mapping[str, Any],
    baseline: str | Saved | None = None,
    tolerance: str = "0%",
    strict: bool = False,
    config: Config | None = None,
    bench: bool = False,
    measuring: BenchOptions | None = None,
    update: bool = False,
    jobs: Jobs = None,
) -> Iterator[Event]:
    """The events of a check of `models` at one place against `limits`; the last holds what was Checked. Raises as `check`.

    With `bench` every network is measured, else those with a budget of latency; `measuring` says how.
    """
    where = workers(Counting(jobs))
    measuring = measuring or BenchOptions()  # before any code of the networks runs
    tolerated = grid.share(tolerance, "tolerance")
    file = renewal.file_of(baseline) if update else None
    if file is not None and not file.path.exists():
        baseline = None
    base = None if baseline is None else of_run(baseline if isinstance(baseline, Saved) else read_document(baseline))
    found = budgeted(models, at, limits, config, None if base is None else inputs_of(base.records))
    _refuse_nothing(found, base, file is not None)
    if file is not None and base is not None:
        renewal.check_renewable(base, found)
    timed = [i for i, each in enumerate(found) if bench or "latency" in each.limits]
    setting = measuring.setting() if timed else None  # refused before any work where there are several
    positions = [
        None if base is None else base_of.position_in(base, each, vars(setting) if setting else None) for each in found
    ]
    return ending(_checked(found, positions, timed, base, tolerated, strict, measuring, where, file))


def _checked(
    found: Sequence[Budgeted],
    positions: Sequence[int | None],
    timed: Sequence[int],
    base: Side | None,
    tolerated: Fraction,
    strict: bool,
    measuring: BenchOptions,
    where: Where,
    file: File | None = None,
) -> Generator[Event, None, Checked]:
    with where:
        counts = yield from _counts(found, positions, base, where)
    records = [made.record for made in counts]
    start = time.monotonic()
    clocked: Results | None = None
    if timed:
        try:
            clocked = yield from _measured([found[i].cell for i in timed], measuring)
        except Interrupted:  # a verdict on half of the networks would be none
            raise KeyboardInterrupt from None
        for i, record in zip(timed, clocked, strict=True):
            records[i] = record
    clocked_s = time.monotonic() - start if timed else 0.0
    lines: list[Line] = []
    grown: list[Compared] = []
    notes: list[Note] = [] if clocked is None else list(clocked.notes)
    machine = None if clocked is None else clocked.machine
    for each, record, made, position in zip(found, records, counts, positions, strict=True):
        lines += [_line(record, limit, made.peak) for limit in each.limits.values()]
        if base is not None and position is not None:
            since = base_of.lines(base, position, record, made.peak and made.peak[0], tolerated, machine)
            lines += since if file is None else [structs.replace(line, verdict="within") for line in since]
            notes += _uncompared(base, position, record, machine)
            if any(line.verdict == "over" and line.limit.quantity in COUNTS for line in since):
                now = Side("", [record], [each.cell.network.profile(each.cell.batch).rows], [None], machine)
                grown.append(compared(base, position, now, 0))
    seconds = {each.name: made.seconds for each, made in zip(found, counts, strict=True)}
    warnings = tuple(dict.fromkeys(text for made in counts for text in made.warnings))
    said = tuple(note for i, note in enumerate(notes) if note not in notes[:i])
    outcome = Checked(tuple(lines), tuple(grown), strict, said, warnings, seconds, clocked_s, machine)
    if file is None:
        return outcome
    peaks = [each.peak and each.peak[0] for each in counts]
    return structs.replace(outcome, notes=(*said, renewal.renewed(file, base, found, lines, peaks, outcome.passed)))


class _Counted(NamedTuple):
    record: Record
    peak: tuple[int, str] | None
    """Bytes of an evaluation at its peak, and where that is; None where nobody asks."""
    warnings: list[Note]
    seconds: float


def _counts(
    found: Sequence[Budgeted], positions: Sequence[int | None], base: Side | None, where: Where
) -> Generator[Event, None, list[_Counted]]:
    """What each costs on paper. A network that is not counted is no network within its budgets: raises ProfilerError."""
    cells = [each.cell for each in found]
    ahead = yield from traced_ahead(cells, where)
    if ahead.interrupted:
        raise KeyboardInterrupt
    if len(ahead.kept) < len(cells):
        raise ProfilerError(f"{ahead.notes[0]} count it with fewer --jobs, or on a machine with more memory")
    asked = [_asks_peak(each, base, position) for each, position in zip(found, positions, strict=True)]
    peaks = where.results(peak, [cell for cell, wanted in zip(cells, asked, strict=True) if wanted])
    made: list[_Counted] = []
    for cell, wanted in zip(cells, asked, strict=True):
        start = time.monotonic()
        results = counted([cell], "check")
        top = next(peaks).get() if wanted else None
        made.append(_Counted(results[0], top, results.warnings, time.monotonic() - start))
    return made


def _asks_peak(each: Budgeted, base: Side | None, position: int | None) -> bool:
    return "memory" in each.limits or (base is not None and position is not None and base.peaks[position] is not None)


def _refuse_nothing(found: Sequence[Budgeted], base: Side | None, update: bool) -> None:
    if not found and base is not None:
        raise ProfilerError(
            f"baseline '{base.name}' holds {base_of.held(base)}, and profiler runs no code that a file names; name "
            "the network, e.g. "
            f"profiler check MODEL --baseline {base.name}, or in [tool.profiler.budgets] of pyproject.toml"
        )
    if not found:
        raise ProfilerError(
            "no network to check; name one and a budget, e.g. profiler check mobilenet_v1 --max-macs 600M, "
            "or write [tool.profiler.budgets] in pyproject.toml"
        )
    for each in found:
        if not each.limits and base is None and not update:
            raise ProfilerError(
                f"{each.name} has no budget; give one, e.g. --max-macs 600M, an entry in [tool.profiler.budgets], or --baseline"
            )


def _measured(cells: Sequence[Cell], measuring: BenchOptions) -> Generator[Event, None, Results]:
    """The records of networks on the clock, side by side in rounds."""

    from profiler.study.measuring import measured, to_be_measured  # what only measuring needs

    settings = [measuring.setting()]
    title = Title(measured_in=measuring.title(settings))
    results = to_be_measured(counted(cells, "check", title), cells, settings)
    return (yield from measured(results, cells, settings, measuring))


def _line(record: Record, limit: Limit, peak: tuple[int, str] | None) -> Line:
    if limit.quantity == "latency":
        return _latency(record, limit)
    value, where = peak if limit.quantity == "memory" and peak is not None else (record[limit.quantity], "")
    return Line(record, limit, value, "within" if value <= limit.most else "over", reason=where)


def _latency(record: Record, limit: Limit) -> Line:
    from profiler.measure import grades  # what only latencies need

    known = latency(record)
    if known is None:
        return Line(record, limit, None, "unmeasured", reason=record["reason"])
    value, low, high = known
    verdict: Verdict = "undecided"
    most = float(limit.most)
    if high <= most:
        verdict = "within"
    elif low > most and grades.shows_slowness(record):
        verdict = "over"
    return Line(record, limit, value, verdict, Interval(value, low, high), reason=record["grade"] or "")


def _uncompared(base: Side, position: int, record: Record, machine: Mapping[str, Any] | None) -> list[Note]:
    """Why the latency of the baseline says nothing here."""
    then = base.records[position]
    if latency(then) is None:
        return []
    if latency(record) is None:
        return [LatenciesNotCompared(None, base.name)]
    _, unlike = clocks(base, then, Side("", [record], [None], [None], machine), record)
    return [LatenciesNotCompared(unlike, base.name)] if unlike else []
