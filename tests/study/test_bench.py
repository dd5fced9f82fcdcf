"""Real runs, short ones: every measuring command on a small network, by its real workers, paced so that no speed matters."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import profiler
from profiler import ProfilerError, benchmark
from profiler.errors import UnknownName
from profiler.load.load import in_closed_form as load
from profiler.load.load import load as load_any
from profiler.measure import plan
from profiler.measure.grades import Reading
from profiler.measure.outcomes import Outcome, Round
from profiler.measure.plan import Budget, Setting, Spec, groups, memory_of
from profiler.measure.pool import Pool
from profiler.measure.protocol import Scheduler
from profiler.measure.visits import CellFailed, Prepared, Visit, Warmed
from profiler.measure.workloads import NetworkWorkload, Spin
from profiler.records.columns import MEASURED_COLUMNS
from profiler.records.profile import Row
from profiler.records.timing import LayerTiming, Roofs
from profiler.study.bench import bench
from profiler.study.bench_options import BenchOptions, seconds_of
from profiler.study.cells import Cell
from profiler.study.layers import bytes_of, layers
from profiler.study.leaf_rows import rows_of
from profiler.study.measuring import spec_of, specs_of, timing
from profiler.study.sweep import sweep
from tests.measure.paced import PACE, ROOT, Paced, install, run

SMALL = "mobilenet_v1@alpha=0.25,resolution=32"
TINY = "lenet5"
QUICK = "3s"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and locks, so that what else is measured on the machine is not waited for; a clock too."""
    install(monkeypatch.setattr)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "profiler"


def quick(**given: Any) -> BenchOptions:
    return BenchOptions(device="cpu", threads=1, time=QUICK, **given)


