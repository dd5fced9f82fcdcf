"""The Inceptions, Xception and NASNet-A against the integers of their published builds and against a plain module."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from profiler.load.load import load
from profiler.network.registry import find
from profiler.records.published import Figure
from profiler.study.published import figures, ours

CASES = [
    ("googlenet", {}, 6_998_552, 1_582_671_872),
    ("googlenet", {"first": "separable"}, 6_998_552 - 7 * 7 * 3 * 64 + 7 * 7 * 24 + 24 * 64, 1_582_671_872 - 6_696 * 112 * 112),
    ("googlenet_torchvision", {}, 6_624_904, 1_498_376_192),
    ("inception_v3", {}, 23_834_568, 5_713_216_096),
    ("inception_v3", {"classes": 120}, 23_834_568 - 880 * 2049, 5_713_216_096 - 880 * 2048),
    ("inception_v4", {}, 42_679_816, 12_253_974_624),
    ("inception_resnet_v1", {}, 23_995_624, 6_308_235_360),
    ("inception_resnet_v2", {}, 55_843_464, 13_155_794_016),
    ("xception", {}, 22_855_952, 8_357_403_496),
    ("nasnet_mobile", {}, 5_289_978, 563_638_816),
    ("nasnet_large", {}, 88_753_150, 23_783_414_658),
]


@pytest.mark.parametrize(("name", "options", "params", "macs"), CASES, ids=[f"{c[0]}{c[1] or ''}" for c in CASES])
def test_counts(name: str, options: dict[str, object], params: int, macs: int) -> None:
    totals = load(name, options=options).totals()
    assert (totals.params, totals.macs) == (params, macs)


ASIDES = [
    # 1×1, norm, fully connected, classifier, after 4a (512 channels) and 4d (528); biases in the place of norms
    ("googlenet", 2 * (128 + 2049 * 1024 + 1025 * 1000) + (512 + 528) * 128),
    ("googlenet_torchvision", 13_004_888 - 6_624_904),
    ("inception_v3", 768 * 128 + 2 * 128 + 5 * 5 * 128 * 768 + 2 * 768 + 769 * 1000),
]


@pytest.mark.parametrize(("name", "side_params"), ASIDES, ids=[case[0] for case in ASIDES])
def test_auxiliary_classifiers(name: str, side_params: int) -> None:
    assert load(name).totals().side_params == side_params


# A common build of NASNet pads strided cells by one pixel, computes and crops: (width, output side) of those cells.
CROPPED = [("nasnet_mobile", [(22, 28), (88, 14), (176, 7)], 568_234_858), ("nasnet_large", [(336, 21)], 23_809_955_634)]


@pytest.mark.parametrize(("name", "cells", "macs"), CROPPED, ids=[case[0] for case in CROPPED])
def test_nasnet_without_the_cropped_pixels(name: str, cells: list[tuple[int, int]], macs: int) -> None:
    # two 5×5, two 7×7 and a 3×3 separable convolution a cell
    cropped = sum(((n + 1) ** 2 - n**2) * (2 * (25 + w) + 2 * (49 + w) + (9 + w)) * w for w, n in cells)
    assert load(name).totals().macs == macs - cropped


NAMES = sorted({case[0] for case in CASES} | {"inception_v2"})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("alpha", ["0.05", "0.35", "0.6", "0.95", "1.45", "2"])
def test_every_width_has_a_network(name: str, alpha: str) -> None:
    assert load(name, alpha=alpha).totals().params > 0


@pytest.mark.parametrize("figure", [f for f in figures() if f.model in NAMES and f.verdict != "quoted"], ids=str)
def test_published(figure: Figure) -> None:
    assert figure.near(ours(figure)) == (figure.verdict == "equal")


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
    with torch.device("meta"):
        plain = bn_inception().eval()
        with FlopCounterMode(display=False) as counter:
            plain(torch.zeros(1, *find("inception_v2").inputs()[0]))
    assert totals.params == sum(p.numel() for p in plain.parameters())
    assert totals.macs == counter.get_total_flops() // 2
