"""What a page says of each sort of answer, before it is drawn: title, totals, warnings, notes, tables, records, networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any

from profiler.records.columns import COLUMNS, latency, options_of, record
from profiler.records.compressed import Compressed
from profiler.records.inspected import Inspected
from profiler.records.limits import Bound
from profiler.records.measured import Measured
from profiler.records.notes import ParetoMarked
from profiler.records.profile import Profile
from profiler.records.results import Results
from profiler.records.shown import Shown
from profiler.records.timing import Layers
from profiler.report import names, titles, units, words
from profiler.report.answers import fit, layer_times
from profiler.report.page.networks import Network, of_layers, of_profile, of_profiles
from profiler.report.sheets import columns, details, dtypes, sheet
from profiler.report.sheets.generation import generation_sheets
from profiler.report.sheets.sharding import sharding_sheet
from profiler.report.sheets.sheet import Sheet

AXES = tuple(column.name for column in sorted(COLUMNS.values(), key=lambda column: column.axis) if column.axis)
"""What a trade-off can be drawn of, the first choice for its height first."""
FEWEST = 3
"""Values below which a table says more than a plot."""
RARE = 0.1
"""Share of the records that must have a value for it to be the first choice."""


@dataclass
class Content:
    """Everything that stands on one page."""

    title: str
    lead: list[str] = field(default_factory=list)
    totals: list[tuple[str, str, str]] = field(default_factory=list)
    """(name, value, remark)."""
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    records: Sequence[Mapping[str, Any]] = ()
    columns: Sequence[str] = ()
    shown: Sequence[str] = ()
    """The columns that the table shows at first."""
    caption: str = ""
    """What a row of that table is."""
    networks: list[Network] = field(default_factory=list)
    over: Sequence[str] = ()
    """The columns of the options that a study ran over."""
    limits: Sequence[Bound] = ()
    """What the cells were held to, of a fit."""
    rounds: Sequence[Sequence[float]] = ()
    """Parallel to the records: the medians of each cell's rounds in seconds."""
    conventions: list[tuple[str, str]] = field(default_factory=list)

    @property
    def axes(self) -> list[str]:
        """What the records differ in and a trade-off can be drawn of, what only few of them have last."""
        numbers = [name for name in self.over if all(_is_number(record.get(name)) for record in self.records)]
        names = (*AXES, *numbers)
        known = {name: [value for record in self.records if (value := record.get(name)) is not None] for name in names}
        if "latency_s" in self.columns:  # what is predicted is drawn among these, with a mark of its own
            known["latency_s"] += known["predicted_s"]
            known["predicted_s"] = []
        drawn = [name for name in names if len(set(known[name])) >= FEWEST]
        rare = 0.0 if self.limits else RARE  # of a fit an accuracy is the first choice, however few cells have one
        return sorted(drawn, key=lambda name: len(known[name]) < rare * len(self.records))

    @property
    def map(self) -> list[str]:
        """The two axes of a sweep as a map: α and the side where both vary, else the first that do; none of fewer."""
        names = [name for name in ("alpha", *self.over, "resolution") if self._points(name) > 1]
        first = [name for name in ("alpha", "resolution") if name in names]
        chosen = [*first, *(name for name in names if name not in first)][:2]
        return sorted(chosen, key=names.index) if len(chosen) == 2 else []

    def _points(self, name: str) -> int:
        return len({str(record.get(name)) for record in self.records if record.get(name) is not None})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@singledispatch
def content(found: object, chosen: Sequence[str] = ()) -> Content:  # noqa: ARG001  # every function of this dispatch takes it
    """What to show of a result, of its records the `chosen` columns. Raises TypeError where there are no pages of its type."""
    raise TypeError(f"a page is made of results, a network or its layers on the clock, not of {type(found).__name__}")


@content.register(Results)
def _(results: Results, chosen: Sequence[str] = ()) -> Content:
    made = _results(results)
    made.networks = of_profiles(results.profiles, results)
    if list(chosen) not in ([], results.columns):
        made.shown = [name for name in made.columns if name in chosen] or made.shown
    return made


@content.register(Measured)
def _(found: Measured, chosen: Sequence[str] = ()) -> Content:  # noqa: ARG001  # every function of this dispatch takes it
    return _measured(found.results, found.layers)


