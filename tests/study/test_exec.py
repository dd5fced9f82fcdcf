"""`--exec` in the studies: a command that stands in for a phone is driven by real workers, and what it breaks is its cell's reason."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import onnx
import pytest

from profiler import read
from profiler.records.results import Results
from profiler.study.bench import bench
from profiler.study.bench_options import BenchOptions
from profiler.study.compare import compare
from profiler.study.sweep import sweep
from tests.measure.paced import install

ROOT = Path(__file__).resolve().parents[2]
TINY, SMALL = "lenet5", "mobilenet_v1@alpha=0.25,resolution=32"
BOARD = """
import sys, time
import numpy, onnxruntime
file, runs, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(file, options)
inputs = {each.name: numpy.zeros(each.shape, numpy.float32) for each in session.get_inputs()}
print("# device: stand-in board")
print("# shape:", *next(iter(inputs.values())).shape)
for _ in range(runs):
    start = time.perf_counter()
    session.run(None, inputs)
    print(time.perf_counter() - start)
"""
HOLDS = """
import sys
from pathlib import Path
assert Path(sys.argv[1]).stat().st_size > 0
for _ in range(int(sys.argv[2])):
    print(0.002)
"""
CLOCK = """
import sys
from pathlib import Path
model, runs = sys.argv[1], int(sys.argv[2])
with open("calls", "a") as calls:
    calls.write(f"{model} {runs}\\n")
