"""ExecuTorch: a `.pte` that torch.export lowers to XNNPACK on the CPU. Loaded in the worker that runs it."""

from __future__ import annotations

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


class ExecuTorch(Runtime):
    """A method of a program with the threads of the setting; what XNNPACK does not take runs in portable kernels."""

    name = "executorch"
    extra = "executorch"
    packages = ("executorch",)
    dtypes = ("fp32",)
    devices: ClassVar = {"cpu": "CPU"}
    file = "model.pte"
    has_profile = False

    def __init__(self, path: Path, inputs: Inputs, setting: Setting) -> None:
        import torch

        self.path = path
        given = [torch.from_numpy(value) for value in inputs.values()]
        with quiet():
            from executorch.extension.pybindings import portable_lib
            from executorch.runtime import Runtime as Loader

            portable_lib._unsafe_reset_threadpool(setting.threads)  # the one way that it has
            try:
                self.program = Loader.get().load_program(str(path))  # which the method does not keep alive
                method = self.program.load_method("forward")
            except RuntimeError as fault:
                raise ProfilerError(f"executorch cannot load its file: {shortened(str(fault))}") from None
            if method is None:
                raise ProfilerError("executorch cannot load its file: it has no method forward")
            self.call = lambda: method.execute(given)
            try:
                self.call()
            except RuntimeError as fault:
                raise ProfilerError(f"executorch cannot run its file: {shortened(str(fault))}") from None

    def outputs(self) -> list[np.ndarray[Any, Any]]:
        found: Any = self.call()
        return [each.numpy().copy() for each in found]

    @classmethod
    def exporter(cls) -> str:
        return f"executorch {version('executorch')}, XNNPACK"

    @classmethod
    def write(cls, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], path: Path) -> None:
        import torch

        from profiler.module.tensors_only import tensors_only

        with quiet():
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
            from executorch.exir import to_edge_transform_and_lower

            try:
                program = torch.export.export(*tensors_only(module, args, kwargs))
                lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch()
            except Exception as fault:  # exporter, partitioner and emitter have faults of their own
                raise ProfilerError(f"executorch cannot export it: {shortened(str(fault), 200)}") from None
        path.write_bytes(lowered.buffer)

    @classmethod
    def facts(cls, _: State) -> dict[str, Any]:
        return {"version": version("executorch"), "provider": "CPU", "runtime_setting": "XNNPACK, else its portable kernels"}
