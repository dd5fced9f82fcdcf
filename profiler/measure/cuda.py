"""CUDA, NVIDIA's GPUs and to torch AMD's too: work that queues up, clocked by events and by replayed graphs."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiler.errors import ProfilerError
from profiler.measure.device import Device, Graph

if TYPE_CHECKING:
    import torch

CYCLES_PER_S = 2e9
"""Of a GPU's clock, roughly."""
CALLS_BEFORE_CAPTURE = 3
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""What NVIDIA's driver, Windows's for Linux and AMD's leave in the system."""


class _NoNvml(Exception):
    """NVML cannot be asked, and why."""


class Cuda(Device):
    """`cuda` is the first of them, `cuda:1` the second."""

    type = "cuda"
    numbered = True
    counted = "torch.cuda.device_count() if torch.cuda.is_available() else 0"
    identities = "[str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())]"
    has_own_time = True
    matrix_side = 4096
    fatal = ("CUDA error",)  # it stays with the process: no later cell could be measured in it
    _part_of_a_gpu = False
    """Whether it is an instance of MIG, known once NVML was asked."""

    @classmethod
    def may_be_here(cls) -> bool:
        return platform.system() == "Windows" or any(Path(driver).exists() for driver in DRIVERS)

    def begin(self) -> None:
        import torch

        torch.cuda.set_device(self.torch_device)  # streams and events are the current device's

    def facts(self) -> dict[str, Any]:
        import torch

        properties = torch.cuda.get_device_properties(self.torch_device)
        return {
            "gpu": properties.name,
            "gpu_memory_bytes": properties.total_memory,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
            "tf32_cudnn": torch.backends.cudnn.allow_tf32,
            **self._driver(),
        }

    def synchronize(self) -> None:
        import torch

        torch.cuda.synchronize(self.torch_device)

    def free_memory(self) -> int | None:
        import torch

        return torch.cuda.mem_get_info(self.torch_device)[0]

    def release_memory(self) -> None:
        import torch

        torch.cuda.empty_cache()

    def memory_before(self) -> int | None:
        import torch

        torch.cuda.reset_peak_memory_stats(self.torch_device)
        return torch.cuda.memory_allocated(self.torch_device)

    def peak_since(self, before: int | None) -> int | None:
        import torch

        return None if before is None else torch.cuda.max_memory_allocated(self.torch_device) - before

    def mark(self) -> torch.cuda.Event:
        import torch

        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds_between(self, first: torch.cuda.Event, last: torch.cuda.Event) -> float:
        return float(first.elapsed_time(last)) / 1e3

    def capture(self, call: Callable[[], object]) -> Graph | None:
        import torch

        graph, pool = torch.cuda.CUDAGraph(), torch.cuda.graph_pool_handle()
        current = torch.cuda.current_stream(self.torch_device)
        stream = torch.cuda.Stream(self.torch_device)
        stream.wait_stream(current)
        try:
            with torch.cuda.stream(stream):
                for _ in range(CALLS_BEFORE_CAPTURE):
                    call()
            current.wait_stream(stream)
            with torch.cuda.graph(graph, pool=pool):
                output = call()
            graph.replay()
            self.synchronize()
        except RuntimeError:  # a network that synchronises or allocates as it goes cannot be captured; events time it
            self._abandon(current, pool)
            return None
        return Graph(graph.replay, output)

    def _abandon(self, current: Any, pool: Any) -> None:
        """Put right what torch leaves behind where a capture fails, so that the cells to come find the process as it was.

        The stream of the capture stays the current one. In torch 2.11 and before, the allocator goes on as if the capture were
        under way (pytorch#180395): it frees nothing more, and later captures fail on it. The generator of random numbers
        refuses what is outside of a capture. What the failed capture had allocated stays with the process.
        """
        import torch

        torch.cuda.set_stream(current)
        index = torch.cuda.current_device()
        with suppress(RuntimeError, AttributeError):  # a later torch has done it, and says so
            torch._C._cuda_endAllocateToPool(index, pool)
        generator = torch.cuda.default_generators[index]
        with suppress(RuntimeError, AttributeError):
            generator.graphsafe_set_state(generator.clone_state())

    def own_seconds(self, work: Callable[[], object], calls: int, queue_s: float) -> float:
        import torch

        if queue_s and hasattr(torch.cuda, "_sleep"):
            # the device waits while the launches queue up, so that the events are around its work and not around them
            torch.cuda._sleep(int(queue_s * CYCLES_PER_S))
        first = self.mark()
        for _ in range(calls):
            work()
        last = self.mark()
        self.synchronize()
        return self.seconds_between(first, last) / calls

    def reading(self) -> dict[str, Any]:
        """By NVML, where its Python package is installed: of these, what this GPU tells."""
        found: dict[str, Any] = {}
        with suppress(_NoNvml):
            nvml, gpu = self._nvml
            asked: dict[str, Callable[[], int]] = {
                "sm_clock_hz": lambda: nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM) * 10**6,
                "throttle_reasons": lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu),
                "temperature_c": lambda: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
            }
            for name, ask in asked.items():
                with suppress(nvml.NVMLError):
                    found[name] = ask()
        return found

    def joules(self) -> float:
        try:
            nvml, gpu = self._nvml
        except _NoNvml as fault:
            raise ProfilerError(f"the energy counter of {self.name} cannot be read: {fault}") from None
        if self._part_of_a_gpu:
            raise ProfilerError(f"{self.name} is a MIG instance, and the energy counter measures the whole GPU")
        try:
            return float(nvml.nvmlDeviceGetTotalEnergyConsumption(gpu)) / 1e3  # of millijoules since the driver was loaded
        except nvml.NVMLError as fault:
            raise ProfilerError(f"the energy counter of {self.name} cannot be read: NVML says {fault}") from None

    def _driver(self) -> dict[str, Any]:
        with suppress(_NoNvml):
            nvml, _ = self._nvml
            with suppress(nvml.NVMLError):
                return {"driver": nvml.nvmlSystemGetDriverVersion()}
        return {}

    @cached_property
    def _nvml(self) -> tuple[Any, Any]:
        """NVML's package, and what it calls this GPU; of a MIG instance its whole GPU, which has the clock. Raises _NoNvml."""
        import torch

        try:
            import pynvml
        except ImportError:
            raise _NoNvml("the package nvidia-ml-py is not installed; pip install nvidia-ml-py") from None
        uuid = torch.cuda.get_device_properties(self.torch_device).uuid
        try:
            pynvml.nvmlInit()
            try:
                return pynvml, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
            except pynvml.NVMLError:
                part = pynvml.nvmlDeviceGetHandleByUUID(f"MIG-{uuid}")
                self._part_of_a_gpu = True
                return pynvml, pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part)
        except pynvml.NVMLError as fault:
            raise _NoNvml(f"NVML says {fault}") from None

    def scaler(self, dtype: torch.dtype) -> torch.amp.GradScaler | None:
        import torch

        return torch.amp.GradScaler(self.torch_device.type) if dtype == torch.float16 else None

    def products_as_convolutions(self) -> AbstractContextManager[object]:
        return _tf32_as_convolutions()


@contextmanager
def _tf32_as_convolutions() -> Iterator[None]:
    import torch

    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    try:
        yield
    finally:
        matmul.allow_tf32 = before
