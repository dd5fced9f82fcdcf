"""The raw record of a run, on disk as soon as each round ends: `*.samples.jsonl`. What it holds can be carried on. No torch.

The first line says what the run is: protocol, versions, machine, cells. Each further line is one thing that happened: a cell
prepared, a round (every sample of it), a cell ended. A line that was cut off by the end of the process is passed over.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from profiler.errors import ProfilerError
from profiler.measure import host
from profiler.measure.grades import Reading
from profiler.measure.plan import Spec, State
from profiler.measure.protocol import Outcome, Round, Run
from profiler.measure.visits import Prepared, Visit, Warmed
from profiler.records.environment import environment

PROTOCOL = 1
"""Version of the protocol: rounds of another one are not comparable."""
SUFFIX = ".samples.jsonl"
MOST_KEPT = 20
"""Files of samples in the cache, the oldest deleted first."""


def beside(outputs: Sequence[Path], command: str) -> Path:
    """Where the samples go: beside the first file that the user asked for, else in the cache, which keeps the last few."""
    if outputs:
        return outputs[0].with_suffix(SUFFIX)
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "profiler"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError
    except OSError:
        folder = Path(tempfile.gettempdir())  # a home that cannot be written is no reason not to measure
    kept = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
    for old in kept[: max(len(kept) - MOST_KEPT, 0)]:
        old.unlink(missing_ok=True)
    return folder / f"{command}-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}{SUFFIX}"


class Samples:
    """A file of samples, being written; a line at a time, each flushed. A disk that fills up ends the record, not the run."""

    def __init__(self, path: Path, cells: Sequence[Spec], command: str, again: bool = False) -> None:
        self.path, self.cells, self.fault = path, cells, ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if again:
                _trim(path)
            elif path.exists():
                os.replace(path, path.with_name(f"{path.name}~"))  # an interrupted run's samples are not lost to the next
            self.file: IO[str] = path.open("a" if again else "w", encoding="utf-8")
        except OSError as fault:
            raise ProfilerError(f"samples '{path}' cannot be written: {fault.strerror}; choose another output") from None
        if not again:
            self._put({"what": "run", "protocol": PROTOCOL, "command": command, **_stamp(), "cells": [c.key for c in cells]})

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
        spent = {"spent_s": run.earlier_s + run.spent_s, "inside_s": run.inside_s}
        self._put({"what": "round", "round": run.round, **spent, "cells": measured})

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


class Kept(NamedTuple):
    """What a file of samples holds."""

    run: Run
    workers: dict[tuple[Any, ...], dict[str, Any]]
    """{state: what its worker said of itself}."""


def resumed(path: Path, cells: Sequence[Spec]) -> Kept:
    """What a file holds of `cells`, to be carried on. Raises ProfilerError where it is of something else, or damaged."""
    lines = _lines(path)
    numbers = {cell.key: i for i, cell in enumerate(cells)}
    kept = Kept(Run([Outcome() for _ in cells]), {})
    for i, line in enumerate(lines):
        try:
            if i == 0:
                _checked(line, path)
                if not numbers.keys() & set(line["cells"]):
                    cure = "give the command that it was made by, or measure anew where the network has changed"
                    raise ProfilerError(f"samples '{path}': none of its cells is one of these; {cure}")
            else:
                _take(line, kept, numbers)
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise ProfilerError(
                f"samples '{path}', line {i + 1}: damaged ({fault}); measure it anew, without --resume"
            ) from None
    return kept


def _take(line: Mapping[str, Any], kept: Kept, numbers: Mapping[str, int]) -> None:
    run = kept.run
    match line["what"]:
        case "worker":
            kept.workers[tuple(line["state"])] = dict(line["facts"])
        case "prepared" if line["cell"] in numbers:
            outcome = run.outcomes[numbers[line["cell"]]]
            outcome.prepared = Prepared(*(line[name] for name in Prepared._fields))
            outcome.warmed = Warmed(**line["warmed"])
        case "round":
            run.round, run.earlier_s = max(run.round, int(line["round"])), max(run.earlier_s, _seconds(line["spent_s"]))
            for cell in line["cells"]:
                if cell["cell"] in numbers:
                    made = Round(Visit(**cell["visit"]), Reading(**cell["reading"]))
                    if not made.visit.seconds:
                        raise ValueError("a visit without samples")
                    for seconds in (*made.visit.seconds, made.visit.spent_s, *made.visit.layers.values()):
                        _seconds(seconds)
                    _seconds(made.reading.cpu_share)
                    run.outcomes[numbers[cell["cell"]]].rounds[run.round] = made
        case "ended" if line["cell"] in numbers:
            outcome = run.outcomes[numbers[line["cell"]]]
            outcome.stop, outcome.reason = str(line["stop"]), str(line["reason"])


def _seconds(value: Any) -> float:
    """A duration that can have been measured. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e8:
        raise ValueError(f"{value!r} is no number of seconds")
    return float(value)


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as fault:
        raise ProfilerError(f"samples '{path}' cannot be read: {fault.strerror}; name the file of the run") from None
    except UnicodeDecodeError:
        raise ProfilerError(f"samples '{path}' is no text; name a {SUFFIX} file") from None
    found = []
    whole = text.endswith("\n")
    rows = text.splitlines()
    for i, row in enumerate(rows):
        try:
            line = json.loads(row)
        except json.JSONDecodeError:
            if i == len(rows) - 1 and not whole and i > 0:
                break  # the process ended while it wrote
            raise ProfilerError(f"samples '{path}', line {i + 1}: this is no JSON; name a {SUFFIX} file") from None
        if not isinstance(line, dict) or "what" not in line:
            raise ProfilerError(f"samples '{path}', line {i + 1}: this is no line of a {SUFFIX} file")
        found.append(line)
    if not found or found[0]["what"] != "run" or "cells" not in found[0]:
        raise ProfilerError(f"samples '{path}' does not begin as a {SUFFIX} file does; name the file of the run")
    return found


def _checked(head: Mapping[str, Any], path: Path) -> None:
    """Refuse rounds that are not comparable with ours."""
    ours = {"protocol": PROTOCOL, **_stamp()}
    cure = "measure it anew, without --resume"
    for name, word in (("protocol", "protocol"), ("profiler", "version of profiler"), ("torch", "version of torch")):
        if head.get(name) != ours[name]:
            raise ProfilerError(f"samples '{path}': of {word} {head.get(name)}, and this is {ours[name]}; {cure}")
    theirs = dict(head.get("machine") or {})
    for name in host.SAME_MACHINE:
        if theirs.get(name) != ours["machine"][name]:
            here = ours["machine"][name]
            raise ProfilerError(f"samples '{path}': of another machine ({name} {theirs.get(name)}, here {here}); {cure}")


def _stamp() -> dict[str, Any]:
    made = environment()
    return {"profiler": made.profiler, "torch": made.torch, "date": made.date, "machine": host.machine()}


def _trim(path: Path) -> None:
    """Take a line that was cut off from the end of a file, so that what follows stands on lines of its own."""
    text = path.read_bytes()
    if text and not text.endswith(b"\n"):
        path.write_bytes(text[: text.rfind(b"\n") + 1])
