"""The initialisers of an `.onnx` graph, in raw bytes or in lists; weights in files beside it are refused by name."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from profiler.checkpoint.protobuf import BYTES, Malformed, fields, message, numbers, text
from profiler.checkpoint.tensors import (
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
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16", 17: "float8_e4m3fn", 19: "float8_e5m2",
}  # fmt: skip
"""onnx.TensorProto.DataType."""
GRAPH, NODE, INITIALIZER = 7, 1, 5
DIMS, DATA_TYPE, FLOATS, INT32S, INT64S, NAME, RAW, DOUBLES, LOCATION, UINT64S = 1, 2, 4, 5, 7, 8, 9, 10, 14, 11
EXTERNAL = 1
LISTS = {FLOATS: "<f4", DOUBLES: "<f8"}
CURE = "export it again"


def read(path: Path) -> Checkpoint:
    """The initialisers of a graph, none of them read yet. Raises ProfilerError for a file of another kind."""
    try:
        graphs = [message(value) for number, _, value in fields(mapped(path)) if number == GRAPH]
        found = [
            (number, message(value)) for graph in graphs for number, _, value in fields(graph) if number in (NODE, INITIALIZER)
        ]
        axes = dict(axis for number, node in found if number == NODE for axis in _axis(node))
        tensors = [_initializer(path, each, axes) for number, each in found if number == INITIALIZER]
    except Malformed as fault:
        refuse(path, f"it is not an ONNX model ({fault})", CURE)
    if not graphs:
        refuse(path, "it holds no graph", CURE)
    return Checkpoint(str(path), "onnx", checked_names(path, tensors))


def _axis(node: memoryview) -> list[tuple[str, int]]:
    """Of the weight of a node, the axis of its output channels, where it is not the first."""
    inputs, op, attributes = [], "", {}
    for number, _, value in fields(node):
        if number == 1:
            inputs.append(text(value))
        elif number == 4:
            op = text(value)
        elif number == 5:
            name, integer = "", 0
            for key, _, inner in fields(message(value)):
                name, integer = (text(inner), integer) if key == 1 else (name, inner if key == 3 else integer)
            attributes[name] = integer
    last = op == "MatMul" or (op == "Gemm" and not attributes.get("transB"))
    return [(inputs[1], 1)] if len(inputs) > 1 and (last or op == "ConvTranspose") else []


def _initializer(path: Path, tensor: memoryview, axes: dict[str, int]) -> StoredTensor:
    dims: list[int] = []
    name, kind, raw, lists, external = "", 0, None, [], False
    for number, wire, value in fields(tensor):
        if number == DIMS:
            dims += numbers(wire, value)
        elif number == DATA_TYPE:
            kind = int(value)
        elif number == NAME:
            name = text(value)
        elif number == RAW:
            raw = message(value)
        elif number == LOCATION:
            external = value == EXTERNAL
        elif number in (FLOATS, INT32S, INT64S, DOUBLES, UINT64S):
            lists.append((number, wire, value))
    shape = checked_shape(path, name, dims)
    if external:
        refuse(path, f"the weights of {quoted(name)} are in another file, which is not read", "save it with its weights inside")
    if kind not in DTYPES:
        refuse(path, f"tensor {quoted(name)} has the unknown ONNX data type {kind}", f"known: {', '.join(DTYPES.values())}")
    dtype = DTYPES[kind]
    if raw is not None:
        if len(raw) != (needed := prod(shape) * ITEM_BYTES[dtype]):
            refuse(path, f"tensor {quoted(name)} needs {needed:,} bytes for its shape but has {len(raw):,}", CURE)
        blocks = blocks_of(raw, dtype)
    else:
        blocks = _listed(path, name, prod(shape), dtype, lists)
    axis = axes.get(name, 0)
    return StoredTensor(name, shape, dtype, blocks, axis if axis < len(shape) else 0)


def _listed(path: Path, name: str, elements: int, dtype: str, lists: list[tuple[int, int, Any]]) -> Blocks:
    """Values that stand as a list: floats as they are, all others as integers, float16 and bfloat16 by their bits."""
    import numpy as np

    parts: list[Array] = []
    for number, wire, value in lists:
        if number in LISTS:
            data = value if wire == BYTES else int(value).to_bytes(8 if number == DOUBLES else 4, "little", signed=True)
            if len(data) % np.dtype(LISTS[number]).itemsize:
                raise Malformed("a list of numbers is cut short")
            parts.append(np.frombuffer(data, LISTS[number]))
        else:
            parts.append(np.array(numbers(wire, value), "i8"))
    whole = np.concatenate(parts) if parts else np.zeros(0, "f4")
    if len(whole) != elements:
        refuse(path, f"tensor {quoted(name)} has {elements:,} elements by its shape but holds {len(whole):,}", CURE)
    if dtype in ("float16", "bfloat16") or dtype.startswith("float8"):
        bits = whole.astype("<u2" if ITEM_BYTES[dtype] == 2 else "u1").tobytes()
        return blocks_of(memoryview(bits), dtype)
    return blocks_of(memoryview(whole.astype(np.dtype(dtype).newbyteorder("<")).tobytes()), dtype)
