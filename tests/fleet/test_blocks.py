"""What a fleet is without its processes: blocks and jobs of a run, its folder on disk, dispatching, and what never happens."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from profiler import BenchOptions
from profiler.errors import ProfilerError
from profiler.fleet.devices import FleetDevice
from profiler.fleet.dispatch import Call, Ended, Moved, dispatched, reason_of
from profiler.fleet.worker import run_worker
from profiler.measure.plan import Setting
from profiler.measure.samples import PROTOCOL
from profiler.records.fleet_notes import BegunAnew, CarriedOn, DevicesRank, MorePairs, OnDevice
from profiler.records.place import Place
from profiler.study.cells import counted
from profiler.study.fleet_blocks import Block, blocks_of, chosen
from profiler.study.fleet_folder import FleetFolder, SavedJob
from profiler.study.fleet_job import Measured
from profiler.study.models import grid_over

ROOT = Path(__file__).resolve().parents[2]
A, B, GPU = FleetDevice("10.0.0.1", "a", "cpu"), FleetDevice("10.0.0.2", "b", "cpu"), FleetDevice("10.0.0.2", "b", "cuda:0")
MACHINES: dict[str, dict[str, Any]] = {
    host: {"cpu": "one", "processors": 4, "threads": threads, "gpus": []}
    for host, threads in (("10.0.0.1", 2), ("10.0.0.2", 4))
}


def made(batches: str, devices: list[FleetDevice], spread: bool = False, **setting: Any) -> list[Block]:
    """The blocks of a benchmark of LeNet-5."""
    cells = grid_over(["lenet5"], Place(None, {}, None, None, None, batches), None).cells
    return blocks_of(counted(cells, "bench"), cells, [Setting(**{"threads": 0, **setting})], devices, MACHINES, spread)


def test_devices_that_an_option_names() -> None:
    def named(*names: str) -> list[FleetDevice]:
        return chosen([A, B, GPU], [Setting(name) for name in names])

    assert named("auto") == [A, B, GPU]
    assert named("cpu") == [A, B]
    assert named("cuda") == named("cuda:0") == [GPU]
    assert named("cuda:1") == []
    assert named("cpu", "cuda") == [A, B, GPU]


def test_a_block_a_device_and_all_cells_in_one_job() -> None:
    blocks = made("1,2,3", [A, GPU])
    assert [block.label for block in blocks] == ["a, cpu", "b, cuda:0"]
    assert [[part.members for part in block.parts] for block in blocks] == [[[0, 1, 2]], [[0, 1, 2]]]
    assert [(spec.batch, spec.setting.device, spec.setting.threads) for block in blocks for spec in block.specs] == [
        (batch, device, threads) for device, threads in (("cpu", 2), ("cuda:0", 4)) for batch in (1, 2, 3)
    ]
    assert [record["host"] for block in blocks for record in block.results] == ["a"] * 3 + ["b"] * 3


def test_equal_devices_share_the_cells_and_each_job_has_the_first() -> None:
    (block,) = made("1..9:1", [A, B], spread=True)
    assert [part.members for part in block.parts] == [[0, 1, 2, 3], [0, 4, 5, 6], [0, 7, 8]]
    assert all(list(part.devices) == [A, B] for part in block.parts)
    (alone,) = made("1", [A, B], spread=True)
    assert [part.members for part in alone.parts] == [[0]]
    on_gpu = block.parts[2].on(GPU, block.specs)
    assert [(spec.batch, spec.setting.device) for spec in on_gpu] == [(1, "cuda:0"), (8, "cuda:0"), (9, "cuda:0")]


def test_devices_that_cannot_share() -> None:
    with pytest.raises(ProfilerError, match="--spread takes devices of one kind, and there are cpu and cuda:0"):
        made("1,2", [A, GPU], spread=True)
    other = MACHINES | {"10.0.0.2": {**MACHINES["10.0.0.2"], "cpu": "another"}}
    cells = grid_over(["lenet5"], Place(None, {}, None, None, None, "1,2"), None).cells
    with pytest.raises(ProfilerError, match="--spread takes equal machines: a has cpu one, and b another"):
        blocks_of(counted(cells, "bench"), cells, [Setting(threads=1)], [A, B], other, True)
    with pytest.raises(ProfilerError, match="threads '5' are more than the 4 processors of a"):
        made("1", [A], threads=5)


# The folder


def kept(path: Path, number: int = 0) -> FleetFolder:
    """A folder with one job that is over: a round of one cell."""
    (block,) = made("1", [A])
    folder = FleetFolder.new([path], "bench")
    folder.jobs.append(SavedJob(((A.host, A.label, A.device),), (block.specs[0].key,)))
    folder.write_jobs()
    head = {"what": "run", "protocol": PROTOCOL, "command": "bench", "cells": [block.specs[0].key]}
    samples = zlib.compress((json.dumps(head) + "\n").encode())
    folder.keep(0, A, Measured(samples, (1e-3,), (False,), {"cpu": "one"}, 3))
    return folder


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    folder = kept(tmp_path / "run.json")
    again = FleetFolder.resumed(folder.path, "bench")
    assert (again.run, again.jobs) == (folder.run, folder.jobs)
    over = again.over(0, lambda device: folder.jobs[0].cells)
    assert over is not None
    assert (over.device, over.machine, over.carried_on, over.run.outcomes[0].known_s) == (A, {"cpu": "one"}, 3, 1e-3)
    assert again.over(1, lambda device: ()) is None


def test_an_earlier_run_beside_the_same_output_is_moved_aside(tmp_path: Path) -> None:
    runs = [kept(tmp_path / "run.json").run for _ in range(3)]
    found = [
        json.loads((tmp_path / name / "fleet.json").read_text())["run"] for name in ("run.fleet~", "run.fleet~2", "run.fleet")
    ]
    assert found == runs


EDITS: list[tuple[str, Any]] = [
    ("fleet.json", "["), ("fleet.json", "[]"), ("fleet.json", '{"run": "../x"}'), ("fleet.json", ("run", "../../x")), ("fleet.json", ("protocol", 1)),
    ("fleet.json", ("command", "sweep")), ("fleet.json", ("jobs", [1])), ("001.json", ("device", ["a"])), ("001.json", ("known_s", ["1"])),
    ("001.json", ("known_s", [])), ("001.json", ("machine", 3)), ("001.json", "\x00"), ("001.samples.jsonl", "{}"), ("001.samples.jsonl", ""),
    ("001.samples.jsonl", '{"what": "run", "cells": []}\n{"what": "import os"}\n'), ("001.samples.jsonl", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edit"), EDITS)
def test_a_folder_that_anybody_edits_ends_in_a_sentence(name: str, edit: Any, tmp_path: Path) -> None:
    folder = kept(tmp_path / "run.json")
    file = folder.path / name
    if edit is None:
        file.unlink()
    elif isinstance(edit, str):
        file.write_text(edit)
    else:
        file.write_text(json.dumps(json.loads(file.read_text()) | {edit[0]: edit[1]}))
    with pytest.raises(ProfilerError) as raised:
        FleetFolder.resumed(folder.path, "bench").over(0, lambda device: folder.jobs[0].cells)
    assert "\n" not in str(raised.value)


# Dispatching, on workers in this process


@pytest.fixture
def client() -> Iterator[Any]:
    import distributed

    workers = [
        {"cls": distributed.Worker, "options": {"nthreads": 3, "host": f"127.0.0.{i}", "resources": {"cpu": 1}}} for i in (1, 2)
    ]
    scheduler = {"cls": distributed.Scheduler, "options": {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0"}}
    with (
        distributed.SpecCluster(dict(enumerate(workers)), scheduler) as cluster,
        distributed.Client(cluster, set_as_default=False) as made,
    ):
        yield made


def _spans(seconds: float) -> tuple[float, float]:
    import time

    begun = time.monotonic()
    time.sleep(seconds)
    return begun, time.monotonic()


def _fails(number: int) -> int:
    raise ProfilerError(f"number {number}")


def test_one_call_at_a_time_on_a_device_however_many_threads(client: Any) -> None:
    here = [FleetDevice(f"127.0.0.{i}", f"board{i}", "cpu") for i in (1, 2)]
    calls = [Call(f"call{i}", lambda device: 0.05, here) for i in range(10)]
    calls += [Call("mine", lambda device: 0.05, here[1:])]
    ends = [event for event in dispatched(client, _spans, calls) if isinstance(event, Ended)]
    assert sorted(end.number for end in ends) == list(range(11))
    assert next(end.device for end in ends if end.number == 10) == here[1]
    for device in here:
        spans = sorted(end.value for end in ends if end.device == device)
        assert spans
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_a_call_that_fails_is_over_with_its_reason(client: Any) -> None:
    (end,) = [
        e
        for e in dispatched(client, _fails, [Call("x", lambda d: 7, [FleetDevice("127.0.0.1", "x", "cpu")])])
        if isinstance(e, Ended)
    ]
    assert (end.value, end.reason) == (None, "number 7")


def test_a_machine_that_is_gone(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its call moves to another that may do it, else it is over with a reason."""
    monkeypatch.setattr("profiler.fleet.dispatch.RETURN_S", 0.2)
    monkeypatch.setattr("profiler.fleet.dispatch.LOOK_S", 0.1)
    gone, here = FleetDevice("127.0.0.77", "gone", "cpu"), FleetDevice("127.0.0.1", "here", "cpu")
    calls = [Call("moves", lambda device: 0.01, [gone, here]), Call("ends", lambda device: 0.01, [gone])]
    events = list(dispatched(client, _spans, calls))
    ends = {event.number: event for event in events if isinstance(event, Ended)}
    assert (ends[0].device, ends[0].reason) == (here, "")
    assert ends[1].reason == "gone left the fleet and was not back within 0.2 s"
    assert [event for event in events if isinstance(event, Moved)] in ([Moved(0, gone)], [])


