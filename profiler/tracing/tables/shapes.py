"""Shapes out of the hot operators on the meta device: torch's own rules for them are Python too, and far slower.

A rule gives the output of an operator, or None where the call is not the plain one that it knows; torch's rule answers then,
and also where the shapes or types do not fit, so that the words of a refusal are torch's. Strides are those that torch gives,
so that a view succeeds exactly where it does there.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor

from profiler.count.shapes import windows
from profiler.errors import ShapeError
from profiler.tracing.constants import is_small

Rule = Callable[..., Any]
"""(*args, **kwargs) of the operator → its output, None where torch's own rule must answer."""


def fresh(shape: tuple[int, ...] | list[int], dtype: torch.dtype) -> Tensor:
    """A tensor that holds nothing."""
    return torch.empty(shape, dtype=dtype, device="meta")


def same(x: Tensor, dtype: torch.dtype | None = None) -> Tensor | None:
    """A tensor that holds nothing, of the shape and strides of `x`; None where torch would give it others."""
    if x.is_contiguous():
        return fresh(x.shape, dtype or x.dtype)
    return torch.empty_strided(x.shape, x.stride(), dtype=dtype or x.dtype, device="meta") if is_dense(x) else None


def is_dense(x: Tensor) -> bool:
    """Whether the elements of a tensor lie side by side in memory, in some order of its axes."""
    expected = 1
    for stride, size in sorted((stride, size) for stride, size in zip(x.stride(), x.shape, strict=True) if size > 1):
        if stride != expected:
            return False
        expected *= size
    return True


def _broadcast(a: Tensor, b: Any, *rest: Any, **named: Any) -> Tensor | None:
    """Two operands of one floating type, or one and a number."""
    if not isinstance(a, Tensor):
        return None
    if not isinstance(b, Tensor):
        simple = b.__class__ in _NUMBERS and a.dtype.is_floating_point and a.is_meta
        return same(a) if simple else None
    if a.dtype is not b.dtype or not a.dtype.is_floating_point:
        return None
    if not (a.is_meta or b.is_meta):
        return None
    if a.shape == b.shape:
        return same(a) if a.stride() == b.stride() else None
    if not (a.is_contiguous() and b.is_contiguous()):
        return None
    shape = spread_over(a.shape, b.shape)
    return None if shape is None else fresh(shape, a.dtype)


_NUMBERS = frozenset({int, float, bool})


def spread_over(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """The common shape of two, axes of 1 spreading; None where there is none."""
    if len(a) < len(b):
        a, b = b, a
    out = list(a)
    for i in range(1, len(b) + 1):
        n, m = a[-i], b[-i]
        if n != m:
            if n == 1:
                out[-i] = m
            elif m != 1:
                return None
    return tuple(out)


def _same(x: Tensor, *rest: Any, **named: Any) -> Tensor | None:
    if not x.is_meta or not x.dtype.is_floating_point or named or any(isinstance(given, Tensor) for given in rest):
        return None
    return same(x)


def _layer_norm(x: Tensor, shape: Any, weight: Any = None, *rest: Any, **named: Any) -> Tensor | None:
    fits = x.is_meta and tuple(x.shape[-len(shape) :]) == tuple(shape) and (weight is None or weight.shape == tuple(shape))
    return fresh(x.shape, x.dtype) if fits and (weight is None or weight.dtype is x.dtype) else None


def _channel_norm(x: Tensor, weight: Any = None, *rest: Any, **named: Any) -> Tensor | None:
    fits = x.is_meta and x.ndim > 1 and (weight is None or (weight.shape[0] == x.shape[1] and weight.dtype is x.dtype))
    return fresh(x.shape, x.dtype) if fits and x.is_contiguous() else None


def _softmax(x: Tensor, dim: int, dtype: Any = None, *rest: Any, **named: Any) -> Tensor | None:
    if x.ndim and not -x.ndim <= dim < x.ndim:  # which torch does not look at on the meta device
        raise IndexError(f"dimension out of range (expected to be in range of [{-x.ndim}, {x.ndim - 1}], but got {dim})")
    if not x.is_meta or not x.ndim:
        return None
    return fresh(x.shape, dtype if isinstance(dtype, torch.dtype) else x.dtype)


def _conv(x: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
          groups: int = 1) -> Tensor | None:  # fmt: skip
    rank = weight.ndim - 2
    if not x.is_meta or x.ndim != rank + 2 or isinstance(padding, str) or x.shape[1] != weight.shape[1] * groups:
        return None
    if x.dtype is not weight.dtype or (bias is not None and (bias.dtype is not x.dtype or bias.shape != weight.shape[:1])):
        return None
    if weight.shape[0] % groups or not x.dtype.is_floating_point:
        return None
    out = [x.shape[0], weight.shape[0]]
    for i in range(rank):
        s, p, d = (
            value if isinstance(value, int) else value[i if len(value) > 1 else 0] for value in (stride, padding, dilation)
        )
        n = (x.shape[2 + i] + 2 * p - d * (weight.shape[2 + i] - 1) - 1) // s + 1
        if n < 1:
            return None
        out.append(n)
    if rank == 2 and not (x.is_contiguous() and weight.is_contiguous()):
        last = torch.channels_last
        if any(t.is_contiguous(memory_format=last) and not t.is_contiguous() for t in (x, weight)):
            return torch.empty(out, dtype=x.dtype, device="meta", memory_format=last)
    return fresh(out, x.dtype)


def _linear(x: Tensor, weight: Tensor, bias: Any = None) -> Tensor | None:
    if not x.is_meta or weight.ndim != 2 or x.ndim < 1 or x.shape[-1] != weight.shape[1] or x.dtype is not weight.dtype:
        return None
    if not x.dtype.is_floating_point or (bias is not None and (bias.dtype is not x.dtype or bias.shape != weight.shape[:1])):
        return None
    return fresh((*x.shape[:-1], weight.shape[0]), x.dtype)


def _matmul(a: Tensor, b: Tensor) -> Tensor | None:
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2] or not (a.is_meta or b.is_meta) or a.dtype != b.dtype:
        return None
    leading = spread_over(a.shape[:-2], b.shape[:-2])
    return None if leading is None else fresh((*leading, a.shape[-2], b.shape[-1]), a.dtype)


