"""The bytes that a layer moves: what it reads and writes at least once. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from profiler.count.leaves import LEAVES, Cost
from profiler.count.shapes import Inputs
from profiler.network import layers as L
from profiler.network.layers import Shape
from profiler.records.profile import FLOAT32_BYTES

INDEX_BYTES = 8
"""Bytes of an index into a table: int64."""
VIEWS = frozenset(
    ("identity", "dropout", "flatten", "fold", "tokens", "token", "unsqueeze", "channel_slice", "crop")
)  # fmt: skip
"""Operations that move nothing in evaluation: they look at the same memory in another way."""
SIZED_BY_ANOTHER = frozenset(("resize",))
"""Operations that take the sides of their second input, and read none of its elements."""


def moved(
    op: str,
    kind: str,
    params: int,
    inputs: Iterable[Shape],
    output: Shape,
    itemsize: int = FLOAT32_BYTES,
    index_size: int = INDEX_BYTES,
) -> int:
    """Bytes of its inputs, of the `params` parameters that it reads, and of its output, `itemsize` an element.

    `op` and `kind` are those of its row. A view moves nothing. A lookup reads its indices (`index_size` each) and of its table
    the vectors that they name.
    """
    if op in VIEWS:
        return 0
    if kind == "embedding" and op.startswith("embedding"):
        return itemsize * 2 * prod(output) + index_size * sum(map(prod, inputs))
    read = list(inputs)[:1] if op in SIZED_BY_ANOTHER else inputs
    return itemsize * (params + prod(output) + sum(map(prod, read)))


def read_params(leaf: L.Layer, inputs: Inputs, cost: Cost) -> int:
    """Parameters that a leaf reads: its own; of a table the vectors in use; of tied weights all, which another holds."""
    match leaf:
        case L.PositionEmbedding():
            return prod(cost.output)
        case L.SegmentEmbedding():
            return cost.output[-1]
        case L.TiedLinear():
            return inputs[0][-1] * cost.output[-1] + cost.bias
    return cost.weights + cost.bias + cost.norm


def moved_by_leaf(leaf: L.Layer, inputs: Inputs, cost: Cost) -> tuple[int, int]:
    """Bytes for each sample, and for its parameters, which are read once a batch; as float32."""
    _, kind, op, *_ = LEAVES[type(leaf)]  # not yet formatted, which those that this rule knows by name need not be
    sort = "" if callable(kind) else kind
    each = moved(op, sort, 0, inputs, cost.output)
    params = read_params(leaf, inputs, cost)
    return each, moved(op, sort, params, (), ()) - moved(op, sort, 0, (), ()) if params else 0
