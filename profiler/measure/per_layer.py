"""Where a running network spends its time: one reading of the clock at each leaf's end, so that rows partition the run.

Summing the bodies of leaves would lose what is between them (6–12 % on a CPU): the interpreter, joins by hand, the walk itself.
Here a leaf's time is from the end of the leaf before it to its own end. What follows the last leaf is the last row's.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any

from torch import nn

from profiler.measure.live import Live
from profiler.measure.visits import Visit


class Clocked:
    """The hooks on a live module's leaves, in place only while its own samples are taken."""

    def __init__(self, live: Live) -> None:
        if not isinstance(live.module, nn.Module):
            raise TypeError(f"{type(live.module).__name__} has no layers")
        self.paths = {module: path for path, module in live.module.named_modules() if not list(module.children())}
        self.marks: list[tuple[str, Any]] = []
        self.device = live.device

    def visit(self, live: Live, samples: int, start: float) -> Visit:
        """`samples` calls, each leaf clocked; `layers` in the order that they first ran."""
        with Hooks(self):
            runs = [self._run(live) for _ in range(samples)]
        totals = [total for total, _ in runs]
        order = dict.fromkeys(path for path, _ in runs[0][1])
        by_leaf = {path: median(sum(s for other, s in parts if other == path) for _, parts in runs) for path in order}
        return Visit(totals, 1, 0.0, 0, perf_counter() - start, layers=by_leaf)

    def _run(self, live: Live) -> tuple[float, list[tuple[str, float]]]:
        """Seconds of one call and of each leaf; they sum to the call."""
        self.marks = []
        first = self.device.mark()
        live.call()
        last = self.device.mark()
        live.sync()
        live.end_if_forked()
        between = self.device.seconds_between
        points = [first, *(mark for _, mark in self.marks)]
        if not self.marks:
            return between(first, last), []
        taken = [between(a, b) for a, b in pairwise(points)]
        taken[-1] += between(points[-1], last)
        return between(first, last), [(path, seconds) for (path, _), seconds in zip(self.marks, taken, strict=True)]


class Hooks:
    """Forward hooks on every leaf for the time of a with block."""

    def __init__(self, clocked: Clocked) -> None:
        self.clocked = clocked
        self.handles: list[Any] = []

    def __enter__(self) -> None:
        clocked = self.clocked

        def hook(path: str) -> Any:
            def ended(*_: object) -> None:
                clocked.marks.append((path, clocked.device.mark()))

            return ended

        self.handles = [module.register_forward_hook(hook(path)) for module, path in clocked.paths.items()]

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()
