"""One measuring at a time per device, whoever started it: a lock on a file that every process of the machine sees. No torch."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from profiler.measure.devices import whole_name

PATIENCE_S = 0.2


@contextmanager
def device_lock(devices: list[str], say: Callable[[str], None]) -> Iterator[None]:
    """Hold every one of `devices`; where another process does, say who and wait for it."""
    folder = _folder()
    with ExitStack() as stack:
        # in one order, so that two runs cannot wait for each other
        for device in sorted({whole_name(name) for name in devices}):
            file = folder / device.replace(":", "-").replace("/", "-")
            holder = file.with_suffix(".holder")  # a file of its own, since Windows lets nobody read what is locked
            lock = FileLock(file.with_suffix(".lock"), mode=0o666)
            waited = False
            while not _taken(lock):
                if not waited:
                    say(f"{device}: {_who(holder)} is measuring on it; waiting until it ends (Ctrl-C gives up)")
                waited = True
                time.sleep(PATIENCE_S)
            stack.callback(lock.release)
            _write(holder, f"profiler, process {os.getpid()}")
        yield


def _taken(lock: FileLock) -> bool:
    """Take the lock if it is free."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _who(holder: Path) -> str:
    with suppress(OSError):
        return holder.read_text(encoding="utf-8").strip() or "another process"
    return "another process"


def _folder() -> Path:
    """Where the locks lie: a folder that every user may write to, and no sticky one, where a lock would be its first user's."""
    folder = Path(tempfile.gettempdir()) / "profiler-locks"
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o777)
    return folder


def _write(holder: Path, who: str) -> None:
    """Anew, since what is there may be another user's."""
    with suppress(OSError):
        holder.unlink(missing_ok=True)
        holder.write_text(who, encoding="utf-8")