def test_bench_over_settings(cache: Path) -> None:
    found = bench(TINY, bench=quick(dtype="fp32,bf16", memory_format="contiguous,channels_last"), batch="1,2")
    assert len(found) == 8
    assert {(r["batch"], r["dtype"], r["memory_format"]) for r in found} == {
        (b, d, m) for b in (1, 2) for d in ("fp32", "bf16") for m in ("contiguous", "channels_last")
    }
    for record in found:
        assert set(MEASURED_COLUMNS) <= set(record)
        low, middle, high = (record[f"latency_{name}s"] for name in ("low_", "", "high_"))
        assert 0 < low <= middle <= high
        assert record["images_per_second"] == pytest.approx(record["batch"] / middle)
        assert record["grade"] in list("ABCD")
        assert record["samples"] >= record["rounds"] >= 10
        assert (record["first_call_s"] or 0.0) > 0
    assert found[0]["ratio"] is None
    assert all(r["verdict"] in ("faster", "slower", "same", "unclear") for r in found[1:])
    assert found.machine is not None
    assert found.machine["workers"][0]["threads"] == 1
    (file,) = cache.glob("bench-*.samples.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["facts"]["threads"] for line in lines if line["what"] == "worker"] == [1, 1]  # one for each dtype
    rounds = [line for line in lines if line["what"] == "round"]
    for cell, record in enumerate(found):
        key = lines[0]["cells"][cell]
        samples = [len(c["visit"]["seconds"]) for line in rounds for c in line["cells"] if c["cell"] == key]
        assert (len(samples), sum(samples)) == (record["rounds"], record["samples"])


def test_a_sweep_is_ranked_and_its_best_cells_are_marked() -> None:
    found = sweep("mobilenet_v1", alpha="0.25,0.5", resolution="32,64", engine="closed", bench=quick())
    assert all(record["pareto"] in (True, False) for record in found)
    latency = [record["latency_s"] for record in found]
    fastest = min(range(4), key=lambda i: latency[i] or 0.0)
    assert found[fastest]["pareto"]
    assert any("Spearman's rank correlation with latency over 4 cells: MACs" in str(note) for note in found.notes)
    assert any("no other cell has more MACs at a lower latency" in str(note) for note in found.notes)


def test_training_steps_and_epochs() -> None:
    found = bench("lenet5", bench=quick(train=True, optimizer="adam", dataset_size="1000"))
    (record,) = found
    assert (record["mode"], record["optimizer"], record["batch"], record["dataset_size"]) == ("train", "adam", 32, 1000)
    assert record["latency_s"] is not None
    assert record["epoch_s"] == pytest.approx(record["latency_s"] * 32)  # ⌈1000 / 32⌉ steps


def test_layers_partition_the_plain_run() -> None:
    measured = layers(SMALL, bench=quick())
    results, (found,) = measured.results, measured.layers
    rows = load(SMALL).profile().rows
    assert [row.row.path for row in found.rows] == [row.path for row in rows]
    assert [row.row for row in found.rows] == list(rows)
    assert found.timing.latency_s is not None
    assert sum(row.seconds for row in found.rows) == pytest.approx(found.timing.latency_s)
    assert sum(row.share for row in found.rows) == pytest.approx(1.0)
    assert found.instrumented > 0
    assert results[0]["latency_s"] == found.timing.latency_s
    kinds = found.by_kind()
    assert sum(len(members) for members in kinds.values()) == len(rows)
    for refused, said in ((quick(compile=True), "torch.compile fuses them"), (quick(train=True), "leave out --train")):
        with pytest.raises(ProfilerError, match=said):
            layers(SMALL, bench=refused)


def test_bytes_and_bounds_by_hand() -> None:
    rows = {row.path: row for row in load("mobilenet_v1").profile(batch=2).rows}
    conv = rows["stem.conv"]
    # fp32: 3·3·3·32 weights, 2·3·224² in, 2·32·112² out
    assert bytes_of(conv, 4) == 4 * (3 * 3 * 3 * 32 + 2 * 3 * 224 * 224 + 2 * 32 * 112 * 112)
    assert bytes_of(rows["head.flatten"], 4) == 0  # a view
    roofs = Roofs(1e9, ((1 << 20, 1e10), (1 << 30, 1e9)), {"conv": 1e-5, "other": 1e-6})
    assert roofs.bound("depthwise", 10**9, 1000) == ("compute", 1.0)
    assert roofs.bound("norm", 0, 1 << 20) == ("memory", (1 << 20) / 1e10)
    assert roofs.bound("norm", 0, (1 << 20) + 1) == ("memory", ((1 << 20) + 1) / 1e9)
    assert roofs.bound("conv", 1, 1) == ("overhead", 1e-5)
    assert roofs.bound("activation", 1, 1) == ("overhead", 1e-6)


def test_what_a_lookup_moves_and_what_no_roof_explains() -> None:
    embedding = Row(
        "e", "embedding", "embedding", "Embedding", {}, ((1, 16),), (1, 16, 64), 10**6 * 64, 0, 0, 0, 0, 1024, 0, False
    )
    # its indices, and the vectors that they name, read and written: not the table
    assert bytes_of(embedding, 4) == 8 * 16 + 4 * 2 * 16 * 64
    row = load("mobilenet_v1").profile().rows[0]
    assert LayerTiming(row, 1.0, 1.0, 0, "compute", 0.5).bound == "compute"
    assert LayerTiming(row, 1.0, 1.0, 0, "compute", 0.2).bound == "kernel"


def test_rows_of_leaves_that_are_not_rows() -> None:
    row = Row("a.scores", "matmul", "matmul", "", {}, ((1, 2),), (1, 3), 0, 0, 0, 0, 6, 0, 3, False)
    linear = row._replace(path="b", op="linear", kind="linear", weights=6, macs=12)
    below = [row._replace(path="c.x", macs=1), row._replace(path="c.y", macs=5, op="attention", kind="attention")]
    found = rows_of([row, linear, *below], ["b", "c", "d"])
    assert found["b"].macs == 6 + 12  # what no leaf owns is where its time is: in the leaf that ends next
    assert (found["b"].kind, found["b"].weights) == ("linear", 6)
    assert (found["c"].macs, found["c"].kind) == (1 + 5, "attention")
    assert (found["d"].macs, found["d"].op) == (0, "unknown")


def test_benchmark_of_a_name_and_of_a_module() -> None:
    from torch import randn

    found = benchmark(SMALL, device="cpu", threads=1, time=QUICK, batch=2)
    assert (found.model, found.batch, found.mode) == ("mobilenet_v1", 2, "infer")
    assert found.latency_s is not None
    assert found.images_per_second == 2 / found.latency_s
    assert repr(found).startswith("Timing(mobilenet_v1: ")
    assert json.loads(json.dumps(found.to_dict()))["latency_s"] == found.latency_s
    own = benchmark(nn.Linear(3, 4), args=(randn(5, 3),), device="cpu", threads=1, time=QUICK)
    assert (own.model, own.batch) == ("Linear", 5)
    assert own.latency_s is not None
    shaped = benchmark(nn.Conv2d(3, 4, 3), input=(3, 8, 8), batch=6, device="cpu", threads=1, time=QUICK, train=True)
    assert (shaped.batch, shaped.mode) == (6, "train")
    with pytest.raises(ProfilerError, match=r"cannot infer the input of .*Linear"):
        benchmark(nn.Linear(3, 4))
    with pytest.raises(ProfilerError, match=r"args and kwargs need a torch\.nn\.Module"):
        benchmark("lenet5", args=(1,))
    broken = benchmark(nn.Linear(3, 4), args=(randn(5, 7),), device="cpu", threads=1, time=QUICK)
    assert broken.latency_s is None
    assert broken.reason.startswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied")


class Pair(NamedTuple):
    x: Tensor
    y: list[Tensor]


class Sum(nn.Module):
    """Takes what other modules hand on as a named tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, pair: Pair) -> Pair:
        return Pair(self.fc(pair.x), [self.fc(pair.y[0])])


@pytest.mark.parametrize("train", [pytest.param(False, marks=pytest.mark.full), True])
def test_benchmark_of_a_named_tuple(train: bool) -> None:
    """Given as args, and trained as well."""
    pair = Pair(torch.ones(2, 3), [torch.zeros(2, 3)])
    found = benchmark(Sum(), args=(pair,), device="cpu", threads=1, time="1s", train=train)
    assert (found.model, found.batch, found.mode, found.device) == ("Sum", 2, "train" if train else "infer", "cpu")
    assert found.latency_s is not None, found.reason


OWN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, width, 3), nn.Linear(width, 5)

    def forward(self, x):
        x = torch.relu(self.conv(x)).mean((2, 3))
        return self.fc(x @ torch.ones(x.shape[1], x.shape[1], dtype=x.dtype))
"""


def test_a_reference_is_measured_and_its_leaves_are_clocked(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(OWN)
    reference = f"{tmp_path / 'net.py'}:Net"
    clocked = layers(reference, input="3x8x8", batch=2, bench=quick(), options={"width": "6"})
    results, (own,) = clocked.results, clocked.layers
    assert results[0]["macs"] == 2 * (9 * 3 * 6 * 6 * 6 + 6 * 6 + 6 * 5)
    by_path = {row.row.path: row.row.macs for row in own.rows}
    # the product that no leaf owns stands with the leaf that ends after it
    assert by_path == {"conv": 2 * 9 * 3 * 6 * 6 * 6, "fc": 2 * (6 * 6 + 6 * 5)}
    measured = bench(f"{reference}@input=3x8x8", batch=2, bench=quick())
    assert (measured[0]["latency_s"] or 0.0) > 0
    assert measured[0]["alpha"] is None


def test_a_cell_that_cannot_be_measured_is_its_own_reason() -> None:
    found = bench("mobilenet_v1@resolution=32", TINY, batch=1, bench=quick(train=True))
    assert found[0]["latency_s"] is None
    assert found[0]["reason"] == "batch normalisation cannot be trained on one sample a channel; give a larger --batch"
    assert found[1]["latency_s"] is not None
    assert found[1]["ratio"] is None


def test_networks_are_not_mistaken_for_each_other_in_a_file(tmp_path: Path) -> None:
    """The same network twice is two cells; a network that changed under its name is another."""
    (tmp_path / "net.py").write_text(OWN)
    reference = f"{tmp_path / 'net.py'}:Net@input=3x8x8"

    def keys() -> list[str]:
        cells = [Cell(load_any(model), 1) for model in (TINY, TINY, reference)]
        return [spec.key for spec in specs_of(cells, [Setting()])]

    first = keys()
    assert len(set(first)) == 3
    assert keys() == first
    (tmp_path / "net.py").write_text(OWN.replace("torch.relu", "torch.tanh"))
    assert keys()[:2] == first[:2]
    assert keys()[2] != first[2]


HOSTILE = """
import os, subprocess, sys, time
from torch import nn

class Reader(nn.Linear):
    def __init__(self):
        super().__init__(3, 3)

    def forward(self, x):
        assert sys.stdin.readline() == ""
        assert subprocess.run(["head", "-c", "1"], capture_output=True).stdout == b""
        print("noise")
        os.write(1, b"noise")
        return super().forward(x)

class Leaver(nn.Linear):
    def __init__(self):
        super().__init__(3, 3)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls == 30:
            os._exit(3)
        return super().forward(x)

class Sleeper(Leaver):
    def forward(self, x):
        self.calls += 1
        if self.calls == 30:
            time.sleep(600)
        return nn.Linear.forward(self, x)
"""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Reader", ""),
        ("Leaver", "its process ended unexpectedly (exit code 3)"),
        pytest.param("Sleeper", "no answer for 10 s", marks=pytest.mark.full),  # a first call that hangs is in test_workers.py
    ],
)
def test_measured_code_may_read_write_leave_and_hang(tmp_path: Path, name: str, reason: str) -> None:
    """Its own is the reason; the other cell, in the same worker, has its figure."""
    (tmp_path / "hostile.py").write_text(HOSTILE)
    hostile, tiny = load_any(f"{tmp_path / 'hostile.py'}:{name}", input="3"), load_any(TINY)
    cells = [spec_of(network, 1, Setting()) for network in (hostile, tiny)]
    with Paced(cells, patience_s=10.0) as pool:
        scheduler = Scheduler(cells, pool, Budget(2.0), PACE.perf_counter, random.Random(0))
        run = scheduler.measure()
    assert run.outcomes[0].reason.startswith(reason)
    assert bool(run.outcomes[0].reason) == bool(reason)
    assert timing(cells[1], run.outcomes[1]).latency_s is not None


