"""The library's measured call: `benchmark`, of a name, a value or a user's own nn.Module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from profiler import grid
from profiler.api import counted
from profiler.checked import checked
from profiler.errors import ProfilerError
from profiler.load.load import Model
from profiler.records.columns import MEASURED_COLUMNS, WAITING
from profiler.records.place import Place
from profiler.records.results import Results
from profiler.records.timing import Timing
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Watch, watching
from profiler.study.measuring import session, spec_of, timing, watched
from profiler.study.memory_needed import check_memory


@checked
def benchmark(
    model: Model,
    *,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    input: Any = None,
    batch: object = None,
    alpha: object = None,
    resolution: object = None,
    rho: object = None,
    device: str = "auto",
    threads: str | int | None = None,
    dtype: str = "fp32",
    memory_format: str = "contiguous",
    compile: bool = False,
    train: bool = False,
    optimizer: str = "sgd",
    time: str | float | None = None,
    energy: bool = False,
    runtime: str = "eager",
    no_cache: bool = False,
    exec: str | None = None,
    exec_push: str | None = None,
    watch: Watch | None = None,
    progress: bool = False,
    **options: Any,
) -> Timing:
    """Latency of one network in one setting, in seconds a call (a training step with `train`), by the protocol of rounds.

    `model` is what `profile` takes: a name of the zoo, a reference, a Layer with `input`, or an nn.Module with `args` and
    `kwargs` for its forward, or with `input`, the shape of one sample, of which a seeded batch is made. A module is copied to
    the process that times it; the caller's own is not touched. Batch is 1 unless given, 32 to train. With `energy` also
    joules an image, by the counter of a GPU that has one. `exec` is a command that runs it on another device, `exec_push` one
    that brings its file there, as in `BenchOptions`. `watch` is called with each event of the study; `progress` shows a
    bar instead, with the estimate so far, in a terminal or a notebook.
    Raises ProfilerError, UnknownName, ShapeError, Unavailable; where the network cannot be measured, the Timing says why.
    """
    if compile and runtime not in ("eager", "compile"):
        raise ProfilerError(f"compile is the runtime 'compile', and the runtime given is '{runtime}'; give one of the two")
    runtime = "compile" if compile else runtime
    measuring = BenchOptions(
        device,
        threads,
        dtype,
        memory_format,
        False,
        train,
        optimizer,
        time=time,
        runtime=runtime,
        no_cache=no_cache,
        exec=exec,
        exec_push=exec_push,
        energy=energy,
    )
    (setting, *others) = measuring.settings()
    if others:
        raise ProfilerError("benchmark measures one setting; give one device, dtype, runtime and number of threads")
    own = args is not None or kwargs is not None
    size = 1 if own and batch is None else grid.batch(measuring.batch(batch))
    place = Place(model, options, alpha, resolution, input, size, rho)
    network = counted(place, args, kwargs)
    check_memory([network], [setting])
    specs = [spec_of(network, size, setting)]
    results = Results(
        [{**place.columns, "model": network.name, "options": {}, **dict.fromkeys(MEASURED_COLUMNS, WAITING)}], "benchmark"
    )
    with session(specs, "benchmark", measuring) as made, watching(progress, watch) as seen:
        for event in watched(results, specs, made.scheduler, measuring):
            if seen is not None:
                seen(event)
    return timing(specs[0], made.scheduler.run.outcomes[0])
