"""What must be known beside measured figures: why cells are empty, what disturbed them, how counts rank them. No torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from profiler.measure import energy, grades, statistics
from profiler.measure.devices import felt, working_threads
from profiler.measure.outcomes import Outcome, Run
from profiler.measure.plan import Spec
from profiler.measure.workloads import FileWorkload
from profiler.records.columns import GIVEN, Record, latency
from profiler.records.elsewhere import RunByCommand
from profiler.records.notes import (
    ByCpuTime,
    Disturbed,
    EnergyMeasured,
    GpuClock,
    MoreReasons,
    NoEnergy,
    Note,
    ParetoMarked,
    RankCorrelation,
    RoundsDone,
    SelftestResult,
    Unmeasured,
    Unsettled,
    WithinOneRun,
)  # fmt: skip
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.records.runtime_notes import FilesMeasured, QuantisedOnRandom, RuntimeUsed

MOST_EXPLAINED = 4
FEWEST = 3
"""Cells that a rank correlation or a front takes."""


def ranked(results: Results) -> Results:
    """A sweep with the cells marked that no other beats, and how well each count ranks the latencies."""
    cells = [i for i, record in enumerate(results) if latency(record) is not None]
    if results.command != "sweep" or len(cells) < FEWEST:
        return results
    published = [i for i in cells if results[i]["top1"] is not None]
    rated, gain = (published, "top1") if len(published) >= FEWEST else (cells, "macs")
    marks: dict[int, bool] = {}
    batches: dict[Any, list[int]] = {}
    for i in rated:
        batches.setdefault(results[i]["batch"], []).append(i)
    for members in batches.values():  # a latency of eight samples says nothing against one of one
        best = statistics.pareto([results[i]["latency_s"] for i in members], [float(results[i][gain]) for i in members])
        marks |= zip(members, best, strict=True)
    given = any(results[i].get("top1_source") == GIVEN for i in rated)
    seconds = [results[i]["latency_s"] for i in cells]
    ranks = {
        name: statistics.rank_correlation([float(results[i][name]) for i in cells], seconds)
        for name in ("macs", "activations", "params")
    }
    return results.replace(
        [{**record, "pareto": marks.get(i)} for i, record in enumerate(results)],
        notes=[*results.notes, ParetoMarked(gain, given, len(batches) > 1), RankCorrelation(len(cells), ranks)],
    )


def notes_of(results: Results, run: Run, specs: Sequence[Spec], budget_s: float) -> list[Note]:
    """What must be known beside the figures: why cells are empty, which rule ended them, what disturbed them."""
    causes = [_causes(spec, outcome) for spec, outcome in zip(specs, run.outcomes, strict=True)]
    empty = [i for i, record in enumerate(results) if latency(record) is None]
    disturbed = [i for i, record in enumerate(results) if record["grade"] and causes[i]]

    def unmeasured(i: int, more: int) -> Note:
        return Unmeasured(_place(specs[i], results[i]), _setting(specs[i], results), more, results[i]["reason"])

    def lowered(i: int, more: int) -> Note:
        record = results[i]
        return Disturbed(_place(specs[i], record), _setting(specs[i], results), more, record["grade"], record["reason"])

    notes = _grouped(empty, lambda i: run.outcomes[i].reason_kind, unmeasured)
    notes += _grouped(disturbed, lambda i: (causes[i], run.outcomes[i].reason_kind), lowered)
    stops = Counter(outcome.stop for outcome in run.outcomes if outcome.stop)
    if stops:
        inside = run.inside_s / run.spent_s if run.spent_s else 0.0
        notes.append(RoundsDone(run.round, run.spent_s, budget_s, inside, dict(stops)))
    apart = (results.machine or {}).get("between_runs")
    if apart is not None and len(empty) < len(results):
        notes.append(WithinOneRun(apart["share"], apart["runs"]))
    timed = [record for record, outcome in zip(results, run.outcomes, strict=True) if outcome.by_cpu_time]
    ratios = [record["wall_s"] / record["latency_s"] for record in timed if latency(record) is not None]
    if ratios:
        notes.append(ByCpuTime(len(ratios), len(results) - len(empty), min(ratios), max(ratios)))
    unsettled = sum(outcome.warmed is not None and not outcome.warmed.settled for outcome in run.outcomes)
    if unsettled:
        notes.append(Unsettled(unsettled, len(specs)))
    visits = [round_.visit for outcome in run.outcomes for round_ in outcome.rounds.values()]
    clocks = [visit.gpu["sm_clock_hz"] for visit in visits if "sm_clock_hz" in visit.gpu]
    if clocks:
        notes.append(GpuClock(min(clocks), max(clocks)))
    notes += _energy(results)
    workers = [worker for worker in (results.machine or {}).get("workers", ()) if "provider" in worker]
    used = [RuntimeUsed(w["runtime"], w["version"], w["provider"], w["runtime_setting"]) for w in workers]
    notes += list(dict.fromkeys(used))
    files = {spec.workload.name: spec.workload for spec in specs if isinstance(spec.workload, FileWorkload)}
    notes += [FilesMeasured(tuple(files))] if files else []
    quantised = sum(spec.setting.dtype == "int8" and getattr(spec.workload, "quantise", True) for spec in specs)
    notes += [QuantisedOnRandom(quantised)] if quantised else []
    notes += _commands(specs, run)
    proof = (results.machine or {}).get("selftest")
    if proof is not None:
        notes.append(SelftestResult(proof["date"], tuple(name for name, passed in proof["checks"].items() if not passed)))
    return notes


def _energy(results: Results) -> list[Note]:
    """What joules are of, and why there are none: a sentence a reason."""
    known = any(record.get("joules_per_image") is not None for record in results)
    reasons = Counter(record["no_energy"] for record in results if record.get("no_energy"))
    unknown: list[Note] = [NoEnergy(cells, len(results), reason) for reason, cells in reasons.most_common(MOST_EXPLAINED)]
    return [*([EnergyMeasured(energy.BLOCKS, energy.BLOCK_S)] if known else []), *unknown]


def _commands(specs: Sequence[Spec], run: Run) -> list[Note]:
    """What ran the networks elsewhere, as it was called, and what it said of its device."""
    said: dict[tuple[tuple[str, str], ...], None] = {}
    for spec, outcome in zip(specs, run.outcomes, strict=True):
        if spec.setting.command is not None and outcome.prepared is not None:
            said.setdefault(tuple(outcome.prepared.facts.items()))
    first = next((spec.setting.command for spec in specs if spec.setting.command is not None), None)
    return [] if first is None else [RunByCommand(first.words, first.push, len(specs), tuple(said))]


def _causes(spec: Spec, outcome: Outcome) -> tuple[str, ...]:
    """What disturbed a cell, without how often."""
    threads = working_threads(spec.setting.device, spec.setting.threads)
    return tuple(cause.what for cause in grades.causes(felt(spec.setting.device, outcome.readings), threads, outcome.known_s))


def _grouped(chosen: Iterable[int], alike: Callable[[int], Hashable], made: Callable[[int, int], Note]) -> list[Note]:
    """A note a reason, of the first cell that it holds for and how many more; the first few reasons."""
    by_reason: dict[Any, list[int]] = {}
    for i in chosen:
        by_reason.setdefault(alike(i), []).append(i)
    notes = [made(members[0], len(members) - 1) for members in list(by_reason.values())[:MOST_EXPLAINED]]
    return [*notes, *([MoreReasons(len(by_reason) - MOST_EXPLAINED)] if len(by_reason) > MOST_EXPLAINED else [])]


def _place(spec: Spec, record: Record) -> Place:
    about = spec.about
    return Place(about["model"], about["options"], about["alpha"], None, about["input"], spec.batch, label=record.get("label"))


def _setting(spec: Spec, results: Results) -> tuple[str, ...]:
    """What tells a cell's setting from the others', in words."""
    setting = spec.setting
    varied = {
        name for name in ("device", "threads", "dtype", "memory_format", "runtime") if len({r[name] for r in results}) > 1
    }
    return tuple(f"{name.replace('_', ' ')} {getattr(setting, name)}" for name in sorted(varied))
