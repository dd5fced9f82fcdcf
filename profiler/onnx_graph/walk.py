"""A graph from its inputs to its outputs, node by node: shapes, small values, functions opened, each call counted.

Sizes of the inputs are known before it begins, so every shape is in whole numbers or unknown. What is made of the file alone
(weights turned, cast, dequantised) is computed once when a runtime loads it, and costs nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from profiler.errors import ProfilerError, ShapeError, quoted
from profiler.onnx_graph.calls import Call, ShapeUnknown
from profiler.onnx_graph.contrib import CONTRIB, DOMAIN
from profiler.onnx_graph.folding import folded, shape_data
from profiler.onnx_graph.inference import MOST_DATA, Inference, Typed
from profiler.onnx_graph.names import CONTROL, ELEMENTWISE, FREE, FROM_SHAPES, JOINED, RANDOM, ROLES, VIEWS
from profiler.onnx_graph.operators import PRODUCTS
from profiler.onnx_graph.paths import path_of
from profiler.onnx_graph.pricing import Pricing
from profiler.onnx_graph.reading import MOST_NODES, File, check_tensor, domain_of, small_data, subgraphs
from profiler.onnx_graph.resolving import as_conv, resolved
from profiler.onnx_graph.rows import Rows, sources
from profiler.onnx_graph.values import Held, Value

Scope = dict[str, Value]
"""Tensors by their names, those of the graphs around it included."""


class Body(NamedTuple):
    """Where a walk stands: the versions of operators there, and the functions that it is inside of."""

    opsets: Mapping[str, int]
    inside: tuple[tuple[str, str, str], ...] = ()
    prefix: str = ""


class Walk:
    """One pass over the graph of a file."""

    def __init__(self, file: File, symbols: Mapping[str, int]) -> None:
        self.file = file
        self.symbols = symbols
        """The sizes that the user gave to what the file leaves open, by its names for them."""
        self.inference = Inference(file.name)
        self.held: list[Held] = []
        self.rows = Rows(self.held)
        self.pricing = Pricing(self.rows)
        self._nodes = 0

    def run(self, inputs: Mapping[str, Value]) -> list[Value]:
        """The graph on its inputs; gives its outputs. Raises ProfilerError, ShapeError with the place of a node."""
        scope: Scope = dict(inputs)
        graph = self.file.model.graph
        self._graph(graph, scope, Body(self.file.opsets))
        self.rows.finish()
        return [self._found(scope, output.name, "the graph's outputs") for output in graph.output]

    # Graphs

    def _graph(self, graph: Any, scope: Scope, body: Body) -> None:
        for tensor in getattr(graph, "initializer", ()):
            scope[tensor.name] = self._tensor(tensor, tensor.name)
        for sparse in getattr(graph, "sparse_initializer", ()):
            dense = tuple(sparse.dims)
            scope[sparse.values.name] = self._tensor(sparse.values, sparse.values.name, dense)
        declared = {info.name: info for info in (*graph.value_info, *getattr(graph, "output", ())) if hasattr(info, "type")}
        for node in graph.node:
            self._node(node, scope, body, declared)

    def _tensor(self, tensor: Any, name: str, dense: tuple[int, ...] | None = None) -> Value:
        """A tensor of the file as a value."""
        held = check_tensor(self.file.name, tensor)._replace(name=name)
        self.held.append(held)
        data = small_data(tensor, MOST_DATA) if dense is None else None
        read = {len(self.held) - 1: ""}
        return Value(held.shape if dense is None else dense, tensor.data_type, data, read, constant=True)

    def _found(self, scope: Scope, name: str, taker: str) -> Value:
        if name not in scope:
            raise ProfilerError(
                f"'{self.file.name}': '{quoted(name)}' is read by {taker} before any node produces it; its nodes form a circle "
                "or out of order: export it again"
            )
        return scope[name]

    # Nodes

    def _node(self, node: Any, scope: Scope, body: Body, declared: Mapping[str, Any]) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise ProfilerError(
                f"'{self.file.name}': its functions expand to more than {MOST_NODES:,} nodes; export it without"
            )
        domain = domain_of(node)
        path = path_of(node, body.prefix)
        inputs = [self._found(scope, name, path) if name else None for name in node.input]
        for value in inputs:
            if value is not None:
                self.rows.met |= value.read.keys()
        call = Call(node, domain, inputs)
        key = (domain, node.op_type, getattr(node, "overload", ""))
        try:
            if not domain and node.op_type == "Constant":
                call.outputs = [self._constant(call)]
            elif key in self.file.functions and not (not domain and (node.op_type in ELEMENTWISE or node.op_type in PRODUCTS)):
                call.outputs = self._function(key, call, body, path)
            elif not domain and node.op_type == "If" and inputs and inputs[0] is not None and inputs[0].data is not None:
                call.outputs = self._branch(call, scope, body)
            else:
                call.outputs = self._outputs(call, body, declared)
                self.rows.counted_apart(call)
                self.pricing.count(call, path, lambda of: self._inside(of, scope))
        except ShapeError as fault:
            raise (fault if fault.path else ShapeError(fault.reason, path)) from None
        for name, value in zip(node.output, call.outputs, strict=False):
            if name:
                scope[name] = value

    def _constant(self, call: Call) -> Value:
        attributes = call.attributes
        tensor = attributes.get("value")
        if tensor is not None:
            return self._tensor(tensor, tensor.name or next(iter(call.node.output), ""))
        import numpy as np

        for name, code in (("value_int", 7), ("value_ints", 7), ("value_float", 1), ("value_floats", 1)):
            if name in attributes:
                data = np.array(attributes[name], dtype=np.int64 if code == 7 else np.float32)
                return Value(data.shape, code, data if data.size <= MOST_DATA else None, constant=True)
        return Value(None, 0, constant=True)

    def _function(self, key: tuple[str, str, str], call: Call, body: Body, path: str) -> list[Value]:
        """A function of the file's own, opened; its nodes have the attributes of the call."""
        function = self.file.functions[key]
        if key in body.inside:
            raise ProfilerError(f"'{self.file.name}': the function {quoted(key[1])} calls itself without end; export it again")
        given = {each.name: each for each in function.attribute_proto} | {each.name: each for each in call.node.attribute}
        opsets = {domain_of(each): each.version for each in function.opset_import} or body.opsets
        inner: Scope = {name: value for name, value in zip(function.input, [*call.inputs], strict=False) if value is not None}
        left_out = set(function.input) - inner.keys()
        within = Body(opsets, (*body.inside, key), path)
        declared = {info.name: info for info in getattr(function, "value_info", ())}
        for node in function.node:
            self._node(resolved(node, given, left_out), inner, within, declared)
        return [self._found(inner, name, path) for name in function.output]

    def _branch(self, call: Call, scope: Scope, body: Body) -> list[Value]:
        """The branch of an If whose condition the file decides."""
        condition = call.value(0).data
        graph = call.attributes.get("then_branch" if bool(condition.reshape(-1)[0]) else "else_branch")
        if graph is None:
            raise ShapeError("it has no branch to run")
        inner: Scope = dict(scope)
        self._graph(graph, inner, body)
        return [self._found(inner, output.name, "a branch") for output in graph.output]

    # What a node makes

    def _outputs(self, call: Call, body: Body, declared: Mapping[str, Any]) -> list[Value]:
        typed = self._typed(call, body)
        if any(shape is None or not code for shape, code in typed):
            known = [self._declared(declared.get(name)) for name in call.node.output]
            typed = [
                (shape if shape is not None else other, code or their)
                for (shape, code), (other, their) in zip(typed, known, strict=True)
            ]
        run = [value for value in call.inputs if value is not None]
        data = shape_data(call)
        fixed = bool(run) and all(value.constant for value in run) and call.op not in RANDOM | CONTROL
        values = [Value(shape, code, rows=sources(run)) for shape, code in typed]
        if data is not None:
            values[0] = Value(data.shape, 7, data, constant=True)
        elif fixed or (run and all(value.data is not None for value in run)):
            computed = folded(call, typed[0][0] if typed else None)
            read = _read(call) if call.op != "ConstantOfShape" else self._filled(call, values[0])
            for i, value in enumerate(values):
                value.read, value.constant, value.rows = read, True, ()
                if computed is not None and i < len(computed):
                    value.data, value.shape = computed[i], computed[i].shape
                    value.code = value.code or _CODES.get(computed[i].dtype.str[1:], 0)
        elif call.op in VIEWS and call.inputs and call.inputs[0] is not None and not call.domain:
            values[0].read = call.inputs[0].read
        return values

    def _filled(self, call: Call, value: Value) -> dict[int, str]:
        """What a node fills with one number, as files without weights hold them."""
        if value.shape is None or not value.dtype.floating:
            return {}
        self.held.append(Held(next(iter(call.node.output), ""), value.shape, value.dtype, value.elements, written=False))
        return {len(self.held) - 1: ""}

    def _typed(self, call: Call, body: Body) -> list[Typed]:
        contrib = CONTRIB.get(call.op) if call.domain == DOMAIN or call.op == "SimplifiedLayerNormalization" else None
        if contrib is None:
            return self.inference.outputs(call, body.opsets)
        rest: list[Typed] = [(None, 0)] * (len(call.node.output) - 1)
        if contrib.as_conv:
            alike = as_conv(call)
            return [*self.inference.outputs(alike, body.opsets)[:1], *rest]
        try:
            shape = contrib.shape(call)
            code = call.value(contrib.typed_by).code
        except (ShapeUnknown, IndexError, ZeroDivisionError):
            return [(None, 0), *rest]
        if shape and min(shape) < 0:
            raise ShapeError(f"its output {'x'.join(map(str, shape))} does not fit its inputs")
        return [(shape, code), *rest]

    def _declared(self, info: Any) -> Typed:
        """What the file itself says of an output."""
        if info is None or not info.type.HasField("tensor_type"):
            return (None, 0)
        held = info.type.tensor_type
        if not held.HasField("shape"):
            return (None, held.elem_type)
        sides = [dim.dim_value if dim.HasField("dim_value") else self.symbols.get(dim.dim_param, -1) for dim in held.shape.dim]
        return (None if any(side < 0 for side in sides) else tuple(sides), held.elem_type)

    def _inside(self, call: Call, scope: Scope) -> Sequence[Value]:
        """The tensors of the file that the graphs of a node hold, or take from around it."""
        found: dict[int, Value] = {}
        waiting = list(subgraphs(call.node))
        while waiting:
            graph = waiting.pop()
            for tensor in graph.initializer:
                value = self._tensor(tensor, tensor.name)
                found[id(value)] = value
            for node in graph.node:
                waiting += subgraphs(node)
                if node.op_type == "Constant":
                    for attribute in node.attribute:
                        if attribute.HasField("t"):
                            value = self._tensor(attribute.t, next(iter(node.output), ""))
                            found[id(value)] = value
                taken = [scope[name] for name in node.input if name in scope and scope[name].read]
                found |= {id(value): value for value in taken}
        for value in found.values():
            self.rows.met |= value.read.keys()
        return list(found.values())


_CODES = {"f4": 1, "u1": 2, "i1": 3, "u2": 4, "i2": 5, "i4": 6, "i8": 7, "b1": 9, "f2": 10, "f8": 11, "u4": 12, "u8": 13}


def _read(call: Call) -> dict[int, str]:
    """The tensors of the file that a value is made of; of a dequantised weight, scales and zero points are buffers."""
    found: dict[int, str] = {}
    apart = call.op in ("DequantizeLinear", "QuantizeLinear")
    roles = ROLES.get(call.op, "")
    for i, value in enumerate(call.inputs):
        if (
            value is None
            or (i and call.op in FREE and call.op not in JOINED)
            or call.op in FROM_SHAPES
            or roles[i : i + 1] == "."
        ):
            continue
        found |= {key: "q" if apart and i else part for key, part in value.read.items()}
    return found
