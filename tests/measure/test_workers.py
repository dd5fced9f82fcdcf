"""Real workers and code that is not kind to them: it is found where it was counted, it costs its own cell, it ends with its parent."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from profiler.load.load import load
from profiler.measure import pool as pools
from profiler.measure.plan import Budget, Setting, Source, Spec
from profiler.measure.pool import HANDS_OFF
from profiler.measure.protocol import Scheduler
from profiler.measure.signals import as_interrupts
from profiler.measure.start import Start
from profiler.measure.visits import CellFailed
from profiler.measure.workloads import ReferenceWorkload
from profiler.study.measuring import spec_of, timing
from tests.measure.paced import PACE, ROOT, Paced, run

NET = """
from torch import nn

class {name}(nn.Linear):
    def __init__(self):
        super().__init__(4, {out})
"""


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


# What is timed is what is counted


def test_the_path_of_imports_is_the_caller_s_in_its_order(tmp_path: Path) -> None:
    """A package in PYTHONPATH wins over the installed one of its name, where it is counted and where it is timed."""
    (tmp_path / "thop").mkdir()
    (tmp_path / "thop" / "__init__.py").write_text(NET.format(name="Net", out=3))
    ran = run(
        "bench", "thop:Net", "--input", "4", "--threads", "1", "--time", "1s", "-f", "json", cwd=tmp_path.parent,
        PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}",
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    (record,) = json.loads(ran.stdout)["records"]
    assert (record["params"], record["macs"], record["reason"] != "") == (4 * 3 + 3, 4 * 3, True)
    assert record["latency_s"] is not None
    (samples,) = (tmp_path / "cache" / "profiler").glob("bench-*.samples.jsonl")
    prepared = next(line for line in map(json.loads, samples.read_text().splitlines()) if line["what"] == "prepared")
    assert (prepared["params"], prepared["file"]) == (15, str(tmp_path / "thop" / "__init__.py"))


def test_another_module_of_that_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, out in (("counted", 3), ("other", 5), ("same", 3)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twin.py").write_text(NET.format(name="Net", out=out))
    monkeypatch.syspath_prepend(tmp_path / "counted")
    (spec,) = (spec_of(load("twin:Net", input="4"), 1, Setting()) for _ in range(1))
    assert spec.counted == Source(4 * 3 + 3, str(tmp_path / "counted" / "twin.py"))
    here = Start.now()
    for folder, said in (
        ("counted", ""),
        (
            "other",
            f"it has {4 * 5 + 5} parameters in {tmp_path}/other/twin.py, and the one that was counted 15 in {tmp_path}/counted",
        ),
        ("same", f"it is of {tmp_path}/same/twin.py, and the one that was counted of {tmp_path}/counted/twin.py"),
    ):
        start = Start(here.folder, (str(tmp_path / folder), *here.path), here.environment)
        with Paced([spec], start=start) as pool:
            if not said:
                assert pool.prepare(0).params == 15
                continue
            with pytest.raises(CellFailed, match="another network was built to be measured: ") as fault:
                pool.prepare(0)
            assert said in fault.value.reason
            assert not pool.alive[spec.state]


def test_workers_begin_where_the_caller_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the code of a network did to the folder, the path and the environment since does not matter."""
    (tmp_path / "net.py").write_text(
        NET.format(name="Net", out=3) + "\nimport os, sys\nassert os.environ['WHERE'] == 'here' and 'gone' not in sys.path\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHERE", "here")
    network = load("net.py:Net", input="4")
    spec, start = Spec(ReferenceWorkload("net", network), 1, Setting()), Start.now()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("WHERE", "there")
    monkeypatch.syspath_prepend("gone")
    with Paced([spec], start=start) as pool:
        assert pool.prepare(0).file == str(tmp_path / "net.py")


# Code that misbehaves costs its own cell

