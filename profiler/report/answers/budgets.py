"""What became of each budget → tables, records, the layers that grew; and the sentences that say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from profiler.records.environment import document
from profiler.records.place import PLACE
from profiler.records.verdicts import Checked, Line
from profiler.report import units, words
from profiler.report.answer import Answer, View
from profiler.report.answers.diff import drawn
from profiler.report.answers.layer_changes import TOP, amount, check_top, grown_sheets, heading, layer_records, signed
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.units import Unit

SETTING = ("device", "threads", "dtype", "memory_format", "compile", "mode", "runtime")
COLUMNS = (
    *PLACE, "count", "value", "low", "high", "limit", "source", "before", "room", "verdict", "reason", *SETTING,
)  # fmt: skip
WORDS = {"within": "within", "over": "OVER", "undecided": "undecided", "unmeasured": "UNMEASURED"}
MOST_NAMED = 3


def answer(found: Checked, view: View) -> Answer:
    """A check in every form. Raises ProfilerError for a top below 1."""
    check_top(view.top)
    top = TOP if view.top is None else view.top
    unit = units.settled(view.unit, "raw", (line.at.get("macs") for line in found.lines))

    def sheets(shown: Unit) -> list[Sheet]:
        made = [sheet for sheet in (_budgets(found, shown), _baseline(found, shown)) if sheet.rows]
        made += grown_sheets(found.grown, top, shown)
        made[-1].warnings += map(words.said, found.warnings)
        made[-1].notes += [*_notes(found), *map(words.said, found.notes)]
        return made

    records = [_record(line) for line in found.lines]
    return Answer(
        drawn(sheets, unit),
        lambda: sheets(unit),
        records,
        COLUMNS,
        lambda: document(
            "check", records, found.machine, rows=list(layer_records(found.grown)), passed=found.passed, strict=found.strict,
            warnings=[words.said(note) for note in found.warnings], notes=[words.said(note) for note in found.notes],
        ),
    )  # fmt: skip


def text(found: Checked) -> str:
    """The lines as sentences, for a person who reads a log."""
    return "\n".join([*map(sentence, found.lines), *map(words.said, found.warnings)])


def sentence(line: Line) -> str:
    """`mobilenet_v1 (224): MACs 568,740,352, over the budget of 500,000,000 (13.7 % over)`: a line in words."""
    quantity = line.limit.quantity
    what, most = heading(quantity, of=[line.at]), amount(quantity, float(line.limit.most), "raw")
    if line.value is None:
        return f"{line.model}: {what} was not measured (budget {most}): {line.reason}"
    head = f"{line.model}: {what} {_is(line, 'raw')}"
    if line.before is not None:
        was = amount(quantity, line.before, "raw")
        if line.value == line.before:
            return f"{head}, as in {line.limit.source}"
        verdict = {"within": "within", "over": "over", "undecided": "perhaps over"}[line.verdict]
        return f"{head}, and {was} in {line.limit.source} ({_change(line)} %), {verdict} the {most} that are allowed"
    relation = {"within": "within", "over": "over", "undecided": "with an interval that reaches over"}[line.verdict]
    source = "" if line.limit.source == "options" else f" in {line.limit.source}"
    return f"{head}, {relation} the budget of {most}{source} ({_room(line)})"


def failure(found: Checked) -> str:
    """Why the check failed, in one sentence with the cure."""
    named = [
        f"{line.model} {heading(line.limit.quantity, of=[line.at])}"
        + ("" if line.before is None else f" since {line.limit.source}")
        for line in found.failed
    ]
    some = ", ".join(named[:MOST_NAMED]) + (f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else "")
    if not named:
        return (
            "some operations have no formula and were not counted, which --strict does not allow; see the lines "
            "marked UNCOUNTED"
        )
    cure = "make the network cheaper, or raise the budget"
    unmeasured = [line.verdict == "unmeasured" for line in found.failed]
    if all(unmeasured):
        cure = "measure longer with --time"
    elif all(line.before is not None for line in found.failed):
        file = found.failed[0].limit.source
        cure = (
            f"make the network cheaper, or if the growth is intended, save a new baseline: profiler compare MODEL... -o {file}"
        )
    if any(unmeasured) and not all(unmeasured):
        cure += "; measure the rest longer with --time"
    limits = "limit" if len(found.lines) == 1 else "limits"
    return f"{len(named)} of {len(found.lines)} {limits} exceeded: {some}; {cure}"


def _budgets(found: Checked, unit: Unit) -> Sheet:
    rows = []
    lines = [line for line in found.lines if line.before is None]
    for line in lines:
        most = amount(line.limit.quantity, float(line.limit.most), unit)
        what = heading(line.limit.quantity, unit, [line.at])
        rows.append([line.model, what, _is(line, unit), most, _room(line), WORDS[line.verdict]])
    left = [Heading(name, right=False) for name in ("model", "count")]
    return Sheet([*left, *map(Heading, ("value", "budget", "room")), Heading("", right=False)], _once(rows), "budgets")


def _baseline(found: Checked, unit: Unit) -> Sheet:
    rows = []
    lines = [line for line in found.lines if line.before is not None]
    for line in lines:
        assert line.before is not None
        quantity = line.limit.quantity
        change = signed(quantity, (line.value or 0) - line.before, unit)
        was = amount(quantity, line.before, unit)
        rows.append(
            [line.model, heading(quantity, unit, [line.at]), was, _is(line, unit), change, _change(line), WORDS[line.verdict]]
        )
    left = [Heading(name, right=False) for name in ("model", "count")]
    heads = [*left, *map(Heading, ("baseline", "now", "difference", "%")), Heading("", right=False)]
    sources = list(dict.fromkeys(line.limit.source for line in lines))
    return Sheet(heads, _once(rows), f"against {', '.join(sources)}")


def _once(rows: list[list[str]]) -> list[list[str]]:
    """A network's name in the first of its rows only."""
    return [[row[0] if not i or rows[i - 1][0] != row[0] else "", *row[1:]] for i, row in enumerate(rows)]


