"""The shapes that a node makes: onnx's own inference, asked node by node, with the sizes and small values that are known.

It is C++, and trusts what it is given: what it would divide by, or fill the memory with, is looked at here first. A node is
never given a graph to walk, so no depth and no circle reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from profiler.errors import ProfilerError, ShapeError, quoted, shortened
from profiler.onnx_graph.calls import Call, ShapeUnknown
from profiler.onnx_graph.own_shapes import OWN
from profiler.onnx_graph.reading import check_shape
from profiler.onnx_graph.spreading import spread_shapes
from profiler.onnx_graph.values import Value
from profiler.records.profile import Shape

Typed = tuple[Shape | None, int]
"""A shape and a dtype, of which neither may be known."""

_SAME = frozenset(
    [
        "Relu",
        "LeakyRelu",
        "Elu",
        "Selu",
        "Celu",
        "Sigmoid",
        "HardSigmoid",
        "HardSwish",
        "Tanh",
        "Softmax",
        "LogSoftmax",
        "Hardmax",
        "Softplus",
        "Softsign",
        "Exp",
        "Log",
        "Sqrt",
        "Erf",
        "Neg",
        "Abs",
        "Ceil",
        "Floor",
        "Round",
        "Reciprocal",
        "Sign",
        "Sin",
        "Cos",
        "Tan",
        "Identity",
        "Clip",
        "Gelu",
        "Mish",
        "ThresholdedRelu",
        "Shrink",
        "LRN",
        "InstanceNormalization",
        "GroupNormalization",
        "PRelu",
        "Not",
    ]
)
"""Operators whose first output is as its first input."""
_SPREAD = frozenset(["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean"])
"""Operators whose output is of the dtype of its inputs, spread over each other."""
_POSITIVE = frozenset(
    [
        "strides",
        "dilations",
        "kernel_shape",
        "group",
        "blocksize",
        "num_groups",
        "num_heads",
        "kv_num_heads",
        "q_num_heads",
        "num_outputs",
        "hidden_size",
        "output_width",
        "output_height",
        "pooled_shape",
        "size",
        "block_size",
    ]
)
"""Attributes that are sizes: onnx divides by some of them."""
_LARGEST_NUMBER = 1 << 31
_ANY_NUMBER = frozenset(["starts", "ends", "value_int", "value_ints", "to", "dtype", "seed", "axis", "axes", "sparse_value"])
"""Attributes whose numbers are no sizes; an end may be the largest integer."""
MOST_DATA = 4096
"""Elements of a tensor whose values are known to the inference, at most."""


class Inference:
    """Schemas of the operators at the versions that a file imports."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._schemas: dict[tuple[str, str, int], Any] = {}

    def schema(self, domain: str, op: str, opsets: Mapping[str, int]) -> Any:
        """onnx's description of an operator; None where it has none."""
        key = (domain, op, opsets.get(domain, 1))
        if key not in self._schemas:
            from onnx import defs

            try:
                self._schemas[key] = defs.get_schema(op, key[2], domain)
            except (defs.SchemaError, ValueError, TypeError, OverflowError):
                self._schemas[key] = None
        return self._schemas[key]

    def outputs(self, call: Call, opsets: Mapping[str, int]) -> list[Typed]:
        """What a node makes, an entry for each of its outputs. Raises ShapeError where its inputs do not fit."""
        count = len(call.node.output)
        first = call.inputs[0] if call.inputs else None
        if not call.domain and first is not None and first.shape is not None and count == 1:
            if call.op in _SAME:
                return [(first.shape, first.code)]
            if call.op in _SPREAD and (shape := spread(call.inputs)) is not None:
                return [(shape, first.code)]
        schema = self.schema(call.domain, call.op, opsets)
        unknown: list[Typed] = [(None, 0)] * count
        if schema is None or not schema.has_type_and_shape_inference_function:
            return unknown
        self._check(call)
        if not call.domain and call.op in OWN:
            return self._own(call)
        types, data = {}, {}
        for name, value in zip(call.node.input, call.inputs, strict=True):
            if value is None:
                continue
            if not value.code:
                return unknown
            types[name] = _type(value.code, value.shape)
            if value.data is not None:
                data[name] = _tensor(value.data)
        found = self._asked(schema, call, types, data, opsets)
        return [_typed(self.name, name, found.get(name)) for name in call.node.output]

    def _own(self, call: Call) -> list[Typed]:
        first = call.inputs[0]
        code = 0 if first is None else first.code
        try:
            shapes = OWN[call.op](call)
        except ShapeUnknown:
            return [(None, code)] * len(call.node.output)
        for shape in shapes:
            check_shape(self.name, call.op, shape)
        return [(shape, code) for shape in shapes]

    def _asked(self, schema: Any, call: Call, types: Any, data: Any, opsets: Mapping[str, int]) -> Any:
        from onnx import helper, shape_inference

        imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items() if 0 < version < _LARGEST_NUMBER]
        try:
            return shape_inference.infer_node_outputs(schema, call.node, types, data, opset_imports=imports)
        except Exception as fault:  # InferenceError and ValidationError of onnx, and what its C++ throws besides
            if call.op == "Range" or any(value is not None and value.shape is None for value in call.inputs):
                return {}  # runtimes take a Range of tensors of one element, which onnx refuses
            said = shortened(str(fault).replace("[ShapeInferenceError]", "").replace("[TypeInferenceError]", ""), 200)
            raise ShapeError(f"its inputs do not fit: {said.strip(' .')}") from None

    def _check(self, call: Call) -> None:
        """Refuse what the C++ would divide by, or would make of too large a size. Raises ProfilerError."""
        for name, value in call.attributes.items():
            numbers = [value] if isinstance(value, int) else value if isinstance(value, list) else []
            for number in numbers:
                if not isinstance(number, int):
                    break
                if (name in _POSITIVE and number < 1) or (name not in _ANY_NUMBER and abs(number) > _LARGEST_NUMBER):
                    raise ProfilerError(
                        f"{self.name}: the attribute {quoted(name)} of a {quoted(call.op)} is {number}, which is too large; "
                        "export it again"
                    )
            if len(numbers) > MOST_DATA:
                raise ProfilerError(
                    f"{self.name}: the attribute {quoted(name)} of a {quoted(call.op)} has {len(numbers):,} numbers; "
                    "export it again"
                )


def spread(inputs: Sequence[Value | None]) -> Shape | None:
    """The shape that tensors have when they are spread over each other; None where one is unknown or they do not fit."""
    shapes = [value.shape for value in inputs if value is not None]
    known = [shape for shape in shapes if shape is not None]
    return spread_shapes(known) if len(known) == len(shapes) else None


@lru_cache(maxsize=4096)
def _type(code: int, shape: Shape | None) -> Any:
    from onnx import TypeProto

    made = TypeProto()
    made.tensor_type.elem_type = code
    if shape is not None:
        made.tensor_type.shape.SetInParent()
        for side in shape:
            made.tensor_type.shape.dim.add().dim_value = side
    return made


def _tensor(data: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(data)


def _typed(name: str, tensor: str, found: Any) -> Typed:
    if found is None or not found.HasField("tensor_type"):
        return (None, 0)
    held = found.tensor_type
    if not held.HasField("shape"):
        return (None, held.elem_type)
    sides = []
    for dim in held.shape.dim:
        if not dim.HasField("dim_value"):
            return (None, held.elem_type)
        sides.append(dim.dim_value)
    if sides and min(sides) < 0:
        raise ShapeError(f"its output {'x'.join(map(str, sides))} does not fit its inputs")
    check_shape(name, tensor, sides)
    return (tuple(sides), held.elem_type)
