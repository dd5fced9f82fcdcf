"""The tables of what is a part of other results: a profile, a timing, an agreement, a rewriting, a training step, memory."""

from __future__ import annotations

from profiler.records.agreement import Agreement
from profiler.records.generation import Generation
from profiler.records.polynomials import Formulas, Polynomials
from profiler.records.profile import Profile
from profiler.records.sharding import TrainingMemory
from profiler.records.shown import WhatIf
from profiler.records.timing import Timing
from profiler.records.traced import Traced
from profiler.records.training import Memory, TrainingCost
from profiler.report import units
from profiler.report.answer import View
from profiler.report.answers import formula
from profiler.report.sheets import details, sheet
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.generation import generation_sheets
from profiler.report.sheets.layers import layers_sheet
from profiler.report.sheets.sharding import sharding_sheet
from profiler.report.sheets.sheet import Sheet


def profile(found: Profile) -> list[Sheet]:
    """Kinds and layers, below the totals."""
    return _profile(found, None)


def what_if(found: WhatIf) -> list[Sheet]:
    """The layers that a rewriting changes."""
    return [details.what_if_sheet(found, None, "raw")]


def training(found: TrainingCost) -> list[Sheet]:
    """Multiply-adds of a training step."""
    return [details.training_sheet(found, 2, None, "raw")]


def generation(found: Generation) -> list[Sheet]:
    """The steps of a model that reads and writes text, its cache and weights."""
    return generation_sheets(found, "auto")


def sharding(found: TrainingMemory) -> list[Sheet]:
    """The bytes of a training step on several devices."""
    return [sharding_sheet(found)]


def memory(found: Memory) -> list[Sheet]:
    """Bytes, and where their peak is."""
    return [details.memory_sheet([found])]


def polynomials(found: Polynomials) -> list[Sheet]:
    """The polynomials of one network."""
    return formula.answer(Formulas([found]), View()).sheets()


def traced(found: Traced) -> list[Sheet]:
    """Kinds and layers of a traced module, and how it was traced."""
    return _profile(found.profile, found)


def _profile(profile: Profile, traced: Traced | None) -> list[Sheet]:
    made = [sheet.kinds_sheet(profile), layers_sheet(profile)]
    made[0].lead = [sheet.profile_title(profile), *sheet.totals_text(profile, "raw")]
    made[-1].warnings += sheet.uncounted_text(profile) if traced is None else []
    if traced is not None:
        made[0].lead[0] = sheet.profile_title(profile, traced.inputs or None)
        made[0].lead += details.tracing_head(traced, profile.params, "raw")
        made[-1].notes += details.tracing_lines(profile.model, traced)
        made[-1].warnings += details.uncounted(profile.model, traced)
    return made


def timing(made: Timing) -> list[Sheet]:
    """One cell's latency, with what it was measured in; or why it was not measured."""
    rows = [["device", made.device], ["threads", str(made.threads)], ["dtype", made.dtype]]
    rows += [["memory format", made.memory_format], ["runtime", made.runtime]]
    rows.append(["mode", " with ".join(filter(None, [made.mode, made.optimizer or ""]))])
    if made.latency_s is not None and made.latency_low_s is not None and made.latency_high_s is not None:
        spread = units.interval(made.latency_s, made.latency_low_s, made.latency_high_s)
        rows = [
            ["latency", f"{units.seconds(made.latency_s)} {spread} {made.grade}"],
            ["95 % interval", f"{units.seconds(made.latency_low_s)} … {units.seconds(made.latency_high_s)}"],
            ["images/s", units.rate(made.images_per_second)],
            *rows,
        ]
    rows.append(["rounds, samples", f"{made.rounds:,}, {made.samples:,}"])
    rows += [
        [name, units.seconds(s)] for name, s in (("build", made.build_s), ("first call", made.first_call_s)) if s is not None
    ]
    if made.peak_bytes is not None:
        rows.append(["peak", units.size(made.peak_bytes)])
    notes = [f"{made.reason}."] if made.reason and made.latency_s is not None else []
    warnings = [made.reason] if made.latency_s is None else []
    heads = [Heading("", right=False), Heading("", right=False)]
    return [Sheet(heads, rows, f"{made.model}, batch {made.batch}", notes, warnings)]


def agreement(found: Agreement) -> list[Sheet]:
    """What an engine says beside us, and why it says something else."""
    rows = [["MACs, comparable with ours", f"{found.macs:,}"], ["what it reports", f"{found.total:,}"]]
    rows += [[f"it {reason}", f"{amount:+,}"] for reason, amount in found.reasons]
    warnings = [
        f"{each.path or 'its own forward'}: it counts {each.found:,} where its own rules make {each.expected:,}"
        for each in found.differences
    ]
    notes = [] if warnings else ["It agrees on every layer."]
    return [Sheet([Heading("", right=False), Heading("count")], rows, f"{found.engine} on {found.cell}", notes, warnings)]
