"""On a real GPU: every path of the CUDA class, against torch's own figures. `pytest -m gpu tests/measure`; about a minute."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler import benchmark
from profiler.errors import ProfilerError, Unavailable
from profiler.load.load import in_closed_form
from profiler.measure import devices
from profiler.measure.clocks import ReferenceKernel, visit, warm
from profiler.measure.cuda import Cuda
from profiler.measure.energy import measured_block
from profiler.measure.live import Live
from profiler.measure.outcomes import Outcome
from profiler.measure.per_layer import Clocked
from profiler.measure.plan import Budget, Setting, Spec
from profiler.measure.pool import Pool
from profiler.measure.protocol import Scheduler
from profiler.measure.roofs import roofs
from profiler.measure.workloads import ModuleWorkload, NetworkWorkload, Slowed
from profiler.study.bench import bench
from profiler.study.bench_options import BenchOptions
from profiler.study.layers import layers

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")]
ROOT = Path(__file__).resolve().parents[2]
DEVICE = "cuda"
SMALL = in_closed_form("mobilenet_v1@alpha=0.25,resolution=64")
WORKLOAD = NetworkWorkload(SMALL.name, SMALL.value, SMALL.inputs)


def live(batch: int = 4, **setting: Any) -> Live:
    return WORKLOAD.live(Setting(device=DEVICE, **setting), batch)


def of(module: nn.Module, *args: Any, **setting: Any) -> Live:
    return Live(lambda: (module, args, {}), Setting(device=DEVICE, **setting))


class Branches(nn.Module):
    """Reads a value back from the GPU, which no graph can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        out: Tensor = self.fc(x) if x.sum().item() > 0 else -x
        return out


class Waits(Branches):
    """Waits for the GPU in the middle."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        torch.cuda.synchronize()
        out: Tensor = self.fc(x)
        return out


class TooLarge(Branches):
    """Wants more memory than any GPU has."""

    def forward(self, x: Tensor) -> Tensor:
        return x.new_empty(1 << 42) + x.sum()


class Asserts(nn.Module):
    """Looks up what is not in its table, which ends the process's use of the GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.table(x)
        torch.cuda.synchronize()
        return out


# The clock


def test_the_device_s_own_time_is_that_of_torch_s_events() -> None:
    """A product of two large matrices keeps the GPU busy by itself: wall, events, replays and torch's own events agree."""
    product = nn.Linear(4096, 4096)
    made = of(product, torch.randn(4096, 4096))
    warm(made, 1.0)
    found = visit(made, None, 1, 5, 4)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(20):
        made.call()
    end.record()
    torch.cuda.synchronize()
    theirs = begin.elapsed_time(end) / 20 / 1e3
    for ours in (found.seconds, found.event_s, found.graph_s):
        assert sorted(ours)[2] == pytest.approx(theirs, rel=0.15)


def test_launches_are_not_of_the_device_s_own_time() -> None:
    made = live(batch=1)
    warm(made, 1.0)
    found = visit(made, None, 1, 9, 2)
    wall, events, replays = (sorted(each)[4] for each in (found.seconds, found.event_s, found.graph_s))
    assert replays < wall
    assert events < wall


