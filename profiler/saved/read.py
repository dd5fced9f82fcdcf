"""A saved run: the JSON document that `-o run.json` wrote, read back and checked before anything is made of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from profiler.errors import ProfilerError, Unavailable
from profiler.records.columns import BASE_COLUMNS, COLUMNS, MEASURED_COLUMNS
from profiler.records.drawn import Drawn
from profiler.records.environment import SCHEMA
from profiler.records.profile import Profile
from profiler.records.results import Results
from profiler.saved.decode import NAMES, WORDS, Malformed, kind

if TYPE_CHECKING:
    from profiler.saved.documents import Document

PARTS: dict[str, type] = {"schema": int, "command": str, "environment": dict, "records": list}
"""What every document holds."""
CURE = "save one with -o run.json"
MOST = 1e40
"""No count and no time comes near; arithmetic with what is beyond may overflow."""


class Saved(Drawn):
    """One document of ours."""

    def __init__(self, name: str, document: Mapping[str, Any]) -> None:
        self.name = name
        """The file's, or `-` for what came through a pipe."""
        self.document = document
        """As it stands there."""

    @property
    def command(self) -> str:
        return str(self.document["command"])

    @cached_property
    def content(self) -> Document:
        """The same by its types. Raises ProfilerError with the place that is not of its type."""
        from profiler.saved.documents import decoded

        try:
            return decoded(self.document)
        except Malformed as fault:
            self.refuse(f"{fault}; {CURE}")

    def refuse(self, reason: str) -> NoReturn:
        """Raises ProfilerError with the file's name before `reason`."""
        raise ProfilerError(f"{_named(self.name)}: {reason}")


def read_document(name: str) -> Saved:
    """The document in a file, or with `-` in what stdin gives.

    Raises Unavailable where there is no such file; ProfilerError, with the line, for what is cut short, no JSON, no document of
    ours, or one of a newer schema.
    """
    if (suffix := Path(name).suffix.lower()) in (".csv", ".jsonl", ".parquet"):
        raise ProfilerError(f"{_named(name)} is {suffix.removeprefix('.').upper()}, and a saved run is JSON; {CURE}")
    saved = Saved(name, _parsed(name, _text(name)))
    document = saved.document
    if not isinstance(document, dict):
        saved.refuse(f"line 1: a run is an object with {_listed(PARTS)}, and this is {kind(document)}; {CURE}")
    for key, expected in PARTS.items():
        if key not in document:
            saved.refuse(f"this JSON is not a saved run of profiler: expected {_listed(PARTS)}, and there is no {key}; {CURE}")
        if not isinstance(document[key], expected) or isinstance(document[key], bool):
            saved.refuse(f"{key}: expected {WORDS[NAMES[expected]]}, and this is {kind(document[key])}; {CURE}")
    if document["schema"] < 1:
        saved.refuse(f"schema: expected a whole number from 1, and this is {document['schema']}; {CURE}")
    if document["schema"] > SCHEMA:
        from profiler.version import __version__

        saved.refuse(
            f"schema {document['schema']} is newer than {SCHEMA}, the newest that profiler {__version__} reads; "
            "pip install --upgrade arch-profiler"
        )
    from profiler.saved.documents import RESULTS

    if document["command"] in (*RESULTS, "show", "list") and not document["records"]:
        saved.refuse(f"it has no records; {CURE}")
    _ = saved.content  # refused here where it is malformed
    for record in document["records"]:
        if isinstance(record, dict) and isinstance(
            record.get("compile"), bool
        ):  # earlier versions knew no runtimes but eager and compile
            record.setdefault("runtime", "compile" if record["compile"] else "eager")
    return saved


