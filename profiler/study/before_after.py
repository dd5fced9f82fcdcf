"""One side of a comparison before and after: a saved run, or networks counted now; records, and layers where they are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from profiler.measure.host import SAME_MACHINE
from profiler.records.columns import SETTING, Record, latency, record
from profiler.records.measured import Measured
from profiler.records.notes import Unlike
from profiler.records.place import Place
from profiler.records.profile import Profile, Row
from profiler.records.results import Results
from profiler.records.shown import Shown
from profiler.records.verdicts import Compared, LatencyChange
from profiler.saved.documents import RESULTS
from profiler.saved.read import Saved
from profiler.saved.results import result
from profiler.study.align import align


class Side(NamedTuple):
    """Records with their layers, and what they were measured on."""

    name: str
    """The file's, or the network's."""
    records: list[Record]
    rows: list[tuple[Row, ...] | None]
    """Of each record; None where only its sums are known."""
    peaks: list[int | None]
    """Of each record, the peak bytes of inference, where they are known."""
    machine: Mapping[str, Any] | None = None


def of_run(saved: Saved) -> Side:
    """What a run of show, compare, sweep or bench holds. Raises ProfilerError for another's."""
    if saved.command not in (*RESULTS, "show"):
        saved.refuse(f"a run of `{saved.command}` holds no networks to compare; save one of show, compare, sweep or bench")
    found = result(saved)
    records: list[Record] = list(saved.document["records"])
    machine = saved.document["environment"].get("machine")
    rows: list[tuple[Row, ...] | None] = [None] * len(records)
    peaks: list[int | None] = [record.get("memory_bytes") for record in records]
    if isinstance(found, Shown):
        rows = [found.profile.rows]
        peaks = [next((each.peak for each in found.memory if each.mode == "inference"), None)]
    elif isinstance(found, Results):
        rows = [profile.rows for profile in found.profiles] or rows
    elif isinstance(found, Measured):
        timed = iter(found.layers)  # in the records' order, without those that could not be measured
        for i, each in enumerate(records):
            if latency(each) is not None and (layers := next(timed, None)) is not None:
                rows[i] = tuple(layer.row for layer in layers.rows)
    return Side(saved.name, records, rows, peaks, machine)


def of_profile(profile: Profile) -> Side:
    """A network that is counted now."""
    made = record(profile)
    return Side(str(Place.of(made)), [made], [profile.rows], [None])


def compared(before: Side, i: int, after: Side, j: int) -> Compared:
    """Two records with their layers, where both sides hold them."""
    old, new = before.records[i], after.records[j]
    rows = before.rows[i], after.rows[j]
    layers = None if rows[0] is None or rows[1] is None else align(rows[0], rows[1])
    clock, unlike = clocks(before, old, after, new)
    return Compared(old, new, layers, clock, unlike)


def clocks(
    before: Side, old: Mapping[str, Any], after: Side, new: Mapping[str, Any]
) -> tuple[LatencyChange | None, Unlike | None]:
    """What became of the latency: other where two runs of one network would not be so far apart, by between_runs.

    None, and what differs, if it cannot be said. What was slow since its machine was disturbed throughout is not called slower.
    """
    if latency(old) is None or latency(new) is None:
        return None, None
    for name in SETTING:
        if old.get(name) != new.get(name):
            return None, Unlike(name, old.get(name), new.get(name))
    ours, theirs = before.machine or {}, after.machine or {}
    for name in SAME_MACHINE:
        if ours.get(name) != theirs.get(name):
            return None, Unlike(name, ours.get(name), theirs.get(name), of_machine=True)
    from profiler.measure import between_runs  # what only latencies need
    from profiler.measure.grades import shows_slowness

    ratio = between_runs.ratio(old, before.machine, new, after.machine)
    if ratio.low > 1 and shows_slowness(new):
        return "slower", None
    return ("faster" if ratio.high < 1 and shows_slowness(old) else "unclear"), None
