"""The GPUs' classes, every branch of them, on a torch.cuda that the test makes: its tensors are on the CPU, its clock is a number."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler.measure import devices, roofs, worker
from profiler.measure.clocks import LONGEST_QUEUE_S, visit
from profiler.measure.cuda import CYCLES_PER_S, Cuda
from profiler.measure.live import Live
from profiler.measure.mps import Mps
from profiler.measure.per_layer import Clocked
from profiler.measure.plan import Setting, Spec, State
from profiler.measure.worker import Worker
from profiler.measure.workloads import NetworkWorkload

CALL_MS, REPLAY_MS = 4.0, 1.0


class OnCpu(Cuda):
    """CUDA as it is, but for where its tensors are."""

    matrix_side = 16

    @cached_property
    def torch_device(self) -> torch.device:
        return torch.device("cpu")


class Gpu:
    """What the fake torch.cuda works on: milliseconds that go by as it works, and what it was told to do."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[Any] = []
        self.capturing = False

    def does(self, name: str, answer: Any = None) -> Callable[..., Any]:
        def done(*given: Any) -> Any:
            self.told.append((name, *(each for each in given if not isinstance(each, torch.device))))
            return answer

        return done


class Work(nn.Module):
    """Two leaves; each takes the GPU half of a call."""

    def __init__(self, gpu: Gpu) -> None:
        super().__init__()
        self.first, self.second, self.gpu = nn.Linear(3, 4), nn.Linear(4, 4), gpu

    def forward(self, x: Tensor) -> Tensor:
        for leaf in (self.first, self.second):
            self.gpu.now += 0.0 if self.gpu.capturing else CALL_MS / 2
            x = leaf(x)
        return x


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    made = Gpu()

    class Event:
        def __init__(self, enable_timing: bool = False) -> None:
            assert enable_timing
            self.at: float | None = None

        def record(self) -> None:
            self.at = made.now

        def elapsed_time(self, other: Event) -> float:
            assert made.told[-1] == ("synchronize",), "the device was not waited for"
            assert self.at is not None
            assert other.at is not None
            return other.at - self.at

    class Graph:
        replays = 0

        def replay(self) -> None:
            Graph.replays += 1
            made.now += REPLAY_MS

    @contextmanager
    def graph(graph: Graph) -> Iterator[None]:
        made.capturing = True
        try:
            yield
        finally:
            made.capturing = False

    @contextmanager
    def on(stream: Any) -> Iterator[None]:
        made.told.append("on the side")
        yield

    stream = SimpleNamespace(wait_stream=made.does("wait_stream"))
    fakes = {
        "Event": Event, "CUDAGraph": Graph, "graph": graph, "stream": on, "Stream": lambda device: stream,
        "current_stream": lambda device: stream, "synchronize": made.does("synchronize"), "_sleep": made.does("_sleep"),
        "set_device": made.does("set_device"), "empty_cache": made.does("empty_cache"),
        "mem_get_info": made.does("mem_get_info", (7_000, 9_000)), "memory_allocated": made.does("memory_allocated", 100),
        "reset_peak_memory_stats": made.does("reset_peak_memory_stats"),
        "max_memory_allocated": made.does("max_memory_allocated", 4_196),
        "get_device_properties": lambda device: SimpleNamespace(name="Fake 100", total_memory=9_000, uuid="1-2"),
    }  # fmt: skip
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake, raising=False)
    monkeypatch.setitem(devices.DEVICES, "cuda", OnCpu)
    monkeypatch.setitem(sys.modules, "pynvml", None)  # a package that is not installed
    return made


