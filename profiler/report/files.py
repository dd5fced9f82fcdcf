"""Places that the user names for output: resolved and checked before any work is done, written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from profiler.errors import ProfilerError
from profiler.report.encoding import data


class File(NamedTuple):
    """A place to write to."""

    name: str
    """As the user named it."""
    path: Path
    """From the root, whatever folder code moves to; of a file, behind its links."""
    into: bool = False
    """True of what is there and is no file, as /dev/null or a named pipe: it is written into, and never replaced."""


def file_at(given: Path) -> File:
    """The place called `given`, checked before work is done. Raises ProfilerError where nothing can be put."""
    name = str(given)
    short = name if len(name) <= 80 else f"{name[:60]}…"
    try:
        mode = given.stat().st_mode if given.exists() else None
        path = Path(os.path.realpath(given) if mode is None or stat.S_ISREG(mode) else os.path.abspath(given))
        folder = path.parent
        if mode is not None and stat.S_ISDIR(mode):
            raise ProfilerError(f"output '{name}' is a folder; name a file in it")
        if mode is not None and (stat.S_ISBLK(mode) or stat.S_ISSOCK(mode)):
            raise ProfilerError(f"output '{name}' is a {'disk' if stat.S_ISBLK(mode) else 'socket'}; name a file or a pipe")
        if not folder.is_dir():
            raise ProfilerError(f"output '{name}': there is no folder '{given.parent}'; create it first")
        os.fsencode(path.name)
        into = mode is not None and not stat.S_ISREG(mode)
        replaced = into or os.access(folder, os.W_OK | os.X_OK)
        if not replaced or not os.access(folder if mode is None else path, os.W_OK):
            raise ProfilerError(f"output '{name}' cannot be written; choose another place")
        if mode is None and len(os.fsencode(path.name)) > os.pathconf(folder, "PC_NAME_MAX"):
            raise ProfilerError(f"output '{short}' cannot be written: File name too long; choose another name")
    except OSError as fault:
        raise ProfilerError(f"output '{short}' cannot be written: {fault.strerror}; choose another name") from None
    except ValueError:  # a zero byte, or what no encoding of file names holds
        raise ProfilerError(f"output {short!a} is not a valid file name; choose another name") from None
    return File(name, path, into)


def check_apart(file: File, others: Sequence[File]) -> None:
    """Raise ProfilerError where a file is another of what is to be written, whatever both are called."""
    if file.path in [other.path for other in others]:
        raise ProfilerError(f"output '{file.name}' is given twice; give each file once")


def check_suffix(file: File, option: str, suffix: str, what: str) -> None:
    """Raise ProfilerError where a file of one kind is called as if it were of another: a slip, which would cost that file."""
    if not file.into and not file.name.lower().endswith(suffix):
        raise ProfilerError(f"{option} '{file.name}': {what} need a file name that ends in {suffix}; rename it")


def check_not_stdout(file: File) -> None:
    """Raise ProfilerError where stdout goes into this very file: one of the two would be lost."""
    with suppress(OSError, ValueError, AttributeError):  # no such file yet, or stdout is closed
        if not file.into and os.path.samestat(file.path.stat(), os.fstat(sys.stdout.fileno())):
            raise ProfilerError(f"output '{file.name}' is also where stdout goes; leave one of them out, or add -q")


def write(file: File, content: str | bytes) -> None:
    """Write a file whole or not at all. Raises ProfilerError."""
    with opened(file) as there:
        there.write(content if isinstance(content, bytes) else data(content))


class _Stream(BufferedWriter):
    """Bytes on their way to a place that the user named; what cannot be written is said of that place, and of no other."""

    def __init__(self, raw: FileIO, file: File) -> None:
        super().__init__(raw)
        self.file = file

    def write(self, data: Any) -> int:
        with _blamed(self.file):
            return super().write(data)

    def flush(self) -> None:
        with _blamed(self.file):
            super().flush()

    def close(self) -> None:
        with _blamed(self.file):
            super().close()


@contextmanager
def _blamed(file: File) -> Iterator[None]:
    """A fault of the system inside is told as one of this file. Raises ProfilerError."""
    try:
        yield
    except OSError as fault:
        kept = "choose another place" if file.into else "nothing of it was changed"
        raise ProfilerError(f"output '{file.name}' cannot be written: {fault.strerror}; {kept}") from None


@contextmanager
def opened(file: File) -> Iterator[BinaryIO]:
    """A place to write bytes to: a neighbour of the file, which takes its name when the block ends, and goes if it fails.

    A device or a pipe is written into. Raises ProfilerError where it cannot be written.
    """
    import tempfile

    path = file.path
    if file.into:
        with _blamed(file):
            raw = FileIO(path, "wb")
        with _Stream(raw, file) as there:
            yield there
        return
    with _blamed(file):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".profiler-")  # short: its own name may have 255 bytes
    try:
        with _Stream(FileIO(descriptor, "wb"), file) as neighbour:
            yield neighbour
        with _blamed(file):
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            os.chmod(name, mode)
            os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
