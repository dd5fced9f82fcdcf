"""What is said of predicted cells: their columns, and notes of those that are refused. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.prediction.calibration import Calibration, MeasuredNetwork, calibrated
from profiler.prediction.features import Works
from profiler.records.columns import PREDICTED, Record
from profiler.records.interval import Interval
from profiler.records.notes import Note, NotPredicted
from profiler.records.place import Place

NOTHING_PREDICTED: Record = {column.name: None for column in PREDICTED}
"""The predicted columns of a cell of which nothing is predicted."""


def calibrated_here(known: Sequence[MeasuredNetwork]) -> tuple[Calibration | None, str]:
    """The model of the cells that were measured just now, or none and why."""
    try:
        return calibrated(known), ""
    except ValueError as fault:
        return None, f"too few cells were measured ({fault}); measure longer with --time"


def predicted_here(found: Calibration | None, why: str, works: Works, layers: bool) -> tuple[Record, str]:
    """The predicted columns of a cell beside those that were measured just now, and why it is refused where it is."""
    reason = why if found is None else found.refusal(works)
    if found is None or reason:
        return dict(NOTHING_PREDICTED), reason
    what = "layers of cells" if layers else "cells"
    return predicted_columns(found.predict(works), f"{len(found.measured)} {what} measured here"), ""


def predicted_columns(seconds: Interval, source: str) -> Record:
    """The predicted columns of a cell, from what `source` says."""
    middle, low, high = seconds
    return {"predicted_s": middle, "predicted_low_s": low, "predicted_high_s": high, "predicted_from": source}


class Refusals:
    """Cells that are refused, by reason: one note each, which names the first of them."""

    def __init__(self) -> None:
        self._positions: dict[str, list[int]] = {}

    def add(self, reason: str, position: int) -> None:
        """A cell that is refused; an empty reason is none."""
        if reason:
            self._positions.setdefault(reason, []).append(position)

    def notes(self, records: Sequence[Record], forced: bool = False) -> list[Note]:
        """What is to be said of them; `forced` where they are predicted anyway."""
        return [
            NotPredicted(Place.of(records[positions[0]]), len(positions) - 1, reason, forced)
            for reason, positions in self._positions.items()
        ]
