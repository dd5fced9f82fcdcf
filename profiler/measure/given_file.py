"""A user's own ONNX file, alive in the runtime that runs it, on random values of its inputs. Torch builds nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from profiler.errors import ProfilerError, quoted
from profiler.measure.exported import Exported
from profiler.measure.live import SEED, Made
from profiler.measure.onnx_files import FileInput, OnnxFile, digest_of
from profiler.measure.plan import NO_MODULE, Setting
from profiler.measure.runtimes import exports
from profiler.measure.runtimes.fusion import Operation, layers_of
from profiler.measure.runtimes.quantised import quantise
from profiler.measure.runtimes.runtime import Inputs

if TYPE_CHECKING:
    import numpy as np


class GivenFile(Exported):
    """What is timed is the runtime's own call, as for a network that was exported here; eager torch runs nothing beside it."""

    def __init__(self, given: OnnxFile, setting: Setting) -> None:
        self.given = given
        super().__init__(lambda: (None, (), {}), setting)

    def _bring_alive(self, _: Callable[[], Made]) -> None:
        start = perf_counter()
        self.source = NO_MODULE
        path = Path(self.given.path)
        if digest_of(path) != self.given.digest:
            raise ProfilerError(f"{self.given.name} changed after it was counted; run the command again")
        inputs = dict(arrays(self.given.inputs))
        self.build_s = perf_counter() - start
        found = exports.Export(path, None, self.given.bytes)
        if self.given.quantise:
            key = hashlib.sha256(f"{self.given.digest} {quantised_as(self.given.inputs)}, int8".encode()).hexdigest()[:32]
            found = exports.HERE.export(key, lambda to: quantise(path, to, inputs))
        self._load(found, inputs)
        self.output_difference = None

    def layers_of(self, operations: Iterable[Operation]) -> list[tuple[str, ...]]:
        layers = self.given.layers
        return layers_of(self.runtime.path, lambda node: layers.get(next(iter(node.output), ""), ()), [*operations])


def quantised_as(inputs: Iterable[FileInput]) -> str:
    """The shapes that a quantisation was calibrated on."""
    return " ".join(f"{each.name}:{each.shape}" for each in inputs)


def arrays(inputs: Iterable[FileInput]) -> Inputs:
    """Values of the inputs: floating point from a normal distribution under a fixed seed, whole numbers 0, those of a mask 1.

    Booleans are true; values that the user wrote out are as they are. Raises ProfilerError for what numpy does not hold.
    """
    import numpy as np

    generator = np.random.default_rng(SEED)
    made: dict[str, np.ndarray[Any, Any]] = {}
    for each in inputs:
        if each.dtype not in HELD:
            own = f"its input '{quoted(each.name)}' holds {each.dtype}"
            raise ProfilerError(f"{own}, and random values are made of {', '.join(HELD)}")
        kind = np.dtype(each.dtype)
        if each.value is not None:
            made[each.name] = np.broadcast_to(np.array(each.value, dtype=kind), each.shape).copy()
        elif kind.kind == "f":
            made[each.name] = generator.standard_normal(each.shape, dtype=np.float32).astype(kind)
        else:
            made[each.name] = np.full(each.shape, kind.kind == "b" or "mask" in each.name, dtype=kind)
    return made


HELD = (
    "float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool",
)  # fmt: skip
"""Dtypes of inputs that random values are made of."""
