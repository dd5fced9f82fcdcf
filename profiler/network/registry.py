"""The zoo by name: @architecture puts a factory in, `find` takes it out. No torch.

`archs/` is loaded as it is looked up, as `profiler.archs`, whatever else is called archs where the user stands; then plug-ins,
by the entry-point group `profiler.architectures` (each entry names a module that uses @architecture).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from profiler.errors import ProfilerError, UnknownName, either, quoted
from profiler.network.layers import Layer, Shape
from profiler.network.widen import widen

Factory = Callable[..., Layer]
Native = Shape | tuple[Shape, ...] | Callable[..., Shape | tuple[Shape, ...]]
POINT = ("alpha", "resolution", "rho", "input")
"""Options that every network has, beside its own."""
STAGED = ("stages", "multiple_of")
"""Options that every network has too: a width multiplier for each of its stages, and what the widths are multiples of."""
MOST_OPTION = 10**9
ENTRY_POINTS = "profiler.architectures"


@dataclass(frozen=True, eq=False)
class Architecture:
    """A network of the zoo: its factory and where it comes from."""

    name: str
    factory: Factory
    paper: str
    """Title or short name, with the arXiv number where there is one."""
    year: int
    native: Native
    """Native shapes of one sample, or a function of those options that they follow."""
    task: str
    preset: Mapping[str, Any] = field(default_factory=dict)
    """What this name fixes of the factory's options."""
    note: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by name: a worker finds it in its own zoo, wherever it is installed."""
        return find, (self.name,)

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """The options that `--set` takes, with their types and defaults."""
        return _options(self.factory, tuple(self.preset))

    def inputs(self, options: Mapping[str, Any] | None = None) -> tuple[Shape, ...]:
        """Native shapes of one sample, `(C, *spatial)` each, under `options` (as `checked` gives them)."""
        native = self.native
        if callable(native):
            settings = {name: option.default for name, option in self.options.items()} | {**self.preset, **(options or {})}
            native = native(**{name: settings[name] for name in inspect.signature(native).parameters})
        return (native,) if isinstance(native[0], int) else native

    @property
    def own_alpha(self) -> bool:
        """True where the paper defines a width multiplier; the others are widened generically."""
        return "alpha" in inspect.signature(self.factory).parameters

    def make(self, alpha: Fraction = Fraction(1), **options: Any) -> Layer:
        """The network as a value. Options are checked: see `checked`."""
        return _made(self, alpha, tuple(sorted(self.checked(options).items())))

    def checked(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """`options` with texts turned into the options' types, defaults left out. Raises ProfilerError or UnknownName."""
        known = self.options if options else {}
        found = {}
        for name, value in options.items():
            if name not in known:
                cure = f"(options of {self.name}: {', '.join(known) or 'none'})"
                raise UnknownName(f"option of {self.name}", name, known, cure)
            typed = _typed(value, known[name], self.name)
            if typed != known[name].default:
                found[name] = typed
        return found


_zoo: dict[str, Architecture] = {}


def architecture(
    name: str,
    *,
    paper: str,
    year: int,
    input: Native,
    task: str = "classification",
    preset: Mapping[str, Any] | None = None,
    note: str = "",
) -> Callable[[Factory], Factory]:
    """Put a factory into the zoo under `name`, with its native input `(C, *spatial)`.

    Several shapes are several inputs; a function of some of the factory's options makes shapes that follow them.

    The factory's parameters are the network's options. One called `alpha` (a Fraction) takes the paper's width
    multiplier; without it the network is widened generically. Raises ValueError where the name is taken.
    """

    def put(factory: Factory) -> Factory:
        if name in _zoo and not _same_file(_zoo[name].factory, factory):
            raise ValueError(f"two architectures are called '{name}'; give one another name")
        _zoo[name] = Architecture(name, factory, paper, year, input, task, dict(preset or {}), note)
        return factory

    return put


