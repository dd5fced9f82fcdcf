"""Engines side by side, by path: equal under the witness's own convention, or every difference with its reason."""

from __future__ import annotations

import gc
from collections.abc import Iterable

import torch

from profiler.count import conventions
from profiler.count.witnesses import WITNESSES, Count, Witness
from profiler.errors import UnknownName, WitnessFailed
from profiler.network.build import bare
from profiler.network.load import Network
from profiler.records import Agreement, Difference, Row


def recount(network: Network, batch: int, engines: Iterable[str]) -> list[Agreement]:
    """The network instantiated and counted by each witness, beside the closed form.

    Raises UnknownName, Unavailable, and WitnessFailed where it does not run.
    """
    asked = [witness(engine) for engine in engines]
    gc.enable()  # built modules are cycles, which the command line's start leaves uncollected
    rows = network.profile(batch).rows
    try:
        module = bare(network.value, network.inputs)
        inputs = tuple(torch.zeros(batch, *shape) for shape in network.inputs)
        counts = [count(module, inputs) for count in asked]
    except (RuntimeError, MemoryError, OverflowError) as fault:
        why = (str(fault) or type(fault).__name__).splitlines()[0]
        raise WitnessFailed(f"{network.name} cannot be built and run here ({why}); count it with --engine closed") from None
    return [agreement(network, batch, rows, count) for count in counts]


def witness(name: str) -> Witness:
    """The adapter called `name`. Raises UnknownName."""
    if name not in WITNESSES:
        raise UnknownName("engine", name, ["closed", *WITNESSES])
    return WITNESSES[name]


def agreement(network: Network, batch: int, rows: tuple[Row, ...], count: Count) -> Agreement:
    """What `count` found beside what its convention says of our rows."""
    convention = conventions.find(count.convention)
    expected: dict[str, int] = {}
    found = dict(count.by_path)
    for row in rows:
        if count.same_rules or row.macs:
            expected[row.path] = convention.of(row)
    reasons = convention.differences(rows)
    if not count.same_rules:
        others = sum(n for path, n in found.items() if path not in expected)
        reasons = {"counts the other operations by rules of its own, unlike thop 0.1.1": others}
        found = {path: n for path, n in found.items() if path in expected}
    differences = [
        Difference(path, expected.get(path, 0), found.get(path, 0))
        for path in sorted(expected.keys() | found.keys())
        if expected.get(path, 0) != found.get(path, 0)
    ]
    outside = count.total - sum(count.by_path.values())
    if outside:
        differences.append(Difference("(outside any layer)", 0, outside))
    return Agreement(
        network.name,
        count.engine,
        count.macs,
        count.total,
        tuple(reasons.items()),
        tuple(differences),
        count.unsupported,
        {
            "options": dict(network.options),
            "alpha": float(network.alpha),
            "resolution": network.resolution,
            "batch": batch,
        },
    )
