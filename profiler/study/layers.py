"""Networks' layers on the clock, inside the running network, beside what they cost on paper. No torch in this process."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from msgspec import structs

from profiler.checked import checked
from profiler.count.moved import moved
from profiler.errors import ProfilerError
from profiler.measure import plan
from profiler.measure.devices import kind_of
from profiler.measure.outcomes import Outcome, Run
from profiler.measure.plan import Setting
from profiler.measure.runtimes.registry import KINDS
from profiler.measure.statistics import shares
from profiler.records.events import Event
from profiler.records.measured import Measured
from profiler.records.notes import MeasuringInterrupted, Title
from profiler.records.place import Place
from profiler.records.profile import Profile, Row
from profiler.records.timing import Layers, LayerTiming, Roofs, Timing
from profiler.study.axes import Grid, spread, width_notes
from profiler.study.bench_options import BenchOptions, bench_options
from profiler.study.cells import Cell, Interrupted, Numbers, Watch, counted, ending, finished, known
from profiler.study.leaf_rows import NO_LAYER, rows_of
from profiler.study.measuring import Session, filled, session, specs_of, timing, to_be_measured, watched
from profiler.study.models import Given, grid_over
from profiler.study.notes import notes_of


@checked
def layers(
    *models: Given,
    alpha: Numbers = None,
    resolution: Numbers = None,
    rho: Numbers = None,
    input: Any = None,
    batch: Numbers = None,
    options: Mapping[str, Any] | None = None,
    over: Mapping[str, Any] | None = None,
    bench: bool | BenchOptions | None = None,
    watch: Watch | None = None,
    progress: bool = False,
) -> Measured:
    """Each model's record, and its leaves on the clock: rows that partition the run.

    Plain and instrumented runs interleave: shares come from the instrumented ones, seconds are the plain run's. A model that
    could not be measured is in the records, with its reason, and not among the layers. The keywords are those of `bench`.
    Raises as `bench` does.
    """
    at = Place(None, options or {}, alpha, resolution, input, batch, rho, over or {})
    return finished(clocking_layers(models, at, bench_options(bench) or BenchOptions()), watch, progress)  # type: ignore[no-any-return]


def clocking_layers(models: Sequence[Given], at: Place, measuring: BenchOptions) -> Iterator[Event]:
    """The events of measuring the layers of `models`; the last holds what was Measured. Raises as `layers` does."""
    if measuring.energy:
        raise ProfilerError(
            "--energy has no effect with --layers, whose calls are too short for the counter; leave one of them out"
        )
    if not models:
        raise ProfilerError("no network to measure; name one, e.g. profiler bench mobilenet_v1 --layers")
    if measuring.exec is not None:
        raise ProfilerError("--layers measures layers on this machine only; leave out --layers or --exec")
    if "compile" in measuring.runtimes:
        raise ProfilerError(
            "--layers measures the layers of an eager network, and torch.compile fuses them; leave one of them out"
        )
    if "int8" in str(measuring.dtype):
        raise ProfilerError("--layers compares layers with the peak of torch, which has no int8 kernels; use another --dtype")
    if measuring.train:
        raise ProfilerError("--layers measures forward passes only; leave out --train")
    at = spread(at)
    grid = grid_over(models, at._replace(batch=measuring.batch(at.batch)))
    setting = measuring.setting()
    if setting.runtime in KINDS and not KINDS[setting.runtime].has_profile:
        others = " or ".join(name for name, runtime in KINDS.items() if runtime.has_profile)
        raise ProfilerError(f"{setting.runtime} does not tell Python what its operations take; give --runtime {others}")
    kind = kind_of(setting.device)
    if not (kind.has_leaf_marks or setting.exported):
        raise ProfilerError(f"--layers cannot read a clock between the layers on {kind.type.upper()}; use --device cpu")
    return ending(_clocked(grid, setting, measuring))


def _clocked(grid: Grid, setting: Setting, measuring: BenchOptions) -> Generator[Event, None, Measured]:
    cells = grid.cells
    title = Title(measured_in=measuring.title([setting]))
    results = to_be_measured(counted(cells, "bench", title, notes=width_notes(cells), over=grid.over), cells, [setting])
    specs = [replace(spec, about={**spec.about, "layers": True}) for spec in specs_of(cells, [setting])]
    run = Run([Outcome() for _ in specs])
    made: Session | None = None
    roofs: Roofs | None = None
    interrupted = False
    try:
        with session(specs, "bench", measuring, frozenset(range(len(specs)))) as made:
            run = made.scheduler.run
            results = results.replace(samples=made.samples)
            roofs = made.pool.roofs(specs[0].state)
            if setting.exported:  # the smallest call is torch's, and none of torch's is made
                roofs = structs.replace(roofs, calls={"other": 0.0})
            yield from watched(results, specs, made.scheduler, measuring)
    except KeyboardInterrupt:
        if made is None:
            raise
        interrupted = True
    results = filled(known(results), specs, run, measuring, last=True).replace(machine=made.machine)
    notes = [*made.notes, *([MeasuringInterrupted(made.samples)] if interrupted else [])]
    results = results.replace(notes=[*notes, *notes_of(results, run, specs, measuring.budget.seconds)])
    found = Measured(
        results, tuple(_layers_of(cells, [timing(*each) for each in zip(specs, run.outcomes, strict=True)], run, roofs))
    )
    if interrupted:
        raise Interrupted(found)
    return found


def _layers_of(cells: Sequence[Cell], timings: Sequence[Timing], run: Run, roofs: Roofs | None) -> Iterator[Layers]:
    """The layers of the networks that were measured."""
    names = [cell.name for cell in cells]
    for cell, made, outcome in zip(cells, timings, run.outcomes, strict=True):
        if made.latency_s is not None and roofs is not None:
            found = on_the_clock(cell.network.profile(cell.batch), made, outcome, roofs)
            yield structs.replace(found, model=cell.name if names.count(cell.name) == 1 else str(cell.place))


def on_the_clock(profile: Profile, made: Timing, outcome: Outcome, roofs: Roofs) -> Layers:
    """The leaves that ran, each with its rows, its share of the run, and what binds it."""
    assert made.latency_s is not None
    rounds = list(outcome.rounds.values())
    share = shares([each.visit.layers for each in rounds])
    rows = rows_of(profile.rows, list(share))
    calls: dict[str, list[Row]] = {path: [] for path in rows}
    for each in profile.rows:
        if each.path in calls and not each.side:
            calls[each.path].append(each)
    each_bytes = plan.DTYPE_BYTES[made.dtype]
    timed = []
    for path, row in rows.items():
        again = calls[path] if len(calls[path]) > 1 else [row]  # a layer that runs twice moves its bytes twice
        size = 0 if row.kind == NO_LAYER else sum(bytes_of(each, each_bytes) for each in again)
        roof, least = roofs.bound(row.kind, row.macs, size)
        timed.append(LayerTiming(row, share[path] * made.latency_s, share[path], size, roof, least))
    ratio = median(median(each.visit.layers_s) / each.median for each in rounds)
    return Layers(profile.model, made, tuple(timed), roofs, ratio)


def bytes_of(row: Row, each: int) -> int:
    """Bytes of a row's inputs, output and parameters, `each` an element: what must move at least once."""
    return moved(row.op, row.kind, row.params, row.inputs, row.output, each)
