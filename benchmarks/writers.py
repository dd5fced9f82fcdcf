"""Seconds to write 10,000 cells in every form of a table: python benchmarks/writers.py"""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from profiler import sweep  # the checkout is on the path only now
from profiler.report.answers import registry
from profiler.report.forms import written

ROUNDS = 5
AIM_S = 1.0


def main() -> None:
    found = sweep("mobilenet_v1", alpha="0.01..1.00:0.01", resolution="32..131:1", engine="closed")
    print(f"{len(found):,} cells of mobilenet_v1, {ROUNDS} rounds; {platform.machine()}, Python {platform.python_version()}\n")
    print("| form | median | slowest | bytes | aim |\n| :--- | ---: | ---: | ---: | ---: |")
    for form in ("csv", "json", "jsonl", "markdown", "latex"):
        took, size = [], 0
        for _ in range(ROUNDS):
            start = perf_counter()
            content = written(registry.answer(found), form)
            took.append(perf_counter() - start)
            size = len(content if isinstance(content, bytes) else content.encode())
        held = "held" if max(took) < AIM_S else "missed"
        print(f"| {form} | {median(took):.2f} s | {max(took):.2f} s | {size:,} | under {AIM_S:g} s: {held} |")


if __name__ == "__main__":
    main()
