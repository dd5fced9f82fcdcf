"""The GPUs' classes, every branch of them, on a GPU that is made here: its tensors are on the CPU, its clock is a number."""

from __future__ import annotations

import gc
import os
import random
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler.errors import ProfilerError
from profiler.measure import devices, grades, roofs, worker
from profiler.measure.clocks import LONGEST_QUEUE_S, visit
from profiler.measure.cuda import CYCLES_PER_S, Cuda
from profiler.measure.host import Counters
from profiler.measure.live import Live
from profiler.measure.mps import Mps
from profiler.measure.per_layer import Clocked
from profiler.measure.plan import Budget, Setting, Spec, State
from profiler.measure.protocol import Scheduler
from profiler.measure.visits import CellFailed, ReferenceTime
from profiler.measure.worker import Worker
from profiler.measure.workloads import NetworkWorkload, Spin
from profiler.records.interval import Interval
from tests.measure.stand_in import REPLAY_MS, WATTS, Gpu, StandIn

CALL_MS = 4.0


class Work(nn.Module):
    """Two leaves; each takes the GPU half of a call."""

    def __init__(self, gpu: Gpu) -> None:
        super().__init__()
        self.first, self.second, self.gpu = nn.Linear(3, 4), nn.Linear(4, 4), gpu

    def forward(self, x: Tensor) -> Tensor:
        for leaf in (self.first, self.second):
            self.gpu.work(CALL_MS / 2)
            x = leaf(x)
        return x


