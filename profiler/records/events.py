"""What a study tells while it runs: one event after the other, the last of which holds what was found."""

from __future__ import annotations

from typing import Any, NamedTuple

from profiler.records.results import Results


class Started(NamedTuple):
    """The closed form is there; what engines and the clock are to say is still to come."""

    results: Results


class Counted(NamedTuple):
    """Of the cells that take a while to count, so many are done."""

    done: int
    of: int
    what: str = "tracing the memory of cells"
    """What is being done, in words."""


class Recounted(NamedTuple):
    """The engines have said what they count of one more cell."""

    results: Results
    cell: int
    """Its position among the records."""


class Timed(NamedTuple):
    """The clock has gone on: some seconds of the budget are over."""

    results: Results
    spent_s: float
    budget_s: float
    stage: str
    """What is being done before the rounds; empty once they have begun."""


class Streamed(NamedTuple):
    """Some more records are written."""

    done: int
    of: int


class Finished(NamedTuple):
    """The last event. `found` is the study's answer; interrupted by the user, what there was by then."""

    found: Any
    interrupted: bool = False


Event = Started | Counted | Recounted | Timed | Streamed | Finished
