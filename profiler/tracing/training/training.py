"""What a training step multiplies: forward, and the gradients that are really needed, by running autograd on meta tensors."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from profiler.checked import checked as checked_arguments
from profiler.errors import ProfilerError
from profiler.module.copying import held_tensors
from profiler.module.user_code import guarded
from profiler.records.training import StepRow, TrainingCost
from profiler.tracing.arguments import Given
from profiler.tracing.fallbacks import uncompiled
from profiler.tracing.training.step import BACKWARD, FORWARD, RECOMPUTED, Step
from profiler.tracing.training.ways import GRADIENTS, checked, drained, run_in_some_way


@checked_arguments
@guarded
def trace_training(
    module: nn.Module, args: Any = (), kwargs: Mapping[str, Any] | None = None, *, name: str = ""
) -> TrainingCost:
    """One forward and backward in training mode, on a copy of the module on the meta device.

    Gradients are those that the step needs: of parameters with requires_grad, and of what stands between them and the loss (the
    `loss` of the output, or everything in it). A gradient that the forward takes for itself is forward. Raises ProfilerError
    where it does not run, or nothing asks for a gradient.
    """
    step = Step(checked(module, "trace_training"))
    run_step(module, args, kwargs, step, name)
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


def run_step(module: nn.Module, args: Any, kwargs: Mapping[str, Any] | None, step: Step, name: str = "") -> nn.Module:
    """Runs forward and backward of a copy of `module` under `step`, in the first way that can; the copy.

    Raises ProfilerError as trace_training does.
    """
    given: Given = (args if isinstance(args, tuple) else (args,), dict(kwargs or {}))
    name = name or type(module).__name__
    copies: list[nn.Module] = []

    def run(step: Step | None, gradients: str, twin: nn.Module, given: Given) -> None:
        copies[:] = [twin]
        args, kwargs = given
        twin.train()
        if step is not None:
            step.watch(twin, given)
        with GRADIENTS[gradients](), uncompiled(), nullcontext() if step is None else step.listening():
            ends = losses(drained(twin(*args, **kwargs)))
            if not ends:
                raise ProfilerError(
                    f"{name}: nothing in its output requires a gradient; set requires_grad on what is to be trained"
                )
            begin = torch.empty_like if step is not None and step.rung != "real" else torch.ones_like
            starts = [begin(end) for end in ends]
            if step is not None:
                step.backward = True
            torch.autograd.backward(ends, starts)

    run_in_some_way(module, given, step, run, name, "its training step", training=True)
    return copies[0]


def losses(out: Any) -> list[Tensor]:
    """What a training step starts its backward from: the loss of an output that has one, else all that has a gradient."""
    loss = out.get("loss") if isinstance(out, Mapping) else getattr(out, "loss", None)
    if isinstance(loss, Tensor):
        return [loss]
    return [tensor for tensor in held_tensors(out) if tensor.requires_grad]
