"""What the gradients of products multiply: {operator: formula}, and the nodes of autograd that write a product otherwise.

A product has two gradients, of its input and of its weight, as many multiply-adds each as the product itself, whatever the
groups. Which of them a step needs is told by the operator's own mask, or by autograd's node (`needs`: of which of its inputs).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from profiler.count.products import Work, attention
from profiler.tracing.tables.attention import efficient_kernel, flash_kernel, varlen
from profiler.tracing.tables.names import ELEMENTWISE, FREE
from profiler.tracing.tables.operators import PRODUCTS
from profiler.tracing.tables.work import Formula, product

Needs = Sequence[bool]
_ALL: Needs = (True,) * 8


# Convolutions and linear layers, whose operators say by a mask which of (input, weight, bias) have a gradient


def _convolution(out: Any, /, grad: Tensor, x: Tensor, weight: Tensor, bias_sizes: Any, stride: Any, padding: Any,
                 dilation: Any, transposed: bool, output_padding: Any, groups: int, mask: Any) -> Work:  # fmt: skip
    positions = x.numel() // x.shape[1] if transposed else grad.numel() // grad.shape[1]
    made = (x.numel() if mask[0] else 0) + (weight.numel() if mask[1] else 0)
    return Work(_real(grad) * positions * weight.numel() * (mask[0] + mask[1]), made)


def _slow_conv2d(out: Any, /, grad: Tensor, x: Tensor, weight: Tensor, *rest: Any, **named: Any) -> Work:
    mask = rest[-1] if rest and isinstance(rest[-1], list | tuple) and isinstance(rest[-1][0], bool) else (True, True)
    return _convolution(out, grad, x, weight, None, 1, 0, 1, False, 0, 1, mask)


def _conv_tbc(out: Any, /, grad: Tensor, x: Tensor, weight: Tensor, *rest: Any) -> Work:
    # grad (T, B, N), weight (k, M, N): the operator makes both
    macs = grad.numel() // max(weight.shape[2], 1) * weight.numel()
    return Work(2 * _real(grad) * macs, x.numel() + weight.numel())


def _linear(out: Any, /, x: Tensor, grad: Tensor, weight: Tensor, mask: Any) -> Work:
    # grad (*, N), weight (N, M)
    rows = grad.numel() // max(grad.shape[-1], 1) if grad.ndim else 1
    made = (x.numel() if mask[0] else 0) + (weight.numel() if mask[1] else 0)
    return Work(_real(grad) * int(rows) * weight.numel() * (mask[0] + mask[1]), int(made))


def _linear_input(out: Tensor, /, size: Any, grad: Tensor, weight: Tensor) -> Work:
    return product(out, grad.numel() // max(weight.shape[0], 1) * weight.numel())


def _linear_weight(out: Any, /, grad: Tensor, x: Tensor, weight: Tensor, bias: bool) -> Work:
    return product(out, grad.numel() // max(weight.shape[0], 1) * weight.numel())


def _matmul(out: Any, /, grad: Tensor, a: Tensor, b: Tensor, mask: Any) -> Work:
    made = (a.numel() if mask[0] else 0) + (b.numel() if mask[1] else 0)
    return Work(_real(grad) * int(grad.numel() * a.shape[-1]) * (mask[0] + mask[1]), int(made))


def _cdist(out: Tensor, /, grad: Tensor, a: Tensor, *rest: Any, **named: Any) -> Work:
    # grad (*, P, R), of the side whose rows are P: a difference and a product for every element of every pair
    return product(out, grad.numel() * a.shape[-1])


# Attention: gradients of the scores, of q, of k and of v; a kernel that computes the scores again does so on its own account


def _attention(pairs: int, q: Tensor, k: Tensor, v: Tensor, needs: Needs) -> Work:
    """`pairs` of a query and a key in all heads; A·V has two gradients of E_v each, Q·Kᵀ two of E."""
    of_q, of_k, of_v = needs[:3]
    macs = pairs * (v.shape[-1] * (of_v + (of_q or of_k)) + q.shape[-1] * (of_q + of_k))
    return Work(int(macs), int(q.numel() + k.numel() + v.numel()))


def _dot_product(out: Any, /, grad: Tensor, q: Tensor, k: Tensor, v: Tensor, *rest: Any, needs: Needs = _ALL,
                 **named: Any) -> Work:  # fmt: skip
    shapes = (tuple(q.shape), tuple(k.shape), tuple(v.shape))
    return _attention(attention(*shapes, False, 0).elementwise, q, k, v, needs)


def _flash(out: Any, /, grad: Tensor, q: Tensor, k: Tensor, v: Tensor, made: Tensor, lse: Tensor, cum_q: Any, cum_k: Any,
           max_q: int, max_k: int, dropout: float, causal: bool, *rest: Any, needs: Needs = _ALL,
           **named: Any) -> Work:  # fmt: skip
    forward = flash_kernel((made,), q, k, v, cum_q, cum_k, max_q, max_k, dropout, False)
    return _attention(forward.elementwise, q, k, v, needs)


def _efficient(out: Any, /, grad: Tensor, q: Tensor, k: Tensor, v: Tensor, bias: Any, made: Tensor, cum_q: Any, cum_k: Any,
               max_q: int, max_k: int, *rest: Any, needs: Needs = _ALL, **named: Any) -> Work:  # fmt: skip
    forward = efficient_kernel((made,), q, k, v, bias, cum_q, cum_k, max_q, max_k, 0.0, 0)
    return _attention(forward.elementwise, q, k, v, needs)


def _cudnn(out: Any, /, grad: Tensor, q: Tensor, k: Tensor, v: Tensor, made: Tensor, lse: Tensor, seed: Any, offset: Any,
           bias: Any, cum_q: Any, cum_k: Any, max_q: int, max_k: int, *rest: Any, needs: Needs = _ALL,
           **named: Any) -> Work:  # fmt: skip
    if cum_q is None:
        return _dot_product(out, grad, q, k, v, needs=needs)
    return _flash(out, grad, q, k, v, made, lse, cum_q, cum_k, max_q, max_k, 0.0, False, needs=needs)


def _varlen(out: Any, /, grad: Tensor, q: Tensor, k: Tensor, v: Tensor, made: Tensor, lse: Tensor, cum_q: Any, cum_k: Any,
            max_q: int, max_k: int, *rest: Any, needs: Needs = _ALL, **named: Any) -> Work:  # fmt: skip
    return _attention(varlen(made, q, k, v, cum_q, cum_k, max_q, max_k).elementwise, q, k, v, needs)


# Recurrence and bilinear forms


def _recurrent(out: Any, /, x: Tensor, w_ih: Tensor, w_hh: Tensor, *rest: Any, needs: Needs = _ALL, **named: Any) -> Work:
    # x (T, B, I); needs are of x, W_ih, W_hh, their biases, and the first state, which has no gradient where none is needed
    of_x, of_ih, of_hh, _, _, of_state = needs[:6]
    steps, rows = x.shape[0] * x.shape[1], x.shape[1]
    macs = steps * w_ih.numel() * (of_x + of_ih) + w_hh.numel() * (steps * of_hh + steps - (0 if of_state else rows))
    return Work(macs, x.numel())


_FORMULAS: dict[Formula, str] = {
    _convolution: "convolution_backward convolution_backward_overrideable",
    _slow_conv2d: "_slow_conv2d_backward",
    _conv_tbc: "conv_tbc_backward",
    _linear: "linear_backward mkldnn_linear_backward",
    _linear_input: "mkldnn_linear_backward_input",
    _linear_weight: "mkldnn_linear_backward_weights",
    _matmul: "matmul_backward",
    _cdist: "_cdist_backward",
    _dot_product: "_scaled_dot_product_flash_attention_backward _scaled_dot_product_flash_attention_for_cpu_backward "
    "_scaled_dot_product_efficient_attention_backward _scaled_dot_product_cudnn_attention_backward "
    "_scaled_dot_product_fused_attention_overrideable_backward",
    _flash: "_flash_attention_backward",
    _efficient: "_efficient_attention_backward",
    _cudnn: "_cudnn_attention_backward",
    _varlen: "torch_attn::_varlen_attn_backward",
    _recurrent: "mkldnn_rnn_layer_backward",
}
GRADIENTS: dict[str, Formula] = {
    name if ":" in name else f"aten::{name}": formula for formula, names in _FORMULAS.items() for name in names.split()
}
_TAKING_NEEDS: frozenset[Formula] = frozenset({_dot_product, _flash, _efficient, _cudnn, _varlen, _recurrent})

_OUTER = frozenset({"MvBackward0", "AddmvBackward0", "DotBackward0", "VdotBackward0"})
"""Nodes whose gradient of a matrix or a vector is an outer product, which torch writes as a multiplication of elements."""


def is_outer_product(node: Any, name: str, args: Any) -> bool:
    """Whether an elementwise operator that runs for a node is the gradient of a product."""
    two = len(args) > 1 and isinstance(args[0], Tensor) and isinstance(args[1], Tensor)
    return two and name == "aten::mul" and node.name() in _OUTER


def gradient_work(node: Any, formula: Formula | None, name: str, out: Any, args: Any, kwargs: Any) -> Work | None:
    """What an operator multiplies that runs for a node of autograd; None where that is nothing.

    `formula` is the operator's own, None where it is elementwise.
    """
    if formula is None:
        return product(out, out.numel()) if is_outer_product(node, name, args) else None
    if formula in _TAKING_NEEDS:
        needs = [following is not None for following, _ in node.next_functions]
        if len(needs) >= (6 if formula is _recurrent else 3):
            return formula(out, *args, needs=needs, **kwargs)
    return formula(out, *args, **kwargs)


# Gradients without multiply-adds: of what has none itself. Any other is unknown

_OTHERS = (
    "_ctc_loss_backward _embedding_bag_dense_backward _embedding_bag_per_sample_weights_backward "
    "_embedding_bag_sparse_backward "
    "_fake_quantize_learnable_per_channel_affine_backward _gather_sparse_backward _grid_sampler_2d_cpu_fallback_backward "
    "_nested_select_backward _nested_sum_backward _sparse_log_softmax_backward_data _sparse_softmax_backward_data "
    "_sparse_sum_backward _thnn_differentiable_gru_cell_backward _thnn_differentiable_lstm_cell_backward "
    "_upsample_lanczos2d_aa_backward _weight_norm_differentiable_backward cudnn_affine_grid_generator_backward "
    "cudnn_grid_sampler_backward cummaxmin_backward embedding_dense_backward embedding_sparse_backward "
    "fake_quantize_per_channel_affine_cachemask_backward fake_quantize_per_tensor_affine_cachemask_backward "
    "infinitely_differentiable_gelu_backward miopen_batch_norm_backward mkldnn_adaptive_avg_pool2d_backward "
    "mkldnn_max_pool3d_backward to_dense_backward to_mkldnn_backward value_selecting_reduction_backward"
)
_ELEMENTWISE = frozenset(f"aten::{name}" for name in _OTHERS.split())
"""Those whose names do not tell the operator that they are the gradient of."""


def is_elementwise_gradient(name: str) -> bool:
    """Whether `aten::gelu_backward` and its like cost their elements: that of an operator without multiply-adds."""
    if not name.startswith("aten::") or "_backward" not in name:
        return False
    if name in _ELEMENTWISE:
        return True
    stem = re.sub(r"_backward.*$", "", name.removeprefix("aten::"))
    bare = stem.lstrip("_")
    known = {
        f"aten::{each}"
        for each in (stem, bare, f"_{stem}", f"{stem}_forward", f"_{stem}_forward", f"native_{stem}", f"{stem}_nd")
    }
    if any(each in PRODUCTS for each in known):
        return False
    return any(each in ELEMENTWISE or each in FREE or _is_pointwise(each) for each in known)


def _is_pointwise(name: str) -> bool:
    packet = getattr(torch.ops.aten, name.removeprefix("aten::"), None)
    return packet is not None and any(torch.Tag.pointwise in getattr(packet, each).tags for each in packet.overloads())


def _real(t: Tensor) -> int:
    """Real multiply-adds of one of its own."""
    return 4 if t.is_complex() else 1
