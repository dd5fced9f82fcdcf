"""Prove a fleet on this machine, by real processes that are killed, and write docs/fleet-measured.md.

    python benchmarks/fleet.py [PART...]

Without PART all of them: killed, scheduler, clients, tasks, many. A part's section is written when it is over, the others stay.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.fleet_many import many
from benchmarks.fleet_processes import ROOT, FleetProcesses, started, wait_until

PAGE = ROOT / "docs" / "fleet-measured.md"
HEAD = """# A fleet, measured

Written by `python benchmarks/fleet.py`: a scheduler, workers and clients as processes of their own
on one machine, each worker on a loopback address and with a disk (cache and temporary folder) of
its own. How a fleet works is in [Fleets](fleet.md).
"""
SEED = 16
KILLS = 10


class RoundAt(NamedTuple):
    """When a round of a job ran, by the clock of its worker."""

    begun: float
    ended: float
    job: str


@contextmanager
def command(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A command of ours, killed at the end of a with block if it is still running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "profiler", *words], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def sweep(fleet: FleetProcesses, out: Path, cells: int, seconds: int, *more: str) -> tuple[str, ...]:
    """A sweep of so many cells, which equal devices share."""
    return (
        "sweep", "lenet5", "--alpha", "1", "--batch", f"1..{cells}:1", "--engine", "closed", "--bench", "--threads", "1",
        "--device", "cpu",
        "--fleet", fleet.address, "--spread", "--time", f"{seconds}s", "-q", "-o", str(out), *more,
    )  # fmt: skip


def rounds_of(path: Path) -> list[str]:
    """The whole lines of rounds in a file of samples, as they stand there."""
    return [line for line in path.read_text().splitlines(keepends=True) if '"what": "round"' in line and line.endswith("\n")]


def on_disks(fleet: FleetProcesses) -> dict[tuple[str, str], list[str]]:
    """{(machine, file): its rounds}."""
    return {(name, path.name): rounds_of(path) for name in fleet.workers for path in fleet.samples(name)}


def total(rounds: dict[tuple[str, str], list[str]]) -> int:
    """How many rounds they are in all."""
    return sum(map(len, rounds.values()))


def watch(fleet: FleetProcesses, seconds: float) -> None:
    """Remember every process that its workers have, for so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name in fleet.workers:
            fleet.processes(name)
        time.sleep(min(0.25, max(until - time.monotonic(), 0)))


def overlaps(fleet: FleetProcesses) -> tuple[int, int]:
    """(rounds, pairs of rounds of two jobs that ran on one device at once), by the clocks in the samples."""
    count = wrong = 0
    for name in fleet.workers:
        found: list[RoundAt] = []
        for path in fleet.samples(name):
            for line in map(json.loads, rounds_of(path)):
                spent = sum(cell["visit"]["spent_s"] for cell in line["cells"])
                found.append(RoundAt(line["at"] - spent, line["at"], path.name))
        found.sort()
        count += len(found)
        wrong += sum(later.begun < before.ended and later.job != before.job for before, later in pairwise(found))
    return count, wrong


def measured_cells(out: Path) -> tuple[int, int]:
    """(cells with a latency, cells)."""
    records = json.loads(out.read_text())["records"]
    return sum(record["latency_s"] is not None for record in records), len(records)


def lost_rounds(out: Path, seen: dict[tuple[str, str], set[str]]) -> tuple[int, int]:
    """(rounds that stood on a disk at a kill, those of them that the client's disk has not)."""
    kept = {line for path in out.with_suffix(".fleet").glob("*.samples.jsonl") for line in rounds_of(path)}
    every = {line for lines in seen.values() for line in lines}
    return len(every), len(every - kept)


class Killed(NamedTuple):
    """What became of a run whose workers were killed."""

    there: int
    """Cells with a latency."""
    cells: int
    jobs: int
    kills: int
    on_disk: int
    """Rounds that stood on the workers' disks at the kills."""
    lost: int
    """Those of them that are not in the client's files."""
    rounds: int
    overlapping: int
    """Rounds of two jobs at once on one device."""
    orphans: int
    wall_s: float
    said: list[str]


