"""One measuring at a time per device: a lock on a file that every process of the user's on the machine sees. No torch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from profiler.errors import ProfilerError
from profiler.measure import own_folder
from profiler.measure.devices import lock_name, whole_name

PATIENCE_S = 0.2


@contextmanager
def device_lock(devices: list[str], say: Callable[[str], None], going: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold every one of `devices`; where another process does, say who and wait for it.

    `going` is called while it waits, and ends that by raising.
    Raises ProfilerError where something else stands in the place of the lock.
    """
    folder = own_folder.temporary_folder()
    names = {lock_name(name): whole_name(name) for name in devices}
    with ExitStack() as stack:
        # in one order, so that two runs cannot wait for each other
        for place, device in sorted(names.items()):
            file = folder / place.replace(":", "-").replace("/", "-")
            holder = file.with_suffix(".holder")  # a file of its own, since Windows lets nobody read what is locked
            path = file.with_suffix(".lock")
            lock = FileLock(path, mode=0o600)
            waited = False
            while not _taken(lock, path):
                if not waited:
                    say(f"{device}: {_who(holder)} is measuring on it; waiting until it ends (Ctrl-C gives up)")
                waited = True
                if going is not None:
                    going()
                time.sleep(PATIENCE_S)
            stack.callback(lock.release)
            own_folder.write(holder, f"profiler, process {os.getpid()}")
        yield


def _taken(lock: FileLock, path: Path) -> bool:
    """Take the lock if it is free. Raises ProfilerError."""
    other = own_folder.what_else(path)  # looked at before it is opened, which would wait for a pipe and empty a file
    if other:
        raise ProfilerError(f"lock '{path}' is {other}; remove it")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except OSError as fault:
        raise ProfilerError(f"lock '{path}' cannot be taken: {fault.strerror}; remove it, or make room there") from None
    return True


def _who(holder: Path) -> str:
    return own_folder.printable(own_folder.read(holder) or "") or "another process"
