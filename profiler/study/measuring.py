"""Cells on the clock: networks in settings → records with latencies, ratios and verdicts. No torch in this process."""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from profiler.config import named
from profiler.errors import ProfilerError
from profiler.load.load import Counted, Network
from profiler.load.onnx_file import OnnxNetwork
from profiler.measure import grades, host, plan, statistics
from profiler.measure.between_runs import spread
from profiler.measure.certificate import last_certificate
from profiler.measure.command import for_cell
from profiler.measure.devices import felt, working_threads
from profiler.measure.energy import BLOCKS
from profiler.measure.history import History, key_of
from profiler.measure.lock import device_lock
from profiler.measure.outcomes import Outcome, Run
from profiler.measure.plan import Setting, Source, Spec, State, Workload, memory_of
from profiler.measure.pool import Pool
from profiler.measure.protocol import Scheduler
from profiler.measure.resuming import comparable, resumed
from profiler.measure.samples import Samples, beside
from profiler.measure.signals import as_interrupts
from profiler.measure.workloads import ModuleWorkload, NetworkWorkload, ReferenceWorkload
from profiler.records.columns import ENERGY, MEASURED_COLUMNS, SETTING, WAITING, Record
from profiler.records.columns import energy as energy_columns
from profiler.records.columns import measured as measured_columns
from profiler.records.events import Event, Timed
from profiler.records.interval import Interval
from profiler.records.notes import MeasuringInterrupted, Note, SamplesNotKept
from profiler.records.results import Results
from profiler.records.timing import Timing
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell, Interrupted, known
from profiler.study.given_files import in_dtypes, in_file, in_settings, workload_of_file
from profiler.study.memory_needed import check_memory
from profiler.study.notes import notes_of, ranked

LEAST_PATIENCE_S = 60.0
WATCH_S = 0.5
"""The table fills in so often: drawing it takes time that the measuring would feel."""
LAUNCH_BOUND = 1.15


def specs_of(cells: Sequence[Cell], settings: Sequence[Setting], here: bool = True) -> list[Spec]:
    """One spec a cell and setting, the settings of a cell together; none of them mistaken for another's in a file.

    Raises ProfilerError for a network that does not fit the memory, where it is to be measured `here`.
    """
    if here:
        check_memory(dict.fromkeys(cell.network for cell in cells), settings)
    made: list[Spec] = []
    seen: Counter[str] = Counter()
    for cell, setting in in_settings(cells, settings):
        totals = cell.network.totals(cell.batch)
        digest = {"counts": list(totals), "source": _source(cell.network.name)}  # what changed under its name is another
        memory = memory_of(4 * totals.params, 4 * totals.activations, 4 * totals.elementwise, setting)
        spec = spec_of(cell.network, cell.batch, setting, memory)
        copies = {"copy": seen[spec.key]} if seen[spec.key] else {}
        seen[spec.key] += 1
        made.append(replace(spec, about={**spec.about, **digest, **copies}))
    return made


def _source(name: str) -> str | None:
    """A digest of the file that a reference names, as `net.py:Net` or `net.onnx`; None where it names none."""
    path = Path(name if name.lower().endswith(".onnx") else name.rpartition(":")[0])
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else None


def spec_of(network: Counted, batch: int | None, setting: Setting, memory: int = 0) -> Spec:
    """A network, for so many samples, in a setting; a batch of None is what stands first in its own inputs."""
    workload: Workload
    setting, source = in_file(network, batch, setting), Source(None, None)
    if isinstance(network, Network):
        workload = NetworkWorkload(network.name, network.value, network.inputs)
    elif isinstance(network, OnnxNetwork):
        workload = workload_of_file(network, batch, setting)
    elif network.held is not None:
        workload = ModuleWorkload.of(network.held, *network.example(batch))
    else:
        workload, source = ReferenceWorkload(network.name, network), Source.of(network.module())
    size = network.batched(batch)
    if size is None:
        size = next((shape[0] for shape in network.inputs if shape), 1)
    alpha = None if network.alpha is None else float(network.alpha)
    shapes = " ".join("x".join(map(str, shape)) for shape in network.inputs)
    about = {"model": network.name, "options": dict(network.options), "alpha": alpha, "input": shapes}
    if setting.command is not None:
        setting = replace(setting, command=for_cell(setting.command, about, size, setting))
    return Spec(workload, size, setting, about, memory, source)


