"""Cells on a fleet of real processes on loopback: blocks by device, one job at a time on each, and what comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import spearmanr

from benchmarks.fleet_processes import ROOT, FleetProcesses, started
from profiler import BenchOptions, bench, layers, sweep
from profiler.errors import ProfilerError
from profiler.records.results import Results
from profiler.study.fleet_status import fleet_status

BENCH = ("lenet5", "--batch", "1,2,4", "--threads", "1", "--time", "6s")


def run(*words: str, rc: int = 0) -> subprocess.CompletedProcess[str]:
    """The command line, as a user runs it."""
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", *words], capture_output=True, text=True, cwd=ROOT, check=False, timeout=600
    )
    assert ran.returncode == rc, ran.stdout + ran.stderr
    return ran


def asked(fleet: FleetProcesses, model: str = "lenet5", **options: Any) -> Results:
    """The same in this process."""
    given: dict[str, Any] = {"threads": 1, "time": "6s", **options}
    return bench(model, batch="1,2,4", bench=BenchOptions(fleet=fleet.address, **given))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetProcesses]:
    """Two workers by `profiler fleet worker`."""
    with started(tmp_path_factory.mktemp("fleet"), 2) as made:
        yield made


@pytest.fixture(scope="module")
def measured(fleet: FleetProcesses, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What a benchmark on both wrote, and printed."""
    path = tmp_path_factory.mktemp("run") / "run.json"
    ran = run("bench", *BENCH, "--fleet", fleet.address, "-o", str(path))
    return path, ran.stdout


def test_a_block_a_device_with_ratios_of_its_own(measured: tuple[Path, str]) -> None:
    path, printed = measured
    document = json.loads(path.read_text())
    records = document["records"]
    assert [(r["host"], r["device"], r["batch"]) for r in records] == [
        (host, "cpu", batch) for host in ("board1", "board2") for batch in (1, 2, 4)
    ]
    assert all(record["threads"] == 1 for record in records)
    # the first of each block is what the others of that block are divided by
    assert [record["ratio"] is None for record in records] == [
        record["batch"] == 1 or record["latency_s"] is None for record in records
    ]
    assert printed.splitlines()[0] == "lenet5; 2 devices of a fleet, fp32; 6 s for all cells on each"
    assert printed.splitlines()[1].split()[:3] == ["host", "model", "batch"]
    machines = document["environment"]["machine"]["fleet"]["machines"]
    assert [(each["host"], each["device"]) for each in machines] == [("board1", "cpu"), ("board2", "cpu")]
    assert all(each["cpu"] and each["workers"] for each in machines)


def test_devices_are_ranked_by_scipy(measured: tuple[Path, str]) -> None:
    records = json.loads(measured[0].read_text())["records"]
    found = json.loads(measured[0].read_text())["environment"]["machine"]["fleet"]["rank_correlations"]
    ours, theirs = ([r["latency_s"] for r in records if r["host"] == host] for host in ("board1", "board2"))
    if None in [*ours, *theirs]:  # too busy a machine for ten rounds
        return
    (rank,) = found
    assert (rank["one"], rank["other"], rank["cells"]) == ("board1, cpu", "board2, cpu", 3)
    assert rank["rank"] == float(spearmanr(ours, theirs).statistic)


def test_the_samples_are_the_workers_own(fleet: FleetProcesses, measured: tuple[Path, str]) -> None:
    """What stands on this disk is what each worker wrote as its rounds ended; each round says when it did."""
    folder = measured[0].with_suffix(".fleet")
    for number, name in enumerate(("board1", "board2"), 1):
        here = (folder / f"{number:03}.samples.jsonl").read_text()
        assert here in [path.read_text() for path in fleet.samples(name)]
        rounds = [json.loads(line) for line in here.splitlines() if '"what": "round"' in line]
        assert [each["at"] for each in rounds] == sorted(each["at"] for each in rounds)


