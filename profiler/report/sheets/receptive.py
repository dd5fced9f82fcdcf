"""The windows of a network's layers and what each output sees of the input, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from profiler.errors import ProfilerError
from profiler.records.profile import Row
from profiler.records.receptive import ALL
from profiler.records.shown import Shown
from profiler.report import units
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet

PASSING = ("norm", "activation", "elementwise", "reshape", "embedding")
"""Kinds of layers that see what their inputs see, unless they join several."""
FIELD = (
    "receptive field: positions of the input that one output depends on, from the first to the last, for the output with most."
)
JUMP = "jump: positions of the input between two neighbouring outputs, the product of the strides."
EVERYTHING = "all: every position, by global pooling, linear layers, attention, or statistics over positions."
BY_WINDOWS = "by windows: what convolution, pooling and resizing alone reach."
NOT_FOLLOWED = f"{units.UNKNOWN}: not known; positions are moved in a way that is not followed here."


def window_columns(row: Row) -> dict[str, Any]:
    """Kernel, stride, dilation and groups of a layer, None where it has none."""
    found = {name: row.facts.get(name) for name in ("kernel", "stride", "dilation", "groups")}
    if found["kernel"] is None and isinstance(row.facts.get("kernel_size"), int | tuple):
        found["kernel"] = row.facts["kernel_size"]
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def sides(value: Any) -> str:
    """`3×3`; of what is seen `all`, or `all×5×5`."""
    return value if isinstance(value, str) else "×".join(map(_side, value)) if isinstance(value, list | tuple) else str(value)


def one_side(value: Any) -> str:
    """The same, of equal sides one alone."""
    several = isinstance(value, list | tuple) and len(set(value)) > 1
    return sides(value) if several or not isinstance(value, list | tuple) else _side(value[0])


def _side(value: Any) -> str:
    return units.UNKNOWN if value is None else f"{value:g}" if isinstance(value, int | float) else str(value)


def receptive_sheet(found: Shown, records: Sequence[Mapping[str, Any]]) -> Sheet:
    """A line for each layer with a window, that joins branches, or from which on all is seen.

    `records` are those of the rows. Raises ProfilerError for a run that was saved without receptive fields.
    """
    if not found.receptive:
        raise ProfilerError(
            "this run was saved without receptive fields; count it again with `profiler show MODEL --receptive-field`"
        )
    lines = [
        record
        for row, record in zip(found.profile.rows, records, strict=True)
        if not row.side and row.op != "identity" and (row.kind not in PASSING or len(row.inputs) > 1)
    ]
    names = ["path", "kernel", "stride", "dilation", "groups", "output", "jump", "receptive_field", "window_field"]
    for name in ("dilation", "groups"):
        if all(line[name] is None or set(_list(line[name])) == {1} for line in lines):
            names.remove(name)
    if all(line["window_field"] in (None, line["receptive_field"]) for line in lines):
        names.remove("window_field")
    heads = {"path": "layer", "receptive_field": "receptive field", "window_field": "by windows"}
    rows = [[_cell(line[name], name) for name in names] for line in lines]
    text = {cell for row in rows for cell in row}
    notes = [FIELD, JUMP]
    notes += [EVERYTHING] if any(ALL in cell.split("×") for cell in text) else []
    notes += [BY_WINDOWS] if "window_field" in names else []
    notes += [NOT_FOLLOWED] if any(units.UNKNOWN in cell for cell in text) else []
    columns = [Heading(heads.get(name, name), right=name != "path") for name in names]
    return Sheet(columns, rows, "receptive fields, of an input without borders", notes)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _cell(value: Any, name: str) -> str:
    if value is None:
        return units.UNKNOWN if name == "receptive_field" else ""
    if name == "output":
        return units.shape(tuple(value[1:]))
    return one_side(value) if name in ("stride", "dilation", "jump") else sides(value)
