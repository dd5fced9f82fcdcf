"""Seconds and memory of choosing for a budget: python benchmarks/fit.py [PART...]

per-stage    ten million combinations of stages, with cells held to the walk and to the built module
sweep        a million cells of α × side, written and not
zoo          the command on all networks that classify images, on the grid that it has by itself
"""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.large_sweep import sweep  # the checkout is on the path only now
from profiler import build, costs, fit_stages, profile
from profiler.count.stages import staged

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
MIB = 1 << 10
"""KiB, which ru_maxrss is in, in one MiB."""
STAGED = {
    "mobilenet_v1": "8..200:8",
    "mobilenet_v2": "8..200:8",
    "resnet50": "8..200:8",
    "vgg16": "16..240:16",
    "densenet121": "8..200:8",
}
"""{network: the widths of each of its stages}: some ten million combinations."""
AIM_S, AIM_MIB = 10.0, 512
CELLS, BUILT = 1000, 50


def per_stage() -> None:
    """Each network in a process of its own, so that the memory is its own."""
    print("| network | stages | combinations | fit | maximal | median | slowest | with the peak of memory | memory | aim |")
    print("| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | :--- |")
    for name in STAGED:
        ran = subprocess.run([sys.executable, __file__, "one", name], capture_output=True, text=True, check=True)
        print(ran.stdout, end="", flush=True)
    print()
    cells_are_the_walk()


def one(name: str) -> None:
    """One network: its row, with three counts limited."""
    native = profile(name)
    limits: dict[str, Any] = {"max_macs": native.macs // 4, "max_params": native.params // 4}
    limits["max_activations"] = native.activations
    took: dict[str, list[float]] = {"": [], "max_memory": []}
    for _ in range(ROUNDS):
        for more, times in took.items():
            start = perf_counter()
            found = fit_stages(name, widths=STAGED[name], **limits | ({more: 1 << 40} if more else {}))
            times.append(perf_counter() - start)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    slowest = max(max(times) for times in took.values())
    held = "held" if slowest <= AIM_S and used <= AIM_MIB else "missed"
    print(
        f"| {name} | {len(found.stages)} | {found.combinations:,} | {found.fitting:,} | {len(found.maximal):,} | "
        f"{median(took['']):.2f} s | {max(took['']):.2f} s | {median(took['max_memory']):.2f} s | {used:.0f} MiB | "
        f"{AIM_S:g} s, {AIM_MIB} MiB: {held} |"
    )


def cells_are_the_walk() -> None:
    """Cells drawn at random, by the function of the widths, by the walk, and some by torch's own counter of the module."""
    from torch.utils.flop_counter import FlopCounterMode

    draw, walked, counted = Random(0), 0, 0
    for name in STAGED:
        cost = costs(name)
        for i in range(CELLS // len(STAGED)):
            widths = [cost.step * draw.randint(1, 25) for _ in cost.names]
            value, ours = cost.value(widths), cost(widths)
            there = profile(value, input=cost.input[0])
            walked += ours[:4] == (there.params, there.macs, there.activations, there.elementwise) and ours.moved == there.moved
            if i < BUILT // len(STAGED):
                import torch

                module = build(value, input=cost.input[0], device="meta")
                with FlopCounterMode(display=False) as counter, torch.no_grad():
                    module(torch.empty(1, *cost.input[0], device="meta"))
                params = sum(p.numel() for p in module.parameters())
                counted += (params, counter.get_total_flops()) == (ours.params, 2 * ours.macs)
    print(f"{walked:,} of {CELLS:,} cells drawn at random equal the walk; {counted} of {BUILT} the module recounted by torch.")


def evaluations() -> None:
    """The cost as a function: seconds for one point, and points a second of an array."""
    import numpy as np

    print("\n| network | per | axes | making it | one point | points a second |\n| :--- | :--- | ---: | ---: | ---: | ---: |")
    for name in STAGED:
        for per in ("stage", "layer"):
            staged.cache_clear()
            start = perf_counter()
            cost = costs(name, per=per)
            made = perf_counter() - start
            many = 8 * np.random.default_rng(0).integers(1, 65, (100_000, len(cost)))
            times = [_seconds(partial(cost, at)) for at in (many[0], many)]
            rate = len(many) / times[1]
            print(f"| {name} | {per} | {len(cost)} | {1e3 * made:.1f} ms | {1e6 * times[0]:.0f} µs | {rate:,.0f} |", flush=True)


def _seconds(run: Callable[[], object]) -> float:
    took = []
    for _ in range(ROUNDS):
        start = perf_counter()
        run()
        took.append(perf_counter() - start)
    return median(took)


ZOO = (("--max-macs", "300M", "--max-params", "4M"), ("--max-macs", "300M", "--max-memory", "8MiB"))
AIM_ZOO_S = 3.0


def zoo() -> None:
    """The whole command, in a process of its own each time: its seconds, those of the processor, and its memory."""
    print("| `profiler fit` | cells | median | of the processor | memory | aim |")
    print("| :--- | ---: | ---: | ---: | ---: | :--- |")
    for limits in ZOO:
        took, cpu, most, cells = [], [], 0, ""
        for _ in range(ROUNDS):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = perf_counter()
            ran = subprocess.run(
                [sys.executable, "-m", "profiler", "fit", *limits], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
            )
            took.append(perf_counter() - start)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            most, cells = after.ru_maxrss, ran.stdout.partition(": ")[2].partition(" cells")[0]
        held = "held" if median(took) <= AIM_ZOO_S else "missed"
        print(
            f"| `{' '.join(limits)}` | {cells} | {median(took):.2f} s | {median(cpu):.2f} s | {most / MIB:.0f} MiB "
            f"| {AIM_ZOO_S:g} s: {held} |", flush=True,
        )  # fmt: skip


PARTS = {"zoo": (zoo,), "per-stage": (per_stage, evaluations), "sweep": (sweep,)}


def main() -> None:
    if sys.argv[1:2] == ["one"]:
        one(sys.argv[2])
        return
    import numpy

    print(f"{ROUNDS} rounds; {platform.machine()}, Python {platform.python_version()}, numpy {numpy.__version__}\n")
    for part in sys.argv[1:] or PARTS:
        for run in PARTS[part]:
            run()


if __name__ == "__main__":
    main()
