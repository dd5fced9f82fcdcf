"""What is to be checked: networks at their points with the most that each may cost. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from profiler import grid
from profiler.config import Config
from profiler.errors import InputNeeded, ProfilerError, UnknownName, quoted
from profiler.load.load import Model, load_at, parse
from profiler.records.place import Place
from profiler.records.verdicts import QUANTITIES, Limit
from profiler.study.cells import Cell
from profiler.study.models import Given, named

POINT = ("alpha", "resolution", "rho", "input", "batch", "set")
"""What an entry of the table may say of the network's point."""
KnownInputs = Mapping[str, Sequence[Any]]
"""Inputs by the name of a network."""
ANYWHERE = Place(None, batch=None)
"""No point at all: the network's own."""


class Budgeted(NamedTuple):
    """A network at its place, with its budgets."""

    cell: Cell
    limits: dict[str, Limit]

    @property
    def name(self) -> str:
        """`mobilenet_v1 (α 0.5, 192)`."""
        return str(self.cell.place)


def cell_at(place: Place) -> Cell:
    """The network of a place, for its batch: 1 unless it says. Raises as `load` does."""
    return Cell(load_at(place), grid.batch(1 if place.batch is None else place.batch))


def inputs_of(records: Iterable[Mapping[str, Any]]) -> KnownInputs:
    """The inputs that a saved run had, by the names of its networks."""
    found: dict[str, list[Any]] = {}
    for record in records:
        given = str(record.get("input") or "").split()
        held = found.setdefault(parse(str(record.get("model")))[0], [])
        if given and given not in held:
            held.append(given)
    return found


def cell_or_known(place: Place, known: KnownInputs) -> Cell:
    """The network of a place; one that does not say what it reads is given the one input it is known with elsewhere.

    Raises as `load` does.
    """
    try:
        return cell_at(place)
    except InputNeeded:
        found = known.get(_named(place.model) or "", ())
        if len(found) != 1:
            raise
        return cell_at(place._replace(input=found[0]))


def budgeted(
    models: Sequence[Given], at: Place, given: Mapping[str, object], config: Config | None, known: KnownInputs | None = None
) -> list[Budgeted]:
    """The networks that were named, or without names all of the table's, with the budgets of both; those given win.

    A network that does not say what it reads is given its entry's input, or that of `known`, which a baseline knows.

    Raises ProfilerError, UnknownName for what either says amiss, and as `load` does.
    """
    limits = limits_of(given, {key: option(key) for key in given}, "options")
    entries = _entries(config)
    if not models:
        return [Budgeted(_of_entry(name, entry, at, config), entry.limits | limits) for name, entry in entries.items()]
    found: dict[Any, Budgeted] = {}
    of_entries: dict[str, list[Any]] = {}
    for name, entry in entries.items():
        if "input" in entry.point and entry.point["input"] not in (held := of_entries.setdefault(parse(name)[0], [])):
            held.append(entry.point["input"])
    for network in named(models):
        model = network.model
        cell = replace(cell_or_known(at._replace(model=model), {**(known or {}), **of_entries}), label=network.label)
        own: dict[str, Limit] = {}
        for name, entry in entries.items():
            if _named(model) == parse(name)[0] and _of_entry(name, entry, ANYWHERE, config).place.key == cell.place.key:
                own = entry.limits
        found.setdefault(cell.place.key if isinstance(model, str) else id(model), Budgeted(cell, own | limits))
    return list(found.values())


def limits_of(given: Mapping[str, object], names: Mapping[str, str], source: str) -> dict[str, Limit]:
    """Budgets as numbers; `names` are what messages call them. Raises ProfilerError."""
    return {key: Limit(key, _most(key, given[key], names[key]), source) for key in QUANTITIES if given.get(key) is not None}


def _most(key: str, value: object, what: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ProfilerError(f"{what} must be a limit such as 600M, 64MiB or 30ms, not {quoted(value)!r}")
    if key == "latency":
        return grid.duration(value, what)
    return grid.size(value, what) if key in ("memory", "weight_bytes") else grid.count(value, what)


def option(key: str) -> str:
    """`--max-weight-bytes`."""
    return f"--max-{key.replace('_', '-')}"


class _Entry(NamedTuple):
    limits: dict[str, Limit]
    point: Mapping[str, Any]


def _entries(config: Config | None) -> dict[str, _Entry]:
    """The entries of `[tool.profiler.budgets]`, checked."""
    if config is None or config.path is None or "budgets" not in config.table:
        return {}
    path = config.name
    table = config.table["budgets"]
    if not isinstance(table, Mapping):
        raise ProfilerError(
            f'{path}: tool.profiler.budgets must be a table; write [tool.profiler.budgets."mobilenet_v1"] above it'
        )
    found = {}
    for name, entry in table.items():
        where = f'tool.profiler.budgets."{name}"'
        if not isinstance(entry, Mapping):
            raise ProfilerError(f'{path}: {where} must be a table; write [{where}] and below it macs = "600M"')
        for key in entry:
            if key not in (*QUANTITIES, *POINT):
                raise UnknownName(f"key of {where}", key, (*QUANTITIES, *POINT), f"(in {path})")
        names = {key: f"{path}: {where}.{key}" for key in entry}
        limits = limits_of(entry, names, path)
        if not limits:
            raise ProfilerError(f"{path}: {where} has no budget; give one of {', '.join(QUANTITIES)}")
        if not isinstance(entry.get("set", {}), Mapping):
            raise ProfilerError(f"{path}: {where}.set must be a table; write it as set = {{ classes = 10 }}")
        found[name] = _Entry(limits, {key: entry[key] for key in POINT if key in entry})
    return found


def _of_entry(name: str, entry: _Entry, at: Place, config: Config | None) -> Cell:
    """The network of an entry, whose own point wins over that of `at`."""
    own = {"options" if key == "set" else key: _text(value) for key, value in entry.point.items()}
    if own.keys() & {"resolution", "rho", "input"}:
        at = at._replace(resolution=None, rho=None, input=None)
    try:
        return cell_at(at._replace(model=name, **own))
    except ProfilerError as fault:
        assert config is not None
        fault.args = (f'{config.name}: tool.profiler.budgets."{name}": {fault}',)
        raise


def _text(value: Any) -> Any:
    """Numbers of TOML as the options have them: 0.1 is one tenth."""
    return str(value) if isinstance(value, float) else value


def _named(model: Model) -> str | None:
    return parse(model)[0] if isinstance(model, str) else None