def test_why_a_call_failed() -> None:
    import distributed

    killed: Any = distributed.KilledWorker
    assert reason_of(killed("x", None, 2)) == "3 workers died of it, one after the other"
    assert reason_of(ValueError("a\nb")) == "ValueError: a b"


# What is said, and what never happens


def test_notes_in_words() -> None:
    assert str(OnDevice("pi, cpu", "a note")) == "pi, cpu: a note"
    assert str(CarriedOn(1, 40, ("pi",))) == "1 job was carried on with 40 rounds that stood on the disk of pi."
    assert str(BegunAnew(2, ("pi",))) == "2 jobs were begun anew on another machine, since pi left the fleet."
    assert str(DevicesRank("a", "b", 5, 0.9)) == "Spearman's rank correlation of the latencies on a and b, over 5 cells: 0.90."
    assert str(MorePairs(3, 0.5)).startswith("Rank correlations of 3 more pairs of devices: 0.50 or more")


@pytest.mark.parametrize("table", ["tool.profiler", "tool.profiler.bench"])
def test_no_file_of_settings_names_a_fleet(table: str, tmp_path: Path) -> None:
    """A foreign checkout must not have anybody's results unpickled from its own scheduler."""
    (tmp_path / "pyproject.toml").write_text(f'[{table}]\nfleet = "tcp://127.0.0.1:9"\n')
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", "bench", "lenet5"], cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert re.search("fleet.* (must be a table|it says what code is run)", ran.stderr)


