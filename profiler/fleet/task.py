"""Inside a task on a worker: whether it is still wanted, and an end to what it started when it is not. No torch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from profiler.errors import ProfilerError
from profiler.fleet.engine import engine

LOOK_S = 0.25
RUNNING = ("executing", "long-running")
ALIVE = ("running", "paused", "closing_gracefully")
"""States of a worker that ends its tasks."""


class Unwanted(ProfilerError):
    """The client that sent the task has cancelled it, or is gone, or the worker is closing."""

    def __init__(self) -> None:
        super().__init__("the job was cancelled; what it measured by then is on this machine")


class Wanted:
    """Watches over the task that this thread runs, for the time of a with block.

    A thread of Python cannot be stopped from outside, so that a task has to ask: `check` raises Unwanted. What it waits for in
    other processes is ended by `end`, which is called from a thread of its own, again and again until the block is left.
    """

    def __init__(self) -> None:
        self.end: Callable[[], None] = lambda: None
        self._worker: Any = engine().get_worker()
        self._key = self._worker.get_current_task()
        self._left = threading.Event()

    def __enter__(self) -> Wanted:
        threading.Thread(target=self._look, name="profiler-wanted", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()

    @property
    def is_wanted(self) -> bool:
        task = self._worker.state.tasks.get(self._key)
        return task is not None and task.state in RUNNING and self._worker.status.name in ALIVE

    def check(self) -> None:
        """Raises Unwanted."""
        if not self.is_wanted:
            raise Unwanted

    def _look(self) -> None:
        while not self._left.wait(LOOK_S):
            if not self.is_wanted:
                with suppress(Exception):  # whatever state it was caught in: it is called again
                    self.end()
