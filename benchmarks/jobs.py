"""What counting in several processes saves, and what handing a task to one costs: a section of docs/performance.md.

python benchmarks/jobs.py [--networks 60] [--models 'timm:*'] [--rounds 2] > section.md

Networks of the zoo, or those of a library that are named, are built and recounted by whole processes of `profiler
compare`, by one process and by two in turns; both print the same bytes, which is checked. Then ten thousand tasks that
do nothing go through `--jobs 2`, and through a fleet of two local workers: what each takes is what the engine adds to a
task.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import profiler
from profiler.study.counting_on_fleet import OnFleet
from profiler.study.in_order import Where
from profiler.study.listing import names_of
from profiler.study.processes import Processes

ROOT = Path(profiler.__file__).resolve().parents[1]
TASKS = 10_000


ENGINES = {"closed,traced": "traced on the meta device", "closed,fvcore": "run once under fvcore, with memory for its weights"}


def compared(names: list[str], engine: str, jobs: int) -> tuple[float, bytes]:
    """Seconds of a whole process that builds and recounts the networks, and what it prints."""
    words = ["compare", *names, "--engine", engine, "--jobs", str(jobs), "-f", "csv"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    start = time.perf_counter()
    ran = subprocess.run([sys.executable, "-m", "profiler", *words], capture_output=True, env=environment, check=True)
    return time.perf_counter() - start, ran.stdout


def sides(names: list[str], engine: str, rounds: int) -> Iterator[str]:
    """A line each for one process and for two."""
    taken: dict[int, list[float]] = {1: [], 2: []}
    for number in range(rounds):
        said = {}
        for jobs in (1, 2) if number % 2 == 0 else (2, 1):
            once, said[jobs] = compared(names, engine, jobs)
            taken[jobs].append(once)
        assert said[1] == said[2], "two processes print something else than one"
        records = said[1].count(b"\n") - 1
    yield f"{records:,} records, the same bytes from both.\n"
    yield "| processes | seconds: median of rounds | range | over one process |"
    yield "| ---: | ---: | ---: | ---: |"
    for jobs, seconds in taken.items():
        ratio = median(a / b for a, b in zip(taken[1], seconds, strict=True))
        yield f"| {jobs} | {median(seconds):.1f} | {min(seconds):.1f} – {max(seconds):.1f} | {ratio:.2f}× |"


def overhead(where: Where) -> float:
    """Seconds that a task which does nothing takes, once the workers are there."""
    with where:
        list(where.results(int, ["1"] * 8))
        start = time.perf_counter()
        found = [each.get() for each in where.results(int, map(str, range(TASKS)))]
        seconds = time.perf_counter() - start
    assert found == list(range(TASKS))
    return seconds / TASKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=60)
    parser.add_argument("--models", nargs="+", help="networks of a library, which are traced, in place of the zoo's")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    names = given.models or names_of(None)[: given.networks]
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "its load unknown"
    print("## Counting in several processes\n\nWritten by `python benchmarks/jobs.py`.\n")
    print(f"{platform.machine()}, {os.cpu_count()} cores, {load} at the start; Python {platform.python_version()}\n")
    whose = " ".join(names) if given.models else f"{len(names)} networks of the zoo"
    for engine, what in {"closed": "traced on the meta device"}.items() if given.models else ENGINES.items():
        print(f"`profiler compare --engine {engine}` of {whose}, each {what}; rounds: {given.rounds}.\n")
        for line in sides(names, engine, given.rounds):
            print(line)
        print(flush=True)
    local, fleet = overhead(Processes(2)), overhead(OnFleet("local:2"))
    ours, theirs = f"{1e3 * local:.2f} ms by `--jobs 2`", f"{1e3 * fleet:.2f} ms by a fleet of two local workers"
    print(f"A task that does nothing, of {TASKS:,} in order: {ours}, {theirs} (`--fleet local:2`); the aim is 10 ms.")


if __name__ == "__main__":
    main()
