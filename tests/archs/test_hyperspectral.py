"""The hyperspectral networks: the same networks written as plain modules with 3D kernels, and a weight file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from profiler.load.load import load
from tests.archs.plain import counts


def test_the_weight_files_of_the_ssrn_release_hold_the_moving_statistics_too() -> None:
    rows = load("ssrn@input=1x103x7x7,classes=9").profile().rows
    assert sum(row.params + (row.norm if row.op == "batch_norm" else 0) for row in rows) == 199_153


# The same networks as plain modules; `Apply` stands for what a forward method would do between layers.


class Apply(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Sum(nn.ModuleList):
    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([part(x) for part in self]).sum(0)


class Beside(nn.ModuleList):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([part(x) for part in self], dim=1)


def hybridsn(bands: int, classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 8, (7, 3, 3)), nn.Conv3d(8, 16, (5, 3, 3)), nn.Conv3d(16, 32, 3), nn.Flatten(1, 2),
        nn.Conv2d(32 * (bands - 12), 64, 3), nn.Flatten(),
        nn.Linear(64 * 17 * 17, 256), nn.Linear(256, 128), nn.Linear(128, classes),
    )  # fmt: skip


def makantasis(c: int, classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(c, 3 * c, 3), nn.Conv2d(3 * c, 9 * c, 3), nn.Flatten(), nn.Linear(9 * c, 6 * c), nn.Linear(6 * c, classes)
    )


def ssrn_release(depth: int, classes: int) -> nn.Module:
    along, across = ((7, 1, 1), 1, (3, 0, 0)), ((1, 3, 3), 1, (0, 1, 1))
    return nn.Sequential(
        nn.Conv3d(1, 24, (7, 1, 1), (2, 1, 1)), nn.BatchNorm3d(24),
        Sum([nn.Sequential(nn.Conv3d(24, 24, *along), nn.BatchNorm3d(24), nn.Conv3d(24, 24, *along)), nn.Identity()]),
        nn.BatchNorm3d(24), nn.BatchNorm3d(24), nn.Conv3d(24, 128, (depth, 1, 1)), nn.BatchNorm3d(128),
        Apply(lambda x: x.transpose(1, 2)), nn.Conv3d(1, 24, (128, 3, 3)), nn.BatchNorm3d(24),
        Sum([nn.Sequential(nn.Conv3d(24, 24, *across), nn.BatchNorm3d(24), nn.Conv3d(24, 24, *across)), nn.Conv3d(24, 24, 1)]),
        nn.BatchNorm3d(24), nn.BatchNorm3d(24), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(24, classes),
    )  # fmt: skip


def ssrn_sstn(depth: int, classes: int) -> nn.Module:
    def block(kernel: tuple[int, int, int], padding: tuple[int, int, int], bias: bool) -> nn.Module:
        layers = [(nn.Conv3d(28, 28, kernel, 1, padding, bias=bias), nn.BatchNorm3d(28)) for _ in range(2)]
        return Sum([nn.Sequential(*layers[0], *layers[1]), nn.Identity()])

    return nn.Sequential(
        nn.Conv3d(1, 28, (7, 1, 1), (2, 1, 1), bias=False),
        block((7, 1, 1), (3, 0, 0), False), block((7, 1, 1), (3, 0, 0), False),
        nn.Conv3d(28, 28, (depth, 3, 3), bias=False), nn.BatchNorm3d(28),
        block((1, 3, 3), (0, 1, 1), True), block((1, 3, 3), (0, 1, 1), True),
        nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(28, classes),
    )  # fmt: skip


def hu(bands: int, kernel: int, pool: int, classes: int) -> nn.Module:
    pooled = (bands - kernel + 1) // pool
    return nn.Sequential(
        nn.Conv1d(1, 20, kernel), nn.MaxPool1d(pool), nn.Flatten(), nn.Linear(20 * pooled, 100), nn.Linear(100, classes)
    )


def hamida(classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 20, 3), nn.Conv3d(20, 20, (3, 1, 1), (2, 1, 1), (1, 0, 0)),
        nn.Conv3d(20, 35, 3, 1, (1, 0, 0)), nn.Conv3d(35, 35, (3, 1, 1), (2, 1, 1), (1, 0, 0)),
        nn.Conv3d(35, 35, (3, 1, 1), 1, (1, 0, 0)), nn.Conv3d(35, 35, (2, 1, 1), (2, 1, 1), (1, 0, 0)),
        nn.Flatten(), nn.Linear(910, classes),
    )  # fmt: skip


def chen(classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 32, (32, 4, 4)), nn.MaxPool3d((1, 2, 2)), nn.Conv3d(32, 32, (32, 4, 4)), nn.MaxPool3d((1, 2, 2)),
        nn.Conv3d(32, 32, (32, 4, 4)), nn.Flatten(), nn.Linear(32 * 107, classes),
    )  # fmt: skip


def li(planes: int, classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, planes, (7, 3, 3), 1, (1, 0, 0)), nn.Conv3d(planes, 2 * planes, 3, 1, (1, 0, 0)),
        nn.Flatten(), nn.Linear(2 * planes * 196, classes),
    )  # fmt: skip


def m3d(classes: int) -> nn.Module:
    def scales() -> nn.Module:
        return Sum([nn.Conv3d(16, 16, (k, 1, 1), 1, (k // 2, 0, 0)) for k in (1, 3, 5, 11)])

    return nn.Sequential(
        nn.Conv3d(1, 16, (11, 3, 3), (3, 1, 1)), scales(), scales(), nn.Conv3d(16, 16, (3, 2, 2)),
        nn.Flatten(), nn.Linear(16 * 62 * 16, classes),
    )  # fmt: skip


def lee(bands: int, classes: int) -> nn.Module:
    def residual() -> nn.Module:
        return Sum([nn.Sequential(nn.Conv2d(128, 128, 1), nn.Conv2d(128, 128, 1)), nn.Identity()])

    return nn.Sequential(
        Beside([nn.Conv3d(1, 128, (bands, 3, 3), 1, (0, 1, 1)), nn.Conv3d(1, 128, (bands, 1, 1))]), nn.Flatten(1, 2),
        nn.LocalResponseNorm(256), nn.Conv2d(256, 128, 1), nn.LocalResponseNorm(128), residual(), residual(),
        nn.Conv2d(128, 128, 1), nn.Conv2d(128, 128, 1), nn.Conv2d(128, classes, 1),
    )  # fmt: skip


def luo(classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 90, (24, 3, 3), (9, 1, 1)), Apply(lambda x: x.reshape(1, 1, -1, 90)), nn.Conv2d(1, 64, 3),
        nn.Flatten(), nn.Linear(64 * 18 * 88, 1024), nn.Linear(1024, classes),
    )  # fmt: skip


MODULES: list[tuple[str, Callable[[], nn.Module], tuple[int, ...]]] = [
    ("hybridsn", lambda: hybridsn(30, 16), (1, 30, 25, 25)),
    ("cnn_2d_hsi", lambda: makantasis(30, 16), (30, 5, 5)),
    ("cnn_2d_hsi@components=10,input=10x5x5,classes=9", lambda: makantasis(10, 9), (10, 5, 5)),
    ("ssrn", lambda: ssrn_release(97, 16), (1, 200, 7, 7)),
    ("ssrn@build=sstn", lambda: ssrn_sstn(97, 16), (1, 200, 7, 7)),
    ("ssrn@build=sstn,input=1x103x7x7,classes=9", lambda: ssrn_sstn(49, 9), (1, 103, 7, 7)),
    ("cnn_1d_hu", lambda: hu(200, 23, 5, 16), (1, 200)),
    ("cnn_3d_hamida", lambda: hamida(16), (1, 200, 5, 5)),
    ("cnn_3d_chen", lambda: chen(16), (1, 200, 27, 27)),
    ("cnn_3d_li", lambda: li(2, 16), (1, 200, 5, 5)),
    ("m3d_cnn", lambda: m3d(16), (1, 200, 7, 7)),
    ("contextual_cnn_lee", lambda: lee(200, 16), (1, 200, 5, 5)),
    ("hsi_cnn_luo", lambda: luo(16), (1, 200, 3, 3)),
]


@pytest.mark.parametrize(("reference", "module", "shape"), MODULES, ids=[case[0] for case in MODULES])
def test_a_plain_module_counts_the_same(reference: str, module: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    totals = load(reference).totals()
    assert (totals.params, totals.macs) == counts(module, shape)
