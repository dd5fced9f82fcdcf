"""A device that a command reaches: a phone, a board, whatever runs a file. Nothing of this machine does its work."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from profiler.measure.device import Device

if TYPE_CHECKING:
    import torch


class External(Device):
    """Clocked by itself: the command says what each forward pass took. What disturbs this machine does not disturb it."""

    type = "external"
    has_leaf_marks = False
    observed = False

    @classmethod
    def title(cls, name: str) -> str:
        return "external device"

    @cached_property
    def torch_device(self) -> torch.device:
        """Where networks are built to be exported."""
        import torch

        return torch.device("cpu")

    def free_memory(self) -> int | None:
        """Nobody knows: what is built here is gone before the next is."""
        return None
