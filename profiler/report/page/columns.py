"""Records → columns of JSON: every value once, a constant as one value, names as a dictionary and positions in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from profiler.records.columns import COLUMNS
from profiler.report.sheets import dtypes
from profiler.report.writers import plain

Plain = dict[str, Any]


def columns(records: Sequence[Mapping[str, Any]], names: Sequence[str], options: Sequence[str] = ()) -> list[Plain]:
    """One `{name, label, sort, …}` a name, in their order; a column that equals one before it refers to that.

    `options` are names of options, which say nothing of a unit.
    """
    made: list[Plain] = []
    before: dict[tuple[Any, ...], str] = {}
    for name in names:
        values = [_plain(record.get(name)) for record in records]
        kind = _sort("" if name in options else name, values)
        head = {"name": name, "label": dtypes.heading(records) if name == "weight_bytes" else label(name), "sort": kind}
        same = before.setdefault((kind, *values), name) if len(values) > 1 else name
        made.append({**head, "same": same} if same != name else {**head, **coded(values)})
    return made


def coded(values: Sequence[Any]) -> Plain:
    """`{all}`, `{words, at}` or `{values}`, whichever holds `values` in the fewest bytes."""
    if values and all(value == values[0] and type(value) is type(values[0]) for value in values):
        return {"all": values[0], "rows": len(values)}
    if any(isinstance(value, str) for value in values):
        words = {word: i for i, word in enumerate(dict.fromkeys(values))}
        return {"words": list(words), "at": [words[value] for value in values]}
    return {"values": list(values)}


def paths(names: Sequence[str]) -> list[Any]:
    """Paths in the order they run, each as how many letters it shares with the one before it, then the rest."""
    made: list[Any] = []
    before = ""
    for name in names:
        shared = next((i for i, (a, b) in enumerate(zip(before, name, strict=False)) if a != b), min(len(before), len(name)))
        made += [shared, name[shared:]]
        before = name
    return made


def label(name: str) -> str:
    """The heading that tables have for a column of the records, without its unit; of what only layers have, its own."""
    if name in COLUMNS:
        return COLUMNS[name].label or COLUMNS[name].title
    return OF_LAYERS.get(name, name.replace("_", " "))


OF_LAYERS = {"macs_per_s": "MACs/s", "least_s": "at best", "seconds": "time"}


def _plain(value: Any) -> Any:
    """What JSON holds: options and shapes as the CSV has them, no infinities."""
    if isinstance(value, float) and not isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else plain.shown(value)


def _sort(name: str, values: Sequence[Any]) -> str:
    """How a column is written and compared: `s`, `bytes`, `int`, `float`, `bool` or `text`."""
    kinds = {type(value) for value in values if value is not None}
    if not kinds <= {int, float}:
        return "bool" if kinds == {bool} else "text"
    unit = COLUMNS[name].unit if name in COLUMNS else ""
    if unit == "seconds" or name == "seconds" or (name.endswith("_s") and name != "macs_per_s"):
        return "s"
    if unit == "bytes" or "bytes" in name:
        return "bytes"
    return "float" if float in kinds else "int"
