"""Networks with channels planted that hold one value, each with what may leave it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def seeded(module: Any) -> Any:
    """The module in evaluation mode, with weights of its own and running statistics that say that nothing is dead."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith("running_var") or (name.endswith("weight") and value.ndim == 1):
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
            elif value.is_floating_point():
                value.copy_(torch.randn(value.shape, generator=generator) * 0.3)
    return module.double().eval()


def zero(layer: Any, *channels: int) -> None:
    """No weights and no bias in these channels."""
    with torch.no_grad():
        for channel in channels:
            layer.weight[channel] = 0
            if layer.bias is not None:
                layer.bias[channel] = 0


def shift(norm: Any, value: float, *channels: int) -> None:
    """What BatchNorm makes of a channel that is 0."""
    with torch.no_grad():
        for channel in channels:
            norm.running_mean[channel] = 0
            norm.bias[channel] = value


class Residual(nn.Module):
    """A sum: a channel leaves where both of its parts hold one value, and stays where one lives."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv, self.norm = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Any:
        x = torch.relu(self.stem_norm(self.stem(x)))
        return self.head(torch.relu(self.norm(self.conv(x)) + x).mean((2, 3)))


class Joined(nn.Module):
    """A concatenation: each part loses its own."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.after = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(10, 5, 1)

    def forward(self, x: Tensor) -> Any:
        return self.after(torch.cat([self.left(x), nn.functional.relu(self.right(x))], 1)).flatten(1)


class Excited(nn.Module):
    """Squeeze-and-excitation: what is multiplied by a channel of zeros leaves with it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.pool, self.gate = nn.Conv2d(3, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1)
        self.after = nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Any:
        x = self.conv(x)
        return self.after(x * torch.sigmoid(self.gate(self.pool(x))))


def separable() -> tuple[Any, dict[str, int]]:
    """Depthwise: its channels go with those that feed it, though what BatchNorm makes of zeros is not zero."""
    net = seeded(nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6(),
        nn.Conv2d(8, 12, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 5),
    ))  # fmt: skip
    zero(net[0], 1, 5)
    shift(net[1], -0.5, 1, 5)
    shift(net[4], 0.75, 1, 5)
    zero(net[6], 0, 11)
    shift(net[7], 0.25, 0, 11)
    return net, {"0": 6, "3": 6, "6": 10, "11": 5}


def padded() -> tuple[Any, dict[str, int]]:
    """A value that is not zero stays before a convolution that pads with zeros; a zero leaves."""
    net = seeded(nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3, padding=1), nn.Flatten()))
    zero(net[0], 2, 3)
    shift(net[1], 0.5, 2)
    shift(net[1], -0.5, 3)
    return net, {"0": 5, "3": 4}


def unpadded() -> tuple[Any, dict[str, int]]:
    """Without padding it goes into the bias, also where there is none yet."""
    net = seeded(
        nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Sigmoid(), nn.Conv2d(6, 4, 3, bias=False), nn.ReLU(), nn.Flatten()
        )
    )
    zero(net[0], 2, 3)
    return net, {"0": 4, "3": 4}


def residual() -> tuple[Any, dict[str, int]]:
    net = seeded(Residual())
    zero(net.stem, 1, 2)
    shift(net.stem_norm, -1.0, 1, 2)
    zero(net.conv, 2, 3)
    shift(net.norm, 0.5, 2, 3)
    return net, {"stem": 7, "conv": 7, "head": 4}


def joined() -> tuple[Any, dict[str, int]]:
    net = seeded(Joined())
    zero(net.left, 0)
    zero(net.right, 3, 5)
    return net, {"left": 3, "right": 4, "after": 5}


def excited() -> tuple[Any, dict[str, int]]:
    net = seeded(Excited())
    zero(net.conv, 4, 7)
    return net, {"conv": 6, "gate": 6, "after": 4}


def grouped() -> tuple[Any, dict[str, int]]:
    """Groups are of one width."""
    net = seeded(nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=2), nn.ReLU(), nn.Conv2d(8, 3, 1)))
    zero(net[0], 1)
    zero(net[2], 6)
    return net, {"0": 8, "2": 8, "4": 3}


def scaled() -> tuple[Any, dict[str, int]]:
    """BatchNorm's scale is zero: its shift is all that is left."""
    net = seeded(nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3)))
    with torch.no_grad():
        net[1].weight[4] = 0
    return net, {"0": 7, "3": 3}


def flattened() -> tuple[Any, dict[str, int]]:
    """A channel is as many inputs of the linear layer as it has pixels."""
    net = seeded(
        nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.PReLU(5), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(5 * 4 * 4, 7))
    )
    zero(net[0], 0, 3)
    with torch.no_grad():
        net[0].bias[3] = -2.0
    return net, {"0": 3, "4": 7}


def all_dead() -> tuple[Any, dict[str, int]]:
    """A layer keeps one channel."""
    net = seeded(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 3, 1)))
    zero(net[0], 0, 1, 2, 3)
    return net, {"0": 1, "2": 3}


def twice() -> tuple[Any, dict[str, int]]:
    """A layer that runs more than once keeps its channels."""
    shared = nn.Conv2d(4, 4, 1)
    net = seeded(nn.Sequential(nn.Conv2d(3, 4, 1), shared, nn.ReLU(), shared))
    zero(net[0], 2)
    zero(net[1], 1)
    return net, {"0": 4, "1": 4}


def unknown() -> tuple[Any, dict[str, int]]:
    """An operation that mixes channels, or that is not known, keeps them."""
    net = seeded(nn.Sequential(nn.Conv2d(3, 8, 1), nn.GroupNorm(2, 8), nn.Conv2d(8, 3, 1), nn.PixelShuffle(1)))
    zero(net[0], 2)
    return net, {"0": 8, "2": 3}


CASES: list[tuple[Callable[[], tuple[Any, dict[str, int]]], tuple[int, ...]]] = [
    (separable, (3, 16, 16)), (padded, (3, 8, 8)), (unpadded, (3, 8, 8)), (residual, (3, 8, 8)), (joined, (3, 6, 6)),
    (excited, (3, 6, 6)), (grouped, (3, 6, 6)), (scaled, (6,)), (flattened, (3, 8, 8)), (all_dead, (3, 5, 5)), (twice, (3, 5, 5)),
    (unknown, (3, 4, 4)),
]  # fmt: skip
"""(what makes a network and the widths that are left, the shape of one sample)."""
