"""Measured networks → a model of latency, with an interval that its own held-out errors give. No torch.

Each kind of operation takes some seconds a call, a multiply-add, a byte that it moves and a weight, none of them below 0:
non-negative least squares of relative errors over clocked layers. Where only whole networks were clocked, a call of any kind, a
multiply-add and an output element (a byte, of what has none). What the sum misses is the networks' own correction: the
geometric mean of measured over summed. The interval is of Student's t over the errors of each network (or family of them)
predicted from the others, and no narrower than the usual interval of what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, exp, fsum, log, sqrt
from statistics import median
from typing import Any, NamedTuple

from profiler.prediction.features import Work, Works, total
from profiler.records.interval import Interval

FEWEST = 3
"""Networks, or families of them, that an interval takes: as many as a kind has terms."""
UNEXPLAINED = 1.0
"""The error, as a logarithm, of a network of which the others explain nothing."""
MANY = 20
"""Errors from which on their own quantile is the interval."""
OUTSIDE = 1.5
"""How far beyond what was measured a size may be, as a ratio."""
NEGLIGIBLE = 0.01
"""Share of the time below which a kind may be of any size, or was never measured."""


Rates = tuple[float, float, float, float, float]
"""Seconds a call, a multiply-add, an output element, a byte moved and a weight."""
NOTHING: Rates = (0.0, 0.0, 0.0, 0.0, 0.0)
BY_BYTES = frozenset(("reshape", "embedding"))
"""Kinds that only move memory: a permutation, a roll, a window, a concatenation or a lookup has no elements of its own."""


class ClockedLayer(NamedTuple):
    """A layer on the clock."""

    kind: str
    work: Work
    seconds: float


class MeasuredNetwork(NamedTuple):
    """A network on the clock: what it does, and how long that took."""

    family: str
    """Networks of one family are held out together: their errors go together."""
    works: Works
    seconds: Interval
    layers: tuple[ClockedLayer, ...] = ()
    """Its layers, where they were clocked inside the running network."""


class LatencyModel(NamedTuple):
    """Seconds a unit of what each kind does."""

    rates: Mapping[str, Rates]
    correction: float = 1.0

    def seconds(self, works: Works) -> float:
        """What a network takes; kinds that are not known take nothing."""
        return self.correction * fsum(self.of_kind(kind, work) for kind, work in works.items())

    def of_kind(self, kind: str, work: Work) -> float:
        """What operations of one kind take, before the correction."""
        return fsum(rate * size for rate, size in zip(self.rates.get(kind, NOTHING), work.terms, strict=True))


class Calibration(NamedTuple):
    """A model with what it was fitted to, and how far it was off where it had not been told."""

    model: LatencyModel
    measured: tuple[MeasuredNetwork, ...]
    errors: tuple[float, ...]
    """Logarithms of measured over predicted, each network (or family) predicted from the others that do not refuse it."""

    @property
    def spread(self) -> float:
        """The root mean square of the errors, as a logarithm; no less than half the half-width of what was measured."""
        return root_mean_square(self.errors, self.noise)

    @property
    def noise(self) -> float:
        """The median half-width of what was measured, as a share: some two standard deviations."""
        return median(each.seconds.half_width for each in self.measured)

    def predict(self, works: Works) -> Interval:
        """Seconds with their 95 % interval."""
        middle, half = self.model.seconds(works), self.half_width
        return Interval(middle, middle * exp(-half), middle * exp(half))

    @property
    def half_width(self) -> float:
        """Of the 95 % interval, as a logarithm."""
        return half_width(self.errors, self.noise)

    def unknown(self, works: Works) -> list[str]:
        """Kinds of which nothing was measured."""
        return [kind for kind in works if kind not in self.model.rates]

    def refusal(self, works: Works) -> str:
        """Why a network is not to be predicted; empty where it may be."""
        unknown = self.unknown(works)
        if unknown:
            return f"{' and '.join(sorted(unknown)[:3])} {'was' if len(unknown) == 1 else 'were'} not measured"
        for name in ("macs", "elements"):
            size = getattr(total(works), name)
            known = [getattr(total(each.works), name) for each in self.measured]
            if size > OUTSIDE * max(known) or OUTSIDE * size < min(known):
                words = {"macs": "MACs", "elements": "output elements"}[name]
                span = f"({min(known):,} to {max(known):,})"
                return f"{size:,} {words} are outside what was measured {span} by more than {OUTSIDE}×"
        whole = self.model.seconds(works)
        for kind, work in works.items():
            if self.model.correction * self.model.of_kind(kind, work) < NEGLIGIBLE * whole:
                continue
            size, sizes = work.size, [each.works[kind].size for each in self.measured if kind in each.works]
            if sizes and size > OUTSIDE * max(sizes):
                return f"{kind} is {size / max(sizes):.1f} times as much as any that was measured"
        return ""


def root_mean_square(errors: Sequence[float], noise: float) -> float:
    """Of errors, no less than half the half-width of what was measured."""
    return max(sqrt(fsum(e * e for e in errors) / len(errors)), noise / 2)


def half_width(errors: Sequence[float], noise: float) -> float:
    """Of a 95 % interval: the quantile of the errors (split-conformal) where they are many, else by Student's t."""
    n = len(errors)
    rank = ceil((n + 1) * 0.95)
    if n >= MANY and rank <= n:
        return max(sorted(map(abs, errors))[rank - 1], noise)
    import scipy.special

    return max(float(scipy.special.stdtrit(n - 1, 0.975)) * root_mean_square(errors, noise) * sqrt(1 + 1 / n), noise)


