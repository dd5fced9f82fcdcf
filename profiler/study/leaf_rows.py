"""The rows of a network as a clock sees them: one a leaf. No torch."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from profiler.measure.visits import FUSED
from profiler.records.profile import Row
from profiler.study.cells import Cell

NO_LAYER = "no layer"
"""The kind of what a runtime does beside the layers of the network."""


def leaf_rows(cell: Cell) -> list[Row]:
    """One row a leaf; operations of a forward's own stand in the row of the leaf that ends after them."""
    return rows_by_leaf(cell.network.profile(cell.batch).rows)


def rows_by_leaf(rows: Sequence[Row]) -> list[Row]:
    """The same of the rows of a profile."""
    paths = dict.fromkeys(row.path for row in rows if row.module and not row.side)
    return list(rows_of(rows, list(paths)).values()) if paths else [row for row in rows if not row.side]


def rows_of(rows: Sequence[Row], paths: Sequence[str]) -> dict[str, Row]:
    """One row a clocked leaf: its own, the sum of those below it, or a bare one where the count knows nothing of it.

    Operations that are no leaf's stand in the row of the leaf that ended after them, since that is where their time is. Leaves
    that a runtime fused, as `stem.conv + stem.act`, are one row.
    """
    known: dict[str, str] = {}
    for path in paths:
        for part in path.split(FUSED) if not path.startswith("(") else ():
            known.setdefault(part, path)
    found: dict[str, list[Row]] = {path: [] for path in paths}
    waiting: list[Row] = []
    for row in rows:
        if row.side:
            continue
        owner = _owner(row.path, known)
        if owner is None:
            waiting.append(row)
            continue
        found[known[owner]] += [*waiting, row]
        waiting = []
    if waiting and known:
        found[list(known.values())[-1]] += waiting
    return {path: _merged(_shortened(path), members) for path, members in found.items()}


def _shortened(path: str) -> str:
    """`stem.conv + stem.act` as `stem.conv + act`: what the first already says is left out."""
    first, *others = path.split(FUSED)
    home = first.rpartition(".")[0] + "."
    return FUSED.join([first, *(each.removeprefix(home) for each in others)])


def _owner(path: str, known: Collection[str]) -> str | None:
    while path:
        if path in known:
            return path
        path = path.rpartition(".")[0]
    return None


def _merged(path: str, members: Sequence[Row]) -> Row:
    if len(members) == 1:
        return members[0]._replace(path=path)
    if not members:
        return Row(path, "unknown", NO_LAYER if path.startswith("(") else "reshape", "", {}, (), (), 0, 0, 0, 0, 0, 0, 0, False)
    main = max(members, key=lambda row: (row.macs, row.elementwise, row.path == path))
    sums = {
        name: sum(getattr(row, name) for row in members)
        for name in ("weights", "bias", "norm", "buffers", "macs", "elementwise", "activations", "moved")
    }
    return main._replace(path=path, inputs=members[0].inputs, output=members[-1].output, **sums)
