"""Engines side by side, by path: equal under the witness's own convention, or every difference with its reason."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn

from profiler.count import conventions
from profiler.errors import ProfilerError, Unavailable, UnknownName, WitnessFailed
from profiler.load.load import Counted
from profiler.load.reference import Reference
from profiler.module.user_code import quiet, user_code
from profiler.records.agreement import Agreement, Difference
from profiler.records.place import shape
from profiler.records.profile import Row
from profiler.tracing.traced import trace
from profiler.witness.memory import shortage, too_long, weight_bytes
from profiler.witness.witnesses import WITNESSES, Count, Witness, flop_counter

Found = Agreement | WitnessFailed
"""What an engine says, or why it says nothing."""


def heard(network: Counted, batch: int | None, engines: Iterable[str], *, insists: bool = True) -> list[Found]:
    """The network instantiated and counted by each engine, beside the rows of its closed form, or of a reference's tracing.

    An engine that fails is a WitnessFailed with its reason in the place of its Agreement; unless the user `insists`, so is one
    that would take more weights than half of the free memory, or multiply for minutes. torch is asked on the meta device, and
    with weights only where the module does not run there. Raises UnknownName, Unavailable, and WitnessFailed where the network
    cannot be built at all.
    """
    asked = [(engine, None if engine == "traced" else witness(engine)) for engine in engines]
    gc.enable()  # built modules are cycles, which the command line's start leaves uncollected
    profile = network.profile(batch)
    rows, macs = profile.rows, profile.macs
    found: list[Found] = []
    made: dict[bool, Any] = {}

    def built(values: bool) -> Any:
        """The module and its arguments, with values or on the meta device."""
        if values not in made:
            if values and not insists:
                if short := shortage(weight_bytes(network)):
                    raise _TooLarge(f"needs {short}")
                if long := too_long(macs):
                    raise _TooLarge(f"would run {long}")
            with user_code(network.name) if isinstance(network, Reference) else quiet():
                device = "cpu" if values else "meta"
                module = network.module(device, bare=values)
                where = next((str(p.device) for p in module.parameters()), device)  # the caller's own may be on a GPU
                made[values] = (module, network.example(batch, where))
        return made[values]

    for engine, count in asked:
        try:
            found.append(_retraced(network, batch, rows) if count is None else _counted(network, batch, rows, count, built))
        except _TooLarge as short:
            found.append(WitnessFailed(f"{network.name} {short}; --engine {engine} insists"))
        except Unavailable:
            raise
        except (Exception, MemoryError) as fault:
            failed = WitnessFailed(_refusal(network, engine, fault, True in made))
            if count is not None and True not in made:
                raise failed from None
            found.append(failed)
    return found


def witness(name: str) -> Witness:
    """The adapter called `name`. Raises UnknownName."""
    if name not in WITNESSES:
        raise UnknownName("engine", name, ["closed", "traced", *WITNESSES])
    return WITNESSES[name]


class _TooLarge(Exception):
    """Weights that are not allocated unasked, or a run that would take minutes."""


def _counted(
    network: Counted, batch: int | None, rows: tuple[Row, ...], count: Witness, built: Callable[[bool], Any]
) -> Agreement:
    if count is flop_counter:
        try:
            module, (args, kwargs) = built(False)
            with quiet(network.name):
                return agreement(network, batch, rows, count(module, args, kwargs))
        except Exception:  # a forward of the user's that needs values, for whatever reason
            pass
    module, (args, kwargs) = built(True)
    with quiet(network.name):
        said = count(module, args, kwargs)
    return agreement(network, batch, rows, said)


def _refusal(network: Counted, engine: str, fault: BaseException, built: bool) -> str:
    why = str(fault) if isinstance(fault, ProfilerError) else (str(fault) or type(fault).__name__).splitlines()[0]
    if isinstance(network, Reference) and not built:
        return f"{network.name} cannot be built with values here ({why}); its traced count stands"
    if isinstance(network, Reference):
        return f"{network.name} does not run under {engine} ({type(fault).__name__}: {why}); its traced count stands"
    return f"{network.name} cannot be built and run here ({why}); count it with --engine closed"


def agreement(network: Counted, batch: int | None, rows: tuple[Row, ...], count: Count) -> Agreement:
    """What `count` found beside what its convention says of our rows."""
    convention = count.rules or conventions.find(count.convention)
    expected: dict[str, int] = {}
    found = dict(count.by_path)
    modules = found.keys() if isinstance(network, Reference) else {row.path for row in rows}
    for row in rows:
        if count.same_rules or row.macs:
            owner = _owner(row.path, modules)
            expected[owner] = expected.get(owner, 0) + convention.of(row)
    reasons = convention.differences(rows)
    if not count.same_rules:
        others = sum(n for path, n in found.items() if path not in expected)
        reasons = {"counts the other operations by rules of its own, unlike thop 0.1.1": others}
        found = {path: n for path, n in found.items() if path in expected}
    amiss = {path: (expected.get(path, 0), found.get(path, 0)) for path in sorted(expected.keys() | found.keys())}
    amiss = {path: (ours, theirs) for path, (ours, theirs) in amiss.items() if ours != theirs}
    if isinstance(network, Reference):
        amiss = _settled(amiss)
    differences = [Difference(path, *counts) for path, counts in amiss.items()]
    outside = count.total - sum(count.by_path.values())
    if outside:
        differences.append(Difference("(outside any layer)", 0, outside))
    return _agreement(network, batch, count.engine, count.macs, count.total, reasons, differences, count.unsupported)


def _owner(path: str, modules: Iterable[str]) -> str:
    """The module that a row's operation ran in: the row's own path, or the nearest above it."""
    while path and path not in modules:
        path = path.rpartition(".")[0]
    return path


def _settled(amiss: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Differences without those that come to nothing in a module above: there an operation is booked under another name."""
    left = dict(amiss)
    above = {".".join(path.split(".")[:n]) for path in amiss for n in range(len(path.split(".")))}
    for top in sorted(above, key=lambda path: -len(path)):
        inside = [path for path in left if not top or path == top or path.startswith(f"{top}.")]
        if len(inside) > 1 and sum(left[path][0] - left[path][1] for path in inside) == 0:
            left = {path: counts for path, counts in left.items() if path not in inside}
    return left


