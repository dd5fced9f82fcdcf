"""One measuring at a time per device, whoever started it: a lock on a file that every process of the machine sees. No torch."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

PATIENCE_S = 0.2


@contextmanager
def device_lock(devices: list[str], say: Callable[[str], None]) -> Iterator[None]:
    """Hold every one of `devices`; where another process does, say who and wait for it."""
    with ExitStack() as stack:
        for device in sorted(
            {"cuda:0" if name == "cuda" else name for name in devices}
        ):  # in one order, so that two runs cannot wait for each other
            file = stack.enter_context(_opened(device))
            waited = False
            while not _taken(file):
                if not waited:
                    file.seek(0)
                    who = file.read().strip() or "another process"
                    say(f"{device}: {who} is measuring on it; waiting until it ends (Ctrl-C gives up)")
                waited = True
                time.sleep(PATIENCE_S)
            if file.writable():
                file.seek(0)
                file.truncate()
                file.write(f"profiler, process {os.getpid()}")
                file.flush()
        yield


def _opened(device: str) -> IO[str]:
    name = device.replace(":", "-").replace("/", "-")
    path = Path(tempfile.gettempdir()) / f"profiler-{name}.lock"
    if not path.exists():
        with ExitStack() as unmasked:
            mask = os.umask(0)
            unmasked.callback(os.umask, mask)
            return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+", encoding="utf-8")
    try:
        return path.open("r+", encoding="utf-8")
    except PermissionError:  # another user's file: it can be locked all the same
        return path.open(encoding="utf-8")


def _taken(file: IO[str]) -> bool:
    """Take the lock if it is free. Where the system has no such locks, everybody has it."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