@pytest.fixture(scope="module", autouse=True)
def frozen() -> None:
    """A worker collects garbage after each network, which is not to look through what the tests before have left."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    """A GPU without NVML."""
    made = Gpu()
    monkeypatch.setitem(devices.DEVICES, "cuda", StandIn)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    made.install(lambda owner, name, value: monkeypatch.setattr(owner, name, value, raising=False), nvml=False)
    return made


def with_nvml(gpu: Gpu) -> StandIn:
    sys.modules["pynvml"] = gpu.nvml()
    return StandIn("cuda")


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
    gpu.refuses_capture = True
    monkeypatch.delattr(torch.cuda, "_sleep")  # a torch without it
    made = live(gpu)
    for _ in range(2):
        found = visit(made, None, 0, 2, 1)
        assert found.event_s == pytest.approx([CALL_MS / 1e3] * 2)
        assert found.graph_s == []
    assert gpu.told.count("refused") == 1  # and not tried again


def test_a_network_that_fails_while_it_is_captured(gpu: Gpu) -> None:
    class Synchronises(Work):
        def forward(self, x: Tensor) -> Tensor:
            if self.gpu.capturing:
                raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
            return super().forward(x)

    made = Live(lambda: (Synchronises(gpu), (torch.ones(2, 3),), {}), Setting(device="cuda"))
    assert visit(made, None, 0, 2, 1).graph_s == []
    assert made.graph is None


@pytest.mark.parametrize("torch_cleans_up", ["by itself", "not, and offers no way to", "not"])
def test_a_failed_capture_leaves_the_process_as_it_was(gpu: Gpu, monkeypatch: pytest.MonkeyPatch, torch_cleans_up: str) -> None:
    """torch 2.11 leaves the stream, the allocator and the generator in the capture; what can be put right is."""
    worker = Worker(State("cuda", torch.get_num_threads(), "fp32", "eager"), StandIn)
    if torch_cleans_up == "by itself":
        monkeypatch.setattr(gpu, "half_captured", Forgetful())
    elif torch_cleans_up != "not":
        monkeypatch.delattr(torch._C, "_cuda_endAllocateToPool")
    gpu.refuses_capture = True
    visit(live(gpu), None, 0, 1, 1)
    assert (gpu.stream, gpu.random_state) == ("the default stream", "fine")
    assert bool(gpu.half_captured) == (torch_cleans_up == "not, and offers no way to")
    if not gpu.half_captured:
        worker.release(0)  # gives memory back
        gpu.refuses_capture = False
        assert visit(live(gpu), None, 0, 1, 1).graph_s == pytest.approx([REPLAY_MS / 1e3])


class Forgetful(set[Any]):
    """The allocator of a torch that ends a capture wherever it fails."""

    def add(self, pool: Any) -> None:
        pass


def test_what_no_graph_can_hold_is_not_captured(gpu: Gpu) -> None:
    """A call that waits for the device, and one that does nothing on it."""
    setting = Setting(device="cuda")
    slowed = live(gpu)
    slowed.slow_by(0.5)
    for made in (slowed, Spin(1e-4).live(setting, 1)):
        assert visit(made, None, 0, 1, 1).graph_s == []
    assert "on the side" not in gpu.told


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
    assert live(gpu).peak_bytes == 4_196 - 100  # what the stand-in says of its peak, and had before
    assert [name for name, *_ in gpu.told if "memory" in name or "max" in name] == [
        "reset_peak_memory_stats", "memory_allocated", "max_memory_allocated",
    ]  # fmt: skip
    assert StandIn("cuda").peak_since(None) is None


def test_a_worker_on_a_gpu(gpu: Gpu) -> None:
    made = Worker(State("cuda:1", torch.get_num_threads(), "fp32", "eager"), StandIn)
    assert gpu.told[0] == ("set_device",)
    facts = made.facts()
    assert (facts["gpu"], facts["gpu_memory_bytes"], facts["cuda"]) == ("Stand-in 100", 9_000_000_000, torch.version.cuda)
    assert {"cudnn", "cudnn_benchmark", "tf32_matmul", "tf32_cudnn", "torch", "threads"} <= set(facts)
    assert made.free() == 7_000_000_000
    made.release(0)
    assert gpu.told[-1] == ("empty_cache",)
    assert Cuda("cuda:1").torch_device == torch.device("cuda", 1)


def test_roofs_are_those_of_convolutions(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofs, "WORKING_SETS", (1 << 10,))
    monkeypatch.setattr(roofs, "REPEATS", 1)
    monkeypatch.setattr(roofs, "LEAST_S", 1e-6)
    before = torch.backends.cuda.matmul.allow_tf32
    with StandIn("cuda").products_as_convolutions():
        assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32
    found = roofs.roofs(StandIn("cuda"), "fp32")
    assert torch.backends.cuda.matmul.allow_tf32 == before
    assert found.macs_per_s > 0
    assert ("synchronize",) in gpu.told


def test_what_nvml_reads(gpu: Gpu) -> None:
    assert StandIn("cuda").reading() == {}
    assert "driver" not in StandIn("cuda").facts()
    device = with_nvml(gpu)
    for _ in range(2):
        assert device.reading() == {"sm_clock_hz": 1_980_000_000, "throttle_reasons": 4, "temperature_c": 61}
    assert gpu.asked == ["GPU-uuid-0"]  # once
    assert device.facts()["driver"] == "580.1"


def test_what_nvml_does_not_tell_is_left_out(gpu: Gpu) -> None:
    device = with_nvml(gpu)
    gpu.lacks = {"nvmlDeviceGetTemperature", "nvmlSystemGetDriverVersion"}
    assert device.reading() == {"sm_clock_hz": 1_980_000_000, "throttle_reasons": 4}
    assert "driver" not in device.facts()
    gpu.lacks = {"nvmlInit"}  # the driver is lost
    other = with_nvml(gpu)
    assert other.reading() == {}
    assert "driver" not in other.facts()


def test_an_instance_of_mig_has_the_clock_of_its_gpu_and_no_energy(gpu: Gpu) -> None:
    gpu.mig = True
    device = with_nvml(gpu)
    assert device.reading()["sm_clock_hz"] == 1_980_000_000
    assert gpu.asked == ["GPU-uuid-0", "MIG-uuid-0"]
    with pytest.raises(ProfilerError, match="cuda is a MIG instance, and the energy counter measures the whole GPU"):
        device.joules()


def test_the_second_gpu_by_its_number(gpu: Gpu) -> None:
    sys.modules["pynvml"] = gpu.nvml()
    second = Cuda("cuda:1")
    assert second.torch_device == torch.device("cuda", 1)
    assert (second.facts()["gpu"], Cuda("cuda").facts()["gpu"]) == ("Stand-in 101", "Stand-in 100")
    assert second.reading() != {}
    assert gpu.asked == ["GPU-uuid-1", "GPU-uuid-0"]


@pytest.mark.parametrize(
    ("lacks", "installed", "said"),
    [
        (
            "",
            False,
            "the energy counter of cuda cannot be read: the package nvidia-ml-py is not installed; pip install nvidia-ml-py",
        ),
        ("nvmlInit", True, "the energy counter of cuda cannot be read: NVML says Not Supported"),
        ("nvmlDeviceGetTotalEnergyConsumption", True, "the energy counter of cuda cannot be read: NVML says Not Supported"),
    ],
)
def test_an_energy_counter_that_is_not_there(gpu: Gpu, lacks: str, installed: bool, said: str) -> None:
    gpu.lacks = {lacks}
    device = with_nvml(gpu) if installed else StandIn("cuda")
    with pytest.raises(ProfilerError) as fault:
        device.joules()
    assert str(fault.value) == said


def test_joules_of_the_counter(gpu: Gpu) -> None:
    gpu.work(1000.0)
    assert with_nvml(gpu).joules() == WATTS * 1.0


def test_heat_and_power_lower_the_grade(gpu: Gpu) -> None:
    """NVML's reason 0x40 is heat; 0x4 is the power limit that somebody set, which is how that GPU is."""
    with_nvml(gpu)
    for reasons, expected in ((0x40, "GPU slowed by heat or power in 100 % of rounds"), (0x4, "")):
        gpu.throttle_reasons = reasons
        outcome = scheduled(gpu, [Work]).run.outcomes[0]
        found = grades.grade(Interval(1.0, 0.999, 1.001), [each.reading for each in outcome.rounds.values()], None)
        assert expected in found.reason
        assert found.letter == ("C" if expected else "A") or "disturbed" in found.reason


