"""Real workers on a clock of the test's own: every call counts as a hundredth of a second, however busy the machine is.

The figures are what the workers measure. How many rounds a budget holds, and so which cells have figures, no longer depends on
the machine; neither does what disturbs them, which is nothing. `python -m tests.measure.paced WORDS` is `profiler WORDS` measured so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profiler.measure import pool
from profiler.measure.host import Counters
from profiler.measure.plan import State
from profiler.measure.pool import Pool
from profiler.measure.visits import Prepared, ReferenceTime, Visit, Warmed
from profiler.study import measuring, selftest

ROOT = Path(__file__).resolve().parents[2]
CALL_S = 0.01


@dataclass
class Pace:
    """The clock: it stands still but for the calls of a pool."""

    now: float = 1000.0

    def perf_counter(self) -> float:
        return self.now

    monotonic = perf_counter


PACE = Pace()


class Paced(Pool):
    """Workers that measure as ever, and move the clock by the calls that they made."""

    def prepare(self, number: int) -> Prepared:
        PACE.now += CALL_S
        return super().prepare(number)

    def warm(self, number: int, seconds: float) -> Warmed:
        found = super().warm(number, seconds)
        spent = min(10 * CALL_S, seconds)
        PACE.now += spent
        return Warmed(CALL_S, found.calls, found.settled, spent)

    def visit(self, number: int, settle: int, samples: int, block: int) -> Visit:
        found = super().visit(number, settle, samples, block)
        found.spent_s, found.cpu_share = CALL_S * (settle + samples * block), 1.0
        PACE.now += found.spent_s
        return found

    def visit_layers(self, number: int, samples: int) -> Visit:
        found = super().visit_layers(number, samples)
        found.spent_s = CALL_S * (1 + samples)
        PACE.now += found.spent_s
        return found

    def _died(self, state: State, culprit: object) -> str:
        said = super()._died(state, culprit)
        self.lost_s = 0.0  # what beginning anew takes has not moved the clock
        return said

    def reference(self, state: State) -> ReferenceTime | None:
        PACE.now += 1e-3
        return None if super().reference(state) is None else ReferenceTime(1e-3, 1e-3)

    def counters(self) -> Counters:
        """Of a machine that does nothing else."""
        return Counters(0, 0, 0)


def install(put: Callable[[object, str, Any], None] = setattr) -> None:
    """Let everything that this process measures be paced; `put` may be that of a MonkeyPatch."""
    put(measuring, "Pool", Paced)
    put(measuring, "time", PACE)
    put(selftest, "PAIRS", 2)  # each is three networks to build, and what is made of many is arithmetic
    put(pool, "SILENT_S", float("inf"))  # a busy machine builds slowly, which is no news


def run(*words: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """`profiler WORDS`, paced, with everything piped."""
    command = [sys.executable, "-m", "tests.measure.paced", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False, timeout=600)


if __name__ == "__main__":
    install()
    from profiler.__main__ import main

    main()