def test_a_run_that_is_over_is_read_and_not_measured_again(fleet: FleetProcesses, measured: tuple[Path, str]) -> None:
    document = json.loads(measured[0].read_text())
    again = asked(fleet, resume=measured[0].with_suffix(".fleet"))
    assert json.loads(json.dumps(again.to_dict()["records"])) == document["records"]
    assert again.to_dict()["environment"]["machine"]["fleet"]["run"] == document["environment"]["machine"]["fleet"]["run"]
    with pytest.raises(ProfilerError, match="it holds other cells than this run"):
        asked(fleet, "vgg11", resume=measured[0].with_suffix(".fleet"))


def test_the_status(fleet: FleetProcesses, measured: tuple[Path, str]) -> None:
    said: list[dict[str, Any]] = json.loads(run("fleet", "status", fleet.address, "-f", "json").stdout)["records"]
    assert [(each["host"], each["device"], each["running"]) for each in said] == [
        ("board1", "cpu", None),
        ("board2", "cpu", None),
    ]
    grades = [
        {r["grade"] or "none" for r in json.loads(measured[0].read_text())["records"] if r["host"] == e["host"]} for e in said
    ]
    assert [set(each["grades"].replace(",", "").split()[1::2]) for each in said] == grades
    assert all(each["versions"].startswith("as here: profiler") and each["last"] for each in said)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"device": "cuda:3"}, "device 'cuda:3' is on no worker of the fleet"),
        ({"device": "cuda"}, "announce no device that --device cuda names, but cpu"),
        ({"threads": 9999}, "threads '9999' are more than the"),
        ({"resume": "absent.fleet"}, "is not the folder of a run on a fleet"),
        ({"resume": __file__}, "is not the folder of a run on a fleet"),
    ],
)
def test_what_a_fleet_cannot_do_is_refused(fleet: FleetProcesses, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ProfilerError) as raised:
        asked(fleet, **options)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_options_that_go_together() -> None:
    assert "--spread has no effect without --fleet" in run("bench", "lenet5", "--spread", rc=2).stderr
    assert (
        "--layers measures layers on this machine only" in run("bench", "lenet5", "--layers", "--fleet", "local:1", rc=2).stderr
    )
    with pytest.raises(ProfilerError, match="--measure predicts cells from others of one machine"):
        sweep("lenet5", batch="1..8:1", engine="closed", bench=BenchOptions(fleet="local:1", measure=4))
    with pytest.raises(ProfilerError, match="a fleet measures for bench, compare and sweep alone"):
        layers("lenet5", bench=BenchOptions(fleet="local:1"))


PLAIN = (
    "distributed.cli.dask_worker", "--nthreads", "3", "--host", "127.0.0.3", "--resources", "cpu=1", "--no-dashboard", "--name", "plain",
)  # fmt: skip


def test_a_worker_of_another_version_is_refused_by_name(fleet: FleetProcesses, tmp_path: Path) -> None:
    """A plain dask worker, whose profiler says that it is another one."""
    other = tmp_path / "other"
    (other / "profiler").mkdir(parents=True)
    for part in (ROOT / "profiler").iterdir():
        if part.name != "version.py":
            (other / "profiler" / part.name).symlink_to(part)
    (other / "profiler" / "version.py").write_text('"""Another."""\n\n__version__ = "0.0.9"\n')
    (other / "archs").symlink_to(ROOT / "archs")
    (other / "cli.py").symlink_to(ROOT / "cli.py")
    made = FleetProcesses(tmp_path, {"PYTHONPATH": str(other)})
    made.port, made.code = fleet.port, other
    made.start_worker(3, ("distributed.cli.dask_worker", fleet.address, *PLAIN[1:]))
    try:
        made.wait_for_workers()
        with pytest.raises(ProfilerError, match=r"^worker plain \(tcp://127\.0\.0\.3:\d+\) has profiler 0\.0\.9, and this is"):
            asked(fleet)
        assert fleet_status(fleet.address)[2]["versions"].startswith("differ: profiler 0.0.9")
    finally:
        made.end()
    assert not made.orphans()
