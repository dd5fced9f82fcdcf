"""Results as a notebook shows them: tables of HTML in the colours of its own theme, every text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rich.console import Group, RenderableType
from rich.text import Text

from profiler.errors import ProfilerError
from profiler.records.agreement import Agreement
from profiler.records.polynomials import Polynomials
from profiler.records.profile import Profile
from profiler.records.published import Verified
from profiler.records.results import Results
from profiler.records.shown import Shown, WhatIf
from profiler.records.timing import Certificate, Layers, Measured, Timing
from profiler.records.traced import Traced
from profiler.records.training import Memory, TrainingCost
from profiler.records.verdicts import Checked, Diffed
from profiler.report import units
from profiler.report.answers import budgets, diff, layer_times, networks, verify
from profiler.report.sheets import details, sheet
from profiler.report.sheets.columns import Column
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table

MOST_ROWS = 200
"""Rows of a table that a notebook is given; the page would be slow with more."""
LONGEST = 20
"""Layers on the clock that are shown, those that take longest."""
STYLE = """<style>
.profiler table {color: inherit; border-collapse: collapse; border: 0; margin: 0.3em 0; font-variant-numeric: tabular-nums}
.profiler th, .profiler td {padding: 0.15em 0.7em; border: 0; white-space: nowrap; background: none; color: inherit}
.profiler thead tr {border-bottom: 1px solid currentColor}
.profiler p {margin: 0.2em 0; max-width: 70em}
.profiler .lead, .profiler caption {font-weight: bold; text-align: left; color: inherit}
.profiler .warning {font-weight: bold; border-left: 0.3em solid #d1242f; padding-left: 0.5em}
.profiler .note {opacity: 0.75; font-size: 0.92em}
</style>"""
"""No colour of its own but for warnings: what is there inherits the theme's, light or dark."""


def sheets(thing: object) -> list[Sheet]:
    """The tables of a result. Raises ProfilerError for what is none."""
    match thing:
        case Results():
            return [sheet.results_sheet(thing)]
        case Profile():
            return _profile(thing, None)
        case Shown():
            return networks.show(thing, 2, None, False, "raw").sheets()
        case WhatIf():
            return [details.what_if_sheet(thing, None, "raw")]
        case TrainingCost():
            return [details.training_sheet(thing, 2, None, "raw")]
        case Memory():
            return [details.memory_sheet([thing])]
        case Polynomials():
            return networks.polynomials([thing]).sheets()
        case Verified():
            return verify.answer(thing, named=True, published=None).sheets()
        case Measured():
            return layer_times.layers(thing, 0, LONGEST, "auto", (), None).sheets()
        case Layers():
            return layer_times.of_one(thing, 0, LONGEST, "auto")
        case Timing():
            return [_timing(thing)]
        case Checked():
            return budgets.answer(thing).sheets()
        case Diffed():
            return diff.answer(thing).sheets()
        case Certificate():
            return layer_times.certificate(thing).sheets()
        case Agreement():
            return [_agreement(thing)]
        case Traced():
            return _profile(thing.profile, thing)
    raise ProfilerError(f"{type(thing).__name__} has no tables; give a result of compare, sweep, profile or benchmark")


def _profile(profile: Profile, traced: Traced | None) -> list[Sheet]:
    made = [sheet.kinds_sheet(profile), sheet.layers_sheet(profile)]
    made[0].lead = [sheet.profile_title(profile), *sheet.totals_text(profile, "raw")]
    if traced is not None:
        made[0].lead[0] = sheet.profile_title(profile, traced.inputs or None)
        made[0].lead += details.tracing_head(traced, profile.params, profile.macs, "raw")
        made[-1].notes += details.tracing_lines(profile.model, traced)
        made[-1].warnings += details.uncounted(profile.model, traced)
    return made


def _timing(made: Timing) -> Sheet:
    """One cell's latency, with what it was measured in; why there is none, where there is none."""
    rows = [["device", made.device], ["threads", str(made.threads)], ["dtype", made.dtype]]
    rows += [["memory format", made.memory_format], ["compiled", "yes" if made.compile else "no"]]
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
    return Sheet([Column("", right=False), Column("", right=False)], rows, f"{made.model}, batch {made.batch}", notes, warnings)


def _agreement(found: Agreement) -> Sheet:
    rows = [["MACs, comparable with ours", f"{found.macs:,}"], ["what it prints", f"{found.total:,}"]]
    rows += [[f"it {reason}", f"{amount:+,}"] for reason, amount in found.reasons]
    warnings = [
        f"{each.path or 'its own forward'}: it counts {each.found:,} where its own rules make {each.expected:,}"
        for each in found.differences
    ]
    notes = [] if warnings else ["It agrees on every layer."]
    return Sheet([Column("", right=False), Column("count")], rows, f"{found.engine} on {found.cell}", notes, warnings)


# Written


def text(thing: object) -> str:
    """A check as sentences. Raises ProfilerError for anything else."""
    if not isinstance(thing, Checked):
        raise ProfilerError(f"{type(thing).__name__} has no sentences; give a result of check")
    return budgets.text(thing)


def drawn(thing: object) -> RenderableType:
    """A result as a terminal shows it."""
    match thing:
        case Results():
            return table.results_table(thing)
        case Profile():
            return table.show(thing)
        case Checked():
            return budgets.answer(thing).drawn
        case Diffed():
            return diff.answer(thing).drawn
    parts: list[RenderableType] = []
    for content in sheets(thing):
        parts += [*([Text()] if parts else []), *map(Text, content.lead)]
        parts.append(table.Fitted(lambda _, content=content: content, "auto"))  # type: ignore[misc]
    return Group(*parts)


def html(thing: object) -> str:
    """A result as a fragment of HTML."""
    return f'<div class="profiler">{STYLE}{"".join(map(_table, sheets(thing)))}</div>'


def _table(content: Sheet) -> str:
    lead = [f'<p class="lead">{escape(line)}</p>' if not i else f"<p>{escape(line)}</p>" for i, line in enumerate(content.lead)]
    title = f"<caption>{escape(content.title)}</caption>" if content.title else ""
    sides = ["right" if column.right else "left" for column in content.columns]
    heads = [column.heading for column in content.columns]
    head = f"<thead>{_row('th', heads, sides)}</thead>" if any(heads) else ""
    body = "".join(_row("td", cells, sides) for cells in content.rows[:MOST_ROWS])
    warnings = [f'<p class="warning">{escape(line)}</p>' for line in content.warnings]
    notes = list(content.notes)
    if len(content.rows) > MOST_ROWS:
        notes.insert(0, f"The first {MOST_ROWS} of {len(content.rows):,} rows; the result itself holds all.")
    said = [f'<p class="note">{escape(line)}</p>' for line in notes]
    return "".join([*lead, f"<table>{title}{head}<tbody>{body}</tbody></table>", *warnings, *said])


def _row(tag: str, cells: Sequence[str], sides: Sequence[str]) -> str:
    made = (f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>' for cell, side in zip(cells, sides, strict=True))
    return f"<tr>{''.join(made)}</tr>"
