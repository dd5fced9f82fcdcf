"""The MobileNets for 32×32 images, whose counts nobody prints: against plain modules written from their descriptions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import Tensor, nn

from profiler.load.load import load
from tests.archs.plain import counts


def unit(m: int, n: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(m, n, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(n), nn.ReLU()]


def v1() -> nn.Sequential:
    layers, m = unit(3, 32, 3), 32
    strides = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (1024, 2), (1024, 1)]
    for n, stride in strides:
        layers += unit(m, m, 3, stride, groups=m) + unit(m, n, 1)
        m = n
    return nn.Sequential(*layers, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(1024, 10))


class Block(nn.Module):
    """Expansion even at t = 1; a shortcut at stride 1, projected where the channels change."""

    def __init__(self, m: int, n: int, t: int, stride: int) -> None:
        super().__init__()
        wide = t * m
        *project, _ = unit(wide, n, 1)
        self.branch = nn.Sequential(*unit(m, wide, 1), *unit(wide, wide, 3, stride, groups=wide), *project)
        *shortcut, _ = unit(m, n, 1)
        self.shortcut = nn.Sequential(*shortcut) if stride == 1 and m != n else nn.Identity()
        self.adds = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.branch(x)
        return out + self.shortcut(x) if self.adds else out


def v2() -> nn.Sequential:
    blocks, m = [], 32
    table = [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for t, c, n, s in table:
        for i in range(n):
            blocks.append(Block(m, c, t, s if i == 0 else 1))
            m = c
    return nn.Sequential(*unit(3, 32, 3), *blocks, *unit(320, 1280, 1), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(1280, 10))


@pytest.mark.parametrize(("name", "plain"), [("mobilenet_v1_cifar", v1), ("mobilenet_v2_cifar", v2)])
def test_a_plain_module_counts_the_same(name: str, plain: Callable[[], nn.Module]) -> None:
    totals = load(name).totals()
    assert (totals.params, totals.macs) == counts(plain, (3, 32, 32))


def test_four_shortcuts_of_mobilenet_v2_project() -> None:
    rows = load("mobilenet_v2_cifar").profile().rows
    projected = [row.output[1] for row in rows if row.path.endswith("shortcut.conv")]
    assert projected == [16, 24, 96, 320]
