"""What one ONNX operator multiplies, and which of its inputs are parameters: one table {operator: how it counts}.

The formulas are those of a tracing (count/products.py). Operators without multiply-adds are in names.py, those of ONNX Runtime
in contrib.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, NamedTuple

from profiler.count.products import Work, attention, convolution, matrix_product, recurrence
from profiler.onnx_graph.calls import Call, ShapeUnknown
from profiler.records.profile import Shape

Formula = Callable[[Call], Work]
"""A call whose shapes are known → what it does. Raises ShapeUnknown where they are not."""

WEIGHT, BIAS, NORM, BUFFER, ANY = "w", "b", "n", "q", "x"
"""The part that an input plays where the file holds it: a weight, a bias, scale or shift of a normalisation, a buffer
(statistics, scales and zero points of quantisation, tables of rotations), or what its shape makes of it."""


class Product(NamedTuple):
    """How an operator with multiply-adds counts."""

    op: str
    kind: str
    formula: Formula
    roles: str
    """A letter for each input."""


def product(call: Call, macs: int, elementwise: int = 0, **facts: Any) -> Work:
    """Multiply-adds, four for one of complex numbers, and as many activations as there are elements of output."""
    factor = 4 if call.outputs[0].code in (14, 15) else 1
    return Work(factor * macs, call.elements, elementwise, facts)


# Convolutions


def window(call: Call, weight: Shape, bias: bool, **more: Any) -> dict[str, Any]:
    """The facts of a convolution: `weight` (N, M/G, *k)."""
    rank = max(len(weight) - 2, 0)
    pads = call.numbers("pads", (0,) * (2 * rank))
    named = call.attributes.get("auto_pad", "NOTSET")
    even = pads[:rank] == pads[rank:]
    padding: Any = pads[:rank] if even else tuple(zip(pads[:rank], pads[rank:], strict=False))
    return {
        "kernel": weight[2:],
        "stride": call.numbers("strides", (1,) * rank),
        "padding": named.lower() if isinstance(named, str) and named not in ("NOTSET", "VALID") else padding,
        "dilation": call.numbers("dilations", (1,) * rank),
        "groups": call.number("group", 1),
        "bias": bias,
        **more,
    }


def conv(call: Call, weight_at: int = 1, bias_at: int = 2, elementwise: int = 0) -> Work:
    # x (B, M, *n), weight (N, M/groups, *k), out (B, N, *m); `elementwise` operations an element of what follows in one
    weight = call.shape(weight_at)
    macs = convolution(call.elements, prod(weight), weight[0])
    return product(call, macs, elementwise * call.elements, **window(call, weight, call.has(bias_at)))


def _causal_conv(call: Call) -> Work:
    # depthwise over one axis, out as long as x: weight (M, 1, k)
    weight = call.shape(1)
    facts: dict[str, Any] = {
        "kernel": weight[2:],
        "stride": (1,),
        "dilation": (1,),
        "groups": weight[0],
        "bias": call.has(2),
        "padding": "causal",
    }
    return product(call, convolution(call.elements, prod(weight), weight[0]), **facts)


def _conv_transpose(call: Call) -> Work:
    # every *input* position meets the whole weight (M, N/groups, *k)
    weight, x = call.shape(1), call.shape(0)
    facts = window(call, weight, call.has(2), output_padding=call.numbers("output_padding", (0,) * max(len(weight) - 2, 0)))
    return product(call, convolution(prod(x), prod(weight), weight[0]), **facts)


# Matrix products


def matmul(call: Call, a_at: int = 0, elementwise: int = 0) -> Work:
    a = call.shape(a_at)
    axis = -2 if call.number("transA", 0) and len(a) > 1 else -1
    return product(call, matrix_product(call.elements, a[axis] if a else 1), elementwise * call.elements)


def gemm(call: Call, a_at: int = 0, bias_at: int = 2, elementwise: int = 0) -> Work:
    work = matmul(call, a_at, elementwise)
    return work._replace(facts={"bias": call.has(bias_at)})


def _einsum(call: Call) -> Work:
    """Two operands at once, from the left, each letter summed as soon as no later operand and no output has it."""
    equation = str(call.attributes.get("equation", "")).replace(" ", "")
    shapes = [call.shape(i) for i in range(len(call.inputs))]
    terms, sizes = spelled(equation, shapes)
    *given, wanted = terms
    if len(given) == 1:
        return Work(0, 0, call.elements if set(given[0]) - set(wanted) else 0, {"equation": equation})
    macs = activations = 0
    left = given[0]
    for i, right in enumerate(given[1:], 2):
        met = "".join(dict.fromkeys(left + right))
        later = set("".join(given[i:]) + wanted)
        macs += prod(sizes[letter] for letter in met)
        left = "".join(letter for letter in met if letter in later)
        activations += prod(sizes[letter] for letter in left)
    return Work(macs, activations, 0, {"equation": equation})


def spelled(equation: str, shapes: list[Shape]) -> tuple[list[str], dict[str, int]]:
    """The letters of each operand and of the output, those of an ellipsis as capitals beyond them, and the size of each letter.

    Raises ShapeUnknown for an equation that does not fit the shapes.
    """
    left, arrow, right = equation.partition("->")
    given = left.split(",")
    hidden = max((len(shape) - len(term.replace("...", "")) for term, shape in zip(given, shapes, strict=False)), default=0)
    extra = "".join(chr(0x3B1 + i) for i in range(max(hidden, 0)))  # letters that no equation has
    sizes: dict[str, int] = {}
    terms = []
    if len(given) != len(shapes):
        raise ShapeUnknown
    for term, shape in zip(given, shapes, strict=True):
        missing = len(shape) - len(term.replace("...", ""))
        letters = term.replace("...", extra[len(extra) - missing :] if missing > 0 else "")
        if len(letters) != len(shape):
            raise ShapeUnknown
        for letter, side in zip(letters, shape, strict=True):
            sizes[letter] = max(side, sizes.get(letter, 1))
        terms.append(letters)
    every = "".join(terms)
    once = "".join(sorted(letter for letter in set(every) if every.count(letter) == 1 and letter not in extra))
    out = right.replace("...", extra) if arrow else extra + once
    if set(out) - sizes.keys():
        raise ShapeUnknown
    return [*terms, out], sizes


# Recurrence


def recurrent(call: Call, gates: int, transposed: bool = False) -> Work:
    # X (T, B, I), or (B, T, I) with layout 1; W (D, G·H, I), R (D, G·H, H), or ONNX Runtime's transposed (D, I, G·H)
    x, w, r = call.shape(0), call.shape(1), call.shape(2)
    directions, side = w[0], r[-2] if transposed else r[-1]
    wide = directions * gates * side
    facts = {"input_size": x[-1], "hidden_size": side, "num_layers": 1, "bias": call.has(3), "bidirectional": directions == 2}
    work = recurrence(x[0] * x[1], [(wide, x[-1]), (wide, side)])
    return work._replace(facts=facts)


# Attention


def heads(shape: Shape, count: int) -> Shape:
    """(B, H, L, E) of (B, L, H·E)."""
    if len(shape) == 4:
        return shape
    if len(shape) != 3 or count < 1:
        raise ShapeUnknown
    return (shape[0], count, shape[1], shape[2] // count)


def _attention(call: Call) -> Work:
    """ONNX's own, of opset 23: queries, keys, values; a mask, and keys and values of the past, which stand first."""
    count = call.number("q_num_heads", 0)
    q = heads(call.shape(0), count)
    k, v = (heads(call.shape(i), call.number("kv_num_heads", count)) for i in (1, 2))
    past = call.shape(4)[-2] if call.has(4) else 0
    k, v = ((*shape[:-2], shape[-2] + past, shape[-1]) for shape in (k, v))
    return attention(q, k, v, bool(call.number("is_causal", 0)), call.elements)


