"""Cells on the clock: networks in settings → records with latencies, ratios and verdicts. No torch in this process."""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

from profiler.errors import ProfilerError
from profiler.load.load import Counted, Network
from profiler.measure import grades, host, plan, statistics
from profiler.measure.certificate import last_certificate
from profiler.measure.devices import kind_of
from profiler.measure.lock import device_lock
from profiler.measure.plan import Setting, Spec, State, Workload, memory_of
from profiler.measure.pool import Pool
from profiler.measure.protocol import Outcome, Run, Scheduler
from profiler.measure.samples import Samples, beside, resumed
from profiler.measure.workloads import ModuleWorkload, NetworkWorkload, ReferenceWorkload
from profiler.records.profile import Record
from profiler.records.results import Results
from profiler.records.timing import Timing
from profiler.study.bench_options import Clock
from profiler.study.cells import Cell, Watch
from profiler.study.notes import marked, remarks

LEAST_PATIENCE_S = 60.0
WATCH_S = 0.5
"""The table fills in so often: drawing it takes time that the measuring would feel."""
LAUNCH_BOUND = 1.15


def specs_of(cells: Sequence[Cell], settings: Sequence[Setting]) -> list[Spec]:
    """One spec a cell and setting, the settings of a cell together; none of them mistaken for another's in a file."""
    made: list[Spec] = []
    seen: Counter[str] = Counter()
    for cell in cells:
        totals = cell.network.totals(cell.batch)
        # a network that has changed under its name is another one
        digest = {"counts": list(totals), "source": _source(cell.network.name)}
        for setting in settings:
            memory = memory_of(4 * totals.params, 4 * totals.activations, 4 * totals.elementwise, setting)
            spec = spec_of(cell.network, cell.batch, setting, memory)
            copies = {"copy": seen[spec.key]} if seen[spec.key] else {}
            seen[spec.key] += 1
            made.append(replace(spec, about={**spec.about, **digest, **copies}))
    return made


def _source(name: str) -> str | None:
    """A digest of the file that a reference names, as `net.py:Net`; None where it names none."""
    path = Path(name.rpartition(":")[0])
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else None


def spec_of(network: Counted, batch: int | None, setting: Setting, memory: int = 0) -> Spec:
    """A network, for so many samples, in a setting; a batch of None is what stands first in its own inputs."""
    workload: Workload
    if isinstance(network, Network):
        workload = NetworkWorkload(network.name, network.value, network.inputs)
    elif network.held is not None:
        workload = ModuleWorkload.of(network.held, *network.example(batch))
    else:
        workload = ReferenceWorkload(network.name, network)
    size = network.batched(batch)
    if size is None:
        size = next((shape[0] for shape in network.inputs if shape), 1)
    alpha = None if network.alpha is None else float(network.alpha)
    shapes = " ".join("x".join(map(str, shape)) for shape in network.inputs)
    return Spec(
        workload,
        size,
        setting,
        {"model": network.name, "options": dict(network.options), "alpha": alpha, "input": shapes},
        memory,
    )


def clocked(results: Results, cells: Sequence[Cell], settings: Sequence[Setting], clock: Clock, watch: Watch | None) -> None:
    """Fill in the measured columns of `results`, whose records are the cells in every setting, in the order of `specs_of`.

    `watch` sees the results while the rounds go on. Interrupted, what was measured is filled in first.
    """
    specs = specs_of(cells, settings)
    run = Run([])
    try:
        with measuring(specs, results, clock, watch) as (scheduler, _):
            run = scheduler.run
            scheduler.measure()
    except KeyboardInterrupt:
        results.notes.append(resumable(results))
        raise
    finally:
        if run.outcomes:
            fill(results, specs, run, clock, last=True)
            results.notes += remarks(results, run, specs, clock.budget.seconds)
            marked(results)


@contextmanager
def measuring(
    specs: Sequence[Spec], results: Results, clock: Clock, watch: Watch | None, layers: frozenset[int] = frozenset()
) -> Iterator[tuple[Scheduler, Pool]]:
    """The scheduler of a run over `specs` and its workers, with a lock and a file of samples, for the time of a with block.

    `watch` sees the results while they fill in. What the machine is stands in `results.machine` at the end.
    Raises ProfilerError, Unavailable.
    """
    results.measured = True
    for record, spec in zip(results, specs, strict=True):
        record.update(_setting(spec))
    path = clock.resume or beside(clock.outputs, results.command)
    kept = resumed(clock.resume, specs) if clock.resume is not None else None
    results.samples = str(path)
    last = [0.0]

    def seen(run: Run) -> None:
        if watch is not None and time.monotonic() - last[0] >= WATCH_S:
            fill(results, specs, run, clock, last=False)
            watch(results)
            last[0] = time.monotonic()

    def begun(state: State, facts: dict[str, Any]) -> None:
        if kept is not None and kept.workers.get(tuple(state), facts) != facts:
            told = kept.workers[tuple(state)]
            changed = next(name for name in {**told, **facts} if told.get(name) != facts.get(name))
            raise ProfilerError(
                f"samples '{path}': measured with {changed} {told.get(changed)}, and this is {facts.get(changed)}; "
                "measure it anew, without --resume"
            )
        keeper.worker(state, facts)

    def starting() -> None:
        statistics.load(ratios=len(specs) > 1, ranks=results.command == "sweep")

    with ExitStack() as stack:
        stack.enter_context(device_lock([spec.setting.device for spec in specs], _say))
        keeper = stack.enter_context(Samples(path, specs, results.command, again=kept is not None))
        patience = max(LEAST_PATIENCE_S, 3 * clock.budget.seconds)
        pool = stack.enter_context(Pool(specs, layers, patience, begun, starting))
        base = 0 if len(specs) > 1 and not layers else None
        scheduler = Scheduler(specs, pool, clock.budget, time.perf_counter, random.Random(), keeper, seen, base, layers)
        if kept is not None:
            scheduler.run = kept.run
        try:
            yield scheduler, pool
        finally:
            here = host.machine()
            results.machine = {**here, "workers": list(pool.facts.values()), "selftest": last_certificate(here)}
            if keeper.fault:
                results.notes.append(f"{keeper.fault}.")