def _same_file(known: Factory, factory: Factory) -> bool:
    """Whether a file is imported again under another name, as `archs.vgg` after `profiler.archs.vgg`."""
    return known.__module__ != factory.__module__ and inspect.getfile(known) == inspect.getfile(factory)


def names() -> list[str]:
    """Every name of the zoo, sorted."""
    return sorted(_whole_zoo())


def starting(prefix: str) -> list[str]:
    """The names that begin with `prefix`, sorted; loads only files that may hold one."""
    begun = f'"{prefix[:2]}'
    for file in _files():
        if begun in file.read_text(encoding="utf-8"):
            _load(file)
    _load_plugins()
    return sorted(name for name in _zoo if name.startswith(prefix))


def find(name: str) -> Architecture:
    """The architecture called `name`. Raises UnknownName with the nearest."""
    if name not in _zoo:
        # the files that speak of it first: a comparison of two networks need not load all the others
        for file in _files():
            if f'"{name}"' in file.read_text(encoding="utf-8"):
                _load(file)
    if name not in _zoo and name not in _whole_zoo():
        raise UnknownName("network", name, sorted(_zoo), "(`profiler list` shows them all)")
    return _zoo[name]


def zoo_folder() -> Path:
    """Where archs/ lies: inside the profiler package when installed, beside it in a checkout."""
    return Path(import_module("profiler.archs").__path__[0])


def _files() -> list[Path]:
    return sorted(file for file in zoo_folder().glob("*.py") if file.stem != "__init__")


def _load(file: Path) -> None:
    import_module(f"profiler.archs.{file.stem}")


@lru_cache(maxsize=1)
def _whole_zoo() -> dict[str, Architecture]:
    for file in _files():
        _load(file)
    _load_plugins()
    return _zoo


@lru_cache(maxsize=1)
def _load_plugins() -> None:
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINTS):
        try:
            entry.load()
        except Exception as fault:  # a plug-in is somebody else's code: name it, whatever it raises
            raise ProfilerError(
                f"the plug-in '{entry.name}' ({entry.value}) does not load: {type(fault).__name__}: {fault}; "
                "update or uninstall it"
            ) from fault


@lru_cache(maxsize=512)
def _made(made: Architecture, alpha: Fraction, options: tuple[tuple[str, Any], ...]) -> Layer:
    arguments = {**made.preset, **dict(options)}
    try:
        if made.own_alpha:
            return made.factory(alpha=alpha, **arguments)
        return widen(made.factory(**arguments), alpha)
    except ValueError as fault:
        raise ProfilerError(f"{made.name}: {fault}") from None


@lru_cache(maxsize=256)
def _options(factory: Factory, preset: tuple[str, ...]) -> dict[str, inspect.Parameter]:
    hints = get_type_hints(factory)
    given = inspect.signature(factory).parameters
    return {
        name: parameter.replace(annotation=hints[name])
        for name, parameter in given.items()
        if name != "alpha" and name not in preset
    }


def _typed(value: Any, option: inspect.Parameter, model: str) -> Any:
    """`value`, a text from the command line or a Python object, as the option's type."""
    kind = option.annotation
    text = (value if isinstance(value, str) else quoted(value)).strip()
    accepted: str
    if kind is bool:
        if text.lower() in ("true", "yes", "1", "on"):
            return True
        if text.lower() in ("false", "no", "0", "off"):
            return False
        accepted = "true or false"
    elif kind is int:
        if text.isdecimal() and len(text) <= len(str(MOST_OPTION)) and 1 <= int(text) <= MOST_OPTION:
            return int(text)
        accepted = f"a whole number from 1 to {MOST_OPTION}"
    elif get_origin(kind) is Literal:
        for choice in get_args(kind):
            if text == str(choice):
                return choice
        accepted = either([str(choice) for choice in get_args(kind)])
    else:
        raise TypeError(f"{model}: an option of type {kind} cannot be set; use bool, int or Literal")
    several = f", or --over {option.name}={quoted(text)}" if "," in text or ".." in text else ""
    raise ProfilerError(f"{model}: {option.name} must be {accepted}, not {quoted(text)}; change it{several}")
