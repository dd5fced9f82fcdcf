"""Seconds and memory of a sweep of a million cells, written and not: python benchmarks/large_sweep.py"""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

ROUNDS = 3
MIB = 1 << 10
"""KiB, which ru_maxrss is in, in one MiB."""
NETWORKS = ("mobilenet_v1", "mobilenet_v2")
ALPHA, SIDES = "0.001..1.0:0.001", "33..1032:1"
AIMS_S = {"none": 2.0, "parquet": 15.0}
"""Of mobilenet_v1, without writing and to Parquet."""
MOST_MIB = 300


def sweep() -> None:
    """Each form of each network in a process of its own, so that the memory is its own."""
    print(f"A million cells, α {ALPHA} × resolution {SIDES}, {ROUNDS} rounds.\n")
    print("| network | written as | median | slowest | of the processor, median | memory | bytes | aim |")
    print("| :--- | :--- | ---: | ---: | ---: | ---: | ---: | :--- |")
    for name in NETWORKS:
        for form in ("none", "csv", "jsonl", "parquet"):
            ran = [_run(name, form) for _ in range(ROUNDS)]
            took, own, used, size = [run[0] for run in ran], [run[1] for run in ran], max(run[2] for run in ran), ran[0][3]
            aim = AIMS_S.get(form) if name == NETWORKS[0] else None
            held = "" if aim is None else f"{aim:g} s, {MOST_MIB} MiB: {_held(median(took) <= aim and used <= MOST_MIB)}"
            seconds = f"{median(took):.2f} s | {max(took):.2f} s | {median(own):.2f} s"
            print(f"| {name} | {form} | {seconds} | {used:.0f} MiB | {size:,} | {held} |", flush=True)


def _held(yes: bool) -> str:
    return "held" if yes else "missed"


def _run(name: str, form: str) -> tuple[float, float, float, int]:
    ran = subprocess.run([sys.executable, __file__, name, form], capture_output=True, text=True, check=True)
    seconds, own, mib, size = ran.stdout.split()
    return float(seconds), float(own), float(mib), int(size)


def one(name: str, form: str) -> None:
    """Seconds from the call on, and of the processor, MiB of the process, and bytes of the file."""
    from profiler import sweep_to
    from profiler.records.place import Place
    from profiler.study.large import Sweep

    size = 0
    with tempfile.TemporaryDirectory() as folder:
        start, own = perf_counter(), process_time()
        if form == "none":
            study = Sweep([name], Place(None, {}, ALPHA, SIDES))
            assert sum(block.size for block in study.blocks()) == study.size == 10**6
        else:
            file = Path(folder) / f"run.{form}"
            assert sweep_to(file, name, alpha=ALPHA, resolution=SIDES, engine="closed") == 10**6
            size = file.stat().st_size
        took, own = perf_counter() - start, process_time() - own
    print(took, own, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB, size)


def main() -> None:
    if len(sys.argv) > 1:
        one(*sys.argv[1:3])
        return
    import numpy

    print(f"{platform.machine()}, Python {platform.python_version()}, numpy {numpy.__version__}\n")
    sweep()


if __name__ == "__main__":
    main()
