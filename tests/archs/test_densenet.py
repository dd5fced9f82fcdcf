"""DenseNet against a plain module written from sections 3 and 4 of the paper (arXiv 1608.06993), and its Table 2."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from profiler.load.load import load
from tests.archs.plain import counts


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


CASES: list[tuple[str, Callable[[], nn.Module], int]] = [
    ("densenet121", lambda: imagenet([6, 12, 24, 16]), 224),
    ("densenet169", lambda: imagenet([6, 12, 32, 32]), 224),
    ("densenet201", lambda: imagenet([6, 12, 48, 32]), 224),
    ("densenet264", lambda: imagenet([6, 12, 64, 48]), 224),
    ("densenet40_k12_cifar", lambda: cifar(12, 12, bc=False), 32),
    ("densenet100_k12_cifar", lambda: cifar(32, 12, bc=False), 32),
    ("densenet100_k24_cifar", lambda: cifar(32, 24, bc=False), 32),
    ("densenet_bc100_k12_cifar", lambda: cifar(16, 12, bc=True), 32),
    ("densenet_bc250_k24_cifar", lambda: cifar(41, 24, bc=True), 32),
    ("densenet_bc190_k40_cifar", lambda: cifar(31, 40, bc=True), 32),
]


@pytest.mark.parametrize(("name", "plain", "side"), CASES, ids=[case[0] for case in CASES])
def test_a_plain_module_counts_the_same(name: str, plain: Callable[[], nn.Module], side: int) -> None:
    totals = load(name).totals()
    assert (totals.params, totals.macs) == counts(plain, (3, side, side))


def test_depth_counts_convolutions_and_the_classifier() -> None:
    def depth(name: str) -> int:
        return sum(row.op in ("conv", "linear") for row in load(name).profile().rows)

    # erratum: the blocks that Table 1 prints for 264 make 2 · (6 + 12 + 64 + 48) + 5 layers
    assert [depth(f"densenet{n}") for n in (121, 169, 201, 264)] == [121, 169, 201, 265]
    assert [depth(name) for name, _, side in CASES if side == 32] == [40, 100, 100, 100, 250, 190]
