"""What earlier runs on this machine measured: the reference kernel at its fastest, and the latencies of each cell. No torch.

A run compared with itself cannot tell that the machine was slow from start to end, nor how far the next run will be from it.
The file stands in the user's cache, in a part for each machine, version of torch, device and number of threads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import log
from pathlib import Path
from typing import Annotated, Any

import msgspec

from profiler.measure import host, own_folder
from profiler.measure.plan import State

NAME = "history.json"
VERSION = 1
MOST_STATES, MOST_CELLS, MOST_RUNS = 64, 256, 20
"""What is kept: of the states and cells that were measured last, and of each cell the last runs."""
FORGOTTEN_AFTER = timedelta(days=90)
"""How long the machine may not have come near its fastest before that is no longer what it can do."""
NEAR = 1.05
Seconds = Annotated[float, msgspec.Meta(gt=0, lt=1e8)]


class Runs(msgspec.Struct):
    """The earlier runs in one state."""

    fastest_s: Seconds
    """The reference kernel at its fastest."""
    reached: datetime
    """When it was last about as fast."""
    cells: dict[str, list[Seconds]] = {}
    """{cell: latencies of its last runs}, of those at grade A to C."""
    disturbed: dict[str, list[Seconds]] = {}
    """The same of those at D."""


class _File(msgspec.Struct):
    version: int
    states: dict[str, Runs]


def key_of(state: State, facts: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
    """What figures must share to be held against each other; `facts` are those of the state's worker."""
    named = {name: machine.get(name) for name in host.SAME_MACHINE}
    named |= {name: facts.get(name) for name in ("torch", "cpu_capability", "gpu", "allocator")}
    named |= {"device": state.device, "threads": state.threads}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:16]


@dataclass
class History:
    """The file, as it was read."""

    path: Path | None = None
    states: dict[str, Runs] = field(default_factory=dict)

    @classmethod
    def read(cls) -> History:
        """What this user's cache holds; empty where there is none, or its file holds something else."""
        folder = own_folder.cache_folder()
        path = None if folder is None else folder / NAME
        text = None if path is None else own_folder.read(path)
        if text is None:
            return cls(path)
        try:
            found = msgspec.json.decode(text, type=_File)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return cls(path)
        return cls(path, found.states if found.version == VERSION else {})

    def fastest(self, key: str) -> float | None:
        """Seconds of the reference kernel at its fastest in that state; None where that is not known, or long ago."""
        runs = self.states.get(key)
        if runs is None or _now() - _aware(runs.reached) > FORGOTTEN_AFTER:
            return None
        return runs.fastest_s

    def deviations(self, key: str, disturbed: bool = False) -> tuple[float, int]:
        """The sum of squares of the logarithms of latencies about their cell's mean, and its degrees of freedom.

        Of runs at grade A to C, or where `disturbed` of all of them.
        """
        total, free = 0.0, 0
        runs = self.states.get(key, Runs(1.0, _now()))
        for cell in {*runs.cells, *(runs.disturbed if disturbed else ())}:
            seconds = [*runs.cells.get(cell, ()), *(runs.disturbed.get(cell, ()) if disturbed else ())]
            logs = [log(each) for each in seconds]
            if len(logs) > 1:
                mean = sum(logs) / len(logs)
                total, free = total + sum((each - mean) ** 2 for each in logs), free + len(logs) - 1
        return total, free

    def add(self, key: str, fastest_s: float, cells: Mapping[str, float], disturbed: Mapping[str, float] | None = None) -> None:
        """Add a run: the reference kernel at its fastest in it, and the latencies of its cells, those at grade D apart."""
        known = self.fastest(key)
        runs = self.states.pop(key, None) or Runs(fastest_s, _now(), {})
        if known is None or fastest_s < NEAR * known:
            runs.reached, runs.fastest_s = _now(), min(fastest_s, known or fastest_s)
        runs.cells, runs.disturbed = _with(runs.cells, cells), _with(runs.disturbed, disturbed or {})
        self.states[key] = runs
        self.states = dict(list(self.states.items())[-MOST_STATES:])

    def write(self) -> None:
        """Put it back; a cache that cannot be written is none."""
        if self.path is not None:
            own_folder.write(self.path, msgspec.json.encode(_File(VERSION, self.states)).decode())


def _with(held: Mapping[str, list[float]], more: Mapping[str, float]) -> dict[str, list[float]]:
    """What is kept of cells, with a latency more of some of them, which are then the last."""
    made = dict(held)
    for cell, seconds in more.items():
        short = hashlib.sha256(cell.encode()).hexdigest()[:16]
        made[short] = [*made.pop(short, []), seconds][-MOST_RUNS:]
    return dict(list(made.items())[-MOST_CELLS:])


def _now() -> datetime:
    return datetime.now(UTC)


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
