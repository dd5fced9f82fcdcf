"""SIGTERM and SIGHUP as Ctrl-C is, so that a run that is ended leaves no worker behind and keeps what it measured. No torch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def as_interrupts() -> Iterator[None]:
    """For the time of a with block; a signal that the caller ignores or handles stays his, and only the main thread can ask."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [each for each in ENDING if signal.getsignal(each) is signal.SIG_DFL]
    try:
        for each in ours:
            signal.signal(each, _interrupt)
        yield
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
