"""Bytes that a module holds: parameters, buffers, gradients and optimiser state by dtype, activations as they live and die."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from profiler.checked import checked as checked_arguments
from profiler.errors import UnknownName
from profiler.module.copying import held_tensors
from profiler.module.packed import packed_weights
from profiler.module.user_code import guarded
from profiler.records.training import LEAST_QUANTISED, QUANTISED_BLOCK, RECIPES, Memory, Moment
from profiler.tracing.arguments import Given
from profiler.tracing.fallbacks import uncompiled
from profiler.tracing.training.ledger import Held
from profiler.tracing.training.step import Step
from profiler.tracing.training.training import run_step
from profiler.tracing.training.ways import GRADIENTS, checked, drained, run_in_some_way


@checked_arguments
@guarded
def memory(
    module: nn.Module,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
    optimizer: str = "sgd",
    name: str = "",
) -> Memory:
    """The bytes of one evaluation without gradients, or of one training step after which `optimizer` has its state.

    Runs on a copy on the meta device, operator by operator, as eager torch would: an activation lives until nothing refers to
    it, one that the backward needs until it was used. `optimizer` is a name of profiler.records.training.RECIPES: `adam` keeps
    its states in the parameter's dtype, `adam-mixed` in fp32 with an fp32 master copy. Raises ProfilerError where it does not
    run, UnknownName for an optimiser.
    """
    known(optimizer)
    return memories(module, args, kwargs, optimizers=(optimizer if training else "",), name=name)[0]


def known(optimizer: str) -> None:
    """Raises UnknownName for an optimiser that has no recipe."""
    if optimizer not in RECIPES:
        raise UnknownName("optimizer", optimizer, RECIPES)


def memories(
    module: nn.Module,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    optimizers: Sequence[str],
    name: str = "",
) -> tuple[Memory, ...]:
    """As `memory`, of several optimisers after one and the same step; `""` is an evaluation. Raises as `memory` does."""
    module = checked(module, "memory")
    args = args if isinstance(args, tuple) else (args,)
    given: Given = (args, dict(kwargs or {}))
    runs: dict[bool, tuple[Step, nn.Module]] = {}
    made = []
    for optimizer in filter(None, optimizers):
        known(optimizer)
    for optimizer in optimizers:
        training = bool(optimizer)
        if training not in runs:
            step = Step(module, weighs=True)
            twin = run_step(module, args, kwargs, step, name) if training else _evaluate(module, given, step, name)
            runs[training] = (step, twin)
        made.append(_memory(module, given, optimizer, *runs[training]))
    return tuple(made)


def _memory(module: nn.Module, given: Given, optimizer: str, step: Step, twin: nn.Module) -> Memory:
    lazy = any(nn.parameter.is_lazy(t) for t in (*module.parameters(), *module.buffers()))
    module = twin if lazy else module  # a lazy module has its shapes from the run
    trained = [p for p in module.parameters() if p.requires_grad and not nn.parameter.is_lazy(p)] if optimizer else []
    ledger, held = step.ledger, Held()
    assert ledger is not None
    path, op, phase = ledger.at
    return Memory(
        f"training, {optimizer}" if optimizer else "inference",
        params=held.bytes([*module.parameters(), *packed_weights(module)]),
        buffers=held.bytes(module.buffers()),
        inputs=held.bytes(held_tensors(given)),
        gradients=_gradients(trained),
        optimizer=_states(trained, optimizer),
        activations=ledger.peak,
        path=path,
        op=op,
        phase=phase,
        timeline=tuple(Moment(*each) for each in ledger.line),
        without_gradients=ledger.without([p.grad for p in twin.parameters() if p.grad is not None]) if optimizer else 0,
    )


def _evaluate(module: nn.Module, given: Given, step: Step, name: str) -> nn.Module:
    copies: list[nn.Module] = []

    def run(step: Step | None, gradients: str, twin: nn.Module, given: Given) -> None:
        copies[:] = [twin]
        args, kwargs = given
        twin.eval()
        if step is not None:
            step.watch(twin, given)
        with GRADIENTS[gradients](), uncompiled(), nullcontext() if step is None else step.listening():
            drained(twin(*args, **kwargs))

    run_in_some_way(module, given, step, run, name, "it", training=False)
    return copies[0]


def _gradients(trained: Iterable[Tensor]) -> dict[str, int]:
    """One of every parameter, of its shape and dtype."""
    found: dict[str, int] = {}
    for p in trained:
        name = str(p.dtype).removeprefix("torch.")
        found[name] = found.get(name, 0) + p.numel() * p.element_size()
    return found


def _states(trained: Iterable[Tensor], optimizer: str) -> dict[str, int]:
    """What the optimiser keeps, by its recipe."""
    if not optimizer:
        return {}
    states, mixed, bits = RECIPES[optimizer]
    found: dict[str, int] = {}
    for p in trained:
        if bits:
            whole = p.numel() < LEAST_QUANTISED
            scales = 0 if whole else states * -(-p.numel() // QUANTISED_BLOCK) * torch.float32.itemsize
            found["float32"] = found.get("float32", 0) + scales + (states * p.numel() * torch.float32.itemsize if whole else 0)
            found["uint8"] = found.get("uint8", 0) + (0 if whole else states * p.numel() * bits // 8)
            continue
        short = mixed and p.is_floating_point() and p.element_size() < torch.float32.itemsize
        dtype, copies = (torch.float32, states + 1) if short else (p.dtype, states)
        if copies:
            name = str(dtype).removeprefix("torch.")
            found[name] = found.get(name, 0) + copies * p.numel() * dtype.itemsize
    return found
