"""Blocks of records → CSV and JSONL, column by column: the same text as plain.py makes of them one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from profiler.records.blocks import Block, BlockColumn, Coded
from profiler.report.writers import plain


def csv_lines(block: Block, columns: Sequence[str]) -> str:
    """The records as lines of a CSV, without its heading."""
    texts = [_texts(block.columns[name], _csv_cell) for name in columns]
    if len(columns) == 1:
        return "".join(plain.line([text]) for text in texts[0])
    return "".join(f"{line}\n" for line in map(",".join, zip(*texts, strict=True)))


def jsonl_lines(block: Block, columns: Sequence[str]) -> str:
    """One record a line."""
    names = [json.dumps(name, ensure_ascii=False).replace("%", "%%") for name in columns]
    line = "{" + ", ".join(f"{name}: %s" for name in names) + "}\n"
    return "".join(map(line.__mod__, zip(*(_texts(block.columns[name], _json_value) for name in columns), strict=True)))


def _csv_cell(value: Any) -> str:
    return plain.quoted(plain.cell(value))


def _json_value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _texts(column: BlockColumn, text: Callable[[Any], str]) -> Iterable[str]:
    """Every value of a column as text; of few distinct ones each is made once, and whole numbers are the same in both forms."""
    if isinstance(column, Coded):
        made = list(map(text, column.values))
        return [made[i] for i in column.at.tolist()]
    return map(str, column.values.tolist())
