"""What can be timed: a network of the zoo, a reference, a user's module, a spin of known length. No torch until it is live.

Each is small and pickles, since it is made in the process that the user started and comes alive in a worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from profiler.errors import ProfilerError
from profiler.measure.plan import Setting, Workload
from profiler.network.layers import Layer, Shape

if TYPE_CHECKING:
    from profiler.measure.live import Live


@dataclass(frozen=True)
class NetworkWorkload:
    """A network that is a value, with the shapes of one sample."""

    name: str
    value: Layer
    inputs: tuple[Shape, ...]

    def live(self, setting: Setting, batch: int) -> Live:
        from profiler.measure.alive import alive
        from profiler.measure.live import random_inputs
        from profiler.module.build import build

        return alive(lambda: (build(self.value, self.inputs, seed=0), random_inputs(self.inputs, batch), {}), setting)


@dataclass(frozen=True)
class ReferenceWorkload:
    """A network that a reference names: its module is made in the worker, by its own loader."""

    name: str
    reference: Any
    """Has `module(device)` and `example(batch, device) -> (args, kwargs)`."""

    def live(self, setting: Setting, batch: int) -> Live:
        from profiler.measure.alive import alive

        def make() -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
            args, kwargs = self.reference.example(batch, "cpu")
            return self.reference.module("cpu"), tuple(args), dict(kwargs)

        return alive(make, setting)


@dataclass(frozen=True)
class ModuleWorkload:
    """A user's own nn.Module with example inputs, pickled as it is: workers time a copy, the user's own is not touched."""

    name: str
    pickled: bytes

    @classmethod
    def of(cls, module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ModuleWorkload:
        """Raises ProfilerError for a module that does not pickle."""
        import cloudpickle

        name = type(module).__name__
        try:
            return cls(name, cloudpickle.dumps((module, args, dict(kwargs))))
        except Exception as fault:  # whatever a user's own __getstate__ raises
            cure = "give a factory's name (package.module:factory) instead"
            raise ProfilerError(f"{name} cannot be copied to the process that measures it: {fault}; {cure}") from None

    def live(self, setting: Setting, batch: int) -> Live:
        import pickle

        from profiler.measure.alive import alive

        return alive(lambda: pickle.loads(self.pickled), setting)


@dataclass(frozen=True)
class Slowed:
    """Another workload that spins at the end of every call for a share of the time that it took: a planted slowdown."""

    workload: Workload
    share: float

    @property
    def name(self) -> str:
        return self.workload.name

    def live(self, setting: Setting, batch: int) -> Live:
        made: Live = self.workload.live(setting, batch)
        made.slow_by(self.share)
        return made


@dataclass(frozen=True)
class Spin:
    """A loop that reads the clock until so many seconds have passed: its latency is known."""

    seconds: float
    name: str = "spin"

    def live(self, setting: Setting, batch: int) -> Live:
        from profiler.measure.live import Live, spin

        return Live(lambda: (lambda: spin(self.seconds), (), {}), setting)


@dataclass(frozen=True)
class ByTorch:
    """A workload timed by torch.utils.benchmark's Timer in place of our clock: what an independent tool says of it."""

    workload: NetworkWorkload

    @property
    def name(self) -> str:
        return f"{self.workload.name} by torch.utils.benchmark"

    def live(self, setting: Setting, batch: int) -> Live:
        made = self.workload.live(setting, batch)
        made.by_torch = True
        return made