def test_a_worker_of_other_facts_is_refused_on_resume(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    bench(TINY, bench=quick(outputs=(out,)))
    samples = tmp_path / "run.samples.jsonl"
    samples.write_text(re.sub(r'"cpu_capability": "[^"]*"', '"cpu_capability": "ABACUS"', samples.read_text()))
    with pytest.raises(ProfilerError, match="measured with cpu_capability ABACUS, and this run has"):
        bench(TINY, SMALL, bench=quick(outputs=(out,), resume=samples))


def test_a_worker_that_dies_is_a_reason_and_its_other_cells_go_on() -> None:
    network = load(TINY)
    cells = [Spec(NetworkWorkload(TINY, network.value, network.inputs), 1, Setting(), {"cell": i}) for i in range(2)]
    with Pool(cells) as pool:
        for number in (0, 1):
            pool.prepare(number)
        pool.workers[cells[0].state].kill()
        with pytest.raises(CellFailed, match=r"its process was killed \(signal 9\), as the system does when memory runs out"):
            pool.visit(0, 0, 1, 1)
        assert len(pool.visit(1, 0, 1, 1).seconds) == 1
        (process,) = pool.workers.values()
    assert process.returncode is not None  # none is left behind


def test_memory_and_groups() -> None:
    assert memory_of(400, 100, 50, Setting()) == 400 + 150
    assert memory_of(400, 100, 50, Setting(dtype="bf16")) == 200 + 75
    assert memory_of(400, 100, 50, Setting(mode="train", optimizer="adam")) == 4 * 400 + 4 * 2 * 150
    cells = [Spec(Spin(1), 1, Setting(), {"cell": i}, memory) for i, memory in enumerate((10, 40, 40, 90))]
    assert groups(cells, {"cpu": None}) == [[0, 1, 2, 3]]
    assert groups(cells, {"cpu": 1000}) == [[0, 1, 2, 3]]
    assert groups(cells, {"cpu": 100}) == [[0, 1], [2], [3]]
    assert groups(cells, {"cpu": 100}, base=0) == [[0, 1], [0, 2], [0, 3]]
    assert groups([], {}) == []


def test_a_timing_of_planted_rounds() -> None:
    """Device time from graph replays, and what binds the launches, without a GPU."""
    outcome = Outcome(Prepared(1.0, 0.5, None, 7), Warmed(2e-3, 10, True, 0.1))
    for number in range(12):
        visit = Visit([2e-3, 2e-3], 1, 1.0, 0, 4e-3, event_s=[1.9e-3], graph_s=[1e-3, 1.1e-3, 0.9e-3])
        outcome.rounds[number] = Round(visit, Reading(1.0, 0.0, 0, 1e-3))
    made = timing(Spec(Spin(1), 8, Setting(device="cuda"), {}), outcome)
    assert (made.latency_s, made.grade, made.device_s, made.launch_bound) == (2e-3, "A", 1e-3, True)
    assert (made.rounds, made.samples, made.peak_bytes, made.images_per_second) == (12, 24, 7, 8 / 2e-3)
    few = timing(
        Spec(Spin(1), 8, Setting(), {}), Outcome(outcome.prepared, outcome.warmed, dict(list(outcome.rounds.items())[:9]))
    )
    assert (few.latency_s, few.grade, few.rounds) == (None, None, 9)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("30s", 30),
        ("2m", 120),
        ("1h", 3600),
        ("45", 45),
        (2.5, 2.5),
        ("0.5s", 0.5),
        ("300ms", 0.3),
        ("1min", 60),
        ("1.5 H", 5400),
    ],
)
def test_times(given: str | float, seconds: float) -> None:
    assert seconds_of(given) == seconds


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"time": "soon"}, "time 'soon' is not a number of ms, s, m or h; write it as 30s or 5m"),
        ({"time": "500us"}, "time '500us' is not a number of ms, s, m or h; write it as 30s or 5m"),
        ({"time": "1e99s"}, "time '1e99s' is not a number of ms, s, m or h"),
        ({"time": "nan"}, "time 'nan' is not a number of ms"),
        ({"time": "ms"}, "time 'ms' is not a number of ms"),
        ({"time": "50ms"}, "time must be from 0.1s to 168h, not '50ms'; write it as 30s or 5m"),
        ({"time": "0s"}, "time must be from 0.1s to 168h, not '0s'; write it as 30s or 5m"),
        ({"threads": "0"}, "threads '0' is not a whole number from 1 to"),
        ({"threads": "1025"}, "the processors that may be used here; leave it out for"),
        ({"threads": "many"}, "threads 'many' is not a whole number"),
        ({"dtype": "fp8"}, "unknown dtype 'fp8'"),
        ({"memory_format": "nhwc"}, "unknown memory format 'nhwc'"),
        ({"optimizer": "lion", "train": True}, "unknown optimizer 'lion'"),
        ({"dataset_size": "60K"}, "--dataset-size 60K has no effect without --train; add it"),
        ({"dtype": ","}, "',' is empty"),
        ({"device": "abacus"}, "unknown device 'abacus'"),
        ({"resume": Path("none.samples.jsonl")}, "samples 'none.samples.jsonl' cannot be read"),
    ],
)
def test_nonsense_is_refused_before_anything_is_measured(given: dict[str, Any], said: str, cache: Path) -> None:
    with pytest.raises(ProfilerError) as fault:
        bench(TINY, bench=BenchOptions(**{"device": "cpu", **given}))
    assert said in str(fault.value)
    assert fault.value.exit_code == 2
    assert not list(cache.glob("*.samples.jsonl"))


