"""What attention multiplies: both products, in full; where it is causal, the half that a kernel may skip is a second figure."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any

from torch import Tensor

from profiler.count.products import Work, attention, attention_of_lengths
from profiler.errors import ProfilerError


def scaled_dot_product(
    out: Any, /, q: Tensor, k: Tensor, v: Tensor, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    *rest: Any, **named: Any,
) -> Work:  # fmt: skip
    """The leading axes spread over each other, as those of the output say."""
    first = out if isinstance(out, Tensor) else out[0]
    return attention((*first.shape[:-2], *q.shape[-2:]), k.shape, v.shape, is_causal, first.numel())


def flash(out: Any, /, q: Tensor, k: Tensor, v: Tensor, dropout_p: float = 0.0, is_causal: bool = False, *rest: Any,
          **named: Any) -> Work:  # fmt: skip
    return attention(q.shape, k.shape, v.shape, is_causal, out[0].numel())


def efficient(out: Any, /, q: Tensor, k: Tensor, v: Tensor, bias: Any, lse: bool, dropout_p: float = 0.0,
              is_causal: bool = False, *rest: Any, **named: Any) -> Work:  # fmt: skip
    return attention(q.shape, k.shape, v.shape, is_causal, out[0].numel())


def flex(out: Any, /, q: Tensor, k: Tensor, v: Tensor, *rest: Any, **named: Any) -> Work:
    # what its mask leaves out is not known; both products in full
    return attention((*out[0].shape[:-2], *q.shape[-2:]), k.shape, v.shape, False, out[0].numel())


# torch's fast paths, which run a whole layer


def native_attention(
    out: Any, /, q: Tensor, k: Tensor, v: Tensor, embed_dim: int, num_head: int, *rest: Any, **named: Any
) -> Work:  # fmt: skip
    """q (*, L, E), k and v (*, S, E): four projections and both products."""
    batch, length, keys, e = prod(q.shape[:-2]), q.shape[-2], k.shape[-2], embed_dim
    products = 2 * length * keys * e
    made = 2 * length * e + 2 * keys * e + num_head * length * keys + length * e
    return Work(batch * (2 * length * e * e + 2 * keys * e * e + products), batch * made, batch * num_head * length * keys)


def encoder_layer(
    out: Any, /, src: Tensor, embed_dim: int, num_heads: int, qkv: Tensor, qkv_bias: Tensor, proj: Tensor, proj_bias: Tensor,
    use_gelu: bool, norm_first: bool, eps: float, norm_1: Tensor, norm_bias_1: Tensor, norm_2: Tensor, norm_bias_2: Tensor,
    ffn_1: Tensor, *rest: Any, **named: Any,
) -> Work:  # fmt: skip
    """src (*, L, E): attention, and two products of (F, E)."""
    attended = native_attention(out, src, src, src, embed_dim, num_heads)
    rows, wide = prod(src.shape[:-1]), ffn_1.shape[0]
    elementwise = attended.elementwise + rows * (2 * embed_dim + 2 * embed_dim + wide)
    return Work(attended.macs + 2 * rows * embed_dim * wide, attended.activations + rows * (embed_dim + wide), elementwise)


# The kernels themselves, whose tensors are (B, L, H, E), or (ΣL, H, E) with the offsets of the sequences


def flash_kernel(
    out: Any, /, q: Tensor, k: Tensor, v: Tensor, cum_seq_q: Any, cum_seq_k: Any, max_q: int, max_k: int,
    dropout_p: float, is_causal: bool, *rest: Any, **named: Any,
) -> Work:  # fmt: skip
    return _kernel(out[0], q, k, v, cum_seq_q, cum_seq_k, max_q, max_k, is_causal)


def efficient_kernel(
    out: Any, /, q: Tensor, k: Tensor, v: Tensor, bias: Any, cu_seqlens_q: Any, cu_seqlens_k: Any, max_seqlen_q: Any,
    max_seqlen_k: Any, dropout_p: float, custom_mask_type: int, *rest: Any, **named: Any,
) -> Work:  # fmt: skip
    return _kernel(out[0], q, k, v, cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, custom_mask_type != 0)


def cudnn_kernel(
    out: Any, /, q: Tensor, k: Tensor, v: Tensor, bias: Any, cum_seq_q: Any, cum_seq_k: Any, max_q: int, max_k: int,
    lse: bool, dropout_p: float = 0.0, is_causal: bool = False, *rest: Any, **named: Any,
) -> Work:  # fmt: skip
    if cum_seq_q is None:
        return attention(q.shape, k.shape, v.shape, is_causal, out[0].numel())
    return _kernel(out[0], q, k, v, cum_seq_q, cum_seq_k, max_q, max_k, is_causal)


def varlen(
    out: Any, /, q: Tensor, k: Tensor, v: Tensor, cu_seq_q: Any, cu_seq_k: Any, max_q: int, max_k: int,
    is_causal: bool = False, *rest: Any, **named: Any,
) -> Work:  # fmt: skip
    first = out if isinstance(out, Tensor) else out[0] if out else q
    return _kernel(first, q, k, v, cu_seq_q, cu_seq_q if cu_seq_k is None else cu_seq_k, max_q, max_k, is_causal)


def _kernel(
    out: Tensor, q: Tensor, k: Tensor, v: Tensor, offsets_q: Any, offsets_k: Any, max_q: Any, max_k: Any, causal: bool
) -> Work:
    width, heads = q.shape[-1] + v.shape[-1], q.shape[-2]
    if offsets_q is None or offsets_k is None:
        batch = prod(q.shape[:-3])
        return attention_of_lengths(batch * heads, [(q.shape[-3], k.shape[-3])], width, causal, out.numel())
    lengths = list(zip(_lengths(offsets_q, max_q), _lengths(offsets_k, max_k), strict=True))
    return attention_of_lengths(heads, lengths, width, causal, out.numel())


def _lengths(offsets: Tensor, longest: Any) -> list[int]:
    """Of the sequences that lie between offsets; where their values are not to be had, each is the longest."""
    if not offsets.is_meta:
        ends = [int(end) for end in offsets.tolist()]
        return [end - begin for begin, end in pairwise(ends)]
    if longest is None:
        raise ProfilerError("attention over sequences whose offsets and longest length are not known")
    return [int(longest)] * (offsets.shape[0] - 1)
