"""What can be said of a tensor from its values, in two passes over blocks of it: nothing larger stands in memory."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import TYPE_CHECKING, Any

from profiler.checkpoint.tensors import StoredTensor

if TYPE_CHECKING:
    pass

Array = Any
LEVELS = 256
"""Bins of a histogram: the values of a symmetric int8, with a bin of its own for −128, which is never used."""
RANK_SIDE = 512
"""Rows or columns, the fewer of the two, of the largest matrix whose effective rank is computed unasked."""
MOST_GRAM_ELEMENTS = 1 << 27
"""Elements of the largest matrix that is put together for its singular values."""


@dataclass(frozen=True)
class Statistics:
    """Of one tensor; of NaN and infinite values only how many there are."""

    zeros: int
    nonfinite: int
    low: float | None
    """The least finite value; None of a tensor without one."""
    high: float | None
    norm: float
    """The square root of the sum of the squares; infinite where that is beyond float64."""
    ranges: Array
    """The largest magnitude of each output channel."""
    norms: Array
    """The norm of each output channel."""
    histogram: Array
    """Finite values in the 256 steps of a symmetric int8: bin 128 is 0, bin 1 the largest magnitude below 0."""

    @property
    def ratio(self) -> float | None:
        """The largest range of a channel over the median one: what int8 with one scale a tensor costs most channels."""
        return over_the_median(self.ranges)

    def entropy(self, bits: int = 8) -> float | None:
        """Bits a value of the entropy of the values in `bits` bits, symmetric, a scale a tensor: no Huffman code is shorter."""
        import numpy as np

        total = int(self.histogram.sum())
        if not total:
            return None
        counts = self.histogram if bits == 8 else self.coarser(bits)
        shares = counts[counts > 0] / total
        return float(-(shares * np.log2(shares)).sum()) + 0.0

    def coarser(self, bits: int) -> Array:
        """The histogram in the steps of fewer bits, each step of eight bits at the nearest."""
        import numpy as np

        most = 2 ** (bits - 1) - 1
        codes = np.rint(np.arange(-128, 128) / 127 * most).astype(int)
        return np.bincount(np.clip(codes, -most, most) + most, weights=self.histogram, minlength=2 * most + 1)


def over_the_median(ranges: Array) -> float | None:
    """The largest of them over the median one; None where that is nothing, or no number."""
    import numpy as np

    middle, most = (float(np.median(ranges)), float(ranges.max())) if len(ranges) else (0.0, 0.0)
    ratio = most / middle if middle else inf
    return ratio if isfinite(ratio) else None


def statistics(tensor: StoredTensor) -> Statistics:
    """Of the values of a tensor, in the order of its file. Raises ProfilerError where they cannot be read."""
    import numpy as np

    _, channels, after = tensor.layout
    zeros = nonfinite = at = 0
    squares, ranges = np.zeros(channels), np.zeros(channels)
    low, high = np.inf, -np.inf
    for block in tensor.blocks():
        values, finite = _numbers(block)
        nonfinite += len(values) - finite
        zeros += len(values) - int(np.count_nonzero(values)) - (len(values) - finite)
        if finite:
            kept = values if finite == len(values) else values[np.isfinite(block)]
            low, high = min(low, float(kept.min())), max(high, float(kept.max()))
        with np.errstate(over="ignore"):
            _add(squares, ranges, values, at, channels, after)
        at += len(values)
    scale = max(abs(low), abs(high)) if isfinite(low) else 0.0
    counts = np.zeros(LEVELS, dtype=np.int64)
    for block in tensor.blocks():
        counts += _codes(block, scale)
    known = isfinite(low)
    return Statistics(
        zeros,
        nonfinite,
        low if known else None,
        high if known else None,
        _norm(squares),
        ranges,
        np.sqrt(squares),
        counts,
    )


def _norm(squares: Array) -> float:
    import numpy as np

    with np.errstate(over="ignore"):
        return sqrt(float(squares.sum()))


def _numbers(block: Array) -> tuple[Array, int]:
    """The values as floats, NaN and infinities as 0, and how many are finite."""
    import numpy as np

    values = block.astype(
        np.float64 if block.dtype.itemsize > 4 or (block.dtype.kind in "iu" and block.dtype.itemsize == 4) else np.float32
    )
    finite = np.isfinite(values)
    if finite.all():
        return values, len(values)
    return np.where(finite, values, 0), int(finite.sum())


def _add(squares: Array, ranges: Array, values: Array, at: int, channels: int, after: int) -> None:
    """The values from position `at` into the sums and maxima of their channels."""
    import numpy as np

    if not channels or not len(values):
        return
    size = np.abs(values)
    if after == 1:  # channels last: rows of all channels, after what is left of one that a block broke
        first = min(-at % channels, len(values))
        _at_each(squares, ranges, size[:first], at % channels)
        whole = (len(values) - first) // channels * channels
        rows = size[first : first + whole].reshape(-1, channels)
        if len(rows):
            np.maximum(ranges, rows.max(0), out=ranges)
            squares += np.einsum("ij,ij->j", rows, rows, dtype=np.float64)
        _at_each(squares, ranges, size[first + whole :], 0)
        return
    starts = np.arange(-(at % after), len(values), after)
    starts[0] = 0
    where = (at + starts) // after % channels
    np.maximum.at(ranges, where, np.maximum.reduceat(size, starts))
    np.add.at(squares, where, np.add.reduceat(np.square(size, dtype=np.float64), starts))


def _at_each(squares: Array, ranges: Array, size: Array, first: int) -> None:
    """One value a channel, from channel `first` on."""
    import numpy as np

    part = slice(first, first + len(size))
    np.maximum(ranges[part], size, out=ranges[part])
    squares[part] += np.square(size, dtype=np.float64)


def _codes(block: Array, scale: float) -> Array:
    """How many values fall on each step of a symmetric int8 whose largest is `scale`."""
    import numpy as np

    if block.dtype.kind == "f":
        finite = np.isfinite(block)
        block = block if finite.all() else block[finite]
    if not scale:
        counts = np.zeros(LEVELS, dtype=np.int64)
        counts[128] = len(block)
        return counts
    with np.errstate(over="ignore", under="ignore"):
        steps = np.multiply(
            block, 127 / scale if 127 / scale < np.inf else 0, dtype=np.float64 if scale < 1e-30 or scale > 1e30 else np.float32
        )
    return np.bincount((np.rint(steps) + 128).astype(np.uint8), minlength=LEVELS)


def values_of(tensor: StoredTensor) -> Array:
    """All values of a tensor in its shape, its output channels first, as float32 or what is wider."""
    import numpy as np

    parts = list(tensor.blocks())
    whole = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return np.moveaxis(whole.reshape(tensor.shape), tensor.output_axis, 0) if tensor.shape else whole.reshape(1)


def matrix_shape(tensor: StoredTensor) -> tuple[int, int]:
    """(output channels, weights of each): the matrix that a weight is; of a depthwise one all its kernels, one a row."""
    before, channels, after = tensor.layout
    return channels, before * after


def effective_rank(tensor: StoredTensor, side: int | None = RANK_SIDE) -> float | None:
    """The exponential of the entropy of the squared singular values' shares (Roy and Vetterli, EUSIPCO 2007, of their squares).

    Of the matrix of output channels by weights of each. None of a matrix whose fewer sides are more than `side`, or that is too
    large to be put together, and of one of zeros or with values that are not finite.
    """
    import numpy as np

    rows, columns = matrix_shape(tensor)
    if not rows or not columns or (side is not None and min(rows, columns) > side) or rows * columns > MOST_GRAM_ELEMENTS:
        return None
    matrix = values_of(tensor).reshape(rows, columns)
    matrix = matrix.astype(np.float64 if matrix.dtype.itemsize > 4 or min(rows, columns) <= 256 else np.float32)
    largest = float(np.abs(matrix).max())
    if not largest or not isfinite(largest):
        return None
    matrix = matrix / largest
    gram = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    shares = np.clip(np.linalg.eigvalsh(gram).astype(np.float64), 0, None)
    shares /= shares.sum()
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))
