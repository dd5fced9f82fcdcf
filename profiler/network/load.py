"""What the user names → a network at a point: `mobilenet_v1@alpha=0.5,resolution=160` with the flags around it. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

from profiler import grid
from profiler.count import closed
from profiler.errors import ProfilerError, ShapeError, UnknownName
from profiler.network.layers import Layer, Shape
from profiler.network.registry import Architecture, find
from profiler.records import Profile, Totals

PLACE = ("alpha", "resolution", "rho", "input")
"""Options that every network has, beside its own."""
LARGEST_LEAST_SIDE = 512


@dataclass(frozen=True, eq=False)
class Network:
    """A network of the zoo at one α, with its own options and the shapes of one sample."""

    name: str
    architecture: Architecture | None
    """None for a value that the user made."""
    options: Mapping[str, Any]
    """The options that differ from the defaults."""
    alpha: Fraction
    value: Layer
    inputs: tuple[Shape, ...]

    @property
    def resolution(self) -> int | None:
        """The side, where the last two of three or more axes agree."""
        shape = self.inputs[0]
        return shape[-1] if len(shape) >= 3 and shape[-1] == shape[-2] else None

    @property
    def native(self) -> bool:
        """True at the input that the architecture was published for."""
        return self.architecture is not None and self.inputs == self.architecture.inputs(self.options)

    @property
    def sized_native(self) -> bool:
        """True at the native input but for the side, if it has one."""
        if self.architecture is None:
            return False
        native = self.architecture.inputs(self.options)
        if self.resolution is None:
            return self.inputs == native
        return [shape[:-2] for shape in self.inputs] == [shape[:-2] for shape in native]

    def at(self, side: int) -> Network:
        """The same network with the last two axes of its input at `side`."""
        return Network(self.name, self.architecture, self.options, self.alpha, self.value, _resized(self, side))

    def totals(self, batch: int = 1) -> Totals:
        """Sums, without rows. Raises ShapeError with the layer and, where a side is too small, the least that does."""
        try:
            return closed.totals(self.value, self.inputs, batch)
        except ShapeError as fault:
            raise self._explained(fault) from None

    def profile(self, batch: int = 1) -> Profile:
        """Rows and totals by closed form. Raises ShapeError as `totals` does."""
        sums = self.totals(batch)
        rows = closed.rows(self.value, self.inputs, batch)
        return Profile(self.name, self.options, self.alpha, self.resolution, self.inputs, batch, rows, sums)

    def _explained(self, fault: ShapeError) -> ShapeError:
        least = least_side(self) if self.resolution is not None else None
        if least is None or (self.resolution or 0) >= least:
            return fault
        return ShapeError(f"{fault.reason}; {self.name} needs inputs of at least {least}", fault.path)


def least_side(network: Network) -> int | None:
    """The least side at which the network runs, None where there is none up to 512."""
    for side in range(1, LARGEST_LEAST_SIDE + 1):
        try:
            closed.totals(network.value, _resized(network, side))
        except ShapeError:
            continue
        return side
    return None


def parse(reference: str) -> tuple[str, dict[str, str]]:
    """`name@key=value,key=value` as its name and options. Raises ProfilerError where it has another form."""
    name, at, settings = reference.partition("@")
    found: dict[str, str] = {}
    for setting in settings.split(",") if at else []:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ProfilerError(f"model '{reference}': '{setting}' is not key=value; write {name}@alpha=0.5,resolution=160")
        found[key.strip()] = value.strip()
    if not name.strip():
        raise ProfilerError(f"model '{reference}' has no name; `profiler list` shows them all")
    return name.strip(), found


def load(
    reference: str | Layer,
    *,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: str | Shape | None = None,
    options: Mapping[str, Any] | None = None,
) -> Network:
    """The network that `reference` names, at the point that the options give; its own options win over the others.

    A Layer is taken as it is and needs `input`, a shape or several. Raises UnknownName, ProfilerError.
    """
    if isinstance(reference, Layer):
        return _of_value(reference, alpha, resolution, rho, input, options)
    if not isinstance(reference, str):
        raise ProfilerError(f"a model is a name or a Layer, not {type(reference).__name__}; name one of `profiler list`")
    name, own = parse(reference)
    if ":" in name:
        raise ProfilerError(
            f"model '{name}' is a reference to code, which this version does not load; name one of `profiler list`"
        )
    made = find(name)
    for key in own:
        if key not in PLACE and key not in made.options:
            known = [*PLACE, *made.options]
            raise UnknownName(f"option of {name}", key, known, f"(options of {name}: {', '.join(known)})")
    point = {"alpha": alpha, "resolution": resolution, "rho": rho, "input": input}
    point = {key: value for key, value in point.items() if value is not None}
    if {"resolution", "rho", "input"} & own.keys():  # its own size replaces the flags' size, however either is given
        point = {key: value for key, value in point.items() if key == "alpha"}
    point |= {key: own[key] for key in PLACE if key in own}
    settings = made.checked({**(options or {}), **{key: value for key, value in own.items() if key not in PLACE}})
    width = grid.alpha(point.get("alpha", 1))
    value = made.make(width, **settings)
    network = Network(name, made, settings, width, value, _inputs(point.get("input"), made, settings))
    return _at(network, point)


def _at(network: Network, point: Mapping[str, Any]) -> Network:
    """The network at the one size that `point` gives, if any."""
    sizes = [key for key in ("resolution", "rho", "input") if point.get(key) is not None]
    if len(sizes) > 1:
        raise ProfilerError(f"{network.name}: give one of {' and '.join(sizes)}, not both")
    if sizes == ["rho"]:
        native = network.inputs[0][-1]
        return network.at(grid.side(floor(grid.rho(point["rho"]) * native + Fraction(1, 2))))
    return network.at(grid.side(point["resolution"])) if sizes == ["resolution"] else network


def _of_value(
    value: Layer, alpha: object, resolution: object, rho: object, input: Any, options: Mapping[str, Any] | None
) -> Network:
    from profiler.network.widen import widen

    if input is None:
        raise ProfilerError("a value has no native input; give one, as input=(3, 224, 224)")
    if options:
        raise ProfilerError(f"a value has no options ({', '.join(options)}); give them where it is made")
    width = grid.alpha(1 if alpha is None else alpha)
    several = isinstance(input, list | tuple) and all(isinstance(shape, list | tuple) for shape in input)
    inputs = tuple(grid.sample(shape) for shape in (input if several else (input,)))
    network = Network(type(value).__name__.lower(), None, {}, width, widen(value, width), inputs)
    return _at(network, {"resolution": resolution, "rho": rho})


def _inputs(given: Any, made: Architecture, settings: Mapping[str, Any]) -> tuple[Shape, ...]:
    inputs = made.inputs(settings)
    if given is None:
        return inputs
    shape = grid.sample(given)
    if len(inputs) != 1 or len(shape) != len(inputs[0]):
        native = " and ".join("x".join(map(str, native)) for native in inputs)
        text = "x".join(map(str, shape))
        raise ProfilerError(f"{made.name}: input {text} has other axes than its native {native}; give as many")
    return (shape,)


def _resized(network: Network, side: int) -> tuple[Shape, ...]:
    """The inputs with the last two axes of the first at `side`, those of the others in proportion."""
    native = network.inputs[0]
    if len(native) < 3:
        raise ProfilerError(f"{network.name}: an input of {'x'.join(map(str, native))} has no sides to set; give --input")
    out = []
    for shape in network.inputs:
        scaled = [Fraction(size, native[-1]) * side for size in shape[-2:]] if shape != native else [Fraction(side)] * 2
        if any(size.denominator != 1 for size in scaled):
            raise ProfilerError(f"{network.name}: at a side of {side} its other inputs are no whole pixels; give a multiple")
        out.append((*shape[:-2], *map(int, scaled)))
    return tuple(out)
