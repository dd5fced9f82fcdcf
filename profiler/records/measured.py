"""Networks with their layers on the clock."""

from __future__ import annotations

from typing import Any, NamedTuple

from profiler.records.drawn import Drawn
from profiler.records.results import Results
from profiler.records.timing import Layers


class Measured(NamedTuple):
    """Networks with their layers on the clock; one that could not be measured is in the results alone, with its reason."""

    results: Results
    layers: tuple[Layers, ...]

    def __rich__(self) -> Any:
        return Drawn.__rich__(self)  # type: ignore[arg-type]  # a NamedTuple has no bases

    def _repr_html_(self) -> str:
        return Drawn._repr_html_(self)  # type: ignore[arg-type]
