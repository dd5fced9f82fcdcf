"""Combinations of stages drawn at random, counted again by the walk over the network that each makes. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from profiler.count import closed
from profiler.count.held import peak
from profiler.count.stages import Staged
from profiler.errors import ShapeError
from profiler.load.load import Network
from profiler.network.layers import Layer, Shape
from profiler.prediction.features import works_of
from profiler.records.profile import FLOAT32_BYTES
from profiler.records.stage_fit import COUNTS
from profiler.study.combinations import Combined
from profiler.study.works_in_widths import WorksInWidths, works_at

MEMORY = "memory_bytes"
RECOUNTED = 24


def recount(
    network: Network, found: Staged, combined: Combined, bare: Sequence[Sequence[dict[int, int]]], batch: int,
    works: WorksInWidths | None = None,
) -> None:  # fmt: skip
    """Holds RECOUNTED combinations to the walk, and what their operations do to their rows where `works` are given.

    Raises AssertionError, a fault of ours, where the tables say otherwise.
    """
    draw = Random(0)
    for _ in range(RECOUNTED):
        index = tuple(draw.randrange(len(options)) for options in bare)
        widths: dict[int, int] = {}
        for options, i in zip(bare, index, strict=True):
            widths |= options[i]
        in_order = [widths[i] for i in range(len(widths))]
        try:
            value = found.value(in_order)
            walked = counts_of(value, network.inputs, batch)
        except ShapeError:
            walked = None
        ours = combined.at(index)
        if ours != (None if walked is None else {name: walked[name] for name in combined.names}):
            raise AssertionError(f"{network.name}: the tables and the walk differ at {index}")
        if works is not None and walked is not None:
            (here,) = works_at(works, {symbol: [each] for symbol, each in found.symbols(in_order).items()}, 1)
            if here != works_of(closed.rows(value, network.inputs, batch)):
                raise AssertionError(f"{network.name}: what operations do is another by their rows at {index}")


def counts_of(value: Layer, inputs: tuple[Shape, ...], batch: int = 1) -> dict[str, int]:
    """The counts of COUNTS of a network, by the walk."""
    totals = closed.totals(value, inputs, batch)
    found = {"weight_bytes": FLOAT32_BYTES * totals.params, MEMORY: peak(value, inputs, batch)}
    return {name: found[name] if name in found else getattr(totals, name) for name in COUNTS}
