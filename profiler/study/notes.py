"""What must be known beside measured figures: why cells are empty, what disturbed them, how counts rank them. No torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from profiler.measure import statistics
from profiler.measure.plan import Spec
from profiler.measure.protocol import Run
from profiler.records.profile import Record
from profiler.records.results import Results

MOST_EXPLAINED = 4
SHARES = re.compile(r"grade [A-D]: |±[\d.]+ %|in \d+ % of rounds|holds \d+ of")
"""What differs from cell to cell of reasons that are one."""


def marked(results: Results) -> None:
    """In a sweep, the cells that no other beats, and how well each count ranks the latencies."""
    cells = [record for record in results if record.get("latency_s") is not None]
    if results.command != "sweep" or len(cells) < 3:
        return
    latency: list[float] = [record["latency_s"] for record in cells]  # type: ignore[misc]
    published = [record for record in cells if record.get("top1") is not None]
    rated, key = (published, "top1") if len(published) >= 3 else (cells, "macs")
    costs: list[float] = [record["latency_s"] for record in rated]  # type: ignore[misc]
    for record, best in zip(rated, statistics.pareto(costs, [float(record[key]) for record in rated]), strict=True):  # type: ignore[literal-required]
        record["pareto"] = best
    what = "a higher published top-1" if key == "top1" else "more MACs"
    results.notes.append(f"*: Pareto-optimal; no other cell has {what} at a lower latency.")
    found = []
    for name, word in (("macs", "MACs"), ("activations", "activations"), ("params", "params")):
        rank = statistics.rank_correlation([float(record[name]) for record in cells], latency)  # type: ignore[literal-required]
        found.append(f"{word} {'–' if rank is None else f'{rank:.2f}'}")
    results.notes.append(f"Spearman's rank correlation with latency over {len(cells)} cells: {', '.join(found)}.")


def remarks(results: Results, run: Run, specs: Sequence[Spec], budget_s: float) -> list[str]:
    """What must be known beside the figures: why cells are empty, which rule ended them, what disturbed them."""
    empty = [i for i, record in enumerate(results) if record.get("latency_s") is None]
    disturbed = [i for i, record in enumerate(results) if record.get("grade") and "disturbed" in (record.get("reason") or "")]
    notes = _grouped(results, specs, empty, lambda record: f"no latency: {record.get('reason')}")
    notes += _grouped(results, specs, disturbed, lambda record: f"grade {record['grade']}: {record['reason']}")
    stops = [outcome.stop for outcome in run.outcomes if outcome.stop]
    rules = {"narrow": "within 1 %", "converged": "no longer narrowing", "budget": "budget spent"}
    said = ", ".join(f"{stops.count(rule)} {word}" for rule, word in rules.items() if rule in stops)
    if said:
        inside = 100 * run.inside_s / run.spent_s if run.spent_s else 0.0
        notes.append(
            f"{run.round} rounds in {run.spent_s:.1f} s of {budget_s:g} s, {inside:.0f} % of it inside calls; stopped: {said}."
        )
    unsettled = sum(outcome.warmed is not None and not outcome.warmed.settled for outcome in run.outcomes)
    if unsettled:
        notes.append(f"{unsettled} of {len(specs)} cells had not settled within 2 % when their warm-up ended.")
    clocks = [round_.visit.gpu["sm_clock_hz"] for o in run.outcomes for round_ in o.rounds.values() if round_.visit.gpu]
    if clocks:
        notes.append(f"SM clock {min(clocks) / 1e9:.2f} to {max(clocks) / 1e9:.2f} GHz.")
    proof = (results.machine or {}).get("selftest")
    if proof is not None:
        failed = [name for name, passed in proof["checks"].items() if not passed]
        notes.append(
            f"selftest here on {proof['date'][:10]}: {'passed' if not failed else 'not passed: ' + '; '.join(failed)}."
        )
    return notes


def _grouped(results: Results, specs: Sequence[Spec], chosen: Sequence[int], said: Callable[[Record], str]) -> list[str]:
    """A sentence a reason, with the first cell that it holds for and how many more; the first few reasons."""
    by_reason: dict[str, list[int]] = {}
    for i in chosen:
        by_reason.setdefault(SHARES.sub("", said(results[i])), []).append(i)
    notes = []
    for members in list(by_reason.values())[:MOST_EXPLAINED]:
        more = f" and {len(members) - 1} more like it" if len(members) > 1 else ""
        notes.append(f"{_cell(specs[members[0]], results)}{more}: {said(results[members[0]])}.")
    if len(by_reason) > MOST_EXPLAINED:
        notes.append(f"… and {len(by_reason) - MOST_EXPLAINED} more reasons; --columns model,grade,reason tells them.")
    return notes


def _cell(spec: Spec, results: Results) -> str:
    """A cell in words: its model, and what tells it from the others."""
    about, setting = spec.about, spec.setting
    words = [f"{key}={str(value).lower()}" for key, value in about["options"].items()]
    if about["alpha"] not in (None, 1.0):
        words.append(f"α {about['alpha']:g}")
    words.append(about["input"])
    words += [f"batch {spec.batch}"] if spec.batch != 1 else []
    varied = {name for name in ("device", "threads", "dtype", "memory_format") if len({r.get(name) for r in results}) > 1}
    words += [f"{name.replace('_', ' ')} {getattr(setting, name)}" for name in sorted(varied)]
    words += ["compiled"] if setting.compile else []
    return f"{about['model']} ({', '.join(words)})"
