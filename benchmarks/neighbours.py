"""Whether a figure measured beside busy processes has a good grade: a table for docs/latency-measured.md. On a quiet machine.

python benchmarks/neighbours.py --runs 40 --seconds 10      # 6 conditions of 40 runs: some 50 minutes
python benchmarks/neighbours.py --runs 3 --seconds 3        # whether it works
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from profiler.measure import between_runs, host  # noqa: E402  # the checkout is on the path only now
from profiler.records.environment import environment  # noqa: E402  # the checkout is on the path only now
from profiler.study.before_after import Side, clocks  # noqa: E402  # the checkout is on the path only now

CELL = "mobilenet_v1@alpha=0.25,resolution=128"
TRUSTED = ("A", "B")
WITHIN, INSIDE = 0.25, 0.90
"""Aims: no trusted figure further from the quiet one; of the other runs' medians, those inside the interval between runs."""


BUSY = "import os; parent = os.getppid()\nwhile os.getppid() == parent:\n    for _ in range(10**6): pass"
"""Never rests, and ends with the process that began it."""


class Run(NamedTuple):
    """What one run printed."""

    record: dict[str, Any]
    machine: dict[str, Any]

    @property
    def seconds(self) -> float | None:
        seconds: float | None = self.record["latency_s"]
        return seconds


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many other processes that never rest."""
    with ExitStack() as stack:
        for _ in range(processes):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", BUSY]))
            stack.callback(process.kill)
        yield


def measure(cell: str, threads: int, seconds: float, cache: Path) -> Run:
    """One run of the command line, with what it knows of the machine in a folder of its own."""
    words = ["bench", cell, "--device", "cpu", "--threads", str(threads), "--time", f"{seconds:g}s", "-f", "json"]
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", *words], cwd=ROOT, env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    document = json.loads(ran.stdout)
    return Run(document["records"][0], document["environment"]["machine"])


def inside(run: Run, other: Run) -> bool:
    """Whether another run's median is inside the interval that a run states for other runs."""
    exact = {**run.record, **dict.fromkeys(("latency_s", "latency_low_s", "latency_high_s"), other.seconds)}
    ratio = between_runs.ratio(run.record, run.machine, exact, run.machine)
    return ratio.low <= 1 <= ratio.high


def different(run: Run, other: Run) -> bool:
    """Whether `profiler diff` would call two runs faster or slower."""
    sides = [Side("", [each.record], [None], [None], each.machine) for each in (run, other)]
    return clocks(sides[0], run.record, sides[1], other.record)[0] in ("faster", "slower")


def row(name: str, runs: Sequence[Run], quiet: float | None) -> tuple[list[str], float]:
    """A row of the table, and how far the worst trusted figure is from the quiet one."""
    timed = [run for run in runs if run.seconds is not None]
    grades = [run.record["grade"] for run in timed]
    spread = ", ".join(f"{letter} {grades.count(letter)}" for letter in "ABCD" if letter in grades)
    off = [abs((run.seconds or 0.0) / quiet - 1) for run in timed if run.record["grade"] in TRUSTED] if quiet else []
    pairs = [(a, b) for a in timed for b in timed if a is not b]
    seconds = [run.seconds for run in timed if run.seconds is not None]
    range_ = f"{1e3 * min(seconds):.2f} – {1e3 * max(seconds):.2f} ms" if seconds else "–"
    named = sum("disturbed" in run.record["reason"] for run in timed)
    return [
        name, range_, spread or "–", str(len(runs) - len(timed)), str(named), f"{100 * max(off):.0f} %" if off else "–",
        share(sum(inside(*pair) for pair in pairs), len(pairs)), share(sum(different(*pair) for pair in pairs), len(pairs)),
    ], max(off, default=0.0)  # fmt: skip


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40, help="of each condition")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--cell", default=CELL)
    parser.add_argument("--unknown", action="store_true", help="let no run know of the ones before")
    given = parser.parse_args()
    made, machine = environment(), host.machine()
    print("## Beside busy processes\n")
    where = f"{machine['cpu']}, {machine['affinity']} processors, {made.platform}, torch {made.torch}; {made.date}"
    print(f"{given.cell}, {given.runs} runs of {given.seconds:g} s in each condition; {where}.\n")
    heads = (
        "condition", "medians", "grades", "no figure", "named disturbed", "A or B, furthest from quiet", "inside, between runs",
        "called different",
    )  # fmt: skip
    print(f"| {' | '.join(heads)} |\n| {' | '.join(':---' if not i else '---:' for i in range(len(heads)))} |")
    worst = 0.0
    with TemporaryDirectory() as folder:
        for threads in dict.fromkeys((1, host.default_threads())):
            quiet: float | None = None
            for neighbours in (0, 1, 2):
                with busy(neighbours):
                    runs = []
                    for i in range(given.runs):
                        cache = Path(folder) / (f"{threads}-{neighbours}-{i}" if given.unknown else "known")
                        runs.append(measure(given.cell, threads, given.seconds, cache))
                if not neighbours:
                    known = [run.seconds for run in runs if run.seconds is not None]
                    quiet = median(known) if known else None
                name = f"{threads} thread{'s' if threads > 1 else ''}, {neighbours or 'no'} busy"
                cells, off = row(name, runs, quiet)
                worst = max(worst, off)
                print(f"| {' | '.join(cells)} |", flush=True)
    print(
        f"\nAims: no figure at grade A or B further than {100 * WITHIN:.0f} % from the quiet median (the furthest here: ",
        end="",
    )
    print(
        f"{100 * worst:.0f} %), and at least {100 * INSIDE:.0f} % of the other runs' medians inside the interval between runs."
    )


if __name__ == "__main__":
    main()
