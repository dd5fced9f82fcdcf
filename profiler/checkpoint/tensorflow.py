"""The constants of a frozen TensorFlow graph (`.pb`), with the roles that the operators which read them give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from profiler.checkpoint.protobuf import BYTES, Malformed, fields, message, numbers, text
from profiler.checkpoint.tensors import (
    BLOCK,
    ITEM_BYTES,
    Array,
    Blocks,
    Checkpoint,
    StoredTensor,
    blocks_of,
    checked_names,
    checked_shape,
    mapped,
    refuse,
)
from profiler.errors import quoted

DTYPES = {
    1: "float32", 2: "float64", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 9: "int64", 10: "bool", 14: "bfloat16",
    17: "uint16", 19: "float16", 22: "uint32", 23: "uint64",
}  # fmt: skip
"""tensorflow.DataType."""
NODE = 1
SHAPE, CONTENT, FLOATS, DOUBLES, HALVES = 2, 4, 5, 6, 13
LISTS = {FLOATS: "<f4", DOUBLES: "<f8"}
WEIGHTS = {"Conv2D": -1, "DepthwiseConv2dNative": 2, "MatMul": -1, "Conv3D": -1}
"""{operator: the axis of its output channels in its second input, the weight}; of a depthwise one that of its channels."""
NORM = ("scale", "shift", "mean", "variance")
NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
NAMED = {"gamma": "scale", "beta": "shift", "moving_mean": "mean", "moving_variance": "variance"}
"""What TensorFlow's layers call the parameters of a normalisation."""


class _Node(NamedTuple):
    name: str
    op: str
    inputs: tuple[str, ...]
    value: memoryview | None
    """The tensor of a constant."""
    transposed: bool


def read(path: Path) -> Checkpoint:
    """The constants of two or more numbers, none of them read yet. Raises ProfilerError for a file of another kind."""
    try:
        nodes = {node.name: node for node in _nodes(mapped(path))}
        if not any(node.op for node in nodes.values()):
            refuse(path, "it is not a TensorFlow graph", "freeze the graph and name that file")
        uses = dict(_uses(nodes))
        made = [_constant(path, node, uses) for node in nodes.values() if node.op == "Const" and node.value is not None]
    except Malformed as fault:
        refuse(path, f"it is not a TensorFlow graph ({fault})", "freeze the graph and name that file")
    tensors = [tensor for tensor in made if tensor is not None and tensor.shape]
    passed = len(made) - len(tensors)
    return Checkpoint(
        str(path),
        "tensorflow",
        checked_names(path, tensors),
        (f"{passed} scalars and texts were passed over",) if passed else (),
    )


def _nodes(graph: memoryview) -> Iterator[_Node]:
    for number, _, value in fields(graph):
        if number != NODE:
            continue
        name, op, inputs, tensor, transposed = "", "", [], None, False
        for key, _, inner in fields(message(value)):
            if key == 1:
                name = text(inner)
            elif key == 2:
                op = text(inner)
            elif key == 3:
                inputs.append(text(inner))
            elif key == 5:
                called, kind, found = _attribute(message(inner))
                tensor = message(found) if called == "value" and kind == 8 else tensor
                transposed = bool(found) if called == "transpose_b" and kind == 5 else transposed
        yield _Node(name, op, tuple(inputs), tensor, transposed)


def _attribute(entry: memoryview) -> tuple[str, int, Any]:
    """(name, field of its value, value) of an entry of a node's attributes."""
    name, kind, found = "", 0, None
    for number, _, value in fields(entry):
        if number == 1:
            name = text(value)
        elif number == 2:
            for kind, _, found in fields(message(value)):  # noqa: B007  # the last one stands
                pass
    return name, kind, found


