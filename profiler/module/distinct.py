"""Weights that tell their tensors apart: an exporter folds those that are all zeros or ones, and keeps equal tensors once."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def make_distinct(module: nn.Module, seed: int = 0) -> None:
    """Draw anew, near what it is, each parameter and buffer of floating point whose elements are all one number.

    The scale and shift of normalisations, their statistics, and biases begin so; a variance stays above 0.
    """
    generator = torch.Generator().manual_seed(seed)
    for tensor in (*module.parameters(), *module.buffers()):
        if not tensor.is_floating_point() or tensor.numel() < 2 or bool((tensor != tensor.reshape(-1)[0]).any()):
            continue
        drawn = torch.rand(tensor.shape, generator=generator, dtype=torch.float32)
        tensor.add_((0.1 * drawn).to(device=tensor.device, dtype=tensor.dtype))