PRODUCTS: dict[str, Product] = {
    "Conv": Product("conv", "conv", conv, "xwb"),
    "DeformConv": Product("conv", "conv", partial(conv, bias_at=3), "xwxbx"),
    "CausalConvWithState": Product("conv", "conv", _causal_conv, "xwbx"),
    "ConvTranspose": Product("conv_transpose", "conv_transpose", _conv_transpose, "xwb"),
    "ConvInteger": Product("conv", "conv", partial(conv, bias_at=99), "xwqq"),
    "QLinearConv": Product("conv", "conv", partial(conv, weight_at=3, bias_at=8), "xqqwqqqqb"),
    "Gemm": Product("linear", "linear", gemm, "xwb"),
    "MatMul": Product("matmul", "matmul", matmul, "ww"),
    "MatMulInteger": Product("matmul", "matmul", matmul, "wwqq"),
    "QLinearMatMul": Product("matmul", "matmul", matmul, "wqqwqqqq"),
    "Einsum": Product("einsum", "matmul", _einsum, "w" * 16),
    "LSTM": Product("lstm", "recurrent", partial(recurrent, gates=4), "xwwb.qqw"),
    "GRU": Product("gru", "recurrent", partial(recurrent, gates=3), "xwwb.q"),
    "RNN": Product("rnn", "recurrent", partial(recurrent, gates=1), "xwwb.q"),
    "Attention": Product("attention", "attention", _attention, "xxxqxx"),
}
"""Of ONNX's own domain."""
