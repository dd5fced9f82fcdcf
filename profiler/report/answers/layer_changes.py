"""Layers before and after → tables and records: a line for each count that differs, and what became of the layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import structs

from profiler.errors import ProfilerError
from profiler.records.columns import Record
from profiler.records.profile import Row
from profiler.records.verdicts import COUNTS, Compared, Pair
from profiler.report import units
from profiler.report.answers.axes import Layouts, resized
from profiler.report.sheets import dtypes
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.units import Unit

TOP = 10
"""Layers that a table shows unless told otherwise: those that differ most."""
LAYER = ("params", "macs", "activations", "elementwise")
MOST_FACTS = 2


def heading(quantity: str, unit: Unit = "raw", of: Sequence[Record | None] = ()) -> str:
    """What a count is called in a table; `of` are the records that it is a count of, where there are any."""
    if quantity == "weight_bytes":
        return dtypes.heading(of)
    return units.macs_heading(unit) if quantity == "macs" else quantity


def amount(quantity: str, value: float | None, unit: Unit) -> str:
    """A count, bytes or seconds, as a table has it."""
    if value is None or quantity == "latency":
        return units.seconds(value)
    if quantity in ("weight_bytes", "memory"):
        return units.size(int(value))
    return units.macs(int(value), unit) if quantity == "macs" else units.count(int(value), unit, quantity)


def signed(quantity: str, value: float, unit: Unit) -> str:
    """`+9,216`, `-1.8 MiB`, or `0`."""
    if not value:
        return "0"
    return ("+" if value > 0 else "-") + amount(quantity, abs(value), unit)


def check_top(top: int | None) -> None:
    """Raises ProfilerError for a number of layers below 1."""
    if top is not None and top < 1:
        raise ProfilerError(f"top must be 1 or more, not {top}")


def layers_sheets(
    found: Compared, quantities: Sequence[str], top: int | None, unit: Unit, title: str = "by layer"
) -> list[Sheet]:
    """What became of the layers: a line for each count that differs; then those that only moved. Unchanged ones are counted."""
    pairs = found.layers or ()
    moved = [pair for pair in pairs if pair.word == "renamed"]
    differing = [pair for pair in pairs if pair.word not in ("unchanged", "renamed")]
    shown = differing
    if top is not None and len(differing) > top:
        largest = sorted(differing, key=lambda pair: -max(_weight(pair, quantity) for quantity in quantities))[:top]
        kept = set(map(id, largest))
        shown = [pair for pair in differing if id(pair) in kept]
    layouts = Layouts.of(pairs)
    rows = [row for pair in shown for row in _rows(pair, quantities, unit, layouts)]
    left = [Heading(name, right=False) for name in ("layer", "change", "count")]
    if len(shown) < len(differing):
        title += f", the {len(shown)} that differ most (--top shows more)"
    notes = [_counted(pairs)]
    made = [Sheet([*left, *map(Heading, ("before", "after", "difference"))], rows, title, notes)] if rows else []
    if moved:
        names = [Heading(name, right=False) for name in ("renamed", "to")]
        folded = [[old, new, str(n)] for (old, new), n in _folded(moved).items()]
        made.append(Sheet([*names, Heading("layers")], folded[:top], "" if rows else title, [] if rows else notes))
    return made


def _counted(pairs: Sequence[Pair]) -> str:
    said = [pair.word for pair in pairs]
    told = [f"{said.count(word)} {word}" for word in ("unchanged", "renamed", "changed", "added", "removed") if word in said]
    return f"Layers: {', '.join(told)}."


def _weight(pair: Pair, quantity: str) -> int:
    before, after = pair.sizes(quantity)
    return abs(after - before)


def _rows(pair: Pair, quantities: Sequence[str], unit: Unit, layouts: Layouts) -> list[list[str]]:
    rows = []
    for quantity in quantities:
        before, after = pair.sizes(quantity)
        if before != after:
            texts = ["" if row is None else amount(quantity, n, unit) for row, n in zip(pair, (before, after), strict=True)]
            rows.append([heading(quantity, unit), *texts, signed(quantity, after - before, unit)])
    rows = rows or [["", "", "", ""]]
    return [[pair.path, what(pair, layouts) or pair.word, *rows[0]], *(["", "", *row] for row in rows[1:])]


def what(pair: Pair, layouts: Layouts | None = None) -> str:
    """`kernel 3x3 → 5x5`: the facts of a layer that differ, or its operation, or the axis; empty where none does.

    `layouts` are those of the networks that it is of, for operations that do not say what their axes are.
    """
    if pair.before is None or pair.after is None:
        return ""
    before, after = pair.before, pair.after
    told = [] if before.op == after.op else [f"{before.op} → {after.op}"]
    names = list(dict.fromkeys([*before.facts, *after.facts])) if before.op == after.op else []
    names = [name for name in names if not name.endswith("macs")]  # counts that follow from the shapes
    for name in names:
        texts = [_fact(row, name) for row in (before, after)]
        if texts[0] != texts[1]:
            told.append(f"{name} {texts[0]} → {texts[1]}")
    if not told:
        told = resized(before, after, layouts or Layouts([before, after]))
    if before.side != after.side:
        told.append("in training only" if after.side else "no longer in training only")
    return ", ".join(told[:MOST_FACTS]) + (" …" if len(told) > MOST_FACTS else "")


def _fact(row: Row, name: str) -> str:
    value = row.facts.get(name)
    if isinstance(value, list | tuple):
        return "x".join(map(str, value))
    return units.UNKNOWN if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _folded(moved: Sequence[Pair]) -> dict[tuple[str, str], int]:
    """{(old, new): layers}, the names that both paths end in taken off: `body.… → features.…`."""
    found: dict[tuple[str, str], int] = {}
    for pair in moved:
        assert pair.before is not None
        assert pair.after is not None
        old, new = pair.before.path.split("."), pair.after.path.split(".")
        shared = 0
        while len(old) > 1 and len(new) > 1 and old[-1] == new[-1]:
            old.pop()
            new.pop()
            shared = 1
        rest = ".…" if shared else ""
        key = (".".join(old) + rest, ".".join(new) + rest)
        found[key] = found.get(key, 0) + 1
    return found


def layer_records(cells: Sequence[Compared]) -> Iterator[dict[str, Any]]:
    """One record a layer that is not as it was."""
    for each in cells:
        layouts = Layouts.of(each.layers or ())
        for pair in each.layers or ():
            if pair.word == "unchanged":
                continue
            was = pair.before.path if pair.before is not None and pair.word == "renamed" else None
            made: dict[str, Any] = {
                "model": each.name,
                "path": pair.path,
                "change": pair.word,
                "was": was,
                "what": what(pair, layouts) or None,
            }
            for quantity in LAYER:
                for when, row in zip(("before", "after"), pair, strict=True):
                    made[f"{quantity}_{when}"] = None if row is None else getattr(row, quantity)
            yield made


def grown_sheets(grown: Sequence[Compared], top: int | None, unit: Unit) -> list[Sheet]:
    """Of networks that grew beyond what is tolerated: the layers in which what grew differs."""
    made = []
    for each in grown:
        assert each.before is not None
        assert each.after is not None
        more = [name for name in COUNTS if each.after[name] > each.before[name]]
        if each.layers is None:
            made.append(
                Sheet(
                    [Heading("layer", right=False)],
                    [],
                    f"what grew in {each.name}",
                    ["The baseline holds no layers, which `profiler compare` saves."],
                )
            )
            continue
        kept = tuple(pair for pair in each.layers if pair.word == "unchanged" or any(_weight(pair, name) for name in more))
        for sheet in layers_sheets(structs.replace(each, layers=kept), more, top, unit, f"what grew in {each.name}"):
            sheet.notes = [_counted(each.layers)]
            made.append(sheet)
    return made
