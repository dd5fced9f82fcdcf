"""The folder of a run on a fleet, on the client's disk: what its jobs are, and of each that is over its samples. No torch.

`fleet.json` lists the jobs; `003.samples.jsonl` is the file of samples of job 3 as its machine wrote it, and `003.json` what
else came with it.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from profiler.errors import ProfilerError, Unavailable
from profiler.fleet.devices import FleetDevice
from profiler.measure import own_folder
from profiler.measure.outcomes import Run
from profiler.measure.resuming import FAULTS, lines_of, taken
from profiler.measure.samples import PROTOCOL, SUFFIX, beside
from profiler.study.fleet_job import Measured

FOLDER = ".fleet"
JOBS = "fleet.json"
ANEW = "measure it anew, without --resume"
MOST_SAMPLES = 1 << 30
"""Bytes of a file of samples that a worker sends, at most."""


class SavedJob(msgspec.Struct, frozen=True):
    """One job as the folder lists it."""

    devices: tuple[tuple[str, str, str], ...]
    """(address, name of the machine, device) of those that it may run on."""
    cells: tuple[str, ...]
    """The keys of its cells; ratios are to the first."""


class _Jobs(msgspec.Struct, frozen=True):
    run: str
    command: str
    protocol: int
    jobs: list[SavedJob]


class SavedEnd(msgspec.Struct, frozen=True):
    """What stands beside the samples of a job that is over."""

    device: tuple[str, str, str]
    known_s: list[float | None]
    too_few: list[bool]
    machine: dict[str, Any]
    carried_on: int = 0


class OverJob(NamedTuple):
    """A job that is over."""

    device: FleetDevice
    run: Run
    machine: dict[str, Any]
    carried_on: int


class FleetFolder:
    """A folder of a run, new or carried on."""

    def __init__(self, path: Path, run: str, command: str, jobs: list[SavedJob]) -> None:
        self.path, self.run, self.command, self.jobs = path, run, command, jobs

    @classmethod
    def new(cls, outputs: Sequence[Path], command: str) -> FleetFolder:
        """Beside the first file that the user asked for, else in the cache. Raises ProfilerError."""
        path = Path(str(beside(outputs, command)).removesuffix(SUFFIX) + FOLDER)
        kept = path.with_name(f"{path.name}~")
        number = 1
        while kept.exists():
            number += 1
            kept = path.with_name(f"{path.name}~{number}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() or path.is_symlink():
                path.rename(kept)  # an earlier run's samples are not lost to the next
            path.mkdir()
        except OSError as fault:
            raise ProfilerError(f"samples '{path}' cannot be written: {fault.strerror}; choose another output") from None
        return cls(path, f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(4)}", command, [])

    @classmethod
    def resumed(cls, path: Path, command: str) -> FleetFolder:
        """One that an interrupted run left. Raises ProfilerError, Unavailable."""
        file = path / JOBS
        if not path.is_dir() or not file.is_file():
            what = Unavailable if not path.exists() else ProfilerError
            raise what(f"samples '{path}' is not the folder of a run on a fleet; name its {FOLDER} folder")
        try:
            found = msgspec.json.decode(file.read_bytes(), type=_Jobs)
        except (OSError, *FAULTS) as fault:
            said = own_folder.printable(str(fault), 200)
            raise ProfilerError(f"samples '{file}': damaged ({said}); {ANEW}") from None
        if found.protocol != PROTOCOL:
            raise ProfilerError(f"samples '{file}': of protocol {found.protocol}, and this is {PROTOCOL}; {ANEW}")
        if found.command != command or not own_folder.printable(found.run).replace("-", "").isalnum():
            raise ProfilerError(
                f"samples '{file}': of `{own_folder.printable(found.command)}`, and this is `{command}`; {ANEW}"
            )
        return cls(path, found.run, command, list(found.jobs))

    def write_jobs(self) -> None:
        """Raises ProfilerError."""
        content = {"run": self.run, "command": self.command, "protocol": PROTOCOL, "jobs": self.jobs}
        self._write(self.path / JOBS, msgspec.json.format(msgspec.json.encode(content)))

    def keep(self, number: int, device: FleetDevice, found: Measured, over: bool = True) -> None:
        """Put what came of a job on the disk; of one that is not `over` its samples alone. Raises ProfilerError."""
        inflate = zlib.decompressobj()
        samples = inflate.decompress(found.samples, MOST_SAMPLES)
        end = SavedEnd(
            (device.host, device.label, device.device),
            list(found.known_s),
            list(found.too_few),
            found.machine,
            found.carried_on,
        )
        self._write(self._samples(number), samples)
        if not over:
            return
        self._write(self._end(number), msgspec.json.encode(end))  # the last, so that it stands only where the samples do

    def over(self, number: int, keys: Callable[[FleetDevice], Sequence[str]]) -> OverJob | None:
        """What came of a job, whose cells have these `keys` on a device; None where it is not over.

        Raises ProfilerError where its files are damaged.
        """
        path = self._end(number)
        if not path.is_file():
            return None
        try:
            end = msgspec.json.decode(path.read_bytes(), type=SavedEnd)
            device = FleetDevice(*end.device)
            numbers = {key: i for i, key in enumerate(keys(device))}
            run = taken(self._samples(number), lines_of(self._samples(number)), numbers, ANEW).run
            for outcome, known_s, few in zip(run.outcomes, end.known_s, end.too_few, strict=True):
                outcome.known_s, outcome.too_few = known_s, few
        except (OSError, *FAULTS) as fault:
            raise ProfilerError(f"samples '{path}': damaged ({own_folder.printable(str(fault), 200)}); {ANEW}") from None
        run.spent_s = run.earlier_s
        visits = [round_.visit.spent_s for outcome in run.outcomes for round_ in outcome.rounds.values()]
        run.inside_s = sum(visits) + sum(outcome.warmed.spent_s for outcome in run.outcomes if outcome.warmed is not None)
        return OverJob(device, run, end.machine, end.carried_on)

    def held(self, number: int, keys: Sequence[str]) -> Run:
        """What the samples of a job hold, whether it is over or not. Raises ProfilerError."""
        path = self._samples(number)
        return taken(path, lines_of(path), {key: i for i, key in enumerate(keys)}, ANEW).run

    def rounds(self, number: int, keys: Sequence[str]) -> int:
        """How many rounds they hold. Raises ProfilerError."""
        return max(len(outcome.rounds) for outcome in self.held(number, keys).outcomes)

    def _samples(self, number: int) -> Path:
        return self.path / f"{number + 1:03}{SUFFIX}"

    def _end(self, number: int) -> Path:
        return self.path / f"{number + 1:03}.json"

    def _write(self, path: Path, content: bytes) -> None:
        beside = path.with_name(f".{path.name}")
        try:
            beside.write_bytes(content)
            beside.replace(path)
        except OSError as fault:
            raise ProfilerError(f"samples '{path}' cannot be written: {fault.strerror}; make room there") from None


def is_folder(path: Path) -> bool:
    """Whether a path is that of a run on a fleet."""
    return (path / JOBS).is_file()
