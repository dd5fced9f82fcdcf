"""Which cells to measure, so that the others can be predicted from them."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from profiler.prediction.features import Works, total


def chosen(works: Sequence[Works], most: int) -> list[int]:
    """At most so many of these cells: first what brings kinds of operation that the others lack, then the least alike.

    The first cell is always among them, and the least and the largest.
    """
    points = [tuple(log(size + 1) for size in (total(each).macs, total(each).elements, total(each).moved)) for each in works]
    everywhere = range(len(points))
    found = list(dict.fromkeys([0, min(everywhere, key=points.__getitem__), max(everywhere, key=points.__getitem__)]))[:most]
    wanted = {kind for each in works for kind in each}
    while len(found) < min(most, len(points)):
        left = [i for i in everywhere if i not in found]
        wanted -= {kind for i in found for kind in works[i]}
        brings = {i: len(wanted & works[i].keys()) for i in left}
        richest = [i for i in left if brings[i] == max(brings.values())] if wanted else left
        found.append(max(richest, key=lambda i: min(_distance(points[i], points[j]) for j in found)))
    return found


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    return sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
