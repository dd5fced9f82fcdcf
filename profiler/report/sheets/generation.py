"""The tables of a model that reads and writes text: its steps, cache, weights, and the least time that the steps take."""

from __future__ import annotations

from profiler.records.generation import KINDS, Generation, StepCost
from profiler.report import units
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.units import Unit


def generation_sheets(found: Generation, unit: Unit = "raw") -> list[Sheet]:
    """Every table that it has something for."""
    made = [steps_sheet(found, unit)]
    made += [cache_sheet(found)] if found.cache else []
    made += [weights_sheet(found)]
    made += [bounds_sheet(found)] if found.limits is not None else []
    return made


def steps_sheet(found: Generation, unit: Unit = "raw") -> Sheet:
    """A row a step and batch: what it multiplies, makes and moves."""
    columns = [Heading("step", right=False), *_batched(found), Heading("tokens"), Heading("context")]
    columns += [
        Heading(units.macs_heading(unit)),
        Heading("useful"),
        Heading("activations"),
        Heading("moved"),
        Heading("MACs/B"),
    ]
    rows = []
    for step in found.steps:
        macs, useful = units.macs(step.macs, unit), units.macs(step.useful_macs, unit)
        counts = [macs, useful, units.count(step.activations, unit, "activations")]
        rows.append([*_named(found, step), *counts, units.size(step.moved), units.three_digits(step.macs_a_byte)])
    notes = [
        "useful: without the half of causal attention that a kernel may skip, and without experts that a token is not sent to."
    ]
    notes.append("moved: bytes that the operators read and write; MACs/B: MACs per byte moved.")
    notes += [
        f"A token is sent to {taken} of {of} experts; which ones depends on the data, but the MACs do not."
        for taken, of in found.routed
    ]
    return Sheet(columns, rows, "steps", notes)


def cache_sheet(found: Generation) -> Sheet:
    """A row a kind of layers: what a token takes, and what a context does."""
    context = max((step.context for step in found.steps if step.name != "encode"), default=1)
    columns = [
        Heading("cache", right=False),
        Heading("layers"),
        Heading("tokens held"),
        Heading("per token"),
        Heading(f"at {context:,}"),
    ]
    rows = []
    for each in found.cache:
        held = "" if not each.elements else "all" if each.window is None else f"{each.window:,}"
        a_token = f"{each.bytes_a_token:,.10g} B" if each.elements else ""
        rows.append([KINDS.get(each.kind, each.kind), str(each.layers), held, a_token, units.size(each.bytes(context))])
    whole = sum(each.bytes_a_token for each in found.cache)
    layers = sum(each.layers for each in found.cache)
    rows.append(["one sample", str(layers), "", f"{whole:,.10g} B", units.size(found.cache_bytes(context))])
    batches = sorted({step.batch for step in found.steps} - {1})
    rows += [[f"batch {n}", "", "", f"{n * whole:,.10g} B", units.size(found.cache_bytes(context, n))] for n in batches]
    notes = [f"Keys and values in {found.cache_dtype}{_without_scales(found)}."] if found.cache_dtype else []
    notes.append("By kind of layer, as the model's own cache allocates it.")
    notes += [_longest(found, i) for i in range(len(found.longest))]
    return Sheet(columns, rows, "cache", notes)


def weights_sheet(found: Generation) -> Sheet:
    """The bytes of the weights in their form."""
    weights = found.weights
    rows = [[f"weights, {weights.form}", units.size(weights.values)]]
    parts = (("scales", weights.scales), ("zero points", weights.zero_points))
    rows += [[name, units.size(size)] for name, size in parts if size]
    if weights.kept:
        rows.append([f"embeddings, head, routers, biases and norms, {weights.kept_dtype}", units.size(weights.kept)])
    rows.append(["all", units.size(weights.total)])
    columns = [Heading("weights", right=False), Heading("bytes")]
    notes = [f"{weights.form}: {weights.said}."] if weights.said else []
    if weights.active_params != weights.params:
        notes.append(f"{weights.active_params:,} of {weights.params:,} params are active: those that one token uses.")
    if found.memory is not None and not found.cache:
        fits = "fit" if weights.total <= found.memory else "do not fit"
        notes.append(f"The weights {fits} {units.size(found.memory)}.")
    return Sheet(columns, rows, "weights", notes)


def bounds_sheet(found: Generation) -> Sheet:
    """The least seconds of each step on a device, and the most tokens a second."""
    assert found.limits is not None
    columns = [Heading("bound", right=False), *_batched(found), Heading("tokens"), Heading("context"), Heading("least bytes")]
    columns += [Heading("no faster than"), Heading("bound by"), Heading("tokens/s at most")]
    rows = []
    for step in found.steps:
        least = found.limits.least_s(step)
        most = step.batch * step.tokens / least if least else 0.0
        bound = [units.size(step.least_bytes), units.seconds(least), found.limits.bound_by(step)]
        rows.append([*_named(found, step), *bound, units.three_digits(most)])
    peak, width = units.three_digits(found.limits.peak_macs / 1e12), units.three_digits(found.limits.bandwidth / 1e9)
    notes = [
        f"A lower bound, not a prediction: useful MACs at {peak} T per second, or the fewest bytes at {width} GB per second.",
        "least bytes: weights that one token meets, read once, the cache read, and what it gains.",
    ]
    return Sheet(columns, rows, "bounds", notes)


def _batched(found: Generation) -> list[Heading]:
    """A column of the batch, where one is not 1."""
    return [Heading("batch")] if any(step.batch != 1 for step in found.steps) else []


def _named(found: Generation, step: StepCost) -> list[str]:
    batch = [str(step.batch)] if _batched(found) else []
    return [step.name, *batch, f"{step.tokens:,}", f"{step.context:,}"]


def _without_scales(found: Generation) -> str:
    return ", without the scales that they have" if found.cache_dtype in ("fp8", "int8", "int4") else ""


def _longest(found: Generation, i: int) -> str:
    """`80.0 GiB hold the weights and 123,456 tokens, batch 1`."""
    batch, tokens = found.longest[i]
    assert found.memory is not None
    size, of = units.size(found.memory), f"of each of {batch} samples" if batch != 1 else "of one sample"
    if tokens == 0:
        return f"{size} cannot hold the weights ({units.size(found.weights.total)}) and one token {of}."
    if tokens is None:
        return f"{size} can hold the weights and the state of any context {of}."
    beyond = found.positions is not None and tokens > found.positions
    more = f"; the configuration has positions for {found.positions:,}" if beyond else ""
    return f"{size} can hold the weights ({units.size(found.weights.total)}) and a context of {tokens:,} tokens {of}{more}."
