"""Shapes of one sample: what a layer is given, refused in one sentence where it does not fit. No torch."""

from __future__ import annotations

from functools import lru_cache
from math import prod

from profiler.errors import ShapeError
from profiler.network.layers import Ints, Shape
from profiler.network.widths import Fixed, Groups, Times, Width

Inputs = tuple[Shape, ...]


def spread(value: Ints, rank: int) -> Shape:
    """One number for every axis, or one an axis."""
    if isinstance(value, int):
        return (value,) * rank
    if len(value) != rank:
        raise ShapeError(f"{value} has {len(value)} numbers for {rank} spatial axes; give one number or {rank}")
    return value


def one(inputs: Inputs) -> Shape:
    if len(inputs) != 1:
        raise ShapeError(f"takes one input but is given {len(inputs)}; join them first")
    return inputs[0]


def features(inputs: Inputs) -> tuple[int, Shape]:
    """(C, *spatial), at least one spatial axis."""
    shape = one(inputs)
    if len(shape) < 2:
        raise ShapeError(f"takes (channels, *spatial) but is given {shape}; move it before the Flatten")
    return shape[0], shape[1:]


def width_of(width: Width, m: int, same: int | None) -> int:
    if isinstance(width, int):
        return width
    if isinstance(width, Fixed):
        return width.n
    if isinstance(width, Times):
        return m * width.k.numerator // width.k.denominator
    if same is None:
        raise ShapeError("same() has no width to take here; use it in a branch after the first of Branches")
    return same


@lru_cache(maxsize=1 << 14)
def windows(n: Shape, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil: bool = False) -> Shape:
    """How many windows fit each axis: ⌊(n + 2p - d(k - 1) - 1) / s⌋ + 1, or by torch's ceil rule."""
    rank, out = len(n), []
    settings = (spread(setting, rank) for setting in (kernel, stride, padding, dilation))
    for size, k, s, p, d in zip(n, *settings, strict=True):
        if s < 1 or k < 1 or d < 1 or p < 0:
            raise ShapeError(
                f"kernel {k}, stride {s}, padding {p} and dilation {d} must be whole numbers, from 1 but for the padding"
            )
        room = size + 2 * p - d * (k - 1) - 1
        fit = room // s + 1
        if ceil and room % s and fit * s < size + p:
            fit += 1  # the last window may hang over the end, but not start beyond the input and its left padding
        if fit < 1:
            raise ShapeError(
                f"a window of {d * (k - 1) + 1} does not fit {size + 2 * p} pixel{'' if size + 2 * p == 1 else 's'}"
            )
        out.append(fit)
    return tuple(out)


@lru_cache(maxsize=1 << 10)
def area(kernel: Ints, rank: int) -> int:
    """Elements of a window: D_K² in 2D."""
    return prod(spread(kernel, rank))


def groups_of(groups: Groups, m: int, n: int) -> int:
    count = m if groups == "each" else groups
    if count < 1 or m % count or n % count:
        raise ShapeError(f"{m} channels in and {n} out do not divide into {count} groups")
    return count


def tokens(inputs: Inputs) -> tuple[int, int]:
    shape = one(inputs)
    if len(shape) != 2:
        raise ShapeError(f"takes tokens (T, C) but is given {shape}")
    return shape[0], shape[1]


def two(inputs: Inputs) -> Inputs:
    if len(inputs) != 2:
        raise ShapeError(f"takes two inputs but is given {len(inputs)}")
    return inputs


def three(inputs: Inputs) -> Inputs:
    if len(inputs) != 3 or any(len(shape) != 2 for shape in inputs):
        raise ShapeError(f"takes queries, keys and values (T, C) but is given {listed(inputs)}")
    return inputs


def listed(inputs: Inputs) -> str:
    return " and ".join(str(shape) for shape in inputs)
