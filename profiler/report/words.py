"""Notes in words: what a study has to say beside its figures, as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import singledispatch

from profiler import grid
from profiler.records import baseline_notes as b
from profiler.records import notes as n
from profiler.records import runtime_notes as r
from profiler.records.columns import COLUMNS
from profiler.records.elsewhere import CellLost, CountInterrupted, RecountInterrupted, RunByCommand
from profiler.records.fleet_notes import OfFleet
from profiler.records.notes import Note
from profiler.records.place import Place, written
from profiler.report.elsewhere_words import in_words as elsewhere_in_words
from profiler.report.fleet_words import in_words
from profiler.report.titles import listed

STOPS = {"narrow": "reached ±1 %", "converged": "no longer narrowed", "budget": "used up the time"}
MOST_NAMED = 5
"""Names of modules that a sentence lists."""
MOST_DIFFERING = 2
"""Accuracies that a sentence gives with what other sources print, and sources that it names where it gives only the range."""
OF_TOP1 = "top-1: "
"""How a note begins that is about the accuracies, and has nothing to say where they are not shown."""
GAINS = {"top1": "a higher published top-1", "macs": "more MACs"}
OWN_GAIN = "a higher top-1"


@singledispatch
def said(note: Note) -> str:
    """A note as a sentence."""
    raise AssertionError(f"a note of type {type(note).__name__} has no words")


@said.register
def _(note: str) -> str:
    return note


@said.register
def _(note: OfFleet) -> str:
    return in_words(note, said)


@said.register
def _(note: n.NotCounted) -> str:
    return note.operator.describe(note.model)


@said.register
def _(note: n.Unread) -> str:
    return f"{note.model}: {note.params:,} of its {note.of:,} parameters are not used by the forward pass: {some(note.at)}."


def some(names: Sequence[str]) -> str:
    """`fc, head and 3 more`."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


@said.register
def _(note: n.AskedAtCorners) -> str:
    return f"{', '.join(note.engines)}: checked {note.asked} of {note.cells} cells, those at the corners of the grid."


@said.register
def _(note: n.CellsLeftOut) -> str:
    more = f" and {note.more:,} more are" if note.more else " is"
    return f"{note.place}{more} left out: {note.reason}."


@said.register
def _(note: n.GridOfFit) -> str:
    axes = [f"α {listed([grid.shown(alpha) for alpha in note.alphas])}"] if note.alphas else []
    axes += [f"side {listed(list(map(str, note.sides)))} and the native one"] if note.sides else []
    return f"Grid of {note.networks:,} networks: {', '.join(axes)}, and wherever an accuracy is published."


@said.register
def _(note: n.MaximalMarked) -> str:  # noqa: ARG001  # every function of this dispatch takes it
    return "*: maximal; no other cell that fits has at least as much of every limited quantity, and more of one."


@said.register
def _(note: n.FrontMarked) -> str:
    names = ["weights" if name == "weight_bytes" else COLUMNS[name].title for name in note.quantities]
    what = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
    accuracy = "top-1" if note.given else "published top-1"
    return (
        f"*: Pareto-optimal; no other cell that fits has at least its {accuracy} at no more {what}, "
        "and is better in one of them."
    )


@said.register
def _(note: n.Predicted) -> str:
    source = "layers measured in" if note.by_layers else "latencies of"
    return (
        f"≈: {note.cells:,} cells predicted, with 95 % intervals, from the {source} the {note.measured:,} that were measured; "
        f"each of these, predicted from the others, was wrong by {100 * note.off:.1f} % (root mean square)."
    )


DECIDED = {
    "limit": "which cells are within the limit of latency",
    "front": "which cells are on the Pareto front",
    "rank": "which of two cells is faster",
}


@said.register
def _(note: n.MeasuredToDecide) -> str:
    cells = "1 more cell was" if note.cells == 1 else f"{note.cells} more cells were"
    its = "its prediction" if note.cells == 1 else "their predictions"
    what = " and ".join(DECIDED[each] for each in note.what)
    return f"{cells} measured in the remaining time, because {its} did not decide {what}."


@said.register
def _(note: n.FitInterrupted) -> str:  # noqa: ARG001  # every function of this dispatch takes it
    return "interrupted: the latencies are those measured until then, or predicted from them."


@said.register
def _(note: n.NotPredicted) -> str:
    what = "predicted anyway (--force)" if note.forced else "not predicted"
    return f"{note.place}{f' and {note.more} more' if note.more else ''}: {what}: {note.reason}."


@said.register
def _(note: n.PredictedFrom) -> str:
    from profiler.measure.devices import threads_said

    device, threads = str(note.setting["device"]), note.setting["threads"]
    words = [device, *(threads_said(device, threads) if threads else [])]
    words += [str(note.setting["dtype"]), *([] if note.setting["mode"] == "infer" else ["training"])]
    which = f"each of {note.relatives} of the same family" if note.relatives else "each of these (or its family)"
    return (
        f"≈: predicted, with 95 % intervals, from {note.networks} measured cells of {note.name} ({', '.join(words)}); {which}, "
        f"predicted from the others, was wrong by {100 * note.off:.1f} % (root mean square)."
    )


