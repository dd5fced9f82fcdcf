"""A run on a fleet in blocks, one a device, and each block in jobs: cells that are compared with each other stay together.

No torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from profiler.errors import ProfilerError
from profiler.fleet.devices import FleetDevice
from profiler.measure.outcomes import Outcome, Run
from profiler.measure.plan import Setting, Spec
from profiler.records.results import Results
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell
from profiler.study.measuring import filled, specs_of, to_be_measured

PART = 3
"""Cells of a job where equal devices share them, beside the first cell, which each has."""
EQUAL = ("cpu", "processors", "gpus")
"""What machines must have in common to share the cells."""
NOT_OVER = "its job was not over when the run ended"


@dataclass
class Part:
    """The cells of one job, as positions in its block, and what became of them."""

    members: list[int]
    devices: Sequence[FleetDevice]
    run: Run | None = None
    device: FleetDevice | None = None
    """Where it was measured."""
    machine: dict[str, Any] = field(default_factory=dict)

    def on(self, device: FleetDevice, specs: Sequence[Spec]) -> list[Spec]:
        """Its cells among those of its block, as they are on one of its devices."""
        return [replace(specs[i], setting=replace(specs[i].setting, device=device.device)) for i in self.members]


@dataclass
class Block:
    """All cells on one device, or on several that are equal."""

    label: str
    specs: list[Spec]
    results: Results
    """Its records, whose measured columns wait."""
    parts: list[Part]

    def filled(self, options: BenchOptions, last: bool = False) -> Results:
        """Its results so far; at the `last` time with the reason where there is no latency."""
        records, rounds = list(self.results), [list[float]() for _ in self.specs]
        for part in self.parts:
            run = part.run
            if run is None and last:
                run = Run([Outcome(reason=NOT_OVER) for _ in part.members])
            if run is None:
                continue
            waiting = self.results.replace([records[i] for i in part.members], base=records[part.members[0]])
            device = part.device or part.devices[0]
            made = filled(waiting, part.on(device, self.specs), run, options, last=True)
            host = device.label if part.device or len(part.devices) == 1 else None
            for i, record, medians in zip(part.members, made, made.rounds, strict=True):
                if i == 0 and part is not self.first:
                    continue  # the cell that ratios are to is in every part
                records[i], rounds[i] = {**record, "device": device.device, "host": host}, medians
        return self.results.replace(records, base=records[0], rounds=rounds)

    @property
    def first(self) -> Part:
        """The part that tells of the first cell: the first one that measured it."""
        over = [part for part in self.parts if part.run is not None]
        return next((part for part in over if part.run and len(part.run.outcomes[0].rounds) > 0), (over or self.parts)[0])

    def run(self) -> Run:
        """What all of its jobs came to, as one."""
        outcomes = [Outcome(reason=NOT_OVER) for _ in self.specs]
        whole = Run(outcomes)
        for part in self.parts:
            if part.run is None:
                continue
            for i, outcome in zip(part.members, part.run.outcomes, strict=True):
                if i != 0 or part is self.first:
                    outcomes[i] = outcome
            whole.spent_s += part.run.spent_s
            whole.inside_s += part.run.inside_s
            whole.round += part.run.round
        return whole

    @property
    def machine(self) -> dict[str, Any]:
        """What the jobs say of their machine: of several equal ones the first."""
        return next((part.machine for part in self.parts if part.run is not None and part.machine), {})


def chosen(devices: Sequence[FleetDevice], settings: Sequence[Setting]) -> list[FleetDevice]:
    """The devices that the settings name: `auto` all of them, `cuda` each of that kind."""
    return [each for each in devices if any(_is_meant(each, setting.device) for setting in settings)]


def _is_meant(device: FleetDevice, name: str) -> bool:
    return name in ("auto", device.device, device.device.partition(":")[0])


def blocks_of(
    results: Results,
    cells: Sequence[Cell],
    settings: Sequence[Setting],
    devices: Sequence[FleetDevice],
    machines: Mapping[str, Mapping[str, Any]],
    spread: bool,
) -> list[Block]:
    """A block a device, or with `spread` one for all of them; `machines` are the facts of each by its address.

    Raises ProfilerError where a machine has fewer processors than threads are asked for, or devices to share cells differ.
    """
    plain = list(dict.fromkeys(replace(setting, device="cpu") for setting in settings))
    specs = specs_of(cells, plain, here=False)
    if spread:
        _check_equal(devices, machines)
    made = []
    for group in [list(devices)] if spread else [[each] for each in devices]:
        mine = [_on(setting, group[0], machines[group[0].host]) for setting in plain]
        members = list(range(len(specs)))
        where = [_on(spec.setting, group[0], machines[group[0].host]) for spec in specs]
        label = f"{group[0].label}, {group[0].device}" if len(group) == 1 else f"{len(group)} equal machines, {group[0].device}"
        host = group[0].label if len(group) == 1 else None
        waiting = to_be_measured(results, cells, mine)
        records = [{**record, "host": host} for record in waiting]
        parts = list(_parts(members)) if spread else [members]
        made.append(
            Block(
                label,
                [replace(spec, setting=setting) for spec, setting in zip(specs, where, strict=True)],
                waiting.replace(records, base=records[0], notes=[]),
                [Part(part, group) for part in parts],
            )
        )
    return made


def _on(setting: Setting, device: FleetDevice, machine: Mapping[str, Any]) -> Setting:
    threads = setting.threads or machine["threads"]
    if threads > machine["processors"]:
        raise ProfilerError(
            f"threads '{threads}' are more than the {machine['processors']} processors of {device.label}; give fewer, "
            f"or leave --threads out for all that each machine has"
        )
    return replace(setting, device=device.device, threads=threads)


def _parts(members: Sequence[int]) -> Iterator[list[int]]:
    """The cells in parts, each with the first one."""
    others = list(members[1:])
    if not others:
        yield list(members)
    for start in range(0, len(others), PART):
        yield [members[0], *others[start : start + PART]]


def _check_equal(devices: Sequence[FleetDevice], machines: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises ProfilerError."""
    first = devices[0]
    for other in devices[1:]:
        if other.device.partition(":")[0] != first.device.partition(":")[0]:
            raise ProfilerError(
                f"--spread takes devices of one kind, and there are {first.device} and {other.device}; give --device"
            )
        for name in EQUAL:
            ours, theirs = machines[first.host].get(name), machines[other.host].get(name)
            if ours != theirs:
                raise ProfilerError(
                    f"--spread takes equal machines: {first.label} has {name} {ours}, and {other.label} {theirs}; "
                    "leave --spread out, so that each measures all cells"
                )
