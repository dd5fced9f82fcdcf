"""Which widths of a network's stages are within limits: how many, the widest of them, and the ends of their counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

from msgspec import Struct, structs

from profiler.records.columns import Record
from profiler.records.drawn import Drawn
from profiler.records.environment import document
from profiler.records.limits import Bound
from profiler.records.notes import Note

COUNTS = ("params", "macs", "activations", "elementwise", "weight_bytes", "moved", "memory_bytes")
"""The counts of a combination."""
COLUMNS = ("model", "options", "resolution", "input", "batch", "stages", "widths", *COUNTS)
"""The columns of a combination's record."""


LATENCY_COLUMNS = (
    "latency_fits", "device", "threads", "dtype", "memory_format", "latency_s", "latency_low_s", "latency_high_s", "grade",
    "reason", "predicted_s", "predicted_low_s", "predicted_high_s", "predicted_from",
)  # fmt: skip
"""The columns that it has besides where latencies are limited: as they were measured, or predicted."""


class StageChoices(Struct, frozen=True):
    """One stage, and what it can be."""

    name: str
    """The side that it works at."""
    native: int
    """The width of its last layer in the network as it is."""
    multipliers: tuple[str, ...]
    """From the narrowest; two that make the same widths are one."""
    widths: tuple[int, ...]
    """The width of its last layer under each multiplier."""


class Combinations(Sequence[Record]):
    """Combinations of the choices of stages with their counts: their records, each made when it is looked at."""

    def __init__(
        self,
        place: Mapping[str, Any],
        stages: Sequence[StageChoices],
        chosen: Sequence[Sequence[int]],
        counts: Mapping[str, Sequence[int]],
        latency: Callable[[int], Record] | None = None,
    ) -> None:
        self.place = dict(place)
        """The columns that all of them have."""
        self.stages = stages
        self.chosen = chosen
        """For each stage, the position among its choices in each combination."""
        self.counts = counts
        self.latency = latency
        """The columns of the latency of each, where latencies are limited."""

    def __len__(self) -> int:
        return len(self.chosen[0])

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        if isinstance(at, slice):
            return [self[i] for i in range(len(self))[at]]
        i = range(len(self))[at]
        picked = [int(column[i]) for column in self.chosen]
        multipliers = [stage.multipliers[j] for stage, j in zip(self.stages, picked, strict=True)]
        widths = [stage.widths[j] for stage, j in zip(self.stages, picked, strict=True)]
        options = {**self.place["options"], "stages": ":".join(multipliers)}
        multiple = options.pop("multiple_of", None)
        made = {**self.place, "options": options | ({} if multiple is None else {"multiple_of": multiple})}
        made |= {"stages": options["stages"], "widths": ":".join(map(str, widths))}
        made |= {name: int(self.counts[name][i]) for name in COUNTS}
        return made if self.latency is None else {**made, **self.latency(i)}

    def __iter__(self) -> Iterator[Record]:
        return (self[i] for i in range(len(self)))


class Extreme(Struct, frozen=True):
    """The combination within the limits that has the least, or the most, of a count."""

    quantity: str
    end: str
    """`least` or `most`."""
    record: Record


class LatencyOfStages(Struct, frozen=True):
    """How the combinations that fit all else stand to a limit of latency, beside those within it, and what is said of that."""

    undecided: int
    """The limit is inside their interval."""
    over: int
    unknown: int
    """What was measured does not cover them."""
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As a document holds it."""
        counts = {"undecided": self.undecided, "over": self.over, "unknown": self.unknown}
        return {**counts, "notes": list(map(str, self.notes))}


class StageFit(Drawn, Struct, frozen=True):
    """The combinations of the stages' multipliers that are within limits."""

    model: str
    stages: tuple[StageChoices, ...]
    multiple_of: int
    limits: tuple[Bound, ...]
    combinations: int
    """All that there are."""
    unbuildable: int
    """Those whose parts do not fit each other, as where a shortcut of zeros would have to narrow."""
    fitting: int
    """Those within all limits."""
    maximal: Sequence[Record]
    """Those in which no stage can take its next choice and stay within: most multiply-adds first."""
    extremes: tuple[Extreme, ...]
    ranges: Mapping[str, tuple[int, int]]
    """{count: (least, most)} over all that can be built."""
    closest: Record | None
    """Where none is within the limits, the one that misses them least."""
    environment: Mapping[str, Any] | None = None
    """Of a run that was read back: what it was made with."""
    latency: LatencyOfStages | None = None
    """Where latencies are limited."""
    machine: Mapping[str, Any] | None = None
    """What the latencies were measured on."""

    @property
    def columns(self) -> list[str]:
        """The columns of its records."""
        return [*COLUMNS, *(LATENCY_COLUMNS if self.latency is not None else ())]

    def __repr__(self) -> str:
        return (
            f"StageFit({self.model}: {self.fitting:,} of {self.combinations:,} combinations fit, {len(self.maximal):,} maximal)"
        )

    def to_dict(self) -> dict[str, Any]:
        """The document that a `.json` holds; its records are the maximal combinations."""
        return document(
            "fit_stages",
            list(self.maximal),
            self.machine,
            self.environment,
            rows=[],
            per_stage={
                "model": self.model,
                "stages": [
                    {"name": s.name, "native": s.native, "multipliers": list(s.multipliers), "widths": list(s.widths)}
                    for s in self.stages
                ],
                "multiple_of": self.multiple_of,
                "limits": [structs.asdict(bound) for bound in self.limits],
                "combinations": self.combinations,
                "unbuildable": self.unbuildable,
                "fitting": self.fitting,
                "extremes": [{"quantity": e.quantity, "end": e.end, "record": dict(e.record)} for e in self.extremes],
                "ranges": {name: list(ends) for name, ends in self.ranges.items()},
                "closest": self.closest,
                **({} if self.latency is None else {"latency": self.latency.to_dict()}),
            },
        )
