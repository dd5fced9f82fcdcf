"""The shape of tensors that are spread over each other, as numpy broadcasts them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from profiler.onnx_graph.reading import MOST_ELEMENTS
from profiler.records.profile import Shape


def spread_shapes(shapes: Sequence[Shape]) -> Shape | None:
    """Axes of 1 become as long as those that they meet; None where others differ, or more elements than any tensor has."""
    rank = max(map(len, shapes), default=0)
    made = [1] * rank
    for shape in shapes:
        for i, side in enumerate(shape, rank - len(shape)):
            if side != made[i]:
                if made[i] != 1 and side != 1:
                    return None
                made[i] = side if made[i] == 1 else made[i]
    return tuple(made) if prod(made) <= MOST_ELEMENTS else None