def results(saved: Saved, profiles: Sequence[Profile] = ()) -> Results:
    """The comparison, sweep or bench that was saved, with its profiles where they are known.

    Raises ProfilerError for another command's document.
    """
    from profiler.saved.documents import RESULTS, ResultsDocument

    if saved.command not in RESULTS:
        saved.refuse(f"this is a run of `{saved.command}`, not of compare, sweep or bench; {CURE} of one of these")
    document = saved.content
    assert isinstance(document, ResultsDocument)
    measured = any("latency_s" in record for record in document.records)
    known = (*BASE_COLUMNS, *MEASURED_COLUMNS) if measured else BASE_COLUMNS
    over = [name for name in document.over if name not in COLUMNS]
    records = [
        {**record, **{name: record.get(name) for name in known}, **{name: _plain(raw.get(name)) for name in over}}
        for record, raw in zip(document.records, saved.document["records"], strict=True)
    ]
    base = document.base or 0
    if not -len(records) <= base < len(records):
        saved.refuse(f"base: there is no record {base}; {CURE}")
    environment = saved.document["environment"]
    return Results(
        records, saved.command, document.title, profiles=profiles, engines=document.engines,
        agreements=[each.agreement() for each in document.agreements], notes=document.notes, warnings=document.warnings,
        base=records[base], measured=measured, rounds=document.rounds,
        machine=environment.get("machine"), samples=document.samples, environment=environment,
        over=over, limits=document.limits,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """The value of an option, which may be anything that JSON holds: a list or an object as its text."""
    return value if value is None or isinstance(value, bool | int | float | str) else json.dumps(value)


def _text(name: str) -> str:
    try:
        if name == "-" and sys.stdin is None:
            raise ProfilerError("stdin is closed; pipe a saved run into it, or name its file")
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8")
    except MemoryError:
        raise ProfilerError(f"{_named(name)}: it is too large for the memory, and no saved run is so large; {CURE}") from None
    except FileNotFoundError:
        raise Unavailable(f"there is no file '{name}'; {CURE}") from None
    except OSError as fault:
        raise ProfilerError(f"'{name}' cannot be read: {fault.strerror}; {CURE}") from None
    except UnicodeEncodeError:
        raise ProfilerError(f"{name!a} is not a valid file name; {CURE}") from None
    except UnicodeDecodeError as fault:
        line = data[: fault.start].count(b"\n") + 1
        raise ProfilerError(f"{_named(name)}: line {line}: expected JSON in UTF-8; {CURE}") from None
    except ValueError:  # a zero byte
        raise ProfilerError(f"{name!a} is not a valid file name; {CURE}") from None


def _parsed(name: str, text: str) -> Any:
    def constant(word: str) -> NoReturn:
        raise ProfilerError(f"{_named(name)}: expected JSON, which has no {word}; {CURE}")

    def number(digits: str) -> float:
        if not -MOST < (value := float(digits)) < MOST:
            raise ProfilerError(f"{_named(name)}: expected numbers below {MOST:g}, and one is {digits[:40]}; {CURE}")
        return value

    def integer(digits: str) -> int:
        return int(digits) if number(digits) else 0

    try:
        return json.loads(text, parse_constant=constant, parse_float=number, parse_int=integer)
    except json.JSONDecodeError as fault:
        whole = text.rstrip()
        if not whole:
            raise ProfilerError(f"{_named(name)}: the file is empty; {CURE}") from None
        what = fault.msg[0].lower() + fault.msg[1:]
        if fault.pos >= len(whole) or fault.msg.startswith("Unterminated"):
            last = whole.count("\n") + 1
            raise ProfilerError(f"{_named(name)}: line {last}: it is cut short ({what}); save the run again") from None
        where = f"line {fault.lineno}, column {fault.colno}"
        raise ProfilerError(f"{_named(name)}: {where}: expected the JSON of a run ({what}); {CURE}") from None
    except RecursionError:
        raise ProfilerError(f"{_named(name)}: it is nested too deeply to be a run of profiler; {CURE}") from None
    except MemoryError:
        raise ProfilerError(f"{_named(name)}: it is too large for the memory, and no saved run is so large; {CURE}") from None


def _listed(names: Mapping[str, Any]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}"


def _named(name: str) -> str:
    return "stdin" if name == "-" else f"'{name}'"
