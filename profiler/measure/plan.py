"""What is to be measured: cells, each a workload in a setting, and the workers and groups that hold them. No torch.

A workload is anything with `name` and `live(setting, batch)`, which a worker calls to get what it times; it must pickle, since
workers are fresh processes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

Mode = Literal["infer", "train"]
RUNTIMES = ("eager", "compile", "onnxruntime", "openvino", "tensorrt", "litert", "executorch", "exec")
"""What runs a network: torch operation by operation, torch.compile, runtimes that load an exported file, a user's command."""
EXPORTED = RUNTIMES[2:]
"""The runtimes that run an exported file, without torch's own module."""
DTYPES = ("fp32", "bf16", "fp16", "int8")
MEMORY_FORMATS = ("contiguous", "channels_last")
OPTIMIZERS = ("sgd", "adam")
LEAST_ROUNDS = 10
FITS = 0.7
"""Share of the free memory that a group's cells may take together."""
DTYPE_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1}


COMMAND_S = 600.0
"""Seconds that a command may take to bring a file to its device, and for its first call."""


@dataclass(frozen=True)
class Command:
    """What runs a network on another device (measure/command.py): words with placeholders, of one cell some filled in."""

    words: tuple[str, ...]
    push: tuple[str, ...] = ()
    """What brings a file to the device, once a cell."""
    name: str = ""
    """What the file of a cell is called."""


@dataclass(frozen=True)
class Setting:
    """How a cell is run."""

    device: str = "cpu"
    threads: int = 1
    dtype: str = "fp32"
    memory_format: str = "contiguous"
    runtime: str = "eager"
    mode: Mode = "infer"
    optimizer: str | None = None
    command: Command | None = None
    """Of the runtime exec, what runs the network."""

    @property
    def compile(self) -> bool:
        """Whether torch.compile runs it."""
        return self.runtime == "compile"

    @property
    def exported(self) -> bool:
        """Whether it runs from an exported file, without torch."""
        return self.runtime in EXPORTED


class State(NamedTuple):
    """What a process cannot change once it has begun: cells that differ in it are measured by different workers."""

    device: str
    threads: int
    dtype: str
    runtime: str


class Source(NamedTuple):
    """What tells a module from another of the same name."""

    params: int | None
    """Elements of its parameters, each once; None of what is no module."""
    file: str | None
    """The file that its class is defined in."""

    @classmethod
    def of(cls, module: Any) -> Source:
        """Of a module, by its own parameters."""
        if not callable(getattr(module, "parameters", None)):
            return cls(None, None)
        home = sys.modules.get(type(module).__module__)
        return cls(sum(each.numel() for each in module.parameters()), getattr(home, "__file__", None))

    def differs(self, other: Source) -> str:
        """What of `other`, which was built, is not as it was counted, in words; empty where all is."""
        if self.params is not None and self.params != other.params:
            return (
                f"it has {other.params} parameters in {other.file}, and the one that was counted {self.params} in {self.file}"
            )
        if self.file is not None and self.file != other.file:
            return f"it is of {other.file}, and the one that was counted of {self.file}"
        return ""


NO_MODULE = Source(None, None)


class Workload(Protocol):
    """What can be measured."""

    @property
    def name(self) -> str: ...

    def live(self, setting: Setting, batch: int) -> Any:
        """In the worker: the Live thing (see live.py) that is timed."""


@dataclass(frozen=True)
class Spec:
    """One cell: a workload in a setting."""

    workload: Workload
    batch: int
    setting: Setting
    about: Mapping[str, Any] = field(default_factory=dict)
    """What tells this cell from others in a file: model, options, alpha, input …; JSON-ready."""
    memory: int = 0
    """Bytes that it is thought to take while alive."""
    counted: Source = NO_MODULE
    """Of the module that was counted, where code makes it, which another process might find elsewhere."""

    @property
    def state(self) -> State:
        setting = self.setting
        return State(setting.device, setting.threads, setting.dtype, setting.runtime)

    @property
    def key(self) -> str:
        """The same for the same cell in another run."""
        setting = {name: value for name, value in asdict(self.setting).items() if name != "command" or value is not None}
        return json.dumps({**self.about, "batch": self.batch, **setting}, sort_keys=True)


@dataclass(frozen=True)
class Budget:
    """How long to measure and when to be content."""

    seconds: float = 30.0
    least_rounds: int = LEAST_ROUNDS
    half_width: float = 0.01
    """A cell narrower than this is done."""
    least_span: float = 3.0
    """Seconds that the rounds must span before a cell may be done: a machine changes slowly. Never over half the budget."""
    overrun: float = 0.1
    """Share of the budget that the least rounds may run over it by, where the machine slowed after they were planned."""


def groups(cells: Sequence[Spec], free: Mapping[str, int | None], base: int | None = None) -> list[list[int]]:
    """Positions of the cells that are alive together, in groups that fit the free memory of each device.

    `base` is the cell that ratios are to: it is in every group. A cell that alone does not fit has a group of its own, where
    it may fail with its reason.
    """

    def fits(members: Sequence[int]) -> bool:
        taken: dict[str, int] = {}
        for i in members:
            device = cells[i].setting.device
            taken[device] = taken.get(device, 0) + cells[i].memory
        return all((limit := free.get(device)) is None or bytes_ <= FITS * limit for device, bytes_ in taken.items())

    made: list[list[int]] = []
    for i in range(len(cells)):
        if i == base:
            continue
        if not made or not fits([*made[-1], i]):
            made.append([base] if base is not None else [])
        made[-1].append(i)
    if not made:
        return [[base]] if base is not None else []
    return [sorted(members) for members in made]


def memory_of(weight_bytes: int, activations: int, elementwise: int, setting: Setting) -> int:
    """Bytes that a network is thought to take while alive: generous, since it only decides what is alive together.

    Inference holds the weights and at most some of the activations; training all of them, gradients and the optimiser's state.
    """
    each = DTYPE_BYTES[setting.dtype]
    weights = weight_bytes * each // 4
    if setting.mode == "infer":
        return weights + (activations + elementwise) * each // 4
    copies = {"sgd": 3, "adam": 4}[setting.optimizer or "sgd"]
    return weight_bytes * copies + (activations + elementwise) * each * 2