# The run


@dataclass
class Session:
    """A run of the protocol: its scheduler and workers, and where its samples are."""

    scheduler: Scheduler
    pool: Pool
    samples: str
    machine: dict[str, Any] = field(default_factory=dict)
    """What it was measured on, known at the end."""
    notes: list[Note] = field(default_factory=list)


@contextmanager
def session(
    specs: Sequence[Spec],
    command: str,
    options: BenchOptions,
    layers: Collection[int] = frozenset(),
    going: Callable[[], None] | None = None,
) -> Iterator[Session]:
    """A run over `specs` with its workers, a lock and a file of samples, for the time of a with block.

    `going` is called while it waits for another run to end, and ends that by raising. Raises ProfilerError, Unavailable.
    """
    if options.fleet is not None:
        raise ProfilerError("a fleet measures for bench, compare and sweep alone; leave the fleet out")
    path = beside([Path(each) for each in options.outputs], command) if options.resume is None else Path(options.resume)
    if options.resume is not None:
        comparable(path, specs)  # before it waits for another run to end
    past, here = History.read(), host.machine()
    keys: dict[State, str] = {}

    def begun(state: State, facts: dict[str, Any]) -> None:
        if kept is not None and kept.workers.get(tuple(state), facts) != facts:
            before = kept.workers[tuple(state)]
            changed = next(name for name in {**before, **facts} if before.get(name) != facts.get(name))
            raise ProfilerError(
                f"samples '{path}': it was measured with {changed} {before.get(changed)}, and this run has "
                f"{facts.get(changed)}; "
                "measure it again, without --resume"
            )
        keeper.worker(state, facts)
        keys[state] = key_of(state, facts, here)
        for spec, outcome in zip(specs, scheduler.run.outcomes, strict=True):
            if spec.state == state:
                outcome.known_s = past.fastest(keys[state])

    def starting() -> None:
        statistics.load(ratios=len(specs) > 1, ranks=command == "sweep")

    with ExitStack() as stack:
        stack.enter_context(as_interrupts())
        stack.enter_context(device_lock([spec.setting.device for spec in specs], _say, going))
        kept = None if options.resume is None else resumed(path, specs)
        keeper = stack.enter_context(Samples(path, specs, command, again=kept is not None))
        patience = max(LEAST_PATIENCE_S, 3 * options.budget.seconds)
        pool = stack.enter_context(Pool(specs, layers, patience, begun, starting, options.start, _say, not options.no_cache))
        base = 0 if len(specs) > 1 and not layers else None
        meter = pool if options.energy else None
        scheduler = Scheduler(specs, pool, options.budget, time.perf_counter, random.Random(), keeper, base, layers, meter)
        if kept is not None:
            scheduler.run = kept.run
        made = Session(scheduler, pool, named(path))
        try:
            yield made
        finally:
            made.machine = {**here, "workers": list(pool.facts.values()), "selftest": last_certificate(here)}
            made.machine |= _remembered(specs, scheduler.run, keys, past, proving=command == "selftest")
            if keeper.fault:
                made.notes.append(SamplesNotKept(keeper.fault))


def _remembered(specs: Sequence[Spec], run: Run, keys: Mapping[State, str], past: History, proving: bool) -> dict[str, Any]:
    """Add a run to what is known of the machine; what its record is to hold: the reference kernel, how far runs are apart."""
    held: list[dict[str, Any]] = []
    worst = False
    for state, key in keys.items():
        members = [(spec, outcome) for spec, outcome in zip(specs, run.outcomes, strict=True) if spec.state == state]
        readings = {number: each.reading for _, outcome in members for number, each in outcome.rounds.items()}
        references = [each.reference for each in readings.values() if each.reference is not None]
        fastest = grades.fastest(list(readings.values()))
        if fastest is None:
            continue
        trusted: dict[str, float] = {}
        disturbed: dict[str, float] = {}
        for spec, outcome in members:
            found = timing(spec, outcome)
            if found.latency_s is not None and not proving and "counts" in spec.about:
                (disturbed if found.grade == "D" else trusted)[spec.key] = found.latency_s
        past.add(key, fastest, trusted, disturbed)
        worst = worst or bool(disturbed)
        kernel = {"median_s": median(references), "fastest_s": past.fastest(key)}
        held.append({"device": state.device, "threads": state.threads, **kernel})
    past.write()
    return {"reference": held, "between_runs": spread(past, keys.values(), worst)._asdict()}


