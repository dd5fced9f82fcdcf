"""Counts of networks × sizes × batches → records in blocks, column by column: what `record` makes of one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from profiler.count.factored import SAFE
from profiler.grid import axis
from profiler.load.load import Network
from profiler.records.blocks import Block, BlockColumn, Coded, Numbers, same
from profiler.records.columns import COUNTED
from profiler.records.profile import FLOAT32_BYTES, Profile, Totals
from profiler.records.published import Figure
from profiler.study.published import Point, rated, top1
from profiler.study.rectangles import Rectangle


class Assembly:
    """The blocks of one sweep."""

    def __init__(self, batches: Sequence[int | None], convention: str) -> None:
        self.asked = batches
        self.convention = convention
        self.rated: dict[Figure, Network] = {}
        """The published accuracies that were met, each with the first network that has it."""

    @cached_property
    def batches(self) -> list[int]:
        """The batches, of networks that have a batch axis. Raises ProfilerError for none."""
        return list(map(axis, self.asked))

    def block(self, found: Rectangle, start: int, over: Mapping[str, Sequence[Any]], label: str | None = None) -> Block:
        """The records of a rectangle, from position `start` on; `over` has the options that are run over, a value a row."""
        import numpy as np

        rows, sizes, deep = len(found.rows), len(found.sizes), len(self.batches)
        size = rows * sizes * deep
        at_row = np.repeat(np.arange(rows), sizes * deep)
        at_size = np.tile(np.repeat(np.arange(sizes), deep), rows)
        totals, total = self._totals(found.counts)
        first = found.rows[0]
        profile = Profile(first.name, first.options, first.alpha, None, first.native, None, (), totals)
        params = totals.params
        distinct, at_params = np.unique(params, return_inverse=True)
        known: dict[str, BlockColumn] = {
            "model": same(first.name, size),
            "options": Coded([dict(row.options) for row in found.rows], at_row),
            "alpha": Coded([float(row.alpha) for row in found.rows], at_row),
            "resolution": Coded([each.resolution for each in found.sizes], at_size),
            "input": Coded([each.input for each in found.sizes], at_size),
            "batch": Coded(self.batches, np.tile(np.arange(deep), rows * sizes)),
            "weight_bytes": Numbers(params * FLOAT32_BYTES),
            "parameter_bytes": Coded([{"float32": FLOAT32_BYTES * n} if n else {} for n in distinct.tolist()], at_params),
            "convention": same(self.convention, size),
            "total": Numbers(total),
            "label": same(label, size),
            "weight_dtype": Coded(["float32" if n else None for n in distinct.tolist()], at_params),
        }
        known["top1"], known["top1_source"] = self._accuracies(found, deep)
        columns: dict[str, BlockColumn] = {}
        for column in COUNTED:
            if column.name in known:
                columns[column.name] = known[column.name]
            else:
                counted = column.of(profile) if column.of is not None else None
                columns[column.name] = Numbers(counted) if isinstance(counted, np.ndarray) else same(counted, size)
        return Block(start, size, columns | {name: Coded(values, at_row) for name, values in over.items()})

    def _totals(self, counts: Mapping[str, Any]) -> tuple[Totals, Any]:
        """Totals of arrays, a number a record, and the count under the convention."""
        import numpy as np

        batches = np.array(self.batches)

        def of_batch(name: str) -> Any:
            values = counts[name]
            if values.dtype != object and int(values.max(initial=0)) * max(self.batches) >= SAFE:
                values = values.astype(object)
            return (values[:, :, None] * batches).reshape(-1)

        def of_network(name: str) -> Any:
            return np.repeat(counts[name].reshape(-1), len(batches))

        totals = Totals(
            **{name: of_network(name) for name in ("weights", "bias", "norm", "buffers", "side_params")},
            **{name: of_batch(name) for name in ("macs", "elementwise", "activations", "side_macs")},
            moved=of_batch("moved_each") + of_network("moved_once"),
        )
        return totals, totals.macs if self.convention == "paper" else of_batch("total")

    def _accuracies(self, found: Rectangle, deep: int) -> tuple[Coded, Coded]:
        """Of the few cells that have one, the published accuracy and its source."""
        import numpy as np

        points = rated(found.rows[0].name)
        sides = {point.side for point in points}
        chosen = [j for j, size in enumerate(found.sizes) if size.resolution in sides]
        at = np.zeros((len(found.rows), len(found.sizes), deep), np.intp)
        values: list[float | None] = [None]
        sources: list[str | None] = [None]
        for i, row in enumerate(found.rows if chosen else ()):
            for j in chosen:
                if Point(row.alpha, found.sizes[j].resolution) not in points:
                    continue
                network = row.network(found.sizes[j])
                figure = top1(network)
                if figure is not None:
                    self.rated.setdefault(figure, network)
                    at[i, j] = len(values)
                    values.append(float(figure.printed))
                    sources.append(figure.name)
        return Coded(values, at.reshape(-1)), Coded(sources, at.reshape(-1))
