"""Workers, schedulers and clients of a fleet that end in the middle: nothing is lost, nothing is left over. Real processes."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from benchmarks.fleet import clients, command, kill_workers, measured_cells, scheduler, sweep
from benchmarks.fleet_processes import FleetProcesses, children, started, wait_until
from profiler import BenchOptions, bench

pytestmark = pytest.mark.full


def test_workers_that_are_killed(tmp_path: Path) -> None:
    found = kill_workers(tmp_path, cells=9, seconds=60, kills=3, workers=2)
    assert (found.there, found.cells, found.kills) == (9, 9, 3)
    assert (found.lost, found.overlapping, found.orphans) == (0, 0, 0)
    assert found.on_disk > 0


def test_a_scheduler_that_is_killed(tmp_path: Path) -> None:
    again, gone, resumed, left = scheduler(tmp_path)
    assert "**13 of 13 cells**" in again
    assert "exit code 3" in gone
    assert "carry on with --resume" in gone
    assert "**13 of 13 cells**" in resumed
    assert left.endswith("at the end: 0.")


def test_two_clients_at_once(tmp_path: Path) -> None:
    (line,) = clients(tmp_path)
    assert "**7 of 7 and 7 of 7 cells**" in line
    assert "on one device: 0 in" in line


def lines(fleet: FleetProcesses, name: str) -> int:
    """Lines of samples on the disk of a worker's machine."""
    return sum(len(path.read_text().splitlines()) for path in fleet.samples(name))


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_its_jobs_and_is_carried_on(sign: signal.Signals, tmp_path: Path) -> None:
    """The processes that measure end with the command; their rounds stay on their disks, and the next command takes them."""
    out = tmp_path / "run.json"
    with started(tmp_path, 2) as fleet:
        with command(*sweep(fleet, out, 5, 600)) as client:
            wait_until(lambda: all(lines(fleet, name) > 6 for name in fleet.workers), "some rounds on each")
            client.send_signal(sign)
            said, _ = client.communicate(timeout=120)
        assert client.returncode == 130, said

        def measuring() -> list[int]:
            every = [process for name in fleet.workers for process in children(fleet.workers[name].pid)]
            return [each for each in every if b"measure.worker" in Path(f"/proc/{each}/cmdline").read_bytes()]

        wait_until(lambda: not measuring(), "the end of what measured", 30)
        with command(*sweep(fleet, out, 5, 30, "--resume", str(out.with_suffix(".fleet")))) as client:
            said, _ = client.communicate(timeout=600)
        assert client.returncode == 0, said
    assert measured_cells(out) == (5, 5)
    assert any("carried on with" in note for note in json.loads(out.read_text())["notes"])
    assert not fleet.orphans()


def test_a_job_that_ends_its_workers_is_given_up(tmp_path: Path) -> None:
    """A module that kills the process that measures it, and that process's parent; dask sends it to three workers."""
    (tmp_path / "killer.py").write_text(
        "import os, signal\nimport torch\n\n\nclass Killer(torch.nn.Linear):\n"
        "    def __init__(self):\n        super().__init__(4, 4)\n\n"
        "    def forward(self, x):\n"
        "        if x.device.type != 'meta' and 'FLEET_WORKER' in os.environ:\n"
        "            os.kill(os.getppid(), signal.SIGKILL)\n"
        "        return super().forward(x)\n"
    )
    before = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "FLEET_WORKER", "1")
        found = bench(f"{tmp_path}/killer.py:Killer", input="4", bench=BenchOptions(fleet="local:1", threads=1, time="4s"))
    assert time.monotonic() - before < 600
    assert [record["latency_s"] for record in found] == [None]
    assert "3 workers died of it" in found[0]["reason"]