def to_be_measured(results: Results, cells: Sequence[Cell], settings: Sequence[Setting]) -> Results:
    """A record for every cell in every setting, in the order of `specs_of`, whose measured columns still wait."""
    waiting = dict.fromkeys(MEASURED_COLUMNS, WAITING)
    own = dict(zip(map(id, cells), results, strict=True))
    placed = in_settings(cells, settings)
    records: list[Record] = [
        {**own[id(cell)], **waiting, **{name: getattr(setting, name) for name in SETTING}} for cell, setting in placed
    ]
    return results.replace(records, measured=True, base=records[0], title=in_dtypes(results.title, placed))


def measured(
    results: Results, cells: Sequence[Cell], settings: Sequence[Setting], options: BenchOptions
) -> Generator[Event, None, Results]:
    """Measure the cells of `results`, as `to_be_measured` made it; gives back the results with what was measured.

    Raises as `clocked` does.
    """
    return (yield from clocked(results, cells, settings, options)).results


class Clocked(NamedTuple):
    """Results with their latencies, and the run that they come from."""

    results: Results
    run: Run


def clocked(
    results: Results,
    cells: Sequence[Cell],
    settings: Sequence[Setting],
    options: BenchOptions,
    layers: Collection[int] = frozenset(),
) -> Generator[Event, None, Clocked]:
    """The same with the run itself, in which the leaves of the cells in `layers` were clocked too.

    Raises Interrupted with what was measured by then, where the user ends it; ProfilerError, Unavailable.
    """
    specs = specs_of(cells, settings)
    if options.energy:
        waiting = dict.fromkeys((column.name for column in ENERGY), WAITING)
        results = results.replace([{**record, **waiting} for record in results])
    run = Run([])
    made: Session | None = None
    try:
        with session(specs, results.command, options, layers) as made:
            run = made.scheduler.run
            results = results.replace(samples=made.samples)
            yield from watched(results, specs, made.scheduler, options)
    except KeyboardInterrupt:
        if made is None or not run.outcomes:
            raise
        raise Interrupted(ended(results, specs, run, made, options, interrupted=True)) from None
    return Clocked(ended(results, specs, run, made, options), run)


def watched(results: Results, specs: Sequence[Spec], scheduler: Scheduler, options: BenchOptions) -> Iterator[Event]:
    """Run the protocol to its end; some times a second, an event with what it has found so far."""
    for run in now_and_then(scheduler.steps()):
        yield Timed(filled(results, specs, run, options), run.spent_s, options.budget.seconds, run.stage)


def now_and_then(steps: Iterator[Run]) -> Iterator[Run]:
    """Goes through all steps of a run, and tells of one every WATCH_S."""
    last = 0.0
    for run in steps:
        if time.monotonic() - last >= WATCH_S:
            yield run
            last = time.monotonic()


def ended(
    results: Results, specs: Sequence[Spec], run: Run, made: Session, options: BenchOptions, interrupted: bool = False
) -> Results:
    """The results of a run that is over, with what is to be said of it."""
    notes = [MeasuringInterrupted(made.samples)] if interrupted else []
    results = filled(known(results), specs, run, options, last=True)
    results = results.replace(machine=made.machine, notes=[*results.notes, *made.notes, *notes])
    results = results.replace(notes=[*results.notes, *notes_of(results, run, specs, options.budget.seconds)])
    return ranked(results)


def filled(results: Results, specs: Sequence[Spec], run: Run, options: BenchOptions, last: bool = False) -> Results:
    """The results with what a run has found so far; at the `last` time what it has not found is unknown, with the reason."""
    timings = [timing(spec, outcome) for spec, outcome in zip(specs, run.outcomes, strict=True)]
    dataset = options.dataset
    records = []
    for record, made, outcome in zip(results, timings, run.outcomes, strict=True):
        there = last or made.latency_s is not None or outcome.reason
        columns = (
            {**measured_columns(made, dataset), **_ratio(made, timings[0]), **(energy_columns(made) if options.energy else {})}
            if there
            else {}
        )
        records.append({**record, **columns})
    return results.replace(records, rounds=[list(made.medians.values()) for made in timings])


