"""A file of another device's latencies, scaled to a few networks measured on this one. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, hypot, log
from statistics import median
from typing import Any

from profiler.errors import ProfilerError
from profiler.prediction.calibration import FEWEST, LatencyModel, root_mean_square
from profiler.prediction.features import Work, Works
from profiler.prediction.scaling import Pair, Scaling, scaled
from profiler.records.columns import SETTING
from profiler.records.interval import Interval
from profiler.records.notes import Note, PredictedFrom, ScaledFrom
from profiler.study.calibrated_source import CalibratedSource, Guess, in_one_setting, not_measured, notes_of
from profiler.study.predict_networks import SourceNetwork
from profiler.study.predict_sources import source

OWN = ("device", "threads")
"""What of a setting two devices may differ in; in all else a factor would be of the setting, not of the device."""


class ScaledSource:
    """Predictions of one device, from the latencies of another."""

    def __init__(self, there: CalibratedSource, here: CalibratedSource) -> None:
        self.there, self.here = there, here
        self.networks, self.setting = here.networks, here.setting
        self._known = _by_work(there.networks)
        pairs = [
            Pair(each.measured.works, self._known[at], each.measured.seconds)
            for each in here.networks
            if (at := _at(each.measured.works, each.batch)) in self._known
        ]
        self.by_network = len(pairs) >= FEWEST
        """Whether enough networks were measured on both; else what was measured here is held against predictions there."""
        if not self.by_network:
            pairs = self._predicted_pairs()
        try:
            self.scaling: Scaling = scaled(pairs)
        except ValueError:
            raise ProfilerError(
                f"'{here.source.name}' and '{there.source.name}' have {len(pairs)} networks in common, and scaling takes "
                f"{FEWEST}; measure more of those in '{there.source.name}' here"
            ) from None
        self.cells = len(pairs)

    def _predicted_pairs(self) -> list[Pair]:
        """What was measured here, beside what the other device is predicted to take."""
        made = []
        for each in self.here.networks:
            found = self.there.guess(each.measured.works, each.measured.family, each.batch)
            if not found.reason:
                made.append(Pair(each.measured.works, found.seconds.estimate, each.measured.seconds))
        return made

    @property
    def model(self) -> LatencyModel:
        """Of the other device: seconds a call, a multiply-add and an element of each kind."""
        return self.there.model

    def guess(self, works: Works, family: str, batch: int | None) -> Guess:
        """What a network is predicted to take here: what it takes there, measured or predicted, by the factor."""
        measured_s = self._known.get(_at(works, batch)) if self.by_network else None
        if measured_s is None:
            found = self.there.guess(works, family, batch)
            there_s, reason = found.seconds.estimate, found.reason
            theirs = log(found.seconds.high / there_s) if self.by_network else 0.0  # else the errors hold it already
        else:
            there_s, reason, theirs = measured_s, self.there.reason, 0.0
        half, middle = hypot(self.scaling.half_width, theirs), there_s * self.scaling.factor(works)
        reasons = [reason, self.scaling.refusal(there_s), self.here.refusal_of_batch(batch), self.here.reason]
        words = (
            f"{len(self.there.networks)} cells of {self.there.source.name}, scaled to {self.cells} of {self.here.source.name}"
        )
        seconds = Interval(middle, middle * exp(-half), middle * exp(half))
        return Guess(seconds, "; ".join(dict.fromkeys(filter(None, reasons))), words)

    def notes(self) -> list[Note]:
        """What is to be said of the two files."""
        by = self.scaling
        off = exp(root_mean_square(by.errors, by.noise)) - 1
        said = [note for note in self.there.notes() if isinstance(note, PredictedFrom)]
        scaling = ScaledFrom(self.here.source.name, self.there.source.name, self.cells, exp(by.log_factor), by.slope, off)
        return [*said, scaling, *notes_of(self.there.source), *notes_of(self.here.source)]


def scaled_source(there: str, here: str, asked: Mapping[str, Any], force: bool = False) -> ScaledSource:
    """The latencies of the file `there`, of another device, scaled to those of `here` in the setting that is asked for.

    Raises Unavailable, ProfilerError.
    """
    measured = source(here)
    networks, missing = in_one_setting(measured, asked, force)
    setting = dict(networks[0].setting)
    target = CalibratedSource(measured, networks, missing, not_measured(missing, setting))
    alike = {key: setting[key] for key in SETTING if key not in OWN}
    other = source(there)._replace(machine=None)
    others, unlike = in_one_setting(other, alike, force, choosable=())
    return ScaledSource(CalibratedSource(other, others, {}, not_measured(unlike, dict(others[0].setting))), target)


def _by_work(networks: Sequence[SourceNetwork]) -> dict[Any, float]:
    """{what a network does, and its batch: its seconds}: networks that do exactly the same are the same."""
    found: dict[Any, list[float]] = {}
    for each in networks:
        found.setdefault(_at(each.measured.works, each.batch), []).append(each.measured.seconds.estimate)
    return {at: median(seconds) for at, seconds in found.items()}


def _at(works: Works, batch: int | None) -> tuple[tuple[tuple[str, Work], ...], int | None]:
    return tuple(sorted(works.items())), batch
