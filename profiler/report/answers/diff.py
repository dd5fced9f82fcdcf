"""What differs between two runs or two networks → tables: totals first, then layer by layer; and records of the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from profiler.records.columns import Record
from profiler.records.environment import document
from profiler.records.verdicts import Compared, Diffed
from profiler.report import units, words
from profiler.report.answer import Answer, View
from profiler.report.answers.layer_changes import LAYER, TOP, amount, check_top, heading, layer_records, layers_sheets, signed
from profiler.report.sheets.columns import Heading, latency_text
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table
from profiler.report.units import Unit

SUMS = ("params", "macs", "activations", "elementwise", "weight_bytes", "unread")
COLUMNS = (
    "model", "path", "change", "was", "what",
    *(f"{name}_{when}" for name in (*SUMS[:-1], "latency_s") for when in ("before", "after")), "clock",
    "unread_before", "unread_after",
)  # fmt: skip


def answer(found: Diffed, view: View) -> Answer:
    """A diff in every form. Raises ProfilerError for a top below 1."""
    check_top(view.top)
    top, unit = TOP if view.top is None else view.top, units.settled(view.unit, "raw", _macs(found))

    def sheets(shown: Unit) -> list[Sheet]:
        made = [totals_sheet(found, shown)]
        for each in found.cells:
            if each.layers is not None and not each.same:
                title = "by layer" + (f", {each.name}" if len(found.cells) > 1 else "")
                made += layers_sheets(each, LAYER, top, shown, title)
        made[-1].notes += map(words.said, found.notes)
        for detail in made[1:]:
            detail.detail = True
        return made

    records = [_record(each) for each in found.cells]
    rows = list(layer_records(found.cells))
    return Answer(
        drawn(sheets, unit),
        lambda: sheets(unit),
        [*records, *rows],
        COLUMNS,
        lambda: document(
            "diff", records, rows=rows, before=found.before, after=found.after, notes=[words.said(note) for note in found.notes]
        ),
    )


def _macs(found: Diffed) -> list[int | None]:
    """The multiply-adds of its totals."""
    return [record.get("macs") for each in found.cells for record in (each.before, each.after) if record is not None]


def drawn(sheets: Callable[[Unit], list[Sheet]], unit: Unit) -> Group:
    """Sheets one below the other; where a terminal has no room, without the differences that two numbers beside them make."""
    parts: list[RenderableType] = []
    for i in range(len(sheets(unit))):

        def content(shown: Unit, i: int = i) -> Sheet:
            return sheets(shown)[i]

        def narrow(shown: Unit, i: int = i) -> Sheet:
            made = sheets("auto" if shown == "raw" else shown)[i]
            kept = [k for k, column in enumerate(made.columns) if column.text != "difference"]
            made.columns = [made.columns[k] for k in kept]
            made.rows = [[row[k] for k in kept] for row in made.rows]
            return made

        parts += [*([Text()] if i else []), table.Fitted(content, unit, [narrow])]
    return Group(*parts)


def totals_sheet(found: Diffed, unit: Unit) -> Sheet:
    """Sums before and after: of one network each, of several only what differs."""
    several = len(found.cells) > 1
    columns = [*([Heading("model", right=False)] if several else []), Heading("count", right=False)]
    columns += map(Heading, ("before", "after", "difference", "×"))
    rows = []
    for each in found.cells:
        lines = list(_totals(each, unit, every=not several))
        rows += [[*([each.name if not i else ""] if several else []), *line] for i, line in enumerate(lines)]
    notes = []
    if several:
        equal = sum(each.same for each in found.cells)
        above = "" if equal == len(found.cells) else "; the others are above"
        notes.append(f"{equal} of {len(found.cells)} are equal in every count{above}.")
    elif found.same:
        notes.append("No count and no layer differs." if found.cells[0].layers is not None else "No count differs.")
    return Sheet(columns, rows, f"{found.before} → {found.after}" if several else found.cells[0].name, notes)


def _totals(each: Compared, unit: Unit, every: bool) -> Iterator[list[str]]:
    """[count, before, after, difference, ratio] of the sums that differ, or with `every` of all of them."""
    if each.before is None or each.after is None:
        made = each.after or each.before
        assert made is not None
        value = amount("macs", made["macs"], unit)
        yield ["added", "", f"{value}", "", ""] if each.before is None else ["removed", f"{value}", "", "", ""]
        return
    for quantity in SUMS:
        a, b = each.before.get(quantity) or 0, each.after.get(quantity) or 0
        if (every and (quantity != "unread" or a or b)) or a != b:
            words = (amount(quantity, a, unit), amount(quantity, b, unit), signed(quantity, b - a, unit), units.ratio(b, a))
            yield [heading(quantity, unit, [each.before, each.after]), *words]
    if each.clock is not None or (every and each.unlike):
        yield ["latency", _clock(each.before), _clock(each.after), each.clock or "not compared", _times(each)]


def _times(each: Compared) -> str:
    assert each.before is not None
    assert each.after is not None
    a, b = each.before.get("latency_s"), each.after.get("latency_s")
    return units.times(b / a) if a and b and each.clock is not None else units.UNKNOWN


def _clock(made: Record) -> str:
    return str(latency_text(made))


def _record(each: Compared) -> dict[str, Any]:
    """A network's sums before and after; its path is unknown."""
    change = "added" if each.before is None else "removed" if each.after is None else "unchanged" if each.same else "changed"
    made: dict[str, Any] = {"model": each.name, "path": None, "change": change, "was": None, "what": None}
    sides: tuple[tuple[str, Mapping[str, Any] | None], ...] = (("before", each.before), ("after", each.after))
    for name in (*SUMS, "latency_s"):
        for when, side in sides:
            made[f"{name}_{when}"] = None if side is None else side.get(name)
    unread = {name: made.pop(name) for name in ("unread_before", "unread_after")}
    return made | {"clock": each.clock} | unread
