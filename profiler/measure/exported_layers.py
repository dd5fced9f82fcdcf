"""Where a deployed network spends its time: the runtime's own profile, by layers. Timed rounds are never profiled."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from time import perf_counter

from profiler.measure.exported import Exported
from profiler.measure.live import Live
from profiler.measure.runtimes.fusion import Operation
from profiler.measure.visits import FUSED, OUTSIDE, Visit


class ClockedExport:
    """The operations that a runtime runs, each under the layers that it holds."""

    def __init__(self, live: Exported) -> None:
        self.runtime = live.runtime
        operations = self.runtime.operations()
        held = live.layers_of(operations)
        self.keys = [_key(layers, operation) for layers, operation in zip(held, operations, strict=True)]

    def visit(self, _: Live, samples: int, start: float) -> Visit:
        """`samples` calls that the runtime profiles; `layers` in the order that they first ran, with what is between them."""
        runs = self.runtime.clocked(samples)
        layers = dict.fromkeys(self.keys, 0.0)
        for k, key in enumerate(self.keys):
            layers[key] += median(seconds[k] for _, seconds in runs)
        layers[OUTSIDE] = median(max(total - sum(seconds), 0.0) for total, seconds in runs)
        return Visit([total for total, _ in runs], 1, 0.0, 0, perf_counter() - start, layers=layers)


def _key(layers: Sequence[str], operation: Operation) -> str:
    """`stem.conv + stem.act`; of what is no layer's, the runtime's own word for it, in brackets."""
    return FUSED.join(layers) or f"({operation.kind})"
