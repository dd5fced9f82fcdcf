"""What each leaf costs: its formula, shapes in, counts out, with its kind and what its rows are called. No torch.

The papers' letters (MobileNets, arXiv 1704.04861, section 3): D_K kernel side, M channels in, N channels out, D_F *output*
side. Everything with weights follows one general form, elements of the weight × positions (output positions; input positions
when transposed), whatever the groups:

    standard    D_K²·M·N·D_F²        depthwise  D_K²·M·D_F²
    pointwise   M·N·D_F²             linear     M·N

Shapes are of one sample, without the batch axis; `same` is the width that a `same()` stands for.
"""

from __future__ import annotations

from math import prod

from profiler.count.leaves import Cost, formula
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


def conv_kind(channels: int, groups: int, kernel: Shape) -> str:
    """The kind of a convolution by its channels in, its groups and its kernel."""
    if groups > 1:
        return "depthwise" if groups == channels else "grouped"
    return "pointwise" if prod(kernel) == 1 else "conv"


# Leaves with weights


@formula(L.Conv, kind=conv_kind, module="Conv{rank}d")
def _conv(leaf: L.Conv, inputs: Inputs, same: int | None) -> Cost:
    m, n_in = features(inputs)
    n = width_of(leaf.out, m, same)
    groups = groups_of(leaf.groups, m, n)
    d_f = windows(n_in, leaf.kernel, leaf.stride, leaf.padding, leaf.dilation)
    weights = area(leaf.kernel, len(n_in)) * (m // groups) * n  # D_K² · M/groups · N
    positions = prod(d_f)
    return Cost((n, *d_f), weights, n if leaf.bias else 0, 0, 0, weights * positions, 0, n * positions)


@formula(L.ConvTranspose, kind="conv_transpose", module="ConvTranspose{rank}d")
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


@formula(L.Linear, kind="linear")
def _linear(leaf: L.Linear, inputs: Inputs, same: int | None) -> Cost:
    *positions, m = one(inputs)
    n = width_of(leaf.out, m, same)
    count = prod(positions)
    return Cost((*positions, n), m * n, n if leaf.bias else 0, macs=m * n * count, activations=n * count)


@formula(L.BatchNorm, kind="norm", module="BatchNorm{rank}d")
def _batch_norm(leaf: L.BatchNorm, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    c = shape[0]
    # running mean and variance, and torch's count of the batches seen
    buffers = 2 * c + 1 if leaf.track_running_stats else 0
    return Cost(shape, norm=2 * c if leaf.affine else 0, buffers=buffers, elementwise=prod(shape))


@formula(L.InstanceNorm, kind="norm", module="InstanceNorm{rank}d")
@formula(L.GroupNorm, kind="norm")
def _channel_norm(leaf: L.GroupNorm | L.InstanceNorm, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    if isinstance(leaf, L.GroupNorm) and shape[0] % leaf.groups:
        raise ShapeError(f"{shape[0]} channels do not divide into {leaf.groups} groups")
    return Cost(shape, norm=2 * shape[0] if leaf.affine else 0, elementwise=prod(shape))


@formula(L.LayerNorm, kind="norm")
def _layer_norm(leaf: L.LayerNorm, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    norm = shape[-1] * (1 + leaf.bias) if leaf.elementwise_affine else 0
    return Cost(shape, norm=norm, elementwise=prod(shape))


@formula(L.PReLU, kind="activation", op="prelu")
def _prelu(leaf: L.PReLU, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    return Cost(shape, weights=shape[0] if leaf.each_channel else 1, elementwise=prod(shape))


@formula(L.Embedding, kind="embedding")
def _embedding(leaf: L.Embedding, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    c = width_of(leaf.dim, shape[-1], same)
    return Cost((*shape, c), weights=leaf.num_embeddings * c, elementwise=prod(shape) * c)


@formula(L.ClassToken, kind="reshape")
def _class_token(leaf: L.ClassToken, inputs: Inputs, same: int | None) -> Cost:
    t, c = tokens(inputs)
    return Cost((t + 1, c), weights=c)


@formula(L.PositionEmbedding, kind="embedding")
def _position_embedding(leaf: L.PositionEmbedding, inputs: Inputs, same: int | None) -> Cost:
    t, c = tokens(inputs)
    return Cost((t, c), weights=t * c, elementwise=t * c)


# Leaves without weights


@formula(L.LocalResponseNorm, kind="norm")
@formula(L.Activation, kind="activation", op="{name}", module="{name}")
def _each(leaf: L.Layer, inputs: Inputs, same: int | None) -> Cost:
    """One operation an element."""
    shape = one(inputs)
    return Cost(shape, elementwise=prod(shape))


@formula(L.Dropout, kind="elementwise")
@formula(L.Identity, kind="reshape")
def _nothing(leaf: L.Layer, inputs: Inputs, same: int | None) -> Cost:
    """Nothing in evaluation."""
    return Cost(one(inputs))


@formula(L.MaxPool, kind="pool", module="MaxPool{rank}d")
@formula(L.AvgPool, kind="pool", module="AvgPool{rank}d")
def _pool(leaf: L.MaxPool | L.AvgPool, inputs: Inputs, same: int | None) -> Cost:
    c, n = features(inputs)
    stride = leaf.kernel if leaf.stride is None else leaf.stride
    dilation = leaf.dilation if isinstance(leaf, L.MaxPool) else 1
    shape = (c, *windows(n, leaf.kernel, stride, leaf.padding, dilation, leaf.ceil_mode))
    return Cost(shape, elementwise=prod(shape))


@formula(L.AdaptiveAvgPool, kind="pool", module="AdaptiveAvgPool{rank}d")
@formula(L.AdaptiveMaxPool, kind="pool", module="AdaptiveMaxPool{rank}d")
def _adaptive_pool(leaf: L.AdaptiveAvgPool | L.AdaptiveMaxPool, inputs: Inputs, same: int | None) -> Cost:
    c, n = features(inputs)
    shape = (c, *spread(leaf.output, len(n)))
    return Cost(shape, elementwise=prod(shape))


@formula(L.Upsample, kind="resize")
def _upsample(leaf: L.Upsample, inputs: Inputs, same: int | None) -> Cost:
    c, n = features(inputs)
    shape = (c, *(size * k for size, k in zip(n, spread(leaf.scale_factor, len(n)), strict=True)))
    return Cost(shape, elementwise=prod(shape))


@formula(L.Pad, kind="reshape", module="ZeroPad{rank}d")
def _pad(leaf: L.Pad, inputs: Inputs, same: int | None) -> Cost:
    c, n = features(inputs)
    sides = ((leaf.padding, leaf.padding),) * len(n) if isinstance(leaf.padding, int) else leaf.padding
    if len(sides) != len(n):
        raise ShapeError(f"pads {len(sides)} axes of {len(n)}; give one pair an axis")
    return Cost((c, *(size + a + b for size, (a, b) in zip(n, sides, strict=True))))


@formula(L.Flatten, kind="reshape")
def _flatten(leaf: L.Flatten, inputs: Inputs, same: int | None) -> Cost:
    return Cost((prod(one(inputs)),))


@formula(L.Fold, kind="reshape")
def _fold(leaf: L.Fold, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    if len(shape) != 4:
        raise ShapeError(f"folds (C, D, H, W) but is given {shape}")
    c, d, h, w = shape
    return Cost((c * d, h, w))


@formula(L.Tokens, kind="reshape")
def _to_tokens(leaf: L.Tokens, inputs: Inputs, same: int | None) -> Cost:
    c, n = features(inputs)
    return Cost((prod(n), c))


@formula(L.Token, kind="reshape")
def _token(leaf: L.Token, inputs: Inputs, same: int | None) -> Cost:
    t, c = tokens(inputs)
    if not 0 <= leaf.index < t:
        raise ShapeError(f"has no token {leaf.index}: there are {t} tokens")
    return Cost((c,))


@formula(L.Unsqueeze, kind="reshape")
def _unsqueeze(leaf: L.Unsqueeze, inputs: Inputs, same: int | None) -> Cost:
    return Cost((1, *one(inputs)))


@formula(L.ChannelShuffle, kind="reshape")
def _channel_shuffle(leaf: L.ChannelShuffle, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    groups_of(leaf.groups, shape[0], shape[0])
    return Cost(shape)


@formula(L.PadChannels, kind="reshape")
def _pad_channels(leaf: L.PadChannels, inputs: Inputs, same: int | None) -> Cost:
    c, *rest = one(inputs)
    n = width_of(leaf.out, c, same)
    if n < c:
        raise ShapeError(f"cannot pad {c} channels to {n}")
    return Cost((n, *rest))


@formula(L.ChannelSlice, kind="reshape")
def _channel_slice(leaf: L.ChannelSlice, inputs: Inputs, same: int | None) -> Cost:
    c, *rest = one(inputs)
    if c % leaf.of or not 0 <= leaf.index < leaf.of:
        raise ShapeError(f"cannot take part {leaf.index} of {c} channels in {leaf.of} equal parts")
    return Cost((c // leaf.of, *rest))


# Joins


@formula(L.Add, kind="elementwise")
def _add(leaf: L.Add, inputs: Inputs, same: int | None) -> Cost:
    if len(set(inputs)) != 1:
        raise ShapeError(f"adds different shapes, {listed(inputs)}; branches that are added must have equal shapes")
    return Cost(inputs[0], elementwise=prod(inputs[0]) * (len(inputs) - 1))


@formula(L.Multiply, kind="elementwise")
def _multiply(leaf: L.Multiply, inputs: Inputs, same: int | None) -> Cost:
    shape = tuple(max(axis) for axis in zip(*inputs, strict=True)) if len({len(s) for s in inputs}) == 1 else ()
    if not shape or any(size not in (1, full) for s in inputs for size, full in zip(s, shape, strict=True)):
        raise ShapeError(f"multiplies different shapes, {listed(inputs)}")
    return Cost(shape, elementwise=prod(shape) * (len(inputs) - 1))


@formula(L.Concatenate, kind="reshape")
def _concatenate(leaf: L.Concatenate, inputs: Inputs, same: int | None) -> Cost:
    first = inputs[0]
    rank = len(first)
    if not -rank <= leaf.axis < rank:
        raise ShapeError(f"concatenates along axis {leaf.axis} of {first}; give {-rank} to {rank - 1}")
    axis = leaf.axis % rank
    if len({(len(s), *s[:axis], *s[axis + 1 :]) for s in inputs}) != 1:
        raise ShapeError(f"concatenates along axis {leaf.axis} shapes that differ elsewhere, {listed(inputs)}")
    return Cost((*first[:axis], sum(s[axis] for s in inputs), *first[axis + 1 :]))


@formula(L.MatMul, kind="matmul", op="matmul")
def _matmul(leaf: L.MatMul, inputs: Inputs, same: int | None) -> Cost:
    a, b = two(inputs)
    if len(a) != len(b) or a[:-2] != b[:-2] or a[-1] != b[-2]:
        raise ShapeError(f"multiplies matrices {a} and {b}, whose inner sizes differ")
    shape = (*a[:-1], b[-1])
    return Cost(shape, macs=prod(a) * b[-1], activations=prod(shape))


@formula(L.Attention, kind="attention")
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


@formula(L.Resize, kind="resize")
def _resize(leaf: L.Resize, inputs: Inputs, same: int | None) -> Cost:
    a, b = two(inputs)
    if len(a) != len(b):
        raise ShapeError(f"resizes {a} to the sides of {b}, which has other axes")
    shape = (a[0], *b[1:])
    return Cost(shape, elementwise=prod(shape))


@formula(L.Crop, kind="reshape")
def _crop(leaf: L.Crop, inputs: Inputs, same: int | None) -> Cost:
    a, b = two(inputs)
    if len(a) != len(b) or any(n < m for n, m in zip(a[1:], b[1:], strict=True)):
        raise ShapeError(f"crops {a} to the sides of {b}, which is larger")
    return Cost((a[0], *b[1:]))
