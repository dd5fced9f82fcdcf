"""What each leaf is in torch: how its module is built, and how such a module is read back. One table, both directions.

A leaf whose class in torch.nn (or in modules.py) takes its fields by their names needs no entry here: `by_names` serves it.
The name of that class is the one that its rows show, from count/leaves.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from torch import nn

from profiler.count import formulas  # noqa: F401  # registers every leaf
from profiler.count import leaves as counted
from profiler.count.leaves import Cost, described
from profiler.count.shapes import Inputs, spread
from profiler.errors import ProfilerError
from profiler.module import modules as M
from profiler.network import layers as L
from profiler.network.layers import Shape
from profiler.records.json_ready import json_ready

Build = Callable[[Any, Inputs, Cost], nn.Module]
"""(leaf, shapes of its inputs, its cost) → module."""
Read = Callable[[Any, Shape], "L.Layer | None"]
"""(module, shape of its first input with the batch) → the leaf that says the same, None where none does."""


class InTorch(NamedTuple):
    """One entry: the classes that a leaf is in torch, and both directions between them."""

    classes: tuple[type[nn.Module], ...]
    build: Build
    read: Read


RANKS = (1, 2, 3)
_RENAMED = {
    "kernel": ("kernel_size",), "out": ("out_channels", "out_features"), "dim": ("embedding_dim",), "groups": ("num_groups",),
    "output": ("output_size",),
}  # fmt: skip
"""Fields of leaves that torch calls otherwise."""
_OF_INPUT = {"in_channels": 0, "num_features": 0, "num_channels": 0, "in_features": -1, "normalized_shape": -1}
"""Parameters of constructors that are the size of an axis of the input, which a leaf does not say."""
_OF_OUTPUT = {"out_channels": 0, "out_features": -1, "embedding_dim": -1}
_WITHOUT_EFFECT = frozenset({"device", "dtype", "inplace", "momentum", "process_group"})
"""Parameters of constructors that change neither a count nor a shape."""


_F = TypeVar("_F", bound=Callable[..., Any])


def cached(function: _F) -> _F:
    """lru_cache for functions of classes, which mypy takes for values without a hash."""
    return lru_cache(maxsize=1 << 12, typed=True)(function)  # type: ignore[return-value]


# The rule that serves most leaves


def by_names(leaf: type[L.Layer], *also: type[nn.Module], build: Build | None = None, read: Read | None = None) -> InTorch:
    """The entry of a leaf by the names of its class and fields; `build` or `read` where one direction needs its own."""
    template = counted.LEAVES[leaf].module
    names = [template.format(rank=rank) for rank in RANKS] if "{rank}" in template else [template]
    found = [_class(name) for name in names]
    return InTorch((*(cls for cls in found if cls is not None), *also), build or _built, read or _reader(leaf))


def _class(name: str) -> type[nn.Module] | None:
    found: type[nn.Module] | None = getattr(M, name, None) or getattr(nn, name, None)
    return found


def _built(leaf: Any, inputs: Inputs, cost: Cost) -> nn.Module:
    _, _, name, facts = described(leaf, inputs[0])
    cls = _class(name)
    if cls is None:
        raise ProfilerError(
            f"{type(leaf).__name__} cannot be built: torch.nn has no class {name}; add an entry to profiler/module/leaves.py"
        )
    parameters = constructor(cls)
    settings = {_parameter(field, cls): value for field, value in facts.items()}
    settings |= {parameter: inputs[0][axis] for parameter, axis in _OF_INPUT.items() if parameter in parameters}
    settings |= {parameter: cost.output[axis] for parameter, axis in _OF_OUTPUT.items() if parameter in parameters}
    return cls(**settings)


@cached
def constructor(cls: type[nn.Module]) -> dict[str, Any]:
    """Parameters of a constructor with their defaults."""
    every = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return {p.name: p.default for p in every if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def _parameter(field: str, cls: type[nn.Module]) -> str:
    """What the constructor of `cls` calls a field of a leaf. Raises ProfilerError."""
    parameters = constructor(cls)
    for name in (field, *_RENAMED.get(field, ())):
        if name in parameters:
            return name
    raise ProfilerError(
        f"torch.nn.{cls.__name__} takes no '{field}'; a leaf with that field needs an entry in profiler/module/leaves.py"
    )


def _reader(leaf: type[L.Layer]) -> Read:
    def read(module: Any, shape: Shape) -> L.Layer | None:
        attributes, fixed = _attributes(leaf, stock_class(type(module), leaf))
        # a normalisation with a scale and no shift, or the other way round; older torch has no argument for it
        if "affine" in attributes and (module._parameters.get("bias") is None) is not (
            module._parameters.get("weight") is None
        ):
            return None
        if any(getattr(module, name) != value for name, value in fixed if name != "bias"):
            return None
        values = [module._parameters["bias"] is not None if name == "bias" else getattr(module, name) for name in attributes]
        return _leaf(leaf, *[tuple(value) if type(value) is list else value for value in values])

    return read


@cached
def stock_class(cls: type[nn.Module], leaf: type[L.Layer]) -> type[nn.Module]:
    """The class of the table that `cls` is or derives from."""
    return next(base for base in cls.__mro__ if base in entry(leaf).classes)


@cached
def _attributes(leaf: type[L.Layer], cls: type[nn.Module]) -> tuple[tuple[str, ...], tuple[tuple[str, Any], ...]]:
    """Attributes of a module that are the fields of a leaf, in their order; and those that must be as torch sets them."""
    mine = tuple(_parameter(field.name, cls) for field in fields(leaf))
    without = {*mine, *_OF_INPUT, *_WITHOUT_EFFECT}
    return mine, tuple((name, default) for name, default in constructor(cls).items() if name not in without)


@cached
def _leaf(leaf: type[L.Layer], *values: Any) -> L.Layer:
    """Kept, so that a trace makes the leaf of a repeated module once, and hashes it once.

    Numbers of other libraries become Python's own, which do not overflow and which JSON holds.
    """
    return leaf(*map(json_ready, values))


# What torch says otherwise


def _conv(m: Any, shape: Shape) -> L.Layer | None:
    padding = m.padding
    if isinstance(padding, str):
        padding = _same_padding(m) if padding == "same" else (0,) * len(m.kernel_size)
    if m.padding_mode != "zeros" or padding is None:
        return None
    bias = m._parameters["bias"] is not None
    return _leaf(L.Conv, m.out_channels, m.kernel_size, m.stride, padding, m.dilation, m.groups, bias)


def _same_padding(m: Any) -> tuple[int, ...] | None:
    """The padding that "same" stands for, None where the two sides of an axis differ."""
    both = [d * (k - 1) for k, d in zip(m.kernel_size, m.dilation, strict=True)]
    return None if any(n % 2 for n in both) else tuple(n // 2 for n in both)


def _layer_norm(m: Any, shape: Shape) -> L.Layer | None:
    if len(m.normalized_shape) != 1:
        return None
    return _leaf(L.LayerNorm, m.eps, m.elementwise_affine, m.bias is not None if m.elementwise_affine else True)


def _adaptive(leaf: type[L.Layer]) -> Read:
    def read(m: Any, shape: Shape) -> L.Layer | None:
        whole = m.output_size is not None and (not isinstance(m.output_size, list | tuple) or None not in m.output_size)
        if not whole or getattr(m, "return_indices", False):
            return None
        return _leaf(leaf, tuple(m.output_size) if isinstance(m.output_size, list | tuple) else m.output_size)

    return read


def _activation(leaf: L.Activation, inputs: Inputs, cost: Cost) -> nn.Module:
    module: nn.Module = getattr(nn, leaf.name)(**({"dim": 1} if leaf.name in ("Softmax", "LogSoftmax") else {}))
    return module


_INTERPOLATIONS = {"nearest": "nearest", "linear": "bilinear", "bilinear": "bilinear", "trilinear": "bilinear"}


def _upsample(m: Any, shape: Shape) -> L.Layer | None:
    factors = m.scale_factor if isinstance(m.scale_factor, tuple) else (m.scale_factor,)
    if m.size is not None or m.mode not in _INTERPOLATIONS or any(f is None or f != int(f) for f in factors):
        return None
    whole: Any = tuple(map(int, factors))
    return _leaf(L.Upsample, whole[0] if len(set(whole)) == 1 else whole, _INTERPOLATIONS[m.mode], bool(m.align_corners))


def _padded(leaf: L.Pad, inputs: Inputs, cost: Cost) -> nn.Module:
    cls: Any = _class(f"ZeroPad{len(inputs[0]) - 1}d")
    if isinstance(leaf.padding, int):
        return cls(leaf.padding)  # type: ignore[no-any-return]
    return cls(tuple(n for sides in reversed(leaf.padding) for n in sides))  # type: ignore[no-any-return]  # torch: last axis first


def _pad(m: Any, shape: Shape) -> L.Layer | None:
    given = m.padding
    if len(set(given)) == 1:
        return _leaf(L.Pad, given[0])
    return _leaf(L.Pad, tuple((given[i], given[i + 1]) for i in range(len(given) - 2, -2, -2)))


LEAVES: dict[type[L.Layer], InTorch] = {
    L.Conv: by_names(L.Conv, read=_conv),
    L.BatchNorm: by_names(L.BatchNorm, nn.SyncBatchNorm),
    L.LayerNorm: by_names(L.LayerNorm, read=_layer_norm),
    L.PReLU: by_names(
        L.PReLU,
        build=lambda leaf, inputs, cost: nn.PReLU(cost.weights, leaf.init),
        read=lambda m, shape: _leaf(L.PReLU, bool(m.num_parameters > 1), getattr(m, "init", 0.25)),
    ),
    L.Embedding: by_names(L.Embedding, read=lambda m, shape: _leaf(L.Embedding, m.num_embeddings, m.embedding_dim)),
    L.ClassToken: by_names(
        L.ClassToken,
        build=lambda leaf, inputs, cost: M.ClassToken(cost.output[-1]),
        read=lambda m, shape: L.ClassToken(),
    ),
    L.PositionEmbedding: by_names(
        L.PositionEmbedding,
        build=lambda leaf, inputs, cost: M.PositionEmbedding(cost.output[0], cost.output[1], leaf.positions),
        read=lambda m, shape: _leaf(L.PositionEmbedding, m.positions),
    ),
    L.SegmentEmbedding: by_names(
        L.SegmentEmbedding,
        build=lambda leaf, inputs, cost: M.SegmentEmbedding(leaf.segments, cost.output[-1]),
        read=lambda m, shape: _leaf(L.SegmentEmbedding, m.weight.shape[0]),
    ),
    # its class is Linear's, whose modules are read back as Linear: who holds the weights is seen by identity
    L.TiedLinear: InTorch(
        (), lambda leaf, inputs, cost: nn.Linear(inputs[0][-1], cost.output[-1], leaf.bias), lambda m, shape: None
    ),
    # a fact that is absent is a field at its default
    L.Attention: by_names(L.Attention, build=lambda leaf, inputs, cost: M.Attention(leaf.heads, leaf.kv_heads, leaf.causal)),
    L.RotaryEmbedding: by_names(
        L.RotaryEmbedding, build=lambda leaf, inputs, cost: M.RotaryEmbedding(leaf.heads, leaf.kv_heads, leaf.base)
    ),
    L.Activation: InTorch(
        tuple(getattr(nn, name) for name in L.ActivationName.__args__),  # type: ignore[attr-defined]
        _activation,
        lambda m, shape: _leaf(L.Activation, stock_class(type(m), L.Activation).__name__),
    ),
    L.AdaptiveAvgPool: by_names(L.AdaptiveAvgPool, read=_adaptive(L.AdaptiveAvgPool)),
    L.AdaptiveMaxPool: by_names(L.AdaptiveMaxPool, read=_adaptive(L.AdaptiveMaxPool)),
    L.Upsample: by_names(
        L.Upsample,
        build=lambda leaf, inputs, cost: M.upsample(
            spread(leaf.scale_factor, len(inputs[0]) - 1), leaf.mode, leaf.align_corners
        ),
        read=_upsample,
    ),
    L.Pad: by_names(L.Pad, build=_padded, read=_pad),
    L.Dropout: by_names(L.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout),
    L.PadChannels: by_names(
        L.PadChannels,
        build=lambda leaf, inputs, cost: M.PadChannels(cost.output[0] - inputs[0][0]),
        read=lambda m, shape: _leaf(L.PadChannels, shape[1] + m.before + m.after),
    ),
}
"""Leaves that `by_names` alone does not serve."""


def entry(leaf: type[L.Layer]) -> InTorch:
    """How a leaf is built and read back. Raises KeyError for one without a formula."""
    found = LEAVES.get(leaf)
    if found is None:
        found = LEAVES[leaf] = by_names(leaf)
    return found


def read(module: nn.Module, stock: type[nn.Module], shape: Shape) -> L.Layer | None:
    """The leaf that `module` is, of class `stock` of torch.nn, on a first input of `shape`; None where no leaf says it."""
    leaf = leaf_of(stock)
    try:
        return None if leaf is None else entry(leaf).read(module, shape)
    except (TypeError, AttributeError):  # settings that torch itself will refuse in its own words, or an older module's
        return None


_BY_CLASS: dict[type[nn.Module], type[L.Layer]] = {}


def leaf_of(stock: type[nn.Module]) -> type[L.Layer] | None:
    """The leaf that modules of a class of torch.nn may be."""
    found = _BY_CLASS.get(stock)
    if found in counted.LEAVES:
        return found
    if set(_BY_CLASS.values()) != {leaf for leaf in counted.LEAVES if entry(leaf).classes}:  # one was registered since
        _BY_CLASS.clear()
        _BY_CLASS.update({cls: leaf for leaf in counted.LEAVES for cls in entry(leaf).classes})
    return _BY_CLASS.get(stock)
