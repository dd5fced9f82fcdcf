"""What the axes of a layer's shapes are: channels, tokens or a length, so that a change of shape is told by its axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from profiler.records.profile import Row, Shape
from profiler.records.timing import CONVOLUTIONS
from profiler.records.verdicts import Pair

FIRST, LAST = "channels first", "channels last"
_FIRST = frozenset((
    "batch_norm", "instance_norm", "group_norm", "local_response_norm", "upsample", "resize", "channel_shuffle",
    "pad_channels", "channel_slice", "tokens",
))  # fmt: skip
"""Operations whose inputs are (batch, channels, spatial axes) whatever runs them; of `tokens` the output is not."""
_LAST = frozenset((
    "linear", "bilinear", "layer_norm", "rms_norm", "embedding", "position_embedding", "class_token", "token", "attention",
    "multihead_attention",
))  # fmt: skip
"""Operations on (batch, tokens, channels)."""


class Layouts:
    """Where the channels stand in the shapes of a network, as its layers tell."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.first: set[Shape] = set()
        self.last: set[Shape] = set()
        for row in rows:
            if _is_first(row):
                self.first |= set(row.inputs) | ({row.output} if row.op != "tokens" else set())
            elif row.op in _LAST:
                self.last |= {*row.inputs, row.output}

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> Layouts:
        """Of both networks of a comparison."""
        return cls(row for pair in pairs for row in pair if row is not None)

    def layout(self, row: Row, shape: Shape) -> str:
        """FIRST or LAST; empty where nothing tells."""
        if row.op in _LAST:
            return LAST
        if _is_first(row):
            return FIRST
        if (shape in self.first) != (shape in self.last):
            return FIRST if shape in self.first else LAST
        return ""


def _is_first(row: Row) -> bool:
    return row.kind in CONVOLUTIONS or row.op in _FIRST or row.op.endswith("pool")


def resized(before: Row, after: Row, layouts: Layouts) -> list[str]:
    """`channels 32 → 24`, `tokens 32 → 128`, where that is all that the outputs differ in, or else the inputs.

    `output 64x56x56 → 64x28x28` where more differs, or nothing tells what the axis is.
    """
    shapes = [("", "output", before.output, after.output)]
    shapes += [(" in", "input", a, b) for a, b in zip(before.inputs, after.inputs, strict=False)]
    for where, whole, a, b in shapes:
        if a == b:
            continue
        differ = [i for i, (m, n) in enumerate(zip(a, b, strict=False)) if m != n]
        if len(a) == len(b) and len(differ) == 1:
            (axis,) = differ
            if word := _axis(axis, len(a), layouts.layout(before, a), layouts.layout(after, b)):
                return [f"{word}{where} {a[axis]} → {b[axis]}"]
        if len(a) == len(b) and 0 not in differ:  # the batch is the same
            a, b = a[1:], b[1:]
        return [f"{whole} {_written(a)} → {_written(b)}"]
    return []


def _axis(axis: int, rank: int, before: str, after: str) -> str:
    """What an axis is called; empty where that is not known of both sides, or it has no word."""
    if rank == 2 and axis == 1 and before != FIRST:  # features after a Flatten, which layers of either layout take
        return "channels"
    if not before or before != after or axis == 0:
        return ""
    if axis == (1 if before == FIRST else rank - 1):
        return "channels"
    if rank == 3:
        return "length" if before == FIRST else "tokens"
    return ""


def _written(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
