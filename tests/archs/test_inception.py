"""The Inceptions, Xception and NASNet-A: auxiliary classifiers, every width, cropped pixels; BN-Inception as a plain module."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from profiler.load.load import load
from profiler.network.registry import find
from tests.archs.plain import counts


def aside(channels: int) -> int:
    """Parameters of an auxiliary classifier of GoogLeNet: 1×1, fully connected, classifier."""
    return channels * 128 + 128 + (4 * 4 * 128) * 1024 + 1024 + 1024 * 1000 + 1000


ASIDES = [
    ("googlenet", aside(512) + aside(528)),  # after 4a and 4d
    # torchvision's, with BatchNorm: parameters with the heads, and without
    ("googlenet@norm=batch", 13_004_888 - 6_624_904),
    ("googlenet_torchvision", 13_004_888 - 6_624_904),
    ("inception_v3", 768 * 128 + 2 * 128 + 5 * 5 * 128 * 768 + 2 * 768 + 769 * 1000),
]


@pytest.mark.parametrize(("name", "side_params"), ASIDES, ids=[case[0] for case in ASIDES])
def test_auxiliary_classifiers(name: str, side_params: int) -> None:
    assert load(name).totals().side_params == side_params


def test_the_auxiliary_classifiers_of_googlenet_multiply() -> None:
    assert load("googlenet").totals().side_macs == (512 + 528) * 128 * 4 * 4 + 2 * (2048 * 1024 + 1024 * 1000)


# A common build of NASNet pads strided cells by one pixel, computes and crops: (width, output side) of those cells.
CROPPED = [("nasnet_mobile", [(22, 28), (88, 14), (176, 7)], 568_234_858), ("nasnet_large", [(336, 21)], 23_809_955_634)]


@pytest.mark.parametrize(("name", "cells", "macs"), CROPPED, ids=[case[0] for case in CROPPED])
def test_nasnet_without_the_cropped_pixels(name: str, cells: list[tuple[int, int]], macs: int) -> None:
    # two 5×5, two 7×7 and a 3×3 separable convolution a cell
    cropped = sum(((n + 1) ** 2 - n**2) * (2 * (25 + w) + 2 * (49 + w) + (9 + w)) * w for w, n in cells)
    assert load(name).totals().macs == macs - cropped


NAMES = [
    "googlenet", "googlenet_torchvision", "inception_v2", "inception_v3", "inception_v4", "inception_resnet_v1",
    "inception_resnet_v2", "nasnet_large", "nasnet_mobile", "xception",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("alpha", ["0.05", "0.35", "0.6", "0.95", "1.45", "2"])
def test_every_width_has_a_network(name: str, alpha: str) -> None:
    assert load(name, alpha=alpha).totals().params > 0


# BN-Inception, for which no exact count is published: a plain module from its Figure 5, sizes written out.


def conv(m: int, n: int, k: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(m, n, k, stride, k // 2, bias=False), nn.BatchNorm2d(n), nn.ReLU())


class Module(nn.Module):
    """Three or four paths beside one another."""

    def __init__(self, m: int, one: int, three: tuple[int, int], double: tuple[int, int], pool: nn.Module) -> None:
        super().__init__()
        s = 1 if one else 2
        self.paths = nn.ModuleList([conv(m, one, 1)] if one else [])
        self.paths.append(nn.Sequential(conv(m, three[0], 1), conv(three[0], three[1], 3, s)))
        deep = nn.Sequential(conv(m, double[0], 1), conv(double[0], double[1], 3), conv(double[1], double[1], 3, s))
        self.paths.extend([deep, pool])

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([path(x) for path in self.paths], 1)


def mean(m: int, n: int) -> nn.Sequential:
    return nn.Sequential(nn.AvgPool2d(3, 1, 1), conv(m, n, 1))


def bn_inception() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 24, 7, 2, 3, groups=3, bias=False),
        conv(24, 64, 1),
        nn.MaxPool2d(3, 2, 1),
        conv(64, 64, 1),
        conv(64, 192, 3),
        nn.MaxPool2d(3, 2, 1),
        Module(192, 64, (64, 64), (64, 96), mean(192, 32)),
        Module(256, 64, (64, 96), (64, 96), mean(256, 64)),
        Module(320, 0, (128, 160), (64, 96), nn.MaxPool2d(3, 2, 1)),
        Module(576, 224, (64, 96), (96, 128), mean(576, 128)),
        Module(576, 192, (96, 128), (96, 128), mean(576, 128)),
        Module(576, 160, (128, 160), (128, 160), mean(576, 96)),
        Module(576, 96, (128, 192), (160, 192), mean(576, 96)),
        Module(576, 0, (128, 192), (192, 256), nn.MaxPool2d(3, 2, 1)),
        Module(1024, 352, (192, 320), (160, 224), mean(1024, 128)),
        Module(1024, 352, (192, 320), (192, 224), nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(1024, 128, 1))),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(1024, 1000),
    )


def test_inception_v2_is_the_plain_module() -> None:
    totals = load("inception_v2").totals()
    assert (totals.params, totals.macs) == counts(bn_inception, *find("inception_v2").inputs())
