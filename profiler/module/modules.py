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

    def __init__(self, heads: int, kv_heads: int | None = None, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.causal = heads, kv_heads, causal

    def forward(self, *inputs: Tensor) -> Tensor:
        heads, kv_heads = self.heads, self.kv_heads or self.heads
        if len(inputs) == 3:
            queries, keys, values = inputs
        else:
            size = inputs[0].shape[-1] // (heads + 2 * kv_heads)
            queries, keys, values = inputs[0].split((heads * size, kv_heads * size, kv_heads * size), dim=-1)
        q = queries.reshape(*queries.shape[:2], heads, -1).transpose(1, 2)
        k, v = (x.reshape(*x.shape[:2], kv_heads, -1).transpose(1, 2) for x in (keys, values))
        grouped = heads != kv_heads
        return F.scaled_dot_product_attention(q, k, v, is_causal=self.causal, enable_gqa=grouped).transpose(1, 2).flatten(2)


class RotaryEmbedding(nn.Module):
    """Pairs of channels of the heads of queries and keys turned by angles that grow with the position; values pass."""

    def __init__(self, heads: int, kv_heads: int | None, base: float) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.base = heads, kv_heads, base

    def forward(self, x: Tensor) -> Tensor:
        turned = self.heads + (self.kv_heads or self.heads)
        size = x.shape[-1] // (turned + (self.kv_heads or self.heads))
        return torch.cat((self.turned(x[..., : turned * size], turned, size), x[..., turned * size :]), dim=-1)

    def turned(self, x: Tensor, heads: int, size: int) -> Tensor:
        """Each pair of channels, `size / 2` apart in its head, turned by the angle of its position."""
        cos, sin = self.cos_sin(x, size)
        a, b = x.unflatten(-1, (heads, 2, size // 2)).unbind(-2)
        return torch.stack((a * cos - b * sin, b * cos + a * sin), dim=-2).flatten(2)

    def cos_sin(self, x: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Cosine and sine of the angles of each position, (T, 1, size / 2)."""
        powers = torch.arange(0, size, 2, dtype=torch.float32, device=x.device) / -size
        positions = torch.arange(x.shape[1], dtype=torch.float32, device=x.device)
        angles = positions[:, None, None] * self.base**powers
        return angles.cos().to(x.dtype), angles.sin().to(x.dtype)


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
    """A learned vector added to every token; of a table of so many `positions` the first ones."""

    def __init__(self, tokens: int, channels: int, positions: int | None = None) -> None:
        super().__init__()
        self.positions = positions
        self.weight = nn.Parameter(torch.empty(1, positions or tokens, channels).normal_(std=0.02))

    def forward(self, x: Tensor) -> Tensor:
        return x + (self.weight if self.positions is None else self.weight[:, : x.shape[1]])


class SegmentEmbedding(nn.Module):
    """The first of several learned vectors added to every token."""

    def __init__(self, segments: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(segments, channels).normal_(std=0.02))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight[0]


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
