"""The constant tensors of a `.tflite` model, read from its FlatBuffer; integers as they stand, without their scales.

The package `tflite` reads the same tables and checks no offset: a hostile one sends it anywhere. These few lines check each.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

from profiler.checkpoint.tensors import (
    ITEM_BYTES,
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
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8", 10: "float64",
    12: "uint64", 15: "uint32", 16: "uint16",
}  # fmt: skip
"""tflite.TensorType."""
ROLES = {3: ("conv", 0), 4: ("depthwise", 3), 9: ("linear", 0), 67: ("conv", 0)}
"""{builtin operator: (role, axis of the output channels) of its second input}; 67 is a transposed convolution."""
MOST_ITEMS = 1_000_000


class _Malformed(ValueError):
    pass


@dataclass(frozen=True)
class _Table:
    """A table of a FlatBuffer: an offset to its virtual table, and fields at the offsets that stand there."""

    data: memoryview
    at: int

    def field(self, index: int) -> int:
        """Where a field stands, 0 where the table has none of that number."""
        table = self.at - _number(self.data, self.at, "<i")
        if table < 0 or _number(self.data, table, "<H") < 6 + 2 * index:
            return 0
        offset = _number(self.data, table + 4 + 2 * index, "<H")
        return self.at + offset if offset else 0

    def number(self, index: int, form: str, default: int = 0) -> int:
        where = self.field(index)
        return _number(self.data, where, form) if where else default

    def vector(self, index: int, size: int) -> tuple[int, int]:
        """(where the items of a vector begin, how many there are)."""
        where = self.field(index)
        if not where:
            return 0, 0
        where += _number(self.data, where, "<I")
        count = _number(self.data, where, "<I")
        if where + 4 + count * size > len(self.data):
            raise _Malformed(f"a vector claims {count:,} items beyond its end")
        return where + 4, count

    def tables(self, index: int) -> Iterator[_Table]:
        start, count = self.vector(index, 4)
        if count > MOST_ITEMS:
            raise _Malformed(f"a vector claims {count:,} tables")
        for at in range(start, start + 4 * count, 4):
            yield _Table(self.data, at + _number(self.data, at, "<I"))

    def integers(self, index: int) -> list[int]:
        start, count = self.vector(index, 4)
        return list(struct.unpack_from(f"<{count}i", self.data, start)) if count else []


def _number(data: memoryview, at: int, form: str) -> int:
    if not 0 <= at <= len(data) - struct.calcsize(form):
        raise _Malformed("an offset leads out of it")
    return int(struct.unpack_from(form, data, at)[0])


def read(path: Path) -> Checkpoint:
    """The constant tensors of a model, none of them read yet. Raises ProfilerError for a file of another kind."""
    data = mapped(path)
    if bytes(data[4:8]) != b"TFL3":
        refuse(path, "it is not a TFLite model (its bytes 4 to 7 are not TFL3)", "convert the model again")
    try:
        model = _Table(data, _number(data, 0, "<I"))
        codes = [max(code.number(0, "<b"), code.number(3, "<i")) for code in model.tables(1)]
        buffers = [each.vector(0, 1) for each in model.tables(4)]
        tensors = [tensor for graph in model.tables(2) for tensor in _constants(path, graph, codes, buffers)]
    except _Malformed as fault:
        refuse(path, f"it is not a TFLite model ({fault})", "convert the model again")
    return Checkpoint(str(path), "tflite", checked_names(path, tensors))


def _constants(path: Path, graph: _Table, codes: list[int], buffers: list[tuple[int, int]]) -> Iterator[StoredTensor]:
    roles: dict[int, tuple[str, int]] = {}
    for operator in graph.tables(3):
        inputs, code = operator.integers(1), operator.number(0, "<I")
        if code < len(codes) and codes[code] in ROLES and len(inputs) > 1:
            roles[inputs[1]] = ROLES[codes[code]]
            roles.update({inputs[2]: ("bias", 0)} if len(inputs) > 2 else {})
    names: dict[str, int] = {}
    for i, tensor in enumerate(graph.tables(0)):
        buffer = tensor.number(2, "<I")
        start, size = buffers[buffer] if buffer < len(buffers) else (0, 0)
        if not size:
            continue
        begin, letters = tensor.vector(3, 1)
        name = bytes(graph.data[begin : begin + letters]).decode("utf-8", "replace") or f"tensor {i}"
        names[name] = names.get(name, 0) + 1
        name = name if names[name] == 1 else f"{name} ({names[name]})"  # names say nothing to TFLite, and may repeat
        shape, kind = checked_shape(path, name, tensor.integers(0)), tensor.number(1, "<b")
        if kind not in DTYPES:
            continue
        dtype = DTYPES[kind]
        if (needed := prod(shape) * ITEM_BYTES[dtype]) != size:
            refuse(
                path, f"tensor {quoted(name)} needs {needed:,} bytes for its shape but has {size:,}", "convert the model again"
            )
        role, axis = roles.get(i, ("", 0))
        yield StoredTensor(
            name, shape, dtype, blocks_of(graph.data[start : start + size], dtype), axis if axis < len(shape) else 0, role
        )
