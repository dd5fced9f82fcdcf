"""A workload that a command runs elsewhere: built and exported here, brought to its device once, and clocked there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

from profiler.errors import ProfilerError
from profiler.measure import command
from profiler.measure.command_call import called, read
from profiler.measure.exported import Exported
from profiler.measure.live import Made
from profiler.measure.plan import COMMAND_S, Command, Source
from profiler.measure.runtimes import exports
from profiler.measure.runtimes.runtime import Inputs
from profiler.measure.visits import Visit, Warmed

WINDOW = 5
SETTLED = 0.02
"""Two windows whose medians agree within this are settled, as where torch runs the network."""


@dataclass
class Limits:
    """How long a command of this process may take."""

    push_s: float = COMMAND_S
    """To bring a file to its device."""
    run_s: float = COMMAND_S


HERE = Limits()


class Commanded(Exported):
    """Its forward passes are run and clocked by a command; nothing of the network stays in this process."""

    clocks_itself = True

    def _bring_alive(self, make: Callable[[], Made]) -> None:
        assert self.setting.command is not None
        self.command: Command = self.setting.command
        self.values: dict[str, str] = {}
        self.facts: dict[str, str] = {}
        self.overhead_s = 0.0
        self.peak_bytes = None
        if command.takes_file(self.command):
            super()._bring_alive(make)
            return
        start = perf_counter()
        self.source = Source.of(make()[0])
        self.build_s = perf_counter() - start
        self._first()

    def _expected(self, *_: Any) -> None:
        """Nobody compares the outputs, which stay on the device."""

    def _stands(self, kept: exports.Export, inputs: Inputs, expected: list[Any] | None) -> bool:
        """Whether the device runs a file that was kept. Raises ProfilerError: exported anew it would be the same file."""
        self._load(kept, inputs)
        return True

    def _difference(self, expected: list[Any] | None) -> None:
        return None

    def _load(self, found: exports.Export, inputs: Inputs) -> None:
        self.export_s, self.artifact_bytes = found.seconds, found.size
        if len(list(found.path.parent.iterdir())) > 1:
            raise ProfilerError("its weights are more than one ONNX file holds (1.9 GB), and --exec hands on a single file")
        path = exports.HERE.folder() / self.command.name
        shutil.copyfile(found.path, path)  # by a name that says what it is of; what is kept stays as it is
        self.values = {"file": str(path), "name": path.name}
        if self.command.push:
            called(command.plain(command.filled(self.command.push, self.values)), HERE.push_s)
        self._first()

    def _first(self) -> None:
        """Run it once, as the first call on a device that has just been given it."""
        self.call = lambda: self._run(1, HERE.push_s)
        self.first_call_s = self._run(1, HERE.push_s)[0]

    def _run(self, runs: int, limit_s: float | None = None) -> list[float]:
        """The seconds of so many forward passes, or of as many as the command makes. Raises ProfilerError."""
        values = {**self.values, "runs": str(runs)}
        words = command.plain(command.filled(self.command.words, values))
        start = perf_counter()
        printed = read(called(words, HERE.run_s if limit_s is None else limit_s))
        wall = perf_counter() - start
        found = printed.seconds
        if not found:
            raise ProfilerError("its command prints no number of seconds; let it print one a line")
        if command.takes_runs(self.command):
            if len(found) < runs:
                raise ProfilerError(
                    f"its command prints {len(found)} of {runs} numbers; let it print one for each of {{runs}} passes"
                )
            kept = found[-runs:]
        else:
            kept = found
        self.facts = self.facts or printed.facts
        self.overhead_s = max(wall - sum(found), 0.0)
        return kept

    def warm_up(self, seconds: float) -> Warmed:
        """Windows of five until two of them agree within 2 %, for about `seconds` at most."""
        start = perf_counter()
        windows: list[float] = []
        calls, inside = 0, 0.0
        each = max(1, min(WINDOW, int(seconds / 2 / max(self.first_call_s, 1e-9))))
        while True:
            before = perf_counter()
            taken = self._run(each)
            calls += len(taken)
            windows.append(median(taken))
            now = perf_counter()
            inside += sum(taken)
            settled = len(windows) > 1 and abs(windows[-1] / windows[-2] - 1) <= SETTLED
            if settled or now - start + (now - before) >= seconds:
                call_s = windows[-1] if settled else min(windows)
                return Warmed(call_s, calls, settled, inside, self.overhead_s)

    def visited(self, settle: int, samples: int, block: int) -> Visit:
        """One call of the command, for all samples of a round."""
        taken = self._run(settle + samples * block)
        inside = sum(taken)
        if command.takes_runs(self.command):
            taken = taken[settle:]
            seconds = [sum(taken[i : i + block]) / block for i in range(0, len(taken), block)]
        else:  # it runs as often as it likes, and each line is a sample
            seconds, block = taken, 1
        return Visit(seconds, block, 0.0, 0, inside)
