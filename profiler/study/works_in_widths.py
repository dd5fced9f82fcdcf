"""What time is explained by (calls, multiply-adds, bytes, weights by kind) as polynomials in a network's widths. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from profiler.count import closed
from profiler.count.expressions import Expression, Monomial, at
from profiler.count.stages import Staged
from profiler.errors import ProfilerError
from profiler.prediction.calibration import NOTHING, LatencyModel
from profiler.prediction.features import Work, Works, works_of
from profiler.study.polynomials_in_widths import Terms, evaluated


class WorkInWidths(NamedTuple):
    """What operations of one kind do, as a Work whose sizes are polynomials in the widths."""

    calls: int
    macs: Terms
    elements: Terms
    moved: Terms
    weights: Terms

    @property
    def size(self) -> Terms:
        """What says how large the operations are: multiply-adds, of those that have none the bytes."""
        return self.macs or self.moved


WorksInWidths = Mapping[str, WorkInWidths]
"""{kind: what its operations do}."""


def works_in_widths(found: Staged, batch: int = 1) -> dict[str, WorkInWidths]:
    """What `profiler.prediction.features.works_of` finds in the rows of the network, at any widths."""
    rows = closed.rows_of(found.widths.steps, batch)
    return {
        kind: WorkInWidths(work.calls, *map(_terms, (work.macs, work.elements, work.moved, work.weights)))
        for kind, work in works_of(rows).items()
    }


def _terms(number: Any) -> dict[Monomial, int]:
    return dict(number.terms) if isinstance(number, Expression) else {(): number} if number else {}


def check_kinds(name: str, found: Staged, values: Mapping[int, Any]) -> None:
    """Raises ProfilerError where a convolution with groups would be depthwise at some of the widths, which is another kind.

    `values` has arrays with the values of every symbol at the choices.
    """
    import numpy as np

    for step in found.widths.steps:
        groups = getattr(step.leaf, "groups", 1)
        channels = step.inputs[0][0] if step.inputs and step.inputs[0] else 0
        grouped = isinstance(groups, int) and groups > 1 and isinstance(channels, Expression)
        if grouped and np.any(at(channels, values) == groups):
            raise ProfilerError(
                f"{name}: layer {step.path} would have one channel in each of its {groups} groups at some of these widths, "
                "which takes another time for as much work; give larger multipliers"
            )


def works_at(works: WorksInWidths, values: Mapping[int, Any], points: int) -> list[Works]:
    """The works of a network at some points, whose symbols have these values: arrays, one number a point."""
    counts = {
        kind: evaluated({name: getattr(work, name) for name in ("macs", "elements", "moved", "weights")}, values, points)
        for kind, work in works.items()
    }
    return [
        {kind: Work(work.calls, *(int(column[i]) for column in counts[kind].values())) for kind, work in works.items()}
        for i in range(points)
    ]


def seconds_in_widths(model: LatencyModel, works: WorksInWidths, kinds: Sequence[str] | None = None) -> dict[Monomial, float]:
    """The seconds that a model predicts, as a polynomial in the widths; of some kinds where they are named."""
    total: dict[Monomial, float] = {}
    for kind, work in works.items():
        if kinds is not None and kind not in kinds:
            continue
        sizes: tuple[Terms, ...] = ({(): work.calls}, work.macs, work.elements, work.moved, work.weights)
        for terms, rate in zip(sizes, model.rates.get(kind, NOTHING), strict=True):
            for monomial, c in terms.items():
                total[monomial] = total.get(monomial, 0.0) + model.correction * rate * c
    return total


def summed(works: WorksInWidths, name: str) -> dict[Monomial, int]:
    """One of `macs` and `elements` over all kinds."""
    total: dict[Monomial, int] = {}
    for work in works.values():
        for monomial, c in getattr(work, name).items():
            total[monomial] = total.get(monomial, 0) + c
    return total


def seconds_at(polynomial: Terms, values: Mapping[int, Any], points: int) -> Any:
    """Seconds as a polynomial in the widths, at some points whose symbols have these values: an array of float64."""
    import numpy as np

    found = np.zeros(points)
    for monomial, c in polynomial.items():
        product: Any = np.full(points, float(c))
        for symbol in monomial:
            product = product * values[symbol]
        found += product
    return found
