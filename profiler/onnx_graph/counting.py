"""A file and the sizes of its inputs → its rows, as a tracing gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiler.onnx_graph.reading import File
from profiler.onnx_graph.rows import sources
from profiler.onnx_graph.sizes import Declared
from profiler.onnx_graph.values import Value
from profiler.onnx_graph.walk import Walk
from profiler.records.profile import Profile, Row, Shape, Totals
from profiler.records.traced import Coverage, Traced
from profiler.records.wiring import Wiring

ENGINE = "onnx"
"""What counted: shapes inferred from a file, by formula."""
MOST_UNREAD = 100


def traced(
    file: File,
    inputs: Mapping[Declared, Shape],
    symbols: Mapping[str, int],
    data: Mapping[str, Any],
    name: str,
    batch: int | None,
) -> Traced:
    """The graph of a file counted at whole shapes of its inputs; `data` are the values of those that were written out.

    Raises ProfilerError, ShapeError with the path of a node.
    """
    walk = Walk(file, symbols)
    outputs = walk.run(_values(inputs, data))
    rows = tuple(walk.rows.rows)
    counted = walk.rows.counted
    left = [
        held
        for key, held in enumerate(walk.held)
        if key not in walk.rows.met and held.written and held.dtype.floating and held.elements > 1
    ]
    gaps = walk.rows.gaps()
    profile = Profile(
        name, {}, None, None, tuple(inputs.values()), batch, rows, _sums(rows), ENGINE,
        tuple(each.op for each in gaps), sum(held.elements for held in left), tuple(held.name for held in left[:MOST_UNREAD]),
        dict(walk.rows.bytes) if counted else {},
    )  # fmt: skip
    wiring = Wiring(tuple(inputs.values()), tuple(walk.rows.sources), sources(outputs))
    coverage = Coverage(**walk.rows.tally)
    return Traced(profile, ENGINE, "", coverage, gaps, unread=profile.unread, wiring=wiring)


def largest_tensor(file: File, inputs: Mapping[Declared, Shape], symbols: Mapping[str, int], data: Mapping[str, Any]) -> int:
    """Bytes of the largest tensor that a node makes, which a runtime would take. Raises as `traced` does."""
    walk = Walk(file, symbols)
    walk.run(_values(inputs, data))
    return walk.largest


def _values(inputs: Mapping[Declared, Shape], data: Mapping[str, Any]) -> dict[str, Value]:
    return {
        each.name: Value(shape, each.code, _array(data.get(each.name), each, shape), rows=(-1 - i,))
        for i, (each, shape) in enumerate(inputs.items())
    }


def _sums(rows: tuple[Row, ...]) -> Totals:
    kept = ("weights", "bias", "norm", "buffers", "macs", "elementwise", "activations", "moved")
    return Totals(**{key: sum(getattr(row, key) for row in rows) for key in kept})


def _array(data: Any, each: Declared, shape: Shape) -> Any:
    """The numbers that the user wrote for an input, as its dtype."""
    if data is None:
        return None
    import numpy as np

    kind = {"float32": "f4", "float64": "f8", "float16": "f2", "bool": "?"}.get(
        each.dtype, "i8" if "64" in each.dtype else "i4"
    )
    return np.broadcast_to(np.array(data, dtype=kind), shape).copy()
