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
from profiler.records.profile import FLOAT32_BYTES
from profiler.records.stage_fit import COUNTS
from profiler.study.combinations import Combined

MEMORY = "memory_bytes"
RECOUNTED = 24


def recount(network: Network, found: Staged, combined: Combined, bare: Sequence[Sequence[dict[int, int]]], batch: int) -> None:
    """Holds RECOUNTED combinations to the walk. Raises AssertionError, a fault of ours, where the tables say otherwise."""
    draw = Random(0)
    for _ in range(RECOUNTED):
        index = tuple(draw.randrange(len(options)) for options in bare)
        widths: dict[int, int] = {}
        for options, i in zip(bare, index, strict=True):
            widths |= options[i]
        try:
            walked = counts_of(found.value([widths[i] for i in range(len(widths))]), network.inputs, batch)
        except ShapeError:
            walked = None
        ours = combined.at(index)
        if ours != (None if walked is None else {name: walked[name] for name in combined.names}):
            raise AssertionError(f"{network.name}: the tables and the walk differ at {index}")


def counts_of(value: Layer, inputs: tuple[Shape, ...], batch: int = 1) -> dict[str, int]:
    """The counts of COUNTS of a network, by the walk."""
    totals = closed.totals(value, inputs, batch)
    found = {"weight_bytes": FLOAT32_BYTES * totals.params, MEMORY: peak(value, inputs, batch)}
    return {name: found[name] if name in found else getattr(totals, name) for name in COUNTS}