@said.register
def _(note: n.LeftOut) -> str:
    return f"{some(note.names)}: left out; the file holds no layers of these, and profiler runs no code that a file names."


@said.register
def _(note: n.NetworksChanged) -> str:
    return f"{some(note.names)}: left out; the counts have changed since it was measured."


@said.register
def _(note: n.ScaledFrom) -> str:
    return (
        f"≈: {note.there} scaled to {note.networks} networks of {note.name}: {note.factor:.3g}× its seconds, times (MACs per "
        f"output element over their mean) to the power of {note.slope:+.2f}; each of these, scaled by the others, was wrong by "
        f"{100 * note.off:.1f} % (root mean square)."
    )


@said.register
def _(note: n.AlphaSets) -> str:
    return f"α sets {note.option} of {note.model}."


@said.register
def _(note: n.CellsRecounted) -> str:
    by = f"; {note.walked:,} cells were counted layer by layer from the start" if note.walked else ""
    return f"{note.cells:,} of {note.of:,} cells were counted again layer by layer, with the same result{by}."


@said.register
def _(note: n.RowsLeftOut) -> str:
    files = " and ".join(note.files) or "--csv FILE"
    return f"{note.rows:,} more rows are not shown; {files} {'have' if len(note.files) > 1 else 'has'} all."


@said.register
def _(note: n.AccuracySources) -> str:
    return f"{OF_TOP1}published, {', '.join(note.names)}."


@said.register
def _(note: n.AccuraciesDiffer) -> str:
    if len(note.cells) <= MOST_DIFFERING:
        cells = [
            f"for {cell.place}: {', '.join(f'{printed} in {source}' for printed, source in (cell.shown, *cell.others))}"
            for cell in note.cells
        ]
        return f"{OF_TOP1}sources differ {'; '.join(cells)}; the first{' of each' if len(cells) > 1 else ''} is shown."
    apart: dict[str, list[Decimal]] = {}
    for cell in note.cells:
        for printed, source in cell.others:
            apart.setdefault(source, []).append(Decimal(printed) - Decimal(cell.shown[0]))
    if len(apart) > MOST_DIFFERING:
        every = [points for several in apart.values() for points in several]
        return f"{OF_TOP1}other sources differ from what is shown in {len(note.cells)} cells ({_range(every)} points)."
    sources = [f"{source} in {_cells_said(len(several))} ({_range(several)} points)" for source, several in apart.items()]
    return f"{OF_TOP1}other sources differ from what is shown: {', '.join(sources)}."


def _cells_said(n: int) -> str:
    return f"{n} cells" if n > 1 else "1 cell"


def _range(points: Sequence[Decimal]) -> str:
    low, high = f"{min(points):+.1f}", f"{max(points):+.1f}"
    return low if low == high else f"{low} to {high}"


@said.register
def _(note: n.PeakMemory) -> str:  # noqa: ARG001  # every function of this dispatch takes it
    return "memory: peak of one forward pass, computed from its parameters, buffers, inputs and activations."


@said.register
def _(note: n.Unweighed) -> str:
    return f"{note.cell}: memory is unknown: {note.reason}"


@said.register
def _(note: n.EngineFailed) -> str:
    return f"{', '.join(note.engines)}: {note.reason}"


@said.register
def _(note: CellLost | CountInterrupted | RecountInterrupted | RunByCommand) -> str:
    return elsewhere_in_words(note)


@said.register
def _(note: n.MeasuringInterrupted) -> str:
    return f"interrupted: the measurements are kept; run the same command with --resume {note.samples} to continue."


@said.register
def _(note: n.SamplesNotKept) -> str:
    return f"{note.reason}."


@said.register
def _(note: n.Unmeasured) -> str:
    return f"{_cells(note.place, note.setting, note.more)}: no latency: {note.reason}."


@said.register
def _(note: n.Disturbed) -> str:
    return f"{_cells(note.place, note.setting, note.more)}: grade {note.grade}: {note.reason}."


def _cells(place: Place, setting: tuple[str, ...], more: int) -> str:
    """A cell with its input, what tells its setting from the others', and how many are like it."""
    alpha = [] if place.alpha in (None, 1.0) else [f"α {place.alpha:g}"]
    batch = [] if place.batch == 1 else [f"batch {place.batch}"]
    words = [*written(place.options), *alpha, place.input, *batch, *setting]
    return f"{place.label or place.model} ({', '.join(words)})" + (f" and {more} more like it" if more else "")


@said.register
def _(note: n.MoreReasons) -> str:
    return f"… and {note.reasons} more reasons; --columns model,grade,reason shows them."


