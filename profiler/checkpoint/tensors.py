"""A tensor in a file, and a file of them: names and shapes first, values block by block."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from profiler.checkpoint.resident import give_back
from profiler.errors import ProfilerError, Unavailable, quoted

if TYPE_CHECKING:
    import numpy as np

Array = Any
BLOCK = 1 << 22
"""Elements of a tensor that stand in memory at once."""
MOST_AXES = 64
LONGEST_NAME = 1000
ITEM_BYTES = {
    "float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint64": 8, "uint32": 4, "uint16": 2, "uint8": 1, "bool": 1,
}  # fmt: skip
"""{dtype, as torch calls it: bytes of one element}."""

Blocks = Callable[[], Iterator["np.ndarray[Any, Any]"]]
"""The values of a tensor in the order of the file, in flat arrays of at most BLOCK elements; each call begins anew.

The pages of one of a mapped file are given back when the next is asked for.
"""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of a checkpoint, of which nothing but its header was read."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """As torch calls it: `float32`, `bfloat16`, `int8` …"""
    blocks: Blocks
    output_axis: int = 0
    """The axis of its output channels; the last one of a TensorFlow convolution."""
    role: str = ""
    """Its role according to the graph: `depthwise`, `variance`, `scale` …; empty for a file without a graph."""

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """What its elements take as they are stored."""
        return self.elements * ITEM_BYTES[self.dtype]

    @property
    def layout(self) -> tuple[int, int, int]:
        """(before, channels, after): element i is of output channel i // after % channels."""
        if not self.shape:
            return 1, 1, 1
        axis = self.output_axis % len(self.shape)
        return prod(self.shape[:axis]), self.shape[axis], prod(self.shape[axis + 1 :])


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of a file, in its order."""

    path: str
    form: str
    """What wrote it: `safetensors`, `torch`, `onnx`, `npz`, `tensorflow` or `tflite`."""
    tensors: tuple[StoredTensor, ...]
    notes: tuple[str, ...] = ()
    """What of the file was passed over."""


def refuse(path: object, reason: str, cure: str = "save it again, or take another copy of it") -> NoReturn:
    """Raises ProfilerError with the file's name before `reason`."""
    raise ProfilerError(f"'{path}': {reason}; {cure}")


def existing(path: Path) -> Path:
    """The path of a file. Raises Unavailable if it does not exist, ProfilerError for a folder or a device."""
    try:
        if path.is_file():
            return path
        if path.exists():
            raise ProfilerError(f"'{path}' is a folder or a device, not a file of weights; name a file in it")
    except (OSError, ValueError) as fault:
        raise ProfilerError(f"{quoted(str(path))!a} is not a valid file name ({getattr(fault, 'strerror', fault)})") from None
    raise Unavailable(f"there is no file '{path}'; check its path")


def mapped(path: Path) -> memoryview:
    """The bytes of a file, of which a page is in memory only while it is read. Raises ProfilerError."""
    try:
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except ValueError:
        refuse(path, "the file is empty")
    except OSError as fault:
        raise ProfilerError(f"'{path}' cannot be read: {fault.strerror}; check its permissions") from None


def checked_shape(path: object, name: str, shape: Iterable[Any]) -> tuple[int, ...]:
    """The shape that a file gives for a tensor. Raises ProfilerError for an invalid shape."""
    sides = tuple(shape)
    if len(sides) > MOST_AXES or not all(isinstance(side, int) and not isinstance(side, bool) and side >= 0 for side in sides):
        refuse(path, f"tensor {quoted(name)} has the shape {quoted(list(sides))}, but sizes must be whole numbers from 0")
    return sides


def checked_names(path: object, tensors: Iterable[StoredTensor]) -> tuple[StoredTensor, ...]:
    """The tensors, each of a name of its own. Raises ProfilerError for a name that stands there twice, or is no name."""
    found: dict[str, StoredTensor] = {}
    for tensor in tensors:
        if tensor.name in found:
            refuse(path, f"tensor {quoted(tensor.name)} occurs twice in it")
        if len(tensor.name) > LONGEST_NAME:
            refuse(path, f"a tensor has a name of {len(tensor.name):,} letters: {quoted(tensor.name)}")
        found[tensor.name] = tensor
    return tuple(found.values())


def blocks_of(data: memoryview, dtype: str) -> Blocks:
    """The values of `data`, bytes of elements of a dtype, little-endian."""
    size = ITEM_BYTES[dtype]

    def blocks() -> Iterator[Array]:
        import numpy as np

        for start in range(0, len(data), BLOCK * size):
            part = data[start : start + BLOCK * size]
            yield values(part, dtype)
            give_back(np.frombuffer(part, np.uint8), data.obj)

    return blocks


def values(data: Any, dtype: str) -> Array:
    """Bytes as numbers that numpy computes with: float8 and bfloat16 as float32, the others as they are."""
    import numpy as np

    if dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    if dtype.startswith("float8"):
        return _float8(dtype)[np.frombuffer(data, "u1")]
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<"))


def _float8(dtype: str) -> Array:
    """The 256 values of an 8-bit float (OCP 8-bit Floating Point Specification: e4m3 without infinities, e5m2 as IEEE's)."""
    import numpy as np

    code = np.arange(256)
    bits = 3 if dtype == "float8_e4m3fn" else 2
    bias, exponent, mantissa = (7 if bits == 3 else 15), code >> bits & ((1 << 7 - bits) - 1), code & ((1 << bits) - 1)
    size = np.where(exponent == 0, mantissa / 2**bits * 2.0 ** (1 - bias), (1 + mantissa / 2**bits) * 2.0 ** (exponent - bias))
    if bits == 3:
        size[(code & 127) == 127] = np.nan
    else:
        size[exponent == 31] = np.where(mantissa[exponent == 31] == 0, np.inf, np.nan)
    return np.where(code & 128, -size, size).astype(np.float32)
