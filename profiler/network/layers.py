"""What a network is: a value. Its leaves; no torch here, no arithmetic. Their combinators are in combinators.py.

Leaves carry the names and defaults of torch.nn where it has them; input channels are never written. Features are
`(C, *spatial)` of any rank (Conv is 1D, 2D or 3D by what it is given), tokens `(T, C)`, vectors `(C,)`; the batch axis is
not part of a value. Joins (Add, Concatenate, Attention …) are leaves of several inputs, so that every operation that costs
or takes time is one leaf and one row.
"""

from __future__ import annotations

from typing import Literal

from profiler.network.layer import Ints as Ints
from profiler.network.layer import Layer
from profiler.network.layer import Shape as Shape
from profiler.network.layer import value_class as value_class
from profiler.network.widths import Groups, Width

# fmt: off
__all__ = [
    "Activation", "AdaptiveAvgPool", "AdaptiveMaxPool", "Add", "Attention", "AvgPool", "BatchNorm", "ChannelShuffle",
    "ChannelSlice", "ClassToken", "Concatenate", "Conv", "ConvTranspose", "Crop", "Dropout", "Embedding", "Flatten", "Fold",
    "GroupNorm", "Identity", "InstanceNorm", "Layer", "LayerNorm", "Linear", "LocalResponseNorm", "MatMul", "MaxPool",
    "Multiply", "PReLU", "Pad", "PadChannels", "PositionEmbedding", "RMSNorm", "Resize", "RotaryEmbedding", "SegmentEmbedding",
    "TiedLinear", "Token", "Tokens", "Unsqueeze", "Upsample",
]
# fmt: on
"""What `from profiler import …` gives: `Layer` and every leaf."""

# Leaves with weights.


@value_class
class Conv(Layer):
    """Convolution over as many axes as its input has: `(M, *n) -> (N, *m)`."""

    positional = 2
    out: Width
    kernel: Ints
    stride: Ints = 1
    padding: Ints = 0
    dilation: Ints = 1
    groups: Groups = 1
    bias: bool = True


@value_class
class ConvTranspose(Layer):
    """Transposed convolution: `(M, *n) -> (N, *m)`, m = (n-1)·stride - 2·padding + dilation·(kernel-1) + output_padding + 1."""

    positional = 2
    out: Width
    kernel: Ints
    stride: Ints = 1
    padding: Ints = 0
    output_padding: Ints = 0
    groups: Groups = 1
    bias: bool = True
    dilation: Ints = 1


@value_class
class Linear(Layer):
    """Fully connected over the last axis: `(*, M) -> (*, N)`."""

    out: Width
    bias: bool = True


@value_class
class BatchNorm(Layer):
    """Batch normalisation of the channels of `(C, *spatial)` or `(C,)`."""

    positional = 0
    eps: float = 1e-5
    momentum: float = 0.1
    affine: bool = True
    track_running_stats: bool = True


@value_class
class InstanceNorm(Layer):
    """Instance normalisation of `(C, *spatial)`."""

    positional = 0
    eps: float = 1e-5
    affine: bool = False


@value_class
class GroupNorm(Layer):
    """Group normalisation of the channels of `(C, *spatial)` in `groups` groups."""

    groups: int
    eps: float = 1e-5
    affine: bool = True


@value_class
class LayerNorm(Layer):
    """Layer normalisation over the last axis of `(*, C)`."""

    positional = 0
    eps: float = 1e-5
    elementwise_affine: bool = True
    bias: bool = True


@value_class
class RMSNorm(Layer):
    """Root-mean-square normalisation over the last axis of `(*, C)`: a scale, no mean and no shift (arXiv 1910.07467)."""

    positional = 0
    eps: float | None = None
    elementwise_affine: bool = True


@value_class
class LocalResponseNorm(Layer):
    """AlexNet's normalisation across `size` neighbouring channels; no parameters."""

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0


@value_class
class PReLU(Layer):
    """ReLU with a learned slope, one for all channels or one a channel."""

    positional = 0
    each_channel: bool = False
    init: float = 0.25


@value_class
class Embedding(Layer):
    """A table of `num_embeddings` vectors, looked up by integers: `(T,) -> (T, C)`."""

    positional = 2
    num_embeddings: int
    dim: Width


@value_class
class ClassToken(Layer):
    """A learned token put before the others: `(T, C) -> (T + 1, C)`."""


@value_class
class PositionEmbedding(Layer):
    """A learned vector added to every token: `(T, C) -> (T, C)`; of a table of `positions` the first T, else T of them."""

    positions: int | None = None


@value_class
class SegmentEmbedding(Layer):
    """The first of `segments` learned vectors added to every token, as of a text that is one segment: `(T, C) -> (T, C)`."""

    segments: int


@value_class
class TiedLinear(Layer):
    """Fully connected by the table of the network's Embedding of `out` vectors, which has its weights: `(*, C) -> (*, N)`."""

    out: Width
    bias: bool = False


