"""Modules that counters are tried on, each with its multiply-adds worked out by hand: a product, and no bias to argue about."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profiler import build


@dataclass(frozen=True)
class Case:
    """A module, the shape that it is given, and the multiply-adds of its products."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    truth: int

    def input(self) -> Tensor:
        return torch.zeros(self.shape)


class Attention(nn.Module):
    """Self-attention, fused or written out."""

    def __init__(self, width: int, heads: int, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = (q @ k.transpose(-2, -1) / math.sqrt(c // self.heads)).softmax(-1) @ v
        out: Tensor = self.out(y.transpose(1, 2).reshape(b, t, c))
        return out


class Multihead(nn.Module):
    def __init__(self, weights: bool) -> None:
        super().__init__()
        self.weights, self.attention = weights, nn.MultiheadAttention(64, 4, bias=False, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.attention(x, x, x, need_weights=self.weights)[0]
        return y


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(32, 64, bias=False, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.lstm(x)[0]
        return y


class Functional(nn.Module):
    """A parameter of its own and a function of torch: no layer to hook."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.weight = how, nn.Parameter(torch.zeros(64, 32))

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "matmul":
            return torch.matmul(x, self.weight)
        if self.how == "@":
            return x @ self.weight
        if self.how == "einsum":
            return torch.einsum("btc,cd->btd", x, self.weight)
        return F.linear(x, self.weight.t())


class Shared(nn.Module):
    """One layer, called three times."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(self.layer(self.layer(x)).relu())
        return y


class Scaled(nn.Linear):
    """A subclass, as adapters and quantisers make them."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 0.5


def mobilenet_v1() -> int:
    """Table 1: (channels in, out, output side) of each pair, after a first convolution and before the classifier."""
    table = [(32, 64, 112), (64, 128, 56), (128, 128, 56), (128, 256, 28), (256, 256, 28), (256, 512, 14)]
    table += [(512, 512, 14)] * 5 + [(512, 1024, 7), (1024, 1024, 7)]
    # a pair's two layers have one output side; Table 1's body.0 is of stride 1
    return 27 * 32 * 112**2 + sum((9 * m + m * n) * side**2 for m, n, side in table) + 1024 * 1000


def resnet50() -> int:
    """Table 1, the stride at the 3×3 as in torchvision: (blocks, channels in, of the bottleneck, side in, side out)."""
    table = [(3, 64, 64, 56, 56), (4, 256, 128, 56, 28), (6, 512, 256, 28, 14), (3, 1024, 512, 14, 7)]
    macs = 49 * 3 * 64 * 112**2 + 2048 * 1000
    for blocks, m, n, before, after in table:
        macs += m * n * before**2 + (9 * n * n + 4 * n * n + 4 * n * m) * after**2
        macs += (blocks - 1) * (4 * n * n + 9 * n * n + 4 * n * n) * after**2
    return macs


def vit(tokens: int = 197, width: int = 768, blocks: int = 12) -> int:
    """Projections 4C², MLP 8C² a token; both products of attention; patches of 16² and a head."""
    per_block = 12 * tokens * width**2 + 2 * tokens**2 * width
    return 3 * 16**2 * width * 14**2 + blocks * per_block + width * 1000


NETWORKS = ("mobilenet_v1", "resnet50", "vit_b_16")
"""Those that are timed."""

IMAGE = (1, 3, 224, 224)
TOKENS = (1, 16, 64)
ATTENTION = 4 * 16 * 64 * 64 + 2 * 16 * 16 * 64
"""Four projections, and two products over 16 × 16 pairs."""

CASES = (
    Case("mobilenet_v1", lambda: build("mobilenet_v1"), IMAGE, mobilenet_v1()),
    Case("resnet50", lambda: build("resnet50"), IMAGE, resnet50()),
    Case("vit_b_16", lambda: build("vit_b_16"), IMAGE, vit()),
    Case("attention, fused", lambda: Attention(64, 4, True), TOKENS, ATTENTION),
    Case("attention, by hand", lambda: Attention(64, 4, False), TOKENS, ATTENTION),
    Case("`nn.MultiheadAttention`", lambda: Multihead(False), TOKENS, ATTENTION),
    Case("the same, with attention weights", lambda: Multihead(True), TOKENS, ATTENTION),
    Case("`nn.LSTM`, 10 steps", Recurrent, (1, 10, 32), 10 * (4 * 64 * 32 + 4 * 64 * 64)),
    Case("`torch.matmul`", lambda: Functional("matmul"), TOKENS, 16 * 64 * 32),
    Case("`x @ w`", lambda: Functional("@"), TOKENS, 16 * 64 * 32),
    Case("`torch.einsum`", lambda: Functional("einsum"), TOKENS, 16 * 64 * 32),
    Case("`F.linear`", lambda: Functional("linear"), TOKENS, 16 * 64 * 32),
    Case("one layer, three calls", Shared, TOKENS, 3 * 16 * 64 * 64),
    Case("a subclass of `nn.Linear`", lambda: Scaled(64, 64, bias=False), TOKENS, 16 * 64 * 64),
    Case(
        "`nn.ConvTranspose2d`",
        lambda: nn.ConvTranspose2d(8, 16, 4, stride=2, padding=1, bias=False),
        (1, 8, 8, 8),
        4**2 * 8 * 16 * 8**2,  # by input pixels: those between them are zeros that nothing multiplies
    ),
    Case("`nn.Conv2d`, 4 groups", lambda: nn.Conv2d(16, 32, 3, groups=4, bias=False), (1, 16, 10, 10), 9 * 4 * 32 * 8**2),
    Case("`nn.Conv3d`", lambda: nn.Conv3d(2, 4, 3, bias=False), (1, 2, 6, 6, 6), 27 * 2 * 4 * 4**3),
)
