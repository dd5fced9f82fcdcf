"""A GPU for tests without one: Cuda as it is, over a torch.cuda and an NVML that are made here, its tensors on the CPU.

Its clock is a number of milliseconds that goes by as it works; what it was told to do is in a list. `python -m tests.measure.stand_in
WORDS` is `profiler WORDS` on it in real workers, with the machine's clock in the place of the number.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from time import perf_counter
from types import ModuleType, SimpleNamespace
from typing import Any

import torch

from profiler.measure import devices, energy
from profiler.measure.cuda import Cuda

REPLAY_MS = 1.0
TOTAL, FREE = 9_000_000_000, 7_000_000_000
WATTS = 350.0
STEP_MS = 25.0
"""The energy counter moves so often."""
NOT_SUPPORTED = "Not Supported"


class NVMLError(Exception):
    """NVML's own."""


class Gpu:
    """What the made torch.cuda works on. Its fields are what a test can make other than they are."""

    def __init__(self) -> None:
        self.worked_ms = 0.0
        self.told: list[Any] = []
        self.capturing = False
        self.refuses_capture = False
        self.half_captured: set[Any] = set()
        """Pools that the allocator takes for being recorded to, since a capture failed (torch 2.11)."""
        self.stream: Any = "the default stream"
        self.random_state = "fine"
        self.allocated = 100
        self.peak = 4_196
        self.lacks: set[str] = set()
        """What NVML does not tell of it: names of its functions."""
        self.throttle_reasons = 4
        self.mig = False
        self.energy_moves = True
        self.millijoules = 0.0
        self.watts = WATTS
        self.asked: list[str] = []

    @property
    def now(self) -> float:
        """Milliseconds."""
        return self.worked_ms

    def work(self, milliseconds: float) -> None:
        """What a kernel does; a captured one does nothing yet."""
        self.worked_ms += 0.0 if self.capturing else milliseconds

    def tells(self, name: str, answer: Any = None) -> Callable[..., Any]:
        """A function of torch.cuda that notes what it was told."""

        def done(*given: Any) -> Any:
            self.told.append((name, *(each for each in given if not isinstance(each, torch.device))))
            return answer() if callable(answer) else answer

        return done

    def torch_cuda(self) -> dict[str, Any]:
        """The functions and classes of torch.cuda that Cuda uses."""
        gpu = self

        class Event:
            def __init__(self, enable_timing: bool = False) -> None:
                assert enable_timing
                self.at: float | None = None

            def record(self) -> None:
                self.at = gpu.now

            def elapsed_time(self, other: Event) -> float:
                assert gpu.told[-1] == ("synchronize",), "the device was not waited for"
                assert self.at is not None
                assert other.at is not None
                return other.at - self.at

        class Graph:
            def replay(self) -> None:
                gpu.worked_ms += REPLAY_MS

        @contextmanager
        def graph(graph: Graph, pool: Any) -> Iterator[None]:
            assert not gpu.half_captured, "captures_underway.empty() INTERNAL ASSERT FAILED"
            before, gpu.stream, gpu.capturing, gpu.random_state = gpu.stream, "the stream of the capture", True, "capturing"
            try:
                if gpu.refuses_capture:
                    gpu.told.append("refused")
                    gpu.half_captured.add(pool)
                    raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
                yield
            except RuntimeError:
                gpu.half_captured.add(pool)
                raise  # and leaves its stream, its pool and the generator as they are, as torch 2.11 does
            finally:
                gpu.capturing = False
            gpu.stream, gpu.random_state = before, "fine"

        @contextmanager
        def on(stream: Any) -> Iterator[None]:
            gpu.told.append("on the side")
            yield

        def set_stream(stream: Any) -> None:
            gpu.stream = getattr(stream, "named", stream)

        def empty_cache() -> None:
            if gpu.half_captured:
                raise RuntimeError("captures_underway.empty() INTERNAL ASSERT FAILED")
            gpu.told.append(("empty_cache",))

        def end_allocate(index: int, pool: Any) -> None:
            if pool not in gpu.half_captured:
                raise RuntimeError("endAllocatePool: not currently recording to mempool_id")
            gpu.half_captured.discard(pool)

        def current_stream(device: Any) -> Any:
            return SimpleNamespace(wait_stream=gpu.tells("wait_stream"), named=gpu.stream)

        def properties(device: Any) -> Any:
            number = getattr(device, "index", None) or 0
            return SimpleNamespace(name=f"Stand-in {100 + number}", total_memory=TOTAL, uuid=f"uuid-{number}")

        def set_state(state: str) -> None:
            gpu.random_state = state

        self.end_allocate = end_allocate
        return {
            "Event": Event, "CUDAGraph": Graph, "graph": graph, "stream": on, "current_stream": current_stream,
            "Stream": lambda device: SimpleNamespace(wait_stream=gpu.tells("wait_stream")), "set_stream": set_stream,
            "graph_pool_handle": object, "current_device": lambda: 0, "synchronize": gpu.tells("synchronize"),
            "default_generators": (SimpleNamespace(clone_state=lambda: "fine", graphsafe_set_state=set_state),),
            "_sleep": gpu.tells("_sleep"), "set_device": gpu.tells("set_device"), "empty_cache": empty_cache,
            "mem_get_info": gpu.tells("mem_get_info", (FREE, TOTAL)),
            "memory_allocated": gpu.tells("memory_allocated", lambda: gpu.allocated),
            "reset_peak_memory_stats": gpu.tells("reset_peak_memory_stats"),
            "max_memory_allocated": gpu.tells("max_memory_allocated", lambda: gpu.peak),
            "get_device_properties": properties,
        }  # fmt: skip

    def nvml(self) -> ModuleType:
        """NVML's package, of this GPU: what it lacks raises its error."""
        made = ModuleType("pynvml")

        def told(name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
            def ask(*given: Any) -> Any:
                if name in self.lacks:
                    raise NVMLError(NOT_SUPPORTED)
                return answer(*given)

            return ask

        def handle(uuid: str) -> str:
            self.asked.append(uuid)
            if uuid.startswith("MIG-") != self.mig:
                raise NVMLError("Not Found")
            return "an instance" if self.mig else "the GPU"

        def clock(handle: str, which: int) -> int:
            assert handle == "the GPU", "an instance has no clock"
            return 1980

        functions: dict[str, Callable[..., Any]] = {
            "nvmlInit": lambda: None,
            "nvmlDeviceGetHandleByUUID": handle,
            "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": lambda handle: "the GPU",
            "nvmlDeviceGetClockInfo": clock,
            "nvmlDeviceGetCurrentClocksThrottleReasons": lambda handle: self.throttle_reasons,
            "nvmlDeviceGetTemperature": lambda handle, which: 61,
            "nvmlSystemGetDriverVersion": lambda: "580.1",
            "nvmlDeviceGetTotalEnergyConsumption": lambda handle: self.counter(),
        }
        made.__dict__.update(NVMLError=NVMLError, NVML_CLOCK_SM=1, NVML_TEMPERATURE_GPU=0)
        made.__dict__.update({name: told(name, answer) for name, answer in functions.items()})
        return made

    def counter(self) -> int:
        """Millijoules since the driver was loaded, in steps."""
        return int(self.watts * STEP_MS * (self.now // STEP_MS)) if self.energy_moves else 5_000_000

    def install(self, put: Callable[[Any, str, Any], None] = setattr, nvml: bool = True) -> None:
        """Let this process's torch.cuda and NVML be those of this GPU; `put` may be that of a MonkeyPatch."""
        for name, fake in self.torch_cuda().items():
            put(torch.cuda, name, fake)
        put(torch._C, "_cuda_endAllocateToPool", self.end_allocate)
        sys.modules["pynvml"] = self.nvml() if nvml else None  # type: ignore[assignment]  # a package that is not installed


class ByTheClock(Gpu):
    """The same where time goes by itself, as in a worker."""

    @property
    def now(self) -> float:
        return 1e3 * perf_counter() + self.worked_ms


class StandIn(Cuda):
    """CUDA as it is, but for where its tensors are; in a worker it brings its own torch.cuda."""

    matrix_side = 16

    @cached_property
    def torch_device(self) -> torch.device:
        return torch.device("cpu")

    @classmethod
    def may_be_here(cls) -> bool:
        return True


class InWorkers(StandIn):
    """The stand-in of real workers, each of which makes its own GPU when it begins."""

    def begin(self) -> None:
        ByTheClock().install()
        super().begin()


def install() -> None:
    """Let `cuda` of this process, and of the workers that it begins, be the stand-in, with short blocks of energy."""
    devices.DEVICES["cuda"] = InWorkers
    devices._counted = lambda: {"cpu": 1, "cuda": 2, "mps": 0}
    energy.BLOCK_S = 0.1


if __name__ == "__main__":
    import tests.measure.stand_in as itself

    itself.install()
    from profiler.__main__ import main

    main()
