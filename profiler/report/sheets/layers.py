"""The layers of one network as a table: to a depth, equal siblings in one line, in the columns that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from profiler.records.columns import COLUMNS
from profiler.records.profile import Profile
from profiler.report import units
from profiler.report.answer import sorted_by
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.folded import folded, nodes
from profiler.report.sheets.sheet import Sheet, most
from profiler.report.units import Unit
from profiler.report.writers import plain

SHARE = "%"
"""The column of a line's share of the multiply-adds."""
DEFAULT = ("path", "output", "params", "macs", SHARE, "activations")
ROW_COLUMNS = (
    "path", "op", "kind", "module", "inputs", "output", "params", "weights", "bias", "norm", "buffers", "macs",
    "elementwise", "activations", "side", "convention", "total", "moved",
)  # fmt: skip
"""What is known of a layer, as the CSV has it."""
_SUMMED = frozenset((
    "params", "weights", "bias", "norm", "buffers", "macs", "elementwise", "activations", "total", "moved",
))  # fmt: skip
_HEADINGS = {"path": "layer", SHARE: SHARE}


def layers_sheet(
    profile: Profile,
    depth: int = 2,
    top: int | None = None,
    unit: Unit = "raw",
    fold: bool = True,
    records: Sequence[Mapping[str, Any]] = (),
    columns: Sequence[str] = (),
    sort: str | None = None,
) -> Sheet:
    """The layers, or with `depth` what they are parts of, equal siblings in one line; with `top` only the costliest, each.

    `records` are those of the rows, where more is asked for than the table shows by itself; `columns` and `sort` are names of
    ROW_COLUMNS. Raises UnknownName for another.
    """
    records = records or [row.to_dict() for row in profile.rows]
    lines = _lines(profile, depth, records)
    title, hint = ("by layer", "") if depth == 0 else (f"by layer, to a depth of {depth}", "(--depth 0 shows every layer)")
    if top is not None:
        lines = sorted(lines, key=lambda line: -line["macs"])[:top]
    elif fold:
        folds = folded(nodes(profile.rows, depth))
        if len(folds) < len(lines):
            title += ", equal ones summed"
            hint = "(--depth 0, --no-fold show more)" if depth else "(--no-fold shows each)"
        lines = [_merged(each.name, [lines[i] for i in each.members]) for each in folds]
    title = most(title, lines, top)
    if sort is not None:
        lines = [lines[i] for i in sorted_by(lines, sort, ROW_COLUMNS)]
    names = columns or DEFAULT
    cells = [[_cell(line, name, profile, unit) for name in names] for line in lines]
    return Sheet([_heading(name, unit) for name in names], cells, title, hint=hint)


def _lines(profile: Profile, depth: int, records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The records of what runs in evaluation, grouped as `nodes` groups the rows."""
    at = {path: i for i, path in enumerate(dict.fromkeys(node.path for node in nodes(profile.rows, depth)))} if depth else {}
    groups: list[list[Mapping[str, Any]]] = [[] for _ in at]
    for row, record in zip(profile.rows, records, strict=True):
        if row.side:
            continue
        if depth:
            groups[at[".".join(row.path.split(".")[:depth])]].append(record)
        else:
            groups.append([record])
    return [_merged(path, group) for path, group in zip(at, groups, strict=True)] if depth else [each[0] for each in groups]


def _merged(name: str, members: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """One line for several: counts summed, the first's input and the last's output; what they do not agree in is unknown."""
    made: dict[str, Any] = {}
    for column in members[0]:
        values = [member[column] for member in members]
        if column in _SUMMED:
            made[column] = sum(values)
        else:
            made[column] = values[0] if all(value == values[0] for value in values) else None
    return made | {"path": name, "inputs": members[0]["inputs"], "output": members[-1]["output"]}


def _heading(name: str, unit: Unit) -> Heading:
    if name == "macs":
        return Heading(units.macs_heading(unit))
    text = _HEADINGS.get(name) or (COLUMNS[name].title if name in COLUMNS else name.replace("_", " "))
    return Heading(text, right=name in _SUMMED or name in (SHARE, "output"), bar=name == SHARE)


def _cell(line: Mapping[str, Any], name: str, profile: Profile, unit: Unit) -> str:
    if name == SHARE:
        return units.percent(line["macs"], profile.macs)
    value = line[name]
    make: Callable[[Any], str] = _CELLS.get(name, plain.shown)
    if name in _SUMMED and name not in _CELLS:
        return units.macs(value, unit) if name == "macs" else units.count(value, unit, name)
    return "" if value is None else make(value)


_CELLS: Mapping[str, Callable[[Any], str]] = {
    "output": lambda value: units.shape(tuple(value[1:])),
    "inputs": lambda value: " ".join(units.shape(tuple(shape[1:])) for shape in value),
    "moved": units.size,
}
"""Columns whose cells are no plain counts; shapes stand without their batch axis, as in the title."""
