"""A saved run that was read back → the answer that its command gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.records.results import Results
from profiler.records.shown import Shown
from profiler.records.timing import Certificate, Measured
from profiler.report.answer import Answer
from profiler.report.answers import layer_times, networks
from profiler.report.units import Unit
from profiler.saved.read import Saved
from profiler.saved.results import Result


def answer(
    run: Saved,
    found: Result | None,
    depth: int | None,
    top: int | None,
    formulas: bool,
    unit: Unit | None,
    columns: Sequence[str],
    sort: str | None,
    fold: bool = True,
) -> Answer:
    """What `profiler report` prints. Raises UnknownName for a column, ProfilerError."""
    match found:
        case Measured():
            shown = (depth or 0, 20 if top is None else top)
            layer_times.check(*shown, columns, sort)
            return layer_times.layers(found, *shown, unit or "auto", columns, sort)
        case Shown():
            levels = 2 if depth is None else depth
            return networks.show(found, levels, top, formulas, unit or "raw", columns, sort, fold)
        case Results():  # a list too, so before the polynomials
            return networks.results(found, unit or ("auto" if run.command == "bench" else "raw"), columns, sort)
        case Certificate():
            return replace(layer_times.certificate(found), document=lambda: dict(run.document))
        case list():
            made = networks.polynomials(found)  # type: ignore[arg-type]  # Results, a list too, was before
            return replace(made, document=lambda: dict(run.document))
        case _ if run.command == "list":
            records = [dict(record) for record in run.document["records"]]
            return replace(networks.listing(records, unit or "auto", sort, columns), document=lambda: dict(run.document))
        case _:
            return networks.as_they_are(run, columns, sort)
