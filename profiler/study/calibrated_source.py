"""Files of latencies → the model that predictions come from, in the one setting that is asked for. No torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from math import exp
from typing import Any, NamedTuple

from profiler import grid
from profiler.errors import ProfilerError
from profiler.measure import host
from profiler.prediction.calibration import FEWEST, Calibration, LatencyModel, calibrated
from profiler.prediction.features import Works
from profiler.records.columns import SETTING
from profiler.records.interval import Interval
from profiler.records.notes import LeftOut, NetworksChanged, Note, PredictedFrom
from profiler.study.predict_networks import LatencySource, SourceNetwork
from profiler.study.predict_sources import source

FEWEST_NETWORKS = 20
"""Networks of a file whose layers nobody clocked."""
CHOOSABLE = ("device", "threads", "dtype", "memory_format", "runtime")
"""What of a setting an option of `predict` chooses."""


class Guess(NamedTuple):
    """What a network is predicted to take, and why that is not to be trusted; an empty reason is none."""

    seconds: Interval
    reason: str
    source: str
    """What it is predicted from."""


class CalibratedSource:
    """A file of latencies, what of it was measured in the setting that is asked for, and the models of that."""

    def __init__(self, known: LatencySource, networks: Sequence[SourceNetwork], asked: Mapping[str, Any], reason: str) -> None:
        self.source, self.networks = known, networks
        self.setting = {**dict(networks[0].setting), **asked}
        """What is predicted: the setting of its networks, but for what `reason` says was not measured."""
        self.reason = "; ".join(filter(None, [reason, _elsewhere(known.machine)]))
        """Why no prediction is to be trusted."""
        self._calibrations: dict[str, Calibration] = {}
        self._families = {each.measured.family for each in networks}

    @cached_property
    def batches(self) -> list[int | None]:
        """The batches that were measured."""
        return sorted({each.batch for each in self.networks}, key=str)

    @property
    def model(self) -> LatencyModel:
        """Seconds a call, a multiply-add and an element of each kind."""
        return self.calibration("").model

    def calibration(self, family: str) -> Calibration:
        """The model, with the errors that a network of this family is to expect. Raises ProfilerError for too few networks."""
        if not any(each.measured.layers for each in self.networks) and len(self.networks) < FEWEST_NETWORKS:
            raise ProfilerError(
                f"'{self.source.name}' holds {len(self.networks)} measured networks, and without their layers a prediction "
                f"needs {FEWEST_NETWORKS}; measure more, or measure them with --layers"
            )
        if family not in self._families:
            family = ""
        if family not in self._calibrations:
            try:
                self._calibrations[family] = calibrated([each.measured for each in self.networks], family)
            except ValueError as fault:
                raise ProfilerError(f"'{self.source.name}' holds too few networks: {fault}; measure more") from None
        return self._calibrations[family]

    def guess(self, works: Works, family: str, batch: int | None) -> Guess:
        """What a network is predicted to take. Raises ProfilerError as `calibration` does."""
        found = self.calibration(family)
        reasons = [found.refusal(works), self.refusal_of_family(family), self.refusal_of_batch(batch), self.reason]
        words = f"{len(self.networks)} cells of {self.source.name}"
        return Guess(found.predict(works), "; ".join(filter(None, reasons)), words)

    def refusal_of_family(self, family: str) -> str:
        """Why a network of this family is not to be predicted; empty where it may be."""
        if family in self._families or len(self._families) >= FEWEST:
            return ""
        words = " and ".join(sorted(self._families))
        return f"{family} was not measured, and how far off another family is takes {FEWEST} families ({words} measured)"

    def refusal_of_batch(self, batch: int | None) -> str:
        """Why a batch is not to be predicted; empty where it may be."""
        if batch in self.batches:
            return ""
        return f"batch {batch} was not measured (batch {', '.join(map(str, self.batches))} was)"

    def notes(self) -> list[Note]:
        """What is to be said of the file, and of each model that was asked."""
        name, setting, cells = self.source.name, self.setting, len(self.networks)
        relatives = Counter(each.measured.family for each in self.networks)
        counts = {family: relatives[family] if FEWEST <= relatives[family] < cells else 0 for family in self._calibrations}
        offs = dict.fromkeys((exp(found.spread) - 1, counts[family]) for family, found in self._calibrations.items())
        notes: list[Note] = [PredictedFrom(name, cells, off, setting, members) for off, members in offs]
        return [*notes, *notes_of(self.source)]


def notes_of(known: LatencySource) -> list[Note]:
    """What of a file is not used."""
    left: list[Note] = [LeftOut(known.left_out)] if known.left_out else []
    return [*left, *([NetworksChanged(known.changed)] if known.changed else [])]


def calibrated_source(name: str, asked: Mapping[str, Any], force: bool = False) -> CalibratedSource:
    """The models of a file in a setting, of which `asked` says what is not None. Raises Unavailable, ProfilerError.

    A setting that was not measured is refused, unless `force`.
    """
    known = source(name)
    networks, missing = in_one_setting(known, asked, force)
    return CalibratedSource(known, networks, missing, not_measured(missing, dict(networks[0].setting)))


def in_one_setting(
    known: LatencySource, asked: Mapping[str, Any], force: bool = False, choosable: Sequence[str] = CHOOSABLE
) -> tuple[list[SourceNetwork], dict[str, Any]]:
    """The networks of a file that were measured in the setting that is asked for, and what of it was not, where `force` allows.

    Raises ProfilerError unless that is one setting; options choose what is in `choosable`.
    """
    if not known.timed:
        why = f" ({known.why})" if known.why else ""
        raise ProfilerError(f"no network in '{known.name}' has a usable latency{why}; measure some with profiler bench")
    wanted = {key: grid.side(value, key) if key == "threads" else value for key, value in asked.items() if value is not None}
    chosen, missing = known.timed, {}
    for key, value in wanted.items():
        if like := [each for each in chosen if dict(each.setting)[key] == value]:
            chosen = like
        else:
            missing[key] = value
    if missing and not force:
        nowhere = {
            key: value for key, value in missing.items() if all(dict(each.setting)[key] != value for each in known.timed)
        }
        words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in (nowhere or wanted).items())
        raise ProfilerError(
            f"'{known.name}' holds nothing that was measured with {words}; measure with that setting, or leave it out"
        )
    settings = list(dict.fromkeys(each.setting for each in chosen))
    if len(settings) > 1:
        apart = [key for key in SETTING if len({dict(setting)[key] for setting in settings}) > 1]
        options = " and ".join(f"--{key.replace('_', '-')}" for key in apart if key in choosable)
        cure = f"choose one by {options}" if options else f"keep one {' and '.join(apart)} in the file"
        raise ProfilerError(f"'{known.name}' was measured in {len(settings)} settings; {cure}")
    return chosen, missing


def not_measured(missing: Mapping[str, Any], setting: Mapping[str, Any]) -> str:
    """Why a setting is not to be predicted; empty where nothing of it is missing."""
    words = [f"{key.replace('_', ' ')} {value} was not measured ({setting[key]} was)" for key, value in missing.items()]
    return "; ".join(words)


def _elsewhere(machine: Mapping[str, Any] | None) -> str:
    """Why latencies of another machine are not of this one; empty where they are, or nobody knows."""
    there, here = (machine or {}).get("cpu"), host.machine()["cpu"]
    if there in (None, here):
        return ""
    return f"measured on another machine ({there}; here {here})"
