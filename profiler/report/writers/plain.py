"""Records → CSV, JSON and JSONL, and files that are written whole or not at all."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from profiler.errors import ProfilerError


def csv_text(records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Raw integers; an unknown is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell(record.get(name)) for name in columns] for record in records)
    return out.getvalue()


def json_text(document: Mapping[str, Any]) -> str:
    """One indented document; an unknown is null."""
    import json

    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def jsonl_text(records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """One record a line."""
    import json

    lines = (json.dumps({name: record.get(name) for name in columns}, ensure_ascii=False) for record in records)
    return "".join(f"{line}\n" for line in lines)


def check_writable(path: Path) -> None:
    """Raise ProfilerError where a file could not be put, before the work that fills it is done."""
    folder = path.parent
    try:
        if path.is_dir():
            raise ProfilerError(f"output '{path}' is a folder; name a file in it")
        if not folder.is_dir():
            raise ProfilerError(f"output '{path}': there is no folder '{folder}'; make it first")
        over_it = path.exists() and not path.is_file()  # a device or a pipe is written into, its folder is left alone
        if not os.access(path if path.exists() else folder, os.W_OK) or not (over_it or os.access(folder, os.W_OK | os.X_OK)):
            raise ProfilerError(f"output '{path}' cannot be written; choose a place that can")
    except OSError as fault:
        raise ProfilerError(f"output '{str(path)[:60]}…' cannot be written: {fault.strerror}; choose another name") from None


def check_apart(path: Path, others: Sequence[Path]) -> None:
    """Raise ProfilerError where a file is another of what is to be written, whatever both are called."""
    if os.path.realpath(path) in map(os.path.realpath, others):
        raise ProfilerError(f"output '{path}' is named twice; name each file once")


def write(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all: into a neighbour first, then over it. Raises ProfilerError.

    What is there and is no file, as /dev/null or a named pipe, is written into.
    """
    import tempfile

    path = Path(os.path.realpath(path))  # through a link, not over it
    data = content if isinstance(content, bytes) else content.encode()
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            os.chmod(name, mode)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as fault:
        raise ProfilerError(f"output '{path}' cannot be written: {fault.strerror}; nothing of it was changed") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def cell(value: Any) -> str:
    """A value as the CSV has it: an unknown empty, a shape as 3x224x224, options as key=value."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case dict():
            return ",".join(f"{key}={cell(item)}" for key, item in value.items())
        case list() | tuple():
            return ("x" if all(isinstance(item, int) for item in value) else " ").join(map(cell, value))
        case _:
            return str(value)