def test_a_comparison_takes_one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profiler.measure.host.affinity", lambda: 2)
    with pytest.raises(ProfilerError, match="only `profiler bench` measures several settings"):
        profiler.compare(TINY, engine="closed", bench=quick(dtype="fp32,bf16"))
    with pytest.raises(ProfilerError, match="threads 1, 2 are several settings; a selftest takes one"):
        profiler.selftest(threads="1,2")
    with pytest.raises(ProfilerError, match="no network to measure; name one"):
        bench()
    with pytest.raises(UnknownName):
        bench("mobilenet_v9")
    assert plan.LEAST_ROUNDS == 10


# The command line


def test_bench_by_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "run.json"
    ran = run("bench", TINY, SMALL, "--threads", "1", "--time", QUICK, "-o", str(out), "--csv", str(tmp_path / "run.csv"))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("CPU, 1 thread, fp32; 3 s for all cells\n")
    assert " ms ±" in ran.stdout or " µs ±" in ran.stdout
    document = json.loads(out.read_text())
    assert document["command"] == "bench"
    assert document["environment"]["machine"]["affinity"] >= 1
    records = list(csv.DictReader((tmp_path / "run.csv").read_text().splitlines()))
    assert [record["model"] for record in records] == ["lenet5", "mobilenet_v1"]
    assert set(MEASURED_COLUMNS) <= set(records[0])
    assert (tmp_path / "run.samples.jsonl").exists()


