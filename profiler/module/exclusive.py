"""The lock that one thread at a time holds while it builds or runs somebody's code, which changes what the process shares."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import FrameType

from profiler.errors import ProfilerError

POLL_S = 0.05
BLOCKED_S = 10.0
"""How long the thread that holds the lock may wait for something before the others are refused: it may wait for them."""
STILL_S = 600.0
"""How long it may stand at one instruction, as in a long kernel or a compiler."""
LONGEST_WAIT_S = 3600.0
_WAITING = frozenset({"threading.py", "queue.py", "_base.py", "selectors.py", "connection.py", "<frozen importlib._bootstrap>"})
"""The files of the standard library in which a thread waits for another."""

_lock = threading.RLock()
_holder: int | None = None
_depth = 0


@contextmanager
def exclusive() -> Iterator[None]:
    """Holds the lock; a thread that has it already goes on.

    Others wait. Raises ProfilerError in one that waits while the holder does not move: a forward that waits for a thread which
    profiles would wait for ever.
    """
    global _holder, _depth
    if not _lock.acquire(blocking=False):
        _wait()
    _holder = threading.get_ident()
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:
            _holder = None
        _lock.release()


def is_held_by_this_thread() -> bool:
    """Whether this thread is inside of `exclusive`."""
    return _holder == threading.get_ident()


def _wait() -> None:
    """Until the lock is had."""
    begun = since = monotonic()
    seen: object = None
    while not _lock.acquire(timeout=POLL_S):
        now, holder = monotonic(), _holder
        frame = None if holder is None else sys._current_frames().get(holder)
        at = (holder, id(frame), frame.f_lasti) if frame is not None else holder
        if at != seen:
            seen, since = at, now
        still = now - since
        if still >= (BLOCKED_S if _waits(frame) else STILL_S) or now - begun >= LONGEST_WAIT_S:
            where = "" if frame is None else f", which stands at {Path(frame.f_code.co_filename).name}, line {frame.f_lineno}"
            del frame
            raise ProfilerError(
                f"another thread is being profiled{where}, and has not moved for {still:.0f} seconds; "
                "do not profile in a thread that a forward waits for"
            )
        del frame


def _waits(frame: FrameType | None) -> bool:
    return frame is not None and Path(frame.f_code.co_filename).name in _WAITING


def _after_fork() -> None:
    """In a child the other threads are gone, and what they held with them."""
    global _lock, _holder, _depth
    if _holder != threading.get_ident():
        _lock, _holder, _depth = threading.RLock(), None, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
