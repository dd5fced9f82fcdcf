"""The stages of a network: the runs of its layers between strides, which work at one resolution. No torch.

A network is read along its trunk: chains and graphs part by part; branches with what joins them are one piece of it, and so is
a branch that runs in training only. A new stage begins where the resolution changes, by a stride, a pooling, a resizing, or by
the end of all spatial axes (the head). A block, a part of a part of the network, that strides at most once is not split: it
belongs to the stage that its last convolution stands in.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from profiler.count import closed
from profiler.count.shapes import Inputs, spread
from profiler.network import combinators as C
from profiler.network import layers as L
from profiler.network.layers import Shape
from profiler.network.widen import plain_width

Scale = tuple[Fraction, ...] | None
"""Pixels of the input for each position, an axis; None where no spatial axis is left."""
DEPTH_OF_BLOCKS = 2
HEAD = "head"


class Piece(NamedTuple):
    """A piece of the trunk: a leaf, branches with their join, or a block."""

    positions: tuple[int, ...]
    """Of the leaves in it that have plain widths, among all leaves in the order they are written."""
    scale: Scale
    """Of its output."""
    shape: Shape
    """Of its output, for one sample; none of a branch that runs in training only."""


def stages_of(network: L.Layer, inputs: Inputs) -> list[tuple[str, tuple[int, ...]]]:
    """The stages of `network`, each by its name and the positions of its leaves that have plain widths.

    A stage is called by the side that it works at (`56`, `19x17`), what comes after all spatial axes `head`. Raises ShapeError
    where the network does not fit its input.
    """
    _, steps = closed.walk(network, inputs)
    tables = closed.tables_read(network, len(inputs))
    start: tuple[Scale, ...] = tuple(
        (Fraction(1),) * (len(shape) - 1) or (None if vectors is None else (Fraction(1),) * 2)  # of text, as patches have
        for shape, vectors in zip(inputs, tables, strict=True)
    )
    _, pieces = _Trunk(steps).read(network, start, 0)
    runs: list[list[Piece]] = []
    for piece in pieces:
        if not piece.positions:
            continue
        if not runs or runs[-1][-1].scale != piece.scale:
            runs.append([])
        runs[-1].append(piece)
    return [(_name(run), tuple(p for piece in run for p in piece.positions)) for run in runs]


def _name(run: list[Piece]) -> str:
    scale, shape = run[-1].scale, next((piece.shape for piece in reversed(run) if piece.shape), ())
    if scale is None:
        return HEAD
    # tokens (T, C) of an image have lost its axes: their number stands for these
    sides = shape[:1] if len(shape) == 2 and len(scale) > 1 else shape[1:]
    return str(sides[0]) if len(set(sides)) == 1 else "x".join(map(str, sides))


class _Trunk:
    """Reads the pieces of a network, leaf by leaf beside the steps of its walk."""

    def __init__(self, steps: Iterable[closed.Step]) -> None:
        self.steps = enumerate(steps)

    def read(self, layer: L.Layer, given: tuple[Scale, ...], depth: int) -> tuple[tuple[Scale, ...], list[Piece]]:
        """The scales of the outputs, and the pieces."""
        pieces: list[Piece] = []
        match layer:
            case C.Chain(parts):
                scales = given
                for _, part in parts:
                    scales, more = self.read(part, scales, depth + 1)
                    pieces += more
                return scales, _block(pieces, given[0]) if depth >= DEPTH_OF_BLOCKS else pieces
            case C.Graph(names, nodes, results):
                known = dict(zip(names, given, strict=True))
                for name, part, sources in nodes:
                    (known[name],), more = self.read(part, tuple(known[source] for source in sources), depth + 1)
                    pieces += more
                outputs = tuple(known[name] for name in results)
                return outputs, _block(pieces, given[0]) if depth >= DEPTH_OF_BLOCKS else pieces
            case C.Branches(parts, join):
                scales = ()
                for _, part in parts:
                    outputs, more = self.read(part, given, depth + 1)
                    scales, pieces = scales + outputs, pieces + more
                scales, (last,) = self.read(join, scales, depth + 1)
                return scales, [Piece(_positions(pieces), last.scale, last.shape)]
            case C.Aside(part):
                _, pieces = self.read(part, given, depth + 1)
                return given, [Piece(_positions(pieces), given[0], ())]
        position, (_, leaf, inputs, (shape, *_), _, _) = next(self.steps)
        scale = _scale(leaf, given, inputs, shape)
        return (scale,), [Piece((position,) if plain_width(leaf) else (), scale, shape)]


def _positions(pieces: Iterable[Piece]) -> tuple[int, ...]:
    return tuple(position for piece in pieces for position in piece.positions)


def _block(pieces: list[Piece], given: Scale) -> list[Piece]:
    """One piece of those of a block that strides at most once."""
    scales = [given, *(piece.scale for piece in pieces)]
    if sum(a != b for a, b in pairwise(scales)) > 1 or not (wide := [piece for piece in pieces if piece.positions]):
        return pieces
    return [Piece(_positions(pieces), wide[-1].scale, wide[-1].shape)]


def _scale(leaf: L.Layer, given: tuple[Scale, ...], inputs: Inputs, shape: Shape) -> Scale:
    """The scale of a leaf's output. Windows without padding lose some pixels, and make no other scale."""
    first = next((scale for scale in given if scale is not None), None)
    if isinstance(leaf, L.Resize | L.Crop):
        return given[1]
    if first is None or (given[0] is None and len(given) == 1) or isinstance(leaf, L.Flatten | L.Token):
        return None
    rank = len(inputs[0]) - 1
    match leaf:
        case L.Fold():
            return first[1:]
        case L.Unsqueeze():
            return (Fraction(1),) * (len(shape) - 1)  # an image of what were channels
        case L.AdaptiveAvgPool() | L.AdaptiveMaxPool():
            if set(shape[1:]) == {1}:
                return None
            return tuple(s * Fraction(a, b) for s, a, b in zip(first, inputs[0][1:], shape[1:], strict=True))
        case L.Conv() | L.MaxPool() | L.AvgPool():
            stride = leaf.stride if leaf.stride is not None else leaf.kernel
            return tuple(s * k for s, k in zip(first, spread(stride, rank), strict=True))
        case L.ConvTranspose() | L.Upsample():
            stride = leaf.stride if isinstance(leaf, L.ConvTranspose) else leaf.scale_factor
            return tuple(s / k for s, k in zip(first, spread(stride, rank), strict=True))
    return first
