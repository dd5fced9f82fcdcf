"""What onnx-tool 1.0.1 counts of a node (its node.py): operations by weights of its own, the instructions of x86 for most.

An exponential is 32 of them, a division 4, a square root 24; of a normalisation, a pooling and an addition every element
counts, whole numbers and constants too. Nodes that it hides (reshapes, constants) count nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from profiler.onnx_graph.calls import Call, ShapeUnknown
from profiler.onnx_graph.operators import spelled
from profiler.records.profile import Shape

FACT = "onnx_tool"
"""Where a row's facts hold the count: with that of the nodes before it that have no row."""
EXP, LOG, DIV, SQRT, SIN = 32, 43, 4, 24, 39
TANH = EXP + 2 + DIV
ATAN = SQRT + 3 + 1 + DIV

_BY_INPUTS = {
    "Add": 1, "Sub": 1, "Mul": 1, "Div": DIV, "Mod": 1, "Min": 1, "Max": 1, "Neg": 1, "Abs": 1, "Ceil": 1, "Sqrt": SQRT,
    "Pow": EXP, "Sin": SIN, "Cos": SIN, "Sign": 1, "HardSigmoid": 4, "HardSwish": 5, "Relu": 1, "Gelu": EXP + 2, "LeakyRelu": 2,
    "Reciprocal": DIV, "InstanceNormalization": 3 + DIV, "LpNormalization": EXP + 1, "Hardmax": 1,
}  # fmt: skip
"""An element of the output, once for each input beside the first, at least once."""
_ONCE = {
    "Exp": EXP, "Sigmoid": EXP, "Softmax": EXP + DIV, "LogSoftmax": EXP + DIV + 1 + LOG, "Softplus": EXP + 1 + LOG, "Log": LOG,
    "Tanh": 2 * TANH, "Atan": 2 * ATAN, "Elu": EXP + 3, "PRelu": 2, "Clip": 2, "Less": 1, "LessOrEqual": 1, "Round": 1,
    "Not": 1, "And": 1, "Or": 1, "Xor": 1, "Equal": 1, "Greater": 1, "GreaterOrEqual": 1, "Floor": 1, "NonZero": 1, "CumSum": 1,
    "QuantizeLinear": 2, "DequantizeLinear": 2, "BatchNormalization": SQRT + DIV + 3,
}  # fmt: skip
"""An element of the output."""
_READ = {"ReduceMean": 1, "ReduceProd": 1, "ReduceSum": 1, "ReduceMin": 1, "ReduceMax": 1, "ReduceL2": 1 + SQRT}
"""An element of the input."""


def volume(shape: Shape) -> int:
    """Elements as it counts them: none of a scalar."""
    return prod(shape) if shape else 0


def tool_count(call: Call) -> int:
    """What it prints for a node; nothing where a shape is not known or the operator is none of its table."""
    if call.domain:
        return 0
    try:
        if call.op in _BY_INPUTS:
            return volume(call.made) * max(1, len(_given(call)) - 1) * _BY_INPUTS[call.op]
        if call.op in _ONCE:
            return volume(call.made) * _ONCE[call.op]
        if call.op in _READ:
            return volume(call.shape(0)) * _READ[call.op]
        return _RULES[call.op](call) if call.op in _RULES else 0
    except (ShapeUnknown, IndexError):
        return 0


def _given(call: Call) -> list[object]:
    return [value for value in call.inputs if value is not None]


def _conv(call: Call, weight: int = 1, bias: int = 2) -> int:
    kernel, made = call.shape(weight), volume(call.made)
    return made * volume(kernel[1:]) + (made if call.has(bias) else 0)


def _gemm(call: Call) -> int:
    weight, made = call.shape(1), volume(call.made)
    if call.op == "Gemm":
        macs = made * weight[-1 if call.number("transB", 0) > 0 else -2]
    else:
        macs = made * weight[-2] if len(weight) > 1 else made
    return macs + (made if len(_given(call)) == 3 else 0)


def _einsum(call: Call) -> int:
    _, sizes = spelled(str(call.attributes.get("equation", "")).replace(" ", ""), [call.shape(0), call.shape(1)])
    return prod(sizes.values())


def _pool(call: Call) -> int:
    kernel = call.numbers("kernel_shape", (3, 3))
    return volume(call.made) * prod(kernel[:2] if len(kernel) == 2 else kernel[:1])


def _resize(call: Call) -> int:
    each = {"linear": 4, "cubic": 8, "nearest": 0}.get(str(call.attributes.get("mode", "nearest")), 1)
    return volume(call.made) * each


def _layer_norm(call: Call) -> int:
    x = list(call.shape(0))
    whole = volume(tuple(x))
    x[call.number("axis", -1) % len(x)] = 1
    return whole * 7 + volume(tuple(x)) * (1 + SQRT + DIV)


def _recurrent(call: Call, gates: int, sigmoids: int, tanhs: int, blend: int) -> int:
    x, w, r = call.shape(0), call.shape(1), call.shape(2)
    steps, state = x[0] * x[1], x[0] * x[1] * (w[1] // gates)
    products = (prod(w) + prod(r) + (prod(call.shape(3)) if call.has(3) else 0)) * steps
    return products + state * (gates + sigmoids * EXP + tanhs * TANH + blend)


_RULES: dict[str, Callable[[Call], int]] = {
    "Conv": _conv,
    "ConvTranspose": _conv,
    "ConvInteger": lambda call: _conv(call, bias=99),
    "QLinearConv": lambda call: _conv(call, weight=3, bias=8),
    "Gemm": _gemm,
    "MatMul": _gemm,
    "MatMulInteger": _gemm,
    "QLinearMatMul": lambda call: volume(call.shape(0)) * call.shape(3)[-1],
    "Einsum": _einsum,
    "Sum": lambda call: volume(call.made) * (len(_given(call)) - 1),
    "MaxPool": _pool,
    "AveragePool": _pool,
    "GlobalAveragePool": lambda call: volume(call.shape(0)) + volume(call.made) * DIV,
    "Resize": _resize,
    "Upsample": _resize,
    "LRN": lambda call: volume(call.made) * (DIV + EXP + 1 + call.number("size", 1)),
    "LayerNormalization": _layer_norm,
    "LSTM": lambda call: _recurrent(call, 4, 3, 2, 4),
    "GRU": lambda call: _recurrent(call, 3, 2, 1, 5),
}
