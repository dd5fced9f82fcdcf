"""ONNX Runtime: an exported file by one of its execution providers. Loaded in the worker that runs it."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

from profiler.errors import ProfilerError, shortened
from profiler.measure.plan import Setting, State
from profiler.measure.runtimes.fusion import Operation
from profiler.measure.runtimes.runtime import Inputs, Runtime

if TYPE_CHECKING:
    import numpy as np

CPU = "CPUExecutionProvider"
KERNEL = "_kernel_time"
"""What the events of operations end in."""


class OnnxRuntime(Runtime):
    """A session with the threads of the setting, every graph optimisation on, and no profiling."""

    name = "onnxruntime"
    extra = "onnx"
    packages = ("onnx", "onnxscript", "onnxruntime")
    dtypes: ClassVar[tuple[str, ...]] = ("fp32", "fp16", "int8")
    devices: ClassVar = {"cpu": CPU, "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}

    def __init__(self, path: Path, inputs: Inputs, setting: Setting) -> None:
        self.path, self.inputs, self.setting = path, dict(inputs), setting
        self.session = self._session(self._options())
        run, inputs = self.session.run, self.inputs
        self.call = lambda: run(None, inputs)

    def _options(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.setting.threads, 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3  # errors: what it warns of is found in its report
        return options

    def _session(self, options: Any) -> Any:
        import onnxruntime

        kind, _, number = self.setting.device.partition(":")
        provider = self.devices[kind]
        if provider not in (there := onnxruntime.get_available_providers()):
            raise ProfilerError(
                f"this onnxruntime has no {provider}, only {', '.join(there)}; give --device cpu, or install one that has"
            )
        given = [(provider, {**({"device_id": number} if number else {}), **self._provider_options()}), (CPU, {})]
        try:
            return onnxruntime.InferenceSession(str(self.path), options, providers=given[: 1 if provider == CPU else 2])
        except Exception as fault:  # onnxruntime has a class of its own for each kind of fault
            raise ProfilerError(f"onnxruntime cannot load its file: {shortened(str(fault))}") from None

    def _provider_options(self) -> dict[str, str]:
        """What its provider is told besides the device."""
        return {}

    def outputs(self) -> list[np.ndarray[Any, Any]]:
        return list(self.session.run(None, self.inputs))

    def inspect(self) -> None:
        """Count the operations of a profiled run in a session of its own, and on which provider each of them ran."""
        provider = self.devices[self.setting.device.partition(":")[0]]
        self.nodes = len(self.profile)
        elsewhere = fallback(
            provider, self.session.get_providers(), [each["args"].get("provider", "") for each in self.profile]
        )
        if elsewhere:
            raise ProfilerError(elsewhere)

    @cached_property
    def profile(self) -> list[dict[str, Any]]:
        """The events of the operations of one run, in their order."""
        ((_, events),) = self._profiled(1)
        return events

    def operations(self) -> list[Operation]:
        return [Operation(each["args"]["op_name"], (each["name"].removesuffix(KERNEL),)) for each in self.profile]

    def clocked(self, runs: int) -> list[tuple[float, list[float]]]:
        found = [(total, [each["dur"] / 1e6 for each in events]) for total, events in self._profiled(runs)]
        if any(len(seconds) != len(self.profile) for _, seconds in found):
            raise ProfilerError("its runs are not of the same operations, since it has control flow; leave out --layers")
        return found

    def _profiled(self, runs: int) -> list[tuple[float, list[dict[str, Any]]]]:
        """Seconds and operations of each of so many runs after a first one, in a session of its own, which is profiled."""
        with TemporaryDirectory() as folder:
            options = self._options()
            options.enable_profiling, options.profile_file_prefix = True, str(Path(folder) / "run")
            session = self._session(options)
            taken = []
            for _ in range(runs + 1):
                start = perf_counter()
                session.run(None, self.inputs)
                taken.append(perf_counter() - start)
            events = json.loads(Path(session.end_profiling()).read_text())
        nodes = [each for each in events if each.get("cat") == "Node" and each["name"].endswith(KERNEL)]
        size = len(nodes) // (runs + 1)
        return [(taken[i], nodes[i * size : (i + 1) * size]) for i in range(1, runs + 1)]

    @classmethod
    def facts(cls, state: State) -> dict[str, Any]:
        import onnxruntime

        return {
            "version": onnxruntime.__version__,
            "provider": cls.devices[state.device.partition(":")[0]],
            "runtime_setting": "all graph optimisations",
        }


class TensorRt(OnnxRuntime):
    """The same with TensorRT's provider on a CUDA device; what TensorRT does not take runs on the CPU, and is told of."""

    name = "tensorrt"
    dtypes = ("fp32", "fp16")
    devices: ClassVar = {"cuda": "TensorrtExecutionProvider"}

    def _provider_options(self) -> dict[str, str]:
        return {"trt_fp16_enable": "1"} if self.setting.dtype == "fp16" else {}


def fallback(asked: str, there: list[str], ran_on: list[str]) -> str:
    """What a session's own report says of a provider that it was asked for and did not run on; empty where it ran there.

    `there` are the providers of the session, `ran_on` the provider of each operation that ran.
    """
    if asked == CPU:
        return ""
    if asked not in there:
        return (
            f"onnxruntime fell back to {' and '.join(there)}, since {asked} did not begin; "
            "install the libraries that it needs, or give --device cpu"
        )
    elsewhere = sum(provider != asked for provider in ran_on)
    if ran_on and elsewhere == len(ran_on):
        return f"onnxruntime ran all {len(ran_on)} operations on {ran_on[0]}, and {asked} none of them; give --device cpu"
    return ""
