"""What is asked of a deployed runtime: what it needs, to load an exported file, to run it, and what it made of it. No torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from profiler.errors import ProfilerError, Unavailable
from profiler.measure.plan import Setting, State
from profiler.measure.runtimes.fusion import Operation

if TYPE_CHECKING:
    import numpy as np

Inputs = Mapping[str, "np.ndarray[Any, Any]"]
"""{name of an input of the file: its value}."""


class Runtime(ABC):
    """A network that was loaded from an exported file. Each runtime is a subclass, in a file of its own.

    The class is asked by the process that schedules, which loads neither torch nor the runtime; an object lives in a worker.
    """

    name: ClassVar[str]
    extra: ClassVar[str]
    """The extra of this package that installs it."""
    packages: ClassVar[tuple[str, ...]]
    """What that extra holds, by the names that Python imports."""
    dtypes: ClassVar[tuple[str, ...]]
    devices: ClassVar[Mapping[str, str]]
    """{type of a device here: what the runtime calls it}."""

    path: Path
    call: Callable[[], object]
    """Runs it once; it has ended when the call returns."""
    nodes: int | None = None
    """Operations that it runs, once it has fused what it fuses."""

    @abstractmethod
    def __init__(self, path: Path, inputs: Inputs, setting: Setting) -> None:
        """Load a file for these inputs. Raises ProfilerError where the runtime cannot run it there."""

    @abstractmethod
    def outputs(self) -> list[np.ndarray[Any, Any]]:
        """The outputs of one call."""

    @abstractmethod
    def inspect(self) -> None:
        """Find out what the runtime made of the file, which no timed call may pay for. Raises ProfilerError for a fallback."""

    @abstractmethod
    def operations(self) -> list[Operation]:
        """The operations that a run executes, in their order."""

    @abstractmethod
    def clocked(self, runs: int) -> list[tuple[float, list[float]]]:
        """Of each of so many profiled runs its seconds, and those of each operation. Raises ProfilerError."""

    @classmethod
    @abstractmethod
    def facts(cls, state: State) -> dict[str, Any]:
        """Its version and how it is set, for the record."""

    @classmethod
    def check(cls, setting: Setting) -> None:
        """Refuse a setting that it does not have, before any work. Raises ProfilerError, Unavailable."""
        device = setting.device.partition(":")[0]
        if setting.mode != "infer":
            raise ProfilerError(f"{cls.name} runs only forward passes; leave out --train, or give --runtime eager,compile")
        if setting.memory_format != "contiguous":
            raise ProfilerError(
                f"{setting.memory_format} is a memory format of torch, which {cls.name} does not use; leave out --memory-format"
            )
        if setting.dtype not in cls.dtypes:
            raise ProfilerError(f"{cls.name} has no dtype '{setting.dtype}'; use {', '.join(cls.dtypes)}")
        if device not in cls.devices:
            raise ProfilerError(f"{cls.name} has no device '{setting.device}'; use --device {' or '.join(cls.devices)}")
        missing = [package for package in cls.packages if find_spec(package) is None]
        if missing:
            raise Unavailable(
                f"runtime {cls.name} needs {' and '.join(missing)}, not installed; pip install 'arch-profiler[{cls.extra}]'"
            )
