"""Two GPUs and the numbers that processes see them by: one lock a GPU, whoever calls it what. torch is made here, for its answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from profiler.errors import Unavailable
from profiler.measure import devices
from profiler.measure.lock import device_lock

ROOT = Path(__file__).resolve().parents[2]
TORCH = '''
"""What torch says of two GPUs, through CUDA_VISIBLE_DEVICES."""
import os
from types import SimpleNamespace

seen = [int(each) for each in os.environ.get("CUDA_VISIBLE_DEVICES", "0,1").split(",") if each]
cuda = SimpleNamespace(
    is_available=lambda: bool(seen),
    device_count=lambda: len(seen),
    get_device_properties=lambda number: SimpleNamespace(uuid=f"uuid-{seen[number]}"),
)
backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False))
'''
HOLDS = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from profiler.measure import devices
from profiler.measure.lock import device_lock
with device_lock([devices.device(sys.argv[2])], print):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text(TORCH)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(devices, "_identities", {})


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        ("0,1", {"cuda": "cuda-uuid-0", "cuda:0": "cuda-uuid-0", "cuda:1": "cuda-uuid-1"}),
        ("1,0", {"cuda": "cuda-uuid-1", "cuda:0": "cuda-uuid-1", "cuda:1": "cuda-uuid-0"}),
        ("1", {"cuda": "cuda-uuid-1"}),
    ],
)
def test_the_lock_is_of_the_gpu_and_not_of_its_number(
    monkeypatch: pytest.MonkeyPatch, visible: str, names: dict[str, str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert {name: devices.lock_name(devices.device(name)) for name in names} == names
    assert devices.lock_name("cpu") == "cpu"
    beyond = f"cuda:{len(visible.split(','))}"
    with pytest.raises(Unavailable, match=f"device '{beyond}' is not available"):
        devices.device(beyond)


def test_what_torch_was_not_asked_for_goes_by_its_name() -> None:
    assert [devices.lock_name(name) for name in ("cuda", "cuda:1", "mps")] == ["cuda:0", "cuda:1", "mps"]


@pytest.mark.parametrize(("theirs", "waits"), [("1", True), ("0", False)])
def test_two_processes_on_two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theirs: str, waits: bool) -> None:
    """The other process sees one GPU alone, as cuda:0; this one sees both, and measures on cuda:1."""
    said: list[str] = []
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": theirs}
    command = [sys.executable, "-c", HOLDS, str(tmp_path), "cuda:0"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"

        def slept(seconds: float) -> None:
            other.kill()
            other.wait()

        monkeypatch.setattr("time.sleep", slept)
        with device_lock([devices.device("cuda:1")], said.append):
            alone = other.poll() is not None
        other.kill()
    assert alone == waits
    expected = [f"cuda:1: profiler, process {other.pid} is measuring on it; waiting until it ends (Ctrl-C gives up)"]
    assert said == (expected if waits else [])
