"""A job of a fleet: cells that are compared with each other, measured on one device of a worker by the one protocol. No torch.

Runs on the worker. What it measures stands on the disk of its machine as each round ends, and goes back with the result.
"""

from __future__ import annotations

import os
import re
import time
import zlib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from json import dumps
from pathlib import Path
from typing import Any

from profiler.errors import ProfilerError
from profiler.fleet.facts import differing, versions
from profiler.fleet.task import Wanted
from profiler.measure import own_folder
from profiler.measure.plan import Spec
from profiler.measure.resuming import comparable, resumed
from profiler.measure.samples import SUFFIX
from profiler.measure.start import Start
from profiler.study.bench_options import BenchOptions
from profiler.study.measuring import Session, session, timing
from profiler.study.memory_needed import Held, check_shortage

KEPT_DAYS = 14
"""How long a machine keeps the samples of a job, for a client that carries on."""
LAST = "last.json"
"""What was measured last on each device of a machine."""
NAME = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Job:
    """A comparison group on one device, as it is sent."""

    name: str
    """Of its run and its number there: what its file of samples is called."""
    specs: tuple[Spec, ...]
    """Ratios are to the first."""
    command: str
    seconds: float
    energy: bool
    no_cache: bool
    held: tuple[Held, ...]
    """What its networks take of the memory."""
    versions: dict[str, str | None]
    """What the client has."""
    runtimes: tuple[str, ...]
    folder: str
    """Where the client stands: the job begins there too, where its machine has that folder."""


@dataclass(frozen=True)
class Measured:
    """What came of a job."""

    samples: bytes
    """Its file of samples, deflated."""
    known_s: tuple[float | None, ...]
    """Of each cell, the reference kernel at its fastest in earlier runs of that machine."""
    too_few: tuple[bool, ...]
    machine: dict[str, Any]
    carried_on: int
    """Rounds that were there from an earlier attempt on that machine."""


def fleet_folder() -> Path:
    """Where a machine keeps the samples of jobs. Raises ProfilerError."""
    folder = (own_folder.cache_folder() or own_folder.temporary_folder()) / "fleet"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    return folder


def run_job(job: Job) -> Measured:
    """Measure the cells of a job, carrying on with what an earlier attempt left on this machine.

    Raises ProfilerError; Unwanted where the client cancelled it.
    """
    differs = differing(versions(job.runtimes), job.versions)
    if differs:
        raise ProfilerError(f"this worker has {differs}; install the same versions")
    if not NAME.fullmatch(job.name):
        raise ProfilerError(f"'{job.name}' is not a name of a job; send jobs by profiler's --fleet alone")
    for held in job.held:
        check_shortage(held)
    folder = fleet_folder()
    _clean(folder)
    path = folder / f"{job.name}{SUFFIX}"
    with Wanted() as wanted:
        wanted.check()
        carried_on = _rounds(path, job.specs)
        try:
            return _measured(job, path, wanted, carried_on)
        except ProfilerError:
            if not carried_on or not wanted.is_wanted:
                raise
            return _measured(job, path, wanted, 0)  # its process differs from the one that measured those rounds


def held_by(name: str) -> bytes | None:
    """The file of samples that a job left on this machine, deflated; None where there is none."""
    path = fleet_folder() / f"{name}{SUFFIX}"
    if not NAME.fullmatch(name) or not path.is_file():
        return None
    return zlib.compress(path.read_bytes())


def _measured(job: Job, path: Path, wanted: Wanted, carried_on: int) -> Measured:
    options = BenchOptions(
        time=job.seconds, energy=job.energy, no_cache=job.no_cache, start=_start(job.folder),
        **({"resume": path} if carried_on else {"outputs": (path.with_name(f"{job.name}.json"),)}),
    )  # fmt: skip
    with session(job.specs, job.command, options, going=wanted.check) as made:
        wanted.end = made.pool.end
        for _ in made.scheduler.steps():
            wanted.check()
        wanted.check()
    _remember(job, made)
    outcomes = made.scheduler.run.outcomes
    return Measured(
        zlib.compress(path.read_bytes()),
        tuple(outcome.known_s for outcome in outcomes),
        tuple(outcome.too_few for outcome in outcomes),
        made.machine,
        carried_on,
    )


def _rounds(path: Path, specs: tuple[Spec, ...]) -> int:
    """Rounds that a file holds and that can be carried on; 0 where there are none."""
    if not path.is_file():
        return 0
    try:
        comparable(path, specs)
        return max(len(outcome.rounds) for outcome in resumed(path, specs).run.outcomes)
    except ProfilerError:
        return 0


def _start(folder: str) -> Start:
    """Where measured code begins: the client's folder where there is one, without what dask sets for its workers."""
    import dask

    here = Start.now()
    set_by_dask: dict[str, Any] = dask.config.get("distributed.nanny.pre-spawn-environ", {})
    environment = {
        name: value for name, value in here.environment.items() if name not in set_by_dask or value != str(set_by_dask[name])
    }
    there = folder if folder and Path(folder).is_dir() else here.folder
    return Start(there, (there, *here.path), environment)


def _clean(folder: Path) -> None:
    """Delete what no client came for."""
    oldest = time.time() - KEPT_DAYS * 24 * 3600
    for path in folder.glob(f"*{SUFFIX}*"):
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _remember(job: Job, made: Session) -> None:
    """Note what was measured last on the device, for `profiler fleet status`."""
    timings = [timing(spec, each) for spec, each in zip(job.specs, made.scheduler.run.outcomes, strict=True)]
    grades = Counter(each.grade or "none" for each in timings)
    path = fleet_folder() / LAST
    found = last_measured()
    found[job.specs[0].setting.device] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "command": job.command, "cells": len(timings),
        "grades": dict(sorted(grades.items())),
    }  # fmt: skip
    own_folder.write(path, dumps(found))


def last_measured() -> dict[str, Any]:
    """{device: what was measured last on it}, of this machine; empty where nothing was."""
    import json

    try:
        found = json.loads(own_folder.read(fleet_folder() / LAST) or "{}")
    except (ValueError, RecursionError, OSError, ProfilerError):
        return {}
    return found if isinstance(found, dict) else {}


def here() -> str:
    """The folder that the client stands in; empty where that is gone."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""
