"""Networks with their layers on the clock."""

from __future__ import annotations

from msgspec import Struct

from profiler.records.drawn import Drawn
from profiler.records.results import Results
from profiler.records.timing import Layers


class Measured(Drawn, Struct, frozen=True):
    """Networks with their layers on the clock; one that could not be measured is in the results alone, with its reason."""

    results: Results
    layers: tuple[Layers, ...]
