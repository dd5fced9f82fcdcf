"""What `show` tells besides the layers: how a trace was come by, a rewriting, a training step, memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from profiler.records.shown import Changed, Footprint, Shown, Tracing, Training, WhatIf
from profiler.report import units
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.units import Unit

WHAT_IF_COLUMNS = ("path", "what_if", *Changed._fields[1:])
MOST_NAMED = 5


# Tracing


def tracing_head(tracing: Tracing, params: int, macs: int, unit: Unit) -> list[str]:
    """Lines below the totals: what is not as usual about a traced count."""
    lines = []
    if tracing.useful_macs != macs:
        lines.append(
            f"useful       {units.macs(tracing.useful_macs, unit)} without the half of causal attention that may be skipped"
        )
    if tracing.active_params != params:
        lines.append(
            f"active       {units.count(tracing.active_params, unit)} params a token, of the experts that it is sent to"
        )
    if tracing.uncounted:
        lines.append(f"UNCOUNTED    {coverage(tracing)}; the counts above are too low")
    if tracing.reason:
        lines.append(f"counted      {tracing.rung}: {tracing.reason}")
    return lines


def gaps(name: str, tracing: Tracing) -> list[str]:
    """A loud line for every operator without a formula."""
    return [gap.said_of(name) for gap in tracing.gaps]


def tracing_lines(name: str, tracing: Tracing) -> list[str]:
    """What `-v` says: the rung and why, coverage, what never ran, what is tied, and that no harm was done."""
    lines = [f"traced: {tracing.rung}" + (f", since {tracing.reason}" if tracing.reason else ""), coverage(tracing)]
    if tracing.unused:
        lines.append(f"never ran: {_some(tracing.unused)}")
    if tracing.unread:
        lines.append(f"read by nothing, and not counted: {tracing.unread:,} parameters")
    if tracing.tied:
        lines.append(f"tied, and counted once: {_some(tracing.tied)}")
    if tracing.harm:
        lines.append(f"changed by its forward, and put back: {_some(tracing.harm)}")
    else:
        lines.append("no harm: the module, the generators and torch are as before")
    return [f"{name}: {line}" for line in lines]


def coverage(tracing: Tracing) -> str:
    """`97.50 % of 120 operations: 40 with MACs, 50 elementwise, 27 free, 3 without a formula`."""
    share = units.percent(tracing.operations - tracing.uncounted, tracing.operations)
    return (
        f"coverage {share} % of {tracing.operations:,} operations: {tracing.counted:,} with MACs, "
        f"{tracing.elementwise:,} elementwise, {tracing.free:,} free, {tracing.uncounted:,} without a formula"
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


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
    notes = [] if layers else ["Nothing in it is of that kind; it stays as it is."]
    if not moved and layers:
        notes.append("Its multiply-adds stay as they are.")
    whole = _what_if_row(found.network._replace(path="the network"), moved or not layers, unit)
    return Sheet(columns, [*rows, rewritten, whole] if layers else [whole], title, notes)


def _what_if_row(each: Changed, macs: bool, unit: Unit) -> list[str]:
    row = [each.path, units.count(each.params, unit), units.count(each.params_after, unit)]
    row.append(units.ratio(each.params, each.params_after))
    if macs:
        return [*row, units.macs(each.macs, unit), units.macs(each.macs_after, unit), units.ratio(each.macs, each.macs_after)]
    before, after = each.elementwise, each.elementwise_after
    return [*row, units.count(before, unit), units.count(after, unit), units.ratio(before, after)]


def _sum(name: str, layers: Sequence[Changed]) -> Changed:
    return Changed(name, *(sum(getattr(each, key) for each in layers) for key in Changed._fields[1:]))


def what_if_records(found: WhatIf) -> list[dict[str, Any]]:
    """One record a layer that changes, then one of the network, whose path is unknown."""
    rows = [*found.layers, found.network._replace(path="")]
    return [{**each._asdict(), "path": each.path or None, "what_if": found.rewriting} for each in rows]


# Training


def training_sheet(found: Training, depth: int, top: int | None, unit: Unit) -> Sheet:
    """Multiply-adds of a step by layer, to a depth; the whole network in the last row."""
    groups: dict[str, list[int]] = {}
    for path, *phases in found.rows:
        name = ".".join(path.split(".")[:depth]) if depth else path
        kept = groups.setdefault(name, [0, 0, 0])
        for i, macs in enumerate(phases):
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
    warnings = [f"UNCOUNTED in the backward: {name}" for name in found.uncounted]
    return Sheet(columns, cells, f"{units.macs_heading(unit)} of one training step", warnings=warnings)


# Memory


def memory_sheet(found: Sequence[Footprint]) -> Sheet:
    """Bytes by part and dtype, one column a mode; then the peak and where it stands."""
    keys = list(dict.fromkeys((part, dtype) for each in found for part, by in each.parts.items() for dtype in by))
    rows = []
    for part, dtype in keys:
        held = [each.parts.get(part, {}).get(dtype, 0) for each in found]
        rows.append([f"{part}, {dtype}", *(units.size(n) if n else "" for n in held)])
    rows.append(["activations at the peak", *(units.size(each.activations) for each in found)])
    rows.append(["peak", *(units.size(each.peak) for each in found)])
    notes = [f"Peak of {each.mode}: {each.phase}, {each.op} in {each.path or 'its own forward'}." for each in found]
    notes.append("Without what kernels use inside, and what an allocator rounds up.")
    return Sheet([Heading("memory", right=False), *(Heading(each.mode) for each in found)], rows, "memory", notes)


def parts(found: Shown) -> dict[str, Any]:
    """What the JSON document holds besides, of what was asked for."""
    made: dict[str, Any] = {}
    if found.tracing is not None:
        plain = asdict(found.tracing)
        plain["gaps"] = [gap._asdict() for gap in found.tracing.gaps]
        made["tracing"] = plain | {"operations": found.tracing.operations, "uncounted": found.tracing.uncounted}
    if found.whatif is not None:
        made["what_if"] = what_if_records(found.whatif)
    if found.training is not None:
        names = ("path", "forward", "backward", "recomputed")
        rows = [dict(zip(names, row, strict=True)) for row in found.training.rows]
        made["training"] = asdict(found.training) | {"rows": rows, "step": found.training.step}
    if found.memory:
        made["memory"] = [asdict(each) for each in found.memory]
    if found.wiring is not None:
        made["wiring"] = found.wiring.to_dict()
    return made