def test_compare_with_bench_by_the_command_line() -> None:
    ran = run("compare", TINY, SMALL, "--bench", "--threads", "1", "--time", QUICK, "--engine", "closed")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "× the first" in ran.stdout
    assert run("compare", TINY, "--train", "--engine", "closed").stderr == (
        "error: --train has no effect without --bench; add --bench, or leave it out\n"
    )
    for words, names in (
        (["compare", TINY, "--resume", "x", "--time", "zzz"], "--resume and --time"),
        (["sweep", "--dataset-size", "5"], "--dataset-size"),
    ):
        ran = run(*words)
        assert (ran.returncode, "no effect without --bench; add --bench" in ran.stderr, names.split()[0] in ran.stderr) == (
            2,
            True,
            True,
        )
    ran = run("compare", TINY, "--engine", "closed", "--columns", "model,latency_s")
    assert ran.stderr == "error: column latency_s: nothing was measured; add --bench, or use `profiler bench`\n"


def test_layers_by_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "run.csv"
    ran = run("bench", SMALL, "--layers", "--threads", "1", "--time", QUICK, "--top", "3", "-o", str(out))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "by layer, the 3 slowest of 84" in ran.stdout
    assert "% of the MACs" in ran.stdout
    records = list(csv.DictReader(out.read_text().splitlines()))
    assert len(records) == 84
    assert sum(float(record["share"]) for record in records) == pytest.approx(1.0)
    assert {record["bound"] for record in records} <= {"compute", "memory", "overhead", "kernel"}
    for words, said in (
        (["--top", "0"], "top must be 1 or more, not 0"),
        (["--columns", "path,nonsense"], "unknown column 'nonsense'"),
        (["--depth", "-1"], "depth must be 0 (every layer) or more"),
    ):
        ran = run("bench", SMALL, "--layers", "--time", "5m", *words)  # refused before five minutes of measuring
        assert (ran.returncode, said in ran.stderr) == (2, True)
    ran = run("bench", SMALL, "--layers", "--compile")
    assert (ran.returncode, ran.stderr) == (
        2,
        "error: --layers measures the layers of an eager network, and torch.compile fuses them; leave one of them out\n",
    )


