"""The bytes of a training step on each of several devices: what ZeRO and FSDP share out, and what each has whole."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from profiler.records.drawn import Drawn

STAGES = {
    0: "whole on each device",
    1: "ZeRO 1: states",
    2: "ZeRO 2: states and gradients",
    3: "ZeRO 3, FSDP: all",
}
"""What is shared out at each stage (Rajbhandari et al. 2020, section 5)."""


class TrainingMemory(Drawn, Struct, frozen=True):
    """Bytes of a training step, with a batch of its own on each device."""

    optimizer: str
    stage: int
    devices: int
    batch: int
    """Samples on each device."""
    checkpointed: bool
    """Whether the blocks that the model marks keep their inputs alone, and run once more for the backward."""
    weights: int
    gradients: int
    states: int
    """Of the optimiser, fp32 master copies among them."""
    rest: int
    """Buffers and inputs."""
    activations: int
    """The most that stands at once of what operators make, gradients of weights left out."""
    gathered: int
    """Weights that stage 3 has whole at once: those of the largest block, and those of no block."""
    peak: int
    """On one device without any of this: of the timeline, as `memory` weighs it."""
    memory: int | None = None
    largest: int | None = None
    """Samples on each device that fit `memory` at most; 0 where not even one does, None where nobody asks."""

    def parts(self, stage: int) -> Mapping[str, int]:
        """Bytes on one device at a stage, by what they are."""
        return {
            "weights": _share(self.weights, self.devices if stage >= 3 else 1),
            "gathered weights": self.gathered if stage >= 3 and self.devices > 1 else 0,
            "gradients": _share(self.gradients, self.devices if stage >= 2 else 1),
            "optimizer": _share(self.states, self.devices if stage >= 1 else 1),
            "buffers and inputs": self.rest,
            "activations": self.activations,
        }

    def total(self, stage: int) -> int:
        """All of these together."""
        return sum(self.parts(stage).values())


def _share(size: int, devices: int) -> int:
    """The part of one device, of parts of one size."""
    return -(-size // max(devices, 1))
