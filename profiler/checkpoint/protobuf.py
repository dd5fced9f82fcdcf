"""Messages of protocol buffers, field by field: what ONNX and TensorFlow graphs are written in. No schema, nothing copied.

The protobuf package takes a message whole and refuses those above 2 GB; these are slices of a mapped file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FORMATS = {FIXED64: ("<q", 8), FIXED32: ("<i", 4)}
Field = tuple[int, int, Any]
"""(number, wire type, value): an int, or a slice of the message."""


class Malformed(ValueError):
    """Bytes that are not a valid message."""


def fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message in their order. Raises Malformed."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise Malformed("a field has the number 0")
        if kind == VARINT:
            value, at = varint(message, at)
        elif kind == BYTES:
            size, at = varint(message, at)
            if size > len(message) - at:
                raise Malformed(f"a field claims {size:,} bytes, and {len(message) - at:,} are left")
            value, at = message[at : at + size], at + size  # type: ignore[assignment]
        elif kind in FORMATS:
            form, size = FORMATS[kind]
            if size > len(message) - at:
                raise Malformed("it is cut short")
            (value,), at = struct.unpack_from(form, message, at), at + size
        else:
            raise Malformed(f"a field is of the unknown wire type {kind}")
        yield number, kind, value


def varint(message: memoryview, at: int) -> tuple[int, int]:
    """(the number that begins at `at`, where it ends). Raises Malformed."""
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise Malformed("it is cut short" if at >= len(message) else "a number has more than 64 bits")
        byte = message[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7


def signed(value: int) -> int:
    """A varint as the int64 that it stands for."""
    return value - (1 << 64) if value >= 1 << 63 else value


def text(value: Any) -> str:
    """The text in a field. Raises Malformed."""
    if not isinstance(value, memoryview):
        raise Malformed("a number stands where a text was expected")
    return bytes(value).decode("utf-8", "replace")


def message(value: Any) -> memoryview:
    """The message in a field. Raises Malformed."""
    if not isinstance(value, memoryview):
        raise Malformed("a number stands where a message was expected")
    return value


def numbers(kind: int, value: Any) -> list[int]:
    """The integers of a repeated field, which may be packed."""
    if kind != BYTES:
        return [signed(int(value))]
    found, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        found.append(signed(number))
    return found
