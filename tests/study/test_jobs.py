"""`--jobs N`: the same bytes as one process writes, whatever becomes of the others."""

from __future__ import annotations

import csv
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler import errors
from profiler.errors import ProcessEnded, ProfilerError, UnknownName
from profiler.study.counting_on_fleet import OnFleet
from profiler.study.in_order import Counting, Here
from profiler.study.jobs import jobs_of, workers
from profiler.study.processes import Processes

ROOT = Path(profiler.__file__).parents[1]
NET = """
import os, signal, time
import torch
from torch import nn

class A(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        print(f"built {width}{chr(10)}", end="")
    def forward(self, x):
        return self.conv(x)

class Unread(A):
    def __init__(self):
        super().__init__()
        self.idle = nn.Linear(3, 4)

class Uncounted(A):
    def forward(self, x):
        return torch.linalg.svdvals(self.conv(x))

class Raises(A):
    def forward(self, x):
        raise ValueError("not today")

class OnlyOnMeta(A):
    def forward(self, x):
        if x.device.type != "meta":
            raise ValueError("only on meta")
        return self.conv(x)

class Killed(A):
    def forward(self, x):
        os.kill(os.getpid(), signal.SIGKILL)

class Slow(A):
    def forward(self, x):
        if self.conv.out_channels > 2:
            with open("pids", "a") as file:
                file.write(f"{os.getpid()}\\n")
            time.sleep(600)
        return self.conv(x)
"""
LIBRARY = """
from torch import nn

class Config:
    input_size = (3, 16, 16)
    fixed_input_size = False

def small(width: int = 4): ...
def list_models(): return [f"small_{i}" for i in range(70)] + ["broken"]
def is_model(name): return name in list_models()
def model_entrypoint(name): return small
def get_pretrained_cfg(name): return Config
def create_model(name, pretrained=False, **given):
    if name == "broken":
        raise ValueError("it is broken")
    return nn.Conv2d(3, int(name.rpartition("_")[2]) + 1, 3)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "library" / "timm").mkdir(parents=True)
    (tmp_path / "library" / "timm" / "__init__.py").write_text(LIBRARY)
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder / 'library'}"}
    return subprocess.run(
        [sys.executable, "-m", "profiler", *words], capture_output=True, cwd=folder, env=environment, check=False
    )


def both(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """The command under `--jobs 2`, once it said and wrote what it does under `--jobs 1`."""
    (one, files), (two, again) = ((run(folder, *words, "--jobs", n), taken(folder)) for n in "12")
    assert (one.returncode, one.stdout, files) == (two.returncode, two.stdout, again)
    # what the networks print comes from other processes, and is theirs
    assert set(one.stderr.splitlines()) == set(two.stderr.splitlines())
    return two


def taken(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in sorted(folder.glob("out.*"))}
    for path in folder.glob("out.*"):
        path.unlink()
    return found


def params(folder: Path) -> list[int]:
    with (folder / "out.csv").open(newline="") as file:
        return [int(record["params"]) for record in csv.DictReader(file)]


COMPARED = (
    "lenet5", "net.py:A", "Ours=net.py:A@width=3", "net.py:Unread", "net.py:Uncounted", "net.py:OnlyOnMeta", "net.py:A",
    "--input", "3x32x32",
)  # fmt: skip


def test_a_comparison_is_the_same_to_the_byte(folder: Path) -> None:
    words = ("--engine", "closed,traced,fvcore,torch", "--memory", "-o", "out.csv", "-o", "out.md", "-o", "out.tex")
    ran = both(folder, "compare", *COMPARED, *words, "-v")
    assert ran.returncode == 0
    assert b"UNCOUNTED net.py:Uncounted" in ran.stdout
    assert b"only on meta" in ran.stdout  # why fvcore says nothing of one, between others that it counts


def test_a_network_that_does_not_run_ends_both_alike(folder: Path) -> None:
    ran = both(folder, "compare", "net.py:A", "net.py:Raises", "net.py:Killed", "--input", "3x32x32")
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].startswith(b"error: net.py:Raises: its forward raises ValueError: not today")


@pytest.mark.parametrize(
    "words",
    [
        # as the comparison above and the sweep below, over more
        pytest.param(("sweep", "net.py:A", "mobilenet_v1", "--input", "3x32x32", "--batch", "1,2,3"), marks=pytest.mark.full),
        pytest.param(("compare", "timm:small_*", "--engine", "closed,torch"), marks=pytest.mark.full),
        ("sweep", "net.py:A", "--input", "3x32x32", "--over", "width=1,2,3", "--batch", "1,4", "--memory"),
        ("check", "net.py:A", "net.py:Unread", "lenet5", "--input", "3x32x32", "--max-macs", "1M", "--max-memory", "1MiB"),
        ("verify", "lenet5", "timm:small_1", "timm:small_2"),
        ("list", "timm:*", "--count"),
    ],
    ids=" ".join,
)
def test_other_commands_are_the_same_to_the_byte(folder: Path, words: tuple[str, ...]) -> None:
    ran = both(folder, *words, "-o", "out.csv")
    assert ran.returncode == 0


def test_a_sweep_that_is_written_as_it_is_counted_is_the_same_to_the_byte(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(folder)
    for jobs in (1, 2):
        profiler.sweep_to(f"{jobs}.csv", "net:A", input="3x32x32", batch="1..40:1", engine="closed", jobs=jobs)
    assert (folder / "1.csv").read_bytes() == (folder / "2.csv").read_bytes()
    assert len((folder / "1.csv").read_text().splitlines()) == 41


@pytest.mark.parametrize(
    ("words", "killed"),
    [
        (("net.py:A@width=1", "net.py:Killed", "net.py:A@width=2"), 1),
        pytest.param(
            ("net.py:A@width=1", "net.py:Killed", "net.py:A@width=2", "net.py:Killed@width=3", "net.py:A@width=4"),
            2,
            marks=pytest.mark.full,
        ),
    ],
    ids=["once", "twice"],
)
def test_a_process_that_is_killed_is_the_reason_of_its_network(folder: Path, words: tuple[str, ...], killed: int) -> None:
    ran = run(folder, "compare", *words, "--input", "3x32x32", "--csv", "out.csv", "--jobs", "2")
    assert ran.returncode == 0
    lines = ran.stdout.decode().splitlines()
    assert (
        sum("is left out, since it could not be counted: its process was killed (signal 9)" in line for line in lines) == killed
    )
    assert params(folder) == [28 * width for width in (1, 2, 4)[: killed + 1]]  # 3·3·3 weights and a bias for each channel


def test_a_process_that_is_killed_ends_a_command_that_has_nothing_else(folder: Path) -> None:
    alone = run(folder, "compare", "net.py:Killed", "--input", "3x32x32", "--jobs", "2")
    assert alone.returncode == 2
    last = alone.stderr.decode().splitlines()[-1]
    assert last.startswith("error: net.py:Killed is not counted: its process was killed (signal 9)")
    gate = run(folder, "check", "net.py:A", "net.py:Killed", "--input", "3x32x32", "--max-macs", "1M", "--jobs", "2")
    assert gate.returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_ended_by_the_user_it_keeps_what_is_done_and_leaves_no_process(folder: Path, sent: signal.Signals) -> None:
    words = ["compare", *(f"net.py:Slow@width={n}" for n in range(1, 6)), "--input", "3x32x32", "--engine", "closed"]
    words += ["--csv", "out.csv", "--jobs", "2"]
    with subprocess.Popen(
        [sys.executable, "-m", "profiler", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
    ) as process:  # fmt: skip
        pids = folder / "pids"
        while process.poll() is None and not (pids.exists() and len(pids.read_text().splitlines()) == 2):
            time.sleep(0.05)
        assert process.poll() is None
        both_there = [int(line) for line in pids.read_text().splitlines()]
        if sent is signal.SIGINT:
            os.killpg(process.pid, sent)  # as a terminal does: to all of its processes
        else:
            process.send_signal(sent)
        stdout, stderr = process.communicate()
    for each in both_there:
        while _runs(each):  # for ever, if it does not end
            time.sleep(0.05)
    assert len(set(both_there)) == 2
    if sent is signal.SIGINT:
        assert process.returncode == 130
        assert stderr.splitlines()[-1] == "interrupted"
        assert "Traceback" not in stderr
        assert "interrupted: 2 of 5 cells were counted; the others are left out." in stdout
        assert params(folder) == [28, 56]


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_module_of_the_caller_is_counted_where_it_is() -> None:
    from torch import nn

    class Local(nn.Module):  # a class that no other process can find
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)
            self.forward = lambda x: self.conv(x)

    module = Local()
    found = [profiler.compare(module, "lenet5", input=(3, 16, 16), engine="closed,traced", jobs=jobs)[0] for jobs in (1, 2)]
    assert found[0] == found[1]
    assert found[0]["macs"] == 3 * 4 * 16 * 16


def test_formulas_that_were_registered_here_are_used() -> None:
    from profiler.tracing.tables import registered

    assert isinstance(workers(Counting(2)), Processes)
    profiler.register("mylib::op")(lambda x, out_shape: 1)
    try:
        assert registered.any_registered()
        assert isinstance(workers(Counting(2)), Here)
    finally:
        profiler.unregister("mylib::op")
    assert isinstance(workers(Counting(2)), Processes)


def test_results_come_in_the_order_of_their_tasks_with_the_faults_in_their_places() -> None:
    with Processes(2) as there:
        tasks = [str(i) if i % 7 else "x" for i in range(100)]
        found = list(there.results(int, tasks))
        assert [each.value for each in found] == [i if i % 7 else None for i in range(100)]
        assert {type(each.fault) for each in found if each.value is None} == {ValueError}
        slow = list(there.results(time.sleep, [0.3, 0.0, 0.0]))
        assert [each.fault for each in slow] == [None] * 3
        ends = list(there.results(os._exit, [3]))
        assert isinstance(ends[0].fault, ProcessEnded)
        assert str(ends[0].fault) == "its process ended unexpectedly (exit code 3)"
        assert [each.get() for each in there.results(abs, [-1, 2])] == [1, 2]
        processes = [each.popen for each in there.idle]
    assert all(process.poll() is not None for process in processes)


def test_a_fleet_gives_the_same_bytes(folder: Path) -> None:
    words = ("compare", *COMPARED, "--engine", "closed,traced", "-o", "out.csv")
    here, files = run(folder, *words), taken(folder)
    there = run(folder, *words, "--fleet", "local:2")
    assert (there.returncode, there.stdout, taken(folder)) == (here.returncode, here.stdout, files)
    assert here.returncode == 0


def test_results_of_a_fleet_come_in_order_and_what_ends_workers_is_given_up() -> None:
    with OnFleet("local:2") as there:
        tasks = [str(i) if i % 7 else "x" for i in range(1000)]
        found = list(there.results(int, tasks))
        assert [each.value for each in found] == [i if i % 7 else None for i in range(1000)]
        assert {type(each.fault) for each in found if each.value is None} == {ValueError}
        ends = list(there.results(_ends, [0, 3, 0]))
        assert [each.value for each in ends] == ["fine", None, "fine"]
        assert isinstance(ends[1].fault, ProcessEnded)
        assert str(ends[1].fault) == "3 workers died of it, one after the other"


def _ends(code: int) -> str:
    if code:
        os._exit(code)
    return "fine"


def test_processes_and_a_fleet_are_not_asked_for_together() -> None:
    with pytest.raises(
        ProfilerError, match="--jobs counts in processes of this machine, and --fleet on others; give one of the two"
    ):
        profiler.compare("lenet5", jobs=2, fleet="local:2")


def test_a_task_that_cannot_be_sent_is_done_here() -> None:
    seen: list[int] = []
    with Processes(2) as there:
        found = [each.get() for each in there.results(_call, [lambda: seen.append(1), len])]
    assert (seen, found) == ([1], [None, 0])


def _call(task: Any) -> Any:
    return task(()) if task is len else task()


@pytest.mark.parametrize(
    "fault",
    [
        UnknownName("engine", "fvcor", ["fvcore"]), errors.ShapeError("too small", "body.3"), errors.InputNeeded("net.py:A"),
        errors.Unavailable("timm is not here"), errors.WitnessFailed("no memory"), ProcessEnded("killed"),
    ],
    ids=lambda fault: type(fault).__name__,
)  # fmt: skip
def test_errors_come_back_as_they_were(fault: ProfilerError) -> None:
    again = pickle.loads(pickle.dumps(fault))
    assert (type(again), str(again), vars(again)) == (type(fault), str(fault), vars(fault))


def test_how_many_is_a_number_or_auto() -> None:
    assert jobs_of(None) == 1
    assert jobs_of("3") == jobs_of(3) == 3
    assert 1 <= jobs_of("auto") <= (os.cpu_count() or 1)
    for wrong in ("0", "-1", "two", "1.5", "", "4096", True):
        with pytest.raises(
            ProfilerError, match="--jobs must be a whole number from 1 to 1,024, or auto for one process per core, not"
        ):
            jobs_of(wrong)
