"""Calling a command that runs a network elsewhere, and reading what it prints: seconds, one number a line. No torch.

Nothing that it does lasts longer than it may, and nothing of it is left when this process ends.
"""

from __future__ import annotations

import math
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple

from profiler.errors import ProfilerError
from profiler.measure import own_folder

MOST_BYTES, MOST_FACTS, MOST_LETTERS = 16 << 20, 32, 200
CLOSED_S = 1.0
"""How long output is read on after the command has ended: what it left behind may hold its stdout open."""
RUNNING: set[subprocess.Popen[bytes]] = set()
"""The commands that this process waits for."""


class Printed(NamedTuple):
    """What one call printed."""

    seconds: list[float]
    """Of each forward pass, or the mean of some of them where the command says no more."""
    facts: dict[str, str]


def read(text: str) -> Printed:
    """The lines that a command printed. Raises ProfilerError for one that is neither a number nor a comment."""
    seconds: list[float] = []
    facts: dict[str, str] = {}
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("#"):
            key, colon, value = line.lstrip("#").partition(":")
            if colon and key.strip() and len(facts) < MOST_FACTS:
                facts[_short(key)] = _short(value)
        elif line:
            seconds.append(_seconds(line))
    return Printed(seconds, facts)


def _seconds(line: str) -> float:
    try:
        found = float(line)
    except ValueError:
        found = math.nan
    if not (math.isfinite(found) and found > 0):
        raise ProfilerError(
            f"its command prints '{_short(line)}' where a number of seconds above 0 is expected; "
            "print one number per line, and anything else as # key: value"
        )
    return found


def _short(text: str) -> str:
    return own_folder.printable(" ".join(text.split()), MOST_LETTERS)


# Calling it


def called(words: Sequence[str], limit_s: float) -> str:
    """What a command prints on its stdout; it is ended, with what it began, where it takes longer than `limit_s`.

    Raises ProfilerError where it is not there, takes too long, prints without end, or ends with another code than 0.
    """
    with _begun(words) as process:
        out, said = _Reader(process.stdout), _Reader(process.stderr)
        end = time.monotonic() + limit_s
        while (out.is_alive() or process.poll() is None) and not out.overflowed:
            left = end - time.monotonic()
            if left <= 0:
                raise ProfilerError(
                    f"its command did not end within {limit_s:.0f} s ({_name(words)}); a longer --time waits longer"
                )
            out.join(min(left, 0.1))
            if not out.is_alive() and process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(min(left, 0.1))
            if process.poll() is not None and out.is_alive():
                out.join(CLOSED_S)
                break
        if out.overflowed:
            raise ProfilerError(
                f"its command prints more than {MOST_BYTES >> 20} MiB ({_name(words)}); let it print seconds alone"
            )
        said.join(CLOSED_S)
        code = process.poll()
    text = out.text
    if code:
        last = next((line for line in [*reversed((said.text + "\n" + text).splitlines())] if line.strip()), "it says nothing")
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise ProfilerError(f"its command ended with {how}: {_short(last)}")
    return text


@contextmanager
def _begun(words: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen(
            list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    except FileNotFoundError:
        raise ProfilerError(f"there is no command '{_short(words[0])}'; install it, or give its whole path") from None
    except (OSError, ValueError) as fault:
        said = fault.strerror if isinstance(fault, OSError) else str(fault)
        raise ProfilerError(f"command '{_short(words[0])}' cannot be run: {said}; check its path and its rights") from None
    RUNNING.add(process)
    try:
        yield process
    finally:
        if process.poll() is None:
            _end(process)
        RUNNING.discard(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command and what it began; on Windows the command alone."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(CLOSED_S)


def end_all() -> None:
    """End every command that runs: the process that waits for it is about to end."""
    for process in list(RUNNING):
        _end(process)


def _name(words: Sequence[str]) -> str:
    return _short(shlex.join(words))


class _Reader(threading.Thread):
    """Reads a stream to its end, so that nobody waits for it to be read."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        assert stream is not None
        self.stream, self.data, self.overflowed = stream, bytearray(), False
        self.start()

    def run(self) -> None:
        with suppress(OSError, ValueError), self.stream:
            while more := os.read(self.stream.fileno(), 1 << 16):
                self.data += more
                if len(self.data) > MOST_BYTES:
                    self.overflowed = True
                    return

    @property
    def text(self) -> str:
        return bytes(self.data).decode("utf-8", "replace")