_COMPARED = ("macs", "weights", "bias", "norm", "buffers", "elementwise", "activations")


def _retraced(network: Counted, batch: int | None, rows: tuple[Row, ...]) -> Agreement:
    """The built module traced on the meta device beside the closed form, row by row in every count of theirs."""
    module: nn.Module = network.module("meta")
    args, kwargs = network.example(batch, "meta")
    profile = trace(module, args, kwargs, name=network.name, batch=batch).profile
    ours, theirs = _by_call(rows), _by_call(profile.rows)
    differences = []
    for path, number in dict.fromkeys([*ours, *theirs]):
        for key in _COMPARED:
            a, b = (getattr(each[path, number], key) if (path, number) in each else 0 for each in (ours, theirs))
            if a != b:
                differences.append(Difference(path if key == "macs" else f"{path} ({key})", a, b))
    return _agreement(network, batch, "traced", profile.macs, profile.macs, {}, differences, profile.uncounted)


def _by_call(rows: Iterable[Row]) -> dict[tuple[str, int], Row]:
    """Rows by their path and by how often it ran before."""
    calls: Counter[str] = Counter()
    found = {}
    for row in rows:
        if not row.side:
            found[row.path, calls[row.path]] = row
            calls[row.path] += 1
    return found


def _agreement(
    network: Counted,
    batch: int | None,
    engine: str,
    macs: int,
    total: int,
    reasons: Mapping[str, int],
    differences: Iterable[Difference],
    unsupported: tuple[str, ...],
) -> Agreement:
    place = {
        "options": dict(network.options),
        "alpha": None if network.alpha is None else float(network.alpha),
        "resolution": network.resolution,
        "input": " ".join(map(shape, network.inputs)),
        "batch": network.batched(batch),
    }
    return Agreement(network.name, engine, macs, total, tuple(reasons.items()), tuple(differences), unsupported, place)