def _is(line: Line, unit: Unit) -> str:
    if line.clock is None:
        return amount(line.limit.quantity, line.value, unit)
    value, low, high = line.clock
    return f"{units.seconds(value)} {units.interval(value, low, high)} {line.reason}".rstrip()


def _room(line: Line) -> str:
    """`12.3 % left`, `4.5 % over`."""
    if line.room is None:
        return units.UNKNOWN
    return f"{_percent(abs(line.room))} {'over' if line.room < 0 else 'left'}"


def _change(line: Line) -> str:
    assert line.before is not None
    if line.value is None or not line.before:
        return units.UNKNOWN
    share = line.value / line.before - 1
    return "0" if not share else f"{'+' if share > 0 else '-'}{_percent(abs(share)).removesuffix(' %')}"


def _percent(share: float) -> str:
    """Three digits, and never 0 of what is not: a count that is one too many is over."""
    if 0 < share < 0.00005:
        return "<0.01 %"
    return f"{100 * share:.2f} %" if share < 0.0995 else f"{100 * share:.1f} %" if share < 0.9995 else f"{100 * share:,.0f} %"


def _notes(found: Checked) -> list[str]:
    said = [line.verdict for line in found.lines]
    counted = ", ".join(f"{said.count(verdict)} {word}" for verdict, word in WORDS.items() if verdict in said)
    notes = [f"{len(said)} limit{'s' if len(said) > 1 else ''}: {counted}."]
    peaks = [line for line in found.lines if line.limit.quantity == "memory" and line.before is None]
    notes += [f"Peak of {line.model}: {line.reason}." for line in peaks]
    undecided = [line for line in found.lines if line.verdict == "undecided"]
    if undecided:
        from profiler.measure.grades import shows_slowness  # what only latencies need

        fate = "which fails, since --strict" if found.strict else "which fails only with --strict"
        if any(shows_slowness(line.at) for line in undecided):
            notes.append(f"undecided: the 95 % interval reaches over the limit and below it, {fate}; more --time narrows it.")
        if not all(shows_slowness(line.at) for line in undecided):
            notes.append(f"undecided: the machine was disturbed throughout, so its latency says little, {fate}.")
    notes += [f"{line.model} was not measured: {line.reason}." for line in found.lines if line.verdict == "unmeasured"]
    return notes


def _record(line: Line) -> dict[str, Any]:
    at: Mapping[str, Any] = line.at
    low, high = (None, None) if line.clock is None else line.clock[1:]
    most = line.limit.most
    timed: Sequence[str] = SETTING if line.limit.quantity == "latency" else ()
    return {
        **{name: at[name] for name in PLACE},
        "count": line.limit.quantity,
        "value": line.value,
        "low": low,
        "high": high,
        "limit": int(most) if most == int(most) and line.limit.quantity != "latency" else float(most),
        "source": line.limit.source,
        "before": line.before,
        "room": line.room,
        "verdict": line.verdict,
        "reason": line.reason or None,
        **{name: at.get(name) if name in timed else None for name in SETTING},
    }
