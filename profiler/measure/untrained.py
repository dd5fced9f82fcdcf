"""Statistics for batch normalisations that were never trained, so that folding them changes the numbers as it does in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

SEED = 0
LEAST_VARIANCE = 1e-6
LEAST_SHARE = 0.1
"""Of the channels' mean variance, what a channel has at the least: one that hardly varies would be magnified."""
FEWEST_VALUES = 16


def set_statistics(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Give every untrained batch normalisation the mean and variance of its input in one forward pass.

    Means of 0 and variances of 1 would make the fold of a normalisation into its convolution a product with 1, and let the
    activations of a deep network shrink to nothing. Scales and shifts that are all ones and zeros become random ones. What was
    trained stays as it is.
    """
    generator = torch.Generator().manual_seed(SEED)
    handles = [
        part.register_forward_pre_hook(lambda norm, given: _set(norm, given[0], generator))
        for part in module.modules()
        if isinstance(part, _BatchNorm) and _untrained(part)
    ]
    if not handles:
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the order of sums, and so the bits of the statistics, shall not depend on it
    try:
        with torch.no_grad():
            module(*args, **kwargs)
    finally:
        torch.set_num_threads(threads)
        for handle in handles:
            handle.remove()


def _untrained(norm: _BatchNorm) -> bool:
    mean, variance = norm.running_mean, norm.running_var
    return mean is not None and variance is not None and bool((mean == 0).all()) and bool((variance == 1).all())


def _set(norm: Any, x: Tensor, generator: torch.Generator) -> None:
    if not _untrained(norm):  # a module that is called twice keeps what its first call gave it
        return
    values = x.detach().float().transpose(0, 1).flatten(1)
    if values.shape[1] >= FEWEST_VALUES:
        mean, variance = values.mean(1), values.var(1, correction=0)
    else:  # a few values a channel have a variance near 0 by chance, which would make errors of rounding large
        mean, variance = torch.zeros(values.shape[0]), values.square().mean().expand(values.shape[0])
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance.clamp_min(max(LEAST_SHARE * float(variance.mean()), LEAST_VARIANCE)))
    if norm.affine and bool((norm.weight == 1).all()) and bool((norm.bias == 0).all()):
        norm.weight.copy_(0.5 + torch.rand(norm.weight.shape, generator=generator))
        norm.bias.copy_(0.1 * torch.randn(norm.bias.shape, generator=generator))
