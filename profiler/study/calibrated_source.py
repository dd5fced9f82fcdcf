"""Files of latencies → the model that predictions come from, in the one setting that is asked for. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from profiler import grid
from profiler.errors import ProfilerError
from profiler.prediction.calibration import FEWEST, Calibration, calibrated
from profiler.records.columns import SETTING
from profiler.study.predict_sources import LatencySource, SourceNetwork, source

FEWEST_NETWORKS = 20
"""Networks of a file whose layers nobody clocked."""


class CalibratedSource(NamedTuple):
    """A file of latencies, what of it was measured in the setting that is asked for, and the model of that."""

    source: LatencySource
    networks: Sequence[SourceNetwork]
    calibration: Calibration

    @property
    def setting(self) -> dict[str, Any]:
        """What all of its networks were measured in."""
        return dict(self.networks[0].setting)

    @property
    def words(self) -> str:
        """What a prediction comes from."""
        return f"{len(self.networks)} cells of {self.source.name}"

    def refusal_of_batch(self, batch: int | None) -> str:
        """Why a batch is not to be predicted; empty where it may be."""
        known = {each.batch for each in self.networks}
        if batch in known:
            return ""
        return f"batch {batch} was not measured (batch {', '.join(map(str, sorted(known, key=str)))} was)"


def calibrated_source(name: str, asked: Mapping[str, Any]) -> CalibratedSource:
    """The model of a file in a setting, of which `asked` says what is not None. Raises Unavailable, ProfilerError."""
    known = source(name)
    chosen = _in_one_setting(known, asked)
    return CalibratedSource(known, chosen, _calibrated(known, chosen))


def _in_one_setting(known: LatencySource, asked: Mapping[str, Any]) -> list[SourceNetwork]:
    """The networks of a file that were measured in the setting that is asked for. Raises ProfilerError unless that is one."""
    if not known.timed:
        why = f" ({known.why})" if known.why else ""
        raise ProfilerError(
            f"no network in '{known.name}' has a latency that can be taken{why}; measure some, by profiler bench"
        )
    wanted = {
        key: grid.side(value, "threads") if key == "threads" else value for key, value in asked.items() if value is not None
    }
    groups: dict[tuple[tuple[str, Any], ...], list[SourceNetwork]] = {}
    for each in known.timed:
        if all(dict(each.setting)[key] == value for key, value in wanted.items()):
            groups.setdefault(each.setting, []).append(each)
    if not groups:
        words = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in wanted.items())
        raise ProfilerError(f"'{known.name}' holds nothing that was measured with {words}; it was not calibrated for that")
    if len(groups) > 1:
        apart = [key for key in SETTING if len({dict(setting)[key] for setting in groups}) > 1]
        options = " and ".join(f"--{key.replace('_', '-')}" for key in apart)
        raise ProfilerError(f"'{known.name}' was measured in {len(groups)} settings; choose one by {options}")
    return next(iter(groups.values()))


def _calibrated(known: LatencySource, chosen: Sequence[SourceNetwork]) -> Calibration:
    measured = [each.measured for each in chosen]
    layers = any(each.layers for each in measured)
    if not layers and len(measured) < FEWEST_NETWORKS:
        raise ProfilerError(
            f"'{known.name}' holds {len(measured)} measured networks, and without their layers a prediction takes "
            f"{FEWEST_NETWORKS}; measure more, or with --layers"
        )
    if len({each.family for each in measured}) < FEWEST:  # the file is of one family: its networks are held out one by one
        measured = [each._replace(family="") for each in measured]
    try:
        return calibrated(measured)
    except ValueError as fault:
        raise ProfilerError(f"'{known.name}' holds too few networks: {fault}; measure more") from None
