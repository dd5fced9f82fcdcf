"""What the user names → a network at a point: `mobilenet_v1@alpha=0.5,resolution=160`, `timm:resnet18`. No torch at import."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, Any, ClassVar, Union

from profiler import grid
from profiler.count import closed
from profiler.errors import ProfilerError, ShapeError, UnknownName
from profiler.load import axes
from profiler.load.inputs import Call, example, inputs
from profiler.load.other_files import refuse_file
from profiler.network.layers import Layer, Shape
from profiler.network.registry import POINT, STAGED, Architecture, find
from profiler.records.place import Place
from profiler.records.profile import Profile, Totals

if TYPE_CHECKING:
    from torch import nn

    from profiler.load.reference import Reference

LARGEST_LEAST_SIDE = 512
_COMMA = re.compile(r",(?![^\[(]*[\])])")
"""A comma between settings, and none inside the brackets of one."""
_LABEL = re.compile(r"\w[\w .()+-]*")
LONGEST_LABEL = 60


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
    has_module: ClassVar[bool] = True

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

    def totals(self, batch: int | None = 1) -> Totals:
        """Sums, without rows. Raises ShapeError with the layer and, where a side is too small, the least that does."""
        try:
            return closed.totals(self.value, self.inputs, self.batched(batch))
        except ShapeError as fault:
            raise self._explained(fault) from None

    def profile(self, batch: int | None = 1) -> Profile:
        """Rows and totals by closed form. Raises ShapeError as `totals` does."""
        sums = self.totals(batch)
        rows = closed.rows(self.value, self.inputs, self.batched(batch))
        return Profile(self.name, self.options, self.alpha, self.resolution, self.inputs, batch, rows, sums)

    def batched(self, batch: int | None) -> int:
        """The batch axis that its inputs get. Raises ProfilerError for none."""
        return grid.axis(batch)

    def module(self, device: str = "meta", *, bare: bool = False, seed: int = 0) -> nn.Module:
        """The module that the value builds, in evaluation mode; `bare` in memory that nobody initialised.

        Raises ShapeError as `totals` does.
        """
        self.totals()  # a network that does not fit its input is refused in the network's words
        from profiler.module import build

        if bare:
            return build.bare(self.value, self.inputs)
        return build.build(self.value, self.inputs, seed=None if device == "meta" else seed, device=device)

    def example(self, batch: int | None = 1, device: str = "cpu") -> Call:
        """Inputs for its module: (args, kwargs) on `device`."""
        return example(inputs(list(self.inputs)), self.batched(batch), device)

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


def labelled(model: str) -> tuple[str | None, str]:
    """The label and the model of `Ours=net.py:Net`; no label where it has none. Raises ProfilerError for no label or no model.

    An `=` after an `@` or a `:` belongs to the model.
    """
    label, equals, rest = model.partition("=")
    if not equals or set("@:/") & set(label):
        return None, model
    if not rest.strip():
        raise ProfilerError(f"model '{model}': label {label} has no model after it; write {label}=net.py:Net")
    return checked_label(label.strip()), rest.strip()


def checked_label(label: str) -> str:
    """A label of letters, digits, blanks and - _ . + ( ). Raises ProfilerError for another."""
    if not _LABEL.fullmatch(label) or len(label) > LONGEST_LABEL:
        raise ProfilerError(
            f"label '{label[:LONGEST_LABEL]}': a label is of 1 to {LONGEST_LABEL} letters, digits, blanks and - _ . + ( ), and "
            "begins with a letter or a digit; write it as Ours=net.py:Net"
        )
    return label


def parse(reference: str) -> tuple[str, dict[str, str]]:
    """`name@key=value,key=value` as its name and options. Raises ProfilerError where it has another form."""
    name, at, settings = reference.partition("@")
    found: dict[str, str] = {}
    for setting in _COMMA.split(settings) if at else []:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise ProfilerError(f"model '{reference}': '{setting}' is not key=value; write {name}@alpha=0.5,resolution=160")
        key, value = key.strip(), value.strip()
        if found.get(key, value) != value:
            raise ProfilerError(f"model '{reference}': {key} is given twice, as {found[key]} and {value}; give it once")
        found[key] = value
    if not name.strip():
        raise ProfilerError(f"model '{reference}' has no name; `profiler list` shows all names")
    return name.strip(), found


def is_reference(name: str) -> bool:
    """True where `name` is no name of the zoo: a scheme, code or a file."""
    return ":" in name or name.endswith((".py", ".pt2")) or name.lower().endswith(".onnx")


def is_module(value: object) -> bool:
    """True for a torch.nn.Module; where torch was never imported there is none."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


