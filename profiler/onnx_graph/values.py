"""What is known of a tensor of an ONNX graph while the graph is walked: its shape and dtype, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

from profiler.records.profile import Shape


class Dtype(NamedTuple):
    """An element type of ONNX."""

    name: str
    """As torch calls it."""
    bits: int
    floating: bool


DTYPES: dict[int, Dtype] = {
    1: Dtype("float32", 32, True), 2: Dtype("uint8", 8, False), 3: Dtype("int8", 8, False), 4: Dtype("uint16", 16, False),
    5: Dtype("int16", 16, False), 6: Dtype("int32", 32, False), 7: Dtype("int64", 64, False), 8: Dtype("string", 64, False),
    9: Dtype("bool", 8, False), 10: Dtype("float16", 16, True), 11: Dtype("float64", 64, True), 12: Dtype("uint32", 32, False),
    13: Dtype("uint64", 64, False), 14: Dtype("complex64", 64, True), 15: Dtype("complex128", 128, True),
    16: Dtype("bfloat16", 16, True), 17: Dtype("float8_e4m3fn", 8, True), 18: Dtype("float8_e4m3fnuz", 8, True),
    19: Dtype("float8_e5m2", 8, True), 20: Dtype("float8_e5m2fnuz", 8, True), 21: Dtype("uint4", 4, False),
    22: Dtype("int4", 4, False), 23: Dtype("float4_e2m1fn", 4, True), 24: Dtype("float8_e8m0fnu", 8, True),
    25: Dtype("uint2", 2, False), 26: Dtype("int2", 2, False),
}  # fmt: skip
"""By the numbers of TensorProto.DataType (onnx.proto)."""
UNKNOWN = Dtype("", 0, False)


def bytes_of(elements: int, dtype: Dtype) -> int:
    """Bytes of so many elements, those of fewer than 8 bits packed."""
    return -(-elements * dtype.bits // 8)


class Held(NamedTuple):
    """A tensor that the file holds: an initialiser, or the value of a Constant node."""

    name: str
    shape: Shape
    dtype: Dtype
    elements: int
    written: bool = True
    """False of what a node fills with one number: a weight where an operator takes it as one, and nothing else."""


class Value:
    """A tensor of the graph."""

    __slots__ = ("code", "constant", "data", "linear", "norm", "pending", "read", "rows", "scores", "shape")

    def __init__(
        self,
        shape: Shape | None,
        code: int = 0,
        data: Any = None,
        read: Mapping[int, str] | None = None,
        constant: bool = False,
        rows: tuple[int, ...] = (),
    ) -> None:
        self.shape = shape
        """None where it depends on values that are not in the file."""
        self.code = code
        """Its dtype, as a number of DTYPES; 0 where it is not known."""
        self.data = data
        """A numpy array of its elements, where they are few and known."""
        self.read = read or {}
        """Tensors of the file that it is made of alone, by their numbers, with the part that each has to play ("" for any)."""
        self.constant = constant
        """True where it is made of what the file holds, and of shapes, alone."""
        self.rows = rows
        """Which rows made it; -1 is the first input of the network, -2 its second."""
        self.pending = 0
        """Bytes of copies that were made for it, which no row has taken yet."""
        self.scores: tuple[int, bool] | None = None
        """Of attention scores, the row of their product, and whether a softmax went over them."""
        self.linear: int | None = None
        """The row of the product with a weight that made it, which a bias may follow."""
        self.norm: tuple[str, tuple[int, ...]] | None = None
        """How far it is on the way through a normalisation that is written out, and the rows that made it."""

    @property
    def dtype(self) -> Dtype:
        return DTYPES.get(self.code, UNKNOWN)

    @property
    def elements(self) -> int:
        return prod(self.shape or ())

    @property
    def bytes(self) -> int:
        return bytes_of(self.elements, self.dtype) if self.shape is not None else 0
