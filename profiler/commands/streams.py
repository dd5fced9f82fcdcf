"""stdin, stdout and stderr of a command: closed, full, or of an encoding that lacks our signs."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress

from profiler.report import encoding


class Forgiving(io.TextIOWrapper):
    """stderr that loses what cannot be written: no reason to end in another exit code."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


class Remembering(io.TextIOWrapper):
    """stdout that remembers what it could not take, so that no other fault of the system is taken for its own."""

    fault: OSError | None = None

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as fault:
            self.fault = fault
            raise

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as fault:
            self.fault = fault
            raise


def prepare() -> None:
    """Make the three such that a command can write to them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file to be opened would be taken for it
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # it stays open to the end of the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # likewise
    if type(sys.stdout) is io.TextIOWrapper and sys.stdout is sys.__stdout__:
        own = sys.stdout
        sys.stdout = Remembering(own.buffer, own.encoding, line_buffering=own.line_buffering, write_through=own.write_through)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=encoding.ERRORS)  # α on a terminal that has none is an a, not a traceback
    if type(sys.stderr) is io.TextIOWrapper and sys.stderr is sys.__stderr__:
        of = sys.stderr
        sys.stderr = Forgiving(of.buffer, of.encoding, of.errors, line_buffering=True)


def lost() -> OSError | None:
    """Why stdout takes no more, None where it has taken all."""
    try:
        sys.stdout.flush()
    except OSError as fault:
        return fault
    except ValueError:  # somebody closed it
        return None
    return getattr(sys.stdout, "fault", None)


def finish() -> str:
    """Flush stdout; gives back the fault as a sentence, empty if there was none or the reader closed the pipe."""
    fault = lost()
    if fault is None:
        return ""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the interpreter's own flush is quiet
    return (
        "" if fault.errno == errno.EPIPE else f"cannot write to stdout: {fault.strerror}; free some space, or write elsewhere"
    )
