"""The parts of a saved `fit --per-stage`, as types: combinations of the stages of a network, and what they are of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

from msgspec import Struct

from profiler.records.columns import COLUMNS, Record
from profiler.records.limits import Bound
from profiler.records.stage_fit import COUNTS, LATENCY_COLUMNS, Extreme, LatencyOfStages, StageChoices, StageFit
from profiler.saved.decode import Malformed

if TYPE_CHECKING:
    StageRecord = Record
else:
    StageRecord = TypedDict(
        "StageRecord",
        {
            "model": str,
            "options": dict[str, Any],
            "resolution": int | None,
            "input": str,
            "batch": int,
            "stages": str,
            "widths": str,
        }
        | dict.fromkeys(COUNTS, int)
        | {
            name: NotRequired[(int | float if COLUMNS[name].holds is float else COLUMNS[name].holds) | None]
            for name in LATENCY_COLUMNS
        },
    )


class ExtremePart(Struct, frozen=True):
    """The combination that has the least, or the most, of a count."""

    quantity: Literal["params", "macs", "activations", "elementwise", "weight_bytes", "moved", "memory_bytes"]
    end: Literal["least", "most"]
    record: StageRecord


class LatencyPart(Struct, frozen=True):
    """How combinations stand to a limit of latency."""

    undecided: int
    over: int
    unknown: int
    notes: tuple[str, ...] = ()


class PerStagePart(Struct, frozen=True):
    """What the records are of, as `StageFit.to_dict` writes it."""

    model: str
    stages: tuple[StageChoices, ...]
    multiple_of: int
    limits: tuple[Bound, ...]
    combinations: int
    unbuildable: int
    fitting: int
    extremes: list[ExtremePart]
    ranges: dict[str, tuple[int, int]]
    closest: StageRecord | None
    latency: LatencyPart | None = None

    def stage_fit(self, records: list[Record], environment: Mapping[str, Any]) -> StageFit:
        """What was written."""
        latency = self.latency
        return StageFit(
            self.model, self.stages, self.multiple_of, self.limits, self.combinations, self.unbuildable, self.fitting, records,
            tuple(Extreme(part.quantity, part.end, part.record) for part in self.extremes), self.ranges, self.closest,
            environment,
            None if latency is None else LatencyOfStages(latency.undecided, latency.over, latency.unknown, latency.notes),
        )  # fmt: skip

    def check(self, records: list[Record]) -> None:
        """Every combination has a width for each stage, and a latency where latencies are limited. Raises Malformed."""
        wanted = LATENCY_COLUMNS if self.latency is not None else ()
        for i, record in enumerate(records):
            widths = len(record["widths"].split(":"))
            if widths != len(self.stages):
                raise Malformed(
                    f"records[{i}].widths", f"expected one for each of {len(self.stages)} stages, and there are {widths}"
                )
            if missing := [name for name in wanted if name not in record]:
                raise Malformed(f"records[{i}]", f"there is no {missing[0]}, and latencies are limited")
