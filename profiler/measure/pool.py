"""The workers as the scheduler sees them: one process a state of the device, started when first needed. No torch here."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from profiler.errors import Unavailable
from profiler.measure import host, own_folder
from profiler.measure.channel import SAYS, TOKEN_BYTES, Answers, Garbled, send
from profiler.measure.devices import kind_of
from profiler.measure.energy import EnergyBlock
from profiler.measure.host import Counters
from profiler.measure.plan import Source, Spec, State
from profiler.measure.start import Start, how_it_ended
from profiler.measure.visits import CellFailed, Prepared, ReferenceTime, Visit, Warmed

GRACE_S = 5.0
BEGINNING_S = 600.0
"""What a worker may take to load torch, and to measure roofs: nobody else's code runs then."""
COMPILING_S = 600.0
"""What a first call may take longer where it is compiled or exported before."""
BUILT_PER_S = 50e6
"""Bytes of a network that are built in a second, on a slow machine."""
SILENT_S = 1.0
"""A build that takes longer is told of."""
ENDED = "it was ended before it was measured"
HANDS_OFF = "its code writes into descriptors that it did not open; leave those of others alone"


def _end(process: subprocess.Popen[bytes], gently: bool = False) -> int:
    """Be rid of a worker, which holds nothing that could be lost: what it measured is here. Its exit code.

    One that may have commands running is told by its channel, and ends those first.
    """
    if process.poll() is None and gently:
        with suppress(OSError, subprocess.TimeoutExpired):
            assert process.stdin is not None
            process.stdin.close()
            process.wait(GRACE_S)
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
        layers: Collection[int] = frozenset(),
        patience_s: float = 3600.0,
        begun: Callable[[State, dict[str, Any]], None] | None = None,
        starting: Callable[[], None] | None = None,
        start: Start | None = None,
        say: Callable[[str], None] | None = None,
        keep_exports: bool = True,
    ) -> None:
        """`patience_s` is how long one answer of measured code is waited for; `begun` hears what each new worker is.

        `starting` is called while a worker loads torch: what takes this process a while of its own is best done then.
        `start` is where workers begin, `say` hears of a build that takes long. With `keep_exports` what is exported is kept for
        later runs, and what was kept is taken.
        """
        self.cells, self.layers, self.patience_s, self.begun, self.starting = cells, layers, patience_s, begun, starting
        self.start, self.say, self.keep_exports = start or Start.now(), say, keep_exports
        self.ended = False
        self.lost_s = 0.0
        self.scratch: TemporaryDirectory[str] | None = None
        self.workers: dict[State, subprocess.Popen[bytes]] = {}
        self.answers: dict[State, Answers] = {}
        self.facts: dict[State, dict[str, Any]] = {}
        self.alive: dict[State, set[int]] = {}
        self.asked = 0
        self.past_ticks = 0
        """Processor time of the workers that are gone."""

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for state, process in self.workers.items():
            _end(process, gently=state.runtime == "exec")
        self.workers.clear()
        if self.scratch is not None:
            self.scratch.cleanup()

    def end(self) -> None:
        """End the workers, and begin no more: for another thread, since the one that measures waits for their answers."""
        self.ended = True
        for process in list(self.workers.values()):
            process.kill()

    def _scratch(self) -> Path | None:
        """A folder for the exports of this run; None where nothing is exported."""
        if self.scratch is None and any(spec.setting.exported for spec in self.cells):
            folder = own_folder.temporary_folder()
            self.scratch = TemporaryDirectory(prefix="exports-", dir=folder, ignore_cleanup_errors=True)
        return None if self.scratch is None else Path(self.scratch.name)

    def free(self, state: State) -> int | None:
        """Bytes free where cells of that state live."""
        try:
            found: int | None = self._ask(state, "free")
        except CellFailed:
            return None
        return found

    def counters(self) -> Counters:
        own = sum(host.ticks_of(process.pid) for process in self.workers.values())
        return host.counters()._replace(own=self.past_ticks + own + host.ticks_of("self"))

    def prepare(self, number: int) -> Prepared:
        """Bring a cell alive. Raises CellFailed, also where another network was built than the one that was counted."""
        spec = self.cells[number]
        found: Prepared = self._ask(spec.state, "prepare", number, spec, number in self.layers)
        self.alive.setdefault(spec.state, set()).add(number)
        different = spec.counted.differs(Source(found.params, found.file))
        if different:
            self.release(number)
            raise CellFailed(
                f"another network was built to be measured: {different}; name it by its file, as path/to/net.py:Net"
            )
        return found

    def warm(self, number: int, seconds: float) -> Warmed:
        """Let a cell settle. Raises CellFailed."""
        found: Warmed = self._ask(self.cells[number].state, "warm", number, seconds)
        _check_seconds([found.call_s])
        return found

    def visit(self, number: int, settle: int, samples: int, block: int) -> Visit:
        """A cell's samples of one round. Raises CellFailed."""
        found: Visit = self._ask(self.cells[number].state, "visit", number, settle, samples, block)
        _check_seconds(found.seconds)
        if found.cpu_s:
            _check_seconds(found.cpu_s)
        return found

    def visit_layers(self, number: int, samples: int) -> Visit:
        """A clocked cell's samples of one round, with its leaves' times. Raises CellFailed."""
        found: Visit = self._ask(self.cells[number].state, "visit", number, 1, samples, 1, True)
        _check_seconds(found.seconds)
        return found

    def energy(self, number: int, seconds: float) -> EnergyBlock:
        """A block of a cell's calls by the device's energy counter. Raises CellFailed."""
        found: EnergyBlock = self._ask(self.cells[number].state, "energy", number, seconds)
        _check_seconds([found.joules, found.seconds])
        return found

    def roofs(self, state: State) -> Any:
        """What this device can do at best in that state. Raises Unavailable."""
        try:
            return self._ask(state, "roofs", state.dtype)
        except CellFailed as fault:
            raise Unavailable(
                f"the peak speed of {state.device} cannot be measured: {fault.reason}; leave out --layers"
            ) from None

    def reference(self, state: State) -> ReferenceTime | None:
        """What the reference kernel took in a worker; None where it is gone, or its clock was tampered with."""
        try:
            found: ReferenceTime = self._ask(state, "reference")
            _check_seconds([each for each in found if each is not None])
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
        culprit = message[1] if len(message) > 1 else None
        self.asked += 1
        try:
            send(process.stdin, (self.asked, *message))
            outcome, answer = self._answer(state, message)
        except TimeoutError as fault:
            process.kill()
            self.lost_s += self._patience(message)
            self._died(state, culprit)
            raise CellFailed(str(fault)) from None
        except (EOFError, BrokenPipeError):
            raise CellFailed(self._died(state, culprit)) from None
        except Garbled:
            process.kill()
            self._died(state, culprit)
            raise CellFailed(HANDS_OFF) from None
        if outcome == "fatal":  # the worker can do no more, and ends itself
            self._died(state, culprit)
        if outcome != "done":
            raise CellFailed(answer)
        return answer

    def _answer(self, state: State, message: Sequence[Any]) -> tuple[str, Any]:
        """(outcome, answer) to what was asked last. Raises TimeoutError where a call never ends, EOFError, Garbled."""
        what, answers, begun = message[0], self.answers[state], time.monotonic()
        most, silent = self._patience(message), min(self._patience(message), SILENT_S)
        doing = "building"
        while True:
            try:
                number, outcome, answer = answers.next(silent - (time.monotonic() - begun))
            except TimeoutError:
                if silent >= most:
                    why = "its first call did not end within" if what == "prepare" else "no answer for"
                    raise TimeoutError(f"{why} {most:.0f} s; a longer --time waits longer") from None
                silent = most
                if what == "prepare" and self.say is not None:
                    self.say(_building(message[2], most, doing))
                continue
            if number == self.asked and outcome == SAYS:  # what it does now, told of if it takes long
                doing, silent = own_folder.printable(str(answer)), min(most, time.monotonic() - begun + SILENT_S)
            elif number == self.asked:  # what a child that the measured code forked has answered is of an earlier one
                return outcome, answer

    def _patience(self, message: Sequence[Any]) -> float:
        """Seconds that an answer is waited for."""
        if message[0] in ("begin", "roofs"):
            return max(self.patience_s, BEGINNING_S)
        if message[0] != "prepare":
            return self.patience_s
        spec: Spec = message[2]
        return self.patience_s + spec.memory / BUILT_PER_S + (COMPILING_S if spec.setting.runtime != "eager" else 0.0)

    def _died(self, state: State, culprit: object) -> str:
        """A worker is gone: why; its other cells begin again in a fresh one."""
        process = self.workers.pop(state)
        self.past_ticks += host.ticks_of(process.pid)
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
        return how_it_ended(code)

    def _begun(self, state: State) -> subprocess.Popen[bytes]:
        if self.ended:
            raise CellFailed(ENDED)
        threads, token = str(state.threads), secrets.token_bytes(TOKEN_BYTES)
        process = self.start.worker(token, follows=state.runtime != "exec", OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads)
        assert process.stdout is not None
        self.workers[state], self.answers[state] = process, Answers(process.stdout, token)
        if self.starting is not None:
            self.starting()
        try:
            self.facts[state] = self._ask(
                state, "begin", state, kind_of(state.device), self.keep_exports, self._scratch(), self.patience_s
            )
        except CellFailed as fault:
            if self.workers.pop(state, None) is not None:
                _end(process)
            raise CellFailed(f"no process could be started on {state.device}: {fault.reason}") from None
        if self.begun is not None:
            self.begun(state, self.facts[state])
        return process


def _building(spec: Spec, most: float, doing: str) -> str:
    """What is waited for, and how long at most."""
    size = f" {spec.memory / 2**30:.3g} GiB" if spec.memory >= 2**28 else ""
    return f"{spec.workload.name}: {doing}{size}; waiting up to {most:.0f} s for its first call to end"


def _check_seconds(seconds: Sequence[float]) -> None:
    """Raises CellFailed for what no clock can have read."""
    if not seconds or not all(isinstance(each, float) and isfinite(each) and each > 0 for each in seconds):
        raise CellFailed("its calls took no time by the clock; leave the clock alone")
