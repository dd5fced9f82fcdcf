"""A network from an ONNX file, at a point: what it is given, and its rows. No torch, and no module of torch can be made of it.

It has the surface of a Reference, so that a comparison or a sweep holds either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import structs

from profiler import grid
from profiler.errors import ProfilerError, ShapeError, Unavailable, quoted
from profiler.load.code import file_named
from profiler.load.inputs import DTYPES, Call, Input, inputs
from profiler.load.recipe import Recipe
from profiler.load.reference import Reference
from profiler.onnx_graph.sizes import Declared, bound, declared, missing, needed, resolved
from profiler.records.place import Place
from profiler.records.profile import Shape
from profiler.records.traced import Traced

if TYPE_CHECKING:
    from torch import nn

    from profiler.onnx_graph.reading import File


@dataclass(frozen=True, eq=False)
class OnnxNetwork(Reference):
    """A file of ONNX with the inputs of one sample."""

    has_module: ClassVar[bool] = False

    @cached_property
    def file(self) -> File:
        """What the file holds. Raises Unavailable, ProfilerError."""
        from profiler.onnx_graph.reading import read

        if not file_named(self.name).is_file():
            raise Unavailable(f"there is no file '{self.name}'; check its path")
        return read(self.name, Path(self.name).expanduser())

    @cached_property
    def declared(self) -> tuple[Declared, ...]:
        """The inputs of its graph."""
        return declared(self.file)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in super().__getstate__().items() if key not in ("file", "declared")}

    @cached_property
    def recipe(self) -> Recipe:
        """No way to build it; its own inputs, where the file says all their sizes but the batch."""
        return Recipe(self.module, {})

    @property
    def native(self) -> bool:
        """True where the file fixes its inputs."""
        return not any(isinstance(axis, str) for each in self.declared for axis in (each.axes or ("",))[each.takes_batch :])

    def at(self, side: int) -> OnnxNetwork:
        """The same network with the last two axes of its images at `side`, which the file must leave open."""
        images = [each for each in self.declared if each.axes is not None and len(each.axes) == 4]
        if not images:
            raise ProfilerError(f"{self.name}: none of its inputs is an image with a resolution to set; give --input")
        sizes = {str(axis): side for axis in images[0].axes[2:] if isinstance(axis, str)}  # type: ignore[index]
        if any(axis not in (side, *sizes) for axis in images[0].axes[2:]):  # type: ignore[index]
            raise ProfilerError(
                f"{self.name}: {quoted(images[0].name)} is {quoted(images[0].text)} in the file, so its side cannot be {side}; "
                "export it with these axes open (dynamic_shapes of torch.onnx.export)"
            )
        kept = {each.name: each for each in self.given}
        shapes = {each.name: kept[each.name] for each in self.declared if each.name in kept and each not in images}
        return _completed(self, [*shapes.values()], sizes)

    def batched(self, batch: int | None) -> int | None:
        """The batch axis that its inputs get; None where the file fixes it, or the inputs are given with theirs."""
        names = {each.name: each for each in self.declared}
        said = {axis for own in self.given if own.whole and own.name in names for axis in names[own.name].axes or ()}
        if any(each.takes_batch and each.axes and each.axes[0] not in said for each in self.declared):
            return batch
        if batch not in (None, 1):
            written = " ".join(map(str, self.given)) or "nothing"
            open_ = any(each.takes_batch for each in self.declared)
            cure = f"write the batch of {batch} into them" if open_ else "export it with its first axis open for another batch"
            raise ProfilerError(f"{self.name} has a fixed batch ({written}), not {batch}; {cure}")
        return None

    def example(self, batch: int | None = 1, device: str = "cpu") -> Call:
        """Refused, as its module is. Raises ProfilerError."""
        raise self._refusal()

    def module(self, device: str = "meta", *, bare: bool = False) -> nn.Module:
        """Refused: a graph of ONNX is no module. Raises ProfilerError."""
        raise self._refusal()

    def _refusal(self) -> ProfilerError:
        return ProfilerError(
            f"{self.name} is an ONNX file, which cannot be made into a torch module: show, compare, sweep, check and diff "
            "count it, and bench measures it with --runtime onnxruntime or openvino; to run the network in torch, name the "
            "code that creates it, e.g. net.py:Net"
        )

    def traced(self, batch: int | None = 1, wired: bool = False) -> Traced:
        """Its rows with what the walk over its graph found besides; counted once. Raises ProfilerError."""
        key = self._key(batch)
        if key not in self.made:
            self.made[key] = self._traced(self.batched(batch))
        kept: Traced = self.made[key]
        return kept

    def _traced(self, batch: int | None) -> Traced:
        from profiler.onnx_graph.counting import traced

        shapes, sizes = self.whole_inputs(batch)
        data = {each.name: each.value for each in self.given if each.name and each.value is not None}
        try:
            found_ = traced(self.file, shapes, sizes, data, self.name, batch)
        except ShapeError as fault:
            raise ShapeError(fault.reason, f"{self.name}, {fault.path}" if fault.path else self.name) from None
        return structs.replace(found_, profile=structs.replace(found_.profile, inputs=self.inputs, resolution=self.resolution))

    def whole_inputs(self, batch: int | None) -> tuple[dict[Declared, Shape], dict[str, int]]:
        """The whole shape of each input, and the sizes of the axes that the file leaves open. Raises ProfilerError."""
        by_name = {each.name: each for each in self.given}
        sizes = bound(self.file, self.declared, self._shapes(batch), batch)
        shapes: dict[Declared, Shape] = {}
        for each in self.declared:
            own = by_name.get(each.name)
            found = own.shape if each.axes is None and own is not None else resolved(each, sizes)
            if found is None:
                raise needed(self.file, each, missing(each, sizes, batch=False))
            shapes[each] = found
        return shapes, sizes

    def _shapes(self, batch: int | None) -> dict[str, Shape]:
        """The whole shapes of the inputs that are known."""
        found = {}
        for own in self.given:
            if own.shape is not None and own.name is not None:
                found[own.name] = own.shape if own.whole or batch is None else (batch, *own.shape)
        return found


def of_file(place: Place) -> OnnxNetwork:
    """The network of an ONNX file at a place. Raises Unavailable, ProfilerError for what the file leaves open."""
    name = place.model
    if place.options:
        raise ProfilerError(
            f"{name} is an ONNX file and takes no options ({', '.join(place.options)}); set them where it is exported"
        )
    if place.alpha is not None and grid.alpha(place.alpha) != 1:
        raise ProfilerError(f"{name} is an ONNX file, whose widths are fixed; leave out --alpha")
    if place.resolution is not None and place.rho is not None:
        raise ProfilerError(f"{name}: resolution and rho both set the size of the input; give one of them")
    bare = OnnxNetwork(name, {}, ())
    given = _named(bare, inputs(place.input))
    if place.resolution is not None:
        return replace(bare, given=given).at(grid.side(place.resolution))
    network = _completed(bare, given, {})
    if place.rho is None:
        return network
    if network.resolution is None:
        raise ProfilerError(f"{name}: rho needs a square image, and it has none; give --input")
    return network.at(grid.side(floor(grid.rho(place.rho) * network.resolution + Fraction(1, 2))))


def _named(network: OnnxNetwork, given: tuple[Input, ...]) -> tuple[Input, ...]:
    """The inputs that the user gives, by the names of the file. Raises ProfilerError for those that it does not have."""
    known = {each.name: each for each in network.declared}
    free = [each for each in network.declared if each.name not in {own.name for own in given}]
    found = []
    for own in given:
        each = known.get(own.name) if own.name is not None else free.pop(0) if free else None
        if each is None:
            names = ", ".join(quoted(name) for name in list(known)[:8]) or "none"
            raise ProfilerError(f"{network.name} has no input for '{quoted(own)}'; its inputs: {names}")
        if own.shape is None:
            raise ProfilerError(
                f"{network.name}: {quoted(each.name)} is a tensor; give its shape, as --input {quoted(each.name)}=3x224x224"
            )
        if own.dtype is not None and each.dtype in DTYPES and own.dtype != each.dtype:
            raise ProfilerError(f"{network.name}: {quoted(each.name)} holds {each.dtype} in the file, but is given {own.dtype}")
        found.append(_one(own, each))
    return tuple(found)


def _one(own: Input, each: Declared) -> Input:
    """An input with its name and dtype; whole where its axes are those of the file, or where no batch axis is open."""
    shape = own.shape or ()
    whole = each.axes is None or len(shape) == len(each.axes) or not each.takes_batch
    if each.axes is not None and not each.takes_batch and len(shape) == len(each.axes) - 1:
        shape = (int(each.axes[0]), *shape)  # of one sample, of a file for a fixed batch
    value = own.value if len(shape) == len(own.shape or ()) else None
    return replace(own, name=each.name, shape=shape, dtype=each.dtype, whole=whole, value=value)


def _completed(network: OnnxNetwork, given: list[Input] | tuple[Input, ...], sizes: Mapping[str, int]) -> OnnxNetwork:
    """The network with all inputs whose sizes follow from those that are given. Raises ProfilerError where one is missing."""
    mine = {each.name: each for each in given}
    network = replace(network, given=tuple(given), made={})
    known = {**bound(network.file, network.declared, network._shapes(1), None), **sizes}
    batches = {str(each.axes[0]) for each in network.declared if each.takes_batch and each.axes}
    found = []
    for each in network.declared:
        if each.name in mine:
            found.append(mine[each.name])
            continue
        if each.axes is None:
            raise needed(network.file, each, ())
        axes = each.axes[1:] if each.takes_batch else each.axes
        left = [axis for axis in axes if isinstance(axis, str) and axis not in known and axis not in batches]
        if left:
            raise needed(network.file, each, left)
        if any(axis in batches for axis in axes):
            continue
        shape = tuple(axis if isinstance(axis, int) else known[axis] for axis in axes)
        found.append(Input(each.name, shape, each.dtype, whole=not each.takes_batch))
    return replace(network, given=tuple(found), made={})
