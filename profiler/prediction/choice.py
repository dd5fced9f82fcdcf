"""Which cells to measure, so that the others can be predicted from them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import log

from profiler.prediction.features import Works, total


def chosen(works: Sequence[Works], most: int, traits: Sequence[Sequence[Hashable]] = ()) -> list[int]:
    """At most so many of these cells: first what brings what the others lack, then the least alike.

    That is kinds of operation, and values on the axes of a grid: `traits` has those of each cell, as (α, side). A kernel may be
    slow at one side and not at the next. The first cell is always among them, and the least and the largest.
    """
    has = [{*each, *(enumerate(traits[i]) if traits else ())} for i, each in enumerate(works)]
    points = [tuple(log(size + 1) for size in (total(each).macs, total(each).elements, total(each).moved)) for each in works]
    everywhere = range(len(points))
    found = list(dict.fromkeys([0, min(everywhere, key=points.__getitem__), max(everywhere, key=points.__getitem__)]))[:most]
    wanted = set().union(*has)
    while len(found) < min(most, len(points)):
        left = [i for i in everywhere if i not in found]
        wanted -= set().union(*(has[i] for i in found))
        brings = {i: len(wanted & has[i]) for i in left}
        richest = [i for i in left if brings[i] == max(brings.values())] if wanted else left
        found.append(max(richest, key=lambda i: min(_distance(points[i], points[j]) for j in found)))
    return found


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
