"""The stages of a network within limits → their answer: the widest combinations, one a row, and what they are of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from profiler.records.columns import COLUMNS as RECORD_COLUMNS
from profiler.records.limits import QUANTITIES, Bound, broken
from profiler.records.stage_fit import StageFit
from profiler.report import units, words
from profiler.report.answer import Answer, View, sorted_by
from profiler.report.answers import records
from profiler.report.answers.fit import amount, latency_text, limit_text, open_states, options_for, quantity
from profiler.report.sheets.columns import UNITS, Heading, limited
from profiler.report.sheets.sheet import TWO_FLOPS, Sheet
from profiler.report.terminal import table
from profiler.report.units import Unit

TOP = 20
"""Combinations that a table has unless the view says another number."""
SHOWN = ("macs", "params", "activations")
WORDS = {column: quantity for quantity, column in QUANTITIES.items()}
"""What is limited of each column."""


def answer(found: StageFit, view: View) -> Answer:
    """The maximal combinations; with columns that were chosen, as the CSV has them. Raises UnknownName for a column."""
    rows, columns, top = found.maximal, found.columns, view.top or TOP
    if view.sort is not None:
        rows = [found.maximal[i] for i in sorted_by(found.maximal, view.sort, columns)]
    if view.columns:
        unit = units.settled(view.unit, "raw", (each["macs"] for each in rows))
        made = records.chosen("fit_stages", list(rows), columns, view._replace(sort=None), _title(found, top, unit))
        return replace(made, document=found.to_dict)
    shown_rows = list(found.maximal[:top])  # the largest, whatever they are sorted by
    if view.sort is not None:
        shown_rows = [shown_rows[i] for i in sorted_by(shown_rows, view.sort, columns)]
    unit = units.settled(view.unit, "raw", (each["macs"] for each in rows))
    limited_counts = [bound.column for bound in found.limits if bound.quantity != "latency"]
    counts = list(dict.fromkeys([*limited_counts, *SHOWN]))
    clock = ["latency"] if found.latency is not None else []

    def content(shown: Unit) -> Sheet:
        heads = [Heading("stages", right=False), *(Heading(stage.name) for stage in found.stages)]
        heads += [Heading(units.macs_heading(shown) if name == "macs" else limited(WORDS[name])) for name in counts]
        heads += map(Heading, clock)
        body = [
            [
                each["stages"],
                *each["widths"].split(":"),
                *(UNITS[RECORD_COLUMNS[name].unit](each[name], units.of(shown, name)) for name in counts),
                *(latency_text(each) for _ in clock),
            ]
            for each in shown_rows
        ]
        return Sheet(heads, body, _title(found, top, shown), list(_notes(found, shown)))

    def without_widths(shown: Unit) -> Sheet:
        made, n = content(shown), len(found.stages)
        made.columns[1 : n + 1] = []
        made.rows = [[first, *rest[n:]] for first, *rest in made.rows]
        return made

    drawn = table.Fitted(content, unit, narrower=[without_widths])
    return Answer(drawn, lambda: [content(unit)], rows, columns, found.to_dict, found)


def _title(found: StageFit, top: int, unit: Unit) -> str:
    """`mobilenet_v1: MACs ≤ 300,000,000: 25,783 of 161,051 combinations of its stages fit; the largest 20 of 1,527 maximal`."""
    limits = ", ".join(limit_text(bound, unit) for bound in found.limits)
    counts = f"{found.fitting:,} of {found.combinations:,} combinations of its stages fit"
    if found.latency is not None:
        counts += open_states({"undecided": found.latency.undecided, "unknown": found.latency.unknown})
    rows = len(found.maximal)
    shown = f"; the largest {top} of {rows:,} that are maximal" if rows > top else "; those that are maximal" if rows else ""
    return ": ".join(filter(None, [found.model, limits, counts + shown]))


def _notes(found: StageFit, unit: Unit) -> Iterator[str]:
    """What the rows are, what cannot be built, and the ends of the counts."""
    if units.macs_heading(unit) == "FLOPs":
        yield TWO_FLOPS
    if found.maximal:
        yield "Maximal: no stage can be made wider within the limits."
        yield "The number under each stage is the width of its last layer; -o FILE writes all maximal combinations."
    if found.unbuildable:
        yield f"{found.unbuildable:,} combinations cannot be built because the widths of their parts do not match."
    if found.latency is not None:
        yield from map(words.said, found.latency.notes)
    for extreme in found.extremes:
        bound = Bound(WORDS[extreme.quantity])
        value = amount(bound, extreme.record[extreme.quantity], unit)
        yield f"{extreme.end} {quantity(bound, unit)}: {value} at stages={extreme.record['stages']}"


def failure(found: StageFit) -> str:
    """Why nothing fits: the nearest combination, and what would have to give for it."""
    unknown = 0 if found.latency is None else found.latency.unknown
    if found.closest is None and unknown:
        return f"no combination is known to fit; the latency of {unknown:,} combinations is unknown, see the reasons above"
    if found.closest is None:
        return "nothing fits: none of these combinations can be built; give other ranges"
    options = options_for(broken(found.limits, found.closest), found.closest)
    near = f"{found.model}@stages={found.closest['stages']}"
    return f"nothing fits; the nearest is {near}; it would fit with {' and '.join(options)}"
