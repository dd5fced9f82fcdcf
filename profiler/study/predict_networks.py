"""Networks on the clock, as files hold them: what a prediction is fitted to. A file never names code that is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from profiler.load.load import Network, load_at, parse
from profiler.network.registry import find, names
from profiler.prediction.calibration import MeasuredNetwork
from profiler.records.place import Place
from profiler.records.profile import Row
from profiler.study.leaf_rows import rows_by_leaf


class SourceNetwork(NamedTuple):
    """A network on the clock, and what it was measured in."""

    measured: MeasuredNetwork
    setting: tuple[tuple[str, Any], ...]
    batch: int | None


class LatencySource(NamedTuple):
    """What a file holds."""

    name: str
    timed: list[SourceNetwork]
    left_out: tuple[str, ...]
    """Networks that are not of the zoo, and whose layers the file does not hold."""
    machine: Mapping[str, Any] | None
    why: str = ""
    """Why the first network that has no latency has none."""
    changed: tuple[str, ...] = ()
    """Networks of the zoo that count otherwise today than when they were measured."""


def network_at(record: Mapping[str, Any]) -> Network | None:
    """A network of the zoo at the place of a record; None of anything else, which a file does not get to run.

    Raises ProfilerError for a place that it has not.
    """
    model = str(record["model"])
    if parse(model)[0] not in names():
        return None
    place = Place.of(record)
    sized = place.input.split() if isinstance(place.input, str) and place.input else None
    network = load_at(place._replace(model=model, resolution=None if sized else place.resolution, input=sized))
    assert isinstance(network, Network)
    return network


def rows_at(record: Mapping[str, Any]) -> Sequence[Row] | None:
    """The rows of a network of the zoo, one a leaf; None where `network_at` has none."""
    network = network_at(record)
    return None if network is None else rows_by_leaf(network.profile(record["batch"] or 1).rows)


def family_of(model: str) -> str:
    """Networks of one paper are of one family; any other network is its own."""
    name = parse(model)[0]
    return find(name).paper if name in names() else name
