"""What one torch operator multiplies: one table {operator: formula}, shapes in, integers out.

A complex multiply-add is four real ones. Operators without multiply-adds are in operator_names.py.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from torch import Tensor

from profiler.count.products import Work, convolution, matrix_product, recurrence
from profiler.tracing.tables.attention import (
    cudnn_kernel,
    efficient,
    efficient_kernel,
    encoder_layer,
    flash,
    flash_kernel,
    flex,
    native_attention,
    scaled_dot_product,
    varlen,
)
from profiler.tracing.tables.members import sampled_product
from profiler.tracing.tables.work import Formula, product

# Convolutions: elements of the weight × positions, whatever the groups


def _conv(out: Any, /, x: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
          groups: int = 1, *rest: Any) -> Work:  # fmt: skip
    # x (B, M, *n) or (M, *n), weight (N, M/groups, *k), out (B, N, *m)
    facts = _window(weight, weight.ndim - 2, stride, padding, dilation, groups, bias)
    return product(out, convolution(out.numel(), weight.numel(), weight.shape[0]), **facts)


def _conv_transpose(out: Any, /, x: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0,
                    output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Work:  # fmt: skip
    # every *input* position meets the whole weight (M, N/groups, *k)
    facts = _window(weight, weight.ndim - 2, stride, padding, dilation, groups, bias) | {"transposed": True}
    return product(out, convolution(x.numel(), weight.numel(), weight.shape[0]), **facts)


def _convolution(out: Any, /, x: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
                 output_padding: Any, groups: int, *rest: Any) -> Work:  # fmt: skip
    if transposed:
        return _conv_transpose(out, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _conv(out, x, weight, bias, stride, padding, dilation, groups)


def _conv_slow(out: Any, /, x: Tensor, weight: Tensor, *rest: Any, **named: Any) -> Work:
    first = out if isinstance(out, Tensor) else out[0]
    return product(out, convolution(first.numel(), weight.numel(), weight.shape[0]))


def _conv_library(out: Any, /, x: Tensor, weight: Tensor, *rest: Any, **named: Any) -> Work:
    return product(out, convolution(out.numel(), weight.numel(), weight.shape[0]))


def _conv_transpose_slow(out: Any, /, x: Tensor, weight: Tensor, *rest: Any, **named: Any) -> Work:
    return product(out, convolution(x.numel(), weight.numel(), weight.shape[0]))


def _conv_tbc(out: Any, /, x: Tensor, weight: Tensor, *rest: Any) -> Work:
    # x (T, B, M), weight (k, M, N)
    return product(out, convolution(out.numel(), weight.numel(), weight.shape[2]))


def _window(weight: Tensor, rank: int, stride: Any, padding: Any, dilation: Any, groups: int, bias: Any) -> dict[str, Any]:
    def spread(value: Any) -> Any:
        if isinstance(value, int):
            return (value,) * rank
        return value if isinstance(value, str) else tuple(value) * (rank if len(value) == 1 else 1)

    return {
        "kernel": tuple(weight.shape[2:]), "stride": spread(stride), "padding": spread(padding), "dilation": spread(dilation),
        "groups": groups, "bias": bias is not None,
    }  # fmt: skip


# Matrix products: elements of the output × the length of what is summed


def _linear(out: Any, /, x: Tensor, weight: Tensor, bias: Any = None) -> Work:
    # x (*, M), weight (N, M) or (M,)
    return product(out, x.numel() * (weight.shape[0] if weight.ndim == 2 else 1), bias=bias is not None)


def _matmul(out: Any, /, a: Tensor, b: Tensor, *rest: Any, **named: Any) -> Work:
    # (*, n, k) · (*, k, m), the leading axes spread over each other; vectors drop their axis
    return product(out, matrix_product(out.numel(), a.shape[-1]))


def _plus_matmul(out: Any, /, c: Tensor, a: Tensor, b: Tensor, *rest: Any, **named: Any) -> Work:
    return product(out, matrix_product(out.numel(), a.shape[-1]))


def _addbmm(out: Any, /, c: Tensor, a: Tensor, b: Tensor, *rest: Any, **named: Any) -> Work:
    # (B, n, k) · (B, k, m), summed over the batch
    return product(out, out.numel() * a.shape[0] * a.shape[-1])


def _outer(out: Any, /, *rest: Any, **named: Any) -> Work:
    return product(out, out.numel())


def _bilinear(out: Any, /, a: Tensor, b: Tensor, weight: Tensor, bias: Any = None) -> Work:
    # a (*, I), weight (O, I, J), b (*, J): a·W is O·I·J, and its rows on b O·J
    o, i, j = weight.shape
    return product(out, out.numel() // max(o, 1) * (o * i * j + o * j), bias=bias is not None)


def _trilinear(out: Any, /, a: Tensor, b: Tensor, c: Tensor, expand_a: Any, expand_b: Any, expand_c: Any, sums: Any,
               *rest: Any) -> Work:  # fmt: skip
    # what bilinear is made of under autograd, over the axes (rows, O, I, J), and so is each of its gradients: as many as itself
    sizes: dict[int, int] = {}
    for t, expanded in ((a, expand_a), (b, expand_b), (c, expand_c)):
        axes = [axis for axis in range(t.ndim + len(expanded)) if axis not in expanded]
        sizes |= dict(zip(axes, t.shape, strict=True))
    whole = prod(sizes.values())
    return product(out, whole + (whole // max(sizes[2], 1) if len(sizes) == 4 else 0))


def _grouped_mm(out: Any, /, a: Tensor, b: Tensor, *rest: Any, **named: Any) -> Work:
    # (T, k) · (E, k, n): a row meets the matrix of its group only; (n, T) · (T, m): the rows of a group are summed
    if a.ndim == 2 and b.ndim == 3:
        return product(out, a.numel() * b.shape[-1], experts=b.shape[0])
    if a.ndim == 3 and b.ndim == 2:
        return product(out, b.numel() * a.shape[-2], experts=a.shape[0])
    if a.ndim == 2:
        return product(out, a.numel() * b.shape[-1])
    return product(out, out.numel() * a.shape[-1], experts=b.shape[0])


def _cdist(out: Any, /, a: Tensor, b: Tensor, *rest: Any) -> Work:
    # a difference and a square for every element of every pair
    return product(out, out.numel() * a.shape[-1])


def _pdist(out: Any, /, x: Tensor, *rest: Any) -> Work:
    return product(out, out.numel() * x.shape[-1])


def _packed_linear(out: Any, /, x: Tensor, *rest: Any, **named: Any) -> Work:
    # the weight is packed, its shape is not told: (*, M) -> (*, N)
    return product(out, out.numel() * x.shape[-1])


# Recurrence: every step meets both matrices, W_ih (G·H, I) and W_hh (G·H, H or its projection), and W_hr (P, H)


def _recurrent(out: Any, /, x: Tensor, *rest: Any, **named: Any) -> Work:
    # x (T, B, I), (B, T, I) or (T, I), or packed (ΣT, I) with its batch sizes
    weights = next(given for given in rest if isinstance(given, list | tuple) and given and given[0].ndim == 2)
    packed = isinstance(rest[0], Tensor) and rest[0].ndim == 1
    steps = x.shape[0] if packed else x.numel() // max(x.shape[-1], 1)
    return recurrence(steps, [w.shape for w in weights if w.ndim == 2])


def _cell(out: Any, /, x: Tensor, hidden: Any, w_ih: Tensor, w_hh: Tensor, *biases: Any) -> Work:
    rows = x.numel() // max(x.shape[-1], 1)
    return recurrence(rows, (w_ih.shape, w_hh.shape))


def _mkldnn_rnn(out: Any, /, x: Tensor, w_ih: Tensor, w_hh: Tensor, *rest: Any, **named: Any) -> Work:
    return recurrence(x.shape[0] * x.shape[1], (w_ih.shape, w_hh.shape))


class Operator(NamedTuple):
    """A formula with what its row is called."""

    op: str
    kind: str
    formula: Formula


def _named(op: str, kind: str, formula: Formula, names: str) -> dict[str, Operator]:
    return {f"aten::{name}" if ":" not in name else name: Operator(op, kind, formula) for name in names.split()}


PRODUCTS: dict[str, Operator] = {
    **_named("conv", "conv", _conv, "conv1d conv2d conv3d mkldnn_convolution slow_conv_dilated2d "
             "slow_conv_dilated3d"),
    **_named("conv", "conv", _conv_slow, "_conv_depthwise2d conv_depthwise3d slow_conv3d_forward _slow_conv2d_forward "
             "thnn_conv2d slow_conv3d torchvision::deform_conv2d"),
    **_named("conv", "conv", _conv_library, "cudnn_convolution cudnn_convolution_relu cudnn_convolution_add_relu "
             "miopen_convolution miopen_depthwise_convolution"),
    **_named("conv_transpose", "conv_transpose", _conv_transpose_slow, "cudnn_convolution_transpose "
             "miopen_convolution_transpose slow_conv_transpose2d slow_conv_transpose3d"),
    **_named("conv", "conv", _convolution, "convolution _convolution convolution_overrideable"),
    **_named("conv", "conv", _conv_tbc, "conv_tbc"),
    **_named("conv_transpose", "conv_transpose", _conv_transpose, "conv_transpose1d conv_transpose2d conv_transpose3d"),
    **_named("linear", "linear", _linear, "linear _linear mkldnn_linear"),
    **_named("matmul", "matmul", _matmul, "mm bmm matmul mv dot vdot inner linalg_matmul"),
    **_named("matmul", "matmul", _matmul, "_int_mm _scaled_mm _scaled_mm_v2 _weight_int8pack_mm _sparse_mm"),
    **_named("matmul", "matmul", _plus_matmul, "addmm baddbmm addmv _addmm_activation addmv_ _sparse_addmm sspaddmm hspmm"),
    **_named("matmul", "matmul", _addbmm, "addbmm"),
    **_named("matmul", "matmul", _outer, "addr"),
    **_named("matmul", "matmul", _grouped_mm, "_grouped_mm _scaled_grouped_mm"),
    **_named("bilinear", "linear", _bilinear, "bilinear"),
    **_named("bilinear", "linear", _trilinear, "_trilinear"),
    **_named("cdist", "matmul", _cdist, "cdist _cdist_forward _euclidean_dist"),
    **_named("attention", "attention", scaled_dot_product, "scaled_dot_product_attention _scaled_dot_product_attention_math "
             "_scaled_dot_product_fused_attention_overrideable"),
    **_named("attention", "attention", flash, "_scaled_dot_product_flash_attention "
             "_scaled_dot_product_flash_attention_for_cpu"),
    **_named("attention", "attention", efficient, "_scaled_dot_product_efficient_attention "
             "_scaled_dot_product_cudnn_attention"),
    **_named("attention", "attention", flash_kernel, "_flash_attention_forward"),
    **_named("attention", "attention", efficient_kernel, "_efficient_attention_forward"),
    **_named("attention", "attention", cudnn_kernel, "_cudnn_attention_forward"),
    **_named("attention", "attention", varlen, "torch_attn::_varlen_attn torch_attn::_varlen_attn_out"),
    **_named("multihead_attention", "attention", native_attention, "_native_multi_head_attention"),
    **_named("transformer_encoder_layer", "attention", encoder_layer, "_transformer_encoder_layer_fwd"),
    **_named("attention", "attention", flex, "higher_order::flex_attention"),
    **{name: op for cell in ("lstm", "gru", "rnn_tanh", "rnn_relu")
       for name, op in _named(cell.partition("_")[0], "recurrent", _recurrent, cell).items()},
    **{name: op for cell in ("lstm", "gru", "rnn_tanh", "rnn_relu")
       for name, op in _named(f"{cell.partition('_')[0]}_cell", "recurrent", _cell, f"{cell}_cell").items()},
    **_named("lstm", "recurrent", _mkldnn_rnn, "mkldnn_rnn_layer"),
    **_named("linear", "linear", _packed_linear, "quantized::linear quantized::linear_relu quantized::linear_dynamic "
             "quantized::linear_dynamic_fp16 quantized::linear_relu_dynamic _weight_int4pack_mm _weight_int4pack_mm_for_cpu "
             "_weight_int4pack_mm_with_scales_and_zeros"),
    **_named("matmul", "matmul", sampled_product, "sparse_sampled_addmm"),
    **_named("pdist", "matmul", _pdist, "_pdist_forward"),
}  # fmt: skip
