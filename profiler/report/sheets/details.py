"""What `show` tells besides the layers: how a trace was come by, a rewriting, a training step, memory."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from profiler.count.weight_forms import weight_form
from profiler.records.shown import Changed, FormBytes, WhatIf
from profiler.records.traced import Traced
from profiler.records.training import RECIPES, Memory, TrainingCost
from profiler.report import units
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.units import Unit
from profiler.report.words import some

WHAT_IF_COLUMNS = ("path", "what_if", *Changed.__struct_fields__[1:])


# Tracing


def tracing_head(traced: Traced, params: int, macs: int, unit: Unit, warned: bool = True) -> list[str]:
    """Lines below the totals: what is not as usual about a traced count; not `warned`, without that it is too low."""
    lines = []
    if traced.useful_macs != macs:
        lines.append(
            f"useful       {units.macs(traced.useful_macs, unit)} without the half of causal attention that a kernel may skip"
        )
    if traced.active_params != params:
        lines.append(
            f"active       {units.count(traced.active_params, unit, 'params')} params per token, those of the "
            "experts that it is sent to"
        )
    if folded := sum("folded" in row.facts for row in traced.profile.rows):
        lines.append(f"folded       {folded:,} BatchNorms that the exporter merged into the layers before them")
    if traced.uncounted and warned:
        lines.append(f"UNCOUNTED    {coverage(traced)}; the counts above are too low")
    if traced.reason:
        lines.append(f"counted      {traced.rung}: {traced.reason}")
    return lines


def uncounted(name: str, traced: Traced) -> list[str]:
    """A loud line for every operator without a formula."""
    return [each.describe(name) for each in traced.uncounted]


def tracing_lines(name: str, traced: Traced) -> list[str]:
    """What `-v` says: the rung and why, coverage, what never ran, what is tied, and that no harm was done."""
    read = traced.rung == "onnx"
    how = "read from an ONNX file, from the shapes of its nodes" if read else f"traced: {traced.rung}"
    lines = [how + (f", because {traced.reason}" if traced.reason else ""), coverage(traced)]
    if traced.unused:
        lines.append(f"never ran: {some(traced.unused)}")
    if traced.tied:
        lines.append(f"tied, and counted once: {some(traced.tied)}")
    if traced.harm:
        lines.append(f"changed by its forward pass, and restored: {some(traced.harm)}")
    elif not read:
        lines.append("the module, the random generators and torch are unchanged")
    return [f"{name}: {line}" for line in lines]


def coverage(traced: Traced) -> str:
    """`97.50 % of 120 operations: 40 with MACs, 50 elementwise, 27 free, 3 without a formula`."""
    found = traced.coverage
    share = units.percent(found.operations - found.uncounted, found.operations)
    return (
        f"coverage {share} % of {found.operations:,} operations: {found.counted:,} with MACs, "
        f"{found.elementwise:,} elementwise, {found.free:,} free, {found.uncounted:,} without a formula"
    )


# Rewriting


def what_if_sheet(found: WhatIf, top: int | None, unit: Unit) -> Sheet:
    """Each layer that changes, before and after, and the whole network in the last row."""
    layers = list(found.layers)
    shown = layers if top is None else sorted(layers, key=lambda each: -each.macs)[:top]
    moved = any(each.macs != each.macs_after for each in layers)
    columns = [Heading("layer", right=False), Heading("params"), Heading("after"), Heading("saving")]
    if moved or not layers:
        columns += [Heading(units.macs_heading(unit)), Heading("after"), Heading("saving")]
    else:
        columns += [Heading("elementwise"), Heading("after"), Heading("saving")]
    rows = [_what_if_row(each, moved or not layers, unit) for each in shown]
    title = f"what if {found.rewriting}: {found.title}"
    if top is not None:
        title += f", the {len(shown)} with most MACs of {len(layers)}"
    rewritten = _what_if_row(_sum("all of them", layers), moved or not layers, unit)
    notes = [] if layers else ["The network has no such layers; nothing changes."]
    if not moved and layers:
        notes.append("Its multiply-adds do not change.")
    whole = _what_if_row(structs.replace(found.network, path="the network"), moved or not layers, unit)
    return Sheet(columns, [*rows, rewritten, whole] if layers else [whole], title, notes)


def _what_if_row(each: Changed, macs: bool, unit: Unit) -> list[str]:
    row = [each.path or "", units.count(each.params, unit, "params")]
    row += [units.count(each.params_after, unit, "params"), units.ratio(each.params, each.params_after)]
    if macs:
        return [*row, units.macs(each.macs, unit), units.macs(each.macs_after, unit), units.ratio(each.macs, each.macs_after)]
    before, after = each.elementwise, each.elementwise_after
    counts = [units.count(n, unit, "elementwise") for n in (before, after)]
    return [*row, *counts, units.ratio(before, after)]


def _sum(name: str, layers: Sequence[Changed]) -> Changed:
    return Changed(name, *(sum(getattr(each, key) for each in layers) for key in Changed.__struct_fields__[1:]))


# Training


def training_sheet(found: TrainingCost, depth: int, top: int | None, unit: Unit) -> Sheet:
    """Multiply-adds of a step by layer, to a depth; the whole network in the last row."""
    groups: dict[str, list[int]] = {}
    for row in found.rows:
        name = ".".join(row.path.split(".")[:depth]) if depth else row.path
        kept = groups.setdefault(name, [0, 0, 0])
        for i, macs in enumerate((row.forward, row.backward, row.recomputed)):
            kept[i] += macs
    rows = list(groups.items())
    if top is not None:
        rows = sorted(rows, key=lambda each: -sum(each[1]))[:top]
    rows.append(("all", [found.forward, found.backward, found.recomputed]))
    again = found.recomputed > 0
    columns = [Heading("layer", right=False), Heading("forward"), Heading("backward")]
    columns += [*([Heading("recomputed")] if again else []), Heading("step"), Heading("× forward")]
    cells = [
        [
            name or "(its own forward)",
            *(units.macs(macs, unit) for macs in phases[: 3 if again else 2]),
            units.macs(sum(phases), unit),
            units.ratio(sum(phases), phases[0]),
        ]
        for name, phases in rows
    ]
    warnings = [f"UNCOUNTED in the training step: {name}" for name in found.uncounted]
    return Sheet(columns, cells, f"{units.macs_heading(unit)} of one training step", warnings=warnings)


# Memory


def memory_sheet(found: Sequence[Memory]) -> Sheet:
    """Bytes by part and dtype, one column a mode; then the peak and where it stands."""
    keys = list(dict.fromkeys((part, dtype) for each in found for part, by in each.parts.items() for dtype in by))
    rows = []
    for part, dtype in keys:
        held = [each.parts.get(part, {}).get(dtype, 0) for each in found]
        rows.append([f"{part}, {dtype}", *(units.size(n) if n else "" for n in held)])
    trained = any(each.mode != "inference" for each in found)
    at_peak = "activations and gradients at the peak" if trained else "activations at the peak"
    rows.append([at_peak, *(units.size(each.activations) for each in found)])
    rows.append(["peak", *(units.size(each.peak) for each in found)])
    notes = [f"Peak of {each.mode}: {each.phase}, {each.op} in {each.path or 'its own forward'}." for each in found]
    recipes = [each.mode.removeprefix("training, ") for each in found if each.mode != "inference"]
    kept = [f"{name} keeps {RECIPES[name]}" for name in recipes if name in RECIPES and str(RECIPES[name]) != "no state"]
    notes += [f"{'; '.join(kept)}."] if kept else []
    notes.append("Without what kernels use inside, and what an allocator rounds up; attention as a fused kernel keeps it.")
    return Sheet([Heading("memory", right=False), *(Heading(each.mode) for each in found)], rows, "memory", notes)


# Forms of weights


def forms_sheet(found: Sequence[FormBytes]) -> Sheet:
    """Bytes of the parameters in each form, the first of which is fp32, with what they are made of."""
    parts = [name for name in ("values", "scales", "codebooks", "rest") if any(getattr(each, name) for each in found)]
    words = {"values": "weights", "rest": "bias and norm"}
    heads = [
        Heading("weights as", right=False),
        *(Heading(words.get(name, name)) for name in parts),
        Heading("bytes"),
        Heading("×"),
    ]
    first = found[0].total
    rows = [
        [
            each.form,
            *(units.size(getattr(each, name)) for name in parts),
            units.size(each.total),
            units.ratio(each.total, first),
        ]
        for each in found
    ]
    said = [f"{each.form}: {weight_form(each.form).said}." for each in found[1:]]
    return Sheet(heads, rows, "bytes of the parameters", said)
