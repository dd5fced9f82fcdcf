"""The shapes of a few operators in Python: those whose inference in onnx's C++ ends the process for inputs that do not fit.

Found by calling the inference of every operator at every version with random attributes, shapes and values
(benchmarks/onnx_inference.py): Split 18 reads beyond its sizes, LayerNormalization 17 beyond its axes, and Expand makes as many
axes as its second input is long. Reductions stand here for another reason, which is theirs.
"""

from __future__ import annotations

from collections.abc import Callable

from profiler.errors import ShapeError
from profiler.onnx_graph.calls import Call, ShapeUnknown
from profiler.onnx_graph.spreading import spread_shapes
from profiler.records.profile import Shape


def _numbers(call: Call, i: int) -> tuple[int, ...]:
    """The values of an input of whole numbers. Raises ShapeUnknown."""
    data = call.value(i).data
    if data is None or data.dtype.kind not in "iu":
        raise ShapeUnknown
    return tuple(int(n) for n in data.reshape(-1))


def _split(call: Call) -> list[Shape]:
    x, parts = call.shape(0), len(call.node.output)
    axis = call.number("axis", 0)
    if not -len(x) <= axis < len(x):
        raise ShapeError(f"it splits axis {axis} of {len(x)}")
    sides = _numbers(call, 1) if call.has(1) else call.numbers("split", ())
    whole = x[axis]
    if not sides:
        parts = call.number("num_outputs", parts)
        each = -(-whole // parts)  # the last is what is left
        sides = tuple(max(0, min(each, whole - i * each)) for i in range(len(call.node.output)))
    if len(sides) != len(call.node.output) or sum(sides) != whole or min(sides) < 0:
        raise ShapeError(f"it splits {whole} into {len(call.node.output)} parts that do not make it")
    axis %= len(x)
    return [(*x[:axis], side, *x[axis + 1 :]) for side in sides]


def _layer_norm(call: Call) -> list[Shape]:
    x, axis = call.shape(0), call.number("axis", -1)
    if not -len(x) <= axis < len(x):
        raise ShapeError(f"it normalises from axis {axis} of {len(x)}")
    statistics = (*x[: axis % len(x)], *(1 for _ in x[axis % len(x) :]))
    return [x, statistics, statistics][: len(call.node.output)]


def _expand(call: Call) -> list[Shape]:
    made = spread_shapes([call.shape(0), _numbers(call, 1)])
    if made is None:
        raise ShapeError(f"it spreads {call.shape(0)} over {_numbers(call, 1)[:8]}")
    return [made]


def _reduced(call: Call) -> list[Shape]:
    # an empty list of axes is all of them, unless it says otherwise: onnx takes it for none
    x = call.shape(0)
    axes = _numbers(call, 1) if call.has(1) else call.numbers("axes", ())
    if not axes:
        axes = () if call.number("noop_with_empty_axes", 0) else tuple(range(len(x)))
    if any(not -len(x) <= axis < len(x) for axis in axes):
        raise ShapeError(f"it reduces axes {axes[:8]} of {len(x)}")
    gone = {axis % len(x) for axis in axes}
    if call.number("keepdims", 1):
        return [tuple(1 if axis in gone else side for axis, side in enumerate(x))]
    return [tuple(side for axis, side in enumerate(x) if axis not in gone)]


_REDUCED = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")

OWN: dict[str, Callable[[Call], list[Shape]]] = {
    "Split": _split,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _layer_norm,
    "Expand": _expand,
    **{f"Reduce{name}": _reduced for name in _REDUCED},
}
"""Operator → the shapes of its outputs. Raises ShapeUnknown, ShapeError."""
