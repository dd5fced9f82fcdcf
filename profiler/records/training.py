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


class Recipe(NamedTuple):
    """What an optimiser keeps for each parameter."""

    states: int
    mixed: bool
    """In float32, with a float32 master copy of every parameter of fewer bits; otherwise states have the parameter's dtype."""
    bits: int = 0
    """Of a number of a state, where it is quantised in blocks of 256 with an fp32 scale each; small tensors are not."""

    def __str__(self) -> str:
        if self.bits:
            return f"{self.states} states of {self.bits} bits, with an fp32 scale for each 256, of small tensors in fp32"
        kept = {0: "no state", 1: "one state", 2: "two states"}[self.states]
        if self.mixed:
            return f"fp32 master copies of parameters of fewer bits, and {kept} in fp32"
        return f"{kept} in the dtype of the parameter" if self.states else kept


QUANTISED_BLOCK = 256
LEAST_QUANTISED = 4096
"""Elements of a tensor whose states an 8-bit optimiser quantises, at least (bitsandbytes)."""
RECIPES = {
    "sgd": Recipe(0, False),
    "momentum": Recipe(1, False),
    "adam": Recipe(2, False),
    "adamw": Recipe(2, False),
    "adam-8bit": Recipe(2, False, 8),
    "adamw-8bit": Recipe(2, False, 8),
    "sgd-mixed": Recipe(0, True),
    "momentum-mixed": Recipe(1, True),
    "adam-mixed": Recipe(2, True),
    "adamw-mixed": Recipe(2, True),
}
"""By the name that `memory` takes. Counters of steps (4 bytes a parameter tensor) are left out."""


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
    """`inference`, or `training, ` with the name of the optimiser's recipe."""
    params: Mapping[str, int]
    buffers: Mapping[str, int]
    inputs: Mapping[str, int]
    gradients: Mapping[str, int]
    """Of every parameter that is trained; empty in evaluation."""
    optimizer: Mapping[str, int]
    """States, and master copies where the recipe has them."""
    activations: int
    """The most that stood at once of what operators made: activations, and in training the gradients made by then."""
    path: str
    """The module that ran at that moment."""
    op: str
    phase: str
    timeline: tuple[Moment, ...] = ()
    """Operator by operator; a saved run does not hold it."""
    without_gradients: int = 0
    """Of a training step, the most of `activations` that stood at once without gradients of parameters; not in a saved run."""

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
