"""Receptive fields by autograd, beside the ones on paper: which inputs have a gradient from one output, all weights positive."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

MEANS: dict[type[nn.Module], type[nn.Module]] = {
    nn.MaxPool1d: nn.AvgPool1d,
    nn.MaxPool2d: nn.AvgPool2d,
    nn.MaxPool3d: nn.AvgPool3d,
}
"""The largest of a window has a gradient to one input alone; its mean has one to all of the same window."""


def without_signs(module: nn.Module) -> nn.Module:
    """The module with positive weights, means in place of maxima, and nothing else in place of what bends: a sum of its inputs
    with positive factors, in which no two paths cancel."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(
                child,
                nn.ReLU | nn.ReLU6 | nn.Hardswish | nn.SiLU | nn.Sigmoid | nn.Hardsigmoid | nn.BatchNorm2d | nn.BatchNorm3d,
            ):
                setattr(parent, name, nn.Identity())
            elif type(child) in MEANS:
                assert child.dilation in (1, (1, 1))
                setattr(parent, name, MEANS[type(child)](child.kernel_size, child.stride, child.padding, child.ceil_mode))
    with torch.no_grad():
        for p in module.parameters():
            p.fill_(1.0 / max(p[0].numel() if p.ndim > 1 else p.numel(), 1))
    return module.double().eval()


def extents(module: nn.Module, shape: tuple[int, ...], paths: Iterable[str], probes: int = 4) -> dict[str, tuple[int, ...]]:
    """{path: positions of the input, an axis each, from the first to the last with a gradient}, of the output that has most
    among `probes` neighbours in the middle along the diagonal. `shape` is of one sample, channels first."""
    kept: dict[str, Tensor] = {}
    for path in paths:
        module.get_submodule(path).register_forward_hook(lambda m, a, out, path=path: kept.__setitem__(path, out))
    x = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    module(x)
    found = {}
    for path, out in kept.items():
        most = [0] * (len(shape) - 1)
        for k in range(probes):
            middle = [min(n // 2 + k, n - 1) for n in out.shape[2:]]
            (gradient,) = torch.autograd.grad(out[0].movedim(0, -1)[tuple(middle)].sum(), x, retain_graph=True)
            seen = gradient[0].sum(0) != 0
            for axis in range(seen.ndim):
                others = [i for i in range(seen.ndim) if i != axis]
                at = torch.nonzero(seen.any(dim=others) if others else seen).flatten()
                if len(at):
                    most[axis] = max(most[axis], int(at[-1] - at[0]) + 1)
        found[path] = tuple(most)
    return found
