"""Which widths of a network's stages are within limits: how many, the widest of them, and the ends of their counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from msgspec import Struct, structs

from profiler.records.columns import Record
from profiler.records.drawn import Drawn
from profiler.records.environment import document
from profiler.records.limits import Bound

COUNTS = ("params", "macs", "activations", "elementwise", "weight_bytes", "moved", "memory_bytes")
"""The counts of a combination."""
COLUMNS = ("model", "options", "resolution", "input", "batch", "stages", "widths", *COUNTS)
"""The columns of a combination's record."""


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
    ) -> None:
        self.place = dict(place)
        """The columns that all of them have."""
        self.stages = stages
        self.chosen = chosen
        """For each stage, the position among its choices in each combination."""
        self.counts = counts

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
        return {**made, **{name: int(self.counts[name][i]) for name in COUNTS}}

    def __iter__(self) -> Iterator[Record]:
        return (self[i] for i in range(len(self)))


class Extreme(Struct, frozen=True):
    """The combination within the limits that has the least, or the most, of a count."""

    quantity: str
    end: str
    """`least` or `most`."""
    record: Record


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

    def __repr__(self) -> str:
        return (
            f"StageFit({self.model}: {self.fitting:,} of {self.combinations:,} combinations fit, {len(self.maximal):,} maximal)"
        )

    def to_dict(self) -> dict[str, Any]:
        """The document that a `.json` holds; its records are the maximal combinations."""
        return document(
            "fit_stages",
            list(self.maximal),
            made_with=self.environment,
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
            },
        )
