"""Layers of two networks, aligned: those that stayed, moved, changed under their path, came, or went."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from profiler.records.profile import Row
from profiler.records.verdicts import Pair, signature

SAME, MOVED, CHANGED, REPLACED = 4, 3, 2, 1
"""What a pair is worth: the same layer in its place, the same elsewhere, another under its path, another operation there.

A layer put into a Sequential renumbers the rest, so what a layer is outweighs its name; but not by so much that of a network
made wider a layer is taken for another that happens to be as wide as it was.
"""


def align(before: Sequence[Row], after: Sequence[Row]) -> tuple[Pair, ...]:
    """Pairs in the order of both, of the greatest worth in all (Needleman and Wunsch 1970, without a price for gaps)."""
    olds, news = [_keys(row) for row in before], [_keys(row) for row in after]
    head = _common(olds, news)
    tail = _common(olds[head:][::-1], news[head:][::-1])
    last = len(before) - tail, len(after) - tail
    middle = [
        Pair(None if i is None else before[head + i], None if j is None else after[head + j])
        for i, j in _best(olds[head : last[0]], news[head : last[1]])
    ]
    return (
        *map(Pair, before[:head], after[:head]),
        *middle,
        *map(Pair, before[last[0] :], after[last[1] :]),
    )


def _keys(row: Row) -> tuple[str, str, Hashable]:
    return row.path, row.op, signature(row)


def _common(a: Sequence[Any], b: Sequence[Any]) -> int:
    """How many of both begin alike."""
    return next((i for i, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b)))


def _best(
    olds: Sequence[tuple[str, str, Hashable]], news: Sequence[tuple[str, str, Hashable]]
) -> list[tuple[int | None, int | None]]:
    """Positions of the pairs, None where one side has none."""
    if not olds or not news:
        return [*((i, None) for i in range(len(olds))), *((None, j) for j in range(len(news)))]
    import numpy as np

    numbers: dict[Hashable, int] = {}
    a, b = (
        np.array([[numbers.setdefault((k, key), len(numbers)) for k, key in enumerate(row)] for row in rows])
        for rows in (olds, news)
    )
    score = np.zeros((len(olds) + 1, len(news) + 1), dtype=np.int32)
    worths = []
    for i, (path, op, what) in enumerate(a):
        here, alike = b[:, 0] == path, b[:, 2] == what
        worth = np.where(alike, np.where(here, SAME, MOVED), np.where(here, np.where(b[:, 1] == op, CHANGED, REPLACED), 0))
        worths.append(worth.astype(np.int8))
        score[i + 1, 1:] = np.maximum.accumulate(np.maximum(score[i, 1:], score[i, :-1] + worth))
    found: list[tuple[int | None, int | None]] = []
    i, j = len(olds), len(news)
    while i and j:
        if worths[i - 1][j - 1] and score[i, j] == score[i - 1, j - 1] + worths[i - 1][j - 1]:
            i, j = i - 1, j - 1
            found.append((i, j))
        elif score[i, j] == score[i, j - 1]:
            j -= 1
            found.append((None, j))
        else:
            i -= 1
            found.append((i, None))
    found += [(None, k) for k in reversed(range(j))]
    found += [(k, None) for k in reversed(range(i))]
    return found[::-1]
