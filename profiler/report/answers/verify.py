"""What `verify` found → tables: a line a network, a line a figure, or a published table with ours beside it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from rich.console import Group

from profiler.records.environment import document
from profiler.records.published import Figure, FigureCheck, Verified
from profiler.report import units, words
from profiler.report.answer import Answer, View
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table

COLUMNS = (
    "model", "options", "alpha", "resolution", "part", "quantity", "printed", "unit", "ours", "verdict", "source", "table",
    "reason",
)  # fmt: skip
VERDICTS = ("equal", "erratum", "open", "quoted", "DIFFERS")


def answer(found: Verified, view: View) -> Answer:
    """A published table where one was asked for; else every figure, or without networks asked for a line a network."""
    if view.table is not None:
        sheets = [_pivoted(found.checks)]
    elif not view.summary:
        figures = [figures_sheet(found.checks)] if found.checks or not found.agreements else []
        sheets = [*figures, *([_witnesses(found)] if found.agreements else [])]
    else:
        sheets = [_summary(found)]
    for made in sheets:
        made.warnings += [] if made is not sheets[-1] else _failures(found)
        made.notes += [] if made is not sheets[-1] else map(words.said, found.notes)
    records = [_record(check) for check in found.checks]
    agreements = [agreement.to_dict() for agreement in found.agreements]
    return Answer(
        Group(*map(_drawn, sheets)),
        lambda: sheets,
        records,
        COLUMNS,
        lambda: document("verify", records, rows=[], agreements=agreements),
    )


def _drawn(made: Sheet) -> table.Fitted:
    return table.Fitted(lambda _: made, "auto")


def _record(check: FigureCheck) -> dict[str, Any]:
    figure = check.figure
    ours = check.ours
    return {
        **figure._asdict(),
        "options": dict(item.split("=") for item in figure.options.split(",") if item),
        "alpha": float(figure.alpha),
        "resolution": int(figure.resolution) if figure.resolution.isdecimal() else figure.resolution or None,
        "part": figure.part or None,
        "reason": figure.reason or None,
        "ours": None if ours is None else (ours.numerator if ours.denominator == 1 else float(ours)),
        "verdict": check.verdict,
    }


def _exact(check: FigureCheck) -> str:
    """Ours in the figure's unit, to two digits more than it prints; a count in units of one is an integer."""
    ours = check.ours or Fraction(0)
    exponent = Decimal(check.figure.printed).as_tuple().exponent
    places = max(2 - int(exponent), 0) if check.figure.unit != "1" or int(exponent) < 0 else 0
    return f"{float(ours):.{places}f}" if ours.denominator != 1 else str(ours.numerator)


def _printed(figure: Figure) -> str:
    """`15300 M` for 153e2 M, which is printed so and meant to three digits."""
    return f"{Decimal(figure.printed):f}" + ("" if figure.unit == "1" else f" {figure.unit}")


def _point(figure: Figure) -> str:
    """`α 0.5, 160, separable=false, kind=pointwise`: what of the network the figure is of."""
    alpha = [] if figure.alpha == "1" else [f"α {figure.alpha}"]
    return ", ".join([*alpha, figure.resolution, *([figure.options] if figure.options else []), *_part(figure)])


def _part(figure: Figure) -> list[str]:
    return [figure.part.partition("=")[2]] if figure.part else []


