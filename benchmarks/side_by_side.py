"""Our speed against the peers', side by side in one run: medians of ratios, as a Markdown table for docs/performance.md.

python benchmarks/side_by_side.py --rounds 9 --model mobilenet_v2 > docs/performance.md
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

THOP_SCRIPT = """
import torch, thop
from profiler import build
for name in ("mobilenet_v1", "vgg16"):
    print(thop.profile(build(name), (torch.zeros(1, 3, 224, 224),), verbose=False))
"""

SCRIPT = "import sys; sys.argv[0] = 'profiler'; from profiler.__main__ import main; main()"
"""What the installed command runs."""
COMPLETION = {"_PROFILER_COMPLETE": "complete_bash", "COMP_WORDS": "profiler compare mobilenet_v1 vgg1", "COMP_CWORD": "3"}
"""What bash asks with, at TAB behind `profiler compare mobilenet_v1 vgg1`."""

Timed = Callable[[], float]
"""Does the work once and returns the seconds that it took."""


class Process:
    """A whole process: its wall time, and its CPU time kept in `cpu`. Bytecode is cached, as an installed program has it."""

    def __init__(self, *words: str, environment: Mapping[str, str] | None = None) -> None:
        self.words = words
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.environment = {**kept, **(environment or {})}
        self.cpu: list[float] = []

    def __call__(self) -> float:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [sys.executable, *self.words], cwd=ROOT, check=True, env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return wall


def sides_by_side(works: dict[str, Timed], rounds: int) -> dict[str, list[float]]:
    """Every work once a round, in random order, after one round that is thrown away."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    order = list(works)
    for turn in range(rounds + 1):
        random.shuffle(order)
        for name in order:
            taken = works[name]()
            if turn:
                seconds[name].append(taken)
    return seconds


def row(what: str, seconds: dict[str, list[float]], ours: str, peer: str, aim: str) -> str:
    ratios = sorted(b / a for a, b in zip(seconds[ours], seconds[peer], strict=True))
    middle = statistics.median(ratios)
    a, b = (statistics.median(seconds[name]) for name in (ours, peer))
    return f"| {what} | {shown(a)} | {shown(b)} | {middle:,.1f}× | {ratios[0]:,.1f} – {ratios[-1]:,.1f} | {aim} |"


def shown(seconds: float) -> str:
    for scale, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= scale:
            return f"{seconds / scale:.2f} {unit}"
    return f"{seconds * 1e6:.0f} µs"


def sweep_cells() -> list[tuple[float, int]]:
    """104 cells: 13 α by 8 resolutions."""
    return [(0.25 + 0.0625 * i, 112 + 16 * j) for i in range(13) for j in range(8)]


def sweeps(name: str) -> dict[str, Timed]:
    """The same cells counted by us, and a few of them, scaled up, by thop and fvcore with the module that each builds."""
    import thop
    import torch
    from fvcore.nn import FlopCountAnalysis
    from torch.utils.flop_counter import FlopCounterMode

    from profiler import build, sweep
    from profiler.count import closed, leaves

    torch.set_num_threads(1)
    cells = sweep_cells()
    alphas, sides = sorted({a for a, _ in cells}), sorted({s for _, s in cells})

    def ours() -> float:
        leaves.cost_of.cache_clear()
        closed.met.cache_clear()
        start = time.perf_counter()
        sweep(name, alpha=alphas, resolution=sides, engine="closed")
        return (time.perf_counter() - start) / len(cells)

    def peer(count: Callable[[torch.nn.Module, torch.Tensor], object], device: str = "cpu") -> Timed:
        def run() -> float:
            start = time.perf_counter()
            for alpha, side in sample:
                count(build(name, alpha=alpha, resolution=side, device=device), torch.zeros(1, 3, side, side, device=device))
            return (time.perf_counter() - start) / len(sample)

        return run

    sample = cells[::13]  # eight cells: every resolution once, at eight of the α

    def by_mode(module: torch.nn.Module, image: torch.Tensor) -> None:
        with torch.no_grad(), FlopCounterMode(display=False):
            module(image)

    return {
        "ours": ours,
        "thop": peer(lambda module, image: thop.profile(module, (image,), verbose=False)),
        "fvcore": peer(lambda module, image: FlopCountAnalysis(module, image).unsupported_ops_warnings(False).total()),
        "torch": peer(by_mode, "meta"),
    }


def closed_forms(rounds: int) -> list[str]:
    """In process, nothing kept from before: the rows of each network; the collector off, as timeit has it."""
    gc.disable()
    try:
        return _timed_forms(rounds)
    finally:
        gc.enable()


