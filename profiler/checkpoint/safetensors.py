"""A `.safetensors` file: its header is JSON, and is checked by us before any tensor is believed.

The safetensors package is no dependency of ours, and its reader lets a name that stands there twice through (the last one
wins); what it refuses besides (holes, overlaps, offsets beyond the file, shapes of other sizes) is refused here too.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

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

MOST_HEADER = 100_000_000
"""Bytes of a header; the format's own limit."""
DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32",
    "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def read(path: Path) -> Checkpoint:
    """The tensors of a file, none of them read yet. Raises ProfilerError for a file of another kind."""
    data = mapped(path)
    if len(data) < 8:
        refuse(
            path, f"it has only {len(data)} bytes, fewer than the 8 in which a safetensors file gives the length of its header"
        )
    size = int.from_bytes(data[:8], "little")
    if size > min(MOST_HEADER, len(data) - 8):
        refuse(path, f"its header should be {size:,} bytes long, but the file has only {len(data):,}")
    body = data[8 + size :]
    tensors, spans = [], []
    for name, entry in _header(path, bytes(data[8 : 8 + size])).items():
        if name == "__metadata__":
            continue
        dtype, shape, start, end = _entry(path, name, entry)
        if end > len(body):
            refuse(
                path, f"tensor {quoted(name)} should end at byte {end:,}, but the file has only {len(body):,} bytes of tensors"
            )
        spans.append((start, end, name))
        tensors.append(StoredTensor(name, shape, dtype, blocks_of(body[start:end], dtype)))
    reached = 0
    for start, end, name in sorted(spans):
        if start != reached:
            what = "overlaps the tensor before it" if start < reached else "leaves a hole before it"
            refuse(path, f"tensor {quoted(name)} {what}: it begins at byte {start:,} and not at {reached:,}")
        reached = end
    if reached != len(body):
        refuse(path, f"its tensors end at byte {reached:,} of {len(body):,}")
    return Checkpoint(str(path), "safetensors", checked_names(path, tensors))


def _header(path: Path, text: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            refuse(path, f"its header names {quoted(twice)} twice")
        return made

    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as fault:
        refuse(path, f"its header is not JSON ({quoted(fault)})")
    if not isinstance(found, dict):
        refuse(path, "its header is not a JSON object of tensors")
    return found


def _entry(path: Path, name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """(dtype, shape, first byte, byte after the last) of one tensor."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        refuse(path, f"tensor {quoted(name)} has no dtype, shape and data_offsets")
    offsets = entry["data_offsets"]
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        refuse(path, f"tensor {quoted(name)} has the unknown dtype {quoted(entry['dtype'])}", f"known: {', '.join(DTYPES)}")
    shape = checked_shape(path, name, entry["shape"] if isinstance(entry["shape"], list) else [None])
    whole = isinstance(offsets, list) and len(offsets) == 2 and all(type(each) is int and each >= 0 for each in offsets)
    if not whole or offsets[0] > offsets[1]:
        refuse(path, f"tensor {quoted(name)} has the offsets {quoted(offsets)}, which should be its first and last byte")
    start, end = offsets
    if (needed := prod(shape) * ITEM_BYTES[dtype]) != end - start:
        refuse(path, f"tensor {quoted(name)} needs {needed:,} bytes for its shape but has {end - start:,} by its offsets")
    return dtype, shape, start, end
