"""A module as one writes it: attention over the patches of an image, with a mask and a scale."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Net(nn.Module):
    """Patches of 8×8 and one block of attention; with `spectral`, a Fourier transform, which has no formula."""

    def __init__(self, width: int = 64, heads: int = 4, classes: int = 10, spectral: bool = False) -> None:
        super().__init__()
        self.heads, self.spectral = heads, spectral
        self.patch = nn.Sequential(nn.Conv2d(3, width, 8, stride=8, bias=False), nn.BatchNorm2d(width))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.head = nn.Linear(width, classes)

    def forward(self, image: Tensor, mask: Tensor | None = None, scale: float = 1.0) -> Tensor:
        x = self.patch(image).flatten(2).transpose(1, 2)
        if self.spectral:
            x = torch.fft.fft(x, dim=1).real
        q, k, v = self.qkv(x * scale).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
        logits: Tensor = self.head(self.out(x).mean(1))
        return logits
