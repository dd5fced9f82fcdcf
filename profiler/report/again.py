"""A saved run that was read back → the answer that its command gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.forms import Polynomials, Shown
from profiler.records import Results
from profiler.report import answers, clocks, forms
from profiler.report.output import Answer
from profiler.report.units import Unit
from profiler.saved import Saved
from profiler.timing import Certificate, Measured


def besides(found: object) -> tuple[str, ...]:
    """The forms other than tables that it can be written in."""
    match found:
        case Measured():
            return forms.CLOCKED
        case Shown():
            return forms.NETWORK
        case Results():
            return forms.COMPARED if found.profiles else forms.RESULTS
        case _:
            return ()


def answer(
    run: Saved,
    found: Results | Shown | Measured | Certificate | list[Polynomials] | None,
    depth: int | None,
    top: int | None,
    formulas: bool,
    unit: Unit | None,
    columns: Sequence[str],
    sort: str | None,
) -> Answer:
    """What `profiler report` prints. Raises UnknownName for a column, ProfilerError."""
    match found:
        case Measured():
            shown = (depth or 0, 20 if top is None else top)
            clocks.check(*shown, columns, sort)
            return clocks.layers(found, *shown, unit or "auto", columns, sort)
        case Shown():
            return answers.show(found, 2 if depth is None else depth, top, formulas, unit or "raw", columns, sort)
        case Results():  # a list too, so before the polynomials
            return answers.results(found, unit or ("auto" if run.command == "bench" else "raw"), columns, sort)
        case Certificate():
            return replace(clocks.certificate(found), document=lambda: dict(run.document))
        case list():
            made = answers.polynomials(found)  # type: ignore[arg-type]  # Results, a list too, was before
            return replace(made, document=lambda: dict(run.document))
        case _ if run.command == "list":
            records = [dict(record) for record in run.document["records"]]
            return replace(answers.listing(records, unit or "auto", sort, columns), document=lambda: dict(run.document))
        case _:
            return answers.as_they_are(run, columns, sort)
