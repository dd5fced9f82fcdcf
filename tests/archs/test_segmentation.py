"""U-Net and C1DeepSup: the paper's U-Net and the decoder as plain modules, and the parameters of training."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from profiler.load.load import load
from tests.archs.plain import counts

# fc_dim, parameters in training, with both heads; 320 is MobileNetV2dilated, 720 HRNetV2
DEEPSUP = [(2048, 14_311_724), (720, 1_804_620), (512, 923_948), (320, 370_220)]


@pytest.mark.parametrize(("fc_dim", "training"), DEEPSUP)
def test_the_deep_supervision_counts_in_training_only(fc_dim: int, training: int) -> None:
    totals = load("c1_deepsup", options={"fc_dim": fc_dim}).totals()
    assert totals.params + totals.side_params == training


class UNet(nn.Module):
    """Figure 1; `valid` crops its skips, otherwise 3×3 convolutions are padded and normalised."""

    def __init__(self, channels: int, classes: int, valid: bool) -> None:
        super().__init__()

        def double(m: int, n: int) -> nn.Module:
            layers: list[nn.Module] = []
            for c in (m, n):
                layers.append(nn.Conv2d(c, n, 3, padding=0 if valid else 1, bias=valid))
                layers += [] if valid else [nn.BatchNorm2d(n)]
            return nn.Sequential(*layers, nn.ReLU())

        self.down = nn.ModuleList(double(m, n) for m, n in ((channels, 64), (64, 128), (128, 256), (256, 512), (512, 1024)))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(2 * n, n, 2, 2) for n in (512, 256, 128, 64))
        self.up = nn.ModuleList(double(2 * n, n) for n in (512, 256, 128, 64))
        self.head = nn.Conv2d(64, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level in self.down[:-1]:
            skips.append(level(x))
            x = nn.functional.max_pool2d(skips[-1], 2)
        x = self.down[-1](x)
        for grow, up in zip(self.grow, self.up, strict=True):
            x, skip = grow(x), skips.pop()
            margin = (skip.shape[-1] - x.shape[-1]) // 2
            side = slice(margin, margin + x.shape[-1])
            x = up(torch.cat([skip[..., side, side], x], dim=1))
        out: Tensor = self.head(x)
        return out


class Decoder(nn.Module):
    def __init__(self, fc_dim: int, classes: int) -> None:
        super().__init__()
        n = fc_dim // 4
        self.last = nn.Sequential(nn.Conv2d(fc_dim, n, 3, padding=1, bias=False), nn.BatchNorm2d(n), nn.Conv2d(n, classes, 1))

    def forward(self, _: Tensor, conv5: Tensor) -> Tensor:
        out: Tensor = self.last(conv5)
        return out


MODULES: list[tuple[str, Callable[[], nn.Module], tuple[tuple[int, ...], ...]]] = [
    ("unet", lambda: UNet(1, 2, valid=True), ((1, 572, 572),)),
    ("unet@resolution=259", lambda: UNet(1, 2, valid=True), ((1, 259, 259),)),
    ("unet@build=batchnorm,input=3x256x256", lambda: UNet(3, 2, valid=False), ((3, 256, 256),)),
    ("c1_deepsup", lambda: Decoder(2048, 150), ((1024, 64, 64), (2048, 64, 64))),
]


@pytest.mark.parametrize(("reference", "module", "shapes"), MODULES, ids=[case[0] for case in MODULES])
def test_a_plain_module_counts_the_same(
    reference: str, module: Callable[[], nn.Module], shapes: tuple[tuple[int, ...], ...]
) -> None:
    totals = load(reference).totals()
    assert (totals.params, totals.macs) == counts(module, *shapes)
