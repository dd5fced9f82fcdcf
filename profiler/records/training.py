"""What a training step multiplies, and the bytes that an evaluation or a training step holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

from profiler.records.drawn import Drawn


class StepRow(Struct, frozen=True):
    """Multiply-adds of one module in a training step."""

    path: str
    forward: int
    backward: int
    recomputed: int
    """Of the forward, run once more for the backward (checkpointing)."""


class TrainingCost(Drawn, Struct, frozen=True):
    """Multiply-adds of one training step, for the whole batch; the update of the parameters is elementwise and has none."""

    forward: int
    backward: int
    recomputed: int
    rows: tuple[StepRow, ...]
    """In the order they ran, by module."""
    uncounted: tuple[str, ...] = ()
    rung: str = "meta"
    """"real" where it took tensors with values on the CPU; a saved run does not hold it."""

    @property
    def step(self) -> int:
        return self.forward + self.backward + self.recomputed


class Moment(NamedTuple):
    """One operator of the timeline."""

    path: str
    op: str
    phase: str
    bytes: int
    """Of the activations and gradients that are alive after it."""


class Memory(Drawn, Struct, frozen=True):
    """Bytes of one evaluation or training step, for the whole batch. By dtype: `{"float32": 4_000}`."""

    mode: str
    """`inference`, or `training` with the optimiser's name."""
    params: Mapping[str, int]
    buffers: Mapping[str, int]
    inputs: Mapping[str, int]
    gradients: Mapping[str, int]
    """Of every parameter that is trained; empty in evaluation."""
    optimizer: Mapping[str, int]
    activations: int
    """The most that stood at once of what operators made: activations, and in training the gradients made by then."""
    path: str
    """The module that ran at that moment."""
    op: str
    phase: str
    timeline: tuple[Moment, ...] = ()
    """Operator by operator; a saved run does not hold it."""

    @property
    def parts(self) -> dict[str, Mapping[str, int]]:
        """{params, buffers, inputs, gradients, optimizer: {dtype: bytes}}."""
        return {key: getattr(self, key) for key in ("params", "buffers", "inputs", "gradients", "optimizer")}

    @property
    def static(self) -> int:
        """What stands the whole time: parameters, buffers, inputs, optimiser state."""
        return sum(sum(part.values()) for part in (self.params, self.buffers, self.inputs, self.optimizer))

    @property
    def peak(self) -> int:
        """The most that stands at once, without what kernels use inside and what an allocator rounds up."""
        return self.static + self.activations
