"""The weights of a smaller network as a `.safetensors` file: header first, each tensor in its place."""

from __future__ import annotations

import json
from typing import Any

from profiler.errors import ProfilerError
from profiler.records.inspected import Inspected

DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}


def safetensors(found: Inspected) -> bytes:
    """The file of what is left of a network. Raises ProfilerError for a checkpoint without a network, or read back."""
    if found.state is None:
        raise ProfilerError("this result does not hold the smaller weights; inspect the file again with its --model")
    header: dict[str, Any] = {}
    parts, at = [], 0
    for name, array in found.state().items():
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])
