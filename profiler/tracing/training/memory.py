"""Bytes that a module holds: parameters, buffers, gradients and optimiser state by dtype, activations as they live and die."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from profiler.errors import ProfilerError, UnknownName
from profiler.module.trees import mapped_tensors
from profiler.records.training import Memory, Moment
from profiler.tracing.fallbacks import LARGEST_REAL, Given, on_cpu
from profiler.tracing.restore import places, preserved_state
from profiler.tracing.training.step import Step, copy_on_meta
from profiler.tracing.training.training import run_step

STATES = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}
"""Tensors that an optimiser keeps for each parameter, of the parameter's dtype. Adam's counters (4 bytes each) are left out."""


def memory(
    module: nn.Module,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    training: bool = False,
    optimizer: str = "sgd",
    name: str = "",
) -> Memory:
    """The bytes of one evaluation without gradients, or of one training step after which `optimizer` has its state.

    Runs on a copy on the meta device, operator by operator, as eager torch would: an activation lives until nothing refers to
    it, one that the backward needs until it was used. Raises ProfilerError where it does not run, UnknownName for an optimiser.
    """
    if optimizer not in STATES:
        raise UnknownName("optimizer", optimizer, STATES)
    args = args if isinstance(args, tuple) else (args,)
    step = Step(module, weighs=True)
    if training:
        run_step(module, args, kwargs, step, name)
    else:
        _evaluate(module, args, kwargs or {}, step, name)
    trained = [p for p in module.parameters() if p.requires_grad] if training else []
    states = {dtype: n * STATES[optimizer] for dtype, n in _bytes(trained).items()} if STATES[optimizer] else {}
    ledger = step.ledger
    assert ledger is not None
    path, op, phase = ledger.at
    return Memory(
        f"training, {optimizer}" if training else "inference",
        params=_bytes(module.parameters()),
        buffers=_bytes(module.buffers()),
        inputs=_bytes(mapped_tensors((args, kwargs or {}))),
        gradients=_bytes(trained),
        optimizer=states,
        activations=ledger.peak,
        path=path,
        op=op,
        phase=phase,
        timeline=tuple(Moment(*each) for each in ledger.line),
    )


def _evaluate(module: nn.Module, args: Any, kwargs: Mapping[str, Any], step: Step, name: str) -> None:
    name = name or type(module).__name__
    with preserved_state(places(module)):
        try:
            _once(step, *copy_on_meta(module, (args, dict(kwargs))))
        except Exception as before:
            step.begin("real")
            try:
                if sum(p.numel() for p in module.parameters()) > LARGEST_REAL:
                    raise before
                _once(step, *on_cpu(module, (args, dict(kwargs))))
            except Exception as fault:
                at = f"{name}, in {step.fault_path}" if step.fault_path else name
                text = " ".join(str(fault).split())[:200]
                raise ProfilerError(
                    f"{at}: it does not run ({type(fault).__name__}: {text}); check the input, or the model"
                ) from None


def _once(step: Step, twin: nn.Module, given: Given) -> None:
    args, kwargs = given
    step.paths = {id(m): path for path, m in twin.named_modules()}
    assert step.ledger is not None
    step.ledger.exclude(iter([*twin.parameters(), *twin.buffers(), *mapped_tensors((args, kwargs))]))
    with torch.inference_mode(), step.listening():
        twin.eval()(*args, **kwargs)


def _bytes(given: Iterable[Tensor]) -> dict[str, int]:
    """By dtype; every storage once."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    for t in given:
        if id(t) not in seen:
            seen.add(id(t))
            dtype = str(t.dtype).removeprefix("torch.")
            found[dtype] = found.get(dtype, 0) + t.numel() * t.element_size()
    return found