def test_an_absent_device_is_exit_code_3() -> None:
    ran = run("bench", TINY, "--device", "cuda:7")
    assert ran.returncode == 3
    assert ran.stderr.startswith("error: device 'cuda:7' is not available: torch finds ")


def test_interrupted_with_what_was_measured_kept_and_carried_on(tmp_path: Path) -> None:
    out, samples = tmp_path / "run.json", tmp_path / "run.samples.jsonl"
    words = ["sweep", "mobilenet_v1", "--alpha", "0.25", "--resolution", "32,64", "--bench", "--engine", "closed"]
    words += ["--threads", "1", "--time", "60s", "-o", str(out)]
    with subprocess.Popen(
        [sys.executable, "-m", "profiler", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
    ) as process:  # fmt: skip
        end = time.monotonic() + 300
        while time.monotonic() < end and (not samples.exists() or samples.read_text().count('"what": "round"') < 12):
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of its processes
        stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    *slow, last = stderr.splitlines()
    assert last == "interrupted"
    assert all("mobilenet_v1: building; waiting up to 180 s" in line for line in slow)  # on a busy machine
    assert f"--resume {samples} to continue." in stdout
    kept = json.loads(out.read_text())["records"]
    assert all(record["rounds"] >= 10 and record["latency_s"] is not None for record in kept)
    words[words.index("60s")] = "3s"
    ran = run(*words, "--resume", str(samples))
    assert (ran.returncode, ran.stderr) == (0, "")
    after = json.loads(out.read_text())["records"]
    assert all(now["rounds"] >= then["rounds"] for now, then in zip(after, kept, strict=True))
    assert all(record["stop"] for record in after)


def test_a_run_is_carried_on_from_what_the_file_holds_once_it_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run still writes to the samples while this one waits for the lock: no round of it is lost, no number used twice."""
    out, samples = tmp_path / "run.json", tmp_path / "run.samples.jsonl"
    bench(TINY, bench=quick(outputs=(out,)))
    last = [json.loads(line) for line in samples.read_text().splitlines() if '"what": "round"' in line][-1]

    @contextlib.contextmanager
    def waited(devices: list[str], say: Any, going: Any = None) -> Iterator[None]:
        with samples.open("a") as file:
            file.write(json.dumps({**last, "round": 5000}) + "\n")
        yield

    monkeypatch.setattr("profiler.study.measuring.device_lock", waited)
    bench(TINY, f"{TINY}@classes=100", bench=quick(resume=samples))
    rounds = [json.loads(line)["round"] for line in samples.read_text().splitlines() if '"what": "round"' in line]
    assert len(rounds) == len(set(rounds))
    assert rounds[rounds.index(5000) + 1 :] == list(range(5001, max(rounds) + 1))
    assert max(rounds) > 5000


@pytest.mark.full
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_ended_early_leaves_the_older_result(tmp_path: Path, sent: signal.Signals) -> None:
    """Before a round has ended, and with some cells still empty."""
    out, samples = tmp_path / "run.json", tmp_path / "run.samples.jsonl"
    out.write_text("of the run before")
    words = ["bench", TINY, "vgg16", "--threads", "1", "--time", "60s", "-o", str(out)]
    with subprocess.Popen(
        [sys.executable, "-m", "profiler", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip
        while process.poll() is None and not (samples.exists() and '"what": "worker"' in samples.read_text()):
            time.sleep(0.05)
        process.send_signal(sent)
        stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 130
    assert out.read_text() == "of the run before"
    assert f"output '{out}' was not written because not every cell was measured; carry on with --resume" in stderr
    assert f"--resume {samples} to continue." in stdout


def test_selftest_by_the_command_line(cache: Path) -> None:
    ran = run("selftest", "--time", "12s", "--threads", "1", "-f", "json")
    document = json.loads(ran.stdout)
    checks = document["certificate"]["checks"]
    assert [check["check"] for check in checks] == [
        "a loop of 2 ms",
        "a network against itself, called different",
        "a slowdown of 5 % found",
        "ours over torch.utils.benchmark's",
    ]
    # whether a busy machine passes is its own affair; that the exit code says so is ours
    assert ran.returncode == (0 if all(check["passed"] for check in checks) else 1)
    assert json.loads((cache / "selftest.json").read_text())["checks"] == checks
    short = run("selftest", "--time", "0.2s", "--threads", "1", "-f", "json")
    assert short.returncode == 1  # what was not compared did not agree
    assert json.loads((cache / "selftest.json").read_text())["checks"] == checks  # and proves nothing


def test_lists_and_true_are_taken_as_text_is(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = BenchOptions(device=["cpu"], threads=1, dtype=["fp32", "bf16"], memory_format=("contiguous",)).settings()
    assert settings == BenchOptions(device="cpu", threads=1, dtype="fp32,bf16").settings()
    with pytest.raises(ProfilerError, match="unknown dtype 'fp31'"):
        BenchOptions(dtype=["fp31"]).settings()
    seen: list[BenchOptions] = []

    def nothing(models: Any, at: Any, given: BenchOptions, *others: Any) -> Iterator[Any]:
        seen.append(given)
        return iter(())

    monkeypatch.setattr("profiler.study.bench.benching", nothing)
    monkeypatch.setattr("profiler.study.layers.clocking_layers", nothing)
    for study in (bench, layers):
        for given in (True, None, False, BenchOptions(time="2s")):
            with contextlib.suppress(AssertionError):
                study("lenet5", bench=given)
    assert seen == [BenchOptions(), BenchOptions(), BenchOptions(), BenchOptions(time="2s")] * 2
