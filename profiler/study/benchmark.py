"""The library's measured call: `benchmark`, of a name, a value or a user's own nn.Module."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.errors import ProfilerError
from profiler.measure.plan import Setting, Spec
from profiler.measure.subjects import OfModule
from profiler.network.layers import Layer, Shape
from profiler.network.load import load
from profiler.records import Record, Results
from profiler.study.bench import batch_of
from profiler.study.cells import Cell
from profiler.study.clock import Clock
from profiler.study.clocked import measuring, specs_of, timing
from profiler.timing import Timing

if TYPE_CHECKING:
    from torch import nn


def benchmark(
    model: str | Layer | nn.Module,
    *,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    input: str | Shape | None = None,
    batch: int | None = None,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    device: str = "auto",
    threads: int | None = None,
    dtype: str = "fp32",
    memory_format: str = "contiguous",
    compile: bool = False,
    train: bool = False,
    optimizer: str = "sgd",
    time: str | float = "30s",
    **options: Any,
) -> Timing:
    """Latency of one network in one setting, in seconds a call (a training step with `train`), by the protocol of rounds.

    `model` is a name of the zoo with its options, a Layer with `input`, or an nn.Module with example inputs: `args` and
    `kwargs` as it takes them, or `input`, the shape `(C, *spatial)` of one sample, of which `batch` seeded ones are made.
    A module is copied to the process that times it; the caller's own is not touched. Batch is 1 unless given, 32 to train.
    Raises ProfilerError, UnknownName, ShapeError, Unavailable; where the network cannot be measured, the Timing says why.
    """
    clock = Clock(device, threads, dtype, memory_format, False, train, optimizer, time=time)
    (setting, *others) = clock.settings()
    if others:
        raise ProfilerError("benchmark measures one setting; give one device, dtype, memory format and number of threads")
    setting = Setting(**{**vars(setting), "compile": compile})
    size = grid.batch(batch_of(batch, clock))
    if _is_module(model):
        spec = _of_module(model, args, kwargs, input, size, setting)
    else:
        if args is not None or kwargs is not None:
            raise ProfilerError("args and kwargs go with an nn.Module; a named network makes its own inputs")
        network = load(model, alpha=alpha, resolution=resolution, rho=rho, input=input, options=options)  # type: ignore[arg-type]
        (spec,) = specs_of([Cell(network, size)], [setting])
    results = Results([Record(model=spec.subject.name)], "benchmark")
    with measuring([spec], results, clock, None) as (scheduler, _):
        run = scheduler.measure()
    return timing(spec, run.outcomes[0])


def _is_module(model: object) -> bool:
    """True for an nn.Module, without loading torch to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def _of_module(
    model: Any, args: tuple[Any, ...] | None, kwargs: Mapping[str, Any] | None, shape: Any, batch: int, setting: Setting
) -> Spec:
    if (args is None and kwargs is None) == (shape is None):
        raise ProfilerError("a module is measured on example inputs: give args (and kwargs), or input, the shape of a sample")
    if shape is not None:
        from profiler.measure.live import random_inputs

        args = random_inputs((grid.sample(shape),), batch)
    given = tuple(args or ())
    first = next((value for value in (*given, *(kwargs or {}).values()) if hasattr(value, "shape") and len(value.shape)), None)
    size = batch if shape is not None or first is None else int(first.shape[0])
    subject = OfModule.of(model, given, kwargs or {})
    return Spec(subject, size, setting, {"model": subject.name, "options": {}, "alpha": None, "input": ""})