def _plus_matmul(c: Tensor, a: Tensor, b: Tensor, *rest: Any, **named: Any) -> Tensor | None:
    if a.ndim != b.ndim or c.dtype is not a.dtype or spread_over((*a.shape[:-1], b.shape[-1]), c.shape) is None:
        return None
    return _matmul(a, b)


def _bmm(a: Tensor, b: Tensor) -> Tensor | None:
    return _matmul(a, b) if a.ndim == b.ndim and a.shape[:-2] == b.shape[:-2] else None


def _sdpa(q: Tensor, k: Tensor, v: Tensor, mask: Any = None, dropout: float = 0.0, causal: bool = False, *,
          scale: Any = None, enable_gqa: bool = False) -> Tensor | None:  # fmt: skip
    if not q.is_meta or not q.ndim == k.ndim == v.ndim or not q.dtype is k.dtype is v.dtype or not q.dtype.is_floating_point:
        return None
    if k.shape[-2] != v.shape[-2] or q.shape[-1] != k.shape[-1] or q.ndim < 3 or (causal and mask is not None):
        return None
    if enable_gqa and q.ndim == 4:
        if q.shape[0] != k.shape[0] or k.shape[:2] != v.shape[:2] or k.shape[1] == 0 or q.shape[1] % k.shape[1]:
            return None
        leading: tuple[int, ...] | None = tuple(q.shape[:-2])
    else:
        keys = spread_over(k.shape[:-2], v.shape[:-2])
        leading = None if keys is None else spread_over(q.shape[:-2], keys)
    if leading is None or (mask is not None and not _masks(mask, (*leading, q.shape[-2], k.shape[-2]))):
        return None
    shape = (*leading, q.shape[-2], v.shape[-1])
    one_kernel = q.ndim == 4 and v.shape[-1] == q.shape[-1] and 0 not in q.shape and 0 not in k.shape and dropout == 0.0
    if one_kernel and (enable_gqa or q.shape[:2] == k.shape[:2] == v.shape[:2]) and _rows_are_dense(q, k, v):
        return in_order_of(q, shape)  # as the CPU's kernel lays it out, where that takes the call
    return fresh(shape, q.dtype)