def test_nothing_listens_beyond_loopback() -> None:
    with pytest.raises(ProfilerError, match=r"cannot reach a worker that listens on loopback alone; give --host"):
        run_worker("tcp://192.0.2.1:8786", ["cpu"], print)
    with pytest.raises(ProfilerError, match=r"unknown (fleet|scheduler) address"):
        run_worker("192.0.2.1", ["cpu"], print)
    listening = subprocess.run(
        [sys.executable, "-c", LISTENS], cwd=ROOT, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT), "PATH": ""}
    )  # fmt: skip
    assert listening.returncode == 0, listening.stderr
    addresses = json.loads(listening.stdout)
    assert len(addresses) >= 3  # the scheduler, the nanny, its worker
    assert all(address.startswith("127.") for address in addresses)


LISTENS = """
import json, os, pathlib
from profiler.fleet.connect import connected
from benchmarks.fleet_processes import children
if __name__ == "__main__":
    with connected("local:1"):
        ours = [os.getpid(), *children(os.getpid())]
        sockets = set()
        for process in ours:
            for link in pathlib.Path(f"/proc/{process}/fd").iterdir():
                try:
                    sockets.add(os.readlink(link))
                except OSError:
                    pass
        lines = [line.split() for line in open("/proc/net/tcp").read().splitlines()[1:]]
        mine = [each[1].split(":")[0] for each in lines if each[3] == "0A" and f"socket:[{each[9]}]" in sockets]
        six = [line.split() for line in open("/proc/net/tcp6").read().splitlines()[1:]]
        mine += ["six" for each in six if each[3] == "0A" and f"socket:[{each[9]}]" in sockets]
        print(json.dumps([".".join(str(b) for b in reversed(bytes.fromhex(a))) if a != "six" else a for a in mine]))
"""


def test_settings_of_a_fleet_are_checked_before_it_is_asked() -> None:
    options = BenchOptions(fleet="local:1", device="cpu,cuda", threads="1,2", dtype="fp32,bf16")
    assert len(options.settings()) == 2 * 2 * 2
    for wrong in ({"threads": "x"}, {"dtype": "fp12"}, {"memory_format": "x"}, {"threads": 1.5}, {"threads": -1}):
        with pytest.raises(ProfilerError):
            BenchOptions(fleet="local:1", **wrong).settings()
