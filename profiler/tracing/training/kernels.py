"""Calls that a step hands to other kernels than the meta device would: fused attention, convolutions of complex numbers."""

from __future__ import annotations

from importlib import import_module
from types import FunctionType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.overrides import TorchFunctionMode

CONVOLUTIONS = frozenset(
    {torch.conv1d, torch.conv2d, torch.conv3d, torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d}
)
_PYTHON = frozenset({F.multi_head_attention_forward, torch.autograd.backward, torch.autograd.grad, Tensor.backward})
"""Functions in Python, in which torch would no longer ask this mode, and which run attention or a checkpointed forward."""
_DENSE = (Tensor, nn.Parameter, FakeTensor)
_FLOATS = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})


CASTING = frozenset({"cpu", "cuda", "xpu", "mps"})
"""Devices that have an autocast."""


class Autocasts(Exception):
    """A forward enters a region of autocast, which does nothing to meta tensors."""

    def __init__(self, device: str) -> None:
        super().__init__(f"autocast of {device}")
        self.device = device


class Kernels(TorchFunctionMode):
    """`fused` hands attention to the kernels that the CPU and CUDA have for it, which the meta device has not.

    A convolution of complex numbers runs as four real ones, as its multiply-adds are `counted`, where torch takes three.
    Raises Autocasts in a region of autocast of one of the devices in `casting`.
    """

    def __init__(self, fused: bool, casting: frozenset[str], counted: bool) -> None:
        super().__init__()
        self.fused, self.casting, self.counted, self.used = fused, casting, counted, False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for device in self.casting:
            if torch.is_autocast_enabled(device):
                raise Autocasts(device)
        if func is F.scaled_dot_product_attention and self.fused and not torch.is_inference_mode_enabled():
            out = _attention(*args, **kwargs)
            if out is not None:
                self.used = True
                return out
            if any(isinstance(x, Tensor) and x.is_nested for x in args):
                import_module("torch.utils.flop_counter")  # which torch's own attention over them asks, and does not import
        elif func in _PYTHON and all(each in (Tensor, nn.Parameter) for each in types):
            with self:
                return _plain(func)(*args, **kwargs)
        elif (
            self.counted
            and func in CONVOLUTIONS
            and any(isinstance(x, Tensor) and x.is_complex() for x in (*args, *kwargs.values()))
        ):
            return _complex_convolution(func, *args, **kwargs)
        return func(*args, **kwargs)


def _plain(func: Any) -> Any:
    """A function of torch.nn.functional that does not ask for modes itself, so that what it calls can."""
    names = {"has_torch_function": lambda _: False, "has_torch_function_unary": lambda _: False,
             "has_torch_function_variadic": lambda *_: False}  # fmt: skip
    made = FunctionType(func.__code__, {**func.__globals__, **names}, func.__name__, func.__defaults__)
    made.__kwdefaults__ = func.__kwdefaults__
    return made


def _attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> Tensor | None:  # fmt: skip
    """Attention by the kernel that would take the call, so that what it keeps for the backward is kept; None where none does.

    The flash kernel as the CPU has it; with dropout, with a trained mask or with values of another width, which it does not
    take, the memory-efficient one of CUDA.
    """
    given = (query, key, value)
    if any(type(t) not in _DENSE or t.ndim != 4 or t.dtype not in _FLOATS or not t.numel() for t in given):
        return None
    if query.dtype != key.dtype or query.dtype != value.dtype or any(t.stride(-1) != 1 for t in given):
        return None
    (batch, heads), width = query.shape[:2], query.shape[-1]
    held = key.shape[1]
    if key.shape[0] != batch or value.shape[0] != batch or value.shape[1] != held or key.shape[-1] != width:
        return None
    if key.shape[2] != value.shape[2] or not (heads == held or (enable_gqa and heads % held == 0)):
        return None
    if attn_mask is not None and (is_causal or type(attn_mask) not in _DENSE or attn_mask.ndim not in (2, 4)):
        return None
    trained = attn_mask is not None and attn_mask.requires_grad
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        attn_mask = torch.where(attn_mask, torch.zeros((), dtype=query.dtype, device=query.device),
                                torch.full((), float("-inf"), dtype=query.dtype, device=query.device))  # fmt: skip
    aten = torch.ops.aten
    if torch.backends.cuda.flash_sdp_enabled() and not dropout_p and value.shape[-1] == width and not trained:
        flash = aten._scaled_dot_product_flash_attention_for_cpu
        return flash(query, key, value, 0.0, is_causal, attn_mask=attn_mask, scale=scale)[0]  # type: ignore[no-any-return]
    if torch.backends.cuda.mem_efficient_sdp_enabled() and heads == held and query.dtype != torch.float64:
        if attn_mask is not None:
            attn_mask = attn_mask.expand(batch, heads, query.shape[2], key.shape[2])
        efficient = aten._scaled_dot_product_efficient_attention
        return efficient(query, key, value, attn_mask, True, dropout_p, is_causal, scale=scale)[0]  # type: ignore[no-any-return]
    return None


def _complex_convolution(func: Any, input: Tensor, weight: Tensor, bias: Tensor | None = None, *rest: Any, **named: Any) -> Any:
    """(a + bi) * (c + di) as (a*c - b*d) + (a*d + b*c)i, of which the real ones are convolutions."""

    def of(x: Tensor, w: Tensor) -> Any:
        return func(x, w, None, *rest, **named)

    a, b = input.real, input.imag
    c, d = weight.real, weight.imag
    out = torch.complex(of(a, c) - of(b, d), of(a, d) + of(b, c))
    return out if bias is None else out + bias.view(-1, *(1,) * (weight.ndim - 2))
