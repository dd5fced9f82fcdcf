"""The operators of ONNX Runtime's own domain (com.microsoft), which its optimiser and quantiser write.

After the table of contrib operators of ONNX Runtime 1.2x (docs/ContribOperators.md). onnx has no schema of them, so the shapes
that they make stand here too. What is in no table is reported.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, NamedTuple

from profiler.count.products import Work, attention, convolution, matrix_product
from profiler.onnx_graph.calls import Call, ShapeUnknown
from profiler.onnx_graph.operators import Formula, conv, gemm, matmul, product, recurrent
from profiler.onnx_graph.spreading import spread_shapes
from profiler.records.profile import Shape

DOMAIN = "com.microsoft"
Made = Callable[[Call], Shape]
"""The shape that a call makes. Raises ShapeUnknown."""


class Contrib(NamedTuple):
    """How an operator of ONNX Runtime counts."""

    op: str
    kind: str
    formula: Formula | None
    """None where it costs `each` operations an element of its output."""
    roles: str
    shape: Made
    each: int = 1
    as_conv: bool = False
    """Whether it has the attributes and first inputs of Conv, whose inference then tells its shape."""
    typed_by: int = 0
    """The input whose dtype it makes."""


def _first(call: Call) -> Shape:
    return call.shape(0)


def _spread(call: Call, a: int = 0, b: int = 1) -> Shape:
    found = spread_shapes([call.shape(a), call.shape(b)])
    if found is None:
        raise ShapeUnknown
    return found


def product_shape(a: Shape, b: Shape) -> Shape:
    """Of (*, n, k) · (*, k, m). Raises ShapeUnknown where they do not fit."""
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
        raise ShapeUnknown
    lead = spread_shapes([a[:-2], b[:-2]])
    if lead is None:
        raise ShapeUnknown
    return (*lead, a[-2], b[-1])


def _turned(shape: Shape, turned: int) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2]) if turned and len(shape) > 1 else shape


def _matmul_shape(call: Call, a: int = 0, b: int = 1) -> Shape:
    return product_shape(_turned(call.shape(a), call.number("transA", 0)), _turned(call.shape(b), call.number("transB", 0)))


# Weights of fewer bits


def _packed(call: Call) -> Work:
    # A (*, K), B packed, N rows of K: its bytes are not its elements
    n, k = call.number("N", 0), call.number("K", 0)
    return product(call, matrix_product(call.elements, k), packed=n * k, bits=call.number("bits", 4), bias=call.has(5))


def _packed_shape(call: Call) -> Shape:
    n, a = call.number("N", 0), call.shape(0)
    if n < 1 or not a or a[-1] != call.number("K", 0):
        raise ShapeUnknown
    return (*a[:-1], n)


# Attention


def _own_projection(call: Call, quantised: bool = False) -> Work:
    """input (B, L, D) · weights (D, C + C + C_v), then both products, over the past as well; in heads."""
    x, w = call.shape(0), call.shape(1)
    if len(x) != 3 or len(w) != 2:
        raise ShapeUnknown
    batch, length, heads = x[0], x[1], call.number("num_heads", 0)
    sizes = call.numbers("qkv_hidden_sizes", (w[1] // 3,) * 3)
    at = 8 if quantised else 4
    past = call.shape(at)[-2] if call.has(at) else 0
    if heads < 1 or len(sizes) != 3 or sum(sizes) != w[1]:
        raise ShapeUnknown
    q = (batch, heads, length, sizes[0] // heads)
    k, v = (batch, heads, length + past, sizes[1] // heads), (batch, heads, length + past, sizes[2] // heads)
    both = attention(q, k, v, bool(call.number("unidirectional", 0)), call.elements)
    projected = batch * length * w[1]
    facts = dict(both.facts)
    if "useful_macs" in facts:
        facts["useful_macs"] += projected * w[0]
    return Work(both.macs + projected * w[0], both.activations + projected, both.elementwise, facts)


def _own_projection_shape(call: Call) -> Shape:
    x, w = call.shape(0), call.shape(1)
    if len(x) != 3 or len(w) != 2:
        raise ShapeUnknown
    return (*x[:2], call.numbers("qkv_hidden_sizes", (w[1] // 3,) * 3)[-1])


def _multi_head_shapes(call: Call) -> tuple[Shape, Shape, Shape]:
    """Queries, keys and values as (B, H, L, E), those of the past before the others."""
    count, query = call.number("num_heads", 0), call.shape(0)
    if count < 1:
        raise ShapeUnknown
    q: Shape
    k: Shape
    v: Shape
    if len(query) == 5:  # (B, L, H, 3, E)
        one = (query[0], query[2], query[1], query[4])
        q, k, v = one, one, one
    else:
        q = _in_heads(query, count)
        key = call.shape(1)
        if len(key) == 5:  # (B, S, H, 2, E)
            k = v = (key[0], key[2], key[1], key[4])
        else:
            k, v = _in_heads(key, count), _in_heads(call.shape(2), count)
    past = call.shape(6)[-2] if call.has(6) else 0
    return q, (*k[:-2], k[-2] + past, k[-1]), (*v[:-2], v[-2] + past, v[-1])


def _in_heads(shape: Shape, count: int) -> Shape:
    if len(shape) == 4:
        return shape
    if len(shape) != 3:
        raise ShapeUnknown
    return (shape[0], count, shape[1], shape[2] // count)


def _multi_head(call: Call) -> Work:
    return attention(*_multi_head_shapes(call), bool(call.number("unidirectional", 0)), call.elements)


def _multi_head_shape(call: Call) -> Shape:
    q, _, v = _multi_head_shapes(call)
    return (q[0], q[2], q[1] * v[-1])


def _grouped_query_shapes(call: Call) -> tuple[Shape, Shape]:
    """Queries (B, H, L, E) and keys (B, H_k, P + L, E); packed, they stand side by side in the first input."""
    query, count, shared = call.shape(0), call.number("num_heads", 0), call.number("kv_num_heads", 0)
    if len(query) != 3 or count < 1 or shared < 1:
        raise ShapeUnknown
    wide = query[2] // (count if call.has(1) else count + 2 * shared)
    past = call.shape(3)[-2] if call.has(3) else 0
    return (query[0], count, query[1], wide), (query[0], shared, query[1] + past, wide)


def _grouped_query(call: Call) -> Work:
    q, k = _grouped_query_shapes(call)
    return attention(q, k, k, True, call.elements)


def _grouped_query_shape(call: Call) -> Shape:
    q, _ = _grouped_query_shapes(call)
    return (q[0], q[2], q[1] * q[3])


# Channels last, and recurrence with quantised weights


def _nhwc_conv(call: Call) -> Work:
    # x (B, *n, M), weight (N, *k, M/groups), out (B, *m, N)
    weight = call.shape(1)
    facts: dict[str, Any] = {"kernel": weight[1:-1], "groups": call.number("group", 1), "bias": call.has(2)}
    return product(call, convolution(call.elements, prod(weight), weight[0]), **facts)


def _nhwc_conv_shape(call: Call) -> Shape:
    x, weight = call.shape(0), call.shape(1)
    rank = len(x) - 2
    pads, strides = call.numbers("pads", (0,) * (2 * rank)), call.numbers("strides", (1,) * rank)
    dilations = call.numbers("dilations", (1,) * rank)
    if rank < 1 or len(weight) != len(x) or len(pads) != 2 * rank or len(strides) != rank or len(dilations) != rank:
        raise ShapeUnknown
    if min(strides) < 1 or call.attributes.get("auto_pad", "NOTSET") != "NOTSET":
        raise ShapeUnknown
    sides = (
        (x[1 + i] + pads[i] + pads[i + rank] - dilations[i] * (weight[1 + i] - 1) - 1) // strides[i] + 1 for i in range(rank)
    )
    return (x[0], *sides, weight[0])


def _lstm_shape(call: Call) -> Shape:
    x, r = call.shape(0), call.shape(2)
    if len(x) != 3 or len(r) != 3:
        raise ShapeUnknown
    return (x[0], r[0], x[1], r[1])


def _embedded(call: Call) -> Shape:
    return (*call.shape(0), call.shape(2)[-1])


def _pooled(call: Call) -> Shape:
    x = call.shape(0)
    if call.number("channels_last", 0):
        return (x[0], *(1 for _ in x[1:-1]), x[-1])
    return (*x[:2], *(1 for _ in x[2:]))


CONTRIB: dict[str, Contrib] = {
    "FusedConv": Contrib("conv", "conv", partial(conv, elementwise=1), "xwbx", _first, as_conv=True),
    "NhwcConv": Contrib("conv", "conv", _nhwc_conv, "xwb", _nhwc_conv_shape),
    "NhwcFusedConv": Contrib("conv", "conv", _nhwc_conv, "xwbx", _nhwc_conv_shape),
    "FusedMatMul": Contrib("matmul", "matmul", matmul, "ww", _matmul_shape),
    "FusedGemm": Contrib("linear", "linear", partial(gemm, elementwise=1), "xwb", _matmul_shape),
    "TransposeMatMul": Contrib("matmul", "matmul", matmul, "ww", _matmul_shape),
    "GemmFastGelu": Contrib("linear", "linear", partial(gemm, elementwise=1), "xwb", _matmul_shape),
    "MatMulNBits": Contrib("linear", "linear", _packed, "xpqqqb", _packed_shape),
    "MatMulBnb4": Contrib("linear", "linear", _packed, "xpq", _packed_shape),
    "QGemm": Contrib("linear", "linear", partial(gemm, bias_at=6), "xqqwqqbqq", partial(_matmul_shape, b=3)),
    "MatMulIntegerToFloat": Contrib("matmul", "matmul", matmul, "xwqqqqb", _matmul_shape, typed_by=2),
    "DynamicQuantizeMatMul": Contrib("matmul", "matmul", matmul, "xwqqb", _matmul_shape),
    "Attention": Contrib("attention", "attention", _own_projection, "xwb.xxx", _own_projection_shape),
    "QAttention": Contrib("attention", "attention", partial(_own_projection, quantised=True), "xwbqq.qqx",
                          _own_projection_shape, typed_by=3),
    "MultiHeadAttention": Contrib("attention", "attention", _multi_head, "xxxb.xxx", _multi_head_shape),
    "GroupQueryAttention": Contrib("attention", "attention", _grouped_query, "xxxxx..qq", _grouped_query_shape),
    "DynamicQuantizeLSTM": Contrib("lstm", "recurrent", partial(recurrent, gates=4, transposed=True), "xwwb.qqwqqqq",
                                   _lstm_shape),
    "SkipLayerNormalization": Contrib("layer_norm", "norm", None, "xxnnb", _first, 2),
    "SkipSimplifiedLayerNormalization": Contrib("rms_norm", "norm", None, "xxnb", _first, 2),
    "SimplifiedLayerNormalization": Contrib("rms_norm", "norm", None, "xn", _first),
    "EmbedLayerNormalization": Contrib("embedding", "embedding", None, "..wwwnn..", _embedded, 4, typed_by=2),
    "GroupNorm": Contrib("group_norm", "norm", None, "xnn", _first),
    "SkipGroupNorm": Contrib("group_norm", "norm", None, "xnnxb", _first, 2),
    "Gelu": Contrib("gelu", "activation", None, "x", _first),
    "FastGelu": Contrib("gelu", "activation", None, "xb", _first),
    "BiasGelu": Contrib("gelu", "activation", None, "xb", _first, 2),
    "QuickGelu": Contrib("gelu", "activation", None, "x", _first),
    "BiasSoftmax": Contrib("softmax", "activation", None, "xx", _first, 2),
    "BiasDropout": Contrib("add", "elementwise", None, "xbx", _first),
    "BiasAdd": Contrib("add", "elementwise", None, "xbx", _first, 2),
    "BiasSplitGelu": Contrib("gelu", "activation", None, "xb", lambda call: (*call.shape(0)[:-1], call.shape(0)[-1] // 2), 3),
    "RotaryEmbedding": Contrib("rotary_embedding", "elementwise", None, "x.qq", _first),
    "QLinearAdd": Contrib("add", "elementwise", None, "xqqxqqqq", partial(_spread, b=3)),
    "QLinearMul": Contrib("multiply", "elementwise", None, "xqqxqqqq", partial(_spread, b=3)),
    "QLinearSigmoid": Contrib("sigmoid", "activation", None, "xqqqq", _first),
    "QLinearSoftmax": Contrib("softmax", "activation", None, "xqqqq", _first),
    "QLinearLeakyRelu": Contrib("leaky_relu", "activation", None, "xqqqq", _first),
    "QLinearGlobalAveragePool": Contrib("adaptive_avg_pool", "pool", None, "xqqqq", _pooled),
}  # fmt: skip
"""By name."""
