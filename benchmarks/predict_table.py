"""Tables of measured networks that benchmarks/predict.py judges: of the zoo, as timm publishes them, or of a simulated GPU.

python benchmarks/predict_table.py gpu.csv         # writes the table of a GPU that does not exist
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
from collections.abc import Iterator, Sequence
from math import exp
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import profiler  # noqa: E402  # the checkout is on the path only now
from profiler.prediction.calibration import MeasuredNetwork  # noqa: E402  # the checkout is on the path only now
from profiler.prediction.features import is_free, works_of  # noqa: E402  # the checkout is on the path only now
from profiler.records.interval import Interval  # noqa: E402  # the checkout is on the path only now
from profiler.records.profile import Row  # noqa: E402  # the checkout is on the path only now
from profiler.study.leaf_rows import rows_by_leaf  # noqa: E402  # the checkout is on the path only now
from profiler.study.predict_sources import source  # noqa: E402  # the checkout is on the path only now

TIMM = ("infer_samples_per_sec", "infer_img_size")
"""Columns of the tables of inference in timm's repository (results/benchmark-infer-*.csv)."""
PER_FAMILY = 5
BATCH = 64
PEAK, BANDWIDTH, LAUNCH_S = 60e12, 800e9, 5e-6
"""Of the simulated GPU: multiply-adds and bytes a second, and what a kernel takes at least."""
REACHED = {"conv": 0.5, "pointwise": 0.4, "linear": 0.5, "matmul": 0.3, "attention": 0.3, "grouped": 0.1, "depthwise": 0.02}
"""Share of the peak that a kind reaches."""


def networks_of(file: Path) -> list[tuple[str, MeasuredNetwork]]:
    """(name, network on the clock with its family) of every network in a table."""
    with file.open(newline="", encoding="utf-8") as lines:
        columns = csv.DictReader(lines).fieldnames or []
    if set(TIMM) <= set(columns):
        return list(_of_timm(file))
    with file.open(newline="", encoding="utf-8") as lines:
        names = [line["model"] for line in csv.DictReader(lines)]
    known = source(str(file))
    if len(names) != len(known.timed):
        raise SystemExit(f"{file}: {len(names) - len(known.timed)} of its networks are not of the zoo")
    return [(name, each.measured) for name, each in zip(names, known.timed, strict=True)]


def _of_timm(file: Path) -> Iterator[tuple[str, MeasuredNetwork]]:
    """Some networks of every file of timm's models, from the fastest to the slowest: traced here, timed there."""
    import timm  # type: ignore[import-not-found]  # only for these tables
    import torch

    families: dict[str, list[dict[str, Any]]] = {}
    with file.open(newline="", encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            name = line["model"].split(".")[0]
            if line["infer_samples_per_sec"] and timm.is_model(name):
                families.setdefault(timm.model_entrypoint(name).__module__.rpartition(".")[2], []).append(
                    {**line, "name": name}
                )
    for family, members in families.items():
        most = min(PER_FAMILY, len(members))
        for line in (members[round(i * (len(members) - 1) / max(most - 1, 1))] for i in range(most)):
            side, seconds = int(line["infer_img_size"]), 1 / float(line["infer_samples_per_sec"])
            try:
                with torch.device("meta"):
                    module = timm.create_model(line["name"], pretrained=False).eval()
                rows = rows_by_leaf(profiler.profile(module, input=(3, side, side)).rows)
            except Exception as fault:  # what a module of a library raises is its own
                print(f"{line['model']}: left out: {fault}", file=sys.stderr)
                continue
            clock = Interval(seconds, 0.98 * seconds, 1.02 * seconds)
            yield f"{line['model']}, {side}", MeasuredNetwork(family, works_of(rows), clock)


def simulated(file: Path, models: Sequence[str], batch: int = BATCH) -> None:
    """Write the table of a GPU that does not exist: a roofline a row, launches, and noise of a few percent."""
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(["model", "batch", "device", "latency_s"])
        for model in models:
            draw = random.Random(model)
            rows = [row for row in profiler.profile(model, batch=batch).rows if not is_free(row)]
            whole = sum(_roofline_s(row) * exp(draw.gauss(0, 0.05)) for row in rows) * exp(draw.gauss(0, 0.03))
            writer.writerow([model, batch, "cuda", f"{whole:.6g}"])


def _roofline_s(row: Row) -> float:
    """The longest of a launch, the arithmetic and the memory."""
    return max(LAUNCH_S, row.macs / (REACHED.get(row.kind, 0.2) * PEAK), row.moved / BANDWIDTH)


def images() -> list[str]:
    """Networks of the zoo that classify photographs, each at half its width too where it has a multiplier."""
    found = []
    for record in profiler.listing():
        if record["task"] == "classification" and str(record["input"]).startswith("3x2"):
            found += [record["model"], f"{record['model']}@alpha=0.5"]
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the table to write")
    simulated(parser.parse_args().file, images())
