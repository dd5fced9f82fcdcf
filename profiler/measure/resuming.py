"""Samples that an earlier run wrote, read to be carried on: everything in them is checked before it counts. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_type_hints

import msgspec

from profiler.errors import ProfilerError
from profiler.measure import host, own_folder
from profiler.measure.command_call import MOST_FACTS, MOST_LETTERS
from profiler.measure.energy import BLOCKS, Energy, EnergyBlock
from profiler.measure.grades import Reading
from profiler.measure.outcomes import Outcome, Round, Run
from profiler.measure.plan import Spec, State
from profiler.measure.samples import PROTOCOL, SUFFIX, stamp
from profiler.measure.visits import Prepared, Visit, Warmed

Made = TypeVar("Made", Prepared, Warmed, Visit, Reading)


class Kept(NamedTuple):
    """What a file of samples holds."""

    run: Run
    workers: dict[tuple[Any, ...], dict[str, Any]]
    """{state: what its worker said of itself}."""


def comparable(path: Path, cells: Sequence[Spec]) -> None:
    """Raises ProfilerError where the head of a file says that it is of something else than a run of `cells` here."""
    _head(path, next(iter(lines_of(path, heads=1))), {cell.key for cell in cells})


def resumed(path: Path, cells: Sequence[Spec]) -> Kept:
    """What a file holds of `cells`, to be carried on. Raises ProfilerError where it is of something else, or damaged.

    It is read by the process that holds the lock of the device, since another one may still write to it.
    """
    lines = lines_of(path)
    numbers = {cell.key: i for i, cell in enumerate(cells)}
    _head(path, lines[0], numbers.keys())
    return taken(path, lines, numbers, ANEW)


def taken(path: Path, lines: Sequence[Mapping[str, Any]], numbers: Mapping[str, int], cure: str) -> Kept:
    """What the lines after the head hold of the cells that have a number, from 0 on. Raises ProfilerError, with a cure."""
    kept = Kept(Run([Outcome() for _ in numbers]), {})
    for i, line in enumerate(lines[1:], 2):
        try:
            _take(line, kept, numbers)
        except FAULTS as fault:
            raise damaged(path, i, fault, cure) from None
    return kept


FAULTS = (KeyError, TypeError, ValueError, AttributeError, OverflowError, msgspec.ValidationError)
"""What a line that no run has written may raise."""


ANEW = "measure it again, without --resume"


def damaged(path: Path, line: int, fault: Exception, cure: str = ANEW) -> ProfilerError:
    """What is said of a line that no run has written."""
    said = own_folder.printable(str(fault), 200)
    return ProfilerError(f"samples '{path}', line {line}: damaged ({said}); {cure}")


def _head(path: Path, line: Mapping[str, Any], keys: AbstractSet[str]) -> None:
    try:
        _checked(line, path)
        mine = keys & set(msgspec.convert(line["cells"], list[str]))
    except FAULTS as fault:
        raise damaged(path, 1, fault) from None
    if not mine:
        cure = "give the command that it was made by, or measure again where the network has changed"
        raise ProfilerError(f"samples '{path}': it has none of the cells of this run; {cure}")


class _Cell(msgspec.Struct):
    cell: str
    visit: dict[str, Any]
    reading: dict[str, Any]


class _Round(msgspec.Struct):
    round: Annotated[int, msgspec.Meta(ge=1, lt=1 << 53)]
    spent_s: float
    inside_s: float
    cells: list[_Cell]


class _Ended(msgspec.Struct):
    cell: str
    stop: Literal["", "narrow", "converged", "budget"]
    reason: str


class _Energy(msgspec.Struct):
    cell: str
    blocks: Annotated[list[EnergyBlock], msgspec.Meta(max_length=BLOCKS)]
    reason: str


class _Worker(msgspec.Struct):
    state: State
    facts: dict[str, Any]


def _take(line: Mapping[str, Any], kept: Kept, numbers: Mapping[str, int]) -> None:
    """Add what a line says. Raises what it is refused for: what could not have been measured, above all."""
    run = kept.run
    match line["what"]:
        case "worker":
            worker = msgspec.convert(line, _Worker)
            kept.workers[tuple(worker.state)] = worker.facts
        case "prepared":
            cell = msgspec.convert(line["cell"], str)
            made = _made(Prepared, {name: value for name, value in line.items() if name not in ("what", "cell", "warmed")})
            warmed = _made(Warmed, line["warmed"])
            _check_numbers(made.build_s, made.first_call_s, made.compile_s or 0.0)
            _check_numbers(made.export_s or 0.0, made.load_s or 0.0, made.output_difference or 0.0)
            _check_numbers(made.peak_bytes or 0, made.params or 0, made.artifact_bytes or 0, made.nodes or 0, most=1 << 53)
            _check_numbers(warmed.call_s, warmed.calls, warmed.spent_s, warmed.overhead_s)
            made = made._replace(facts={_line(key): _line(value) for key, value in islice(made.facts.items(), MOST_FACTS)})
            if cell in numbers:
                run.outcomes[numbers[cell]].prepared, run.outcomes[numbers[cell]].warmed = made, warmed
        case "round":
            found = msgspec.convert(line, _Round)
            _check_numbers(found.spent_s, found.inside_s)
            run.round, run.earlier_s = max(run.round, found.round), max(run.earlier_s, found.spent_s)
            for each in found.cells:
                round_ = Round(_made(Visit, each.visit), _made(Reading, each.reading))
                _check_round(round_, clocked='"layers": true' in each.cell)
                if each.cell in numbers:
                    run.outcomes[numbers[each.cell]].rounds[found.round] = round_
        case "energy":
            taken = msgspec.convert(line, _Energy)
            for block in taken.blocks:
                _check_numbers(block.joules, block.seconds, block.calls, least=1e-12)
            if taken.cell in numbers:
                run.outcomes[numbers[taken.cell]].energy = Energy(taken.blocks, own_folder.printable(taken.reason, 1000))
        case "ended":
            end = msgspec.convert(line, _Ended)
            if end.cell in numbers:
                outcome = run.outcomes[numbers[end.cell]]
                outcome.stop, outcome.reason = end.stop, own_folder.printable(end.reason, 1000)
        case other:
            raise ValueError(f"there is nothing called {str(other)!r}")


def _made(kind: type[Made], plain: Any) -> Made:
    """A record of what was measured, as it was written. Raises for one with other fields, or with other things in them."""
    hints = _fields(kind.__name__)
    given = msgspec.convert(plain, dict[str, Any])
    later = {"facts", "overhead_s"} - given.keys()  # which earlier versions did not write
    if given.keys() != hints.keys() - later:
        raise ValueError(f"{', '.join(sorted(given.keys() ^ (hints.keys() - later)))} of a {kind.__name__}")
    return kind(**{name: msgspec.convert(value, hints[name]) for name, value in given.items()})


@cache
def _fields(name: str) -> dict[str, Any]:
    return get_type_hints(globals()[name])


def _line(text: str) -> str:
    return own_folder.printable(text, MOST_LETTERS)


def _check_round(found: Round, clocked: bool) -> None:
    """Raises ValueError."""
    visit, reading = found.visit, found.reading
    if not visit.seconds:
        raise ValueError("a visit without samples")
    _check_numbers(*visit.seconds, *visit.cpu_s, *visit.event_s, *visit.graph_s, *visit.layers_s, least=1e-12)
    if len(visit.cpu_s) not in (0, len(visit.seconds)):
        raise ValueError(f"{len(visit.cpu_s)} of {len(visit.seconds)} samples with processor time")
    _check_numbers(visit.spent_s, *visit.layers.values(), visit.cpu_share, reading.cpu_share, reading.stolen)
    _check_numbers(*(each for each in (reading.reference, reading.reference_cpu, reading.others) if each is not None))
    _check_numbers(visit.block, visit.switches, visit.waits, reading.throttled, reading.processors)
    if clocked and not (visit.layers and visit.layers_s):
        raise ValueError("no layers")
    for value in visit.gpu.values():
        _check_numbers(msgspec.convert(value, int), most=1 << 53)


def _check_numbers(*values: float, least: float = 0.0, most: float = 1e8) -> None:
    """Raises ValueError for what no clock can have read and nobody counted."""
    for value in values:
        if not least <= value < most:
            raise ValueError(f"{value!r} is not from {least:g} to {most:g}")


def lines_of(path: Path, heads: int | None = None) -> list[dict[str, Any]]:
    """The lines of a file, or so many from its head. Raises ProfilerError."""
    if path.exists() and not path.is_file():
        raise ProfilerError(f"samples '{path}' is not a regular file; name the file of the run")
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            rows = list(file if heads is None else islice(file, heads))
    except OSError as fault:
        raise ProfilerError(f"samples '{path}' cannot be read: {fault.strerror}; name the file of the run") from None
    except UnicodeDecodeError:
        raise ProfilerError(f"samples '{path}' is not text; name a {SUFFIX} file") from None
    found: list[dict[str, Any]] = []
    for i, row in enumerate(rows):
        try:
            line = json.loads(row)
        except (ValueError, RecursionError):  # ValueError: no JSON, or a number of thousands of digits
            if i == len(rows) - 1 and not row.endswith("\n") and i > 0:
                break  # the process ended while it wrote
            raise ProfilerError(f"samples '{path}', line {i + 1}: this is not JSON; name a {SUFFIX} file") from None
        if not isinstance(line, dict) or "what" not in line:
            raise ProfilerError(f"samples '{path}', line {i + 1}: this is not a line of a {SUFFIX} file")
        found.append(line)
    if not found or found[0]["what"] != "run" or "cells" not in found[0]:
        raise ProfilerError(f"samples '{path}' does not begin as a {SUFFIX} file does; name the file of the run")
    return found


def _checked(head: Mapping[str, Any], path: Path) -> None:
    """Refuse rounds that are not comparable with ours. Raises ProfilerError, ValueError."""
    ours = {"protocol": PROTOCOL, **stamp()}
    for name, word in (("protocol", "protocol"), ("profiler", "version of profiler"), ("torch", "version of torch")):
        if head.get(name) != ours[name]:
            theirs = own_folder.printable(str(head.get(name)))
            raise ProfilerError(f"samples '{path}': it has {word} {theirs}, and this run {ours[name]}; {ANEW}")
    machine = msgspec.convert(head.get("machine") or {}, dict[str, Any])
    for name in host.SAME_MACHINE:
        if machine.get(name) != ours["machine"][name]:
            there, here = own_folder.printable(str(machine.get(name))), ours["machine"][name]
            raise ProfilerError(f"samples '{path}': it was measured on another machine ({name} {there}, here {here}); {ANEW}")
