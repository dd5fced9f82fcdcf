"""Stock modules as the layers that a network is made of, so that the closed form's own formulas count a traced one.

A module is a leaf where its class is torch.nn's (or one of network/modules.py) and runs that class's own forward. `layer_of`
gives the layer that says the same, or None where no layer does (padding modes, windows that pad unevenly): such a leaf is run,
and what it runs is summed into its one row.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from torch import nn

from profiler.module import modules as M
from profiler.network import layers as L

Made = Callable[[Any], "L.Layer | None"]
"""The layer of a module, None where there is none."""
Fits = Callable[[Any, "tuple[int, ...]"], str]
"""Why an input of a shape does not fit a module, empty where it does."""


def _conv(m: Any) -> L.Layer | None:
    padding = m.padding
    if isinstance(padding, str):
        padding = _same(m) if padding == "same" else (0,) * len(m.kernel_size)
    if m.padding_mode != "zeros" or padding is None:
        return None
    return L.Conv(m.out_channels, m.kernel_size, m.stride, padding, m.dilation, m.groups, m._parameters["bias"] is not None)


def _same(m: Any) -> tuple[int, ...] | None:
    """The padding that "same" stands for, None where the two sides of an axis differ."""
    both = [d * (k - 1) for k, d in zip(m.kernel_size, m.dilation, strict=True)]
    return None if any(n % 2 for n in both) else tuple(n // 2 for n in both)


def _conv_transpose(m: Any) -> L.Layer | None:
    if m.padding_mode != "zeros":
        return None
    bias = m._parameters["bias"] is not None
    return L.ConvTranspose(m.out_channels, m.kernel_size, m.stride, m.padding, m.output_padding, m.groups, bias, m.dilation)


def _layer_norm(m: Any) -> L.Layer | None:
    if len(m.normalized_shape) != 1:
        return None
    return L.LayerNorm(m.eps, m.elementwise_affine, m.bias is not None if m.elementwise_affine else True)


def _instance_norm(m: Any) -> L.Layer | None:
    return None if m.track_running_stats else L.InstanceNorm(m.eps, m.affine)


def _plain(*values: Any) -> tuple[Any, ...]:
    """Lists as tuples, which hash."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def _max_pool(m: Any) -> L.Layer | None:
    if m.return_indices:
        return None
    kernel, stride, padding, dilation = _plain(m.kernel_size, m.stride, m.padding, m.dilation)
    return L.MaxPool(kernel, stride, padding, dilation, m.ceil_mode)


def _avg_pool(m: Any) -> L.Layer | None:
    if getattr(m, "divisor_override", None) is not None:
        return None
    kernel, stride, padding = _plain(m.kernel_size, m.stride, m.padding)
    return L.AvgPool(kernel, stride, padding, m.ceil_mode, m.count_include_pad)


def _adaptive(m: Any) -> L.Layer | None:
    whole = m.output_size is not None and (isinstance(m.output_size, int) or None not in m.output_size)
    if not whole or getattr(m, "return_indices", False):
        return None
    output = m.output_size if isinstance(m.output_size, int) else tuple(m.output_size)
    return (L.AdaptiveMaxPool if hasattr(m, "return_indices") else L.AdaptiveAvgPool)(output)


_INTERPOLATIONS = {"nearest": "nearest", "linear": "bilinear", "bilinear": "bilinear", "trilinear": "bilinear"}


def _upsample(m: Any) -> L.Layer | None:
    factors = m.scale_factor if isinstance(m.scale_factor, tuple) else (m.scale_factor,)
    if m.size is not None or m.mode not in _INTERPOLATIONS or any(f is None or f != int(f) for f in factors):
        return None
    whole: Any = tuple(map(int, factors))
    return L.Upsample(whole[0] if len(set(whole)) == 1 else whole, _INTERPOLATIONS[m.mode], bool(m.align_corners))  # type: ignore[arg-type]


def _pad(m: Any) -> L.Layer | None:
    given = m.padding
    if len(set(given)) == 1:
        return L.Pad(given[0])
    return L.Pad(tuple((given[i], given[i + 1]) for i in range(len(given) - 2, -2, -2)))  # torch writes the last axis first


def _flatten(m: Any) -> L.Layer | None:
    return L.Flatten() if (m.start_dim, m.end_dim) == (1, -1) else None


def _activation(name: Any) -> Made:
    return lambda m: L.Activation(name)


