"""All that a file of samples holds, for what is calibrated on it: of any cells, machine and version. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from profiler.errors import ProfilerError
from profiler.measure import own_folder
from profiler.measure.outcomes import Outcome
from profiler.measure.resuming import FAULTS, damaged, lines_of, taken
from profiler.measure.samples import PROTOCOL


class Recorded(NamedTuple):
    """What a file of samples holds, whatever it is of."""

    command: str
    machine: Mapping[str, Any]
    """What it was measured on; empty where it does not say."""
    outcomes: dict[str, Outcome]
    """{key of a cell: what became of it}."""


def recorded(path: Path) -> Recorded:
    """All that a file holds, measured on any machine, by any version. Raises ProfilerError where it is damaged."""
    lines = lines_of(path)
    cure = "name the file of another run"
    if lines[0].get("protocol") != PROTOCOL:
        theirs = own_folder.printable(str(lines[0].get("protocol")))
        raise ProfilerError(
            f"samples '{path}': it was measured with protocol {theirs}, and this version uses {PROTOCOL}; {cure}"
        )
    try:
        head = msgspec.convert(lines[0], _Head)
        keys = dict.fromkeys([*head.cells, *(key for line in lines[1:] for key in _keys(line))])
    except FAULTS as fault:
        raise damaged(path, 1, fault, cure) from None
    kept = taken(path, lines, {key: i for i, key in enumerate(keys)}, cure)
    return Recorded(head.command, head.machine or {}, dict(zip(keys, kept.run.outcomes, strict=True)))


class _Head(msgspec.Struct):
    command: str
    cells: list[str]
    machine: dict[str, Any] | None = None


def _keys(line: Mapping[str, Any]) -> Iterator[str]:
    """The cells that a line is of: a run that was carried on with more of them has them in no head."""
    members = line["cells"] if isinstance(line.get("cells"), list) else [line]
    for each in members:
        if isinstance(each, dict) and isinstance(each.get("cell"), str):
            yield each["cell"]
