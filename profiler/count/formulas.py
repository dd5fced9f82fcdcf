"""What one leaf costs: one table {leaf type: formula}, shapes in, counts out. No torch.

The papers' letters (MobileNets, arXiv 1704.04861, section 3): D_K kernel side, M channels in, N channels out, D_F *output*
side. Everything with weights follows one general form, elements of the weight × positions (output positions; input positions
when transposed), whatever the groups:

    standard    D_K²·M·N·D_F²        depthwise  D_K²·M·D_F²
    pointwise   M·N·D_F²             linear     M·N

Shapes are of one sample, without the batch axis; `same` is the width that a `same()` stands for.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from profiler.count.shapes import (  # fmt: skip
    Inputs,
    area,
    features,
    groups_of,
    listed,
    one,
    spread,
    three,
    tokens,
    two,
    width_of,
    windows,
)
from profiler.errors import ShapeError
from profiler.network import layers as L
from profiler.network.layers import Shape


class Cost(NamedTuple):
    """What a leaf makes of one sample, and what that costs; all integers."""

    output: Shape
    weights: int = 0
    bias: int = 0
    norm: int = 0
    buffers: int = 0
    macs: int = 0
    elementwise: int = 0
    activations: int = 0


Formula = Callable[[Any, Inputs, int | None], Cost]


def cost(leaf: L.Layer, inputs: Inputs, same: int | None = None) -> Cost:
    """The cost of `leaf` on samples of shapes `inputs`. Raises ShapeError where they do not fit."""
    return FORMULAS[type(leaf)](leaf, inputs, same)


# Leaves with weights


def _conv(leaf: L.Conv, inputs: Inputs, same: int | None) -> Cost:
    m, n_in = features(inputs)
    n = width_of(leaf.out, m, same)
    groups = groups_of(leaf.groups, m, n)
    d_f = windows(n_in, leaf.kernel, leaf.stride, leaf.padding, leaf.dilation)
    weights = area(leaf.kernel, len(n_in)) * (m // groups) * n  # D_K² · M/groups · N
    positions = prod(d_f)
    return Cost((n, *d_f), weights, n if leaf.bias else 0, 0, 0, weights * positions, 0, n * positions)


def _conv_transpose(leaf: L.ConvTranspose, inputs: Inputs, same: int | None) -> Cost:
    m, n_in = features(inputs)
    rank = len(n_in)
    n = width_of(leaf.out, m, same)
    groups = groups_of(leaf.groups, m, n)
    axes = zip(
        n_in, spread(leaf.kernel, rank), spread(leaf.stride, rank), spread(leaf.padding, rank), spread(leaf.dilation, rank),
        spread(leaf.output_padding, rank), strict=True,
    )  # fmt: skip
    out = tuple((size - 1) * s - 2 * p + d * (k - 1) + extra + 1 for size, k, s, p, d, extra in axes)
    if min(out) < 1:
        raise ShapeError(f"a padding of {leaf.padding} leaves nothing of {n_in} pixels")
    weights = area(leaf.kernel, rank) * m * (n // groups)
    # every *input* pixel meets the whole weight
    return Cost((n, *out), weights, n if leaf.bias else 0, macs=weights * prod(n_in), activations=n * prod(out))


def _linear(leaf: L.Linear, inputs: Inputs, same: int | None) -> Cost:
    *positions, m = one(inputs)
    n = width_of(leaf.out, m, same)
    count = prod(positions)
    return Cost((*positions, n), m * n, n if leaf.bias else 0, macs=m * n * count, activations=n * count)


def _batch_norm(leaf: L.BatchNorm, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    c = shape[0]
    # running mean and variance, and torch's count of the batches seen
    buffers = 2 * c + 1 if leaf.track_running_stats else 0
    return Cost(shape, norm=2 * c if leaf.affine else 0, buffers=buffers, elementwise=prod(shape))


def _channel_norm(leaf: L.GroupNorm | L.InstanceNorm, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    if isinstance(leaf, L.GroupNorm) and shape[0] % leaf.groups:
        raise ShapeError(f"{shape[0]} channels do not divide into {leaf.groups} groups")
    return Cost(shape, norm=2 * shape[0] if leaf.affine else 0, elementwise=prod(shape))


def _layer_norm(leaf: L.LayerNorm, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    norm = shape[-1] * (1 + leaf.bias) if leaf.elementwise_affine else 0
    return Cost(shape, norm=norm, elementwise=prod(shape))


def _prelu(leaf: L.PReLU, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    return Cost(shape, weights=shape[0] if leaf.each_channel else 1, elementwise=prod(shape))


def _embedding(leaf: L.Embedding, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    c = width_of(leaf.dim, shape[-1], same)
    return Cost((*shape, c), weights=leaf.num_embeddings * c, elementwise=prod(shape) * c)


def _class_token(leaf: L.ClassToken, inputs: Inputs, same: int | None) -> Cost:
    t, c = tokens(inputs)
    return Cost((t + 1, c), weights=c)


def _position_embedding(leaf: L.PositionEmbedding, inputs: Inputs, same: int | None) -> Cost:
    t, c = tokens(inputs)
    return Cost((t, c), weights=t * c, elementwise=t * c)


# Leaves without weights


def _each(leaf: L.Layer, inputs: Inputs, same: int | None) -> Cost:
    """One operation an element."""
    shape = one(inputs)
    return Cost(shape, elementwise=prod(shape))


def _nothing(leaf: L.Layer, inputs: Inputs, same: int | None) -> Cost:
    """Nothing in evaluation."""
    return Cost(one(inputs))


def _pool(leaf: L.MaxPool | L.AvgPool, inputs: Inputs, same: int | None) -> Cost:
    c, n = features(inputs)
    stride = leaf.kernel if leaf.stride is None else leaf.stride
    dilation = leaf.dilation if isinstance(leaf, L.MaxPool) else 1
    shape = (c, *windows(n, leaf.kernel, stride, leaf.padding, dilation, leaf.ceil_mode))
    return Cost(shape, elementwise=prod(shape))


def _adaptive_pool(leaf: L.AdaptiveAvgPool | L.AdaptiveMaxPool, inputs: Inputs, same: int | None) -> Cost:
    c, n = features(inputs)
    shape = (c, *spread(leaf.output, len(n)))
    return Cost(shape, elementwise=prod(shape))


def _upsample(leaf: L.Upsample, inputs: Inputs, same: int | None) -> Cost:
    c, n = features(inputs)
    shape = (c, *(size * k for size, k in zip(n, spread(leaf.scale_factor, len(n)), strict=True)))
    return Cost(shape, elementwise=prod(shape))


def _pad(leaf: L.Pad, inputs: Inputs, same: int | None) -> Cost:
    c, n = features(inputs)
    sides = ((leaf.padding, leaf.padding),) * len(n) if isinstance(leaf.padding, int) else leaf.padding
    if len(sides) != len(n):
        raise ShapeError(f"pads {len(sides)} axes of {len(n)}; give one pair an axis")
    return Cost((c, *(size + a + b for size, (a, b) in zip(n, sides, strict=True))))


def _flatten(leaf: L.Flatten, inputs: Inputs, same: int | None) -> Cost:
    return Cost((prod(one(inputs)),))


def _fold(leaf: L.Fold, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    if len(shape) != 4:
        raise ShapeError(f"folds (C, D, H, W) and is given {shape}")
    c, d, h, w = shape
    return Cost((c * d, h, w))


def _to_tokens(leaf: L.Tokens, inputs: Inputs, same: int | None) -> Cost:
    c, n = features(inputs)
    return Cost((prod(n), c))


def _token(leaf: L.Token, inputs: Inputs, same: int | None) -> Cost:
    t, c = tokens(inputs)
    if not 0 <= leaf.index < t:
        raise ShapeError(f"there is no token {leaf.index} among {t}")
    return Cost((c,))


def _unsqueeze(leaf: L.Unsqueeze, inputs: Inputs, same: int | None) -> Cost:
    return Cost((1, *one(inputs)))


def _channel_shuffle(leaf: L.ChannelShuffle, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    groups_of(leaf.groups, shape[0], shape[0])
    return Cost(shape)


def _pad_channels(leaf: L.PadChannels, inputs: Inputs, same: int | None) -> Cost:
    c, *rest = one(inputs)
    n = width_of(leaf.out, c, same)
    if n < c:
        raise ShapeError(f"{c} channels do not pad to {n}")
    return Cost((n, *rest))


def _channel_slice(leaf: L.ChannelSlice, inputs: Inputs, same: int | None) -> Cost:
    c, *rest = one(inputs)
    if c % leaf.of or not 0 <= leaf.index < leaf.of:
        raise ShapeError(f"{c} channels have no part {leaf.index} of {leaf.of} equal ones")
    return Cost((c // leaf.of, *rest))


# Joins


def _add(leaf: L.Add, inputs: Inputs, same: int | None) -> Cost:
    if len(set(inputs)) != 1:
        raise ShapeError(f"adds unlike shapes, {listed(inputs)}; the parts that meet here must agree")
    return Cost(inputs[0], elementwise=prod(inputs[0]) * (len(inputs) - 1))


def _multiply(leaf: L.Multiply, inputs: Inputs, same: int | None) -> Cost:
    shape = tuple(max(axis) for axis in zip(*inputs, strict=True)) if len({len(s) for s in inputs}) == 1 else ()
    if not shape or any(size not in (1, full) for s in inputs for size, full in zip(s, shape, strict=True)):
        raise ShapeError(f"multiplies unlike shapes, {listed(inputs)}")
    return Cost(shape, elementwise=prod(shape) * (len(inputs) - 1))


def _concatenate(leaf: L.Concatenate, inputs: Inputs, same: int | None) -> Cost:
    axis, first = leaf.axis, inputs[0]
    if axis >= len(first) or len({(*s[:axis], *s[axis + 1 :]) for s in inputs}) != 1:
        raise ShapeError(f"concatenates along axis {axis} shapes that differ elsewhere, {listed(inputs)}")
    return Cost((*first[:axis], sum(s[axis] for s in inputs), *first[axis + 1 :]))


def _matmul(leaf: L.MatMul, inputs: Inputs, same: int | None) -> Cost:
    a, b = two(inputs)
    if len(a) != len(b) or a[:-2] != b[:-2] or a[-1] != b[-2]:
        raise ShapeError(f"multiplies matrices {a} and {b}, which do not fit")
    shape = (*a[:-1], b[-1])
    return Cost(shape, macs=prod(a) * b[-1], activations=prod(shape))


def _attention(leaf: L.Attention, inputs: Inputs, same: int | None) -> Cost:
    if len(inputs) == 1:
        t, packed = tokens(inputs)
        if packed % 3:
            raise ShapeError(f"{packed} channels are not queries, keys and values side by side")
        s, c, c_v = t, packed // 3, packed // 3
    else:
        (t, c), (s, c_k), (s_v, c_v) = three(inputs)
        if c != c_k or s != s_v:
            raise ShapeError(f"queries, keys and values do not fit, {listed(inputs)}")
    if c % leaf.heads or c_v % leaf.heads:
        raise ShapeError(f"{c if c % leaf.heads else c_v} channels do not divide into {leaf.heads} heads")
    scores = leaf.heads * t * s
    # Q·Kᵀ: heads·T·S·(C/heads); A·V: heads·T·S·(C_v/heads)
    return Cost((t, c_v), macs=t * s * (c + c_v), elementwise=scores, activations=scores + t * c_v)


def _resize(leaf: L.Resize, inputs: Inputs, same: int | None) -> Cost:
    a, b = two(inputs)
    if len(a) != len(b):
        raise ShapeError(f"resizes {a} to the sides of {b}, which has other axes")
    shape = (a[0], *b[1:])
    return Cost(shape, elementwise=prod(shape))


def _crop(leaf: L.Crop, inputs: Inputs, same: int | None) -> Cost:
    a, b = two(inputs)
    if len(a) != len(b) or any(n < m for n, m in zip(a[1:], b[1:], strict=True)):
        raise ShapeError(f"crops {a} to the sides of {b}, which is larger")
    return Cost((a[0], *b[1:]))


FORMULAS: dict[type[L.Layer], Formula] = {
    L.Conv: _conv,
    L.ConvTranspose: _conv_transpose,
    L.Linear: _linear,
    L.BatchNorm: _batch_norm,
    L.InstanceNorm: _channel_norm,
    L.GroupNorm: _channel_norm,
    L.LayerNorm: _layer_norm,
    L.LocalResponseNorm: _each,
    L.PReLU: _prelu,
    L.Embedding: _embedding,
    L.ClassToken: _class_token,
    L.PositionEmbedding: _position_embedding,
    L.Activation: _each,
    L.MaxPool: _pool,
    L.AvgPool: _pool,
    L.AdaptiveAvgPool: _adaptive_pool,
    L.AdaptiveMaxPool: _adaptive_pool,
    L.Upsample: _upsample,
    L.Pad: _pad,
    L.Dropout: _nothing,
    L.Identity: _nothing,
    L.Flatten: _flatten,
    L.Fold: _fold,
    L.Tokens: _to_tokens,
    L.Token: _token,
    L.Unsqueeze: _unsqueeze,
    L.ChannelShuffle: _channel_shuffle,
    L.PadChannels: _pad_channels,
    L.ChannelSlice: _channel_slice,
    L.Add: _add,
    L.Multiply: _multiply,
    L.Concatenate: _concatenate,
    L.MatMul: _matmul,
    L.Attention: _attention,
    L.Resize: _resize,
    L.Crop: _crop,
}