def calibrated(measured: Sequence[MeasuredNetwork], family: str = "") -> Calibration:
    """The model of these networks, whose errors are those that a network of `family` is to expect.

    Where enough of that family were measured, each of them is predicted from all others; else each family from the other
    families, or each network from the others where there are too few families. What the others would refuse is no error of
    theirs: a kind that they lack, and where there are many networks a size outside of theirs. Raises ValueError where they are
    too few for an interval.
    """
    groups = _held_out(measured, family)
    if len(groups) < FEWEST:
        raise ValueError(f"{len(groups)} measured; an interval needs {FEWEST}")
    model = fitted(measured)
    errors, told = [], []
    for group in groups:
        rest = [each for each in measured if all(each is not member for member in group)]
        others = Calibration(fitted(rest), tuple(rest), ())
        for each in group:
            guess = others.model.seconds(each.works)
            errors.append(log(each.seconds.estimate / guess) if guess > 0 else UNEXPLAINED)
            told.append(not (others.refusal(each.works) if len(measured) >= MANY else others.unknown(each.works)))
    kept = [error for error, was in zip(errors, told, strict=True) if was]
    return Calibration(model, tuple(measured), tuple(kept if len(kept) >= FEWEST else errors))


def _held_out(measured: Sequence[MeasuredNetwork], family: str) -> list[list[MeasuredNetwork]]:
    """What is predicted from all else, one group after the other."""
    relatives = [each for each in measured if family and each.family == family]
    if len(relatives) >= FEWEST:
        return [[each] for each in relatives]
    groups: dict[str, list[MeasuredNetwork]] = {}
    for i, each in enumerate(measured):
        groups.setdefault(each.family or str(i), []).append(each)
    return list(groups.values()) if len(groups) >= FEWEST else [[each] for each in measured]


def fitted(measured: Sequence[MeasuredNetwork]) -> LatencyModel:
    """The rates of each kind, and the correction."""
    layers = [layer for each in measured for layer in each.layers]
    rates = _by_layers(layers) if layers else _by_networks(measured)
    bare = LatencyModel(rates)
    logs = [log(each.seconds.estimate / guess) for each in measured if (guess := bare.seconds(each.works)) > 0]
    return LatencyModel(rates, exp(fsum(logs) / len(logs)) if logs else 1.0)


def _by_layers(layers: Sequence[ClockedLayer]) -> dict[str, Rates]:
    """Each kind by itself, from its own layers."""
    kinds: dict[str, list[ClockedLayer]] = {}
    for layer in layers:
        if layer.seconds > 0:
            kinds.setdefault(layer.kind, []).append(layer)
    made: dict[str, Rates] = {}
    for kind, members in kinds.items():
        table = [(work.calls, work.macs, work.moved, work.weights) for work in (each.work for each in members)]
        call, mac, byte, weight = _nnls(table, [each.seconds for each in members])
        made[kind] = (call, mac, 0.0, byte, weight)
    return made


def _by_networks(measured: Sequence[MeasuredNetwork]) -> dict[str, Rates]:
    """All kinds together, from whole networks: a rate a multiply-add and an element or byte of each, and one a call of any."""
    kinds = sorted({kind for each in measured for kind in each.works})
    bytes_of = {kind: kind.split()[0] in BY_BYTES for kind in kinds}
    table = []
    for each in measured:
        works = {kind: each.works.get(kind, Work()) for kind in kinds}
        sizes = [work.moved if bytes_of[kind] else work.elements for kind, work in works.items()]
        table.append([sum(work.calls for work in works.values()), *(work.macs for work in works.values()), *sizes])
    call, *rest = _nnls(table, [each.seconds.estimate for each in measured])
    pairs = zip(kinds, rest[: len(kinds)], rest[len(kinds) :], strict=True)
    return {kind: (call, mac, 0.0, size, 0.0) if bytes_of[kind] else (call, mac, size, 0.0, 0.0) for kind, mac, size in pairs}


def _nnls(table: Sequence[Sequence[float]], seconds: Sequence[float]) -> list[float]:
    """Non-negative least squares of predicted over measured, columns scaled to one size."""
    import numpy as np
    import scipy.optimize

    given: Any = np.asarray(table, dtype=float)
    known: Any = np.asarray(seconds, dtype=float)
    scale = given.max(axis=0)
    scale[scale == 0] = 1.0
    found, _ = scipy.optimize.nnls((given / scale) / known[:, None], np.ones_like(known))
    return [float(each) for each in found / scale]
