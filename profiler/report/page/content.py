"""What a page says of each sort of answer, before it is drawn: title, totals, warnings, notes, tables, records, networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from profiler.forms import Shown
from profiler.records import Profile, Results
from profiler.report import columns, sheet, telling, units
from profiler.report.output import Answer
from profiler.report.page.networks import Network, of_layers, of_profile
from profiler.report.sheet import Sheet
from profiler.timing import Measured

AXES = (
    "top1", "latency_s", "images_per_second", "macs", "params", "activations", "elementwise", "total", "weight_bytes",
    "peak_bytes", "epoch_s",
)  # fmt: skip
"""What a trade-off can be drawn of, the first choice for its height first."""


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
    networks: list[Network] = field(default_factory=list)
    rounds: Sequence[Sequence[float]] = ()
    """Parallel to the records: the medians of each cell's rounds in seconds."""
    conventions: list[tuple[str, str]] = field(default_factory=list)

    @property
    def axes(self) -> list[str]:
        """What the records differ in and a trade-off can be drawn of."""
        return [name for name in AXES if len({record.get(name) for record in self.records} - {None}) > 1]


def content(answer: Answer) -> Content:
    """What to show of an answer, by what it is about."""
    match answer.subject:
        case Measured(results, layers):
            made = _results(results, answer)
            made.networks = [of_layers(each) for each in layers]
            made.conventions += CLOCKED if layers else []
        case Results() as results:
            made = _results(results, answer)
            made.networks = [of_profile(profile) for profile in results.profiles]
        case Shown() as shown:
            made = _shown(shown)
        case _:
            made = _plain(answer)
    for each in answer.sheets():
        made.notes += each.notes
        made.warnings += each.warnings
    made.notes, made.warnings = _unique(made.notes), _unique(made.warnings)
    return made


def _results(results: Results, answer: Answer) -> Content:
    known = results.columns
    shown = ["model", *columns.default_columns(results), "grade"]
    if any(record["options"] for record in results):
        shown.append("options")
    measured = [record for record in results if record.get("latency_s") is not None]
    made = Content(
        results.title or _listed([record["model"] for record in results]),
        records=results,
        columns=known,
        shown=[name for name in known if name in shown],
        rounds=results.rounds,
        conventions=list(COUNTS),
    )
    others = sorted({record["convention"] for record in results} - {"paper"})
    made.conventions += [("total", f"What {', '.join(others)} would print, by its own rules.")] if others else []
    made.conventions += [TOP1] if any(record["top1"] is not None for record in results) else []
    made.conventions += LATENCY if measured else []
    made.warnings = list(results.warnings)
    return made


def _shown(shown: Shown) -> Content:
    profile, tracing = shown.profile, shown.tracing
    made = Content(
        sheet.profile_title(profile, None if tracing is None else tracing.inputs),
        totals=_totals(profile),
        networks=[of_profile(profile, shown.derivations)],
        conventions=list(COUNTS),
    )
    if shown.convention != "paper":
        made.totals.append((f"total as {shown.convention}", f"{shown.total:,}", shown.title))
    if tracing is not None:
        lines = telling.tracing_head(tracing, profile.params, profile.macs, "raw")
        gaps = telling.gaps(profile.model, tracing)
        made.lead = [" ".join(line.split()) for line in lines if not line.startswith("UNCOUNTED")]
        made.warnings = [*gaps, *(" ".join(line.split()) for line in lines if line.startswith("UNCOUNTED"))]
        made.notes = telling.tracing_lines(profile.model, tracing)
    if shown.whatif is not None:
        made.sheets.append(telling.what_if_sheet(shown.whatif, None, "raw"))
    made.sheets.append(sheet.kinds_sheet(profile))
    made.sheets += [sheet.separable_sheet(shown.pairs)] if shown.pairs else []
    made.sheets += [telling.training_sheet(shown.training, 2, None, "raw")] if shown.training is not None else []
    made.sheets += [telling.memory_sheet(shown.memory)] if shown.memory else []
    for each in made.sheets:
        made.warnings += each.warnings
    return made


def _plain(answer: Answer) -> Content:
    """The records of an answer that is about no network in particular: a listing, polynomials, checks."""
    titles = [each.title for each in answer.sheets() if each.title]
    return Content(titles[0] if titles else "", records=answer.records, columns=answer.columns, shown=answer.columns)


def _totals(profile: Profile) -> list[tuple[str, str, str]]:
    totals = profile.totals
    parts = (("weights", totals.weights), ("bias", totals.bias), ("norm", totals.norm))
    made = [
        ("MACs", f"{totals.macs:,}", "multiply-adds of one forward pass"),
        ("params", f"{totals.params:,}", ", ".join(f"{units.count(n, 'auto')} {name}" for name, n in parts if n)),
        ("activations", f"{totals.activations:,}", "outputs of layers with MACs"),
        ("elementwise", f"{totals.elementwise:,}", "outputs of all others"),
        ("fp32", units.size(4 * totals.params), "all params"),
    ]
    if totals.buffers:
        made.append(("buffers", f"{totals.buffers:,}", ""))
    if totals.side_params:
        made.append(("aside", f"{totals.side_params:,}", f"params and {totals.side_macs:,} MACs that run in training only"))
    return made


def _listed(names: Iterable[str]) -> str:
    once = _unique(list(names))
    return ", ".join(once) if len(once) <= 4 else f"{', '.join(once[:3])} and {len(once) - 3} more"


def _unique(lines: list[str]) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in lines))


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
TOP1 = ("top-1", "Accuracy on ImageNet in percent, as published; never measured here.")
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
        "Of a layer: its share of instrumented runs, times the latency of plain ones. It ends where the layer's output is there "
        "and begins where the layer before it ended, so that layers sum to the run.",
    ),
    (
        "bound by",
        "The nearest of three roofs measured on this device: compute, memory, or the overhead of the smallest call; "
        "kernel, where that explains less than 30 % of the time.",
    ),
]