def test_out_of_memory_in_one_cell_leaves_the_others(gpu: Gpu) -> None:
    class TooLarge(Work):
        def forward(self, x: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    scheduler = scheduled(gpu, [Work, TooLarge, Work])
    assert [outcome.reason for outcome in scheduler.run.outcomes] == ["", "out of memory", ""]
    assert [len(outcome.rounds) >= 10 for outcome in scheduler.run.outcomes] == [True, False, True]
    assert ("empty_cache",) in gpu.told


class Made:
    """A workload of a module's class."""

    def __init__(self, kind: type[Work], gpu: Gpu) -> None:
        self.name, self.kind, self.gpu = kind.__name__, kind, gpu

    def live(self, setting: Setting, batch: int) -> Live:
        return Live(lambda: (self.kind(self.gpu), (torch.ones(2, 3),), {}), setting)


class InProcess:
    """The scheduler's bench with a worker in this very process; what it raises is the cell's reason."""

    lost_s = 0.0

    def __init__(self, cells: list[Spec]) -> None:
        self.cells, self.worker = cells, Worker(cells[0].state, StandIn)

    def _asked(self, ask: Callable[..., Any], *given: Any) -> Any:
        try:
            return ask(*given)
        except Exception as fault:
            raise CellFailed(worker.reason_of(fault)) from None

    def prepare(self, number: int) -> Any:
        return self._asked(self.worker.prepare, number, self.cells[number], False)

    def warm(self, number: int, seconds: float) -> Any:
        found = self._asked(self.worker.warm, number, 1e-9)  # one call, however fast the machine is
        return found._replace(call_s=CALL_MS / 1e3)  # by the clock that the run is on

    def visit(self, number: int, settle: int, samples: int, block: int) -> Any:
        return self._asked(self.worker.visit, number, settle, 2, block)

    def visit_layers(self, number: int, samples: int) -> Any:
        return self._asked(self.worker.visit, number, 1, samples, 1, True)

    def energy(self, number: int, seconds: float) -> Any:
        return self._asked(self.worker.energy, number, seconds)

    def reference(self, state: State) -> ReferenceTime:
        return ReferenceTime(1e-3)  # of a machine that does nothing else

    def release(self, number: int) -> None:
        self.worker.release(number)

    def counters(self) -> Counters:
        return Counters(0, 0, 0)

    def free(self, state: State) -> int | None:
        return self.worker.free()


def scheduled(gpu: Gpu, kinds: list[type[Work]], energy: bool = False) -> Scheduler:
    """A run over modules of these classes, to its end, by the GPU's own clock."""
    cells = [Spec(Made(kind, gpu), 2, Setting(device="cuda", threads=torch.get_num_threads())) for kind in kinds]
    bench = InProcess(cells)
    made = Scheduler(
        cells,
        bench,
        Budget(2.0, least_span=0.1),
        lambda: gpu.now / 1e3,
        random.Random(0),
        meter=bench if energy else None,
    )
    made.measure()
    return made


def test_energy_of_cells_after_their_latency(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    with_nvml(gpu)
    monkeypatch.setattr("profiler.measure.energy.perf_counter", lambda: gpu.now / 1e3)

    class Twice(Work):
        def forward(self, x: Tensor) -> Tensor:
            self.gpu.work(CALL_MS)
            return super().forward(x)

    scheduler = scheduled(gpu, [Work, Twice], energy=True)
    once, twice = (outcome.energy.per_sample(2) for outcome in scheduler.run.outcomes)
    assert once is not None
    assert twice is not None
    # 350 W over calls of 4 and 8 ms, of two samples each; a step of 25 ms more or less in 2 s
    assert once.estimate == pytest.approx(350.0 * 0.004 / 2, rel=0.015)
    assert twice.estimate == pytest.approx(350.0 * 0.008 / 2, rel=0.015)
    assert once.low <= once.estimate <= once.high
    assert min(block.seconds for outcome in scheduler.run.outcomes for block in outcome.energy.blocks) >= 2.0
    gpu.energy_moves = False
    still = scheduled(gpu, [Work], energy=True).run.outcomes[0]
    assert still.energy.reason == "the energy counter of cuda did not move for 2 s of calls"
    assert (still.energy.per_sample(2), still.reason, len(still.rounds) >= 10) == (None, "", True)


@pytest.mark.parametrize(("said", "outcome"), [("CUDA error: an illegal memory access", "fatal"), ("something else", "failed")])
def test_an_error_that_stays_with_the_process_ends_it(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, said: str, outcome: str
) -> None:
    class Ended(Exception):
        """In the place of the process's end."""

    def ends(code: int) -> None:
        raise Ended

    answers: list[Any] = []
    made = Worker(State("cuda", torch.get_num_threads(), "fp32", "eager"), StandIn)
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


@pytest.mark.parametrize("said", ["CUDA error: device-side assert triggered", "something else"])
def test_a_cell_that_fails_when_nothing_can_be_given_back(gpu: Gpu, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """After such an error the allocator fails too; the cell's reason is still its own, and the process ends only if it must."""
    ended: list[int] = []
    answers: list[Any] = []
    made = Worker(State("cuda", torch.get_num_threads(), "fp32", "eager"), StandIn)
    gpu.half_captured.add("a pool")  # giving memory back raises
    monkeypatch.setattr(made, "prepare", lambda number: (_ for _ in ()).throw(RuntimeError(said)))
    monkeypatch.setattr(worker, "receive", lambda stream: (7, "prepare", 0))
    monkeypatch.setattr(worker, "send", lambda stream, message, token: answers.append(message))
    monkeypatch.setattr(worker, "_exit", ended.append)
    worker._answer(None, None, b"", made, os.getpid())  # type: ignore[arg-type]
    fatal = "CUDA error" in said
    assert answers[0] == (7, "fatal" if fatal else "failed", f"RuntimeError: {said}")
    assert ended == ([1] if fatal else [])


def test_a_network_of_the_zoo_in_a_worker_on_a_gpu(gpu: Gpu) -> None:
    from profiler.load.load import in_closed_form

    network = in_closed_form("lenet5")
    made = Worker(State("cuda", torch.get_num_threads(), "fp32", "eager"), StandIn)
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
