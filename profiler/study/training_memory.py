"""What a training step holds on each device: optimisers, checkpointed blocks, ZeRO and FSDP, and the batch that fits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import structs

from profiler import grid
from profiler.errors import ProfilerError
from profiler.load.load import Counted
from profiler.module.user_code import quiet
from profiler.records.sharding import STAGES, TrainingMemory

if TYPE_CHECKING:
    from profiler.records.training import Memory

MOST_SAMPLES = 1 << 20


class Step(NamedTuple):
    """How a network is trained, as the options of `show` say it."""

    optimizer: str = "adamw"
    zero: object = 0
    devices: object = 1
    checkpointing: bool = False
    memory: object = None
    """Bytes of each device, as text with a unit."""

    @property
    def stage(self) -> int:
        """ZeRO's stage. Raises ProfilerError for another."""
        text = str(self.zero).strip()
        if text not in map(str, STAGES):
            raise ProfilerError(f"--zero {text} is not a ZeRO stage; use 0, 1, 2 or 3")
        return int(text)

    @property
    def shared_by(self) -> int:
        """Devices. Raises ProfilerError for none."""
        found = grid.whole(self.devices, "devices")
        if found < 1:
            raise ProfilerError(f"--devices must be 1 or more, not {found}")
        return found


def training_memory(network: Counted, batch: int | None, how: Step) -> TrainingMemory:
    """The bytes of a step, and the largest batch that fits, found by weighing it and one sample more. Raises ProfilerError."""
    stage, devices = how.stage, how.shared_by
    room = None if how.memory is None else grid.size(how.memory, "--memory")
    module: Any = network.module("meta")
    with _checkpointed(module, network.name, how.checkpointing):
        found = _weighed(network, batch, how.optimizer)
        shared = _of(found, module, how, stage, devices, batch or 1)
        if room is None:
            return shared

        def held(samples: int) -> int:
            return _of(_weighed(network, samples, how.optimizer), module, how, stage, devices, samples).total(stage)

        return structs.replace(shared, memory=room, largest=_largest(held, room))


def _of(found: Memory, module: Any, how: Step, stage: int, devices: int, batch: int) -> TrainingMemory:
    weights, gradients, states = (sum(part.values()) for part in (found.params, found.gradients, found.optimizer))
    rest = sum(found.buffers.values()) + sum(found.inputs.values())
    gathered = _gathered(module) if stage >= 3 else 0
    return TrainingMemory(
        how.optimizer,
        stage,
        devices,
        batch,
        how.checkpointing,
        weights,
        gradients,
        states,
        rest,
        found.without_gradients,
        gathered,
        found.peak,
    )


def _largest(held: Any, room: int) -> int:
    """The most samples within `room`; bytes never fall with the batch, and are nearly linear in it."""
    one, two = held(1), held(2)
    if one > room:
        return 0
    low, high = 1, 0  # `low` fits, `high` does not, where it is known
    guess = max(2, 1 + (room - one) // max(two - one, 1))
    while not high or high - low > 1:
        guess = min(max(guess, low + 1), high - 1 if high else MOST_SAMPLES)
        size = held(guess)
        if size <= room:
            low = guess
            guess = low + max(1, (room - size) // max(two - one, 1))
            if low >= MOST_SAMPLES:
                break
        else:
            high = guess
            guess = high - max(1, -(-(size - room) // max(two - one, 1)))
    return low


def _weighed(network: Counted, batch: int | None, optimizer: str) -> Memory:
    """The memory of a step, of a model of transformers with its own loss and without a cache."""
    from profiler.load.signature import parameters
    from profiler.tracing.training.memory import memories

    module: Any = network.module("meta")
    args, kwargs = network.example(batch, "meta")
    takes = parameters(module)
    config = getattr(module, "config", None)
    if "use_cache" in takes or hasattr(config, "use_cache"):
        kwargs = {**kwargs, "use_cache": False}
    text = next((kwargs[key] for key in ("decoder_input_ids", "input_ids") if key in kwargs), None)
    writes = any(each in type(module).__name__ for each in ("ForCausalLM", "LMHead", "ForMaskedLM", "ForConditionalGeneration"))
    if writes and "labels" in takes and "labels" not in kwargs and text is not None:
        kwargs = {**kwargs, "labels": text}
    with quiet():
        return memories(module, args, kwargs, optimizers=(optimizer,), name=network.name)[0]


@contextmanager
def _checkpointed(module: Any, name: str, on: bool) -> Iterator[None]:
    """The blocks that a model of transformers marks run as checkpoints inside. Raises ProfilerError for a model without any."""
    if not on:
        yield
        return
    if not getattr(module, "supports_gradient_checkpointing", False):
        raise ProfilerError(
            f"{name} marks no blocks for activation checkpointing; leave out --checkpointing, or checkpoint in its forward"
        )
    enable, disable = (
        getattr(module, f"activation_checkpointing_{word}", None) or getattr(module, f"gradient_checkpointing_{word}")
        for word in ("enable", "disable")  # by the name that this version has
    )
    enable()
    try:
        yield
    finally:
        disable()


def _gathered(module: Any) -> int:
    """Bytes of the largest block, and of the weights of no block."""
    from torch import nn

    names = set(getattr(module, "_no_split_modules", None) or ())
    blocks = [m for m in module.modules() if type(m).__name__ in names]
    if not blocks:
        lists = [list(m) for m in module.modules() if isinstance(m, nn.ModuleList) and len(m) > 1]
        blocks = max(lists, key=len, default=[])
    sizes: list[int] = [sum(p.numel() * p.element_size() for p in block.parameters()) for block in blocks]
    inside = {id(p) for block in blocks for p in block.parameters()}
    outside: int = sum(p.numel() * p.element_size() for p in module.parameters() if id(p) not in inside)
    return outside + max(sizes, default=0)