def _uses(nodes: Mapping[str, _Node]) -> Iterator[tuple[str, tuple[str, int]]]:
    """(constant, (role, axis of its output channels)), by the operators that read it, through identities."""
    for node in nodes.values():
        if node.op in WEIGHTS and len(node.inputs) > 1:
            role = "depthwise" if node.op.startswith("Depthwise") else "linear" if node.op == "MatMul" else "conv"
            yield _source(nodes, node.inputs[1]), (role, 0 if node.transposed else WEIGHTS[node.op])
        elif node.op in NORMS:
            yield from ((_source(nodes, each), (role, 0)) for each, role in zip(node.inputs[1:5], NORM, strict=False))
        elif node.op == "BiasAdd" and len(node.inputs) > 1:
            yield _source(nodes, node.inputs[1]), ("bias", 0)


def _source(nodes: Mapping[str, _Node], name: str) -> str:
    for _ in range(10):
        name = name.partition(":")[0].removeprefix("^")
        node = nodes.get(name)
        if node is None or node.op not in ("Identity", "Enter", "FakeQuantWithMinMaxVars") or not node.inputs:
            break
        name = node.inputs[0]
    return name


def _constant(path: Path, node: _Node, uses: Mapping[str, tuple[str, int]]) -> StoredTensor | None:
    assert node.value is not None
    kind, dims, content, lists = 0, [], None, []
    for number, wire, value in fields(node.value):
        if number == 1:
            kind = int(value)
        elif number == SHAPE:
            dims = [
                next((each for key, _, each in fields(message(dim)) if key == 1), 0)
                for k, _, dim in fields(message(value))
                if k == 2
            ]
        elif number == CONTENT:
            content = message(value)
        elif number in (FLOATS, DOUBLES, HALVES, 7, 10, 11, 16, 17):
            lists.append((number, wire, value))
    if kind not in DTYPES:
        return None
    dtype, shape = DTYPES[kind], checked_shape(path, node.name, dims)
    elements = prod(shape)
    if content is not None and len(content) == elements * ITEM_BYTES[dtype]:
        blocks = blocks_of(content, dtype)
    elif content is not None and len(content):
        refuse(
            path,
            f"tensor {quoted(node.name)} needs {elements * ITEM_BYTES[dtype]:,} bytes for its shape but has {len(content):,}",
        )
    else:
        blocks = _repeated(path, node.name, elements, _listed(lists, dtype))
    role, axis = uses.get(node.name, (NAMED.get(node.name.rpartition("/")[2], ""), 0))
    axis = axis if -len(shape) <= axis < len(shape) else 0
    return StoredTensor(node.name, shape, dtype, blocks, axis % len(shape) if shape else 0, role)


def _listed(lists: list[tuple[int, int, Any]], dtype: str) -> Array:
    """Numbers that stand as a list."""
    import numpy as np

    from profiler.checkpoint.tensors import values

    parts: list[Array] = []
    for number, wire, value in lists:
        if number in LISTS:
            data = bytes(value) if wire == BYTES else int(value).to_bytes(8 if number == DOUBLES else 4, "little", signed=True)
            if len(data) % np.dtype(LISTS[number]).itemsize:
                raise Malformed("a list of numbers is cut short")
            parts.append(np.frombuffer(data, LISTS[number]))
        elif number == HALVES:
            parts.append(values(np.array(numbers(wire, value), "<u2").tobytes(), dtype))
        else:
            parts.append(np.array(numbers(wire, value), "i8"))
    return np.concatenate(parts) if parts else np.zeros(1, "f4")


def _repeated(path: Path, name: str, elements: int, listed: Array) -> Blocks:
    """The last number of a list that is too short stands for all that follow, as TensorFlow has it."""
    import numpy as np

    if len(listed) > elements:
        refuse(path, f"tensor {quoted(name)} has {elements:,} elements by its shape but holds {len(listed):,}")
    if elements > MOST_REPEATED and len(listed) < elements:
        refuse(path, f"tensor {quoted(name)} has {elements:,} elements by its shape but holds {len(listed):,}")

    def blocks() -> Iterator[Array]:
        for start in range(0, elements, BLOCK):
            stop = min(start + BLOCK, elements)
            yield listed[np.minimum(np.arange(start, stop), len(listed) - 1)]

    return blocks


MOST_REPEATED = 1 << 28
"""Elements of a constant that may be written as fewer."""
