"""CUDA, NVIDIA's GPUs and to torch AMD's too: work that queues up, clocked by events and by replayed graphs."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiler.measure.device import Device, Graph

if TYPE_CHECKING:
    import torch

CYCLES_PER_S = 2e9
"""Of a GPU's clock, roughly."""
CALLS_BEFORE_CAPTURE = 3
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""What NVIDIA's driver, Windows's for Linux and AMD's leave in the system."""


class Cuda(Device):
    """`cuda` is the first of them, `cuda:1` the second."""

    type = "cuda"
    numbered = True
    counted = "torch.cuda.device_count() if torch.cuda.is_available() else 0"
    has_own_time = True
    matrix_side = 4096
    fatal = ("CUDA error",)  # it stays with the process: no later cell could be measured in it

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

        stream = torch.cuda.Stream(self.torch_device)
        stream.wait_stream(torch.cuda.current_stream(self.torch_device))
        try:
            with torch.cuda.stream(stream):
                for _ in range(CALLS_BEFORE_CAPTURE):
                    call()
            torch.cuda.current_stream(self.torch_device).wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                output = call()
            graph.replay()
            self.synchronize()
        except RuntimeError:  # a network that synchronises or allocates as it goes cannot be captured; events time it
            return None
        return Graph(graph.replay, output)

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
        """By NVML, where its Python package is installed."""
        try:
            import pynvml
        except ImportError:
            return {}
        try:
            return {
                "sm_clock_hz": pynvml.nvmlDeviceGetClockInfo(self._nvml, pynvml.NVML_CLOCK_SM) * 10**6,
                "throttle_reasons": pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(self._nvml),
                "temperature_c": pynvml.nvmlDeviceGetTemperature(self._nvml, pynvml.NVML_TEMPERATURE_GPU),
            }
        except pynvml.NVMLError:
            return {}

    @cached_property
    def _nvml(self) -> Any:
        import pynvml
        import torch

        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(self.torch_device).uuid}")

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
