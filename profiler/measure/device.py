"""What is asked of a device: its name, whether it is there, how it waits, clocks and counts memory. No torch at import."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from profiler.errors import ProfilerError
from profiler.measure import host

if TYPE_CHECKING:
    import torch


class Graph(NamedTuple):
    """A call captured on the device."""

    replay: Callable[[], object]
    output: object
    """Held, since a replay writes into its memory."""


class Device:
    """A device by its name, as `cuda:1`; each kind is a subclass, and tells only what is other than here.

    The class is asked by the process that schedules, which loads no torch; an object of it lives in the worker that measures.
    As it stands here a device has ended a call when the call returns, has no clock of its own, and shares the machine's memory.
    """

    type: ClassVar[str]
    """What torch calls it, as a rule: what stands before the colon of its names."""
    numbered: ClassVar[bool] = False
    """Whether there may be several, as cuda:0 and cuda:1."""
    counted: ClassVar[str | None] = None
    """An expression of torch's that counts those that are there; None of a device that always is."""
    identities: ClassVar[str | None] = None
    """An expression of torch's that lists, by number, what tells them apart on this machine; None where the name does."""
    threaded: ClassVar[bool] = False
    """Whether the process's threads do its work: a title says how many, and a single one is busy all of the time when quiet."""
    has_leaf_marks: ClassVar[bool] = True
    """Whether the end of each leaf of a running network can be marked (`--layers`)."""
    has_own_time: ClassVar[bool] = False
    """Whether it clocks its own work (`own_seconds`), which launches from the CPU may make wait."""
    matrix_side: ClassVar[int] = 1024
    """Side of the matrices whose product is its roof of multiply-adds: large enough to keep all of it busy."""
    observed: ClassVar[bool] = True
    """Whether what disturbs this machine disturbs it: another machine's work has nothing to do with what happens here."""
    fatal: ClassVar[tuple[str, ...]] = ()
    """What errors say after which the process can measure no more."""

    @classmethod
    def may_be_here(cls) -> bool:
        """False where a look at the system rules it out, so that torch need not be loaded to say so."""
        return cls.counted is None

    @classmethod
    def title(cls, name: str) -> str:
        """What a title calls it."""
        return name

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def torch_device(self) -> torch.device:
        """Where torch puts its tensors."""
        import torch

        return torch.device(self.name)

    def begin(self) -> None:
        """Make it what this process works on."""

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        return {}

    def synchronize(self) -> None:
        """Wait until its work is done."""

    def free_memory(self) -> int | None:
        """Bytes that networks can still take; None where that is not known."""
        return host.available_memory()

    def release_memory(self) -> None:
        """Give back what torch keeps for later."""

    def memory_before(self) -> int | None:
        """Bytes that are taken now, from where a peak is counted; None where it cannot be."""
        return None

    def peak_since(self, before: int | None) -> int | None:
        """Bytes at the peak since `memory_before` told `before`, over those."""
        return None

    def mark(self) -> Any:
        """A point in the device's work."""
        return perf_counter_ns()

    def seconds_between(self, first: Any, last: Any) -> float:
        """Seconds from one mark to another, once the device was waited for."""
        return float(last - first) / 1e9

    def capture(self, call: Callable[[], object]) -> Graph | None:
        """The call as a graph, whose replays launch all of it at once; None where it cannot be captured."""
        return None

    def own_seconds(self, work: Callable[[], object], calls: int, queue_s: float) -> float:
        """The device's own seconds a call, over `calls` of them that queue up while it is kept waiting for `queue_s`.

        Asked only of a device that says `has_own_time`, whose class has it.
        """
        raise NotImplementedError(f"{self.name} has no time of its own")

    def reading(self) -> dict[str, Any]:
        """Its clock, temperature and reasons for a lower clock, where it tells."""
        return {}

    def joules(self) -> float:
        """What its energy counter reads, of all that it did since some moment. Raises ProfilerError where it has none."""
        raise ProfilerError(f"{self.name} has no energy counter; only NVIDIA GPUs have one that can be read")

    def autocast(self, dtype: torch.dtype) -> AbstractContextManager[object]:
        """Computing in a lower precision."""
        import torch

        return torch.autocast(self.torch_device.type, dtype)

    def scaler(self, dtype: torch.dtype) -> torch.amp.GradScaler | None:
        """What scales the loss of a training step in that precision; None where none is needed."""
        return None

    def products_as_convolutions(self) -> AbstractContextManager[object]:
        """Products of matrices in the precision that convolutions may take, since their roof is the same units'."""
        return nullcontext()
