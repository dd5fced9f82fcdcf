"""Apple's GPU: waited for as CUDA is, without marks inside a running network, and in the machine's own memory."""

from __future__ import annotations

import platform

from profiler.measure.device import Device


class Mps(Device):
    """Clocked from outside, since torch cannot time its events without waiting for each."""

    type = "mps"
    counted = "int(torch.backends.mps.is_available())"
    has_leaf_marks = False
    matrix_side = 2048

    @classmethod
    def may_be_here(cls) -> bool:
        return platform.system() == "Darwin"

    def synchronize(self) -> None:
        import torch

        torch.mps.synchronize()
