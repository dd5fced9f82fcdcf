"""When a stock module may be answered by its formula: where its tensors are known to say what its attributes say.

torch runs the tensors that are there. A formula reads attributes, so it stands for a run only for plain dense tensors, and for
the parameters and buffers that such a module registers, with the shapes that its attributes give them.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from profiler.count.leaves import Cost
from profiler.module import modules as M
from profiler.network import layers as L
from profiler.records.profile import Shape
from profiler.tracing.constants import WHOLE
from profiler.tracing.tables.shapes import is_dense

REAL = frozenset({torch.float32, torch.float64, torch.float16, torch.bfloat16})
_PLAIN = REAL | WHOLE
_Expected = Callable[[Any, Shape], "dict[str, Shape]"]
"""(module, shape of its input) → the shape of each parameter that it may have."""


def is_plain(value: Any) -> bool:
    """Whether a value is a dense strided tensor of a real or whole type, and of no class but torch's own."""
    return value.__class__ is Tensor and value.dtype in _PLAIN and value.layout is torch.strided and not value.is_nested


def is_hooked(module: nn.Module) -> bool:
    """Whether something of somebody's own runs before or after the forward of a module."""
    return bool(
        module._forward_hooks or module._forward_pre_hooks or hooks._global_forward_hooks or hooks._global_forward_pre_hooks
    )


def has_expected_parameters(module: nn.Module, leaf: type[nn.Module], x: Tensor, owners: Container[int]) -> bool:
    """Whether the parameters and buffers of a module are those that its attributes stand for, on an input `x`.

    Of a class that is not known here the sizes are still to be compared, by `has_expected_sizes`.
    """
    parameters = [(name, p) for name, p in module._parameters.items() if p is not None]
    expected = _EXPECTED.get(leaf)
    attributes = module.__dict__
    dtype = None if leaf is nn.Embedding else x.dtype
    for name, p in parameters:
        if p.__class__ is not nn.Parameter or name in attributes or id(p) not in owners:
            return False
        if p.dtype not in REAL or (dtype is not None and p.dtype is not dtype) or p.layout is not torch.strided:
            return False
    if expected is None:
        return True
    shapes = expected(module, tuple(x.shape))
    if "weight" in shapes and module._parameters.get("weight") is None:
        return False
    for name, p in parameters:
        if shapes.get(name) != p.shape:
            return False
    return all(
        b is None or (b.__class__ is Tensor and b.shape in ((), (attributes.get("num_features"),)))
        for b in module._buffers.values()
    )


def has_expected_sizes(module: nn.Module, leaf: type[nn.Module], cost: Cost) -> bool:
    """Whether a module of a class that is not known here has as many parameters and buffers as its leaf costs."""
    if leaf in _EXPECTED:
        return True
    held = sum(p.numel() for p in module._parameters.values() if p is not None)
    kept = sum(b.numel() for b in module._buffers.values() if b is not None)
    return held == cost.weights + cost.bias + cost.norm and kept == cost.buffers


def has_attention_shapes(module: Any) -> bool:
    """Whether the projections of a MultiheadAttention are as large as its attributes say."""
    e = module.embed_dim
    if "weight" not in module.out_proj._parameters or module.out_proj.weight.shape != (e, e):
        return False
    if module._qkv_same_embed_dim:
        weight = module._parameters.get("in_proj_weight")
        return weight is not None and weight.shape == (3 * e, e)
    widths = (("q_proj_weight", e), ("k_proj_weight", module.kdim), ("v_proj_weight", module.vdim))
    named = module._parameters
    return all(named.get(name) is not None and named[name].shape == (e, width) for name, width in widths)


def _conv(m: Any, _: Shape) -> dict[str, Shape]:
    n, k = m.out_channels, m.in_channels
    sides = (k, n // m.groups) if m.transposed else (n, k // m.groups)
    return {"weight": (*sides, *m.kernel_size), "bias": (n,)}


def _linear(m: Any, _: Shape) -> dict[str, Shape]:
    return {"weight": (m.out_features, m.in_features), "bias": (m.out_features,)}


def _batch_norm(m: Any, _: Shape) -> dict[str, Shape]:
    return {"weight": (m.num_features,), "bias": (m.num_features,)} if m.affine else {}


def _group_norm(m: Any, _: Shape) -> dict[str, Shape]:
    return {"weight": (m.num_channels,), "bias": (m.num_channels,)} if m.affine else {}


def _layer_norm(m: Any, _: Shape) -> dict[str, Shape]:
    shape = tuple(m.normalized_shape)
    return {"weight": shape, "bias": shape} if m.elementwise_affine else {}


_CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_BATCH_NORMS = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
)
_EXPECTED: dict[type[nn.Module], _Expected] = {
    **dict.fromkeys(_CONVS, _conv),
    **dict.fromkeys(_BATCH_NORMS, _batch_norm),
    **dict.fromkeys((nn.LayerNorm, nn.RMSNorm), _layer_norm),
    nn.Linear: _linear,
    nn.GroupNorm: _group_norm,
    nn.Embedding: lambda m, _: {"weight": (m.num_embeddings, m.embedding_dim)},
    nn.PReLU: lambda m, x: {"weight": (m.num_parameters if m.num_parameters in (1, x[1]) else -1,)},
    M.ClassToken: lambda _, x: {"weight": (1, 1, x[-1])},
    M.PositionEmbedding: lambda m, x: {"weight": (1, m.positions or x[1], x[2])},
    M.SegmentEmbedding: lambda m, x: {"weight": (m.weight.shape[0], x[-1])},
}


# The memory layout of the output, as torch has it on the CPU


_CONTIGUOUS = frozenset({nn.Linear, nn.Embedding, nn.LayerNorm, nn.RMSNorm, nn.Softmax, nn.LogSoftmax, nn.Softmin})
"""Leaves whose output is contiguous, whatever they are given."""
_ACTIVATIONS = frozenset(getattr(nn, name) for name in L.ActivationName.__args__) | {nn.PReLU}  # type: ignore[attr-defined]
"""Leaves that work element by element, whose output lies in memory as their input does."""
_CHANNELS_LAST = frozenset(
    {
        *_CONVS,
        *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.Upsample, nn.ZeroPad2d, nn.MaxPool2d, nn.AvgPool2d),
        *(nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d),
    }
)
"""Leaves whose output has its channels last where the input of four axes has, and is contiguous otherwise."""


def empty_output(leaf: type[nn.Module], args: tuple[Tensor, ...], shape: Shape, dtype: torch.dtype) -> Tensor | None:
    """A meta tensor of `shape` as a leaf gives it of `args`; None where its layout in memory is not known."""
    x = args[0]
    if len(args) == 1:
        if x.is_contiguous() or leaf in _CONTIGUOUS:
            return torch.empty(shape, dtype=dtype, device="meta")
        if leaf in _CHANNELS_LAST:
            last = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
            layout = torch.channels_last if last else torch.contiguous_format
            return torch.empty(shape, dtype=dtype, device="meta", memory_format=layout)
        if leaf in _ACTIVATIONS and is_dense(x):
            return torch.empty_strided(shape, x.stride(), dtype=dtype, device="meta")
        return None
    return torch.empty(shape, dtype=dtype, device="meta") if all(t.is_contiguous() for t in args) else None
