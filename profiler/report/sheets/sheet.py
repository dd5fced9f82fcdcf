"""A sheet: headings and cells as text, between the records and whatever draws a table of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING

from profiler.errors import ProfilerError, UnknownName
from profiler.grid import shown
from profiler.records.agreement import Agreement
from profiler.records.columns import MEASURED_COLUMNS
from profiler.records.profile import Profile
from profiler.records.results import Results
from profiler.report import names as networks
from profiler.report import titles, units, words
from profiler.report.sheets import columns as of_records
from profiler.report.sheets import dtypes
from profiler.report.sheets.columns import Heading
from profiler.report.units import Unit

if TYPE_CHECKING:
    from profiler.records.shown import Separable, Shown


@dataclass
class Sheet:
    """Text, ready to be drawn."""

    columns: list[Heading]
    rows: list[list[str]]
    title: str = ""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """Notes that must not be missed."""
    lead: list[str] = field(default_factory=list)
    """Lines that stand above the table where there is no head to hold them: in Markdown and LaTeX."""
    hint: str = ""
    """What the terminal says after the title: how to see more."""
    networks: Sequence[str] = ()
    """What its rows are of, where a caption has to say so since its title does not."""
    detail: bool = False
    """True of what stands behind the tables above it: a comment on GitHub opens it on a click."""


class Math(str):
    """A cell that is LaTeX, as it stands between two dollars."""

    __slots__ = ()


GIVEN_TOP1 = f"{of_records.DAGGER}: top-1 as given by --top1, not published."
TWO_FLOPS = "FLOPs: two for every multiply-add."
MOST_EXPLAINED = 4
"""Of more cells than this, a table says only that the witnesses agree."""


def check_columns(names: Iterable[str], over: Iterable[str] = ()) -> None:
    """Raises UnknownName for a column that no record has; `over` are options that a study runs over."""
    known = of_records.known(over)
    for name in names:
        if name not in known:
            raise UnknownName("column", name, known)


def results_sheet(results: Results, unit: Unit = "raw", chosen: Sequence[str] = (), agreed: bool = True) -> Sheet:
    """The table of a comparison or sweep; not `agreed`, without a word on engines that agree.

    Raises UnknownName for a column that no record has.
    """
    names = list(chosen) or of_records.default_columns(results)
    check_columns(names, results.over)
    for name in names:
        if name in MEASURED_COLUMNS and not results.measured and name not in results.columns:
            raise ProfilerError(f"column {name}: nothing was measured; add --bench, or use `profiler bench`")
        if name not in results.columns and name not in of_records.RATIOS:
            if name == "memory_bytes":
                raise ProfilerError("column memory_bytes was not computed; add --memory")
            raise ProfilerError(f"column {name}: {name.partition('_')[0]} was not run; add --engine {name.partition('_')[0]}")
    found = [of_records.of(name, results) for name in names]
    rows = [[cell(record, results.base or record, unit) for _, cell in found] for record in results]
    heads = [head for head, _ in found]
    for i, name in enumerate(names):
        if name == "macs":
            heads[i] = replace(heads[i], text=units.macs_heading(unit))
        elif name == "weight_bytes":
            heads[i] = replace(heads[i], text=dtypes.heading(results))
    notes = notes_of(results, names)
    if units.of(unit, "macs") in units.FLOPS:
        notes.insert(0, TWO_FLOPS)
    if "latency_s" in names and any(record.get("latency_s") for record in results):
        notes.insert(0, grades())
    if "top1" in names and any(map(of_records.is_given, results)):
        notes.append(GIVEN_TOP1)
    conventions = {record["convention"] for record in results}
    if conventions != {"paper"}:
        notes.insert(0, f"total: counted as {', '.join(sorted(conventions))} does.")
    warnings = [words.said(note) for note in results.warnings]
    title = titles.title(results.title)
    called = list(dict.fromkeys(networks.model(record) for record in results))
    return Sheet(
        heads,
        rows,
        title,
        notes + (_agreed(results.agreements) if agreed else []),
        warnings + _disagreed(results.agreements),
        networks=[] if any(title.startswith(name.partition("@")[0]) for name in called) else called,
    )


def notes_of(results: Results, names: Sequence[str]) -> list[str]:
    """The notes of results in words; those about the accuracies where the columns `names` show them."""
    notes = map(words.said, results.notes)
    return [note for note in notes if "top1" in names or not note.startswith(words.OF_TOP1)]


def _agreed(agreements: Iterable[Agreement]) -> list[str]:
    """A sentence for each engine whose count is explained, and for a few cells why it reports another total."""
    by_engine: dict[str, list[Agreement]] = {}
    for agreement in agreements:
        by_engine.setdefault(agreement.engine, []).append(agreement)
    notes = []
    for engine, asked in by_engine.items():
        found = [agreement for agreement in asked if agreement.agrees]
        some = f" of {len(found)} cells in {len(asked)}" if len(found) < len(asked) else ""
        if found:
            rules = " under its own rules" if any(map(_counts_otherwise, found)) else ""
            notes.append(f"{engine} agrees on every layer{some}{rules}.")
        for agreement in found if len(found) <= MOST_EXPLAINED else []:
            why = _joined([f"{reason} ({amount:+,})" for reason, amount in agreement.reasons])
            if why and (agreement.total != 2 * agreement.macs or not agreement.macs):
                name = engine.partition(" ")[0]
                notes.append(f"{agreement.cell}: {name} reports {agreement.total:,} because it {why}.")
    return notes


def grades() -> str:
    """What the interval and the letter beside a latency mean."""
    from profiler.measure.grades import LIMITS

    widths = ", ".join(f"{letter} up to ±{100 * most:g} %" for letter, most in LIMITS)
    return f"latency: ± is a 95 % confidence interval; grade {widths}, D wider; lower where the machine was disturbed."


def _joined(reasons: Sequence[str]) -> str:
    """`counts A (+1), counts B (+2) and skips C (-3)`."""
    return " and ".join(filter(None, (", ".join(reasons[:-1]), *reasons[-1:])))


def _counts_otherwise(agreement: Agreement) -> bool:
    """Whether the part of an engine's count that is comparable with our multiply-adds is not as many."""
    return agreement.macs != agreement.total - sum(amount for _, amount in agreement.reasons)


