"""Rows → what time is explained by: calls, multiply-adds, bytes and weights of each kind of operation. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from profiler.records.profile import Row

BY_OPERATION = frozenset(("activation", "norm", "pool", "resize", "elementwise", "recurrent", "reshape"))
"""Kinds whose operations take unlike times for as many elements: each operation is a kind of its own."""


class Work(NamedTuple):
    """What operations of one kind do: how often they are called, and how much they do in all."""

    calls: int = 0
    macs: int = 0
    elements: int = 0
    """Of their outputs."""
    moved: int = 0
    """Bytes that they read and write."""
    weights: int = 0
    """Of their parameters, which are read once however large the output is, and rearranged for the kernel."""

    @property
    def size(self) -> int:
        """What says how large the operations are: multiply-adds, of those that have none the bytes."""
        return self.macs or self.moved

    @property
    def terms(self) -> tuple[int, int, int, int, int]:
        """What their time is proportional to."""
        return self.calls, self.macs, self.elements, self.moved, self.weights

    def plus(self, other: Work) -> Work:
        """The sum of two."""
        return Work(*(a + b for a, b in zip(self, other, strict=True)))


Works = Mapping[str, Work]
"""{kind: what its operations do}."""


def kind_of(row: Row) -> str:
    """`pointwise`, `activation relu`: operations that take alike times for as much work."""
    return f"{row.kind} {row.op}" if row.kind in BY_OPERATION else row.kind


def work_of(row: Row) -> Work:
    """What one row does in a call of its network."""
    return Work(1, row.macs, row.activations or row.elementwise, row.moved, row.params)


def is_free(row: Row) -> bool:
    """Whether a row takes no time: a view of memory, or a branch of training."""
    return row.side or not (row.macs or row.moved)


def works_of(rows: Iterable[Row]) -> dict[str, Work]:
    """What a network does in a call, by kind."""
    found: dict[str, Work] = {}
    for row in rows:
        if not is_free(row):
            kind = kind_of(row)
            found[kind] = found.get(kind, Work()).plus(work_of(row))
    return found


def total(works: Works) -> Work:
    """What a network does in a call, of all kinds."""
    whole = Work()
    for work in works.values():
        whole = whole.plus(work)
    return whole
