"""The hyperspectral networks: exact counts of three scenes, and the same networks written as plain modules with 3D kernels."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from profiler.load.load import load

# Indian Pines has 200 bands and 16 classes, Pavia University 103 and 9, Salinas 204 and 16, Kennedy Space Center 176 and 13.
CASES = [
    ("hybridsn-IP", "hybridsn", 5_122_176, 247_683_392),
    ("hybridsn-UP", "hybridsn@input=1x15x25x25,classes=9", 4_844_793, 50_821_176),
    ("hybridsn-SA", "hybridsn@input=1x15x25x25", 4_845_696, 50_822_072),
    ("ssrn-IP", "ssrn", 346_144, 54_693_096),
    ("ssrn-UP", "ssrn@input=1x103x7x7,classes=9", 198_513, 28_105_920),
    ("ssrn-a2s2k-IP", "ssrn@build=a2s2k", 364_168, 93_266_088),
    ("ssrn-a2s2k-UP", "ssrn@build=a2s2k,input=1x103x7x7,classes=9", 216_537, 47_712_384),
    ("ssrn-a2s2k-KSC", "ssrn@build=a2s2k,input=1x176x7x7,classes=13", 327_229, 81_877_632),
    ("hu-IP", "cnn_1d_hu", 72_196, 153_480),
    ("hu-UP", "cnn_1d_hu@bands=103,classes=9", 61_269, 82_980),
    ("hu-SA", "cnn_1d_hu@bands=204", 74_196, 157_320),
    ("hamida-IP", "cnn_3d_hamida", 45_196, 4_348_340),
    ("hamida-UP", "cnn_3d_hamida@input=1x103x5x5,classes=9", 35_039, 2_235_370),
    ("hamida-SA", "cnn_3d_hamida@input=1x204x5x5", 45_196, 4_434_530),
    ("hamida-3x3-UP", "cnn_3d_hamida@padded=true,input=1x103x3x3,classes=9", 35_039, 2_274_790),
    ("hamida-7x7-SA", "cnn_3d_hamida@input=1x204x7x7", 161_676, 27_015_090),
    ("chen-IP", "cnn_3d_chen", 1_119_856, 7_511_528_960),
    ("chen-UP", "cnn_3d_chen@input=1x103x27x27,classes=9", 1_067_945, 2_425_883_456),
    ("chen-SA", "cnn_3d_chen@input=1x204x27x27", 1_121_904, 7_721_246_208),
    ("li-IP", "cnn_3d_li", 12_908, 277_144),
    ("li-UP", "cnn_3d_li@input=1x103x5x5,classes=9", 3_921, 137_214),
    ("li-16-SA", "cnn_3d_li@planes=16,input=1x204x5x5", 117_296, 4_681_600),
    ("m3d-IP", "m3d_cnn", 269_024, 22_219_776),
    ("m3d-UP", "m3d_cnn@input=1x103x7x7,classes=9", 81_881, 10_655_824),
    ("m3d-SA", "m3d_cnn@input=1x204x7x7", 273_120, 22_568_624),
    ("lee-IP", "contextual_cnn_lee", 390_288, 9_728_000),
    ("lee-UP", "contextual_cnn_lee@input=103x5x5,classes=9", 265_225, 6_601_600),
    ("lee-SA", "contextual_cnn_lee@input=204x5x5", 395_408, 9_856_000),
    ("luo-IP", "hsi_cnn_luo", 103_846_618, 105_126_592),
    ("luo-UP", "hsi_cnn_luo@input=1x103x3x3,classes=9", 40_400_595, 40_909_168),
    ("luo-SA", "hsi_cnn_luo@input=1x204x3x3", 109_613_786, 110_963_888),
]


@pytest.mark.parametrize(("reference", "params", "macs"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_counts_of_the_scenes(reference: str, params: int, macs: int) -> None:
    totals = load(reference).totals()
    assert (totals.params, totals.macs) == (params, macs)


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
def test_a_plain_module_of_the_same_network_agrees(
    reference: str, module: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    totals = load(reference).totals()
    assert (totals.params, totals.macs) == _counted(module, shape)


def _counted(module: Callable[[], nn.Module], shape: tuple[int, ...]) -> tuple[int, int]:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = module().eval()
        network(torch.zeros(1, *shape))
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2
