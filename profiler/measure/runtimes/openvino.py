"""OpenVINO: an exported file on the CPU, or on Intel's GPU or NPU. Loaded in the worker that runs it."""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

from profiler.errors import ProfilerError, shortened
from profiler.measure.plan import Setting, State
from profiler.measure.runtimes.fusion import Operation
from profiler.measure.runtimes.runtime import Inputs, Runtime

if TYPE_CHECKING:
    import numpy as np

PRECISIONS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16", "int8": "f32"}
"""What is computed in; of int8, what its file does not quantise."""
CAPABILITIES = {"fp32": "FP32", "fp16": "FP16", "bf16": "BF16", "int8": "INT8"}

NO_KERNEL = ("undef", "unknown")
"""What stands before the kernels of operations that were fused into others, and of the ends of the graph."""


class OpenVino(Runtime):
    """A compiled model with one stream, the threads of the setting, and the precision that was asked for and no other."""

    name = "openvino"
    extra = "openvino"
    packages = ("onnx", "onnxscript", "openvino")
    dtypes = ("fp32", "bf16", "fp16", "int8")
    of_dtype: ClassVar = {"int8": ("onnxruntime",)}  # whose quantiser makes the file
    converts = ("bf16", "fp16")
    devices: ClassVar = {"cpu": "CPU", "gpu": "GPU", "npu": "NPU"}

    def __init__(self, path: Path, inputs: Inputs, setting: Setting) -> None:
        self.path, self.inputs, self.setting = path, inputs, setting
        self.device = named(setting.device)
        can = _core().get_property(self.device.partition(".")[0], "OPTIMIZATION_CAPABILITIES")
        if CAPABILITIES[setting.dtype] not in can:
            raise ProfilerError(f"openvino has no {setting.dtype} on this {self.device}, only {', '.join(can)}")
        self.compiled = self._compiled({})
        self.request = self._request(self.compiled)
        self.call = self.request.infer

    def _compiled(self, more: dict[str, Any]) -> Any:
        options = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1, **more}
        if self.device == "CPU":
            options["INFERENCE_NUM_THREADS"] = self.setting.threads
        # by itself it would compute fp32 in bf16 where the CPU can
        options["INFERENCE_PRECISION_HINT"] = PRECISIONS[self.setting.dtype]
        try:
            model = _core().read_model(str(self.path))
            if model.is_dynamic():  # a user's file may leave axes open, which are known here
                model.reshape({name: list(value.shape) for name, value in self.inputs.items()})
            return _core().compile_model(model, self.device, options)
        except RuntimeError as fault:
            raise ProfilerError(f"openvino cannot load its file: {shortened(str(fault))}") from None

    def _request(self, compiled: Any) -> Any:
        import openvino

        request = compiled.create_infer_request()
        for name, value in self.inputs.items():
            request.set_tensor(name, openvino.Tensor(value, shared_memory=True))
        return request

    def outputs(self) -> list[np.ndarray[Any, Any]]:
        found = self.request.infer()
        return [found[port].copy() for port in self.compiled.outputs]

    def inspect(self) -> None:
        """Count the operations of a run that is profiled, in a compiled model of its own, and look where it runs."""
        self.nodes = len(self.profile)
        elsewhere = [where for where in self.compiled.get_property("EXECUTION_DEVICES") if where != self.device]
        if elsewhere:
            raise ProfilerError(f"openvino fell back to {', '.join(elsewhere)} from {self.device}; give --device cpu")

    @cached_property
    def profile(self) -> list[Any]:
        """The operations that one run executes, in their order, as OpenVINO profiles them."""
        _, request = self._profiling
        request.infer()
        return _executed(request)

    def operations(self) -> list[Operation]:
        compiled, _ = self._profiling
        graph = compiled.get_runtime_model().get_ordered_ops()
        held = {each.get_friendly_name(): each.get_rt_info()["originalLayersNames"].astype(str) for each in graph}
        return [Operation(each.node_type, (*held.get(each.node_name, "").split(","), each.node_name)) for each in self.profile]

    def clocked(self, runs: int) -> list[tuple[float, list[float]]]:
        _, request = self._profiling
        found = []
        for _ in range(runs):
            start = perf_counter()
            request.infer()
            total = perf_counter() - start
            taken = {each.node_name: each.real_time.total_seconds() for each in request.get_profiling_info()}
            found.append((total, [taken.get(each.node_name, 0.0) for each in self.profile]))
        return found

    @cached_property
    def _profiling(self) -> tuple[Any, Any]:
        """A compiled model that reads the clock at every operation, and its request, which ran once."""
        compiled = self._compiled({"PERF_COUNT": True})
        request = self._request(compiled)
        request.infer()
        return compiled, request

    @classmethod
    def facts(cls, state: State) -> dict[str, Any]:
        import openvino

        device = named(state.device)
        return {
            "version": openvino.__version__.partition("-")[0],
            "provider": device,
            "runtime_setting": f"latency hint, 1 stream, {PRECISIONS[state.dtype]} as asked",
            "runtime_device": _core().get_property(device, "FULL_DEVICE_NAME").strip(),
        }


@cache
def _core() -> Any:
    """The one core of this process.

    The CPU plugin of a core sets the stack that signals are handled on, and puts the former one back when the core is
    freed. If two cores are freed in the order they were made, what is put back last is the stack of the first, which no
    longer exists, and the next signal ends the process (OpenVINO 2026.4).
    """
    import openvino

    return openvino.Core()


def _executed(request: Any) -> list[Any]:
    """What has a kernel; OpenVINO says of all that takes less than a microsecond that it did not run."""
    return [
        each
        for each in request.get_profiling_info()
        if each.status == each.EXECUTED or not each.exec_type.startswith(NO_KERNEL)
    ]


def named(device: str) -> str:
    """`gpu:1` as OpenVINO calls it: GPU.1."""
    kind, _, number = device.partition(":")
    return ".".join(filter(None, [OpenVino.devices[kind], number]))