def _disagreed(agreements: Iterable[Agreement]) -> list[str]:
    lines = []
    for agreement in agreements:
        lines += [
            f"DISAGREEMENT {agreement.cell}, {at.path or 'its own forward'}: {agreement.engine} counts {at.found:,} "
            f"where its own rules make {at.expected:,}"
            for at in agreement.differences[:3]
        ]
        if len(agreement.differences) > 3:
            lines.append(f"  … and {len(agreement.differences) - 3} more layers of {agreement.cell}")
    return lines


def uncounted_text(profile: Profile) -> list[str]:
    """A loud line for every operator of a profile that has no formula."""
    return [
        f"UNCOUNTED {profile.model}: {op} has no formula, and the counts are too low; profiler.register('{op}') adds it"
        for op in profile.uncounted
    ]


def totals_text(profile: Profile, unit: Unit) -> list[str]:
    """The head of `show`: what one network costs in all."""
    totals = profile.totals
    lines = [
        f"params       {units.count(totals.params, unit, 'params')}   ({units.count(totals.weights, unit, 'weights')} weights, "
        f"{units.count(totals.bias, unit, 'params')} bias, {units.count(totals.norm, unit, 'params')} norm; "
        f"{dtypes.size_in_words(profile.bytes_by_dtype)})",
        f"{units.macs_heading(unit):<12} {units.macs(totals.macs, unit)}",
        f"activations  {units.count(totals.activations, unit, 'activations')}   "
        f"(outputs of layers with {units.macs_heading(unit)})",
        f"elementwise  {units.count(totals.elementwise, unit, 'elementwise')}   (outputs of all other operations)",
    ]
    if profile.unread:
        of = f"of the module's {units.count(profile.module_params, unit, 'params')} params: {words.some(profile.unread_at)}"
        lines.insert(
            1, f"unread       {units.count(profile.unread, unit, 'unread')}   not used by the forward pass, {of}".rstrip(": ")
        )
    if totals.buffers:
        lines.insert(1, f"buffers      {units.count(totals.buffers, unit, 'buffers')}   (not trained, e.g. running means)")
    if totals.side_params:
        lines.append(
            f"auxiliary    {units.count(totals.side_params, unit, 'side_params')} params, "
            f"{units.macs(totals.side_macs, unit)} {units.macs_heading(unit)} "
            "in branches that run only in training; not counted above"
        )
    return [*lines, *useful_text(profile, unit)]


def useful_text(profile: Profile, unit: Unit) -> list[str]:
    """What is left of the multiply-adds without those that a kernel may skip, where there are any."""
    if profile.useful_macs == profile.macs:
        return []
    return [f"useful       {units.macs(profile.useful_macs, unit)} without the half of causal attention that a kernel may skip"]