@content.register(Shown)
def _(shown: Shown, chosen: Sequence[str] = ()) -> Content:  # noqa: ARG001  # every function of this dispatch takes it
    return _shown(shown)


@content.register(Inspected)
def _(found: Inspected, chosen: Sequence[str] = ()) -> Content:  # noqa: ARG001  # every function of this dispatch takes it
    from profiler.report.answers import inspect
    from profiler.report.sheets import weights

    tables = [*inspect.sheets(found), weights.histograms(found.tensors), weights.dead_maps(found.tensors)]
    made = Content(inspect.title(found), inspect.head(found), sheets=[each for each in tables if each.rows])
    for each in made.sheets:
        each.title = each.title[:1].upper() + each.title[1:]
    return made


@content.register(Compressed)
def _(found: Compressed, chosen: Sequence[str] = ()) -> Content:  # noqa: ARG001  # every function of this dispatch takes it
    from profiler.report.answers import compressed

    table = compressed.sheet(found)
    return Content(table.title, notes=table.notes, sheets=[replace(table, title="By layer", notes=[])])


def _results(results: Results) -> Content:
    labelled, given = any(record.get("label") for record in results), any(map(columns.is_given, results))
    known = results.columns
    shown = ["model", *columns.default_columns(results), "grade"]
    records: Sequence[Mapping[str, Any]] = results
    if labelled:  # what the table and the plots call each row; the model stands beside it
        known = ["label", *(name for name in known if name != "label")]
        shown.append("label")
        apart = options_of(results.over)
        records = [{**record, "label": names.model(record, apart)} for record in results]
    published = any(record["top1"] is not None for record in results)
    shown_top1 = ["top1", *(["top1_source"] if given else [])] if published else []
    shown += shown_top1
    if any(record["options"] for record in results):
        shown.append("options")
    table = sheet.results_sheet(results, chosen=list(dict.fromkeys([*columns.default_columns(results), *shown_top1])))
    fronts = [
        ParetoMarked(gain, own, per_batch) for gain in ("top1", "macs") for own in (False, True) for per_batch in (False, True)
    ]
    front = {words.said(note): words.pareto_on_a_page(note) for note in fronts}
    made = Content(
        _title(results),
        warnings=table.warnings,
        notes=[front.get(note, note) for note in table.notes],
        records=records,
        columns=known,
        shown=[name for name in known if name in shown],
        caption=f"{_title(results)}: one record a row, with the columns of the CSV",
        over=results.over,
        limits=results.limits,
        rounds=results.rounds,
        conventions=list(COUNTS),
    )
    others = sorted({record["convention"] for record in results} - {"paper"})
    made.conventions += [("total", f"What {', '.join(others)} would print, by its own rules.")] if others else []
    made.conventions += [(TOP1[0], f"{TOP1[1]}{OWN_TOP1 if given else ''}")] if published else []
    made.conventions += LATENCY if any(latency(record) is not None for record in results) else []
    return made


def _title(results: Results) -> str:
    """The networks, if the title that results have does not name them already, and what else it says."""
    if results.limits:
        return fit.title(results)
    apart = options_of(results.over)
    called = list(dict.fromkeys(names.model(record, apart) for record in results))
    listed = ", ".join(called) if len(called) <= 4 else f"{', '.join(called[:3])} and {len(called) - 3} more"
    title = titles.title(results.title)
    named = results.command == "sweep" or (results.command == "bench" and len(called) == 1)
    return title if title and named else ": ".join(filter(None, [listed, title]))


def _measured(results: Results, layers: Sequence[Layers]) -> Content:
    made = _results(results)
    made.networks = [of_layers(each) for each in layers]
    made.sheets = [layer_times.kinds_sheet(each) for each in layers]
    made.notes += [
        f"{each.model}: clocked layer by layer, a run takes {each.instrumented:.2f}× the plain one; "
        "shares are of the first, times of the second."
        for each in layers
    ]
    made.conventions += CLOCKED if layers else []
    return made