def timing(spec: Spec, outcome: Outcome) -> Timing:
    """What the rounds of one cell come to."""
    setting, prepared = spec.setting, outcome.prepared
    enough = len(outcome.rounds) >= plan.LEAST_ROUNDS
    few = f"{len(outcome.rounds)} of {plan.LEAST_ROUNDS} rounds were measured"
    medians, by_cpu = outcome.medians, outcome.by_cpu_time
    wall = {number: each.median for number, each in outcome.rounds.items()}
    interval = statistics.median_interval(list(medians.values())) if enough else None
    threads = working_threads(setting.device, setting.threads)
    grade = grades.grade(interval, felt(setting.device, outcome.readings), threads, outcome.known_s) if interval else None
    # a replay holds the device's work alone; events, what the launches left of it
    graphs = [s for each in outcome.rounds.values() for s in each.visit.graph_s or each.visit.event_s]
    device_s = median(graphs) if graphs else None
    joules = outcome.energy.per_sample(spec.batch)
    return Timing(
        model=spec.workload.name,
        batch=spec.batch,
        device=setting.device,
        threads=setting.threads,
        dtype=setting.dtype,
        memory_format=setting.memory_format,
        compile=setting.compile,
        mode=setting.mode,
        optimizer=setting.optimizer,
        latency_s=interval.estimate if interval else None,
        latency_low_s=interval.low if interval else None,
        latency_high_s=interval.high if interval else None,
        grade=grade.letter if grade else None,
        reason="; then ".join(filter(None, [grade.reason if grade else "", outcome.reason])) or few,
        rounds=len(outcome.rounds),
        samples=sum(len(each.visit.seconds) for each in outcome.rounds.values()),
        build_s=prepared.build_s if prepared else None,
        first_call_s=prepared.first_call_s if prepared else None,
        compile_s=prepared.compile_s if prepared else None,
        peak_bytes=prepared.peak_bytes if prepared else None,
        stop=outcome.stop,
        device_s=device_s,
        launch_bound=interval.estimate > LAUNCH_BOUND * device_s if interval and device_s else None,
        clock=("cpu" if by_cpu else "wall") if interval else None,
        wall_s=median(wall.values()) if interval else None,
        joules_per_image=joules.estimate if joules else None,
        joules_low=joules.low if joules else None,
        joules_high=joules.high if joules else None,
        no_energy="" if joules else _no_energy(outcome),
        medians=medians,
        wall_medians=wall,
        runtime=setting.runtime,
        export_s=prepared.export_s if prepared else None,
        load_s=prepared.load_s if prepared else None,
        artifact_bytes=prepared.artifact_bytes if prepared else None,
        nodes=prepared.nodes if prepared else None,
        output_difference=prepared.output_difference if prepared else None,
    )


def _no_energy(outcome: Outcome) -> str:
    """Why a cell has no joules: what its counter said, that it has no latency either, or that it was interrupted."""
    if outcome.energy.reason or outcome.reason:
        return outcome.energy.reason or outcome.reason
    return f"{len(outcome.energy.blocks)} of {BLOCKS} blocks were measured"


def ratio_of(made: Timing, base: Timing) -> Interval | None:
    """One timing over another, from the rounds that measured both, by one clock: that of both, else the wall's."""
    ours, theirs = (made.medians, base.medians) if made.clock == base.clock else (made.wall_medians, base.wall_medians)
    both = [number for number in ours if number in theirs]
    return statistics.paired_ratio([ours[n] for n in both], [theirs[n] for n in both])


def _ratio(made: Timing, base: Timing) -> Record:
    """The ratio to the first cell; unknown of the first itself."""
    known = made is not base and made.latency_s is not None and base.latency_s is not None
    ratio = ratio_of(made, base) if known else None
    if ratio is None:
        return {"ratio": None, "ratio_low": None, "ratio_high": None, "verdict": None}
    return {
        "ratio": ratio.estimate, "ratio_low": ratio.low, "ratio_high": ratio.high, "verdict": statistics.verdict(ratio),
    }  # fmt: skip


def _say(text: str) -> None:
    print(text, file=sys.stderr)
