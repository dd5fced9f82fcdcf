"""LiteRT (TensorFlow Lite): a `.tflite` of litert-torch, with XNNPACK on the CPU. Loaded in the worker that runs it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from profiler.errors import ProfilerError, shortened
from profiler.measure.plan import Setting, State
from profiler.measure.runtimes.quiet import quiet
from profiler.measure.runtimes.runtime import Inputs, Runtime

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

_NUMBER = re.compile(r"(\d+)")


class LiteRt(Runtime):
    """An interpreter with the threads of the setting and the delegate that it takes by itself, which is XNNPACK."""

    name = "litert"
    extra = "litert"
    packages = ("litert_torch", "ai_edge_litert")
    dtypes = ("fp32",)
    devices: ClassVar = {"cpu": "CPU"}
    file = "model.tflite"
    has_profile = False

    def __init__(self, path: Path, inputs: Inputs, setting: Setting) -> None:
        self.path = path
        with quiet():
            from ai_edge_litert.interpreter import Interpreter

            try:
                self.interpreter = Interpreter(str(path), num_threads=setting.threads)
                self.interpreter.allocate_tensors()
                runner = self.interpreter.get_signature_runner()
                taken, made = runner.get_input_details(), runner.get_output_details()
                if len(taken) != len(inputs):
                    raise ValueError(f"it takes {len(taken)} inputs, and the network {len(inputs)}")
                for name, value in zip(sorted(taken, key=_place), inputs.values(), strict=True):
                    each = taken[name]  # whole numbers of 64 bits became some of 32
                    self.interpreter.set_tensor(each["index"], value.astype(each["dtype"], copy=False))
            except (RuntimeError, ValueError) as fault:
                raise ProfilerError(f"litert cannot load its file: {shortened(str(fault))}") from None
        self._outputs = [made[name]["index"] for name in sorted(made, key=_place)]
        self.call = self.interpreter.invoke

    def outputs(self) -> list[np.ndarray[Any, Any]]:
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(index) for index in self._outputs]

    @classmethod
    def exporter(cls) -> str:
        return f"litert-torch {version('litert-torch')}"

    @classmethod
    def write(cls, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], path: Path) -> None:
        from profiler.module.tensors_only import tensors_only

        with quiet():
            import litert_torch

            try:
                plain, given = tensors_only(module, args, kwargs)
                litert_torch.convert(plain, given).export(str(path))
            except Exception as fault:  # a converter of several packages, each with faults of its own
                raise ProfilerError(f"litert-torch cannot convert it: {shortened(str(fault), 200)}") from None

    @classmethod
    def facts(cls, _: State) -> dict[str, Any]:
        return {
            "version": version("ai-edge-litert"),
            "provider": "CPU",
            "runtime_setting": f"XNNPACK; converted by litert-torch {version('litert-torch')}",
        }


def _place(name: str) -> list[int]:
    """`args_1` before `args_2` before `args_10`."""
    return [int(each) for each in _NUMBER.findall(name)]
