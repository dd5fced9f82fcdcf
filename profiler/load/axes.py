"""Inputs whose axes do not fit what a network reads: what to write in their place. No torch at import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from profiler.errors import ProfilerError, ShapeError
from profiler.load.inputs import Input
from profiler.network.layers import Shape
from profiler.records.place import shape as written

if TYPE_CHECKING:
    from torch import nn

FEW = 4
"""Channels of an image as it is stored, at most: grey, red, green, blue and opaque."""


def refuse_batch_axis(name: str, given: Shape, native: Shape) -> None:
    """Refuse a batch axis before the shape of one sample. Raises ProfilerError."""
    if len(given) == len(native) + 1:
        raise ProfilerError(
            f"{name}: input {written(given)} has an axis more than its native {written(native)}; the batch axis is "
            f"--batch {given[0]}, so write --input {written(given[1:])}"
        )


def refuse_channels_last(name: str, given: Shape, native: Shape) -> None:
    """Refuse 224x224x3 where a network reads 3x224x224: nobody means 224 channels and a side of 3. Raises ProfilerError."""
    channels = native[0]
    if len(given) == 3 and given[-1] == channels != given[0] and min(given[:2]) > 2 * channels and native[-1] > 2 * channels:
        raise ProfilerError(
            f"{name}: input {written(given)} would have {given[0]} channels of {given[1]} by {given[2]} pixels; "
            f"channels come first, so write --input {_channels_first(given)}"
        )


def explained(name: str, fault: ProfilerError, given: Sequence[Input], module: nn.Module) -> ProfilerError | None:
    """A fault of a forward that was given one image with its channels last, or without any; None where that is not why."""
    shape = given[0].shape or ()
    if len(given) > 1 or given[0].dtype is not None:
        return None
    if len(shape) == 3 and shape[-1] <= FEW < min(shape[:2]) and isinstance(fault, ShapeError):
        return ShapeError(f"{fault.reason}; channels come first, so write --input {_channels_first(shape)}", fault.path)
    if len(shape) == 1 and any(type(each).__name__ in ("Conv2d", "LazyConv2d") for each in module.modules()):
        return ProfilerError(f"{name}: input {shape[0]} has one axis; give an image with its channels, e.g. 3x224x224")
    return None


def whole(name: str, given: Sequence[Input]) -> ProfilerError:
    """Inputs that hold the batch axis already, on which a forward runs as they are."""
    short = " ".join(str(replace(each, shape=(each.shape or ())[1:])) for each in given)
    return ProfilerError(
        f"{name} takes {' '.join(map(str, given))}, and --batch adds the batch axis in front; "
        f"leave that axis out, as --input {short}, or give --batch none"
    )


def _channels_first(shape: Shape) -> str:
    return written((shape[-1], *shape[:-1]))