def in_order_of(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor that holds nothing, whose axes follow each other in memory as those of `x` do."""
    if x.is_contiguous() or any(stride == 0 and size > 1 for stride, size in zip(x.stride(), x.shape, strict=True)):
        return fresh(shape, x.dtype)
    order = sorted(range(x.ndim), key=lambda axis: -x.stride()[axis])
    back = sorted(range(x.ndim), key=order.__getitem__)
    return fresh([shape[axis] for axis in order], x.dtype).permute(back)


def _masks(mask: Tensor, scores: tuple[int, ...]) -> bool:
    return spread_over(scores, mask.shape) == scores


def _rows_are_dense(*given: Tensor) -> bool:
    return all(t.stride(-1) == 1 for t in given)


def _cat(tensors: list[Tensor], dim: int = 0) -> Tensor | None:
    first = tensors[0]
    if any(t.ndim != first.ndim or t.dtype != first.dtype for t in tensors) or not any(t.is_meta for t in tensors):
        return None
    axis = dim % first.ndim if first.ndim else 0
    rest = (*first.shape[:axis], *first.shape[axis + 1 :])
    if any((*t.shape[:axis], *t.shape[axis + 1 :]) != rest for t in tensors):
        return None
    if not all(t.is_contiguous() for t in tensors):
        return None
    return fresh((*first.shape[:axis], sum(t.shape[axis] for t in tensors), *first.shape[axis + 1 :]), first.dtype)


def _embedding(weight: Tensor, ids: Tensor, *rest: Any) -> Tensor | None:
    return fresh((*ids.shape, weight.shape[1]), weight.dtype) if weight.ndim == 2 else None


def _adaptive_pool(x: Tensor, size: Any) -> Tensor | None:
    return fresh((*x.shape[: -len(size)], *size), x.dtype) if x.is_meta and x.ndim > len(size) and x.is_contiguous() else None


def _pool(x: Tensor, kernel: Any, stride: Any = (), padding: Any = 0, *rest: Any) -> Tensor | None:
    """Max (…, dilation, ceil) or average (…, ceil, count the padding, divisor) of windows."""
    ceil, dilation = False, 1
    if rest and isinstance(rest[0], bool):
        ceil = rest[0]
    elif rest:
        dilation, ceil = rest[0], len(rest) > 1 and bool(rest[1])
    rank = len(kernel)
    if not x.is_meta or x.ndim != rank + 2 or not x.is_contiguous():
        return None
    settings = [
        tuple(s) * (rank if len(s) == 1 else 1) if not isinstance(s, int) else s for s in (kernel, stride or kernel, padding)
    ]
    dilation = dilation if isinstance(dilation, int) else tuple(dilation) * (rank if len(dilation) == 1 else 1)
    try:
        return fresh((*x.shape[:2], *windows(tuple(x.shape[2:]), *settings, dilation, ceil)), x.dtype)
    except ShapeError:
        return None


def _mean(x: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor | None:
    if not x.is_meta or dim is None or dtype is not None or not x.dtype.is_floating_point or not x.is_contiguous():
        return None
    gone = {d % x.ndim for d in ((dim,) if isinstance(dim, int) else dim)}
    shape = [1 if i in gone else n for i, n in enumerate(x.shape) if keepdim or i not in gone]
    return fresh(shape, x.dtype)


def _copied(x: Tensor, *, memory_format: Any = None) -> Tensor | None:
    if not x.is_meta:
        return None
    if memory_format in (None, torch.preserve_format):
        return same(x)
    return fresh(x.shape, x.dtype) if memory_format is torch.contiguous_format else None


def _cast(x: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = None,
          non_blocking: bool = False, memory_format: Any = None) -> Tensor | None:  # fmt: skip
    if memory_format not in (None, torch.preserve_format) or not x.is_meta:
        return None
    return same(x, dtype) if device is None or torch.device(device).type == "meta" else None


def _created(size: Any, *rest: Any, dtype: Any = None, layout: Any = None, device: Any = None, **named: Any) -> Tensor | None:
    if rest or device is None or torch.device(device).type != "meta" or not (dtype or torch.float32).is_floating_point:
        return None
    return fresh(size, dtype or torch.get_default_dtype())


def _filled(size: Any, *rest: Any, **named: Any) -> Tensor | None:
    # a small one is a constant, which keeps its values
    return None if is_small(prod(size), torch.float32) else _created(size, *rest, **named)


def _like(x: Tensor, *, dtype: Any = None, device: Any = None, **named: Any) -> Tensor | None:
    return same(x, dtype) if x.is_meta and device is None and named.get("memory_format") is None else None


def _repeat(x: Tensor, repeats: Any) -> Tensor | None:
    if not x.is_meta or len(repeats) < x.ndim:
        return None
    shape = (1,) * (len(repeats) - x.ndim) + tuple(x.shape)
    return fresh(tuple(n * k for n, k in zip(shape, repeats, strict=True)), x.dtype)


_UNARY = (
    "relu gelu silu mish sigmoid hardsigmoid hardswish tanh elu leaky_relu hardtanh relu6 softplus neg exp log sqrt rsqrt cos "
    "sin abs square erf clamp clamp_min clamp_max reciprocal celu selu dropout"
)


def _recurrent(x: Tensor, *args: Any) -> Any:
    """(x, hidden, weights, biases?, layers, dropout, train, both ways?, batch first?), or packed, (x, sizes, hidden, …)."""
    packed = isinstance(args[0], Tensor) and args[0].ndim == 1
    hidden = args[1] if packed else args[0]
    if not x.is_meta:
        return None
    several = isinstance(hidden, list | tuple)
    first = hidden[0] if several else hidden
    width = first.shape[-1] * (2 if args[7 if packed else 6] else 1)
    if not packed and args[7] and x.ndim == 3:  # batch first: made with time first
        out = fresh((x.shape[1], x.shape[0], width), x.dtype).transpose(0, 1)
    else:
        out = fresh((*x.shape[:-1], width), x.dtype)
    return (out, *(fresh(h.shape, h.dtype) for h in (hidden if several else (hidden,))))


def _packed(x: Tensor, lengths: Tensor, batch_first: bool) -> Any:
    """(T, B, *) or (B, T, *) and the lengths, longest first → (ΣT, *) and how many sequences go on, step by step."""
    if not x.is_meta or lengths.is_meta:
        return None
    sizes = [sum(n > step for n in lengths.tolist()) for step in range(int(lengths.max()))]
    return fresh((sum(sizes), *x.shape[2:]), x.dtype), torch.tensor(sizes)


def _padded(data: Tensor, sizes: Tensor, batch_first: bool, padding: Any, total: int = -1) -> Any:
    """The way back: (ΣT, *) → (T, B, *) or (B, T, *), and the lengths."""
    if not data.is_meta or sizes.is_meta:
        return None
    steps = sizes.tolist()
    length, batch = max(len(steps), total), steps[0]
    lengths = torch.tensor([sum(n > i for n in steps) for i in range(batch)])
    return fresh((*((batch, length) if batch_first else (length, batch)), *data.shape[1:]), data.dtype), lengths


def _group_norm(x: Tensor, groups: int, *rest: Any, **named: Any) -> Tensor | None:
    fits = x.is_meta and x.ndim > 1 and x.shape[1] % groups == 0 and x.is_contiguous()
    return fresh(x.shape, x.dtype) if fits else None


def _grouped_mm(a: Tensor, b: Tensor, offs: Any = None, bias: Any = None, out_dtype: Any = None) -> Tensor | None:
    dtype = out_dtype or a.dtype
    if not (a.is_meta or b.is_meta) or a.shape[-1] != b.shape[-2]:
        return None
    if a.ndim == 2 and b.ndim == 3:
        return fresh((a.shape[0], b.shape[-1]), dtype)
    if a.ndim == 3 and b.ndim == 3:
        return fresh((*a.shape[:-1], b.shape[-1]), dtype)
    if offs is None:
        return None
    if a.ndim == 2:
        return fresh((offs.shape[0], a.shape[0], b.shape[1]), dtype)
    return fresh((a.shape[1], b.shape[1]), dtype)


_GROUPED: dict[str, Rule] = {
    _UNARY: _same,
    "add sub mul div pow maximum minimum": _broadcast,
    "conv1d conv2d conv3d": _conv,
    "batch_norm instance_norm": _channel_norm,
    "layer_norm rms_norm": _layer_norm,
    "group_norm": _group_norm,
    "softmax log_softmax": _softmax,
    "linear": _linear,
    "matmul": _matmul,
    "mm bmm": _bmm,
    "addmm baddbmm": _plus_matmul,
    "_grouped_mm": _grouped_mm,
    "scaled_dot_product_attention": _sdpa,
    "cat": _cat,
    "embedding": _embedding,
    "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d": _adaptive_pool,
    "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d": _pool,
    "mean": _mean,
    "clone": _copied,
    "_to_copy": _cast,
    "empty": _created,
    "zeros ones": _filled,
    "zeros_like ones_like empty_like": _like,
    "repeat": _repeat,
    "lstm gru rnn_tanh rnn_relu": _recurrent,
    "_pack_padded_sequence": _packed,
    "_pad_packed_sequence": _padded,
}


def _flex(q: Tensor, k: Tensor, v: Tensor, *rest: Any, **named: Any) -> Any:
    lengths = fresh(q.shape[:-1], torch.float32)
    return fresh((*q.shape[:-1], v.shape[-1]), q.dtype), lengths, lengths


RULES: dict[str, Rule] = {f"aten::{name}": rule for names, rule in _GROUPED.items() for name in names.split()}
RULES["higher_order::flex_attention"] = _flex
