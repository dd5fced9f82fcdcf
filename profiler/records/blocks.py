"""Many records at once, column by column: what a sweep of a million cells is made of and written from, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from profiler.records.columns import Record


class Coded(NamedTuple):
    """A column of few distinct values: each once, and which one stands in each record."""

    values: Sequence[Any]
    at: Any
    """Positions in `values`, an integer array of one axis."""

    def item(self, i: int) -> Any:
        return self.values[int(self.at[i])]


class Numbers(NamedTuple):
    """A column of whole numbers."""

    values: Any
    """An array of one axis, of int64 or of Python's own integers."""

    def item(self, i: int) -> int:
        return int(self.values[i])


BlockColumn = Coded | Numbers


class Block(NamedTuple):
    """Records one after the other, `size` of them."""

    start: int
    """The position of the first among all records."""
    size: int
    columns: Mapping[str, BlockColumn]

    def record(self, i: int) -> Record:
        """One record as a dict."""
        return {name: column.item(i) for name, column in self.columns.items()}

    def records(self, most: int | None = None) -> Iterator[Record]:
        """The records as dicts, the first `most` of them."""
        return map(self.record, range(self.size if most is None else min(most, self.size)))


def same(value: Any, size: int) -> Coded:
    """A column of one value."""
    import numpy as np

    return Coded([value], np.zeros(size, np.intp))


def of_records(records: Sequence[Record], start: int, columns: Sequence[str]) -> Block:
    """A block of records that were made one by one."""
    import numpy as np

    every = np.arange(len(records))
    return Block(start, len(records), {name: Coded([each.get(name) for each in records], every) for name in columns})
