"""The values of small tensors that are made of shapes and constants: what Reshape, Expand and Resize are given.

Tables of exporters write a shape as a dozen nodes (Shape, Gather, Concat …); numpy computes them, on tensors of a few
elements whose shapes are known before.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from profiler.onnx_graph.calls import Call
from profiler.onnx_graph.inference import MOST_DATA
from profiler.records.profile import Shape


def shape_data(call: Call) -> Any:
    """What Shape and Size give, of an input whose shape is known; None of other nodes."""
    if call.domain or call.op not in ("Shape", "Size") or not call.has(0):
        return None
    shape = call.value(0).shape
    if shape is None:
        return None
    import numpy as np

    if call.op == "Size":
        return np.array(prod(shape), dtype=np.int64)
    start, end = call.number("start", 0), call.number("end", len(shape))
    return np.array(shape[start:end], dtype=np.int64)


def folded(call: Call, shape: Shape | None) -> list[Any] | None:
    """The values of a node's outputs, of inputs whose values are all known; None where that is not for here.

    `shape` is the one that its first output has, as the inference found it.
    """
    rule = _RULES.get(call.op) if not call.domain else None
    if rule is None or (shape is None and call.op != "NonZero") or prod(shape or ()) > MOST_DATA:
        return None
    given = [None if value is None else value.data for value in call.inputs]
    if any(value is not None and value.data is None for value in call.inputs):
        return None
    import numpy as np

    try:
        with np.errstate(all="ignore"):
            found = rule(np, call, *given)
    except Exception:  # numbers that do not fit, of a file that is wrong: its shapes stay unknown
        return None
    many = found if isinstance(found, list) else [found]
    return [np.asarray(each) for each in many] if all(np.size(each) <= MOST_DATA for each in many) else None


def _axes(call: Call, given: Any) -> tuple[int, ...] | None:
    """Axes as an input, or as the attribute of earlier versions."""
    if given is not None:
        return tuple(int(axis) for axis in given.reshape(-1)) or None
    found = call.numbers("axes", ())
    return found or None


def _unsqueeze(np: Any, call: Call, x: Any, axes: Any = None) -> Any:
    wanted = _axes(call, axes) or ()
    rank = x.ndim + len(wanted)
    for axis in sorted(axis % rank for axis in wanted):
        x = np.expand_dims(x, axis)
    return x


def _slice(np: Any, call: Call, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Any:
    begin = call.numbers("starts", ()) if starts is None else tuple(map(int, starts))
    end = call.numbers("ends", ()) if ends is None else tuple(map(int, ends))
    along = _axes(call, axes) or tuple(range(len(begin)))
    step = (1,) * len(begin) if steps is None else tuple(map(int, steps))
    cut = [slice(None)] * x.ndim
    for a, b, axis, by in zip(begin, end, along, step, strict=True):
        cut[axis] = slice(a, None if by < 0 and b < -x.shape[axis] else b, by)
    return x[tuple(cut)]


def _cast(np: Any, call: Call, x: Any) -> Any:
    kinds = {1: "f4", 2: "u1", 3: "i1", 4: "u2", 5: "i2", 6: "i4", 7: "i8", 9: "?", 10: "f2", 11: "f8", 12: "u4", 13: "u8"}
    return x.astype(kinds[call.number("to", 0)])


def _reduced(name: str) -> Callable[..., Any]:
    def rule(np: Any, call: Call, x: Any, axes: Any = None) -> Any:
        wanted = _axes(call, axes)
        if wanted is None and call.number("noop_with_empty_axes", 0):
            return x
        return getattr(np, name)(x, axis=wanted, keepdims=bool(call.number("keepdims", 1)))

    return rule


def _divided(np: Any, call: Call, a: Any, b: Any) -> Any:
    if a.dtype.kind == "f":
        return a / b
    return (np.sign(a) * np.sign(b) * (abs(a) // abs(b))).astype(a.dtype)  # towards 0, as C divides


def _modulo(np: Any, call: Call, a: Any, b: Any) -> Any:
    return np.fmod(a, b) if call.number("fmod", 0) else np.mod(a, b)


def _constant_of_shape(np: Any, call: Call, shape: Any) -> Any:
    from profiler.onnx_graph.reading import small_data

    tensor = call.attributes.get("value")
    value = np.zeros(1, dtype=np.float32) if tensor is None else small_data(tensor, 1)
    return np.full(tuple(map(int, shape)), value.reshape(()), dtype=value.dtype)


def _split(np: Any, call: Call, x: Any, sizes: Any = None) -> Any:
    axis, parts = call.number("axis", 0), len(call.node.output)
    sides = call.numbers("split", ()) if sizes is None else tuple(map(int, sizes))
    whole = -(-x.shape[axis] // parts)
    ends = np.cumsum(sides)[:-1] if sides else [whole * i for i in range(1, parts)]
    return list(np.split(x, ends, axis))


def _reshape(np: Any, call: Call, x: Any, shape: Any) -> Any:
    kept = not call.number("allowzero", 0)
    return x.reshape([x.shape[i] if side == 0 and kept else int(side) for i, side in enumerate(shape)])


def _squeeze(np: Any, call: Call, x: Any, axes: Any = None) -> Any:
    return np.squeeze(x, _axes(call, axes))


_RULES: dict[str, Callable[..., Any]] = {
    "Identity": lambda np, call, x: x,
    "Cast": _cast,
    "CastLike": lambda np, call, x, like: x.astype(like.dtype),
    "Gather": lambda np, call, x, i: np.take(x, i, axis=call.number("axis", 0)),
    "GatherElements": lambda np, call, x, i: np.take_along_axis(x, i, axis=call.number("axis", 0)),
    "Concat": lambda np, call, *given: np.concatenate(given, axis=call.number("axis", 0)),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Split": _split,
    "Reshape": _reshape,
    "Transpose": lambda np, call, x: np.transpose(x, call.numbers("perm", ()) or None),
    "Expand": lambda np, call, x, shape: x * np.ones(tuple(map(int, shape)), dtype=x.dtype),
    "Tile": lambda np, call, x, repeats: np.tile(x, tuple(map(int, repeats))),
    "Range": lambda np, call, a, b, step: np.arange(a.item(), b.item(), step.item()).astype(a.dtype),
    "ConstantOfShape": _constant_of_shape,
    "NonZero": lambda np, call, x: np.array(np.nonzero(x), dtype=np.int64),
    "Where": lambda np, call, mask, a, b: np.where(mask, a, b),
    "Add": lambda np, call, a, b: a + b,
    "Sub": lambda np, call, a, b: a - b,
    "Mul": lambda np, call, a, b: a * b,
    "Div": _divided,
    "Mod": _modulo,
    "Pow": lambda np, call, a, b: np.power(a, b).astype(a.dtype),
    "Sqrt": lambda np, call, x: np.sqrt(x),
    "Neg": lambda np, call, x: -x,
    "Abs": lambda np, call, x: abs(x),
    "Floor": lambda np, call, x: np.floor(x),
    "Ceil": lambda np, call, x: np.ceil(x),
    "Round": lambda np, call, x: np.rint(x),
    "Min": lambda np, call, *given: np.minimum.reduce(np.broadcast_arrays(*given)),
    "Max": lambda np, call, *given: np.maximum.reduce(np.broadcast_arrays(*given)),
    "Equal": lambda np, call, a, b: a == b,
    "Less": lambda np, call, a, b: a < b,
    "LessOrEqual": lambda np, call, a, b: a <= b,
    "Greater": lambda np, call, a, b: a > b,
    "GreaterOrEqual": lambda np, call, a, b: a >= b,
    "Not": lambda np, call, x: ~x,
    "And": lambda np, call, a, b: a & b,
    "Or": lambda np, call, a, b: a | b,
    "ReduceProd": _reduced("prod"),
    "ReduceSum": _reduced("sum"),
    "ReduceMin": _reduced("min"),
    "ReduceMax": _reduced("max"),
}  # fmt: skip
