"""Tracing against the peers, side by side in one run on one thread: each builds its own module and counts it.

python benchmarks/traced.py --rounds 5 > traced.md               (the zoo's networks)
python benchmarks/traced.py --rounds 5 --torchvision             (torchvision's, where it can be imported)
"""

from __future__ import annotations

import argparse
import copy
import gc
import importlib
import logging
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch  # noqa: E402  # the number of threads is set only now
from torch import nn  # noqa: E402  # the checkout is on the path only now

from profiler.module.meta import on_meta  # noqa: E402  # the checkout is on the path only now
from profiler.tracing.traced import trace  # noqa: E402  # the checkout is on the path only now

NETWORKS = (
    *("mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "shufflenet_v2_x1_0", "resnet50", "densenet121"),
    *("googlenet", "inception_v3", "vgg16", "vit_b_16"),
)
PEERS = ("ours", "thop", "fvcore", "torch", "torch, built before", "ours, built before")
AIMS = {"thop": 15, "fvcore": 25, "torch": 7, "torch, built before": 10}
LLAMA = """
import time
import transformers
from profiler.tracing.traced import trace
from profiler.module.meta import on_meta
import torch
start = time.perf_counter()
config = transformers.LlamaConfig(hidden_size=8192, num_hidden_layers=80, num_attention_heads=64, num_key_value_heads=8,
                                  intermediate_size=28672, vocab_size=32000, max_position_embeddings=4096)
with on_meta():
    model = transformers.LlamaForCausalLM(config)
found = trace(model, (), {"input_ids": torch.empty(1, 2048, dtype=torch.int64, device="meta")})
seconds = time.perf_counter() - start
# ru_maxrss starts from what the parent held, so it is not asked
held = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(found.profile.params, found.profile.macs, seconds, int(held) * 1024)
"""

Built = Callable[[], nn.Module]


def torchvision_builders() -> dict[str, tuple[Built, Built, Built, int]]:
    """name → builds on the CPU, on meta as its user would, on meta as we do, and the side."""
    models = importlib.import_module("torchvision.models")

    def builders(name: str) -> tuple[Built, Built, Built, int]:
        given: dict[str, Any] = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
        make = getattr(models, name)

        def plain() -> nn.Module:
            module: nn.Module = make(**given).eval()
            return module

        def meta() -> nn.Module:
            with torch.device("meta"):
                return plain()

        def ours() -> nn.Module:
            with on_meta():
                return plain()

        return plain, meta, ours, 299 if name == "inception_v3" else 224

    return {name: builders(name) for name in NETWORKS}


def zoo_builders() -> dict[str, tuple[Built, Built, Built, int]]:
    """The same of the zoo; on meta the peer has our quick building too."""
    from profiler.load.load import in_closed_form as load
    from profiler.module.build import build

    def builders(name: str) -> tuple[Built, Built, Built, int]:
        network = load("googlenet_torchvision" if name == "googlenet" else name)

        def on(device: str) -> Built:
            return lambda: build(network.value, network.inputs, device=device)

        return on("cpu"), on("meta"), on("meta"), network.inputs[0][-1]

    return {name: builders(name) for name in NETWORKS}


def works(cpu: Built, meta: Built, ours: Built, side: int) -> dict[str, Callable[[], Any]]:
    """One count by each, its own build included; and two without."""
    fvcore = importlib.import_module("fvcore.nn").FlopCountAnalysis
    thop = importlib.import_module("thop").profile
    counter = importlib.import_module("torch.utils.flop_counter").FlopCounterMode
    x, nothing = torch.zeros(1, 3, side, side), torch.empty(1, 3, side, side, device="meta")
    ready, ready_ours = meta(), ours()

    def by_torch(module: nn.Module) -> int:
        with counter(display=False) as counted:
            module(nothing)
        return int(counted.get_total_flops()) // 2

    return {
        "ours": lambda: trace(ours(), (nothing,)).profile.macs,
        "thop": lambda: thop(cpu(), (x,), verbose=False),
        "fvcore": lambda: fvcore(cpu(), x).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total(),
        "torch": lambda: by_torch(meta()),
        "torch, built before": lambda: by_torch(copy.copy(ready)),
        "ours, built before": lambda: trace(ready_ours, (nothing,)).profile.macs,
    }


def measured(given: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of each: all of them every round in random order, thrice in a row, of which the fastest counts."""
    seconds: dict[str, list[float]] = {name: [] for name in given}
    for _ in range(rounds):
        order = list(given)
        random.shuffle(order)
        for name in order:
            gc.collect()
            seconds[name].append(min(timed(given[name]) for _ in range(3)))
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def timed(work: Callable[[], Any]) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratios(found: dict[str, float]) -> dict[str, float]:
    """Each peer against us, like with like."""
    return {peer: found[peer] / found["ours, built before" if "before" in peer else "ours"] for peer in AIMS}


def resident() -> int:
    """Bytes that the process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Prints the tables in Markdown."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--torchvision", action="store_true", help="torchvision's networks instead of the zoo's")
    options.add_argument("--only", default="", help="a comma list of networks")
    chosen = options.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    builders = torchvision_builders() if chosen.torchvision else zoo_builders()
    names = [name for name in builders if not chosen.only or name in chosen.only.split(",")]
    before = resident()
    for name in names:  # ours first, so that the growth of the process is ours
        *_, ours, side = builders[name]
        trace(ours(), (torch.empty(1, 3, side, side, device="meta"),))
    grown = resident() - before
    print("| network | ours | thop | fvcore | torch | torch, built before | ours, built before |")
    print("| :--- | ---: | ---: | ---: | ---: | ---: | ---: |")
    every: dict[str, list[float]] = {peer: [] for peer in AIMS}
    for name in names:
        found = measured(works(*builders[name]), chosen.rounds)
        for peer, ratio in ratios(found).items():
            every[peer].append(ratio)
        cells = [f"{found['ours'] * 1e3:.1f} ms"]
        cells += [f"{found[p] * 1e3:.1f} ms ({ratios(found)[p]:.1f}×)" for p in PEERS[1:5]]
        print(f"| {name} | {' | '.join([*cells, f'{found[PEERS[5]] * 1e3:.1f} ms'])} |", flush=True)
    means = {peer: math.exp(statistics.fmean(map(math.log, values))) for peer, values in every.items()}
    shown = " | ".join(f"**{means[peer]:.1f}×** (aim {aim}×)" for peer, aim in AIMS.items())
    print(f"| geometric mean | | {shown} | |")
    print(f"\nAll of them built and traced one after the other: {grown / 2**20:.0f} MiB more than the process held (aim 50).")
    try:
        ran = subprocess.run([sys.executable, "-c", LLAMA], cwd=ROOT, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError:
        print("\nLlama 2 70B: transformers is not here.")
        return
    params, macs, seconds, held = ran.stdout.split()
    print(
        f"\nLlama 2 70B, {int(params):,} parameters, at 2,048 tokens: {int(macs):,} multiply-adds in {float(seconds):.2f} s "
        f"(aim 10), the whole process {int(held) / 2**20:.0f} MiB (aim 1,024)."
    )


if __name__ == "__main__":
    main()
