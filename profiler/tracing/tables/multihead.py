"""torch's MultiheadAttention as one row: its four projections and both products, whichever kernel would run them."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from profiler.count.products import Work
from profiler.records.profile import Shape

_NAMES = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask", "average_attn_weights", "is_causal")


class AttentionCost(NamedTuple):
    """What one call costs and gives."""

    work: Work
    output: Shape
    scores: Shape | None
    """Of the weights that it gives beside the output, None where it is asked for none."""


def attention_cost(module: nn.MultiheadAttention, args: tuple[Any, ...], kwargs: dict[str, Any]) -> AttentionCost | None:
    """Of queries (L, B, E), keys (S, B, K) and values (S, B, V), or batch first, or one sample; None where they do not fit.

    Projections L·E·E, S·K·E and S·V·E, products 2·L·S·E, and L·E·E out; the softmax works on heads·L·S elements.
    """
    given = dict(zip(_NAMES, args, strict=False)) | kwargs
    q, k, v = (given.get(name) for name in _NAMES[:3])
    if not (isinstance(q, Tensor) and isinstance(k, Tensor) and isinstance(v, Tensor)) or not q.ndim == k.ndim == v.ndim:
        return None
    e, heads = int(module.embed_dim), int(module.num_heads)  # which may be numbers of numpy
    batched = q.ndim == 3
    if q.ndim not in (2, 3) or (q.shape[-1], k.shape[-1], v.shape[-1]) != (e, module.kdim, module.vdim):
        return None
    time, sample = (1, 0) if batched and module.batch_first else (0, 1)
    b = q.shape[sample] if batched else 1
    length, s = q.shape[time], k.shape[time]
    if v.shape[time] != s or (batched and not k.shape[sample] == v.shape[sample] == b):
        return None
    keys = s + (module.bias_k is not None) + module.add_zero_attn
    products = 2 * length * keys * e
    macs = length * e * e + s * int(module.kdim) * e + s * int(module.vdim) * e + products + length * e * e
    made = length * e + 2 * s * e + heads * length * keys + 2 * length * e
    facts: dict[str, Any] = {"embed_dim": e, "num_heads": heads, "batch_first": module.batch_first}
    if given.get("is_causal") and length == keys:
        facts |= {"causal": True, "useful_macs": b * (macs - products + length * (length + 1) * e)}
    scores: Shape | None = (length, keys)
    if not given.get("need_weights", True):
        scores = None
        facts["fused_macs"] = b * products  # one operator, which some counters do not know
    elif not given.get("average_attn_weights", True):
        scores = (heads, length, keys)
    if scores is not None and batched:
        scores = (b, *scores)
    return AttentionCost(Work(b * macs, b * made, b * heads * length * keys, facts), tuple(q.shape), scores)
