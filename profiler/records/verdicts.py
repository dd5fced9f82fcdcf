"""What a gate says, as records: budgets with their verdicts, and two networks side by side, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from profiler.records import drawn
from profiler.records.columns import Record
from profiler.records.drawn import Drawn
from profiler.records.interval import Interval
from profiler.records.notes import Note, Unlike
from profiler.records.place import Place
from profiler.records.profile import Row

COUNTS = ("params", "macs", "activations")
"""What every record has and a layer too."""
QUANTITIES = (*COUNTS, "weight_bytes", "unread", "memory", "latency")
"""What a budget can be of, in the order in which they are told."""

Verdict = Literal["within", "over", "undecided", "unmeasured"]
Word = Literal["unchanged", "renamed", "changed", "added", "removed"]
LatencyChange = Literal["faster", "slower", "unclear"]


class Limit(Struct, frozen=True):
    """The most that one quantity may be: a count, bytes, or seconds."""

    quantity: str
    most: Fraction | int
    source: str
    """Where it was said: `options`, `pyproject.toml`, `base.json`."""


class Line(Struct, frozen=True):
    """One budget and what became of it."""

    at: Record
    """The record of the network at its point."""
    limit: Limit
    value: float | None
    """A whole number but for latency; None where it could not be measured."""
    verdict: Verdict
    clock: Interval | None = None
    before: float | None = None
    """What the baseline holds; None of a budget."""
    reason: str = ""
    """Where a peak stands, how a latency is graded, why there is none."""

    @property
    def model(self) -> str:
        return str(Place.of(self.at))

    @property
    def room(self) -> float | None:
        """The share of the limit that is left, below 0 where it is over; None of a limit of 0, or of nothing measured."""
        return (
            None if self.value is None or not self.limit.most else float(1 - Fraction(self.value) / Fraction(self.limit.most))
        )

    def fails(self, strict: bool) -> bool:
        """True where it is over or was not measured; where `strict` also where it is undecided."""
        return self.verdict in ("over", "unmeasured") or (strict and self.verdict == "undecided")


class Pair(NamedTuple):
    """A layer before and after; None on the side that has none of it."""

    before: Row | None
    after: Row | None

    @property
    def word(self) -> Word:
        """What became of it."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        if signature(self.before) != signature(self.after):
            return "changed"
        return "unchanged" if self.before.path == self.after.path else "renamed"

    @property
    def path(self) -> str:
        """Where it stands, or stood."""
        row = self.after or self.before
        assert row is not None
        return row.path

    def sizes(self, quantity: str) -> tuple[int, int]:
        """A count of it before and after, 0 where there is none."""
        before, after = (0 if row is None else getattr(row, quantity) for row in self)
        return before, after


_FIRST, _LAST = Row._fields.index("inputs"), Row._fields.index("moved")


def signature(row: Row) -> tuple[Any, ...]:
    """What a layer is, wherever it stands, and in whatever dtype."""
    facts = tuple(sorted((key, repr(_plain(value))) for key, value in row.facts.items()))
    return (row.op, row.kind, facts, *row[_FIRST:_LAST])


def _plain(value: Any) -> Any:
    """Lists of a document and tuples of a count alike."""
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


class Compared(Struct, frozen=True):
    """One network before and after: its records, and its layers where both sides hold them."""

    before: Record | None
    after: Record | None
    layers: tuple[Pair, ...] | None
    clock: LatencyChange | None = None
    """None where one side was not measured, or not on the same machine and in the same setting."""
    unlike: Unlike | None = None
    """What their latencies were measured in that differs, so that they are not compared."""

    @property
    def name(self) -> str:
        """The network and its point, or both where they differ."""
        places = [Place.of(each) for each in (self.before, self.after) if each is not None]
        if len(places) == 2 and places[0].key == places[1].key:  # a label of one side alone makes no other network
            places = [places[1]._replace(label=places[1].label or places[0].label)]
        return " → ".join(dict.fromkeys(map(str, places)))

    @property
    def same(self) -> bool:
        """True where no count and no layer differs."""
        if self.before is None or self.after is None:
            return False
        counts = all(self.before.get(key) == self.after.get(key) for key in (*COUNTS, "weight_bytes", "elementwise"))
        counts = counts and (self.before.get("unread") or 0) == (self.after.get("unread") or 0)
        return counts and all(pair.word == "unchanged" for pair in self.layers or ())


class Diffed(Drawn, Struct, frozen=True):
    """Two runs or two networks, aligned."""

    before: str
    after: str
    cells: tuple[Compared, ...]
    notes: tuple[Note, ...] = ()

    @property
    def same(self) -> bool:
        return all(each.same and each.clock in (None, "unclear") for each in self.cells)


class Checked(Drawn, Struct, frozen=True):
    """What became of every budget; of networks that grew, their layers."""

    lines: tuple[Line, ...]
    grown: tuple[Compared, ...] = ()
    strict: bool = False
    notes: tuple[Note, ...] = ()
    warnings: tuple[Note, ...] = ()
    """What must not be missed: operations that were not counted."""
    counting_s: Mapping[str, float] = {}
    """{network: seconds that its counts took}."""
    clocked_s: float = 0.0
    """Seconds that measuring took, of all networks that were."""
    machine: Mapping[str, Any] | None = None
    """What latencies were measured on."""

    @property
    def failed(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.fails(self.strict))

    @property
    def passed(self) -> bool:
        return not self.failed and not (self.strict and self.warnings)

    def __str__(self) -> str:
        return drawn.load_renderer().text(self)
