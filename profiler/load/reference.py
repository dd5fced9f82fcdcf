"""A reference to a module that is not of the zoo, at a point: what it is built by, and what it is given. No torch at import.

It stands beside load.Network with the same surface, so that a comparison or a sweep holds either; its counts are traced.
One of text pickles: what is built is built again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import structs

from profiler.errors import InputNeeded, ProfilerError, ShapeError, text_of
from profiler.load import axes
from profiler.load.decoding import cache_given, with_cache
from profiler.load.inputs import Call, Input, example, resized, shapes
from profiler.load.recipe import Recipe
from profiler.load.schemes import recipe
from profiler.load.signature import check_call
from profiler.module.exclusive import exclusive
from profiler.module.remembered import names_of_changes
from profiler.module.user_code import user_code
from profiler.records.profile import Profile, Shape, Totals

LARGEST_WITH_VALUES = 1 << 29
"""Parameters of a module that is built again with values, where its count asks for them, at most."""
LARGEST_IN_RECORDS = 10**40
"""Numbers from here on are refused in a saved run."""

if TYPE_CHECKING:
    from torch import nn

    from profiler.records.traced import Traced


@dataclass(frozen=True, eq=False)
class Reference:
    """A module by name, with its options and the inputs of one sample."""

    name: str
    settings: Mapping[str, Any]
    """The options that were given, with their types."""
    given: tuple[Input, ...]
    """The inputs of one sample."""
    held: nn.Module | None = None
    """The module itself, where the caller has it already."""
    call: Call | None = None
    """Its arguments, where the caller has them: they are the whole batch."""
    sides: Mapping[str, int] = field(default_factory=dict)
    """Options that follow the side, of a network that is built for one."""
    made: dict[str, Any] = field(default_factory=dict, repr=False)
    """What was built and traced before, shared along a sweep."""

    alpha: Fraction | None = None
    """The width multiplier, of a network whose factory takes one; None where none was given."""
    width: str | None = None
    """The option that `alpha` sets."""

    architecture: ClassVar[None] = None
    has_module: ClassVar[bool] = True
    """Whether a torch module can be made of it, which the other engines count and a clock times."""
    sized_native: ClassVar[bool] = False
    """False: no published figure is of a reference."""

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "recipe"} | {"made": {}}

    @cached_property
    def recipe(self) -> Recipe:
        """How it is built."""
        if self.held is not None:
            return Recipe(lambda: self.held, {})
        with exclusive():
            multiplier = {} if self.width is None or self.alpha is None else {self.width: _number(self.alpha)}
            return recipe(self.name, {**self.settings, **self.sides, **multiplier})

    @property
    def options(self) -> dict[str, Any]:
        """The options as a record tells of them: what is no number, text or list of them by its name."""
        return {key: _plain(value) for key, value in self.settings.items()}

    @property
    def inputs(self) -> tuple[Shape, ...]:
        """The shapes of the tensors that it is given: of one sample, or whole where the caller gave them so."""
        return shapes(self.given)

    @property
    def resolution(self) -> int | None:
        """The side of the first input of three or more axes, where its last two agree."""
        for shape in self.inputs:
            if len(shape) >= 3:
                return shape[-1] if shape[-1] == shape[-2] else None
        return None

    @property
    def native(self) -> bool:
        """True at the network's own inputs."""
        return not self.sides and self.given == self.recipe.inputs

    def at(self, side: int) -> Reference:
        """The same network with the last two axes of its images at `side`, built for it where it is built for a side."""
        given = resized(self.given, side, self.name)
        option = self.recipe.sized
        if option is None or side == self.resolution or option in self.settings:
            return replace(self, given=given)
        return replace(self, given=given, sides={option: side}, made={})

    def batched(self, batch: int | None) -> int | None:
        """The batch axis that inputs get, None where they are whole. Raises ProfilerError where there can be none."""
        tensors = [each for each in self.given if each.shape is not None]
        if self.call is None and not (tensors and all(each.whole for each in tensors)):
            return batch
        if batch not in (None, 1):
            written = " ".join(map(str, self.given)) or "its arguments"
            raise ProfilerError(f"{self.name} has inputs with a fixed batch ({written}); write the batch of {batch} into them")
        return None

    def example(self, batch: int | None = 1, device: str = "cpu") -> Call:
        """Arguments for its forward: (args, kwargs) on `device`; the caller's own as they are. Raises ProfilerError."""
        if self.call is not None:
            return self.call
        if not self.given:
            raise InputNeeded(self.name)
        args, kwargs = example(self.given, self.batched(batch), device)
        if (cache := cache_given(self.given)) is not None:
            kwargs = with_cache(self.name, self.module(), cache, kwargs, device)
        return args, kwargs

    def module(self, device: str = "meta", *, bare: bool = False) -> nn.Module:
        """The module, in evaluation mode.

        On `meta` nothing is allocated or initialised, unless its constructor computes with tensors: then it stands on the CPU,
        zeros where it would be random. On another device its weights are torch's own initialisation under a fixed seed, zeros
        where it is `bare`. The caller's own module is given back as it is, but for a lazy one, of which it is a copy with its
        shapes settled, and for one on meta where values are asked for. Raises ProfilerError.
        """
        from profiler.load.construct import initialise_lazy, make_module, with_real_tensors

        key, make = f"{device} {bare}" if self.held is None else "held", self.recipe.make  # found from where the user stands
        with user_code(self.name, preserves=False):
            if key not in self.made:
                built = self.held if self.held is not None else make_module(self.name, make, device, bare)
                self.made[key] = initialise_lazy(self.name, built, lambda on: self.example(1, on), owned=self.held is None)
            module: nn.Module = self.made[key]
            return module if device == "meta" or self.held is None else with_real_tensors(module)

    def _key(self, batch: int | None) -> str:
        """What `made` holds a tracing under."""
        return f"traced {batch} {self.inputs}"

    def found(self, batch: int | None) -> Traced | None:
        """What it was traced to before; None where it was not yet."""
        return self.made.get(self._key(batch))

    def keep(self, batch: int | None, found: Traced) -> None:
        """Take what it was traced to elsewhere, which `traced` then gives."""
        self.made[self._key(batch)] = found

    def traced(self, batch: int | None = 1, wired: bool = False) -> Traced:
        """Its rows with what the tracing found besides, `wired` also which takes whose output; traced once.

        Raises ProfilerError.
        """
        key = self._key(batch)
        self.recipe  # noqa: B018  # found from where the user stands, before its own import takes it elsewhere
        with user_code(self.name, preserves=False):
            if key not in self.made or (wired and self.made[key].wiring is None):
                args, kwargs = self.example(batch, "meta")
                check_call(self.name, self.module(), args, kwargs)
                try:
                    found = self._trace_or_on_cpu(batch, wired)
                except ProfilerError as fault:
                    raise self._with_cure(fault, batch) from None
                at = {"batch": self.batched(batch), "resolution": self.resolution, "alpha": self.alpha}
                profile = structs.replace(found.profile, **at)
                built = tuple(f"its import or construction: {name}" for name in names_of_changes(self.name))
                self.made[key] = structs.replace(found, profile=profile, harm=(*built, *found.harm))
            kept: Traced = self.made[key]
            return kept

    def _trace_or_on_cpu(self, batch: int | None, wired: bool) -> Traced:
        try:
            return self._trace(batch, "meta", wired)
        except ProfilerError:
            if self.held is not None or cache_given(self.given) is not None or not _is_small(self.module()):
                raise  # a cache is filled on the meta device alone
            return self._trace(batch, "cpu", wired)  # tables that its constructor computed have values there

    def _with_cure(self, fault: ProfilerError, batch: int | None) -> ProfilerError:
        """A fault of the forward, with what is to be given in place of an input that has the wrong axes."""
        tensors = [each for each in self.given if each.shape is not None and not each.whole]
        if batch is None or self.call is not None or not tensors or not _is_small(self.module()):
            return fault
        found = axes.explained(self.name, fault, tensors, self.module())
        if found is not None:
            return found
        if any(len(each.shape or ()) < 2 for each in tensors):
            return fault
        try:
            self._trace(None, "meta", False)
        except ProfilerError:
            return fault
        return axes.whole(self.name, tensors)

    def _trace(self, batch: int | None, device: str, wired: bool) -> Traced:
        from profiler.tracing.traced import trace

        args, kwargs = self.example(batch, device)
        module = self.module(device)
        try:
            return trace(
                module, args, kwargs, name=self.name, options=self.options, inputs=self.inputs,
                batch=self.batched(batch), wired=wired,
            )  # fmt: skip
        except ShapeError as fault:
            raise ShapeError(fault.reason, f"{self.name}, {fault.path}" if fault.path else self.name) from None

    def profile(self, batch: int | None = 1) -> Profile:
        """Rows and totals. Raises ProfilerError."""
        return self.traced(batch).profile

    def totals(self, batch: int | None = 1) -> Totals:
        """Sums. Raises ProfilerError."""
        return self.traced(batch).profile.totals


def _plain(value: Any) -> Any:
    """What a record holds of an option; a number that no saved run holds (NaN, infinite, beyond 1e40) as its text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return value if -LARGEST_IN_RECORDS < value < LARGEST_IN_RECORDS else text_of(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {text_of(key): _plain(each) for key, each in value.items()}
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) and name else text_of(value)


def _is_small(module: nn.Module) -> bool:
    """True where a copy with values is no burden."""
    return sum(parameter.numel() for parameter in module.parameters()) <= LARGEST_WITH_VALUES


def _number(alpha: Fraction) -> str | float:
    """A whole multiplier as `--set` would give it: a text, which takes the type of its argument; any other is a float."""
    return str(alpha) if alpha.denominator == 1 else float(alpha)