def kill_workers(folder: Path, cells: int, seconds: int, kills: int, workers: int = 3) -> Killed:
    """A sweep whose workers are killed so many times, each at a random moment."""
    chance, out, begun = random.Random(SEED), folder / "killed.json", time.monotonic()
    seen: dict[tuple[str, str], set[str]] = {}
    done = 0
    with started(folder, workers) as fleet, command(*sweep(fleet, out, cells, seconds)) as client:
        while client.poll() is None and done < kills:
            more, wait = total(on_disks(fleet)) + chance.randint(1, 14), chance.uniform(0, 3)  # a machine may be busy
            while client.poll() is None and total(on_disks(fleet)) < more:
                watch(fleet, 0.25)
            watch(fleet, wait)
            name = chance.choice(list(fleet.workers))
            held = on_disks(fleet)
            if client.poll() is None and fleet.kill_worker(name):
                done += 1
                for place, lines in held.items():
                    seen.setdefault(place, set()).update(lines)
        said, _ = client.communicate(timeout=1800)
        wall = time.monotonic() - begun
        rounds, wrong = overlaps(fleet)
        watch(fleet, 0.5)
    assert client.returncode == 0, said
    there, every = measured_cells(out)
    jobs, (on_disk, lost) = len(list(out.with_suffix(".fleet").glob("*.samples.jsonl"))), lost_rounds(out, seen)
    notes = [note for note in json.loads(out.read_text())["notes"] if "carried on" in note or "begun anew" in note]
    return Killed(there, every, jobs, done, on_disk, lost, rounds, wrong, len(fleet.orphans()), wall, notes)


def killed(folder: Path) -> list[str]:
    """Ten workers killed at random moments of a sweep of 60 cells on three."""
    found = kill_workers(folder, 60, 480, KILLS)
    return [
        f"- 3 workers, a sweep of {found.cells} cells in {found.jobs} jobs, {found.kills} times SIGKILL to a worker at a "
        f"random moment: **{found.there} of {found.cells} cells** have a latency, after {found.wall_s:.0f} s.",
        f"- Rounds that stood on the workers' disks at the kills: {found.on_disk}; of these {found.lost} are not in the "
        "client's files.",
        f"- Rounds of two jobs at once on one device: {found.overlapping} in {found.rounds} rounds, by the clocks in the "
        "samples.",
        f"- Processes of the workers that were left over at the end: {found.orphans}.",
        *(f"- The run says: {note}" for note in found.said),
    ]


def scheduler(folder: Path) -> list[str]:
    """The scheduler killed in a run, and started again at once; and for good, with another run that carries on."""
    lines, chance = [], random.Random(SEED)
    out = folder / "again.json"
    with started(folder, 2) as fleet:
        with command(*sweep(fleet, out, 13, 60)) as client:
            wait_until(lambda: (out.with_suffix(".fleet") / "001.json").exists(), "the first result", 300)
            time.sleep(chance.uniform(1, 5))
            fleet.kill_scheduler()
            time.sleep(3)
            fleet.start_scheduler()
            said, _ = client.communicate(timeout=1800)
        assert client.returncode == 0, said
        there, cells = measured_cells(out)
        lines.append(
            f"- Scheduler killed and started again 3 s later: the same command ends with **{there} of {cells} cells**."
        )
        out = folder / "gone.json"
        with command(*sweep(fleet, out, 13, 60)) as client:
            wait_until(lambda: (out.with_suffix(".fleet") / "001.json").exists(), "the first result", 300)
            fleet.kill_scheduler()
            said, _ = client.communicate(timeout=1800)
        over = len(list(out.with_suffix(".fleet").glob("*.samples.jsonl")))
        lines.append(
            f"- Scheduler killed for good: exit code {client.returncode}, {over} of 4 jobs are on the client's disk; "
            f"it says: `{_last(said)}`."
        )
        fleet.start_scheduler()
        with command(*sweep(fleet, out, 13, 60, "--resume", str(out.with_suffix(".fleet")))) as client:
            said, _ = client.communicate(timeout=1800)
        assert client.returncode == 0, said
        there, cells = measured_cells(out)
        lines.append(f"- A scheduler started again, and the command with `--resume`: **{there} of {cells} cells**.")
    lines.append(f"- Processes of the workers that were left over at the end: {len(fleet.orphans())}.")
    return lines


