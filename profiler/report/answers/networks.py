"""What each command found → an Answer: drawn, as sheets, as records, as a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from profiler.errors import UnknownName
from profiler.records.environment import document
from profiler.records.profile import Record, record
from profiler.records.results import Results
from profiler.report import units
from profiler.report.answer import Answer, sorted_by
from profiler.report.encoding import printable
from profiler.report.sheets import details, sheet
from profiler.report.sheets.columns import Column
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table
from profiler.report.terminal.heat import Heat
from profiler.report.units import Unit
from profiler.report.writers import plain

if TYPE_CHECKING:
    from profiler.records.polynomials import Polynomials
    from profiler.records.shown import Shown
    from profiler.saved.read import Saved

ROW_COLUMNS = (
    "path", "op", "kind", "module", "inputs", "output", "params", "weights", "bias", "norm", "buffers", "macs",
    "elementwise", "activations", "side", "convention", "total",
)  # fmt: skip


def results(found: Results, unit: Unit, columns: Sequence[str], sort: str | None) -> Answer:
    """A comparison or sweep. Raises UnknownName for a column."""
    if sort is not None:
        found = found.ordered(sorted_by(found, sort.replace("_ratio", ""), sheet.known_columns()))
    content = sheet.results_sheet(found, unit, columns)
    return Answer(
        Group(table.results_table(found, unit, columns), Heat(found, columns)),
        lambda: [content],
        [_with_ratios(record, found.base or record) for record in found] if columns else found,
        list(columns) or found.columns,
        found.to_dict,
        found,
    )


def _with_ratios(record: Record, base: Record) -> dict[str, Any]:
    ratios = {f"{key}_ratio": record[key] / base[key] if base[key] else None for key in ("params", "macs")}
    return {**record, **ratios}


def show(
    found: Shown,
    depth: int,
    top: int | None,
    formulas: bool,
    unit: Unit,
    columns: Sequence[str] = (),
    sort: str | None = None,
    fold: bool = True,
) -> Answer:
    """One network; with `columns` or `sort` its layers alone, as the CSV has them. Raises UnknownName for a column."""
    from profiler.saved.show_parts import parts_of, rewritten_records

    profile, traced = found.profile, found.traced

    def sheets(shown: Unit) -> list[Sheet]:
        if found.whatif is not None:
            return [details.what_if_sheet(found.whatif, top, shown)]
        made = [sheet.kinds_sheet(profile, shown)]
        if formulas:
            made += [sheet.formulas_sheet(found, top), *([sheet.separable_sheet(found.pairs, top)] if found.pairs else [])]
        else:
            made.append(sheet.layers_sheet(profile, depth, top, shown, fold))
        made += [details.training_sheet(found.training, depth, top, shown)] if found.training is not None else []
        return [*made, *([details.memory_sheet(found.memory)] if found.memory else [])]

    title = sheet.profile_title(profile, None if traced is None else traced.inputs)
    head = [title, *sheet.totals_text(profile, unit)]
    if traced is not None:
        head += details.tracing_head(traced, profile.params, profile.macs, unit)
    if found.convention != "paper":
        head.append(f"{found.convention:<12} {found.total:,} {found.title}")
    parts: list[RenderableType] = [Text(printable(head[0]), style="bold"), *(Text(printable(line)) for line in head[1:])]
    for i in range(len(sheets(unit))):
        parts += [Text(), table.Fitted(lambda shown, i=i: sheets(shown)[i], unit)]  # type: ignore[misc]
    rows = [{**row.to_dict(), "convention": found.convention, "total": found.totals[row.path]} for row in profile.rows]
    made = dict(record(profile, found.convention, found.total))

    def whole() -> dict[str, Any]:
        parts = {"engine": profile.engine, "uncounted": list(profile.uncounted), **parts_of(found)}
        return document("show", [made], made_with=found.environment, rows=rows, **parts)

    if columns or sort is not None:
        costliest = rows if top is None else sorted(rows, key=lambda row: -row["macs"])[:top]
        chosen = _chosen("show", rows, ROW_COLUMNS, columns, sort, sheet.most(title, costliest, top), costliest)
        return replace(chosen, document=whole, subject=found, depth=depth)
    return Answer(
        Group(*parts),
        lambda: _titled(sheets(unit), head),
        rows if found.whatif is None else rewritten_records(found.whatif),
        ROW_COLUMNS if found.whatif is None else details.WHAT_IF_COLUMNS,
        whole,
        found,
        depth,
    )


def _titled(sheets: list[Sheet], head: list[str]) -> list[Sheet]:
    sheets[0].lead = [head[0], *(" ".join(line.split()) for line in head[1:])]
    return sheets


def _chosen(
    command: str,
    rows: Sequence[Mapping[str, Any]],
    known: Sequence[str],
    chosen: Sequence[str],
    sort: str | None,
    title: str = "",
    shown: Sequence[Mapping[str, Any]] | None = None,
) -> Answer:
    """Rows by the columns that the user chose, as the CSV has them; its table, of `shown`. Raises UnknownName for a column."""
    columns = list(chosen) or list(known)
    for name in columns:
        if name not in known:
            raise UnknownName("column", name, known)
    shown = rows if shown is None else shown
    if sort is not None:
        rows, shown = ([some[i] for i in sorted_by(some, sort, known)] for some in (rows, shown))
    heads = [Column(name.replace("_", " "), right=all(isinstance(row[name], int | float) for row in rows)) for name in columns]
    cells = [[plain.cell(row[name]) for name in columns] for row in shown]
    content = Sheet(heads, cells, title)
    return Answer(
        table.Fitted(lambda _: content, "auto"),
        lambda: [content],
        rows,
        columns,
        lambda: document(command, [dict(row) for row in rows], rows=[]),
    )


def as_they_are(saved: Saved, columns: Sequence[str], sort: str | None) -> Answer:
    """The records of a document that nothing is made of again, by the columns of the CSV. Raises UnknownName for a column."""
    records = saved.document["records"]
    known = list(dict.fromkeys(name for record in records for name in record))
    rows = [{name: record.get(name) for name in known} for record in records]
    return replace(_chosen(saved.command, rows, known, columns, sort), document=lambda: dict(saved.document))


def listing(records: list[dict[str, Any]], unit: Unit, sort: str | None, chosen: Sequence[str] = ()) -> Answer:
    """The zoo; with `chosen` columns, as the CSV has them. Raises UnknownName for a column that is none."""
    columns = list(records[0])
    if chosen:
        return _chosen("list", records, columns, chosen, sort)
    if sort is not None:
        records = [records[i] for i in sorted_by(records, sort, columns)]

    def content(shown: Unit) -> Sheet:
        heads = [Column("model", right=False), *map(Column, ("year", "input", "params", units.macs_heading(shown), "top-1 %"))]
        rows = [_listed(each, shown) for each in records]
        return Sheet(heads, rows, notes=["top-1: published; `profiler verify` names the source."])

    def with_papers(shown: Unit) -> Sheet:
        made = content(shown)
        made.columns.insert(1, Column("paper", right=False))
        for row, each in zip(made.rows, records, strict=True):
            row.insert(1, each["paper"])
        return made

    return Answer(
        table.Fitted(with_papers, unit, narrow=content),
        lambda: [with_papers(unit)],
        records,
        columns,
        lambda: document("list", records, rows=[]),
    )


def _listed(each: Mapping[str, Any], unit: Unit) -> list[str]:
    accuracy = units.accuracy(each["top1"])
    counts = [units.count(each["params"], unit), units.macs(each["macs"], unit)]
    return [each["model"], str(each["year"]), _input(each["input"]), *counts, accuracy]


def _input(shapes: str) -> str:
    """The first of several inputs, and that there are more."""
    first, *more = shapes.split()
    return f"{first} +{len(more)}" if more else first


def polynomials(found: list[Polynomials]) -> Answer:
    """Closed forms; as records, one a term."""
    from profiler.report.answers import formula

    texts = [formula.lines(each) for each in found]
    records = [
        {
            "model": each.model,
            "quantity": quantity,
            "alpha_power": i,
            "side_power": j,
            "coefficient": int(c) if c.denominator == 1 else str(c),
            "period": each.domain.period,
            "remainder": each.domain.remainder,
            "least": each.domain.least,
            "alpha_step": None if each.domain.alpha_step is None else str(each.domain.alpha_step),
            "alpha_least": None if each.domain.alpha_least is None else str(each.domain.alpha_least),
            "alpha": None if each.domain.alpha_step is not None else float(each.domain.alpha),
        }
        for each in found
        for quantity, coefficients in formula.each(each)
        for (i, j), c in sorted(coefficients.items(), reverse=True)
    ]
    grids = [
        {"model": each.model, "alpha": float(alpha), "resolution": side, "params": params, "macs": macs}
        for each in found
        for alpha, side, params, macs in each.grid
    ]

    def sheets() -> list[Sheet]:
        heads = [Column("count", right=False), Column("polynomial", right=False)]
        made = []
        for one in found:
            rows = [[formula.head(one, quantity, "K"), sheet.Math(formula.latex(c))] for quantity, c in formula.each(one)]
            made.append(Sheet(heads, rows, one.model, [formula.domain(one)]))
            if one.grid:
                numbers = [
                    [*map(str, (float(alpha), side)), f"{params:,}", f"{macs:,}"] for alpha, side, params, macs in one.grid
                ]
                made.append(Sheet([*map(Column, ("α", "side", "params", "MACs"))], numbers, formula.ROUNDED))
        return made

    heads = [
        {
            "model": each.model,
            "alpha": str(each.domain.alpha),
            "native": each.domain.native,
            "rounded": each.rounded,
            "terms": n,
        }
        for each, n in zip(found, [sum(len(c) for _, c in formula.each(each)) for each in found], strict=True)
    ]
    drawn = Group(*(Text(printable("\n".join(lines)) + ("\n" if lines is not texts[-1] else "")) for lines in texts))
    return Answer(
        drawn,
        sheets,
        records,
        list(records[0]) if records else [],
        lambda: document("formula", records, rows=[], grid=grids, polynomials=heads),
    )