seconds = {"lenet5": 0.002, "alexnet": 0.006}[model]
print("# device: a clock")
for i in range(runs):
    print(seconds * (1 + (i % 3 - 1) / 1000))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install(monkeypatch.setattr)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "board.py").write_text(BOARD)
    (tmp_path / "clock.py").write_text(CLOCK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def by(script: str, words: str) -> str:
    return f"'{sys.executable}' {script} {words}"


def quick(command: str, **given: Any) -> BenchOptions:
    return BenchOptions(exec=command, **{"time": "3s", **given})


def test_a_command_runs_the_exported_file_and_its_seconds_are_the_latency(folder: Path) -> None:
    found = bench(TINY, batch=2, bench=quick(by("board.py", "{file} {runs} {threads}"), threads=1))
    (record,) = found
    assert (record["device"], record["runtime"], record["threads"], record["dtype"]) == ("external", "exec", 1, "fp32")
    assert record["latency_s"] is not None, record["reason"]
    assert record["latency_low_s"] <= record["latency_s"] <= record["latency_high_s"]
    assert record["images_per_second"] == pytest.approx(2 / record["latency_s"])
    assert record["artifact_bytes"] > 4 * record["params"]
    assert record["peak_bytes"] is None
    assert record["rounds"] >= 10
    assert "disturbed" not in record["reason"]  # what happens on this machine is not the board's affair
    (said,) = [str(note) for note in found.notes if str(note).startswith("exec: ")]
    assert said.endswith("board.py {file} {runs} 1; the device says: device stand-in board, shape 2 1 28 28.")
    assert not list((folder / "tmp").rglob("*.onnx"))


def test_a_file_is_brought_to_the_device_once_a_cell_by_its_own_name(folder: Path) -> None:
    (folder / "device").mkdir()
    (folder / "push.py").write_text(
        "import shutil, sys\nshutil.copy(sys.argv[1], f'device/{sys.argv[2]}')\nopen('pushed', 'a').write(sys.argv[2] + ' ')"
    )
    (folder / "holds.py").write_text(HOLDS)
    options = quick(by("holds.py", "device/{name} {runs}"), exec_push=by("push.py", "{file} {name}"))
    found = sweep("lenet5", alpha="0.5,1", engine="closed", bench=options)
    assert all(record["latency_s"] is not None for record in found)
    pushed = (folder / "pushed").read_text().split()
    assert len(pushed) == len(set(pushed)) == 2
    assert {path.name for path in (folder / "device").iterdir()} == set(pushed)
    for name in pushed:
        onnx.checker.check_model(folder / "device" / name)
    assert all(name.startswith("lenet5-") for name in pushed)


def test_cells_take_turns_and_ratios_are_theirs(folder: Path) -> None:
    """Without {file} nothing is exported: the command knows the network by its name. Its numbers are known, and so is the ratio."""
    found = compare("lenet5", "alexnet", engine="closed", bench=quick(by("clock.py", "{model} {runs}")))
    slow, fast = found[1], found[0]
    assert fast["latency_s"] == pytest.approx(0.002, rel=1e-3)
    assert slow["latency_s"] == pytest.approx(0.006, rel=1e-3)
    assert slow["ratio"] == pytest.approx(3.0, rel=2e-3)
    assert slow["verdict"] == "slower"
    assert {record["grade"] for record in found} == {"A"}
    assert [record["artifact_bytes"] for record in found] == [None, None]
    order = [line.split()[0] for line in (folder / "calls").read_text().splitlines()]
    turns = sum(a != b for a, b in itertools.pairwise(order))
    assert turns >= 10  # not one network after the other


def test_a_command_that_counts_its_own_runs_gives_the_samples_that_it_prints(folder: Path) -> None:
    """As tools do that print the mean of so many runs: one number a call."""
    (folder / "mean.py").write_text("print('# runs: 50')\nprint(0.004)")
    (record,) = bench(TINY, bench=quick(by("mean.py", "")))
    assert record["latency_s"] == 0.004
    assert record["samples"] == record["rounds"] >= 10


BROKEN = {
    "print('0.1 s')": "its command prints '0.1 s' where a number of seconds above 0 is expected",
    "print(0.1)": "its command prints 1 of 5 numbers; let it print one for each of {runs} passes",
    "pass": "its command prints no number of seconds; let it print one a line",
    "import sys; sys.exit('adb: no devices/emulators found')": "its command ended with exit code 1: adb: no devices/emulators found",
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "its command ended with signal 11",
}


@pytest.mark.parametrize(
    ("code", "reason"),
    [  # a signal is told from an exit code in tests/measure/test_command.py too, without a study
        pytest.param(*case, id=name, marks=pytest.mark.full if name == "signal" else [])
        for name, case in zip(("units", "too few", "nothing", "exit code", "signal"), BROKEN.items(), strict=True)
    ],
)
def test_what_breaks_is_the_reason_of_its_cell_and_others_go_on(folder: Path, code: str, reason: str) -> None:
    (folder / "broken.py").write_text(
        f"import runpy, sys\nif sys.argv[1] == 'alexnet':\n    {code}\nelse:\n    runpy.run_path('clock.py')\n"
    )
    found = compare("lenet5", "alexnet", engine="closed", bench=quick(by("broken.py", "{model} {runs}")))
    assert found[0]["latency_s"] is not None
    assert found[1]["latency_s"] is None
    assert found[1]["reason"].startswith(reason)
    assert any(reason in str(note) for note in found.notes)


def test_a_device_that_goes_away_in_the_midst_keeps_what_it_measured(folder: Path) -> None:
    (folder / "going.py").write_text(
        "import runpy, sys\nfrom pathlib import Path\ncalls = Path('calls')\n"
        "if calls.exists() and len(calls.read_text().splitlines()) > 20:\n    sys.exit('error: closed')\nrunpy.run_path('clock.py')\n"
    )
    (record,) = bench(TINY, bench=quick(by("going.py", "{model} {runs}")))
    assert record["rounds"] >= 10
    assert record["latency_s"] == pytest.approx(0.002, rel=1e-3)
    assert record["reason"].endswith("; then its command ended with exit code 1: error: closed")


def test_a_run_is_carried_on_by_its_own_command_alone(folder: Path) -> None:
    out = folder / "run.json"
    bench(TINY, bench=quick(by("clock.py", "{model} {runs}"), outputs=(out,)))
    samples = folder / "run.samples.jsonl"
    lines = [json.loads(line) for line in samples.read_text().splitlines()]
    assert "clock.py" in lines[0]["cells"][0]
    assert [line["facts"] for line in lines if line["what"] == "prepared"] == [{"device": "a clock"}]
    (record,) = bench(TINY, bench=quick(by("clock.py", "{model} {runs}"), resume=samples))
    assert record["rounds"] > 10
    other = subprocess.run(
        [sys.executable, "-m", "profiler", "bench", TINY, "--exec", by("clock.py", "{model} {runs} x"), "--resume", str(samples)],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert other.returncode == 2
    assert "it has none of the cells of this run" in other.stderr


def test_saved_results_are_read_back_with_their_command(folder: Path) -> None:
    words = ["bench", TINY, "--exec", by("clock.py", "{model} {runs}"), "--time", "3s", "-o", "run.json", "-f", "csv"]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.measure.paced", *words],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    again = read(folder / "run.json")
    assert isinstance(again, Results)
    assert any("clock.py lenet5 {runs}; the device says: device a clock." in str(note) for note in again.notes)
    assert again[0]["runtime"] == "exec"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_no_command_outlives_the_run(folder: Path, sent: signal.Signals) -> None:
    (folder / "hangs.py").write_text(
        "import os, subprocess, sys, time\nchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}.')\ntime.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "profiler", "bench", TINY, "--exec", by("hangs.py", "{model} {runs}")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
    ) as process:  # fmt: skip
        pids = folder / "pids"
        while process.poll() is None and not (pids.exists() and pids.read_text().endswith(".")):
            time.sleep(0.05)
        assert process.poll() is None
        if sent is signal.SIGINT:
            os.killpg(process.pid, sent)
        else:
            process.send_signal(sent)
        process.communicate()
    for each in pids.read_text().rstrip(".").split():
        while _runs(int(each)):  # for ever, if it does not end
            time.sleep(0.05)
    if sent is signal.SIGINT:
        assert process.returncode == 130


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
