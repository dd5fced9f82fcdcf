"""Our clock beside others, interleaved in random order: torch.utils.benchmark, triton.testing.do_bench, a plain loop of events.

Part (e) of benchmarks/gpu.py. A round has every network by every clock; ratios are of the rounds, ours over theirs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402  # the checkout is on the path only now

from profiler.load.load import in_closed_form  # noqa: E402  # the checkout is on the path only now
from profiler.measure import statistics  # noqa: E402  # the checkout is on the path only now
from profiler.measure.clocks import visit, warm  # noqa: E402  # the checkout is on the path only now
from profiler.measure.devices import opened  # noqa: E402  # the checkout is on the path only now
from profiler.measure.live import Live  # noqa: E402  # the checkout is on the path only now
from profiler.measure.plan import Setting  # noqa: E402  # the checkout is on the path only now
from profiler.measure.workloads import NetworkWorkload  # noqa: E402  # the checkout is on the path only now

BLOCK = 5
WARM_S = 1.0
OURS_WALL, OURS_EVENTS, OURS_GRAPH = "ours, wall", "ours, events", "ours, graph"
TIMER, DO_BENCH, LOOP = "torch.utils.benchmark", "triton.testing.do_bench", "a plain loop of events"
PAIRS = ((OURS_WALL, TIMER), (OURS_WALL, LOOP), (OURS_EVENTS, LOOP), (OURS_EVENTS, DO_BENCH), (OURS_GRAPH, DO_BENCH))
"""What is held against what: wall time against what waits for launches, the device's own time against what may not."""


def ours(live: Live) -> dict[str, float]:
    found = visit(live, None, 1, 1, BLOCK)
    taken = {OURS_WALL: found.seconds[0]}
    if found.event_s:
        taken[OURS_EVENTS] = found.event_s[0]
    if found.graph_s:
        taken[OURS_GRAPH] = found.graph_s[0]
    return taken


def by_timer(live: Live) -> dict[str, float]:
    from torch.utils.benchmark import Timer

    timer = Timer("call()", globals={"call": live.call}, num_threads=torch.get_num_threads())
    return {TIMER: timer.timeit(BLOCK).median}


def by_do_bench(live: Live) -> dict[str, float]:
    from triton.testing import do_bench

    return {DO_BENCH: do_bench(live.call, warmup=2, rep=20, return_mode="median") / 1e3}


def by_loop(live: Live) -> dict[str, float]:
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    for _ in range(BLOCK):
        live.call()
    end.record()
    torch.cuda.synchronize()
    return {LOOP: begin.elapsed_time(end) / BLOCK / 1e3}


def clocks(device: str) -> list[Callable[[Live], dict[str, float]]]:
    """Those that there are on this device."""
    found: list[Callable[[Live], dict[str, float]]] = [ours, by_timer]
    if opened(device).has_own_time:
        found.append(by_loop)
        try:
            import triton.testing  # noqa: F401
        except ImportError:
            return found
        found.append(by_do_bench)
    return found


def ratios(taken: dict[str, list[float]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for mine, theirs in PAIRS:
        both = list(zip(taken.get(mine, []), taken.get(theirs, []), strict=False))
        ratio = statistics.paired_ratio([a for a, _ in both], [b for _, b in both]) if both else None
        if ratio is not None:
            found[f"{mine} / {theirs}"] = {**ratio._asdict(), "rounds": len(both)}
    return found


def written(path: Path, found: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    os.replace(new, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("-o", dest="out", type=Path, required=True)
    given = parser.parse_args()
    opened(given.device).begin()
    lives: dict[str, Live] = {}
    taken: dict[str, dict[str, list[float]]] = {}
    for name in given.networks:
        network = in_closed_form(name)
        workload = NetworkWorkload(network.name, network.value, network.inputs)
        lives[name], taken[name] = workload.live(Setting(device=given.device), given.batch), {}
        warm(lives[name], WARM_S)
    end = time.monotonic() + given.seconds
    ways, rounds = clocks(given.device), 0
    while rounds < 3 or time.monotonic() < end:
        order = [(name, way) for name in lives for way in ways]
        random.shuffle(order)
        for name, way in order:
            for clock, seconds in way(lives[name]).items():
                taken[name].setdefault(clock, []).append(seconds)
        rounds += 1
        if rounds % 5 == 0 or time.monotonic() >= end:
            networks = {
                name: {"median_s": {clock: median(each) for clock, each in found.items()}, "ratios": ratios(found)}
                for name, found in taken.items()
            }
            whole = {"batch": given.batch, "device": given.device, "rounds": rounds, "networks": networks, "seconds": taken}
            written(given.out, whole)


if __name__ == "__main__":
    main()