def _shown(shown: Shown) -> Content:
    profile, traced = shown.profile, shown.traced
    made = Content(
        sheet.profile_title(profile, None if traced is None else traced.inputs),
        totals=_totals(profile),
        networks=[of_profile(profile, profile.model, shown.derivations)],
        conventions=list(COUNTS),
    )
    if shown.convention != "paper":
        made.totals.append((f"total as {shown.convention}", f"{shown.total:,}", shown.title))
    if traced is not None:
        lines = details.tracing_head(traced, profile.params, profile.macs, "raw", warned=False)
        made.lead = [" ".join(line.split()) for line in lines]
        made.warnings = details.uncounted(profile.model, traced)
        if traced.uncounted:
            made.warnings.append(f"UNCOUNTED {details.coverage(traced)}; the counts are too low")
        made.notes = details.tracing_lines(profile.model, traced)
    if shown.whatif is not None:
        made.sheets.append(details.what_if_sheet(shown.whatif, None, "raw"))
    made.sheets.append(sheet.kinds_sheet(profile))
    made.sheets += [sheet.separable_sheet(shown.pairs)] if shown.pairs else []
    made.sheets += [details.training_sheet(shown.training, 2, None, "raw")] if shown.training is not None else []
    made.sheets += [details.memory_sheet(shown.memory)] if shown.memory else []
    made.sheets += [details.forms_sheet(shown.weight_forms)] if shown.weight_forms else []
    made.sheets += [sharding_sheet(shown.sharding)] if shown.sharding is not None else []
    made.sheets += generation_sheets(shown.generation, "auto") if shown.generation is not None else []
    for each in made.sheets:
        made.warnings += each.warnings
        each.title = each.title[:1].upper() + each.title[1:]
    return made


def _totals(profile: Profile) -> list[tuple[str, str, str]]:
    totals = profile.totals
    parts = (("weights", totals.weights), ("bias", totals.bias), ("norm", totals.norm))
    made = [
        ("MACs", f"{totals.macs:,}", "multiply-adds of one forward pass"),
        ("params", f"{totals.params:,}", ", ".join(f"{units.count(n, 'auto')} {name}" for name, n in parts if n)),
        ("activations", f"{totals.activations:,}", "outputs of layers with MACs"),
        ("elementwise", f"{totals.elementwise:,}", "outputs of all others"),
        (dtypes.heading([record(profile)]), units.size(profile.weight_bytes), _in_dtypes(profile)),
    ]
    if profile.unread:
        of = f"of the module's {profile.module_params:,} params"
        made.append(("unread", f"{profile.unread:,}", f"{of}: {words.some(profile.unread_at)}".rstrip(": ")))
    if totals.buffers:
        made.append(("buffers", f"{totals.buffers:,}", ""))
    if totals.side_params:
        made.append(("aside", f"{totals.side_params:,}", f"params and {totals.side_macs:,} MACs that run in training only"))
    return made


def _in_dtypes(profile: Profile) -> str:
    """`all params`, with the bytes of each dtype where there are several."""
    by_dtype = profile.bytes_by_dtype
    return "all params" if len(by_dtype) < 2 else f"all params: {dtypes.size_in_words(by_dtype).partition(': ')[2]}"


COUNTS = (
    (
        "MACs",
        "Multiply-adds of convolutions, linear layers and matrix products, attention's two included, for the whole batch. "
        "One MAC is two FLOPs. What papers call Mult-Adds, MAdds or (mostly) FLOPs.",
    ),
    ("params", "Parameters that the forward pass reads, each once: weights, biases and those of normalisation."),
    ("activations", "Output elements of the layers that have MACs, for the whole batch."),
    ("elementwise", "Output elements of all other layers, reshapes and concatenations excepted."),
)
OWN_TOP1 = " Where its source is 'given', the user gives it."
TOP1 = (
    "top-1",
    "Accuracy in percent as published, never measured here: on ImageNet, for networks of its 1,000 classes. "
    "`profiler verify NAME` gives every source.",
)
LATENCY = [
    (
        "latency",
        "Seconds a call: the median of the rounds' medians, with the 95 % interval of the sign test over rounds. "
        "Every round visits every cell once, in random order.",
    ),
    ("grade", "A: the interval is within 1 %, B: 3 %, C: 10 %, D: wider; one lower where the machine was disturbed."),
]
CLOCKED = [
    (
        "time",
        "Of a layer: its share of instrumented runs, times the latency of plain ones. It ends where the layer's output is "
        "there and begins where the layer before it ended, so that layers sum to the run.",
    ),
    (
        "bound by",
        "The nearest of three roofs measured on this device: compute, memory, or the overhead of the smallest call; "
        "kernel, where that explains less than 30 % of the time.",
    ),
]
