"""The stages of a network within limits → their answer: the widest combinations, one a row, and what they are of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from profiler.records.columns import COLUMNS as RECORD_COLUMNS
from profiler.records.columns import Record
from profiler.records.limits import BYTES, QUANTITIES, Bound, broken
from profiler.records.stage_fit import COLUMNS, StageFit
from profiler.report import units
from profiler.report.answer import Answer, View, sorted_by
from profiler.report.answers import records
from profiler.report.answers.fit import amount, limit_text
from profiler.report.sheets.columns import UNITS, Heading, limited
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table
from profiler.report.units import Unit

TOP = 20
"""Combinations that a table has unless the view says another number."""
SHOWN = ("macs", "params", "activations")
WORDS = {column: quantity for quantity, column in QUANTITIES.items()}
"""What is limited of each column."""


def answer(found: StageFit, view: View) -> Answer:
    """The maximal combinations; with columns that were chosen, as the CSV has them. Raises UnknownName for a column."""
    rows, columns, top = found.maximal, list(COLUMNS), view.top or TOP
    if view.sort is not None:
        rows = [found.maximal[i] for i in sorted_by(found.maximal, view.sort, columns)]
    if view.columns:
        made = records.chosen("fit_stages", list(rows), columns, view._replace(sort=None), _title(found, top))
        return replace(made, document=found.to_dict)
    shown_rows = list(found.maximal[:top])  # the largest, whatever they are sorted by
    if view.sort is not None:
        shown_rows = [shown_rows[i] for i in sorted_by(shown_rows, view.sort, columns)]
    unit = units.settled(view.unit, "raw", (each["macs"] for each in rows))
    counts = list(dict.fromkeys([*(bound.column for bound in found.limits), *SHOWN]))

    def content(shown: Unit) -> Sheet:
        heads = [Heading("stages", right=False), *(Heading(stage.name) for stage in found.stages)]
        heads += [Heading(units.macs_heading(shown) if name == "macs" else limited(WORDS[name])) for name in counts]
        body = [
            [
                each["stages"],
                *each["widths"].split(":"),
                *(UNITS[RECORD_COLUMNS[name].unit](each[name], units.of(shown, name)) for name in counts),
            ]
            for each in shown_rows
        ]
        return Sheet(heads, body, _title(found, top), list(_notes(found)))

    def without_widths(shown: Unit) -> Sheet:
        made, n = content(shown), len(found.stages)
        made.columns[1 : n + 1] = []
        made.rows = [[first, *rest[n:]] for first, *rest in made.rows]
        return made

    drawn = table.Fitted(content, unit, narrower=[without_widths])
    return Answer(drawn, lambda: [content(unit)], rows, columns, found.to_dict, found)


def _title(found: StageFit, top: int) -> str:
    """`mobilenet_v1: MACs ≤ 300,000,000: 25,783 of 161,051 combinations of its stages fit; the largest 20 of 1,527 maximal`."""
    limits = ", ".join(map(limit_text, found.limits))
    counts = f"{found.fitting:,} of {found.combinations:,} combinations of its stages fit"
    rows = len(found.maximal)
    shown = f"; the largest {top} of {rows:,} that are maximal" if rows > top else "; those that are maximal" if rows else ""
    return ": ".join(filter(None, [found.model, limits, counts + shown]))


def _notes(found: StageFit) -> Iterator[str]:
    """What the rows are, what cannot be built, and the ends of the counts."""
    if found.maximal:
        yield "Maximal: no stage can take its next width and stay within."
        yield "Under each stage stands the width of its last layer; a file has all that are maximal."
    if found.unbuildable:
        yield f"{found.unbuildable:,} combinations cannot be built, since their parts do not fit each other."
    for extreme in found.extremes:
        quantity = WORDS[extreme.quantity]
        value = amount(Bound(quantity), extreme.record[extreme.quantity])
        yield f"{extreme.end} {limited(quantity)}: {value} at stages={extreme.record['stages']}"


def failure(found: StageFit) -> str:
    """Why nothing fits: the nearest combination, and what would have to give for it."""
    if found.closest is None:
        return "nothing fits: none of these combinations can be built; give others"
    return f"nothing fits; {_nearest(found, found.closest)}"


def _nearest(found: StageFit, near: Record) -> str:
    options = []
    for bound in broken(found.limits, near):
        value = near[bound.column]
        end = "max" if bound.most is not None and value > bound.most else "min"
        options.append(f"--{end}-{bound.quantity.replace('_', '-')} {value}{'B' if bound.quantity in BYTES else ''}")
    return f"the nearest is {found.model}@stages={near['stages']}; it would fit with {' and '.join(options)}"