def _timed_forms(rounds: int) -> list[str]:
    from profiler.count import closed, leaves
    from profiler.load.load import in_closed_form as load
    from profiler.network.registry import names

    networks = [load(name) for name in names()]
    seconds: dict[str, list[float]] = {network.name: [] for network in networks}
    lengths: dict[str, int] = {}
    for _ in range(5 * rounds):  # every network once a round, so that a disturbance falls on all alike
        random.shuffle(networks)
        for network in networks:
            leaves.cost_of.cache_clear()
            closed.met.cache_clear()
            leaves.described_by.cache_clear()
            start = time.perf_counter()
            rows = closed.rows(network.value, network.inputs)
            seconds[network.name].append(time.perf_counter() - start)
            lengths[network.name] = len(rows)
    lines = []
    for name, taken in sorted(seconds.items()):
        most = 3e-3 + 8e-6 * max(lengths[name] - 400, 0)
        middle = statistics.median(taken)
        held = "yes" if middle <= most else "NO"
        lines.append(f"| {name} | {lengths[name]} | {middle * 1e3:.2f} ms | {most * 1e3:.2f} ms | {held} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--model", default="mobilenet_v1")
    given = parser.parse_args()
    forms = closed_forms(given.rounds)  # before torch is loaded: it answers without it
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "fvcore", "thop", "typer", "rich"))
    print("# Performance\n")
    print(f"Written by `python benchmarks/side_by_side.py {' '.join(sys.argv[1:])}`. Every ratio is the median over rounds in")
    print("which all works run once, in random order, on the same machine, one thread; the range is over rounds.\n")
    machine = f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, {versions}; {given.rounds} rounds.\n")
    print("## Whole processes\n")
    print("| what | ours | the other | ratio | range | aim |\n| :--- | ---: | ---: | ---: | ---: | :--- |")
    works = {
        "compare": Process("-m", "profiler", "compare", "mobilenet_v1", "vgg16", "--engine", "closed"),
        "help": Process("-m", "profiler", "--help"),
        "tab": Process("-c", SCRIPT, environment=COMPLETION),
        "list": Process("-m", "profiler", "list"),
        "verify": Process("-m", "profiler", "verify", "--engine", "closed"),
        "torch": Process("-c", "import torch"),
        "thop": Process("-c", THOP_SCRIPT),
    }
    found = sides_by_side(dict(works), given.rounds)
    print(
        row("`profiler compare mobilenet_v1 vgg16 --engine closed` against `import torch`", found, "compare", "torch", "≥ 7×")
    )
    print(row("the same against building both with torch and running thop", found, "compare", "thop", "≥ 12×"))
    print(row("`profiler --help` against `import torch`", found, "help", "torch", ""))
    print(row("`profiler list`, the whole zoo counted, against `import torch`", found, "list", "torch", ""))
    print(row("`profiler verify --engine closed`, every published figure", found, "verify", "torch", ""))
    print("\nThe same in seconds of CPU, which a busy machine lengthens less:\n")
    print("| what | median | range | at most |\n| :--- | ---: | ---: | ---: |")
    for name, what, most in (
        ("compare", "`profiler compare mobilenet_v1 vgg16 --engine closed`", ""),
        ("help", "`profiler --help`", "0.10 s"),
        ("tab", "TAB behind `profiler compare mobilenet_v1 vgg1`", "0.10 s"),
        ("list", "`profiler list`", "0.45 s"),
        ("verify", "`profiler verify --engine closed`", "0.80 s"),
        ("torch", "`import torch`", ""),
    ):
        cpu = sorted(works[name].cpu[1:])  # without the round that is thrown away
        print(f"| {what} | {statistics.median(cpu):.3f} s | {cpu[0]:.3f} – {cpu[-1]:.3f} | {most} |")
    print(f"\n## A sweep of 104 cells of {given.model}\n")
    print("Seconds a cell; the others build the module of each cell, on a sample of eight cells that has every resolution.\n")
    print("| what | ours | the other | ratio | range | aim |\n| :--- | ---: | ---: | ---: | ---: | :--- |")
    found = sides_by_side(sweeps(given.model), given.rounds)
    print(row("thop", found, "ours", "thop", "≥ 100×"))
    print(row("fvcore", found, "ours", "fvcore", "≥ 300×"))
    print(row("torch's FlopCounterMode on meta", found, "ours", "torch", ""))
    print("\n## The closed form in process, nothing kept from before\n")
    print("| network | rows | median | most allowed | held |\n| :--- | ---: | ---: | ---: | :--- |")
    print("\n".join(forms))


if __name__ == "__main__":
    main()
