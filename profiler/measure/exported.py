"""A workload alive in a deployed runtime: built and run once in torch, exported, loaded by the runtime, held against eager."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from torch import nn

from profiler.errors import ProfilerError
from profiler.measure.live import DTYPES, Live, Made, array, eager_outputs
from profiler.measure.outputs import MOST, check_same, largest_difference
from profiler.measure.plan import Source
from profiler.measure.runtimes import exports, registry
from profiler.measure.runtimes.fusion import Operation, layers_of, of_modules
from profiler.measure.runtimes.quantised import quantise
from profiler.measure.runtimes.runtime import Inputs, Runtime
from profiler.measure.untrained import set_statistics
from profiler.module.onnx_export import input_names
from profiler.module.trees import map_tensors, tensors_of_call


class Exported(Live):
    """What is timed is the runtime's own call on inputs that it holds; torch's module is gone by then."""

    def _bring_alive(self, make: Callable[[], Made]) -> None:
        start = perf_counter()
        module, args, kwargs = make()
        if not isinstance(module, nn.Module):
            raise ProfilerError(f"only a module can be exported, and this is {type(module).__name__}")
        self.source = Source.of(module)
        module.eval()
        self.modules = frozenset(path for path, _ in module.named_modules() if path)
        set_statistics(module, args, kwargs)
        expected = self._expected(module, args, kwargs)
        self.build_s = perf_counter() - start
        if self.setting.dtype == "fp16" and self.setting.runtime in ("onnxruntime", "exec"):
            module, (args, kwargs) = module.half(), _halved(args, kwargs)
        inputs = dict(zip(input_names(args, kwargs), map(array, tensors_of_call(args, kwargs)), strict=True))
        quantised = self.setting.dtype == "int8"
        kind = registry.exported_for(self.setting)
        key = exports.key_of(module, args, kwargs, f"{kind.exporter()}{', int8' if quantised else ''}")
        write = _writer(kind, module, args, kwargs, inputs if quantised else None)
        found = exports.HERE.export(key, write, kind.file)
        if found.seconds is not None:
            self._load(found, inputs)
        elif not self._stands(found, inputs, expected):
            self._load(exports.HERE.export(key, write, kind.file, anew=True), inputs)
        self.output_difference = self._difference(expected)
        check_same(self.output_difference, self.setting.dtype)

    def layers_of(self, operations: Iterable[Operation]) -> list[tuple[str, ...]]:
        """The layers that each operation of the runtime holds, by their paths."""
        return layers_of(self.runtime.path, of_modules(self.modules), [*operations])

    def _expected(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any] | None:
        """What its outputs are held against."""
        return eager_outputs(module, args, kwargs)

    def _load(self, found: exports.Export, inputs: Inputs) -> None:
        self.export_s, self.artifact_bytes = found.seconds, found.size
        before = self.device.memory_before()
        start = perf_counter()
        self.runtime = registry.loaded(found.path, inputs, self.setting)
        self.load_s = perf_counter() - start
        self.call = self.runtime.call
        self.first_call_s = self._once()
        # what torch counts of a GPU's memory is torch's alone
        self.peak_bytes = self.device.peak_since(before) if self.device.threaded else None
        self.runtime.inspect()
        self.nodes = self.runtime.nodes

    def _stands(self, kept: exports.Export, inputs: Inputs, expected: list[Any] | None) -> bool:
        """Whether a file that was kept is whole, and of this network: code that its key does not see may have changed since."""
        try:
            self._load(kept, inputs)
            difference = self._difference(expected) or 0.0
        except Exception:  # each runtime has faults of its own for a file that is damaged
            return False
        return difference <= MOST or self.setting.dtype != "fp32"

    def _difference(self, expected: list[Any] | None) -> float | None:
        return None if expected is None else largest_difference(self.runtime.outputs(), expected)

    @property
    def has_own_time(self) -> bool:
        return False  # its work is on streams of its own

    def sync(self) -> None:
        """A call has ended when it returns."""

    def capture(self) -> None:
        """There is nothing of torch's to capture."""


def _halved(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return map_tensors((args, dict(kwargs)), lambda x: x.to(DTYPES["fp16"]) if x.is_floating_point() else x)


def _writer(
    kind: type[Runtime], module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], quantised_for: Inputs | None
) -> Callable[[Path], None]:
    """What writes the file to a path, in int8 where it is given inputs to quantise it for."""

    def write(path: Path) -> None:
        if quantised_for is None:
            kind.write(module, args, kwargs, path)
            return
        with TemporaryDirectory(dir=path.parent) as folder:
            kind.write(module, args, kwargs, Path(folder) / path.name)
            quantise(Path(folder) / path.name, path, quantised_for)

    return write
