"""What networks take of the memory while they are measured, refused before anything is allocated. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from profiler.errors import ProfilerError
from profiler.load.load import Counted
from profiler.measure.plan import Setting
from profiler.witness.memory import shortage, weight_bytes


def check_memory(networks: Iterable[Counted], settings: Sequence[Setting]) -> None:
    """Refuses a network whose weights are more than half of the free memory, before anything is allocated.

    A training step holds gradients and the optimizer's state beside them. Raises ProfilerError.
    """
    for network in networks:
        check_shortage(Held.of(network, settings))


class Held(NamedTuple):
    """What a network takes of the memory while it is measured."""

    name: str
    bytes: int
    what: str
    """Weights, and of a training step what stands beside them."""

    @classmethod
    def of(cls, network: Counted, settings: Sequence[Setting]) -> Held:
        copies, what = 1, "weights"
        if any(setting.mode != "infer" for setting in settings):
            copies = max(4 if setting.optimizer == "adam" else 3 for setting in settings)
            what = "weights, gradients and optimizer state"
        return cls(network.name, copies * weight_bytes(network, copied=True), what)


def check_shortage(held: Held) -> None:
    """Refuses what takes more than half of the free memory of this machine. Raises ProfilerError."""
    short = shortage(held.bytes, held.what)
    if short:
        raise ProfilerError(
            f"{held.name} needs {short}; measuring may use at most half of the free memory: "
            "measure a smaller network, or fewer of its layers"
        )
