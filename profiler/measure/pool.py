"""The workers as the scheduler sees them: one process a state of the device, started when first needed. No torch here."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from profiler.errors import Unavailable
from profiler.measure import host
from profiler.measure.devices import kind_of
from profiler.measure.host import Counters
from profiler.measure.plan import Spec, State
from profiler.measure.visits import CellFailed, Prepared, Visit, Warmed
from profiler.measure.worker import receive, send

ROOT = Path(__file__).resolve().parents[2]
BOOT = "import sys; sys.path[:] = {path!r}; from profiler.measure.worker import main; main()"
GRACE_S = 5.0
LONGEST_BUILD_S = 3600.0


def _end(process: subprocess.Popen[bytes]) -> int:
    """Be rid of a worker, which holds nothing that could be lost: what it measured is here. Its exit code."""
    if process.poll() is None:
        process.kill()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):
            assert stream is not None
            stream.close()
    return process.wait(GRACE_S)


class Pool:
    """Fresh worker processes, asked one at a time; a context manager that leaves none behind."""

    def __init__(
        self,
        cells: Sequence[Spec],
        layers: frozenset[int] = frozenset(),
        patience_s: float = 3600.0,
        begun: Callable[[State, dict[str, Any]], None] | None = None,
        starting: Callable[[], None] | None = None,
    ) -> None:
        """`patience_s` is how long one answer to a visit is waited for; `begun` hears what each new worker is.

        `starting` is called while a worker loads torch: what takes this process a while of its own is best done then.
        """
        self.cells, self.layers, self.patience_s, self.begun, self.starting = cells, layers, patience_s, begun, starting
        self.lost_s = 0.0
        self.workers: dict[State, subprocess.Popen[bytes]] = {}
        self.facts: dict[State, dict[str, Any]] = {}
        self.alive: dict[State, set[int]] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.workers.values():
            _end(process)
        self.workers.clear()

    def free(self, state: State) -> int | None:
        """Bytes free where cells of that state live."""
        try:
            found: int | None = self._ask(state, "free")
        except CellFailed:
            return None
        return found

    def counters(self) -> Counters:
        return host.counters()

    def prepare(self, number: int) -> Prepared:
        """Bring a cell alive. Raises CellFailed."""
        spec = self.cells[number]
        found: Prepared = self._ask(spec.state, "prepare", number, spec, number in self.layers)
        self.alive.setdefault(spec.state, set()).add(number)
        return found

    def warm(self, number: int, seconds: float) -> Warmed:
        """Let a cell settle. Raises CellFailed."""
        found: Warmed = self._ask(self.cells[number].state, "warm", number, seconds)
        return found

    def visit(self, number: int, settle: int, samples: int, block: int) -> Visit:
        """A cell's samples of one round. Raises CellFailed."""
        found: Visit = self._ask(self.cells[number].state, "visit", number, settle, samples, block)
        return found

    def visit_layers(self, number: int, samples: int) -> Visit:
        """A clocked cell's samples of one round, with its leaves' times. Raises CellFailed."""
        found: Visit = self._ask(self.cells[number].state, "visit", number, 1, samples, 1, True)
        return found

    def roofs(self, state: State) -> Any:
        """What this device can do at best in that state. Raises Unavailable."""
        try:
            return self._ask(state, "roofs", state.dtype)
        except CellFailed as fault:
            raise Unavailable(f"the roofs of {state.device} cannot be measured: {fault.reason}; leave out --layers") from None

    def reference(self, state: State) -> float | None:
        """Seconds of the reference kernel in a worker; None where it is gone."""
        try:
            found: float = self._ask(state, "reference")
        except CellFailed:
            return None
        return found

    def release(self, number: int) -> None:
        """Let a cell go."""
        state = self.cells[number].state
        if number in self.alive.get(state, set()):
            self.alive[state].discard(number)
            with suppress(CellFailed):  # what it dies of now costs no figure
                self._ask(state, "release", number)

    def _ask(self, state: State, *message: Any) -> Any:
        process = self.workers.get(state) or self._begun(state)
        assert process.stdin is not None
        assert process.stdout is not None
        culprit = message[1] if len(message) > 1 else None
        try:
            send(process.stdin, message)
            self._await(process, message[0])
            outcome, answer = receive(process.stdout)
        except TimeoutError as fault:
            process.kill()
            self.lost_s += self.patience_s
            self._died(state, culprit)
            raise CellFailed(str(fault)) from None
        except (EOFError, BrokenPipeError):
            raise CellFailed(self._died(state, culprit)) from None
        if outcome == "fatal":  # the worker can do no more, and ends itself
            self._died(state, culprit)
        if outcome != "done":
            raise CellFailed(answer)
        return answer

    def _await(self, process: subprocess.Popen[bytes], what: str) -> None:
        """Wait for an answer. Raises TimeoutError where a call never ends; building and compiling may take an hour."""
        if os.name != "posix":
            return
        patience = self.patience_s if what in ("warm", "visit") else LONGEST_BUILD_S
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]
            if not selector.select(patience):
                raise TimeoutError(f"no answer for {patience:.0f} s; a longer --time waits longer")

    def _died(self, state: State, culprit: object) -> str:
        """A worker is gone: why; its other cells begin again in a fresh one."""
        process = self.workers.pop(state)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)  # its pipes close before it has an exit code
        code = _end(process)
        begun = time.perf_counter()
        for number in sorted(self.alive.pop(state, set()) - {culprit}):
            try:
                self.prepare(number)
            except CellFailed:
                continue
        self.lost_s += time.perf_counter() - begun
        if code == -9:
            return "its process was killed (signal 9), as the system does when memory runs out"
        return f"its process ended by itself ({f'signal {-code}' if code < 0 else f'exit code {code}'})"

    def _begun(self, state: State) -> subprocess.Popen[bytes]:
        threads = str(state.threads)
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        path = [str(ROOT), *(folder for folder in sys.path if folder != str(ROOT))]
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOT.format(path=path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        self.workers[state] = process
        if self.starting is not None:
            self.starting()
        try:
            self.facts[state] = self._ask(state, "begin", state, kind_of(state.device))
        except CellFailed as fault:
            if self.workers.pop(state, None) is not None:
                _end(process)
            raise CellFailed(f"no process could begin on {state.device}: {fault.reason}") from None
        if self.begun is not None:
            self.begun(state, self.facts[state])
        return process
