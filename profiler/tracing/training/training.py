"""What a training step multiplies: forward, and the gradients that are really needed, by running autograd on meta tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from profiler.errors import ProfilerError
from profiler.module.trees import mapped_tensors
from profiler.records.training import StepRow, TrainingCost
from profiler.tracing.fallbacks import LARGEST_REAL, Given, on_cpu
from profiler.tracing.restore import places, preserved_state
from profiler.tracing.training.step import BACKWARD, FORWARD, RECOMPUTED, Step, copy_on_meta, losses


def trace_training(
    module: nn.Module, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None, *, name: str = ""
) -> TrainingCost:
    """One forward and backward in training mode, on a copy of the module on the meta device.

    Gradients are those that the step needs: of parameters with requires_grad, and of what stands between them and the loss (the
    `loss` of the output, or everything in it). Raises ProfilerError where it does not run, or nothing asks for a gradient.
    """
    step = run_step(module, args, kwargs, Step(module), name)
    rows = tuple(
        StepRow(path, phases.get(FORWARD, 0), phases.get(BACKWARD, 0), phases.get(RECOMPUTED, 0))
        for path, phases in step.macs.items()
    )
    return TrainingCost(
        sum(row.forward for row in rows),
        sum(row.backward for row in rows),
        sum(row.recomputed for row in rows),
        rows,
        tuple(step.uncounted),
        step.rung,
    )


def run_step(module: nn.Module, args: Any, kwargs: Mapping[str, Any] | None, step: Step, name: str = "") -> Step:
    """Runs forward and backward of a copy of `module` under `step`: on meta, or where that does not do on the CPU.

    Raises ProfilerError as trace_training does.
    """
    name = name or type(module).__name__
    given: Given = (args if isinstance(args, tuple) else (args,), dict(kwargs or {}))
    with preserved_state(places(module)):
        try:
            _once(step, *copy_on_meta(module, given), name)
        except ProfilerError:
            raise
        except Exception as fault:
            if sum(p.numel() for p in module.parameters()) > LARGEST_REAL:
                raise _refused(name, step, fault) from None
            step.begin("real")
            try:
                _once(step, *on_cpu(module, given), name)
            except ProfilerError:
                raise
            except Exception as again:
                raise _refused(name, step, again) from None
    return step


def _once(step: Step, twin: nn.Module, given: Given, name: str) -> None:
    args, kwargs = given
    twin.train()
    step.paths = {id(m): path for path, m in twin.named_modules()}
    if step.ledger is not None:
        step.ledger.exclude(iter([*twin.parameters(), *twin.buffers(), *mapped_tensors((args, kwargs))]))
    with torch.enable_grad(), step.listening():
        ends = losses(twin(*args, **kwargs))
        if not ends:
            raise ProfilerError(
                f"{name}: nothing in its output asks for a gradient; set requires_grad on what is to be trained"
            )
        torch.autograd.backward(ends, [torch.empty_like(end) for end in ends])


def _refused(name: str, step: Step, fault: BaseException) -> ProfilerError:
    at = f"{name}, in {step.fault_path}" if step.fault_path else name
    text = " ".join(str(fault).split())[:200]
    return ProfilerError(
        f"{at}: its training step does not run ({type(fault).__name__}: {text}); count its forward, or mend it"
    )
