"""The inputs that a graph declares, and the sizes of what it leaves open: a name for each axis that may be of any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from profiler.errors import ProfilerError, quoted
from profiler.onnx_graph.reading import File, check_shape
from profiler.onnx_graph.values import DTYPES
from profiler.records.profile import Shape


class Declared(NamedTuple):
    """An input of a graph."""

    name: str
    axes: tuple[int | str, ...] | None
    """A size, or the name of one that the file leaves open; None where it does not even say how many axes there are."""
    code: int
    """Its dtype, as a number of DTYPES."""

    @property
    def dtype(self) -> str:
        return DTYPES[self.code].name

    @property
    def takes_batch(self) -> bool:
        """Whether its first axis is open: the batch axis, which --batch sets."""
        return self.axes is not None and isinstance(next(iter(self.axes), 0), str)

    @property
    def text(self) -> str:
        """As the file declares it: `batch×3×height×width`."""
        unnamed = {f"axis {i} of {self.name}" for i in range(len(self.axes or ()))}
        return "×".join("?" if axis in unnamed else str(axis) for axis in self.axes) if self.axes else "scalar"


def declared(file: File) -> tuple[Declared, ...]:
    """The inputs of a graph, without those whose values the file holds. Raises ProfilerError for one that is not a tensor."""
    graph = file.model.graph
    held = {tensor.name for tensor in graph.initializer} | {sparse.values.name for sparse in graph.sparse_initializer}
    found: list[Declared] = []
    for info in graph.input:
        if info.name in held:
            continue
        name = quoted(info.name)
        if any(each.name == info.name for each in found):
            raise ProfilerError(f"'{file.name}' has two inputs called '{name}'; export it again")
        if not info.type.HasField("tensor_type") or info.type.tensor_type.elem_type not in DTYPES:
            raise ProfilerError(
                f"'{file.name}': its input '{name}' is not a tensor, and only tensors can be counted; export the "
                "network with tensors as inputs"
            )
        held_type = info.type.tensor_type
        axes: tuple[int | str, ...] | None = None
        if held_type.HasField("shape"):
            axes = tuple(_axis(info.name, i, dim) for i, dim in enumerate(held_type.shape.dim))
            check_shape(file.name, info.name, [side for side in axes if isinstance(side, int)])
        found.append(Declared(info.name, axes, held_type.elem_type))
    return tuple(found)


def _axis(name: str, i: int, dim: Any) -> int | str:
    if dim.HasField("dim_value") and dim.dim_value != -1:  # Paddle writes an open axis so
        return int(dim.dim_value)
    return f"axis {i} of {name}" if dim.dim_param in ("", "?") else str(dim.dim_param)


def bound(file: File, inputs: Sequence[Declared], given: Mapping[str, Shape], batch: int | None) -> dict[str, int]:
    """The size of every name, of whole shapes by input and of the batch.

    Raises ProfilerError where a shape is not one that the file takes, or two of them disagree.
    """
    sizes: dict[str, int] = {}
    by: dict[str, str] = {}
    for each in inputs:
        shape, said = given.get(each.name), quoted(each.name)
        if shape is None or each.axes is None:
            continue
        if len(shape) != len(each.axes):
            raise ProfilerError(f"{file.name}: {said} is {quoted(each.text)} in the file, but is given {len(shape)} axes")
        for axis, size in zip(each.axes, shape, strict=True):
            if isinstance(axis, str):
                _bind(file, sizes, by, axis, size, f"'{said}'")
            elif axis != size:
                raise ProfilerError(
                    f"{file.name}: {said} is {quoted(each.text)} in the file, but is given {'x'.join(map(str, shape))}; "
                    "give what it was exported for, or export it with that axis open (dynamic_shapes of torch.onnx.export)"
                )
    for each in inputs:
        if each.takes_batch and batch is not None and each.axes and str(each.axes[0]) not in sizes:
            sizes[str(each.axes[0])] = batch
    return sizes


def _bind(file: File, sizes: dict[str, int], by: dict[str, str], name: str, size: int, giver: str) -> None:
    if sizes.setdefault(name, size) != size:
        raise ProfilerError(
            f"{file.name}: '{quoted(name)}' is {sizes[name]} by {by[name]} and {size} by {giver}; give it one size"
        )
    by.setdefault(name, giver)


def missing(each: Declared, sizes: Mapping[str, int], batch: bool) -> list[str]:
    """The names of an input that have no size yet, its batch axis left out where --batch sets it."""
    axes = each.axes or ()
    return [axis for i, axis in enumerate(axes) if isinstance(axis, str) and axis not in sizes and not (batch and i == 0)]


def needed(file: File, each: Declared, names: Sequence[str]) -> ProfilerError:
    """The sentence about sizes that are not in the file."""
    said = quoted(each.name)
    if each.axes is None:
        return ProfilerError(
            f"{file.name}: {said} has no shape in the file; give it, batch axis included, as --input {said}=1x3x224x224"
        )
    open_ = " and ".join(f"'{quoted(name)}'" for name in dict.fromkeys(names))
    axes = each.axes[1:] if each.takes_batch else each.axes
    example = "x".join(str(axis) if isinstance(axis, int) else "224" if len(axes) == 3 else "128" for axis in axes) or "scalar"
    return ProfilerError(
        f"{file.name}: {said} is {quoted(each.text)}, and the size of {open_} is not in the file; "
        f"give it by --input, as --input {said}={example}"
    )


def resolved(each: Declared, sizes: Mapping[str, int]) -> Shape | None:
    """The whole shape of an input; None where a size is not known."""
    if each.axes is None:
        return None
    sides = [axis if isinstance(axis, int) else sizes.get(axis, -1) for axis in each.axes]
    return None if -1 in sides else tuple(sides)
