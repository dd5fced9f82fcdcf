"""Processes of this machine that count: begun when first needed, one task at a time each, replaced where one ends. No torch.

A thread waits for each process, so that waiting is the same on every system. A process begins where this one stood when it was
asked (measure/start.py) and hears of tasks on a pipe (measure/channel.py); what it does is study/counting_process.py.
"""

from __future__ import annotations

import pickle
import secrets
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import Any, NamedTuple, TypeVar

from profiler.errors import ProcessEnded
from profiler.measure.channel import TOKEN_BYTES, Answers, Garbled, send
from profiler.measure.start import Start, how_it_ended
from profiler.study.in_order import Outcome, done

T = TypeVar("T")
COUNTS = "profiler.study.counting_process"
AHEAD = 16
"""Tasks that are handed out before the result of the first is taken, for each process."""
GRACE_S, LISTENING_S = 5.0, 1.0
HANDS_OFF = "its code writes into descriptors that it did not open; leave those of others alone"


class Process(NamedTuple):
    """One process, and where its answers are read."""

    popen: subprocess.Popen[bytes]
    answers: Answers

    def end(self) -> int:
        """Be rid of it; its exit code."""
        if self.popen.poll() is None:
            self.popen.kill()
        return self.ended()

    def ended(self) -> int:
        """The exit code of one that ends by itself: its pipes close before it has one."""
        try:
            code = self.popen.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            code = self.popen.wait()
        for stream in (self.popen.stdin, self.popen.stdout):
            with suppress(OSError):
                assert stream is not None
                stream.close()
        return code


class Processes:
    """So many processes, which do what comes first."""

    elsewhere = True

    def __init__(self, jobs: int, start: Start | None = None) -> None:
        self.jobs, self.start = jobs, start or Start.now()
        self.numbers = count(1)
        self.lock = threading.Lock()
        self.idle: list[Process] = []
        self.busy: list[Process] = []
        self.threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, whatever they do."""
        threads, self.threads = self.threads, None
        if threads is None:
            return
        with self.lock:
            left = [*self.idle, *self.busy]
            self.idle.clear()
            for process in left:
                if process.popen.poll() is None:
                    process.popen.kill()
        threads.shutdown(wait=True, cancel_futures=True)
        for process in left:
            process.end()

    def results(self, function: Callable[[T], Any], tasks: Iterable[T]) -> Iterator[Outcome]:
        """See Where."""
        waiting: deque[tuple[T, Future[Outcome | None] | None]] = deque()
        for task in tasks:
            try:
                data = pickle.dumps(task)
            except Exception:  # whatever the object of a user raises: it is counted where it is
                waiting.append((task, None))
            else:
                self.threads = self.threads or ThreadPoolExecutor(self.jobs, "counting")
                waiting.append((task, self.threads.submit(self._asked, function, data)))
            while waiting and (len(waiting) >= AHEAD * self.jobs or _is_there(waiting[0][1])):
                yield self._first(function, waiting)
        while waiting:
            yield self._first(function, waiting)

    def _first(self, function: Callable[[T], Any], waiting: deque[tuple[T, Future[Outcome | None] | None]]) -> Outcome:
        """The result of the task that waits longest."""
        task, future = waiting.popleft()
        found = None if future is None else _result(future)
        return done(function, task) if found is None else found

    def _asked(self, function: Callable[[T], Any], data: bytes) -> Outcome | None:
        """What a process answers; None where it cannot read the task."""
        process = self._taken()
        number = next(self.numbers)
        try:
            assert process.popen.stdin is not None
            send(process.popen.stdin, (number, function, data))
            while True:
                with suppress(TimeoutError):
                    answered, how, answer = process.answers.next(LISTENING_S)
                    if answered == number:
                        break
        except (EOFError, BrokenPipeError):
            return self._lost(process, how_it_ended(process.ended()))
        except Garbled:
            process.end()
            return self._lost(process, HANDS_OFF)
        with self.lock:
            self.busy.remove(process)
            self.idle.append(process)
        if how == "unread":
            return None
        return Outcome(answer) if how == "done" else Outcome(fault=answer)

    def _taken(self) -> Process:
        with self.lock:
            if self.threads is None:  # all is being ended
                raise CancelledError
            process = self.idle.pop() if self.idle else self._begun()
            self.busy.append(process)
            return process

    def _lost(self, process: Process, reason: str) -> Outcome:
        with self.lock:
            self.busy.remove(process)
        return Outcome(fault=ProcessEnded(reason))

    def _begun(self) -> Process:
        token = secrets.token_bytes(TOKEN_BYTES)
        popen = self.start.worker(token, COUNTS, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")  # a process is for one core
        assert popen.stdout is not None
        return Process(popen, Answers(popen.stdout, token))


def _is_there(future: Future[Outcome | None] | None) -> bool:
    return future is not None and future.done()


def _result(future: Future[Outcome | None]) -> Outcome | None:
    """What a future holds; waited for in turns, since Windows hears of Ctrl-C only between them."""
    while True:
        with suppress(TimeoutError):
            return future.result(LISTENING_S)
