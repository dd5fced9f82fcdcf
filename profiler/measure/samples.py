"""The raw record of a run, on disk as soon as each round ends: `*.samples.jsonl`. What it holds can be carried on. No torch.

The first line says what the run is: protocol, versions, machine, cells. Each further line is one thing that happened: a cell
prepared, a round (every sample of it), a cell ended. A line that was cut off by the end of the process is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from profiler.environment import environment
from profiler.errors import ProfilerError
from profiler.measure import host
from profiler.measure.grades import Reading
from profiler.measure.plan import Spec
from profiler.measure.protocol import Outcome, Round, Run
from profiler.measure.visits import Prepared, Visit, Warmed

PROTOCOL = 1
"""Version of the protocol: rounds of another one are not comparable."""
SUFFIX = ".samples.jsonl"


def beside(outputs: Sequence[Path]) -> Path:
    """Where the samples go: beside the first file that the user asked for, else in the user's cache."""
    if outputs:
        return outputs[0].with_suffix(SUFFIX)
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "profiler"
    return folder / f"last{SUFFIX}"


class Samples:
    """A file of samples, being written; a line at a time, each flushed."""

    def __init__(self, path: Path, cells: Sequence[Spec], command: str, again: bool = False) -> None:
        self.path, self.cells = path, cells
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if again:
                _trim(path)
            self.file: IO[str] = path.open("a" if again else "w", encoding="utf-8")
        except OSError as fault:
            raise ProfilerError(f"samples '{path}' cannot be written: {fault.strerror}; choose another output") from None
        if not again:
            self._put({"what": "run", "protocol": PROTOCOL, "command": command, **_stamp(), "cells": [c.key for c in cells]})

    def __enter__(self) -> Samples:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def prepared(self, number: int, found: Prepared, warmed: Warmed) -> None:
        self._put({"what": "prepared", "cell": self.cells[number].key, **found._asdict(), "warmed": warmed._asdict()})

    def round(self, number: int, spent_s: float, cells: Mapping[int, Round]) -> None:
        measured = [
            {"cell": self.cells[i].key, "visit": asdict(each.visit), "reading": each.reading._asdict()}
            for i, each in cells.items()
        ]
        self._put({"what": "round", "round": number, "spent_s": spent_s, "cells": measured})

    def ended(self, number: int, stop: str, reason: str) -> None:
        self._put({"what": "ended", "cell": self.cells[number].key, "stop": stop, "reason": reason})

    def _put(self, line: Mapping[str, Any]) -> None:
        try:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()
        except OSError as fault:
            raise ProfilerError(
                f"samples '{self.path}' cannot be written: {fault.strerror}; give it a place with room"
            ) from None


def resumed(path: Path, cells: Sequence[Spec]) -> Run:
    """What a file holds of `cells`, to be carried on. Raises ProfilerError where it is of something else."""
    lines = _lines(path)
    _checked(lines[0], path)
    numbers = {cell.key: i for i, cell in enumerate(cells)}
    if not numbers.keys() & set(lines[0]["cells"]):
        raise ProfilerError(f"samples '{path}': none of its cells is one of these; give the command that it was made by")
    run = Run([Outcome() for _ in cells])
    for line in lines[1:]:
        try:
            _take(line, run, numbers)
        except (KeyError, TypeError) as fault:
            raise ProfilerError(f"samples '{path}': a line of '{line.get('what')}' lacks {fault}; it is damaged") from None
    return run


def _take(line: Mapping[str, Any], run: Run, numbers: Mapping[str, int]) -> None:
    match line["what"]:
        case "prepared" if line["cell"] in numbers:
            outcome = run.outcomes[numbers[line["cell"]]]
            outcome.prepared = Prepared(*(line[name] for name in Prepared._fields))
            outcome.warmed = Warmed(**line["warmed"])
        case "round":
            run.round, run.spent_s = max(run.round, line["round"]), max(run.spent_s, line["spent_s"])
            for cell in line["cells"]:
                if cell["cell"] in numbers:
                    made = Round(Visit(**cell["visit"]), Reading(**cell["reading"]))
                    run.outcomes[numbers[cell["cell"]]].rounds[line["round"]] = made
        case "ended" if line["cell"] in numbers:
            outcome = run.outcomes[numbers[line["cell"]]]
            outcome.stop, outcome.reason = line["stop"], line["reason"]


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
    theirs = head.get("machine") or {}
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
