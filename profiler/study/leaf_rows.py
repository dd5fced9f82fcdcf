"""The rows of a network as a clock sees them: one a leaf."""

from __future__ import annotations

from profiler.records.profile import Row
from profiler.study.cells import Cell
from profiler.study.layers import rows_of


def leaf_rows(cell: Cell) -> list[Row]:
    """One row a leaf; operations of a forward's own stand in the row of the leaf that ends after them."""
    rows = cell.network.profile(cell.batch).rows
    paths = dict.fromkeys(row.path for row in rows if row.module and not row.side)
    return list(rows_of(rows, list(paths)).values()) if paths else [row for row in rows if not row.side]
