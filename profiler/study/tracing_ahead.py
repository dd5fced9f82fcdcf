"""References of a study, traced before their records are made: each once, in order, wherever tasks are done. No torch."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NamedTuple

from profiler.count import conventions
from profiler.errors import ProcessEnded, ProfilerError
from profiler.load.load import Network
from profiler.records.elsewhere import CellLost, CountInterrupted
from profiler.records.events import Counted, Event
from profiler.records.notes import Note
from profiler.study.cells import Cell
from profiler.study.counting_tasks import Tracing, trace
from profiler.study.in_order import Where

Key = tuple[int, int | None, str]


class Ahead(NamedTuple):
    """What can be counted of the cells of a study."""

    kept: list[int]
    """The positions of the cells that are counted."""
    notes: list[Note]
    """Of those that are not, why."""
    interrupted: bool

    def positions(self, chosen: Sequence[int]) -> list[int]:
        """Where some cells stand among those that are kept."""
        now = {i: at for at, i in enumerate(self.kept)}
        return [now[i] for i in chosen if i in now]


def traced_ahead(cells: Sequence[Cell], where: Where, convention: str = "paper") -> Generator[Event, None, Ahead]:
    """Trace the references among the cells, whose records are then made of that. Networks of the zoo need no tracing.

    A cell whose process ended is left out, and so are those that the user does not wait for. Raises what loading and tracing
    raise, ProcessEnded where no cell is left, KeyboardInterrupt where none is there yet.
    """
    rule = conventions.find(convention)
    for cell in cells:
        conventions.check(rule, cell.network.name, cell.network.has_module)
    asked: dict[Key, Tracing] = {}
    keys: list[Key | None] = []
    for cell in cells:
        network = cell.network
        if isinstance(network, Network) or network.found(cell.batch) is not None:
            keys.append(None)
            continue
        key = (id(network.made), cell.batch, str(network.inputs))
        keys.append(key)
        asked.setdefault(key, Tracing(network, cell.batch))
    if len(asked) < 2 and not where.elsewhere:
        return Ahead(list(range(len(cells))), [], False)
    left, interrupted = set(asked), False
    lost: dict[Key, ProcessEnded] = {}
    try:
        for (key, task), outcome in zip(asked.items(), where.results(trace, asked.values()), strict=True):
            try:
                task.network.keep(task.batch, outcome.get())
            except ProcessEnded as fault:
                lost[key] = fault
            left.discard(key)
            yield Counted(len(asked) - len(left), len(asked), f"tracing {task.network.name}")
    except KeyboardInterrupt:
        interrupted = True
    kept = [i for i, key in enumerate(keys) if key is None or (key not in left and key not in lost)]
    if interrupted and all(keys[i] is None for i in kept):
        raise KeyboardInterrupt
    if not kept:
        first = next(iter(lost))
        raise ProfilerError(
            f"{asked[first].network.name} is not counted: {lost[first]}; count it on a machine with more memory"
        )
    notes: list[Note] = [CellLost(str(cells[i].place), str(lost[key])) for i, key in enumerate(keys) if key in lost]
    if interrupted:
        notes.append(CountInterrupted(len(kept), len(cells)))
    return Ahead(kept, notes, interrupted)
