"""The latency that a model predicts for every combination of stages: sums of tables, as the counts are. No torch.

Predicted seconds are a rate a call, a multiply-add, a byte and a weight of each kind, and these are polynomials in the widths;
so the seconds are one too. What the model does not cover is found in the same way: sizes of the network, and of each kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import exp
from typing import TYPE_CHECKING, Any, NamedTuple

from profiler.count.stages import Staged
from profiler.prediction.calibration import NEGLIGIBLE, OUTSIDE, Calibration
from profiler.prediction.features import total
from profiler.study.combinations import Combined
from profiler.study.polynomials_in_widths import Terms, largest
from profiler.study.works_in_widths import WorksInWidths, seconds_in_widths, summed

if TYPE_CHECKING:
    from numpy import ndarray

SECONDS = "seconds"
OUTSIDE_LIMITS, WITHIN, UNDECIDED, OVER, UNKNOWN, MEASURED_UNDECIDED = range(6)
"""How a combination stands to its limits: outside of what is counted, or by its latency."""
STATES = {"within": WITHIN, "undecided": MEASURED_UNDECIDED, "over": OVER}
"""How one that was measured stands."""


class _Size(NamedTuple):
    """A size that some combinations may have and no measured network had: above `most`, or OUTSIDE times below `least`."""

    name: str
    least: int
    most: float
    kind: str = ""
    """Of operations of one kind, which are refused only where they take a share of the time; else of the network."""


class LatencyTables:
    """The predicted seconds of all combinations of `choices`, for each stage its choices, each {group: width}."""

    def __init__(
        self,
        found: Staged,
        choices: Sequence[Sequence[Mapping[int, int]]],
        works: WorksInWidths,
        calibration: Calibration,
        limit_s: float,
    ) -> None:
        self.calibration, self.limit_s = calibration, limit_s
        self.terms = seconds_in_widths(calibration.model, works)
        self.low, self.high = exp(-calibration.half_width), exp(calibration.half_width)
        self.covered = all(kind in calibration.model.rates for kind in works)
        """False where a kind of operation was not measured: then nothing is predicted."""
        polynomials: dict[str, Terms] = {SECONDS: self.terms}
        self.sizes = list(self._sizes(found, choices, works, polynomials))
        self.combined = Combined(found, choices, polynomials)

    def _sizes(
        self,
        found: Staged,
        choices: Sequence[Sequence[Mapping[int, int]]],
        works: WorksInWidths,
        polynomials: dict[str, Terms],
    ) -> Iterator[_Size]:
        """The sizes that have to be looked at, whose polynomials are added to the others."""
        widest = [max(option[group] for option in options) for group, options in _groups(found, choices)]
        most = found.symbols(widest)
        measured = self.calibration.measured
        for name in ("macs", "elements"):
            known = [getattr(total(each.works), name) for each in measured]
            polynomials[name] = summed(works, name)
            yield _Size(name, min(known), OUTSIDE * max(known))
        for kind, work in works.items():
            sizes = [each.works[kind].size for each in measured if kind in each.works]
            if sizes and largest(work.size, most) > OUTSIDE * max(sizes):
                polynomials[f"size of {kind}"] = work.size
                polynomials[f"seconds of {kind}"] = seconds_in_widths(self.calibration.model, works, [kind])
                yield _Size(f"size of {kind}", 0, OUTSIDE * max(sizes), kind)

    def blocks(self) -> Iterator[tuple[ndarray[Any, Any], ndarray[Any, Any]]]:
        """Block by block as the counts go: predicted seconds, and how each stands to the limit by its latency alone."""
        import numpy as np

        for _, counts, _ in self.combined.blocks():
            seconds = counts[SECONDS]
            states = np.full(seconds.size, UNDECIDED, np.uint8)
            states[seconds * self.high <= self.limit_s] = WITHIN
            states[seconds * self.low > self.limit_s] = OVER
            for size in self.sizes:
                refused = counts[size.name] > size.most
                if size.least:
                    refused |= OUTSIDE * counts[size.name] < size.least
                if size.kind:
                    refused &= counts[f"seconds of {size.kind}"] >= NEGLIGIBLE * seconds
                states[refused] = UNKNOWN
            if not self.covered:
                states[:] = UNKNOWN
            yield seconds, states


def _groups(found: Staged, choices: Sequence[Sequence[Mapping[int, int]]]) -> list[tuple[int, Sequence[Mapping[int, int]]]]:
    """Every group of widths in order, with the choices of its stage."""
    return sorted(
        ((group, options) for stage, options in zip(found.stages, choices, strict=True) for group in stage.groups),
        key=lambda each: each[0],
    )
