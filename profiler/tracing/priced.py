"""A stock layer on inputs of given shapes, priced once: all that its row says but for its path and its first readings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import torch

from profiler.count.leaves import Cost, cost, described, facts_of
from profiler.count.moved import moved, read_params
from profiler.network import layers as L
from profiler.records.profile import Shape


class Priced(NamedTuple):
    """What the row of a layer says."""

    cost: Cost
    op: str
    kind: str
    module: str
    facts: Mapping[str, Any]
    inputs: tuple[Shape, ...]
    output: Shape
    macs: int
    elementwise: int
    activations: int
    moved: int
    tally: str
    """What its calls are counted as in the coverage."""


@lru_cache(maxsize=1 << 14)
def priced(layer: L.Layer, given: tuple[Shape, ...], batch: int, dtype: torch.dtype, index: torch.dtype) -> Priced:
    """`layer` on samples of shapes `given`; `dtype` is that of its output, `index` that of its first input.

    Raises ShapeError where they do not fit.
    """
    found = cost(layer, given, None)
    first = given[0]
    op, kind, name, facts = described(layer, first)
    facts = facts_of(layer, given, batch, facts)
    inputs = tuple([(batch, *shape) for shape in given])
    output = (batch, *found.output)
    read = read_params(layer, given, found)
    macs, elementwise = batch * found.macs, batch * found.elementwise
    tally = "counted" if macs else "elementwise" if elementwise else "free"
    size = moved(op, kind, read, inputs, output, dtype.itemsize, index.itemsize)
    return Priced(found, op, kind, name, facts, inputs, output, macs, elementwise, batch * found.activations, size, tally)
