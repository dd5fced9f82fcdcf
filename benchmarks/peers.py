"""What other counters say of the same modules, how long they take and what memory: docs/comparison.md's measured part.

pip install fvcore thop ptflops torchinfo torchprofile, then python benchmarks/peers.py --rounds 7 > measured.md
"""

from __future__ import annotations

import argparse
import copy
import io
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch  # noqa: E402  # the number of threads is set only now
from torch import Tensor, nn  # noqa: E402  # the checkout is on the path only now

from benchmarks import peer_cases as cases  # noqa: E402  # the checkout is on the path only now

Counter = Callable[[nn.Module, Tensor], float]
"""The multiply-adds that a tool gives for a module on an input; half its total where it counts two operations each."""


def ours(module: nn.Module, x: Tensor) -> float:
    from profiler import profile

    return profile(module, args=(x,)).macs


def fvcore(module: nn.Module, x: Tensor) -> float:
    from fvcore.nn import FlopCountAnalysis

    return float(FlopCountAnalysis(module, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def thop(module: nn.Module, x: Tensor) -> float:
    import thop

    return float(thop.profile(module, (x,), verbose=False)[0])


def ptflops(module: nn.Module, x: Tensor, backend: str = "pytorch") -> float:
    from ptflops import get_model_complexity_info as info

    macs, _ = info(
        module, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False, backend=backend,
        input_constructor=lambda _: x,
    )  # fmt: skip
    if macs is None:
        raise ValueError("it gives no count")
    return float(macs)


def ptflops_aten(module: nn.Module, x: Tensor) -> float:
    return ptflops(module, x, "aten")


def torchinfo(module: nn.Module, x: Tensor) -> float:
    from torchinfo import summary

    return float(summary(module, input_data=x, verbose=0).total_mult_adds)


def torchprofile(module: nn.Module, x: Tensor) -> float:
    from torchprofile import profile_macs

    return float(profile_macs(module, x))


def torch_flops(module: nn.Module, x: Tensor) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as mode:
        module(x)
    return float(mode.get_total_flops()) / 2


def torch_flops_meta(module: nn.Module, x: Tensor) -> float:
    """On a copy without data, as one that was built on the meta device."""
    memo: dict[int, Tensor] = {id(p): nn.Parameter(p.to("meta")) for p in module.parameters()}
    memo |= {id(b): b.to("meta") for b in module.buffers()}
    return torch_flops(copy.deepcopy(module, memo), x.to("meta"))


TOOLS: dict[str, tuple[str, Counter]] = {
    "profiler": ("arch-profiler", ours),
    "fvcore": ("fvcore", fvcore),
    "thop": ("thop", thop),
    "ptflops": ("ptflops", ptflops),
    "ptflops, aten": ("ptflops", ptflops_aten),
    "torchinfo": ("torchinfo", torchinfo),
    "torchprofile": ("torchprofile", torchprofile),
    "FlopCounterMode": ("torch", torch_flops),
    "the same, meta": ("torch", torch_flops_meta),
}
"""Column: (distribution, count). DeepSpeed's and calflops' need accelerators' packages that this script does not ask for."""


def here() -> list[str]:
    found = []
    for name, (distribution, _) in TOOLS.items():
        try:
            metadata.version(distribution)
        except metadata.PackageNotFoundError:
            print(f"{name} is left out: pip install {distribution}", file=sys.stderr)
        else:
            found.append(name)
    return found


def quietly(name: str, module: nn.Module, x: Tensor) -> float:
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        return TOOLS[name][1](module, x)


def verdict(name: str, case: cases.Case) -> str:
    """`exact`, or by how much the total is more or less, or the exception that it ends in."""
    torch.manual_seed(0)
    try:
        counted = quietly(name, case.make().eval(), case.input())
    except Exception as fault:  # whatever a tool ends in is what its column says
        return f"*{type(fault).__name__}*"
    off = counted - case.truth
    if not off or not counted:
        return "**0**" if off else "exact"
    return f"{100 * off / case.truth:+.2f} %" if abs(off) > 5e-5 * case.truth else f"{off:+,.0f}"


def counts(tools: list[str]) -> None:
    print(f"| module | by hand | {' | '.join(tools)} |\n| :--- | ---: |{' ---: |' * len(tools)}")
    for case in cases.CASES:
        print(f"| {case.name} | {case.truth:,} | {' | '.join(verdict(name, case) for name in tools)} |", flush=True)


def times(tools: list[str], rounds: int) -> None:
    """Seconds of one count of a module that is built already: every tool once a round, in random order."""
    print(f"| network | {' | '.join(tools)} |\n| :--- |{' ---: |' * len(tools)}")
    for name in cases.NETWORKS:
        case = next(case for case in cases.CASES if case.name == name)
        module, x = case.make().eval(), case.input()
        seconds: dict[str, list[float]] = {tool: [] for tool in tools}
        order = list(tools)
        for turn in range(rounds + 1):  # the first is thrown away: imports, caches
            random.shuffle(order)
            for tool in order:
                start = time.perf_counter()
                quietly(tool, module, x)
                if turn:
                    seconds[tool].append(time.perf_counter() - start)
        mine = seconds["profiler"]
        cells = []
        for tool in tools:
            ratio = statistics.median(b / a for a, b in zip(mine, seconds[tool], strict=True))
            cells.append(
                f"{statistics.median(seconds[tool]) * 1e3:,.1f} ms" + (f" ({ratio:.1f}×)" if tool != "profiler" else "")
            )
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def memory(tools: list[str]) -> None:
    """MiB that a fresh process grows by while it counts, its module built and the tool imported before."""
    print(f"| network | {' | '.join(tools)} |\n| :--- |{' ---: |' * len(tools)}")
    for name in cases.NETWORKS:
        cells = []
        for tool in tools:
            words = [sys.executable, __file__, "--grow", name, tool]
            cells.append(f"{float(subprocess.run(words, check=True, capture_output=True, text=True).stdout):,.0f} MiB")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def grow(name: str, tool: str) -> float:
    case = next(case for case in cases.CASES if case.name == name)
    module, x = case.make().eval(), case.input()
    quietly(tool, nn.Linear(4, 4, bias=False), torch.zeros(1, 4))  # imports, and what is kept from them
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before = kilobytes("VmRSS")
    quietly(tool, module, x)
    return (kilobytes("VmHWM") - before) / 1024


def kilobytes(what: str) -> int:
    """What Linux says of this process; getrusage's peak is inherited from the process that started it."""
    found = re.search(rf"^{what}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--grow", nargs=2, metavar=("NETWORK", "TOOL"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.grow:
        print(grow(*given.grow))
        return
    torch.set_num_threads(1)
    tools = here()
    versions = {TOOLS[name][0] for name in tools} | {"torch"}
    print(f"Written by `python benchmarks/peers.py {' '.join(sys.argv[1:])}`.")
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()};")
    print(f"{', '.join(f'{name} {metadata.version(name)}' for name in sorted(versions))}.\n")
    print("### What each counts\n\nIts total, halved where it counts two per multiply-add, against the products by hand.\n")
    counts(tools)
    print(f"\n### How long a count takes\n\nMedians of {given.rounds} rounds, one thread, the module already built;")
    print("in brackets the median of the rounds' ratios to ours.\n")
    times(tools, given.rounds)
    print("\n### What it needs\n\nIncrease of the memory of a fresh process at its peak while it counts.\n")
    memory(tools)


if __name__ == "__main__":
    main()