# Leaves without weights.

ActivationName = Literal[
    "ReLU", "ReLU6", "LeakyReLU", "ELU", "GELU", "SiLU", "Sigmoid", "Hardsigmoid", "Hardswish", "Tanh", "Softmax", "LogSoftmax"
]  # fmt: skip


@value_class
class Activation(Layer):
    """An activation by its torch.nn name; Softmax and LogSoftmax go over the channels."""

    name: ActivationName


@value_class
class MaxPool(Layer):
    """Largest of each window; `stride` is the window unless given."""

    kernel: Ints
    stride: Ints | None = None
    padding: Ints = 0
    dilation: Ints = 1
    ceil_mode: bool = False


@value_class
class AvgPool(Layer):
    """Mean of each window; `stride` is the window unless given."""

    kernel: Ints
    stride: Ints | None = None
    padding: Ints = 0
    ceil_mode: bool = False
    count_include_pad: bool = True


@value_class
class AdaptiveAvgPool(Layer):
    """Mean over windows such that `output` positions an axis remain; 1 is the global average."""

    output: Ints


@value_class
class AdaptiveMaxPool(Layer):
    """Largest over windows such that `output` positions an axis remain."""

    output: Ints


@value_class
class Upsample(Layer):
    """Resizing by a whole factor: `(C, *n) -> (C, *(n·scale_factor))`."""

    scale_factor: Ints
    mode: Literal["nearest", "bilinear"] = "nearest"
    align_corners: bool = False


@value_class
class Pad(Layer):
    """Zeros around the spatial axes: one number for every side, or `(before, after)` an axis, first axis first."""

    padding: int | tuple[tuple[int, int], ...]


@value_class
class Dropout(Layer):
    """Dropout; nothing in evaluation."""

    p: float = 0.5


@value_class
class Identity(Layer):
    """What comes in goes out: a shortcut."""


@value_class
class Flatten(Layer):
    """`(C, *spatial) -> (C·∏spatial,)`."""


@value_class
class Fold(Layer):
    """3D features to 2D: `(C, D, H, W) -> (C·D, H, W)`."""


@value_class
class Tokens(Layer):
    """Pixels to tokens: `(C, *spatial) -> (∏spatial, C)`."""


@value_class
class Token(Layer):
    """One token of many: `(T, C) -> (C,)`."""

    index: int = 0


@value_class
class Unsqueeze(Layer):
    """A channel axis of one before the others: `(*n) -> (1, *n)`."""


@value_class
class RotaryEmbedding(Layer):
    """Rotary positions (arXiv 2104.09864) on queries and keys, side by side with values as Attention takes them, packed.

    `(T, P) -> (T, P)`: of `heads` heads of queries and `kv_heads` each of keys and of values, the values stay as they are.
    """

    heads: int
    kv_heads: int | None = None
    base: float = 10000.0


@value_class
class ChannelShuffle(Layer):
    """ShuffleNet's transposition of `(groups, C / groups)` channels."""

    groups: int


@value_class
class PadChannels(Layer):
    """Channels of zeros, half of them before and half after (one more where odd), until there are `out`."""

    out: Width


@value_class
class ChannelSlice(Layer):
    """Part `index` of `of` equal parts of the channels: ShuffleNet v2's split."""

    positional = 2
    index: int
    of: int


# Joins: leaves of several inputs.


@value_class
class Add(Layer):
    """Sum of all its inputs, the first plus `scale` times each other (Inception-ResNet's scaled residual)."""

    positional = 0
    scale: float = 1.0


@value_class
class Multiply(Layer):
    """Product of all its inputs, an axis of 1 spreading over the others' (squeeze and excite)."""


@value_class
class Concatenate(Layer):
    """All its inputs side by side along `axis` of the shape without the batch: 0 is the channels, -1 the last axis."""

    axis: int = 0


@value_class
class MatMul(Layer):
    """Matrix product of two inputs: `(*, T, M), (*, M, N) -> (*, T, N)`."""


@value_class
class Attention(Layer):
    """Scaled dot-product attention in `heads` heads, without the projections, which are Linear leaves.

    Three inputs, queries `(T, C)`, keys `(S, C)`, values `(S, C_v)`; or one, `(T, 3·C)`, with the three side by side. With
    `kv_heads` fewer heads of keys and values, each for several of queries, are as wide. `causal` lets no token see a later one.
    """

    heads: int
    kv_heads: int | None = None
    causal: bool = False


@value_class
class Resize(Layer):
    """Two inputs: the first resized to the spatial axes of the second."""

    mode: Literal["nearest", "bilinear"] = "nearest"
    align_corners: bool = False


@value_class
class Crop(Layer):
    """Two inputs: the first cropped about its centre to the spatial axes of the second (U-Net)."""
