"""A measured cell → what a model of latency is fitted to. No torch."""

from __future__ import annotations

from profiler.measure.devices import kind_of as kind_of_device
from profiler.measure.outcomes import Outcome
from profiler.measure.plan import Setting
from profiler.measure.statistics import shares
from profiler.prediction.calibration import ClockedLayer, MeasuredNetwork
from profiler.prediction.features import Works, is_free, kind_of, work_of
from profiler.records.columns import Record, latency
from profiler.records.interval import Interval
from profiler.study.cells import Cell
from profiler.study.leaf_rows import rows_of


def clocked_network(cell: Cell, works: Works, record: Record, outcome: Outcome, layers: bool) -> MeasuredNetwork:
    """A cell with its latency, and its layers where they were clocked."""
    known = latency(record)
    assert known is not None
    whole = Interval(*known)
    if not layers:
        return MeasuredNetwork("", works, whole)
    share = shares([each.visit.layers for each in outcome.rounds.values()])
    rows = rows_of(cell.network.profile(cell.batch).rows, list(share))
    clocked_layers = tuple(
        ClockedLayer(kind_of(row), work_of(row), share[path] * whole.estimate) for path, row in rows.items() if not is_free(row)
    )
    return MeasuredNetwork("", works, whole, clocked_layers)


def has_leaf_marks(setting: Setting) -> bool:
    """Whether leaves can be clocked in a setting."""
    return kind_of_device(setting.device).has_leaf_marks and setting.mode == "infer" and setting.runtime == "eager"
