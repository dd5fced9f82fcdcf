"""The lookup table of a search for architectures: what every layer takes at every width."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from profiler.prediction.features import is_free, kind_of, work_of, works_of
from profiler.records.place import Place, shape
from profiler.records.results import Results
from profiler.study.axes import spread
from profiler.study.calibrated_source import CalibratedSource
from profiler.study.leaf_rows import leaf_rows
from profiler.study.models import Given, grid_over
from profiler.study.scaled_source import ScaledSource


def layer_table(
    results: Results, models: Sequence[Given], at: Place, known: CalibratedSource | ScaledSource
) -> list[dict[str, Any]]:
    """The lookup table that a search for architectures takes: seconds of every layer of every cell, predicted and measured.

    A layer is measured where the file holds one of its kind that does as much. Of a cell that is refused there are no rows.
    """
    model = known.model
    clocked: dict[tuple[str, Any], list[float]] = {}
    for each in known.networks:
        for layer in each.measured.layers:
            clocked.setdefault((layer.kind, layer.work), []).append(layer.seconds)
    table = []
    for cell, record in zip(grid_over(models, spread(at)).cells, results, strict=True):
        if record["predicted_s"] is None:
            continue
        place = {name: record[name] for name in ("model", "options", "alpha", "resolution", "batch", *results.over)}
        rows = [row for row in leaf_rows(cell) if not is_free(row)]
        share = record["predicted_s"] / model.seconds(works_of(rows))
        for row in rows:
            kind, work = kind_of(row), work_of(row)
            measured = clocked.get((kind, work))
            shapes = {"inputs": " ".join(map(shape, row.inputs)), "output": shape(row.output)}
            counts = {"params": row.params, "macs": row.macs, "elements": work.elements, "moved": row.moved}
            seconds = share * model.correction * model.of_kind(kind, work)
            clock = {"predicted_s": seconds, "measured_s": median(measured) if measured else None}
            table.append({**place, "path": row.path, "kind": kind, "op": row.op, **shapes, **counts, **clock})
    return table