def test_a_replay_computes_what_the_call_does() -> None:
    made = live()
    visit(made, None, 1, 1, 1)
    assert made.graph is not None
    expected: Any = made.call()
    made.graph.output.zero_()  # type: ignore[attr-defined]
    made.graph.replay()
    made.sync()
    torch.testing.assert_close(made.graph.output, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", [Branches, Waits])
def test_what_cannot_be_captured_leaves_the_process_usable(kind: type[nn.Module]) -> None:
    before = torch.cuda.current_stream()
    made = of(kind(), torch.ones(4, 8))
    found = visit(made, None, 1, 3, 2)
    assert (found.graph_s, len(found.event_s)) == ([], 3)
    assert torch.cuda.current_stream() == before
    torch.cuda.empty_cache()
    assert torch.randn(4, device=DEVICE).shape == (4,)
    assert len(visit(live(), None, 1, 2, 1).graph_s) == 2


def test_a_slowed_network_is_not_captured() -> None:
    made = Slowed(WORKLOAD, 0.5).live(Setting(device=DEVICE), 1)
    assert visit(made, None, 1, 2, 1).graph_s == []
    assert ReferenceKernel(devices.opened(DEVICE))


# Settings


@pytest.mark.parametrize(("dtype", "within"), [("fp16", 0.05), ("bf16", 0.3)])
@pytest.mark.parametrize("memory_format", ["contiguous", "channels_last"])
def test_less_precision_computes_about_the_same(dtype: str, within: float, memory_format: str) -> None:
    whole: Any = live().call()
    made = live(dtype=dtype, memory_format=memory_format)
    found: Any = made.call()
    assert str(found.dtype) == {"fp16": "torch.float16", "bf16": "torch.bfloat16"}[dtype]
    assert ((found.float() - whole).norm() / whole.norm()).item() < within
    if memory_format == "channels_last":
        assert made.args[0].is_contiguous(memory_format=torch.channels_last)
    assert len(visit(made, None, 1, 2, 1).graph_s) == 2


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
def test_a_training_step_moves_the_weights(dtype: str) -> None:
    made = live(8, mode="train", optimizer="sgd", dtype=dtype)
    weight = made.module.get_parameter("stem.conv.weight")
    before = weight.detach().clone()
    found = visit(made, None, 3, 2, 2)
    assert (weight.dtype, bool(weight.isfinite().all()), torch.equal(before, weight)) == (torch.float32, True, False)
    assert (len(found.event_s), found.graph_s) == (2, [])
    assert (made.device.scaler(getattr(torch, {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}[dtype])) is None) == (
        dtype != "fp16"
    )


def test_compiled() -> None:
    found = benchmark("lenet5", device=DEVICE, compile=True, batch=8, time="2s")
    assert found.latency_s is not None, found.reason
    assert found.compile_s is not None
    assert found.compile_s > 0


# Memory


def test_the_peak_is_that_of_torch() -> None:
    live(32)  # what torch loads at first use is there now
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    made = live(32)
    theirs = torch.cuda.max_memory_allocated() - before
    assert made.peak_bytes is not None
    assert made.peak_bytes == pytest.approx(theirs, rel=0.05)
    assert made.peak_bytes >= 4 * SMALL.totals().params


def outcomes(*workloads: Any) -> list[Outcome]:
    """What becomes of cells that are alive in one worker."""
    cells = [Spec(each, 2, Setting(device=DEVICE, threads=1), {"cell": i}) for i, each in enumerate(workloads)]
    with Pool(cells) as pool:
        run = Scheduler(cells, pool, Budget(3.0, least_span=0.5), time.perf_counter, random.Random(0)).measure()
    return run.outcomes


def test_out_of_memory_in_one_cell_leaves_the_others() -> None:
    found = outcomes(WORKLOAD, ModuleWorkload.of(TooLarge(), (torch.ones(2, 8),), {}), WORKLOAD)
    assert [each.reason for each in found] == ["", "out of memory", ""]
    assert len(found[2].rounds) >= 10


def test_an_assertion_on_the_device_costs_its_own_cell_alone() -> None:
    found = outcomes(WORKLOAD, ModuleWorkload.of(Asserts(), (torch.tensor([9]),), {}), WORKLOAD)
    assert "CUDA error" in found[1].reason or "ended unexpectedly" in found[1].reason
    assert [len(found[i].rounds) >= 10 for i in (0, 2)] == [True, True]


def test_memory_that_another_process_holds_is_not_free() -> None:
    device = devices.opened(DEVICE)
    before = device.free_memory()
    holds = (
        "import torch, sys; x = torch.ones(1 << 28, device='cuda'); torch.cuda.synchronize(); "
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        after = device.free_memory()
        other.kill()
    assert before is not None
    assert after is not None
    assert before - after >= 1 << 30  # of floats of four bytes


# Layers and roofs


def test_leaves_partition_the_run() -> None:
    made = live()
    found = visit(made, Clocked(made), 1, 1, 1)
    assert list(found.layers) == [row.path for row in SMALL.profile().rows]
    assert min(found.layers.values()) >= 0
    assert sum(found.layers.values()) == pytest.approx(found.seconds[0], rel=0.05)  # each reading is rounded
    measured = layers("lenet5", bench=BenchOptions(device=DEVICE, time="2s"))
    assert sum(row.share for row in measured.layers[0].rows) == pytest.approx(1.0)


def test_roofs_of_half_precision_are_higher() -> None:
    whole, half = (roofs(devices.opened(DEVICE), dtype) for dtype in ("fp32", "fp16"))
    assert half.macs_per_s > whole.macs_per_s > 1e11
    assert all(rate > 1e9 for _, rate in whole.streams)


# NVML


def test_what_nvml_reads() -> None:
    pytest.importorskip("pynvml")
    device = devices.opened(DEVICE)
    found = device.reading()
    assert 10**8 < found["sm_clock_hz"] < 10**10
    assert 0 < found["temperature_c"] < 120
    assert isinstance(found["throttle_reasons"], int)
    assert device.facts()["driver"]


def test_joules_are_those_of_a_gpu_or_a_sentence() -> None:
    made = live(64)
    try:
        found = measured_block(made, 2.0)
    except ProfilerError as fault:
        pytest.skip(str(fault))
    assert found.seconds >= 2.0
    assert 5 < found.joules / found.seconds < 3000  # watts


# Whole runs, names, two processes


def test_a_benchmark_says_which_gpu() -> None:
    found = bench(
        "lenet5", "mobilenet_v1@alpha=0.25", batch="1,32", bench=BenchOptions(device=DEVICE, dtype="fp32,fp16", time="8s")
    )
    assert len(found) == 8
    for record in found:
        assert record["latency_s"] is not None, record["reason"]
        assert record["device_s"] is not None
        assert record["peak_bytes"] > 0
        assert record["launch_bound"] in (True, False)
    assert found.machine is not None
    workers = found.machine["workers"]
    assert {worker["gpu"] for worker in workers} == {torch.cuda.get_device_name()}
    assert {worker["cuda"] for worker in workers} == {torch.version.cuda}


def test_names_of_gpus() -> None:
    there = torch.cuda.device_count()
    assert devices._counted()["cuda"] == there
    assert Cuda.may_be_here()
    assert devices.device("auto") == "cuda"
    assert devices.device(f"cuda:{there - 1}") == f"cuda:{there - 1}"
    with pytest.raises(Unavailable, match=f"torch sees {there} of them"):
        devices.device(f"cuda:{there}")
    assert devices.lock_name("cuda") == f"cuda-{torch.cuda.get_device_properties(0).uuid}"


def test_another_process_on_the_same_gpu_is_waited_for(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    holds = (
        "import sys; from profiler.measure import devices; from profiler.measure.lock import device_lock\n"
        "with device_lock([devices.device('cuda')], print):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-m", "profiler", "bench", "lenet5", "--device", "cuda:0", "--time", "1s"]
    with subprocess.Popen(
        [sys.executable, "-c", holds], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ours:
            assert ours.stderr is not None
            said = ours.stderr.readline()
            other.kill()
            assert ours.wait() == 0
    assert f"cuda:0: profiler, process {other.pid} is measuring on it" in said
