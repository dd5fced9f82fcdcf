"""Trees of layers folded: consecutive siblings that are equal in everything but their number stand in one line."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from profiler.records.profile import Row


class Node(NamedTuple):
    """A line of a tree of layers before it is folded."""

    path: str
    leaves: tuple[tuple[str, Hashable], ...]
    """(path, all that must be equal) of what stands in it."""


class Fold(NamedTuple):
    """A line after it: `body.7…11.conv`, and which of the lines before it are in it."""

    path: str
    members: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.path if len(self.members) == 1 else f"{self.path} ×{len(self.members)}"


def nodes(rows: Iterable[Row], depth: int) -> list[Node]:
    """The lines of a tree to a depth, as `Profile.by_depth` groups them; at a depth of 0 each row, every call of a module."""
    main = [row for row in rows if not row.side]
    if not depth:
        return [Node(row.path, ((row.path, _alike(row)),)) for row in main]
    groups: dict[str, list[Row]] = {}
    for row in main:
        groups.setdefault(".".join(row.path.split(".")[:depth]), []).append(row)
    return [Node(name, tuple((row.path, _alike(row)) for row in members)) for name, members in groups.items()]


def _alike(row: Row) -> Hashable:
    return (*row[1:4], repr(sorted(row.facts.items())), *row[5:])


def folded(tree: Sequence[Node]) -> list[Fold]:
    """The lines with equal siblings folded, at every level. Siblings are numbered one after the other: `body.7`, `body.8`."""
    return _fold(tree, list(range(len(tree))), 0)


def _fold(tree: Sequence[Node], chosen: list[int], level: int) -> list[Fold]:
    """Fold the lines `chosen`, which have the first `level` names of their paths in common."""
    parts: list[tuple[str | None, list[int]]] = []
    for i in chosen:
        names = tree[i].path.split(".")
        name = names[level] if len(names) > level else None
        if parts and name is not None and parts[-1][0] == name:
            parts[-1][1].append(i)
        else:
            parts.append((name, [i]))
    made: list[Fold] = []
    at = 0
    while at < len(parts):
        name, members = parts[at]
        if name is None:
            made += [Fold(tree[i].path, (i,)) for i in members]
            at += 1
            continue
        end = at + 1
        if name.isdecimal():
            first = _inside(tree, members, level + 1)
            while (
                end < len(parts)
                and parts[end][0] == str(int(name) + end - at)
                and first == _inside(tree, parts[end][1], level + 1)
            ):
                end += 1
        inner = _fold(tree, members, level + 1)
        if end - at > 1:
            place = {i: k for k, i in enumerate(members)}
            for fold in inner:
                names = fold.path.split(".")
                names[level] = f"{name}…{parts[end - 1][0]}"
                every = tuple(parts[other][1][place[i]] for other in range(at, end) for i in fold.members)
                made.append(Fold(".".join(names), every))
        else:
            made += inner
        at = end
    return made


def _inside(tree: Sequence[Node], members: Iterable[int], level: int) -> list[tuple[tuple[str, Hashable], ...]]:
    """All that must be equal, with paths from `level` on."""
    return [tuple((".".join(path.split(".")[level:]), alike) for path, alike in tree[i].leaves) for i in members]
