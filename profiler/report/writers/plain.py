"""Records → CSV, JSON and JSONL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from profiler.records.receptive import ALL

SPECIAL = set(',"\r\n')
"""What a cell of a CSV is quoted for."""


def csv_text(records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Raw integers; an unknown is an empty cell."""
    lines = [map(cell, columns), *([cell(record.get(name)) for name in columns] for record in records)]
    return "".join(line(list(cells)) for cells in lines)


def line(cells: Sequence[str]) -> str:
    """One line by RFC 4180. Python's own writer leaves a lone carriage return unquoted, at which readers begin a new line."""
    if list(cells) == [""]:
        return '""\n'  # or it would be no line at all
    return ",".join(map(quoted, cells)) + "\n"


def quoted(text: str) -> str:
    """A cell of a CSV, in quotes where it needs them."""
    return '"' + text.replace('"', '""') + '"' if SPECIAL & set(text) else text


def json_text(document: Mapping[str, Any]) -> str:
    """One indented document; an unknown is null."""
    import json

    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def jsonl_text(records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """One record a line."""
    import json

    lines = (json.dumps({name: record.get(name) for name in columns}, ensure_ascii=False) for record in records)
    return "".join(f"{line}\n" for line in lines)


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet reads as the start of a formula, or passes over in front of one."""


def cell(value: Any) -> str:
    """A value as the CSV has it: an unknown empty, a shape as 3x224x224, options as key=value.

    A text that a spreadsheet would run as a formula has an apostrophe before it, which shows it as text. Numbers have none.
    """
    text = shown(value)
    return f"'{text}" if text.startswith(FORMULA) and not _is_number(value) else text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, list | tuple) and all(map(_is_number, value)))


def shown(value: Any) -> str:
    """The same as it stands, for what no spreadsheet reads."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case dict():
            return ",".join(f"{key}={shown(item)}" for key, item in value.items())
        case list() | tuple():
            sides = all(isinstance(item, int | None) or item == ALL for item in value)
            return ("x" if sides else " ").join("?" if item is None else shown(item) for item in value)
        case _:
            return str(value)