LAYERS: dict[type[nn.Module], Made] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), _conv),
    **dict.fromkeys((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), _conv_transpose),
    nn.Linear: lambda m: L.Linear(m.out_features, m._parameters["bias"] is not None),
    **dict.fromkeys(
        (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm),
        lambda m: L.BatchNorm(m.eps, m.momentum, m.affine, m.track_running_stats),
    ),
    **dict.fromkeys((nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d), _instance_norm),
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: lambda m: L.GroupNorm(m.num_groups, m.eps, m.affine),
    nn.LocalResponseNorm: lambda m: L.LocalResponseNorm(m.size, m.alpha, m.beta, m.k),
    nn.PReLU: lambda m: L.PReLU(m.num_parameters > 1, getattr(m, "init", 0.25)),
    nn.Embedding: lambda m: L.Embedding(m.num_embeddings, m.embedding_dim),
    **{getattr(nn, name): _activation(name) for name in L.ActivationName.__args__},  # type: ignore[attr-defined]
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d), _max_pool),
    **dict.fromkeys((nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d), _avg_pool),
    **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d), _adaptive),
    **dict.fromkeys((nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d), _adaptive),
    nn.Upsample: _upsample,
    **dict.fromkeys((nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d), _pad),
    **dict.fromkeys((nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout), lambda m: L.Dropout(m.p)),
    nn.Identity: lambda m: L.Identity(),
    nn.Flatten: _flatten,
    nn.ChannelShuffle: lambda m: L.ChannelShuffle(m.groups),
    M.ClassToken: lambda m: L.ClassToken(),
    M.PositionEmbedding: lambda m: L.PositionEmbedding(),
    M.Fold: lambda m: L.Fold(),
    M.Tokens: lambda m: L.Tokens(),
    M.Token: lambda m: L.Token(m.index),
    M.Unsqueeze: lambda m: L.Unsqueeze(),
    M.ChannelSlice: lambda m: L.ChannelSlice(m.index, m.of),
    M.Add: lambda m: L.Add(m.scale),
    M.Multiply: lambda m: L.Multiply(),
    M.Concatenate: lambda m: L.Concatenate(m.axis),
    M.MatMul: lambda m: L.MatMul(),
    M.Attention: lambda m: L.Attention(m.heads),
    M.Resize: lambda m: L.Resize("nearest" if m.mode == "nearest" else "bilinear", m.align_corners),
    M.Crop: lambda m: L.Crop(),
}

SAME_TENSOR = frozenset({nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout})
"""Leaves that give back the tensor they are given, in evaluation."""


def _channels(name: str) -> Fits:
    def fits(m: Any, shape: tuple[int, ...]) -> str:
        wanted = getattr(m, name)
        return "" if shape[1] == wanted else f"takes {wanted} channels and is given {shape[1]}, of {shape}"

    return fits


def _last(wanted: Callable[[Any], int]) -> Fits:
    def fits(m: Any, shape: tuple[int, ...]) -> str:
        n = wanted(m)
        return "" if shape[-1] == n else f"takes {n} features on the last axis and is given {shape[-1]}, of {shape}"

    return fits


FITS: dict[type[nn.Module], Fits] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), _channels("in_channels")),
    **dict.fromkeys((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), _channels("in_channels")),
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm), _channels("num_features")),
    nn.GroupNorm: _channels("num_channels"),
    nn.Linear: _last(lambda m: m.in_features),
    nn.LayerNorm: _last(lambda m: m.normalized_shape[0]),
}
"""What a module knows of its input and a layer does not."""

RANKS: dict[type[nn.Module], tuple[int, ...]] = {
    getattr(nn, f"{name}{rank}d"): (rank + 2,)
    for name in ("Conv", "ConvTranspose", "MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool", "InstanceNorm", "ZeroPad")
    for rank in (1, 2, 3)
} | {nn.BatchNorm1d: (2, 3), nn.BatchNorm2d: (4,), nn.BatchNorm3d: (5,)}
"""Axes of an input with its batch; one of other axes (a single sample) is run."""

_ROOMS = ("torch.nn.modules.", "torch.ao.nn.", "torch.nn.qat.", "torch.nn.quantized.", "profiler.module.modules")
_CONTAINERS = (
    nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict, nn.Transformer, nn.TransformerEncoder,
    nn.TransformerDecoder, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer, nn.Module,
)  # fmt: skip
_HARMLESS = frozenset({"__init__", "__repr__", "extra_repr", "reset_parameters", "_reset_parameters", "_load_from_state_dict"})


@lru_cache(maxsize=1 << 12)
def leaf_class(cls: type[nn.Module]) -> type[nn.Module] | None:
    """The stock class whose forward `cls` runs unchanged, None where it runs one of its own or calls other modules."""
    for base in cls.__mro__:
        if base.__module__.startswith(_ROOMS) and base not in _CONTAINERS:
            between = cls.__mro__[: cls.__mro__.index(base)]
            own = {name for klass in between for name, value in vars(klass).items() if callable(value) or name == "forward"}
            changed = {name for name in own - _HARMLESS if hasattr(base, name) and not hasattr(nn.Module, name)}
            return None if changed or "forward" in own or "__call__" in own else base
    return None


def layer_of(module: nn.Module, leaf: type[nn.Module], shape: tuple[int, ...]) -> L.Layer | None:
    """The layer that `module` is, of stock class `leaf`, on a first input of `shape`; None where no layer says it."""
    if isinstance(module, M.PadChannels):
        return L.PadChannels(shape[1] + module.before + module.after)
    made = LAYERS.get(leaf)
    return made(module) if made is not None else None