def fill(results: Results, specs: Sequence[Spec], run: Run, clock: Clock, last: bool) -> list[Timing]:
    """Put what a run has found so far into the measured columns of `results`; at the `last` time also what it has not."""
    timings = [timing(spec, outcome) for spec, outcome in zip(specs, run.outcomes, strict=True)]
    dataset = clock.dataset
    for record, made in zip(results, timings, strict=True):
        if last or made.latency_s is not None or made.reason:
            record.update(_measured(made, dataset))
    _compared(results, timings)
    results.rounds = [list(made.medians.values()) for made in timings]
    results.progress = (run.spent_s, clock.budget.seconds, run.stage)
    return timings


def timing(spec: Spec, outcome: Outcome) -> Timing:
    """What the rounds of one cell come to."""
    setting, prepared, warmed = spec.setting, outcome.prepared, outcome.warmed
    enough = len(outcome.rounds) >= plan.LEAST_ROUNDS
    interval = statistics.median_interval(outcome.medians) if enough else None
    grade = grades.grade(interval, [each.reading for each in outcome.rounds.values()], _busy(setting)) if interval else None
    # a replay holds the device's work alone; events, what the launches left of it
    graphs = [s for each in outcome.rounds.values() for s in each.visit.graph_s or each.visit.event_s]
    device_s = median(graphs) if graphs else None
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
        reason="; then ".join(filter(None, [grade.reason if grade else "", outcome.reason])),
        rounds=len(outcome.rounds),
        samples=sum(len(each.visit.seconds) for each in outcome.rounds.values()),
        build_s=prepared.build_s if prepared else None,
        first_call_s=prepared.first_call_s if prepared else None,
        compile_s=prepared.compile_s if prepared else None,
        peak_bytes=prepared.peak_bytes if prepared else None,
        stop=outcome.stop,
        warm_calls=warmed.calls if warmed else 0,
        settled=warmed.settled if warmed else False,
        device_s=device_s,
        launch_bound=interval.estimate > LAUNCH_BOUND * device_s if interval and device_s else None,
        medians={number: each.median for number, each in outcome.rounds.items()},
    )


def _busy(setting: Setting) -> int:
    """Threads that are busy all of the time when quiet, where that is known: one, where it does the work."""
    return 1 if kind_of(setting.device).threaded and setting.threads == 1 else 2


def _setting(spec: Spec) -> Record:
    setting = spec.setting
    return {
        "device": setting.device,
        "threads": setting.threads,
        "dtype": setting.dtype,
        "memory_format": setting.memory_format,
        "compile": setting.compile,
        "mode": setting.mode,
        "optimizer": setting.optimizer,
    }


def _measured(made: Timing, dataset: int | None) -> Record:
    """The measured columns of a record."""
    epoch = None if dataset is None or made.latency_s is None else made.latency_s * ceil(dataset / made.batch)
    return {
        "latency_s": made.latency_s,
        "latency_low_s": made.latency_low_s,
        "latency_high_s": made.latency_high_s,
        "grade": made.grade,
        "reason": made.reason or f"{made.rounds} of {plan.LEAST_ROUNDS} rounds were measured",
        "images_per_second": made.images_per_second,
        "rounds": made.rounds,
        "samples": made.samples,
        "build_s": made.build_s,
        "first_call_s": made.first_call_s,
        "compile_s": made.compile_s,
        "peak_bytes": made.peak_bytes,
        "device_s": made.device_s,
        "launch_bound": made.launch_bound,
        "dataset_size": dataset,
        "epoch_s": epoch,
        "pareto": None,
        "stop": made.stop or None,
    }


def _compared(results: Results, timings: Sequence[Timing]) -> None:
    """Ratios to the first cell, over the rounds that measured both."""
    base = timings[0]
    for record, made in zip(results, timings, strict=True):
        blank: Record = {"ratio": None, "ratio_low": None, "ratio_high": None, "verdict": None}
        record.update(blank)
        if made is base or made.latency_s is None or base.latency_s is None:
            continue
        both = [number for number in made.medians if number in base.medians]
        ratio = statistics.paired_ratio([made.medians[n] for n in both], [base.medians[n] for n in both])
        if ratio is not None:
            record.update({"ratio": ratio.estimate, "ratio_low": ratio.low, "ratio_high": ratio.high})
            record["verdict"] = statistics.verdict(ratio)


def resumable(results: Results) -> str:
    return f"interrupted: what was measured is kept; the same command with --resume {results.samples} carries on."


def _say(text: str) -> None:
    print(text, file=sys.stderr)
