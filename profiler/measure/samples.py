"""The raw record of a run, on disk as soon as each round ends: `*.samples.jsonl`. What it holds can be carried on. No torch.

The first line says what the run is: protocol, versions, machine, cells. Each further line is one thing that happened: a cell
prepared, a round (every sample of it, and when it ended, in seconds since 1970), a cell ended. A line that was cut off by the
end of the process is passed over.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from profiler.errors import ProfilerError
from profiler.measure import host, own_folder
from profiler.measure.energy import Energy
from profiler.measure.outcomes import Round, Run
from profiler.measure.plan import Spec, State
from profiler.measure.visits import Prepared, Warmed
from profiler.records.environment import environment

PROTOCOL = 3
"""Version of the protocol: rounds of another one are not comparable."""
SUFFIX = ".samples.jsonl"
HEAD = b'{"what": "run"'
"""What every one of them begins with."""
MOST_KEPT = 20
"""Files of samples in the cache, the oldest deleted first."""


def beside(outputs: Sequence[Path], command: str) -> Path:
    """Where the samples go: beside the first file that the user asked for, else in the cache, which keeps the last few.

    Raises ProfilerError where there is no place for them.
    """
    for output in outputs:
        if not output.exists() or output.is_file():  # nothing stands beside a device or a pipe
            return output.with_suffix(SUFFIX)
    folder = own_folder.cache_folder() or own_folder.temporary_folder()
    kept = sorted(filter(_is_ours, folder.glob(f"*{SUFFIX}")), key=lambda path: path.stat().st_mtime)
    for old in kept[: max(len(kept) - MOST_KEPT, 0)]:
        old.unlink(missing_ok=True)
    return folder / f"{command}-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}{SUFFIX}"


def _is_ours(path: Path) -> bool:
    """Whether a file in the cache was put there by this program: it has such a name, and begins as such a file does."""
    if not re.fullmatch(r"[a-z]+-\d{8}-\d{6}-\d+", path.name.removesuffix(SUFFIX)) or own_folder.what_else(path):
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(HEAD)) == HEAD
    except OSError:
        return False


class Samples:
    """A file of samples, being written; a line at a time, each flushed. A disk that fills up ends the record, not the run."""

    def __init__(self, path: Path, cells: Sequence[Spec], command: str, again: bool = False) -> None:
        self.path, self.cells, self.fault = path, cells, ""
        if path.exists() and not path.is_file():
            raise ProfilerError(f"samples '{path}' is not a regular file; choose another output")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if again:
                _trim(path)
            elif os.path.lexists(path):  # a link too, which would lead elsewhere
                os.replace(path, path.with_name(f"{path.name}~"))  # an interrupted run's samples are not lost to the next
            self.file: IO[str] = open(path, "a" if again else "x", encoding="utf-8", opener=_opener(path))  # noqa: SIM115  # until the end of the run
        except OSError as fault:
            raise ProfilerError(f"samples '{path}' cannot be written: {fault.strerror}; choose another output") from None
        if not again:
            self._put({"what": "run", "protocol": PROTOCOL, "command": command, **stamp(), "cells": [c.key for c in cells]})

    def __enter__(self) -> Samples:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.file.close()

    def worker(self, state: State, facts: Mapping[str, Any]) -> None:
        self._put({"what": "worker", "state": list(state), "facts": facts})

    def prepared(self, number: int, found: Prepared, warmed: Warmed) -> None:
        self._put({"what": "prepared", "cell": self.cells[number].key, **found._asdict(), "warmed": warmed._asdict()})

    def round(self, run: Run, cells: Mapping[int, Round]) -> None:
        measured = [
            {"cell": self.cells[i].key, "visit": asdict(each.visit), "reading": each.reading._asdict()}
            for i, each in cells.items()
        ]
        spent: dict[str, float] = {"at": time.time(), "spent_s": run.earlier_s + run.spent_s, "inside_s": run.inside_s}
        self._put({"what": "round", "round": run.round, **spent, "cells": measured})

    def energy(self, number: int, found: Energy) -> None:
        blocks = [list(each) for each in found.blocks]
        self._put({"what": "energy", "cell": self.cells[number].key, "blocks": blocks, "reason": found.reason})

    def ended(self, number: int, stop: str, reason: str) -> None:
        self._put({"what": "ended", "cell": self.cells[number].key, "stop": stop, "reason": reason})

    def _put(self, line: Mapping[str, Any]) -> None:
        if self.fault:
            return
        try:
            self.file.write(json.dumps(line, allow_nan=False) + "\n")
            self.file.flush()
        except OSError as fault:
            self.fault = f"samples '{self.path}' ended early: {fault.strerror}; make room for them"


def _opener(path: Path) -> Callable[[str, int], int]:
    """In the user's cache a file is the user's alone; elsewhere it is as any file that the user makes."""
    mode = 0o600 if path.parent == own_folder.cache_folder() else 0o666
    return lambda name, flags: os.open(name, flags, mode)


def stamp() -> dict[str, Any]:
    """What a run is made with, and on."""
    made = environment()
    return {"profiler": made.profiler, "torch": made.torch, "date": made.date, "machine": host.machine()}


def _trim(path: Path) -> None:
    """Take a line that was cut off from the end of a file, so that what follows stands on lines of its own."""
    text = path.read_bytes()
    if text and not text.endswith(b"\n"):
        path.write_bytes(text[: text.rfind(b"\n") + 1])
