"""The vision transformers beside plain ones that are built on nn.MultiheadAttention."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from profiler.load.load import load
from tests.archs.plain import counts


class Encoder(nn.Module):
    def __init__(self, hidden: int, mlp: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.attention = nn.MultiheadAttention(hidden, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(hidden, mlp), nn.GELU(), nn.Linear(mlp, hidden))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class ViT(nn.Module):
    def __init__(self, side: int, patch: int, layers: int, hidden: int, mlp: int, heads: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, hidden, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, hidden))
        self.position = nn.Parameter(torch.zeros(1, (side // patch) ** 2 + 1, hidden))
        self.encoder = nn.Sequential(*(Encoder(hidden, mlp, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(hidden), nn.Linear(hidden, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.token, self.patches(x).flatten(2).transpose(1, 2)], dim=1) + self.position
        out: Tensor = self.head(self.norm(self.encoder(x))[:, 0])
        return out


BASE, LARGE, HUGE = (12, 768, 3072, 12), (24, 1024, 4096, 16), (32, 1280, 5120, 16)
CASES = [
    ("vit_b_16", 224, 16, BASE),
    ("vit_b_16", 384, 16, BASE),
    ("vit_b_32", 224, 32, BASE),
    ("vit_l_16", 224, 16, LARGE),
    ("vit_l_32", 224, 32, LARGE),
    ("vit_h_14", 224, 14, HUGE),
]


@pytest.mark.parametrize(("name", "side", "patch", "model"), CASES)
def test_a_plain_module_counts_the_same(name: str, side: int, patch: int, model: tuple[int, int, int, int]) -> None:
    totals = load(name, resolution=side).totals()
    assert (totals.params, totals.macs) == counts(lambda: ViT(side, patch, *model), (3, side, side))


def test_the_two_products_of_attention_count() -> None:
    rows = load("vit_b_16").profile().rows
    assert sum(row.macs for row in rows if row.op == "attention") == 12 * 2 * 197**2 * 768
    assert sum(row.macs for row in rows if row.op != "attention") == 16_848_500_736