def profile_title(profile: Profile, inputs: Sequence[str] | None = None) -> str:
    """`mobilenet_v1, α = 0.5, 3×192×192, batch 8`; `inputs` as they were given, where they are more than shapes."""
    options = [f"{key}={str(value).lower()}" for key, value in profile.options.items()]
    alpha = [] if profile.alpha in (None, 1) else [f"α = {shown(profile.alpha)}"]
    batch = [f"batch {profile.batch}"] if profile.batch not in (None, 1) else []
    shapes = [units.shape(s) for s in profile.inputs] if inputs is None else list(inputs)
    return ", ".join([profile.model, *options, *alpha, *shapes, *batch])


def kinds_sheet(profile: Profile, unit: Unit = "raw") -> Sheet:
    """The shares by kind of layer (MobileNets, Table 2, whose shares of parameters are of weights)."""
    totals = profile.totals
    columns = [
        Heading("kind", right=False),
        *map(Heading, ("layers", units.macs_heading(unit))),
        Heading("%", bar=True),
        Heading("weights"),
        Heading("%", bar=True),
        *map(Heading, ("params", "activations")),
    ]
    rows = [
        [
            group.name,
            str(group.layers),
            units.macs(group.macs, unit),
            units.percent(group.macs, totals.macs),
            units.count(group.weights, unit, "weights"),
            units.percent(group.weights, totals.weights),
            units.count(group.params, unit, "params"),
            units.count(group.activations, unit, "activations"),
        ]
        for group in profile.by_kind()
    ]
    return Sheet(columns, rows, "by kind")


def most(title: str, shown: Sequence[object], top: int | None) -> str:
    if top is not None and top < 1:
        raise ProfilerError(f"top must be 1 or more, not {top}")
    return title if top is None else f"{title}, the {len(shown)} with most MACs"


def formulas_sheet(shown: Shown, top: int | None = None) -> Sheet:
    """Each layer's multiply-adds as the product they are; with `top` only the costliest."""
    made = [(row, found) for row, found in zip(shown.profile.rows, shown.derivations, strict=True) if found is not None]
    if top is not None:
        made = sorted(made, key=lambda each: -each[0].macs)[:top]
    rows = [[row.path, found.letters, found.numbers, f"{row.macs:,}"] for row, found in made]
    left = [Heading(heading, right=False) for heading in ("layer", "closed form", "with its numbers")]
    legend = _legend(found.letters for _, found in made)
    return Sheet([*left, Heading("MACs")], rows, most("closed form of each layer", made, top), [legend] if legend else [])


def _legend(formulas: Iterable[str]) -> str:
    """What the letters of these products stand for; only of those that are in them."""
    used = {letter for formula in formulas for letter in re.findall(r"[A-Z](?:_[A-Za-z])?", formula)}
    said = [words for letters, words in LETTERS if used.intersection(letters)]
    return f"{', '.join(said)}." if said else ""


def separable_sheet(pairs: Sequence[Separable], top: int | None = None) -> Sheet:
    """What each depthwise separable pair replaces and saves (MobileNets, section 3.1); the last row is of all pairs."""
    rows = []
    shown = pairs if top is None else sorted(pairs, key=lambda pair: -pair.macs)[:top]
    for pair in shown:
        k = prod(pair.kernel)
        paper = Fraction(1, pair.n) + Fraction(1, k)
        share = f"1/{pair.n} + 1/{k}" if pair.share == paper else units.fraction(pair.share)
        saving = units.ratio(pair.standard, pair.macs)
        rows.append([pair.path, f"{pair.macs:,}", f"{pair.standard:,}", share, f"{float(pair.share):.4f}", saving])
    ours, standard = sum(pair.macs for pair in pairs), sum(pair.standard for pair in pairs)
    rows.append(["all", f"{ours:,}", f"{standard:,}", "", f"{ours / standard:.4f}", units.ratio(standard, ours)])
    columns = [Heading("pair", right=False), *map(Heading, ("separable", "standard", "1/N + 1/D_K²", "share", "saving"))]
    return Sheet(columns, rows, most("depthwise separable, and the standard convolution it replaces", shown, top))


LETTERS = (
    (("D_K",), "D_K kernel side"),
    (("M",), "M channels in"),
    (("N",), "N channels out"),
    (("D_F",), "D_F output side"),
    (("D_I",), "D_I input side"),
    (("G",), "G groups"),
    (("H",), "H heads"),
    (("T",), "T tokens"),
    (("S",), "S tokens of keys and values"),
    (("C", "C_v"), "C and C_v channels of keys and values"),
    (("P",), "P matrices"),
    (("B",), "B batch"),
)
"""Letters of the closed forms, and what they stand for."""