Model = Union[str, Layer, "nn.Module"]
"""What stands for a network: its name or reference, a value, or a module."""
Counted = Union[Network, "Reference"]
"""A network at a point, by whichever door it came."""


def load(
    reference: Model,
    *,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    options: Mapping[str, Any] | None = None,
) -> Counted:
    """The network that `reference` names, at the point that the options give; its own options win over the others.

    Raises as `load_at` does.
    """
    return load_at(Place(reference, options or {}, alpha, resolution, input, rho=rho))


def load_at(place: Place) -> Counted:
    """The network of a place; the options that its name carries win over those of the place.

    A Layer is taken as it is and needs an input, a shape or several; an nn.Module likewise, whose inputs may have names and
    dtypes (see load/inputs.py). Raises UnknownName, ProfilerError, and for a reference Unavailable.
    """
    model, options = place.model, place.options
    if not isinstance(options, Mapping):
        raise ProfilerError(f"options must be a mapping, e.g. options={{'classes': 10}}, not {type(options).__name__}")
    if isinstance(model, Layer):
        return _of_value(place._replace(input=_single(place.input)))
    if is_module(model):
        if options:
            raise ProfilerError(f"a module takes no options ({', '.join(options)}); set them where it is created")
        from profiler.load.placing import of_module

        return of_module(place)
    if not isinstance(model, str):
        kind = type(model).__name__
        raise ProfilerError(
            f"a model must be a name, a reference, a Layer or a torch.nn.Module, not {kind}; `profiler list` shows names"
        )
    if (label := labelled(model)[0]) is not None:
        raise ProfilerError(
            f"model '{model}': {label} would label a row of compare, sweep, bench or check; write the model alone"
        )
    name, own = parse(model)
    if {"resolution", "rho", "input"} & own.keys():  # its own size replaces the flags' size, however either is given
        # but a side of its own is that of the input that a reference is given by a flag: nobody else may know it
        kept = place.input if is_reference(name) and "input" not in own else None
        place = place._replace(resolution=None, rho=None, input=kept)
    point: dict[str, Any] = {key: own[key] for key in POINT if key in own}
    place = place._replace(model=name, **point)
    place = place._replace(options={**options, **{key: value for key, value in own.items() if key not in POINT}})
    if is_reference(name):
        from profiler.load.placing import of_text

        return of_text(place)
    refuse_file(name)
    made = find(name)
    for key in own:
        if key not in (*POINT, *STAGED, *made.options):
            known = [*POINT, *STAGED, *made.options]
            raise UnknownName(f"option of {name}", key, known, f"(options of {name}: {', '.join(known)})")
    by_stage = {key: value for key, value in place.options.items() if key in STAGED and key not in made.options}
    settings = made.checked({key: value for key, value in place.options.items() if key not in by_stage})
    width = grid.alpha(1 if place.alpha is None else place.alpha)
    value = made.make(width, **settings)
    if by_stage:
        from profiler.load.by_stage import scaled

        value, told = scaled(name, value, made.inputs(settings), width, **by_stage)
        settings |= told
    network = Network(name, made, settings, width, value, _inputs(_single(place.input), made, settings))
    return _at(network, place)


