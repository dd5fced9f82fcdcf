"""Tasks that count, on the workers of a fleet: handed to dask in portions, their results in order. No torch.

A task takes the resource `cpu` of a worker, so that nothing is counted there while something is measured. One whose worker is
killed is sent again by dask, and given up where it ended several.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from itertools import islice
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, TypeVar

from profiler.errors import ProcessEnded
from profiler.fleet.connect import connected, workers_of
from profiler.fleet.dispatch import SchedulerLost, reason_of
from profiler.measure.cpu import Cpu
from profiler.study.counting_process import answered
from profiler.study.in_order import Outcome, done

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")
LEAST, MOST = 4, 512
"""Tasks of a portion: more where a portion takes less time."""
PORTION_S = 0.5
PORTIONS = 3
"""Portions that are handed out before the results of the first are taken, beside what keeps every worker busy."""


class OnFleet:
    """The workers of a scheduler, connected to when there is something to do."""

    elsewhere = True

    def __init__(self, address: str | PathLike[str]) -> None:
        self.address = fspath(address)
        self.stack = ExitStack()
        self.client: Client | None = None
        self.workers = 1
        """How many there were when it connected."""

    def __enter__(self) -> OnFleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the fleet; what waits there is given up."""
        self.client = None
        self.stack.close()

    def results(self, function: Callable[[T], Any], tasks: Iterable[T]) -> Iterator[Outcome]:
        """See Where. Raises Unavailable where the fleet cannot be reached, or its scheduler is lost."""
        source = iter(tasks)
        out: deque[list[tuple[T, Future[Any] | None]]] = deque()
        size, busy = LEAST, 0
        try:
            while True:
                while len(out) < PORTIONS or busy < 2 * self.workers:
                    portion = self._sent(function, list(islice(source, size)))
                    if not portion:
                        break
                    out.append(portion)
                    busy += len(portion)
                if not out:
                    return
                portion = out[0]
                begun = time.monotonic()
                found = self._gathered(portion)
                if time.monotonic() - begun < PORTION_S:
                    size = min(2 * size, MOST)
                out.popleft()
                busy -= len(portion)
                for (task, _), outcome in zip(portion, found, strict=True):
                    yield done(function, task) if outcome is None else outcome
        finally:
            left = [future for portion in out for _, future in portion if future is not None]
            if left and self.client is not None and self.client.status == "running":
                with suppress(Exception):  # a scheduler that ends meanwhile has no more tasks
                    self.client.cancel(left, force=True)

    def _connected(self) -> Client:
        if self.client is None:
            self.client = self.stack.enter_context(connected(self.address, [Cpu.type]))
            self.workers = len(workers_of(self.client))
        return self.client

    def _sent(self, function: Callable[[T], Any], tasks: list[T]) -> list[tuple[T, Future[Any] | None]]:
        """The tasks with their futures; None of one that does not pickle."""
        sent: list[tuple[T, bytes | None]] = [(task, _pickled(task)) for task in tasks]
        data = [each for _, each in sent if each is not None]
        futures = iter(
            self._connected().map(answered, [function] * len(data), data, pure=False, resources={Cpu.type: 1}) if data else ()
        )
        return [(task, None if each is None else next(futures)) for task, each in sent]

    def _gathered(self, portion: list[tuple[T, Future[Any] | None]]) -> list[Outcome | None]:
        """What came of the tasks of a portion; None of one that is to be done here."""
        futures = [future for _, future in portion if future is not None]
        try:
            answers = iter(self._connected().gather(futures))
            return [None if future is None else _outcome(next(answers)) for _, future in portion]
        except Exception:  # one of them at least: a worker that was killed too often, or a scheduler that is gone
            return [None if future is None else self._one(future) for _, future in portion]

    def _one(self, future: Future[Any]) -> Outcome | None:
        try:
            return _outcome(future.result())
        except Exception as fault:
            if self.client is None or self.client.status != "running" or future.status in ("cancelled", "lost"):
                lost = f"the scheduler of fleet '{self.address}' is gone"
                raise SchedulerLost(f"{lost}; start it again, and then this command") from None
            return Outcome(fault=ProcessEnded(reason_of(fault)))


def _pickled(task: object) -> bytes | None:
    try:
        return pickle.dumps(task)
    except Exception:  # whatever the object of a user raises: it is counted where it is
        return None


def _outcome(answer: tuple[str, Any]) -> Outcome | None:
    how, value = answer
    if how == "unread":
        return None
    return Outcome(value) if how == "done" else Outcome(fault=value)
