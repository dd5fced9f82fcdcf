"""Networks' layers for a page: equal ones stored once, paths by what they share, as many networks as there is room for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from profiler.records.profile import Profile, Row
from profiler.records.shown import Derivation
from profiler.records.timing import Layers
from profiler.report import names, units
from profiler.report.page.columns import Plain, coded, columns, paths

FIELDS = ("op", "kind", "output", "params", "macs", "activations", "elementwise")
CLOCKED = ("seconds", "share", "bytes", "macs_per_s", "bound", "roof", "least_s")
BY_KIND = ("layers", "params", "macs", "activations", "elementwise", "seconds")


@dataclass(frozen=True)
class Network:
    """One network as a page shows it: its layers, what else is known of each, and of all of them together."""

    name: str
    rows: tuple[Row, ...]
    more: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """{column: a value a row}."""
    clock: Plain = field(default_factory=dict)
    """The latency and the roofs, where its layers were clocked."""


def of_profiles(profiles: Sequence[Profile], records: Sequence[Mapping[str, Any]] = ()) -> list[Network]:
    """Counted networks, with the place they were counted at in their names where a model stands there twice."""
    return [of_profile(profile, name) for name, profile in zip(names.of_profiles(profiles, records), profiles, strict=True)]


def of_profile(profile: Profile, name: str, derivations: Sequence[Derivation | None] = ()) -> Network:
    """A counted network; with the `derivations` of its rows each layer also as the product it is."""
    rows = tuple(row for row in profile.rows if not row.side)
    more: dict[str, list[str | None]] = {}
    if any(derivations):
        found = [made for row, made in zip(profile.rows, derivations, strict=True) if not row.side]
        more["closed form"] = [None if made is None else made.letters for made in found]
        more["with its numbers"] = [None if made is None else made.numbers for made in found]
    return Network(name, rows, more)


def of_layers(each: Layers) -> Network:
    """A network whose layers were clocked, with the roofs that they are held against."""
    plain = [row.to_dict() for row in each.rows]
    timing, roofs = each.timing, each.roofs
    clock = {
        "latency_s": timing.latency_s,
        "low": timing.latency_low_s,
        "high": timing.latency_high_s,
        "grade": timing.grade,
        "macs_per_s": roofs.macs_per_s,
        "streams": [[units.size(size), rate] for size, rate in roofs.streams],
        "calls": dict(roofs.calls),
    }
    return Network(
        each.model, tuple(row.row for row in each.rows), {name: [row[name] for row in plain] for name in CLOCKED}, clock
    )


def packed(networks: Iterable[Network], room: int) -> tuple[Plain, int]:
    """`{sorts, networks}` of at most `room` bytes, and how many networks' layers there was no room for."""
    sorts: dict[tuple[Any, ...], int] = {}
    made, left_out = [], 0
    for each in networks:
        plain: Plain = {"name": each.name, "kinds": _by_kind(each), "clock": each.clock}
        values = [(row.op, row.kind, units.shape(row.output[1:]), *(getattr(row, f) for f in FIELDS[3:])) for row in each.rows]
        numbers = dict(sorts)
        for value in values:
            numbers.setdefault(value, len(numbers))
        more = [dict(zip(each.more, row, strict=True)) for row in zip(*each.more.values(), strict=True)]
        layers = {
            "paths": paths([row.path for row in each.rows]),
            "at": [numbers[value] for value in values],
            "more": columns(more, list(each.more)),
        }
        room -= len(json.dumps([plain, layers, list(numbers)[len(sorts) :]]))
        if room < 0:
            left_out += 1
        else:
            plain |= layers
            sorts = numbers
        made.append(plain)
    by_field = list(zip(*sorts, strict=True)) or [()] * len(FIELDS)
    each_field = {name: coded(list(values)) for name, values in zip(FIELDS, by_field, strict=True)}
    return {"sorts": each_field, "networks": made}, left_out


def _by_kind(network: Network) -> dict[str, list[float]]:
    """{kind: the sums of BY_KIND}, most multiply-adds first."""
    seconds = network.more.get("seconds", [0] * len(network.rows))
    kinds: dict[str, list[float]] = {}
    for row, taken in zip(network.rows, seconds, strict=True):
        sums = kinds.setdefault(row.kind, [0] * len(BY_KIND))
        for i, value in enumerate((1, row.params, row.macs, row.activations, row.elementwise, taken)):
            sums[i] += value
    return dict(sorted(kinds.items(), key=lambda item: -item[1][2]))
