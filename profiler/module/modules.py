"""The few modules that torch.nn lacks: joins, tokens, slices."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


class Add(nn.Module):
    """The first input plus `scale` times each other."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = first + (other if self.scale == 1.0 else self.scale * other)
        return first


class Multiply(nn.Module):
    """The product of all inputs."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = first * other
        return first


class Concatenate(nn.Module):
    """All inputs side by side; `axis` does not count the batch, and -1 is the last."""

    def __init__(self, axis: int = 0) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=self.axis if self.axis < 0 else self.axis + 1)


class MatMul(nn.Module):
    """The matrix product of two inputs."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a @ b


class Attention(nn.Module):
    """Scaled dot-product attention of (B, T, C) in heads; one input holds queries, keys and values side by side."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, *inputs: Tensor) -> Tensor:
        queries, keys, values = inputs if len(inputs) == 3 else inputs[0].chunk(3, dim=-1)
        q, k, v = (x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2) for x in (queries, keys, values))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class Resize(nn.Module):
    """The first input resized to the spatial axes of the second."""

    def __init__(self, mode: str, align_corners: bool) -> None:
        super().__init__()
        self.mode, self.align_corners = mode, align_corners

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        return F.interpolate(x, size=like.shape[2:], **_interpolation(self.mode, self.align_corners, x.ndim - 2))


class Crop(nn.Module):
    """The first input cropped about its centre to the spatial axes of the second."""

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        for axis in range(2, x.ndim):
            x = x.narrow(axis, (x.shape[axis] - like.shape[axis]) // 2, like.shape[axis])
        return x


class ClassToken(nn.Module):
    """A learned token before the others."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.weight.expand(x.shape[0], -1, -1), x], dim=1)


class PositionEmbedding(nn.Module):
    """A learned vector added to every token."""

    def __init__(self, tokens: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, tokens, channels).normal_(std=0.02))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight


class Fold(nn.Module):
    """(B, C, D, H, W) to (B, C·D, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1, 2)


class Tokens(nn.Module):
    """(B, C, *spatial) to (B, ∏spatial, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2)


class Token(nn.Module):
    """One token of many."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.index]


class Unsqueeze(nn.Module):
    """(B, *n) to (B, 1, *n)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(1)


class PadChannels(nn.Module):
    """`extra` channels of zeros, half before and half after."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.before, self.after = extra // 2, extra - extra // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, (0, 0) * (x.ndim - 2) + (self.before, self.after))


class ChannelSlice(nn.Module):
    """Part `index` of `of` equal parts of the channels."""

    def __init__(self, index: int, of: int) -> None:
        super().__init__()
        self.index, self.of = index, of

    def forward(self, x: Tensor) -> Tensor:
        return x.chunk(self.of, dim=1)[self.index]


def upsample(scale: tuple[int, ...], mode: str, align_corners: bool) -> nn.Upsample:
    """torch's resizing module for a feature of `len(scale)` axes."""
    return nn.Upsample(scale_factor=tuple(map(float, scale)), **_interpolation(mode, align_corners, len(scale)))


def _interpolation(mode: str, align_corners: bool, rank: int) -> dict[str, Any]:
    return {"mode": "nearest"} if mode == "nearest" else {"mode": _LINEAR[rank], "align_corners": align_corners}