HOSTILE = """
import os, time
from torch import nn

class Hostile(nn.Linear):
    def __init__(self):
        super().__init__(3, 3)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls > 3:
            self.misbehave()
        return super().forward(x)

class Forks(Hostile):
    def misbehave(self):
        if self.calls < 30:
            os.fork()

class Stops(Hostile):
    def misbehave(self):
        time.perf_counter_ns = time.perf_counter = time.process_time_ns = lambda: 0
        os.getpid = os._exit = None

class Writes(Hostile):
    def misbehave(self):
        for descriptor in range(3, 30):
            try:
                os.write(descriptor, bytes([self.calls % 256]) * 100)
            except OSError:
                pass

class Closes(Hostile):
    def misbehave(self):
        os.closerange(3, 100)

class Hangs(nn.Linear):
    def __init__(self):
        super().__init__(3, 3)

    def forward(self, x):
        while x.device.type != "meta":
            pass
        return super().forward(x)
"""


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Forks", ""), ("Stops", ""), ("Writes", HANDS_OFF), ("Closes", "its process ended unexpectedly"), ("Hangs", "its first call did not end within 5 s")],
)  # fmt: skip
def test_misbehaviour_costs_its_own_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str) -> None:
    (tmp_path / "hostile.py").write_text(HOSTILE)
    said: list[str] = []
    monkeypatch.setattr(pools, "SILENT_S", 0.5)
    networks = [load(f"{tmp_path / 'hostile.py'}:{name}", input="3"), load("lenet5")]
    cells = [spec_of(network, 1, Setting(), memory=memory) for network, memory in zip(networks, (1 << 28, 0), strict=True)]
    monkeypatch.setattr(pools, "BUILT_PER_S", 1e12)
    with Paced(cells, patience_s=5.0, say=said.append) as pool:
        run = Scheduler(cells, pool, Budget(2.0), PACE.perf_counter, random.Random(0)).measure()
    assert run.outcomes[0].reason.startswith(reason)
    assert bool(run.outcomes[0].reason) == bool(reason)
    assert timing(cells[0], run.outcomes[0]).latency_s is None or not reason
    assert timing(cells[1], run.outcomes[1]).latency_s is not None
    if name == "Hangs":
        assert said[0] == f"{cells[0].workload.name}: building 0.25 GiB; waiting up to 5 s for its first call to end"


def test_how_long_a_first_call_is_waited_for() -> None:
    """By the budget, with what building and compiling take on top: never an hour."""
    waited = {}
    for memory, compiled in ((0, False), (15 << 30, False), (0, True)):
        spec = Spec(ReferenceWorkload("net", None), 1, Setting(runtime="compile" if compiled else "eager"), {}, memory)
        with Paced([spec], patience_s=90.0) as pool:
            waited[memory, compiled] = pool._patience(("prepare", 0, spec, False))
            assert pool._patience(("visit", 0, 0, 1, 1)) == 90.0
    assert waited == {(0, False): 90.0, (15 << 30, False): 90.0 + (15 << 30) / 50e6, (0, True): 690.0}


# Workers end with their parent


@pytest.mark.parametrize(
    ("sent", "main"),
    [
        pytest.param(signal.SIGKILL, True, id="killed"),
        pytest.param(signal.SIGTERM, False, id="ended, measuring in another thread"),
        pytest.param(signal.SIGTERM, True, id="ended", marks=pytest.mark.full),
        pytest.param(signal.SIGHUP, True, id="hung up", marks=pytest.mark.full),
        pytest.param(signal.SIGKILL, False, id="killed, measuring in another thread", marks=pytest.mark.full),
    ],
)
def test_a_worker_that_hangs_ends_with_its_parent(tmp_path: Path, sent: signal.Signals, main: bool) -> None:
    (tmp_path / "hanging.py").write_text(
        "import os, pathlib\nfrom dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Hanging:\n    name: str = 'hanging'\n"
        "    def live(self, setting, batch):\n        pathlib.Path('pid').write_text(f'{os.getpid()}.')\n        while True:\n            pass\n"
    )
    script = (
        "import hanging, threading\nfrom profiler.measure.plan import Setting, Spec\nfrom profiler.measure.pool import Pool\n"
        "def measure():\n    with Pool([Spec(hanging.Hanging(), 1, Setting())]) as pool:\n        pool.prepare(0)\n"
        + ("measure()" if main else "thread = threading.Thread(target=measure)\nthread.start()\nthread.join()")
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=environment) as parent:
        pid = tmp_path / "pid"
        while parent.poll() is None and not (pid.exists() and pid.read_text().endswith(".")):
            time.sleep(0.05)
        assert parent.poll() is None
        worker = int(pid.read_text()[:-1])
        os.kill(parent.pid, sent)
    while _runs(worker):  # for ever, if it does not end
        time.sleep(0.05)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_signals_that_end_a_run_are_as_ctrl_c(sent: signal.Signals) -> None:
    def ended() -> None:
        with as_interrupts():
            os.kill(os.getpid(), sent)
            time.sleep(10)

    inherited = signal.signal(sent, signal.SIG_DFL)  # the tests themselves may run under nohup
    try:
        with pytest.raises(KeyboardInterrupt):
            ended()
        assert signal.getsignal(sent) is signal.SIG_DFL
        signal.signal(sent, signal.SIG_IGN)  # as nohup has it
        with as_interrupts():
            os.kill(os.getpid(), sent)
        assert signal.getsignal(sent) is signal.SIG_IGN
    finally:
        signal.signal(sent, inherited)
