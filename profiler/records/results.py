"""The records of a comparison, a sweep or a benchmark, with what is to be said about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import structs

from profiler.records.agreement import Agreement
from profiler.records.columns import COLUMNS, MEASURED_COLUMNS, Column, Record, column_of_option
from profiler.records.drawn import Drawn
from profiler.records.environment import document
from profiler.records.notes import Note, Title
from profiler.records.profile import Profile

if TYPE_CHECKING:
    from profiler.records.limits import Bound

FIELDS = (
    "title", "profiles", "engines", "agreements", "notes", "warnings", "base", "measured", "rounds", "machine", "samples",
    "environment", "over", "limits",
)  # fmt: skip


class Results(list[Record], Drawn):
    """The records of a comparison or sweep, a plain list with what is worth saying about it. A study makes each anew."""

    def __init__(
        self,
        records: Iterable[Record],
        command: str,
        title: Title | str = "",
        *,
        profiles: Sequence[Profile] = (),
        engines: Sequence[str] = (),
        agreements: Sequence[Agreement] = (),
        notes: Sequence[Note] = (),
        warnings: Sequence[Note] = (),
        base: Record | None = None,
        measured: bool = False,
        rounds: Sequence[Sequence[float]] = (),
        machine: Mapping[str, Any] | None = None,
        samples: str = "",
        environment: Mapping[str, Any] | None = None,
        over: Sequence[str] = (),
        limits: Sequence[Bound] = (),
    ) -> None:
        super().__init__(records)
        self.command, self.title = command, title
        self.profiles = list(profiles)
        self.engines = tuple(engines)
        """The engines beside the closed form that are asked."""
        self.agreements = list(agreements)
        self.notes = list(notes)
        self.warnings = list(warnings)
        """What must not be missed: operations that were not counted."""
        self.base = base if base is not None else (self[0] if self else None)
        """What ratios are to: the first record, also when the others are sorted."""
        self.measured = measured
        """True where latencies are measured."""
        self.rounds = [list(each) for each in rounds]
        """Of each record, seconds: the medians of its rounds."""
        self.machine = machine
        """What the latencies were measured on."""
        self.samples = samples
        """The file that holds every sample."""
        self.environment = environment
        """Of a run that was read back: what it was made with."""
        self.over = tuple(over)
        """The columns of the options that the study ran over, beside those of the contract."""
        self.limits = tuple(limits)
        """What the cells were held to, of a fit: those within come first."""

    def replace(self, records: Iterable[Record] | None = None, **changes: Any) -> Results:
        """The same results with other records or other fields; what ratios are to follows its record."""
        made = list(self if records is None else records)
        kept = {name: getattr(self, name) for name in FIELDS}
        if records is not None and self.base is not None:
            at = next((i for i, record in enumerate(self) if record is self.base), None)
            kept["base"] = made[at] if at is not None and len(made) == len(self) else self.base
        return Results(made, self.command, **{**kept, **changes})

    def ordered(self, order: Sequence[int]) -> Results:
        """The same results with the records in another order."""
        profiles = [self.profiles[i] for i in order] if self.profiles else []
        rounds = [self.rounds[i] for i in order] if self.rounds else []
        return self.replace([self[i] for i in order], base=self.base, profiles=profiles, rounds=rounds)

    @property
    def fitting(self) -> list[Record]:
        """Of a fit, the records within all limits, best first."""
        return [record for record in self if record.get("fits")]

    @property
    def columns(self) -> list[str]:
        """The columns that these records have, in the order of the contract."""
        present = {name for record in self for name in record} | {f"{engine}_macs" for engine in self.engines}
        if self.measured:
            present |= set(MEASURED_COLUMNS)
        return [*(name for name in COLUMNS if name in present), *self.over]

    def column(self, name: str) -> Column:
        """What one of its columns holds. Raises KeyError for the name of no column."""
        if name in self.over:
            return column_of_option(name, (record.get(name) for record in self))
        return COLUMNS[name]

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
            "title": str(self.title),
            "base": next((i for i, record in enumerate(self) if record is self.base), None),
            "engines": list(self.engines),
            "agreements": [agreement.to_dict() for agreement in self.agreements],
            "warnings": list(map(str, self.warnings)),
            "notes": list(map(str, self.notes)),
            "rounds": self.rounds,
            "samples": self.samples,
            **({"over": list(self.over)} if self.over else {}),
            **({"limits": [structs.asdict(bound) for bound in self.limits]} if self.limits else {}),
        }
