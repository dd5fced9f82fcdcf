"""What processes that count are given to do, one function a kind of task: what it takes is small, and pickles. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from profiler.count import conventions
from profiler.errors import WitnessFailed
from profiler.load.load import Counted, Network, load
from profiler.records.agreement import Agreement
from profiler.records.columns import Record
from profiler.records.place import shape
from profiler.records.traced import Traced
from profiler.study.cells import Cell, record_of


class Tracing(NamedTuple):
    """A reference to be traced."""

    network: Any
    batch: int | None


class Hearing(NamedTuple):
    """A network that engines are to recount."""

    network: Counted
    batch: int | None
    engines: tuple[str, ...]
    insists: bool
    traced: Traced | None
    """What a reference was traced to, in whatever process."""


def trace(task: Tracing) -> Traced:
    """What a reference is traced to. Raises as tracing it does."""
    network: Any = built(task.network)
    traced: Traced = network.traced(task.batch)
    return traced


def hear(task: Hearing) -> Sequence[Agreement | WitnessFailed]:
    """What the engines say. Raises as `witness.agree.heard` does."""
    from profiler.witness.agree import heard

    network = built(task.network)
    if task.traced is not None and not isinstance(network, Network):
        network.keep(task.batch, task.traced)
    return heard(network, task.batch, task.engines, insists=task.insists)


def weigh(cell: Cell) -> int:
    """The bytes of an inference at its peak. Raises ProfilerError where they are not known."""
    from profiler.study.peak import peak_of

    return peak_of(replace(cell, network=built(cell.network)))


def peak(cell: Cell) -> tuple[int, str]:
    """The same by tracing, and where that is. Raises ProfilerError."""
    from profiler.study.show import memory_of  # traced, so torch is loaded

    found = memory_of(built(cell.network), cell.batch)
    return found.peak, f"{found.op} in {found.path or 'its own forward'}"


def count_cell(task: tuple[Cell, str]) -> Record:
    """The record of a cell under a convention, by its name. Raises as `record_of` does."""
    cell, rule = task
    return record_of(replace(cell, network=built(cell.network)), conventions.find(rule))


def count_listed(name: str) -> dict[str, Any]:
    """What a list says of a network of a library. Raises ProfilerError where it cannot be counted."""
    network = load(name)
    totals = network.totals()
    counts = {key: getattr(totals, key) for key in ("params", "macs", "activations")}
    return {**counts, "input": " ".join(map(shape, network.inputs))}


@dataclass
class Kept:
    """What was built last in this process: the cells of a sweep come one after the other, of one module."""

    keeps: bool = False
    """True in a process that counts, whose networks come without what was built of them."""
    key: str = ""
    made: dict[str, Any] = field(default_factory=dict)


KEPT = Kept()


def built(network: Counted) -> Counted:
    """The network, in a process that counts with the module that the task before has built, where it is the same."""
    if not KEPT.keeps or isinstance(network, Network) or network.held is not None or not network.has_module:
        return network
    key = repr((network.name, network.settings, network.sides, network.alpha))
    if key != KEPT.key:
        KEPT.key, KEPT.made = key, {}
    return replace(network, made=KEPT.made)