def nvml(monkeypatch: pytest.MonkeyPatch, lost: bool = False) -> list[str]:
    """NVML's package, whose driver may be lost; the identifiers that it is asked for."""
    asked: list[str] = []
    fake = ModuleType("pynvml")

    class NVMLError(Exception):
        """Its own."""

    def handle(uuid: str) -> str:
        asked.append(uuid)
        if lost:
            raise NVMLError
        return "handle"

    fake.__dict__.update(
        NVMLError=NVMLError, NVML_CLOCK_SM=1, NVML_TEMPERATURE_GPU=0, nvmlInit=lambda: None, nvmlDeviceGetHandleByUUID=handle,
        nvmlDeviceGetClockInfo=lambda handle, which: 1980, nvmlDeviceGetCurrentClocksThrottleReasons=lambda handle: 4,
        nvmlDeviceGetTemperature=lambda handle, which: 61,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return asked


def live(gpu: Gpu, **given: Any) -> Live:
    return Live(lambda: (Work(gpu), (torch.ones(2, 3),), {}), Setting(device="cuda", **given))


def test_eager_blocks_events_and_replays(gpu: Gpu) -> None:
    made = live(gpu)
    found = visit(made, None, settle=1, samples=3, block=2)
    assert (len(found.seconds), found.block, found.gpu) == (3, 2, {})
    assert found.event_s == pytest.approx([CALL_MS / 1e3] * 3)
    assert found.graph_s == pytest.approx([REPLAY_MS / 1e3] * 3)
    assert made.graph is not None
    assert isinstance(made.graph.output, Tensor)
    slept = [cycles for name, *cycles in (each for each in gpu.told if each[0] == "_sleep")]
    assert len(slept) == 3  # before the events; a graph is launched whole and queues up by itself
    assert all(0 < cycles <= LONGEST_QUEUE_S * CYCLES_PER_S for (cycles,) in slept)
    assert gpu.told.count("on the side") == 1
    visit(made, None, 0, 1, 1)
    assert gpu.told.count("on the side") == 1  # captured once


def test_what_cannot_be_captured_is_timed_by_events(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def refuses(graph: Any) -> Iterator[None]:
        gpu.told.append("refused")
        raise RuntimeError("operation not permitted when stream is capturing")
        yield

    monkeypatch.setattr(torch.cuda, "graph", refuses)
    monkeypatch.delattr(torch.cuda, "_sleep")  # a torch without it
    made = live(gpu)
    for _ in range(2):
        found = visit(made, None, 0, 2, 1)
        assert found.event_s == pytest.approx([CALL_MS / 1e3] * 2)
        assert found.graph_s == []
    assert gpu.told.count("refused") == 1  # and not tried again


def test_training_steps_are_timed_by_events_with_a_scaled_loss(gpu: Gpu) -> None:
    made = live(gpu, mode="train", optimizer="sgd", dtype="fp16")
    before = made.module.first.weight.detach().clone()
    found = visit(made, None, 0, 2, 1)
    assert found.event_s == pytest.approx([CALL_MS / 1e3] * 2)
    assert (found.graph_s, made.graph) == ([], None)
    assert isinstance(made.device.scaler(torch.float16), torch.amp.GradScaler)
    assert made.device.scaler(torch.bfloat16) is None
    assert not torch.equal(before, made.module.first.weight)


def test_leaves_are_marked_by_events(gpu: Gpu) -> None:
    made = live(gpu)
    found = visit(made, Clocked(made), 0, 2, 1)
    assert found.seconds == pytest.approx([CALL_MS / 1e3] * 2)
    assert found.layers == pytest.approx({"first": CALL_MS / 2e3, "second": CALL_MS / 2e3})


def test_memory_is_what_torch_allocated(gpu: Gpu) -> None:
    assert live(gpu).peak_bytes == 4_196 - 100
    assert [name for name, *_ in gpu.told if "memory" in name or "max" in name] == [
        "reset_peak_memory_stats", "memory_allocated", "max_memory_allocated",
    ]  # fmt: skip
    assert OnCpu("cuda").peak_since(None) is None


def test_a_worker_on_a_gpu(gpu: Gpu) -> None:
    made = Worker(State("cuda:1", torch.get_num_threads(), "fp32", "eager"), OnCpu)
    assert gpu.told[0] == ("set_device",)
    facts = made.facts()
    assert (facts["gpu"], facts["gpu_memory_bytes"], facts["cuda"]) == ("Fake 100", 9_000, torch.version.cuda)
    assert {"cudnn", "cudnn_benchmark", "tf32_matmul", "tf32_cudnn", "torch", "threads"} <= set(facts)
    assert made.free() == 7_000
    made.release(0)
    assert gpu.told[-1] == ("empty_cache",)
    assert Cuda("cuda:1").torch_device == torch.device("cuda", 1)


def test_roofs_are_those_of_convolutions(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofs, "WORKING_SETS", (1 << 10,))
    monkeypatch.setattr(roofs, "REPEATS", 1)
    monkeypatch.setattr(roofs, "LEAST_S", 1e-6)
    before = torch.backends.cuda.matmul.allow_tf32
    with OnCpu("cuda").products_as_convolutions():
        assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32
    found = roofs.roofs(OnCpu("cuda"), "fp32")
    assert torch.backends.cuda.matmul.allow_tf32 == before
    assert found.macs_per_s > 0
    assert ("synchronize",) in gpu.told


def test_what_nvml_reads(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    device = OnCpu("cuda")
    assert device.reading() == {}
    asked = nvml(monkeypatch)
    for _ in range(2):
        assert device.reading() == {"sm_clock_hz": 1_980_000_000, "throttle_reasons": 4, "temperature_c": 61}
    assert asked == ["GPU-1-2"]  # once
    nvml(monkeypatch, lost=True)
    assert OnCpu("cuda").reading() == {}
    assert device.reading() != {}


@pytest.mark.parametrize(("said", "outcome"), [("CUDA error: an illegal memory access", "fatal"), ("something else", "failed")])
def test_an_error_that_stays_with_the_process_ends_it(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, said: str, outcome: str
) -> None:
    class Ended(Exception):
        """In the place of the process's end."""

    def ends(code: int) -> None:
        raise Ended

    answers: list[Any] = []
    made = Worker(State("cuda", torch.get_num_threads(), "fp32", "eager"), OnCpu)
    monkeypatch.setattr(made, "warm", lambda number: (_ for _ in ()).throw(RuntimeError(said)))
    monkeypatch.setattr(worker, "receive", lambda stream: (7, "warm", 0))
    monkeypatch.setattr(worker, "send", lambda stream, message, token: answers.append(message))
    monkeypatch.setattr(worker, "_exit", ends)
    if outcome == "fatal":
        with pytest.raises(Ended):
            worker._answer(None, None, b"", made, os.getpid())  # type: ignore[arg-type]
    else:
        assert worker._answer(None, None, b"", made, os.getpid()) is made  # type: ignore[arg-type]
    assert answers == [(7, outcome, f"RuntimeError: {said}")]


def test_a_network_of_the_zoo_in_a_worker_on_a_gpu(gpu: Gpu) -> None:
    from profiler.load.load import in_closed_form

    network = in_closed_form("lenet5")
    made = Worker(State("cuda", torch.get_num_threads(), "fp32", "eager"), OnCpu)
    spec = Spec(NetworkWorkload(network.name, network.value, network.inputs), 1, Setting(device="cuda"))
    assert made.prepare(0, spec, layers=True).peak_bytes == 4_096
    assert list(made.visit(0, 0, 1, 1, layers=True).layers) == [row.path for row in network.profile().rows]
    assert len(made.visit(0, 0, 2, 1).graph_s) == 2


def test_apples_gpu_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[bool] = []
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append(True))
    device = Mps("mps")
    device.synchronize()
    assert waited == [True]
    assert (device.memory_before(), device.capture(lambda: None), device.has_own_time) == (None, None, False)
    with pytest.raises(NotImplementedError, match="mps has no time of its own"):
        device.own_seconds(lambda: None, 1, 0.0)
