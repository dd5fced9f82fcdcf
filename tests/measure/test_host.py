"""What the machine says of itself, on machines that the test makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from profiler.errors import ProfilerError, Unavailable
from profiler.measure import devices, host
from profiler.measure.cuda import Cuda
from profiler.measure.host import Counters
from profiler.measure.lock import device_lock
from profiler.measure.mps import Mps

VERSION_2 = {
    "cpu.max": "150000 100000",
    "cpu.stat": "usage_usec 1\nnr_throttled 7\n",
    "memory.max": "4096",
    "memory.current": "1096",
}
VERSION_1 = {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000", "cpu.stat": "nr_periods 3\nnr_throttled 2\n"}


def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, files: dict[str, dict[str, str]]) -> None:
    """A cgroup tree under tmp_path; `lines` is /proc/self/cgroup."""
    for folder, content in files.items():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name, text in content.items():
            (tmp_path / folder / name).write_text(text)
    monkeypatch.setattr(host, "CGROUPS", tmp_path)
    plain = host._lines
    monkeypatch.setattr(host, "_lines", lambda path: lines.splitlines() if str(path) == "/proc/self/cgroup" else plain(path))


def test_a_quota_of_version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(tmp_path, monkeypatch, "0::/box/task", {"box": VERSION_2, "box/task": {"cpu.max": "max 100000"}})
    monkeypatch.setattr(host, "affinity", lambda: 8)
    assert host.quota() == 1.5
    assert host.default_threads() == 2  # 1.5 processors' worth keep two threads busy, not one and not eight
    assert host.counters().throttled == 7
    assert host.available_memory() == 3000


def test_a_quota_of_version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(tmp_path, monkeypatch, "4:cpu,cpuacct:/box\n3:memory:/box", {"cpu/box": VERSION_1})
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1")
    assert host.quota() == 0.5
    assert host.default_threads() == 1
    assert host.counters().throttled == 2


def test_no_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(tmp_path, monkeypatch, "0::/", {})
    assert host.quota() is None
    assert host.default_threads() == host.affinity() == len(os.sched_getaffinity(0))


def test_steal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.stolen_share(Counters(1000, 10, 0), Counters(2000, 60, 0)) == 0.05
    assert host.stolen_share(Counters(1000, 10, 0), Counters(1000, 10, 0)) == 0.0
    monkeypatch.setattr(host, "_lines", lambda path: ["cpu  1 2 3 4 5 6 7 8 9 10"] if str(path) == "/proc/stat" else [])
    assert host.counters() == Counters(1 + 2 + 3 + 4 + 5 + 6 + 7 + 8, 8, 0, 1 + 2 + 3 + 6 + 7)


def test_this_machine() -> None:
    found = host.machine()
    assert set(host.SAME_MACHINE) <= set(found)
    assert found["processors"] == os.cpu_count()
    assert found["memory_bytes"] > 1 << 28


def test_a_lock_is_waited_for_with_the_holder_s_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    said: list[str] = []

    class Patience(Exception):
        """The test's."""

    def slept(seconds: float) -> None:
        if len(said) == 1:
            raise Patience

    monkeypatch.setattr("time.sleep", slept)
    with device_lock(["cpu", "cpu"], said.append):
        assert said == []
        with pytest.raises(Patience), device_lock(["cuda:0", "cpu"], said.append):
            pass
    assert said == [
        f"cpu: profiler, process {os.getpid()} is measuring on it; waiting until it ends (Ctrl-C gives up)",
    ]
    with device_lock(["cpu"], said.append):  # it is free again
        assert len(said) == 1
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / f"profiler-{os.geteuid()}").iterdir()} == {0o600}
    assert (tmp_path / f"profiler-{os.geteuid()}").stat().st_mode & 0o777 == 0o700


def test_another_process_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends, however it ends, and the lock is ours."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    script = (
        f"import sys, tempfile; tempfile.tempdir = {str(tmp_path)!r}\n"
        "from profiler.measure.lock import device_lock\n"
        "with device_lock(['cuda'], print):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    said: list[str] = []
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"

        def slept(seconds: float) -> None:
            other.kill()
            other.wait()

        monkeypatch.setattr("time.sleep", slept)
        with device_lock(["cuda:0"], said.append):
            pass
    assert said == [
        f"cuda:0: profiler, process {other.pid} is measuring on it; waiting until it ends (Ctrl-C gives up)",
    ]


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:1", "", "tpu"])
def test_a_device_that_is_none(name: str) -> None:
    with pytest.raises(ProfilerError, match=f"unknown device '{name}'; use auto, cpu, cuda, cuda:1 or mps"):
        devices.device(name)


def test_devices_by_what_torch_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Cuda, Mps):
        monkeypatch.setattr(kind, "may_be_here", lambda: True)
    monkeypatch.setattr(devices, "_counted", lambda: {"cpu": 1, "cuda": 2, "mps": 0})
    assert [devices.device(name) for name in ("auto", "cpu", "cuda", "cuda:1")] == ["cuda", "cpu", "cuda", "cuda:1"]
    with pytest.raises(Unavailable, match="device 'cuda:2' is not available: torch finds 2 of them; use --device cpu, or auto"):
        devices.device("cuda:2")
    with pytest.raises(Unavailable, match="device 'mps' is not available: torch finds no "):
        devices.device("mps")
    monkeypatch.setattr(devices, "_counted", lambda: {"cpu": 1, "cuda": 0, "mps": 1})
    assert devices.device("auto") == "mps"

    def asked() -> dict[str, int]:
        raise AssertionError("torch was asked")

    monkeypatch.setattr(devices, "_counted", asked)
    for kind in (Cuda, Mps):
        monkeypatch.setattr(kind, "may_be_here", lambda: False)
    assert [devices.device(name) for name in ("auto", "cpu")] == ["cpu", "cpu"]


def test_torch_says_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    assert devices._counted() == {"cpu": 1, "cuda": gpus, "mps": int(torch.backends.mps.is_available())}
    monkeypatch.setattr(Cuda, "counted", "1 // 0")
    with pytest.raises(Unavailable, match=r"torch cannot list its devices: ZeroDivisionError: .*; use --device cpu"):
        devices._counted()


def test_where_a_gpu_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profiler.measure.cuda.DRIVERS", (str(tmp_path / "driver"),))
    for system, expected in (("Linux", (False, False)), ("Windows", (True, False)), ("Darwin", (False, True))):
        monkeypatch.setattr("platform.system", lambda system=system: system)
        assert (Cuda.may_be_here(), Mps.may_be_here()) == expected
    (tmp_path / "driver").touch()
    assert Cuda.may_be_here()


def test_words_of_a_device() -> None:
    kinds = {name: devices.kind_of(name) for name in ("cpu", "cuda:1", "mps", "npu")}
    assert [kind.title(name) for name, kind in kinds.items()] == ["CPU", "cuda:1", "mps", "Intel NPU"]
    assert [devices.whole_name(name) for name in ("cpu", "cuda", "cuda:1", "mps")] == ["cpu", "cuda:0", "cuda:1", "mps"]
    assert [devices.threads_said(name, n) for name, n in (("cpu", 1), ("cpu", 2), ("cuda", 2), ("npu", 2))] == [
        ["1 thread"], ["2 threads"], [], [],
    ]  # fmt: skip
