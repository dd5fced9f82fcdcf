"""A reference at the point that the user gives: its width multiplier, its inputs, its side. No torch at import."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Any

from profiler import grid
from profiler.errors import InputNeeded, ProfilerError
from profiler.load.arguments import WIDTHS
from profiler.load.inputs import Call, Input, inputs, merged
from profiler.load.onnx_file import of_file
from profiler.load.reference import Reference
from profiler.load.schemes import SCHEMES
from profiler.records.place import Place


def of_text(place: Place) -> Reference:
    """The reference that a place names. Raises as `schemes.recipe` does, and for an ONNX file as `onnx_file.of_file`."""
    if place.model.lower().endswith(".onnx") and place.model.partition(":")[0] not in SCHEMES:
        return of_file(place)
    return _placed(Reference(place.model, place.options, ()), place)


def of_module(place: Place, call: Call | None = None) -> Reference:
    """The module of a place, which the caller has, there or with the arguments of `call`. Raises ProfilerError."""
    module = place.model
    name = type(module).__name__
    if call is None:
        return _placed(Reference(name, {}, (), module), place)
    for key in ("input", "resolution", "rho", "alpha"):
        if getattr(place, key) is not None:
            raise ProfilerError(f"{name}: give args and kwargs, or {key}, not both")
    return Reference(name, {}, tuple(_described(call)), module, call)


def _widened(bare: Reference, alpha: object) -> Reference:
    """The reference at a width multiplier, which goes to the argument of its factory that is one. Raises ProfilerError."""
    if alpha is None:
        return bare
    multiplier, option = grid.alpha(alpha), bare.recipe.width
    if option is not None and option in bare.settings:
        raise ProfilerError(f"{bare.name}: alpha sets {option}, which is also given; give one of them")
    if option is not None:
        return replace(bare, alpha=multiplier, width=option, made={})
    if multiplier != 1:
        names = ", ".join(WIDTHS[:-1])
        raise ProfilerError(
            f"{bare.name} has no width multiplier: its factory takes no {names} or {WIDTHS[-1]}; "
            "give an option of its own, by --set or --over, or --resolution"
        )
    return bare


def _placed(bare: Reference, place: Place) -> Reference:
    bare = _widened(bare, place.alpha)
    sizes = [key for key in ("resolution", "rho") if getattr(place, key) is not None]
    if len(sizes) > 1:
        raise ProfilerError(f"{bare.name}: resolution and rho both set the size of the input; give one of them")
    found = bare.recipe
    if not found.inputs and place.input is None:
        raise InputNeeded(bare.name)
    given = merged(inputs(place.input), found.inputs, found.dtypes)
    settings = {key: value for key, value in found.options.items() if key != bare.width}
    reference = replace(bare, settings=settings, given=given if place.input is not None else found.inputs)
    if place.input is not None and (side := reference.resolution) is not None:
        native = replace(bare, given=found.inputs).resolution
        if not sizes and native not in (None, side) and found.sized is not None and found.sized not in found.options:
            return replace(reference, sides={found.sized: side})
    if not sizes:
        return reference
    if sizes == ["rho"]:
        if reference.resolution is None:
            raise ProfilerError(
                f"{bare.name}: the input {' '.join(map(str, reference.given))} has no height and width for rho to "
                "scale; give --input"
            )
        return reference.at(grid.side(floor(grid.rho(place.rho) * reference.resolution + Fraction(1, 2))))
    return reference.at(grid.side(place.resolution))


def _described(call: Call) -> list[Input]:
    """The caller's own arguments as inputs: tensors by shape and dtype, those in lists and dicts too."""
    from profiler.module.trees import shape_of

    torch = sys.modules["torch"]
    found: list[Input] = []

    def look(name: str | None, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            found.append(Input(name, shape_of(value), str(value.dtype).removeprefix("torch."), whole=True))
        elif isinstance(value, Mapping):
            for key, each in value.items():
                look(f"{name}.{key}" if name else str(key), each)
        elif isinstance(value, list | tuple):
            for i, each in enumerate(value):
                look(f"{name}.{i}" if name else str(i), each)

    args, kwargs = call
    for value in args:
        look(None, value)
    for name, value in kwargs.items():
        look(name, value)
    return found
