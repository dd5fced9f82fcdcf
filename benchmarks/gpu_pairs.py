"""A network against itself and slowed by 5 %, in pairs, on any device; as JSON. Part (g) of benchmarks/gpu.py."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.latency import tally  # noqa: E402  # the checkout is on the path only now
from profiler.study.bench_options import BenchOptions  # noqa: E402  # the checkout is on the path only now
from profiler.study.selftest import trial  # noqa: E402  # the checkout is on the path only now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--pairs", type=int, default=13)
    parser.add_argument("--seconds", type=float, default=28.0)
    parser.add_argument("-o", dest="out", type=Path, required=True)
    given = parser.parse_args()
    measuring = BenchOptions(device=given.device, time=given.seconds, outputs=(given.out,))
    timings, machine = trial(measuring, given.pairs)
    found = tally(timings, given.pairs)
    document = {
        "pairs": given.pairs,
        "tally": found._asdict(),
        "machine": machine,
        "timings": {name: timing.to_dict() for name, timing in timings.items()},
    }
    given.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
