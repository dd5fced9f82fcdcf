"""Multiply-adds of gradients that are operators of their own; most gradients are plain products.

Each product has two: of its input and of its weight, as many multiply-adds each as the product itself, whatever the groups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from profiler.count.operators import Work, attention


def _convolution(out: Any, grad: Tensor, x: Tensor, weight: Tensor, bias_sizes: Any, stride: Any, padding: Any, dilation: Any,
                 transposed: bool, output_padding: Any, groups: int, mask: Any) -> Work:  # fmt: skip
    # the mask says which of (input, weight, bias) have a gradient
    positions = x.numel() // x.shape[1] if transposed else grad.numel() // grad.shape[1]
    made = (x.numel() if mask[0] else 0) + (weight.numel() if mask[1] else 0)
    return Work(positions * weight.numel() * (mask[0] + mask[1]), made)


def _attention(out: Any, grad: Tensor, q: Tensor, k: Tensor, v: Tensor, *rest: Any, **named: Any) -> Work:
    # a kernel that computes the scores again does so on its own account
    shapes = (tuple(q.shape), tuple(k.shape), tuple(v.shape))
    return Work(2 * attention(*shapes, False, 0).macs, q.numel() + k.numel() + v.numel())


def _recurrent(out: Any, x: Tensor, *weights: Any, **named: Any) -> Work:
    steps = x.shape[0] * x.shape[1]
    return Work(2 * steps * sum(w.numel() for w in weights[:2]), x.numel())


_NAMES: dict[Callable[..., Work], str] = {
    _convolution: "convolution_backward convolution_backward_overrideable",
    _attention: "_scaled_dot_product_flash_attention_backward _scaled_dot_product_flash_attention_for_cpu_backward "
    "_scaled_dot_product_efficient_attention_backward _scaled_dot_product_cudnn_attention_backward "
    "_scaled_dot_product_fused_attention_overrideable_backward",
    _recurrent: "mkldnn_rnn_layer_backward",
}
GRADIENTS: dict[str, Callable[..., Work]] = {
    f"aten::{name}": formula for formula, names in _NAMES.items() for name in names.split(" ")
}
