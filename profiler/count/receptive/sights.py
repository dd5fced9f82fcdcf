"""What the elements of one tensor see of the network's input: along each of its axes, and by which axis of the tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from math import prod
from typing import NamedTuple

from profiler.count.receptive.windows import SAME, Taps, Windows, through, union
from profiler.records.profile import Shape


class Sight(NamedTuple):
    """What an element sees along one axis of the input."""

    windows: Windows | None = None
    """None where windows do not say."""
    axis: int | None = None
    """The axis of the tensor whose positions these are; None where all elements see the same, or it is not known which."""
    merged: bool = False
    """Whether the positions share that axis with others, so that a window over it is none over them."""
    everything: bool = False
    """Whether every element sees the whole axis."""


Sights = tuple[Sight, ...]
"""One for each axis of a sample of the input, its channels among them."""
WHOLE = Sight(everything=True)


def of_input(shape: Shape) -> Sights:
    """What the elements of the input see: themselves. `shape` has the batch axis first, as all shapes here."""
    return tuple(Sight(SAME, axis) for axis in range(1, len(shape)))


def mixed(sights: Sights, axes: Iterable[int]) -> Sights:
    """Where every output takes all positions along some axes of the tensor."""
    over = set(axes)
    return tuple(WHOLE if sight.axis in over else sight for sight in sights)


def statistics(sights: Sights, axes: Iterable[int]) -> Sights:
    """Where every output also depends on a mean over some axes, as in instance normalisation: positions stay where they are."""
    over = set(axes)
    return tuple(sight._replace(everything=True) if sight.axis in over else sight for sight in sights)


def lost(sights: Sights, axes: Iterable[int] | None = None) -> Sights:
    """Where it is not followed which positions the elements see, along some axes of the tensor or all."""
    over = None if axes is None else set(axes)
    return tuple(
        Sight(everything=sight.everything) if over is None or sight.axis in over or sight.axis is None else sight
        for sight in sights
    )


def taken(sights: Sights, taps: dict[int, Taps | None]) -> Sights:
    """Where each output reads some positions along the axes of the tensor that are named, None where it is not known which."""

    def one(sight: Sight) -> Sight:
        if sight.axis not in taps or sight.windows is None:
            return sight
        found = taps[sight.axis]
        if sight.merged:
            return sight if found is not None and found.reads == ((0,),) else Sight(everything=sight.everything)
        windows = None if found is None else through(sight.windows, found)
        return Sight(everything=sight.everything) if windows is None else sight._replace(windows=windows)

    return tuple(map(one, sights))


def moved(sights: Sights, to: Callable[[int], int | None]) -> Sights:
    """Where the tensor's axes become others: `to` says which, None where an axis is gone that had one position."""
    return tuple(sight if sight.axis is None else sight._replace(axis=to(sight.axis)) for sight in sights)


def joined(parts: Sequence[tuple[Sights, Shape]], output: Shape) -> Sights:
    """Where each output is made of the elements of several tensors that spread over it."""
    spread = [_spread(sights, shape, output) for sights, shape in parts]
    return tuple(reduce(_both, each) for each in zip(*spread, strict=True))


def _spread(sights: Sights, shape: Shape, output: Shape) -> Sights:
    """The same over more leading axes, an axis of one position over all."""
    more = len(output) - len(shape)

    def one(sight: Sight) -> Sight:
        if sight.axis is None:
            return sight
        if shape[sight.axis] == 1 and output[sight.axis + more] != 1:
            return Sight(everything=sight.everything)
        return sight._replace(axis=sight.axis + more)

    return tuple(map(one, sights))


def _both(a: Sight, b: Sight) -> Sight:
    everything = a.everything or b.everything
    for one, other in ((a, b), (b, a)):
        if one.everything and one.windows is None and one.axis is None:  # it adds all, and moves nothing
            return other._replace(everything=True)
    if a.windows is None or b.windows is None or a.axis != b.axis:
        return Sight(everything=everything)
    windows = union(a.windows, b.windows)
    return Sight(everything=everything) if windows is None else Sight(windows, a.axis, a.merged or b.merged, everything)


def reshaped(sights: Sights, before: Shape, after: Shape) -> Sights:
    """Where the elements stay in their order and the axes are cut anew: axes that are joined merge their positions."""
    if before == after:
        return sights
    to: dict[int, tuple[int | None, bool]] = {}
    for old, new in _blocks(before, after):
        long, target = [i for i in old if before[i] != 1], [i for i in new if after[i] != 1]
        for i in old:
            if len(target) <= 1:
                where = target[0] if target else new[-1] if new else None
                to[i] = (None, False) if before[i] == 1 and long else (where, len(long) > 1)
            elif [before[j] for j in long] == [after[j] for j in target]:
                to[i] = (target[long.index(i)] if i in long else None, False)
            else:
                to[i] = (-1, False)

    def one(sight: Sight) -> Sight:
        if sight.axis is None:
            return sight
        where, merged = to[sight.axis]
        if where == -1:
            return Sight(everything=sight.everything)
        return sight._replace(axis=where, merged=sight.merged or merged)

    return tuple(map(one, sights))


def _blocks(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """The axes of two shapes of as many elements, in the smallest runs whose products are equal."""
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(before) or j < len(after):
        old, new = ([i], []) if i < len(before) else ([], [j])
        i, j = (i + 1, j) if old else (i, j + 1)
        if not new and j < len(after):
            new, j = [j], j + 1
        while (a := prod(before[k] for k in old)) != (b := prod(after[k] for k in new)):
            if a < b and i < len(before):
                old, i = [*old, i], i + 1
            elif j < len(after):
                new, j = [*new, j], j + 1
            else:
                break
        found.append((old, new))
    return found
