"""The table of a training step on several devices."""

from __future__ import annotations

from profiler.records.sharding import STAGES, TrainingMemory
from profiler.records.training import RECIPES
from profiler.report import units
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet


def sharding_sheet(found: TrainingMemory) -> Sheet:
    """Bytes by part: without sharing, and at the stage that was asked for."""
    stages = [0, *([found.stage] if found.stage and found.devices > 1 else [])]
    parts = {stage: found.parts(stage) for stage in stages}
    rows = [
        [name, *(units.size(parts[stage][name]) if parts[stage][name] else "" for stage in stages)]
        for name in parts[0]
        if any(parts[stage][name] for stage in stages)
    ]
    rows.append(["all", *(units.size(found.total(stage)) for stage in stages)])
    columns = [
        Heading("training, each device", right=False),
        *(Heading(STAGES.get(stage, f"stage {stage}")) for stage in stages),
    ]
    blocks = "checkpointed blocks keep their inputs" if found.checkpointed else "without checkpointing"
    samples = "1 sample" if found.batch == 1 else f"{found.batch} samples"
    devices = "1 device" if found.devices == 1 else f"{found.devices} devices"
    notes = [f"{devices}, {samples} on each; {blocks}; {found.optimizer} keeps {RECIPES.get(found.optimizer, 'states')}."]
    notes.append(
        f"Traced on one device, the peak is {units.size(found.peak)}, as activations are freed while gradients are allocated."
    )
    if parts[stages[-1]].get("gathered weights"):
        notes.append(
            "gathered weights: those of the largest block and those outside any block, which are whole while they are used."
        )
    if found.memory is not None and found.largest is not None:
        size = units.size(found.memory)
        fits = (
            f"{size} can hold at most {found.largest:,} samples per device"
            if found.largest
            else f"{size} cannot hold one sample"
        )
        notes.append(f"{fits}, at this stage.")
    return Sheet(columns, rows, "training memory", notes)
