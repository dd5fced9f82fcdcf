"""Two saved runs or two networks, aligned cell by cell and layer by layer. No torch but for a reference, which is traced."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from profiler.checked import checked
from profiler.errors import ProfilerError
from profiler.load.load import Model
from profiler.records.columns import SETTING
from profiler.records.notes import LatenciesNotCompared, NoLayersSaved, Note
from profiler.records.place import PLACE, Place, key
from profiler.records.verdicts import Compared, Diffed
from profiler.saved.read import Saved, read_document
from profiler.study.before_after import Side, compared, of_profile, of_run
from profiler.study.budgets import KnownInputs, cell_or_known, inputs_of


@checked
def diff(
    before: Model | Saved,
    after: Model | Saved,
    *,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    batch: object = None,
    options: Mapping[str, Any] | None = None,
) -> Diffed:
    """What changed from `before` to `after`, each the name of a saved run (`.json`, or `-` for a pipe), or a network.

    The keywords are the point of a network, whose own options win. Runs of several records are aligned by network and point.
    Raises ProfilerError for a file that holds no networks, and as `load` does.
    """
    return differing(before, after, Place(None, options or {}, alpha, resolution, input, batch, rho))


def differing(before: Model | Saved, after: Model | Saved, at: Place) -> Diffed:
    """What changed, networks at one place. Raises as `diff` does."""
    if (before, after) == ("-", "-"):
        raise ProfilerError("only one of the two can be read from stdin; give the other as a file")
    runs = [_run(each) for each in (before, after)]
    known = inputs_of(record for run in runs if run is not None for record in run.records)
    old, new = (run or _counted(each, at, known) for run, each in zip(runs, (before, after), strict=True))
    cells = _aligned(old, new)
    notes: list[Note] = list(dict.fromkeys(LatenciesNotCompared(each.unlike) for each in cells if each.unlike))
    notes += [NoLayersSaved(name) for name in dict.fromkeys(side.name for side in (old, new) if None in side.rows)]
    return Diffed(old.name, new.name, tuple(cells), tuple(notes))


def _run(given: Model | Saved) -> Side | None:
    """The side that a saved run is; None of a network."""
    if isinstance(given, str) and is_run(given):
        given = read_document(given)
    return of_run(given) if isinstance(given, Saved) else None


def _counted(given: Model | Saved, at: Place, known: KnownInputs) -> Side:
    """The side of a network, given what the run beside it was given where it does not say what it reads."""
    cell = cell_or_known(at._replace(model=given), known)
    return of_profile(cell.network.profile(cell.batch))


def is_run(name: str) -> bool:
    """True for the name of a saved run: `base.json`, or `-`."""
    return name == "-" or PurePath(name).suffix.lower() == ".json"


def _aligned(old: Side, new: Side) -> list[Compared]:
    """Records of the same network at the same point in the same setting, then in another; the others added or removed."""
    if len(old.records) == len(new.records) == 1:
        return [compared(old, 0, new, 0)]
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for names in ((*PLACE, *SETTING), PLACE):
        free: dict[str, list[int]] = {}
        for i in reversed(range(len(old.records))):
            if i not in taken:
                free.setdefault(key(old.records[i], names), []).append(i)
        for j, record in enumerate(new.records):
            if j not in partner and free.get(key(record, names)):
                partner[j] = free[key(record, names)].pop()
                taken.add(partner[j])
    gone = [Compared(record, None, None) for i, record in enumerate(old.records) if i not in taken]
    found = [
        compared(old, partner[j], new, j) if j in partner else Compared(None, record, None)
        for j, record in enumerate(new.records)
    ]
    return [*found, *gone]
