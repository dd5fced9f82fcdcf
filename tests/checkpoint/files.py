"""Files of weights that the tests write byte by byte, so that the readers are held to the formats and not to a writer of ours."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray[Any, Any]]
NAMES = {"f4": "F32", "f8": "F64", "f2": "F16", "i4": "I32", "i1": "I8", "i8": "I64", "b1": "BOOL", "u1": "U8"}


def safetensors(
    arrays: Arrays, change: Mapping[str, Any] | None = None, header: bytes | None = None, tail: bytes = b""
) -> bytes:
    """A file as the format's description has it; `change` replaces entries of the header, `header` all of it."""
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, array in arrays.items():
        kind = NAMES[array.dtype.str[1:]]
        entries[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(body), len(body) + array.nbytes]}
        body += array.tobytes()
    entries.update(change or {})
    text = json.dumps(entries).encode() if header is None else header
    return len(text).to_bytes(8, "little") + text + body + tail


# Protocol buffers


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number: int, value: bytes | str | int) -> bytes:
    """A field of a message: text and messages with their length, whole numbers as varints."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def onnx(initializers: Sequence[bytes], nodes: Sequence[bytes] = ()) -> bytes:
    """An ONNX model of a graph with these."""
    return field(1, 8) + field(7, b"".join([*(field(1, node) for node in nodes), *(field(5, each) for each in initializers)]))


def onnx_tensor(name: str, array: np.ndarray[Any, Any], kind: int, raw: bool = True) -> bytes:
    made = b"".join(field(1, side) for side in array.shape) + field(2, kind) + field(8, name)
    if raw:
        return made + field(9, array.tobytes())
    return made + (
        field(4, array.astype("<f4").tobytes())
        if array.dtype.kind == "f"
        else field(7, b"".join(map(varint, array.ravel().tolist())))
    )


def graph_node(name: str, op: str, inputs: Sequence[str] = (), array: np.ndarray[Any, Any] | None = None) -> bytes:
    """A node of a TensorFlow graph; a constant has its values."""
    made = field(1, name) + field(2, op) + b"".join(field(3, each) for each in inputs)
    if array is not None:
        shape = b"".join(field(2, field(1, side)) for side in array.shape)
        kind = {"f4": 1, "i4": 3, "f8": 2}[array.dtype.str[1:]]
        tensor = field(1, kind) + field(2, shape) + field(4, array.tobytes())
        made += field(5, field(1, "value") + field(2, field(8, tensor)))
    return made


def graph(nodes: Sequence[bytes]) -> bytes:
    """A frozen TensorFlow graph."""
    return b"".join(field(1, node) for node in nodes)


def tflite(name: str, array: np.ndarray[Any, Any], code: int = 3) -> bytes:
    """A TFLite model of one operator with one constant, its second input; a table after the other, each behind its virtual table."""
    out = bytearray(struct.pack("<I4s", 0, b"TFL3"))

    def vector(items: bytes, count: int) -> int:
        out.extend(b"\0" * (-len(out) % 4))
        at = len(out)
        out.extend(struct.pack("<I", count) + items)
        return at

    def table(slots: Mapping[int, tuple[str, int]]) -> int:
        """Slots are (a format, number), or ("offset", key): where what is written later under that key will stand."""
        out.extend(b"\0" * (-len(out) % 4))
        size = 4 + 8 * len(slots)
        virtual = [0] * (max(slots, default=-1) + 1)
        for i, slot in enumerate(slots):
            virtual[slot] = 4 + 8 * i
        start = len(out)
        out.extend(struct.pack("<HH", 4 + 2 * len(virtual), size) + b"".join(struct.pack("<H", each) for each in virtual))
        out.extend(b"\0" * (-len(out) % 4))
        at = len(out)
        out.extend(struct.pack("<i", at - start))
        for kind, number in slots.values():
            here = len(out)
            if kind == "offset":
                waiting.append((here, number))
                out.extend(b"\0" * 8)
            else:
                out.extend(struct.pack(kind, number).ljust(8, b"\0"))
        return at

    waiting: list[tuple[int, int]] = []
    later: dict[int, int] = {}

    # keys of what is written after the tables that point to it: offsets point forward only
    model = table({1: ("offset", 1), 2: ("offset", 2), 4: ("offset", 3)})

    def forward(key: int, makers: Sequence[Any]) -> None:
        """A vector of tables, which stand behind it."""
        out.extend(b"\0" * (-len(out) % 4))
        later[key] = len(out)
        out.extend(struct.pack("<I", len(makers)))
        places = []
        for _ in makers:
            places.append(len(out))
            out.extend(b"\0" * 4)
        for place, make in zip(places, makers, strict=True):
            at = make()
            struct.pack_into("<I", out, place, at - place)

    forward(1, [lambda: table({0: ("<b", code), 3: ("<i", code)})])
    forward(2, [lambda: table({0: ("offset", 4), 3: ("offset", 5)})])
    forward(
        4, [lambda: table({0: ("offset", 6), 1: ("<b", 0 if array.dtype.kind == "f" else 9), 2: ("<I", 1), 3: ("offset", 7)})]
    )
    forward(5, [lambda: table({0: ("<I", 0), 1: ("offset", 8)})])
    forward(3, [lambda: table({}), lambda: table({0: ("offset", 9)})])
    later[6] = vector(np.array(array.shape, "<i4").tobytes(), array.ndim)
    later[7] = vector(name.encode(), len(name.encode()))
    later[8] = vector(np.array([-1, 0], "<i4").tobytes(), 2)
    later[9] = vector(array.tobytes(), array.nbytes)
    struct.pack_into("<I", out, 0, model)
    for here, key in waiting:
        struct.pack_into("<I", out, here, later[key] - here)
    return bytes(out)
