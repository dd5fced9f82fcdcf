"""DenseNet against a plain module written from sections 3 and 4 of the paper (arXiv 1608.06993), and its Table 2."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from profiler.load.load import load


class Dense(nn.Module):
    """The maps that came in, and k more."""

    def __init__(self, m: int, k: int, bottleneck: bool) -> None:
        super().__init__()
        inner = 4 * k if bottleneck else m
        first = [nn.BatchNorm2d(m), nn.ReLU(), nn.Conv2d(m, inner, 1, bias=False)] if bottleneck else []
        self.new = nn.Sequential(*first, nn.BatchNorm2d(inner), nn.ReLU(), nn.Conv2d(inner, k, 3, padding=1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.new(x)], 1)


def plain(stem: list[nn.Module], m: int, blocks: list[int], k: int, bc: bool, classes: int) -> nn.Module:
    layers = list(stem)
    for i, count in enumerate(blocks):
        if i:
            n = m // 2 if bc else m
            layers += [nn.BatchNorm2d(m), nn.ReLU(), nn.Conv2d(m, n, 1, bias=False), nn.AvgPool2d(2)]
            m = n
        for _ in range(count):
            layers.append(Dense(m, k, bc))
            m += k
    return nn.Sequential(*layers, nn.BatchNorm2d(m), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(m, classes))


def imagenet(blocks: list[int]) -> nn.Module:
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    return plain(stem, 64, blocks, 32, bc=True, classes=1000)


def cifar(layers: int, k: int, bc: bool) -> nn.Module:
    first = 2 * k if bc else 16
    return plain([nn.Conv2d(3, first, 3, padding=1, bias=False)], first, [layers] * 3, k, bc, classes=10)


# (network, blocks of the plain module, parameters, multiply-adds)
IMAGENET = [
    ("densenet121", [6, 12, 24, 16], 7_978_856, 2_834_161_664),
    ("densenet169", [6, 12, 32, 32], 14_149_480, 3_359_843_328),
    ("densenet201", [6, 12, 48, 32], 20_013_928, 4_291_365_888),
    ("densenet264", [6, 12, 64, 48], 33_337_704, 5_751_653_376),
]
# (network, layers a block, k, bottleneck and compression, parameters, multiply-adds)
CIFAR = [
    ("densenet40_k12_cifar", 12, 12, False, 1_019_722, 264_812_928),
    ("densenet100_k12_cifar", 32, 12, False, 6_979_642, 1_769_516_448),
    ("densenet100_k24_cifar", 32, 24, False, 27_249_082, 6_889_347_744),
    ("densenet_bc100_k12_cifar", 16, 12, True, 769_162, 287_929_692),
    ("densenet_bc250_k24_cifar", 41, 24, True, 15_324_406, 5_418_785_724),
    ("densenet_bc190_k40_cifar", 31, 40, True, 25_624_430, 9_301_945_740),
]


def counted(module: nn.Module, side: int) -> tuple[int, int]:
    with FlopCounterMode(display=False) as counter:
        module.eval()(torch.zeros(1, 3, side, side))
    return sum(p.numel() for p in module.parameters()), counter.get_total_flops() // 2


@pytest.mark.parametrize(("name", "blocks", "params", "macs"), IMAGENET)
def test_imagenet(name: str, blocks: list[int], params: int, macs: int) -> None:
    totals = load(name).totals()
    assert (totals.params, totals.macs) == (params, macs)
    with torch.device("meta"):
        assert counted(imagenet(blocks), 224) == (params, macs)


@pytest.mark.parametrize(("name", "layers", "k", "bc", "params", "macs"), CIFAR)
def test_cifar(name: str, layers: int, k: int, bc: bool, params: int, macs: int) -> None:
    totals = load(name).totals()
    assert (totals.params, totals.macs) == (params, macs)
    with torch.device("meta"):
        assert counted(cifar(layers, k, bc), 32) == (params, macs)


def test_depth_counts_convolutions_and_the_classifier() -> None:
    def depth(name: str) -> int:
        return sum(row.op in ("conv", "linear") for row in load(name).profile().rows)

    # erratum: the blocks that Table 1 prints for 264 make 2 · (6 + 12 + 64 + 48) + 5 layers
    assert [depth(f"densenet{n}") for n in (121, 169, 201, 264)] == [121, 169, 201, 265]
    assert [depth(name) for name, *_ in CIFAR] == [40, 100, 100, 100, 250, 190]