@said.register
def _(note: n.RoundsDone) -> str:
    stops = ", ".join(f"{_cells_said(note.stops[rule])} {words}" for rule, words in STOPS.items() if rule in note.stops)
    return (
        f"{note.rounds} rounds in {note.spent_s:.1f} s of {note.budget_s:g} s, {100 * note.inside_share:.0f} % of it inside "
        f"calls; {stops}."
    )


@said.register
def _(note: n.WithinOneRun) -> str:
    source = f"from {note.runs} runs on this machine" if note.runs else "assumed; too few runs on this machine are known"
    return f"Intervals are for this run; another run may differ by ±{100 * note.share:.0f} % ({source})."


@said.register
def _(note: n.ByCpuTime) -> str:
    cells = "" if note.cells == note.measured else f" in {note.cells} of {note.measured} cells"
    ends = list(dict.fromkeys(f"{ratio:.2f}" for ratio in (note.low, note.high)))
    return (
        f"Latencies{cells} are processor time, since one thread did the work and never waited; wall-clock time was "
        f"{' to '.join(ends)}× as long."
    )


@said.register
def _(note: r.RuntimeUsed) -> str:
    return f"{note.name} {note.version} on {note.provider}: {note.setting}."


@said.register
def _(note: r.FilesMeasured) -> str:
    names, own = ", ".join(note.models), "its" if len(note.models) == 1 else "their"
    why = f"{own} outputs are compared with nothing, since torch runs no ONNX file"
    return f"{names}: measured on random inputs; {why}."


@said.register
def _(note: r.QuantisedOnRandom) -> str:
    cells = "One cell is" if note.cells == 1 else f"{note.cells} cells are"
    how = "ONNX Runtime's static quantisation on random inputs"
    return f"{cells} in int8 by {how}: for the time, since the outputs are of no use."


@said.register
def _(note: n.Unsettled) -> str:
    return f"{note.unsettled} of {note.cells} cells were still changing by more than 2 % when their warm-up ended."


@said.register
def _(note: n.GpuClock) -> str:
    return f"SM clock {note.low_hz / 1e9:.2f} to {note.high_hz / 1e9:.2f} GHz."


@said.register
def _(note: n.EnergyMeasured) -> str:
    return (
        f"Energy is that of the whole GPU from its own counter, idle power included: the median of {note.blocks} blocks of "
        f"{note.seconds:g} s or more, with their smallest and largest value."
    )


@said.register
def _(note: n.NoEnergy) -> str:
    return f"Energy of {note.cells} of {note.of} cells is unknown: {note.reason}."


@said.register
def _(note: n.SelftestResult) -> str:
    how = f"failed: {'; '.join(note.failed)}" if note.failed else "passed"
    return f"selftest on this machine, {note.date[:10]}: {how}."


@said.register
def _(note: n.ParetoMarked) -> str:
    return f"*: Pareto-optimal; no other cell{_gain(note)}."


def pareto_on_a_page(note: n.ParetoMarked) -> str:
    """The same where no asterisk marks the front."""
    return f"Pareto, among the records: no other cell{_gain(note)}."


def _gain(note: n.ParetoMarked) -> str:
    of = " of its batch" if note.per_batch else ""
    return f"{of} has {OWN_GAIN if note.given and note.gain == 'top1' else GAINS[note.gain]} at a lower latency"


@said.register
def _(note: n.RankCorrelation) -> str:
    ranks = [f"{COLUMNS[name].title} {'–' if rank is None else f'{rank:.2f}'}" for name, rank in note.by_count.items()]
    return f"Spearman's rank correlation with latency over {note.cells} cells: {', '.join(ranks)}."


@said.register
def _(note: n.LatenciesNotCompared) -> str:
    return f"Latencies{f' of {note.name}' if note.name else ''} are not compared: {_unlike(note.unlike)}."


@said.register
def _(note: b.BaselineWritten) -> str:
    if not note.changes:
        return f"{note.name} is rewritten: no count differs."
    told = []
    for model, what, before, after in note.changes[:MOST_NAMED]:
        counts = f"{after:,}" if note.new else f"{before:,} → {after:,}"
        told.append(f"{model} {COLUMNS[what].title if what in COLUMNS else what} {counts}")
    more = len(note.changes) - len(told)
    what = "written, a new file" if note.new else "rewritten"
    return f"{note.name} is {what}: {', '.join(told)}{f' and {more} more' if more > 0 else ''}."


@said.register
def _(note: b.BaselineKept) -> str:
    return f"{note.name} is as it was, since a limit is not kept."


def _unlike(found: n.Unlike | None) -> str:
    if found is None:
        return "nothing was measured here; add --bench"
    what = found.what.replace("_", " ")
    before, after = ("unknown" if value is None else str(value) for value in (found.before, found.after))
    before, after = (value.lower() if value in ("True", "False") else value for value in (before, after))
    if found.of_machine:
        return f"measured on two machines ({what} {before} and {after})"
    return f"measured with {what} {before} and {after}"


@said.register
def _(note: n.NoLayersSaved) -> str:
    return f"{note.name} holds no layers (`profiler show` and `compare` save them), so only totals are compared."
