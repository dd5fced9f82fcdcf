"""The records of a comparison, a sweep or a benchmark, with what is to be said about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from profiler.records.agreement import Agreement
from profiler.records.drawn import Drawn
from profiler.records.environment import document
from profiler.records.profile import MEASURED_COLUMNS, Profile, Record


class Results(list[Record], Drawn):
    """The records of a comparison or sweep, a plain list with what is worth saying about it."""

    def __init__(self, records: Iterable[Record], command: str, title: str = "") -> None:
        super().__init__(records)
        self.command, self.title = command, title
        self.agreements: list[Agreement] = []
        self.notes: list[str] = []
        self.warnings: list[str] = []
        """What must not be missed: operations that were not counted."""
        self.profiles: list[Profile] = []
        self.base = self[0] if self else None
        """What ratios are to: the first record, also when the others are sorted."""
        self.engines: tuple[str, ...] = ()
        """The witnesses that are asked; a record waits for one while it has no count of its, not even None."""
        self.measured = False
        """True where latencies are measured; a record waits for its own while it has none, not even None."""
        self.progress = (0.0, 0.0, "")
        """Seconds of measuring that are over, and of all; before the rounds, what is being done."""
        self.machine: dict[str, Any] | None = None
        """What the latencies were measured on."""
        self.samples = ""
        """The file that holds every sample."""
        self.rounds: list[list[float]] = []
        """Of each record, seconds: the medians of its rounds."""
        self.environment: dict[str, Any] | None = None
        """Of a run that was read back: what it was made with."""

    def ordered(self, order: Sequence[int]) -> Results:
        """The same results with the records in another order."""
        again = Results((self[i] for i in order), self.command, self.title)
        again.agreements, again.notes, again.base = self.agreements, self.notes, self.base
        again.engines, again.warnings = self.engines, self.warnings
        again.measured, again.progress = self.measured, self.progress
        again.machine, again.samples, again.environment = self.machine, self.samples, self.environment
        again.profiles = [self.profiles[i] for i in order] if self.profiles else []
        again.rounds = [self.rounds[i] for i in order] if self.rounds else []
        return again

    @property
    def columns(self) -> list[str]:
        """The columns that these records have, in the order of the contract."""
        present = {name for record in self for name in record} | {f"{engine}_macs" for engine in self.engines}
        if self.measured:
            present |= set(MEASURED_COLUMNS)
        return [name for name in Record.__annotations__ if name in present]

    def to_dict(self) -> dict[str, Any]:
        """The document that a `.json` holds: `{schema, command, environment, records, rows}`, and what the checks found."""
        return document(
            self.command,
            [dict(record) for record in self],
            self.machine,
            self.environment,
            rows=[{"record": i, "model": p.model, **row.to_dict()} for i, p in enumerate(self.profiles) for row in p.rows],
            **self.parts(),
        )

    def parts(self) -> dict[str, Any]:
        """What the document holds besides records and rows: all that it takes to draw these results again."""
        return {
            "title": self.title,
            "base": next((i for i, record in enumerate(self) if record is self.base), None),
            "engines": list(self.engines),
            "agreements": [agreement.to_dict() for agreement in self.agreements],
            "warnings": self.warnings,
            "notes": self.notes,
            "rounds": self.rounds,
            "samples": self.samples,
        }