def in_closed_form(model: Model, **point: Any) -> Network:
    """The network of the zoo that `model` names, as `load` takes it. Raises ProfilerError for a reference, which is traced."""
    name = parse(model)[0] if isinstance(model, str) else type(model).__name__
    if is_module(model) or (isinstance(model, str) and is_reference(name)):
        raise ProfilerError(
            f"{name} has no closed form, which only networks of `profiler list` have; `profiler show` traces it"
        )
    found = load(model, **point)
    assert isinstance(found, Network)
    return found


def _single(given: Any) -> Any:
    """The one input of a list of one, as the command line makes it."""
    return given[0] if isinstance(given, list | tuple) and len(given) == 1 and not isinstance(given[0], int) else given


def _at(network: Network, place: Place) -> Network:
    """The network at the one size that a place gives, if any."""
    sizes = [key for key in ("resolution", "rho", "input") if getattr(place, key) is not None]
    if len(sizes) > 1:
        raise ProfilerError(f"{network.name}: {' and '.join(sizes)} both set the size of the input; give one of them")
    if sizes == ["rho"]:
        native = network.inputs[0][-1]
        return network.at(grid.side(floor(grid.rho(place.rho) * native + Fraction(1, 2))))
    return network.at(grid.side(place.resolution)) if sizes == ["resolution"] else network


def _of_value(place: Place) -> Network:
    from profiler.network.widen import widen

    value, input = place.model, place.input
    if input is None:
        raise ProfilerError("a Layer has no native input; pass one, e.g. input=(3, 224, 224)")
    if place.options:
        raise ProfilerError(f"a Layer takes no options ({', '.join(place.options)}); set them where it is created")
    width = grid.alpha(1 if place.alpha is None else place.alpha)
    several = isinstance(input, list | tuple) and all(isinstance(shape, list | tuple) for shape in input)
    inputs = tuple(grid.sample(shape) for shape in (input if several else (input,)))
    network = Network(type(value).__name__.lower(), None, {}, width, widen(value, width), inputs)
    return _at(network, place._replace(input=None))


def _inputs(given: Any, made: Architecture, settings: Mapping[str, Any]) -> tuple[Shape, ...]:
    inputs = made.inputs(settings)
    if given is None:
        return inputs
    if isinstance(given, list | tuple) and not all(isinstance(side, int) for side in given):
        if len(given) != len(inputs):
            raise ProfilerError(f"{made.name}: takes {_counted(inputs)} but is given {len(given)}; give each once")
        shapes = tuple(map(grid.sample, given))
        if [len(shape) for shape in shapes] == [len(shape) for shape in inputs]:
            for each, own in zip(shapes, inputs, strict=True):
                axes.refuse_channels_last(made.name, each, own)
            return shapes
        given = next(shape for shape, native in zip(shapes, inputs, strict=True) if len(shape) != len(native))
    shape = grid.sample(given)
    if len(inputs) != 1 or len(shape) != len(inputs[0]):
        native = " and ".join("x".join(map(str, native)) for native in inputs)
        text = "x".join(map(str, shape))
        if len(inputs) == 1:
            axes.refuse_batch_axis(made.name, shape, inputs[0])
        raise ProfilerError(f"{made.name}: input {text} must have as many axes as the native input {native}")
    axes.refuse_channels_last(made.name, shape, inputs[0])
    return (shape,)


def _counted(inputs: tuple[Shape, ...]) -> str:
    return "one input" if len(inputs) == 1 else f"{len(inputs)} inputs"


def _resized(network: Network, side: int) -> tuple[Shape, ...]:
    """The inputs with the last two axes of the first at `side`, those of the others in proportion."""
    native = network.inputs[0]
    if len(native) < 3:
        raise ProfilerError(
            f"{network.name}: the input {'x'.join(map(str, native))} has no height and width to set; give --input"
        )
    out = []
    for shape in network.inputs:
        scaled = [Fraction(size, native[-1]) * side for size in shape[-2:]] if shape != native else [Fraction(side)] * 2
        if any(size.denominator != 1 for size in scaled):
            raise ProfilerError(
                f"{network.name}: at a side of {side} its other inputs would not be whole pixels; give a multiple"
            )
        out.append((*shape[:-2], *map(int, scaled)))
    return tuple(out)