def _summary(found: Verified) -> Sheet:
    """One line a network: how many figures of each verdict, and each witness's word."""
    engines = list(dict.fromkeys(agreement.engine for agreement in found.agreements))
    rows = []
    for model in found.models:
        verdicts = [check.verdict for check in found.checks if check.figure.model == model]
        words = [_word(found, model, engine) for engine in engines]
        counts = [units.count(n, "auto") for n in found.counts[model]]
        rows.append([model, *counts, *(str(verdicts.count(verdict) or "") for verdict in VERDICTS), *words])
    said = [check.verdict for check in found.checks]
    total = ", ".join(f"{said.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in said)
    notes = [f"{len(said)} published figures of {len(found.models)} networks: {total}.", "Name a network for its figures."]
    return Sheet(
        [Heading("model", right=False), *map(Heading, ("params", "MACs", *VERDICTS)), *map(Heading, engines)], rows, notes=notes
    )


def _word(found: Verified, model: str, engine: str) -> str:
    for agreement in found.agreements:
        if (agreement.model, agreement.engine) == (model, engine):
            return "agrees" if agreement.agrees else "DIFFERS"
    return ""


def figures_sheet(checks: Sequence[FigureCheck]) -> Sheet:
    """One line a figure, the reasons of what is not equal below."""
    rows = [
        [
            check.figure.model,
            _point(check.figure),
            check.figure.quantity,
            _printed(check.figure),
            "" if check.ours is None else _exact(check),
            check.verdict,
            check.figure.name,
        ]
        for check in checks
    ]
    heads = [Heading("model", right=False), Heading("at", right=False), Heading("count", right=False)]
    heads += [Heading("published"), Heading("ours"), Heading("verdict", right=False), Heading("source", right=False)]
    return Sheet(heads, rows, notes=_reasons(checks))


def _reasons(checks: Sequence[FigureCheck]) -> list[str]:
    return [
        f"{check.figure.name}, {check.figure.model} {_point(check.figure)}, {check.figure.quantity}: {check.figure.reason}."
        for check in checks
        if check.figure.verdict in ("erratum", "open")
    ]


def _witnesses(found: Verified) -> Sheet:
    rows = []
    cells = {
        agreement.model: {each.cell for each in found.agreements if each.model == agreement.model}
        for agreement in found.agreements
    }
    for agreement in found.agreements:
        name = agreement.model if len(cells[agreement.model]) == 1 else agreement.cell
        word = "agrees" if agreement.agrees else "DIFFERS"
        rows.append([name, agreement.engine, f"{agreement.macs:,}", f"{agreement.total:,}", word])
    heads = [Heading("model", right=False), Heading("counter", right=False)]
    return Sheet([*heads, *map(Heading, ("MACs", "it reports", "verdict"))], rows)


def _pivoted(checks: Sequence[FigureCheck]) -> Sheet:
    """A published table: a line a point, each printed number with ours beside it."""
    quantities = list(dict.fromkeys(check.figure.quantity for check in checks))
    counted = {check.figure.quantity for check in checks if check.ours is not None}
    cells: dict[tuple[str, str], dict[str, FigureCheck]] = {}
    for check in checks:
        cells.setdefault((check.figure.model, _point(check.figure)), {})[check.figure.quantity] = check
    rows = []
    for (model, point), of in cells.items():
        row = [model, point]
        for quantity in quantities:
            held = of.get(quantity)
            row.append("" if held is None else _printed(held.figure))
            if quantity in counted:
                row.append(
                    ""
                    if held is None
                    else _exact(held) + {"erratum": " !", "open": " ?", "DIFFERS": " !!"}.get(held.verdict, "")
                )
        rows.append(row)
    heads = [Heading("model", right=False), Heading("of", right=False)]
    for quantity in quantities:
        heads += [Heading(quantity), Heading("ours")] if quantity in counted else [Heading(quantity)]
    notes = _reasons(checks)
    return Sheet(heads, rows, checks[0].figure.name, [*(["! an erratum, ? open:"] if notes else []), *notes])


def _failures(found: Verified) -> list[str]:
    lines = [
        f"DIFFERS {check.figure.model} {_point(check.figure)}, {check.figure.quantity}: printed {_printed(check.figure)}"
        f", ours {_exact(check)}, and archs/published.csv says {check.figure.verdict}"
        for check in found.checks
        if not check.holds
    ]
    lines += [
        f"DIFFERS {agreement.cell}, {at.path}: {agreement.engine} counts {at.found:,} where its own rules make {at.expected:,}"
        for agreement in found.agreements
        for at in agreement.differences
    ]
    return lines
