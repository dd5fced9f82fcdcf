"""What the document of `show` holds besides records and rows: a trace, a rewriting, a training step, memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs, to_builtins

from profiler.count import rewriting
from profiler.count.weight_forms import weight_form
from profiler.records.profile import Profile
from profiler.records.shown import Changed, FormBytes, Shown, WhatIf
from profiler.records.traced import Coverage, Traced, Uncounted
from profiler.records.training import Memory, StepRow, TrainingCost


def parts_of(found: Shown) -> dict[str, Any]:
    """What is written, of what was asked for."""
    made: dict[str, Any] = {}
    if found.traced is not None:
        made["tracing"] = to_builtins(TracingPart.of(found.traced))
    if found.whatif is not None:
        made["what_if"] = rewritten_records(found.whatif)
    if found.training is not None:
        made["training"] = to_builtins(TrainingPart.of(found.training))
    if found.memory:
        made["memory"] = [to_builtins(MemoryPart.of(each)) for each in found.memory]
    if found.weight_forms:
        made["weight_forms"] = [each._asdict() for each in found.weight_forms]
    if found.generation is not None:
        made["generation"] = to_builtins(found.generation)
    if found.sharding is not None:
        made["sharding"] = to_builtins(found.sharding)
    if found.wiring is not None:
        made["wiring"] = to_builtins(found.wiring)
    if found.receptive:
        made["receptive"] = to_builtins(found.receptive)
    return made


class FormPart(Struct, frozen=True):
    """The bytes of a network's parameters in one form."""

    form: str
    values: int
    scales: int
    codebooks: int
    rest: int
    total: int

    def form_bytes(self) -> FormBytes:
        """What was written. Raises ProfilerError for a form that there is not."""
        return FormBytes(weight_form(self.form).name, self.values, self.scales, self.codebooks, self.rest, self.total)


class UncountedPart(Struct, frozen=True):
    """An operator without a formula, with its cure for whoever reads the document."""

    op: str
    times: int
    path: str
    cure: str


class TracingPart(Struct, frozen=True):
    """How a profile was traced, with sums for whoever reads the document."""

    inputs: tuple[str, ...]
    rung: str
    reason: str
    counted: int
    elementwise: int
    free: int
    gaps: tuple[UncountedPart, ...]
    unused: tuple[str, ...]
    unread: int
    tied: tuple[str, ...]
    harm: tuple[str, ...]
    useful_macs: int
    active_params: int
    operations: int
    uncounted: int
    unread_at: tuple[str, ...] = ()
    """Empty in documents of earlier versions, which do not tell."""

    @classmethod
    def of(cls, found: Traced) -> TracingPart:
        """What is written of it."""
        coverage = found.coverage
        return cls(
            found.inputs, found.rung, found.reason, coverage.counted, coverage.elementwise, coverage.free,
            tuple(UncountedPart(each.op, each.times, each.path, each.cure) for each in found.uncounted),
            found.unused, found.unread, found.tied, found.harm, found.useful_macs, found.active_params,
            coverage.operations, coverage.uncounted, found.profile.unread_at,
        )  # fmt: skip

    def traced(self, profile: Profile) -> Traced:
        """What was written, of the profile beside it."""
        uncounted = tuple(_uncounted(each) for each in self.gaps)
        coverage = Coverage(self.counted, self.elementwise, self.free, sum(each.times for each in uncounted))
        found = (self.unused, self.unread, self.tied, self.harm)
        return Traced(profile, self.rung, self.reason, coverage, uncounted, *found, inputs=self.inputs)


def _uncounted(part: UncountedPart) -> Uncounted:
    """What was written: a cure of its own is why it has no formula."""
    plain = Uncounted(part.op, part.times, part.path)
    return plain if plain.cure == part.cure else Uncounted(part.op, part.times, part.path, part.cure)


class RewrittenPart(Changed, frozen=True):
    """A layer that a rewriting changes, or the network, with the rewriting's name."""

    what_if: str


def rewritten_records(found: WhatIf) -> list[dict[str, Any]]:
    """One record a layer that changes, then one of the network, whose path is unknown."""
    return [{**structs.asdict(each), "what_if": found.rewriting} for each in (*found.layers, found.network)]


def rewritten(parts: Sequence[RewrittenPart]) -> WhatIf:
    """The rewriting that was written. Raises UnknownName, ValueError where there is not even the network."""
    *layers, network = (Changed(*structs.astuple(each)[:-1]) for each in parts)
    name = rewriting.known(parts[0].what_if)
    return WhatIf(name, rewriting.REWRITINGS[name], tuple(layers), structs.replace(network, path=None))


class TrainingPart(Struct, frozen=True):
    """A training step, with its sum for whoever reads the document."""

    forward: int
    backward: int
    recomputed: int
    rows: tuple[StepRow, ...]
    uncounted: tuple[str, ...] = ()
    step: int = 0

    @classmethod
    def of(cls, found: TrainingCost) -> TrainingPart:
        """What is written of it."""
        return cls(found.forward, found.backward, found.recomputed, found.rows, found.uncounted, found.step)

    def training_cost(self) -> TrainingCost:
        """What was written."""
        return TrainingCost(self.forward, self.backward, self.recomputed, self.rows, self.uncounted)


class BytesByDtype(Struct, frozen=True):
    """Bytes of each part of a memory by dtype."""

    params: dict[str, int]
    buffers: dict[str, int]
    inputs: dict[str, int]
    gradients: dict[str, int]
    optimizer: dict[str, int]


class MemoryPart(Struct, frozen=True):
    """Bytes of an evaluation or a training step, with their peak for whoever reads the document."""

    mode: str
    parts: BytesByDtype
    activations: int
    peak: int
    path: str
    op: str
    phase: str

    @classmethod
    def of(cls, found: Memory) -> MemoryPart:
        """What is written of it."""
        parts = BytesByDtype(**{name: dict(part) for name, part in found.parts.items()})
        return cls(found.mode, parts, found.activations, found.peak, found.path, found.op, found.phase)

    def memory(self) -> Memory:
        """What was written."""
        by = self.parts
        parts = (by.params, by.buffers, by.inputs, by.gradients, by.optimizer)
        return Memory(self.mode, *parts, self.activations, self.path, self.op, self.phase)