def _last(said: str) -> str:
    return re.sub(r"'[^']*/", "'", re.sub(r"--resume \S*/", "--resume ", said.strip().splitlines()[-1]))


def clients(folder: Path) -> list[str]:
    """Two clients at once on the same devices."""
    outs = [folder / "one.json", folder / "other.json"]
    with started(folder, 2) as fleet:
        with command(*sweep(fleet, outs[0], 7, 40)) as one, command(*sweep(fleet, outs[1], 7, 40)) as other:
            for each in (one, other):
                said, _ = each.communicate(timeout=1800)
                assert each.returncode == 0, said
        rounds, wrong = overlaps(fleet)
    told = " and ".join(f"{there} of {cells}" for there, cells in map(measured_cells, outs))
    return [
        f"- Two clients at once, 2 workers: **{told} cells**; rounds of two jobs at once on one device: {wrong} in {rounds}."
    ]


TASKS = 10_000
WORKERS = 2


def counted(batch: int) -> int:
    """Multiply-adds of LeNet-5 for so many samples, by closed form."""
    from profiler import profile

    return profile("lenet5", batch=batch).macs


def tasks(folder: Path) -> list[str]:  # noqa: ARG001  # every part takes a folder
    """Ten thousand counting tasks through the engine."""
    from profiler.fleet.connect import connected

    one = counted(1)
    begun = time.perf_counter()
    for batch in range(1, 1001):
        counted(batch)
    alone = (time.perf_counter() - begun) / 1000
    with connected(f"local:{WORKERS}", ["cpu"]) as client:
        client.gather(client.map(counted, range(1, 9)))
        begun = time.perf_counter()
        found = client.gather(client.map(counted, range(1, TASKS + 1), pure=False, batch_size=1000))
        wall = time.perf_counter() - begun
    assert found == [one * batch for batch in range(1, TASKS + 1)]
    each = wall / TASKS
    return [
        f"- {TASKS:,} counting tasks on {WORKERS} workers: {wall:.1f} s in all, results in order, {1e3 * each:.2f} ms a task; "
        f"the same function alone takes {1e3 * alone:.2f} ms. What the engine adds is at most **{1e3 * each:.2f} ms** a task."
    ]


PARTS: dict[str, tuple[str, Callable[[Path], list[str]]]] = {
    "killed": ("Workers killed", killed),
    "scheduler": ("The scheduler lost", scheduler),
    "clients": ("Two clients", clients),
    "tasks": ("Ten thousand tasks", tasks),
    "many": ("A thousand workers", many),
}


def written(title: str, lines: list[str]) -> None:
    """Put a section into the page, in the place of an earlier one."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    found = dict(re.findall(r"^## (.*)\n\n((?:(?!## ).*\n?)*)", text, re.MULTILINE))
    folded = [textwrap.fill(line, 100, subsequent_indent="  ", break_on_hyphens=False) for line in lines]
    found[title] = "\n".join(folded) + "\n"
    sections = [f"## {name}\n\n{found[name].strip()}\n" for name, _ in PARTS.values() if name in found]
    PAGE.write_text("\n".join([HEAD, *sections]), encoding="utf-8")


def main(names: list[str]) -> None:
    """Run parts of the proof."""
    for name in names or list(PARTS):
        title, part = PARTS[name]
        with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
            lines = part(Path(folder))
        print(f"## {title}", *lines, sep="\n", flush=True)
        written(title, lines)


if __name__ == "__main__":
    main(sys.argv[1:])
