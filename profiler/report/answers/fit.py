"""Networks within limits → an answer: the best of those that fit, and of each network the nearest cell that does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from profiler.records.columns import Record, options_of
from profiler.records.limits import BYTES, Bound, broken
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.report import names, titles, units, words
from profiler.report.answer import Answer, View, sorted_by
from profiler.report.sheets import columns
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import GIVEN_TOP1, TWO_FLOPS, Sheet, check_columns, notes_of
from profiler.report.terminal.table import Fitted
from profiler.report.units import Unit

TOP, MOST_MISSED = 20, 10


def answer(found: Results, view: View) -> Answer:
    """The cells that fit, then the nearest that do not; records are all cells. Raises UnknownName for a column."""
    check_columns([*view.columns, *([view.sort.removeprefix("-")] if view.sort else [])], found.over)
    unit = units.settled(view.unit, "raw", (record["macs"] for record in found.fitting))
    top = TOP if view.top is None else view.top
    shown = found.fitting[:top]
    if view.sort is not None:
        shown = [shown[i] for i in sorted_by(shown, view.sort, columns.known(found.over))]

    def fits(asked: Unit) -> Sheet:
        return _fits(found, shown, asked, view.columns)

    def misses(asked: Unit) -> Sheet:
        return _misses(found, asked, min(top, MOST_MISSED))

    def narrower(asked: Unit) -> Sheet:
        names = [name for name in columns.fit_columns(found, shown) if name not in ("binding", "used")]
        return _fits(found, shown, asked, names)

    parts: list[RenderableType] = (
        [Fitted(fits, unit, [] if view.columns else [narrower])] if shown else [Text(title(found, 0, unit), style="bold")]
    )
    if nearest(found):
        parts += [Text(), Fitted(misses, unit)]
    return Answer(
        Group(*parts),
        lambda: [*([fits(unit)] if shown else []), *([misses(unit)] if nearest(found) else [])],
        found,
        list(view.columns) or found.columns,
        found.to_dict,
        found,
    )


BINDS = "binds: the limit that a cell is closest to; used: the share of that limit that it uses."
"""What the two columns about limits say."""


def _fits(found: Results, shown: Sequence[Record], unit: Unit, chosen: Sequence[str]) -> Sheet:
    names = list(chosen) or columns.fit_columns(found, shown)
    picked = [columns.of(name, found) for name in names]
    rows = [[cell(record, record, unit) for _, cell in picked] for record in shown]
    notes = [TWO_FLOPS] if units.macs_heading(unit) == "FLOPs" else []
    notes += [*notes_of(found, names), *([] if chosen else _near(shown))]
    notes += [BINDS] if "binding" in names and shown else []
    notes += [GIVEN_TOP1] if "top1" in names and any(map(columns.is_given, shown)) else []
    sheet = Sheet(
        [head for head, _ in picked], rows, title(found, len(shown), unit), notes, list(map(words.said, found.warnings))
    )
    sheet.columns = [
        Heading(units.macs_heading(unit), best=head.best) if name == "macs" else head
        for name, head in zip(names, sheet.columns, strict=True)
    ]
    return sheet


def _near(shown: Sequence[Record]) -> list[str]:
    """Of the first cell without a published accuracy, those that were published near it; the column has them of all."""
    named = [record for record in shown if record["top1"] is None and record.get("top1_near")]
    if not named:
        return []
    others = f"; --columns model,alpha,resolution,top1_near shows those of {len(named) - 1:,} more" if named[1:] else ""
    return [f"top-1 of {Place.of(named[0])}: not published; published near it: {named[0]['top1_near']}{others}."]


def title(found: Results, shown: int | None = None, unit: Unit = "raw") -> str:
    """`MACs ≤ 300,000,000, params ≤ 4,000,000: 214 of 1,164 cells fit (31 of 54 networks); the best 20`."""
    within, every = ({names.model(record, options_of(found.over)) for record in records} for records in (found.fitting, found))
    limits = ", ".join(limit_text(bound, unit) for bound in found.limits)
    of = titles.title(found.title)
    some = f"; the best {shown}" if shown is not None and shown < len(found.fitting) else ""
    states = [record.get("latency_fits") for record in found]
    some = open_states({word: states.count(word) for word in ("undecided", "unknown")}) + some
    networks = f" ({len(within):,} of {len(every):,} networks)" if len(every) > 1 else ""
    counts = f"{len(found.fitting):,} of {len(found):,} cells fit{networks}{some}"
    return ": ".join(filter(None, [of, limits, counts]))


def open_states(counts: Mapping[str, int]) -> str:
    """How many are undecided or unknown, for a title: `; 12 undecided; 3 unknown`."""
    return "".join(f"; {n:,} {word}" for word, n in counts.items() if n)


def limit_text(bound: Bound, unit: Unit = "raw") -> str:
    """`MACs ≤ 300,000,000`, `1.0 MiB ≤ memory ≤ 2.0 MiB`."""
    name = quantity(bound, unit)
    least, most = (None if end is None else amount(bound, end, unit) for end in (bound.least, bound.most))
    return " ".join(filter(None, [f"{least} ≤" if least is not None else "", name, f"≤ {most}" if most is not None else ""]))


def quantity(bound: Bound, unit: Unit = "raw") -> str:
    """What a limit is of, as the heading of its column has it."""
    return units.macs_heading(unit) if bound.quantity == "macs" else columns.limited(bound.quantity)


def latency_text(record: Record) -> str:
    """As it was measured, or predicted."""
    return columns.latency_text(record) if record["latency_s"] is not None else columns.predicted_text(record)


def amount(bound: Bound, value: int | float, unit: Unit = "raw") -> str:
    """A count in its unit, bytes and seconds in their own."""
    if bound.quantity == "latency":
        return units.seconds(value)
    if bound.quantity in BYTES:
        return units.size(int(value))
    count = units.macs if bound.quantity == "macs" else units.count
    return count(int(value), unit, bound.column)


def nearest(found: Results) -> list[Record]:
    """Of each network the cell outside the limits that misses them least, the nearest first."""
    seen: dict[str, Record] = {}
    for record in found:
        if not record["fits"] and record["used"] is not None:
            seen.setdefault(names.model(record, options_of(found.over)), record)
    return list(seen.values())


def _misses(found: Results, unit: Unit, most: int) -> Sheet:
    """What just misses: one row a network, with each limit that it breaks and by how much."""
    near = nearest(found)
    shown = near[:most]
    place = columns.places(found, shown)
    accuracy = ["top1"] if any(record["top1"] is not None for record in shown) else []
    picked = [columns.of(name, found) for name in (*place, *accuracy)]
    heads = [*(head for head, _ in picked), Heading("misses", right=False)]
    rows = [
        [
            *(cell(record, record, unit) for _, cell in picked),
            "; ".join(_missed(bound, record, unit) for bound in _broken(found, record)),
        ]
        for record in shown
    ]
    more = (
        [f"{len(near) - len(shown)} more networks have cells that do not fit; --csv writes all."]
        if len(near) > len(shown)
        else []
    )
    return Sheet(heads, rows, "the nearest cell of each network that does not fit", more)


def _broken(found: Results, record: Record) -> list[Bound]:
    return broken([bound for bound in found.limits if bound.value(record) is not None], record)


def _missed(bound: Bound, record: Record, unit: Unit) -> str:
    """`MACs 302,000,000, 0.7 % above`."""
    value = bound.value(record)
    assert value is not None
    if bound.quantity == "latency" and record["latency_fits"] == "undecided":
        return f"latency undecided, {latency_text(record)}"
    above = bound.most is not None and value > bound.most
    limit = bound.most if above else bound.least
    share = f"{100 * abs(value - (limit or 0)) / limit:.1f} % " if limit else ""
    return f"{quantity(bound, unit)} {amount(bound, value, unit)}, {share}{'above' if above else 'below'}"


def failure(found: Results) -> str:
    """Why nothing fits: the nearest cell, and what would have to give for it."""
    near = (nearest(found) or list(found))[0]
    options = options_for(_broken(found, near), near)
    label = str(Place.of({**near, "model": near.get("label") or near["model"]}))
    if not options:
        return f"no cell is known to fit; {_unknown(found)}"
    return f"nothing fits; the nearest cell is {label}; it would fit with {' and '.join(options)}"


def options_for(bounds: Sequence[Bound], record: Record) -> list[str]:
    """The limits that would let a cell in; of what is unknown there is none."""
    return [_option(bound, record) for bound in bounds if bound.value(record) is not None]


def _option(bound: Bound, record: Record) -> str:
    """The limit that would let a cell in: `--max-macs 13570048`; of a latency the end of its interval."""
    value = bound.value(record)
    assert value is not None
    if bound.quantity == "latency":
        high = record["latency_high_s"] if record["latency_s"] is not None else record["predicted_high_s"]
        return f"--max-latency {1e3 * high:.4g}ms"
    end = "max" if bound.most is not None and value > bound.most else "min"
    return f"--{end}-{bound.quantity.replace('_', '-')} {value}{'B' if bound.quantity in BYTES else ''}"


def _unknown(found: Results) -> str:
    """Of how many cells something is not known, and why."""
    open_ = [record for record in found if record.get("latency_fits") == "unknown"]
    reasons = [str(record["reason"]) for record in open_ if record.get("reason")]
    if open_:
        why = f" ({reasons[0]})" if reasons and "--time" not in reasons[0] else "; measure longer with --time"
        return f"the latency of {len(open_):,} cells is unknown{why}"
    return "the memory of these cells is unknown; see the reasons above"
