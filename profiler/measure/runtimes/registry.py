"""The runtimes by their names, and what a setting takes of them. Neither torch nor a runtime is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from profiler.errors import ProfilerError
from profiler.measure.command import check_command
from profiler.measure.devices import OPENVINO_DEVICES
from profiler.measure.plan import Setting, State
from profiler.measure.runtimes.executorch import ExecuTorch
from profiler.measure.runtimes.litert import LiteRt
from profiler.measure.runtimes.onnxruntime import OnnxRuntime, TensorRt
from profiler.measure.runtimes.openvino import OpenVino
from profiler.measure.runtimes.runtime import ONNX_FILE, Inputs, Runtime

KINDS: dict[str, type[Runtime]] = {kind.name: kind for kind in (OnnxRuntime, OpenVino, TensorRt, LiteRt, ExecuTorch)}

OF_ONNX = tuple(name for name, kind in KINDS.items() if kind.file == ONNX_FILE)
"""Those that run ONNX files."""


def check_runtime(setting: Setting) -> None:
    """Refuse a setting that its runtime does not have. Raises ProfilerError, Unavailable where a package is absent."""
    if setting.runtime == "exec":
        check_command(setting)
    elif setting.runtime in KINDS:
        KINDS[setting.runtime].check(setting)
    elif setting.device.partition(":")[0] in OPENVINO_DEVICES:
        raise ProfilerError(f"torch has no device '{setting.device}', which openvino runs on; give --runtime openvino alone")
    elif setting.dtype == "int8":
        kinds = " or ".join(name for name, kind in KINDS.items() if "int8" in kind.dtypes)
        raise ProfilerError(f"torch runs no network in int8 here; give --runtime {kinds} alone, or another --dtype")


def facts(state: State) -> dict[str, Any]:
    """What a worker's runtime is, for the record; nothing of torch's own, whose version stands there anyhow."""
    return {"runtime": state.runtime, **KINDS[state.runtime].facts(state)} if state.runtime in KINDS else {}


def exported_for(setting: Setting) -> type[Runtime]:
    """The runtime in whose form a network is exported; a command is given the ONNX file of ONNX Runtime."""
    return KINDS.get(setting.runtime, OnnxRuntime)


def loaded(path: Path, inputs: Inputs, setting: Setting) -> Runtime:
    """An exported file in the runtime of a setting. Raises ProfilerError."""
    return KINDS[setting.runtime](path, inputs, setting)
