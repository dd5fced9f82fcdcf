"""Parameters and multiply-adds of a plain torch module, as torch's own counter finds them on the meta device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def counts(build: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> tuple[int, int]:
    """Of what `build` makes, in evaluation, on one sample of each of `shapes`, which have no batch: (parameters, macs)."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        module = build().eval()
        module(*(torch.zeros(1, *shape) for shape in shapes))
    return sum(p.numel() for p in module.parameters()), counter.get_total_flops() // 2
