"""The commands that measure: bench, selftest."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from profiler.commands import options as o
from profiler.commands.groups import (
    AutoTable,
    ByCommand,
    Machines,
    MeasuringSetting,
    Output,
    Ranges,
    Time,
    Training,
    accuracies_of,
    bench_options,
    grouped,
    single,
)
from profiler.errors import ProfilerError
from profiler.report import forms
from profiler.report.encoding import sentence


@grouped
def bench(
    models: o.Models = None,
    ranges: Ranges = Ranges(),
    batch: o.TimedBatches = None,
    set_: o.Set = None,
    over: o.Over = None,
    setting: MeasuringSetting = MeasuringSetting(),
    by_command: ByCommand = ByCommand(),
    compile: o.Compile = False,
    energy: o.Energy = False,
    training: Training = Training(),
    time: Time = Time(),
    machines: Machines = Machines(),
    top1: o.Top1 = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="Measure each layer of a network, beside its MACs, activations and bytes.")
    ] = False,
    depth: o.FlatDepth = 0,
    top: o.SlowestLayers = 20,
    table: AutoTable = AutoTable(),
    plot: o.Plot = False,
    out: Output = Output(),
    verbose: o.Verbose = False,
) -> None:
    """Measure the latency of networks on this machine. They are measured in turn, many times, so that each latency has a 95
    % confidence interval and a grade that says how far to trust it.

    Examples:
        profiler bench mobilenet_v1 mobilenet_v2
        profiler bench resnet50 --device cpu --threads 1,4 --batch 1,8 --time 2m
    """
    from profiler.commands import verbose as say
    from profiler.commands.watch import shown
    from profiler.report.answers import layer_times, results
    from profiler.study.bench import benching
    from profiler.study.layers import clocking_layers

    destinations = out.destinations(forms.CLOCKED if layers else forms.RESULTS, plot)
    more = {**vars(by_command), **vars(machines)}
    measuring = bench_options(setting, training, time, destinations, compile=compile, energy=energy, **more)
    view, place = table.view(destinations, depth=depth, top=top), ranges.place(batch, set_, over)
    if layers and top1:
        raise ProfilerError("--top1 has no effect with --layers, which shows no accuracies; leave one of them out")
    if layers and machines.fleet:
        raise ProfilerError("--layers measures layers on this machine only; leave out --layers or --fleet")
    if layers:
        layer_times.check_view(view)
        shown(clocking_layers(models or (), place, measuring), destinations, view)
        return
    results.check_view(view, place.over)
    found = shown(benching(models or (), place, measuring, accuracies_of(top1)), destinations, view, filling=True)
    say.passed_over(found.agreements, verbose)


@grouped
def selftest(
    time: Annotated[str, typer.Option("--time", metavar="TIME", help="Time to measure for, e.g. 2m.")] = "60s",
    device: o.Device = "cpu",
    threads: o.Threads = None,
    out: Output = Output(),
    verbose: o.Verbose = False,
) -> None:
    """Test the latency measurement itself on this machine: it measures calls of known length, one network against itself
    and against a copy slowed down on purpose, and compares its result with torch.utils.benchmark.

    Examples:
        profiler selftest
        profiler selftest --time 5m --device cuda
    """
    from profiler.commands.watch import shown
    from profiler.errors import CheckFailed
    from profiler.report.answer import View
    from profiler.study.selftest import selftesting

    single(device=device, threads=threads)
    found = shown(selftesting(time, threads, device), out.destinations(), View())
    if verbose:
        print(sentence(", ".join(f"{key}: {value}" for key, value in found.machine.items())), file=sys.stderr)
    if not found.passed:
        failed = ", ".join(check["check"] for check in found.checks if not check["passed"])
        raise CheckFailed(f"selftest failed: {failed}; see the lines marked no, and stop other programs on this machine")
