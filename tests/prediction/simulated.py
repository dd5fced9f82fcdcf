"""Devices that do not exist, of which every latency is known.

They take some seconds a call, a multiply-add and an output element of each kind; of what is reshaped, eight bytes that move.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Mapping
from math import exp
from pathlib import Path
from typing import Any, NamedTuple

from profiler import profile
from profiler.prediction.features import Works, is_free, kind_of, work_of
from profiler.records.profile import Row


class Device(NamedTuple):
    """What it takes for kinds of operations, and for all others."""

    rates: Mapping[str, tuple[float, float, float]]
    others: tuple[float, float, float]

    def seconds_of(self, row: Row) -> float:
        """What one row takes."""
        work = work_of(row)
        kind = kind_of(row)
        a, b, c = self.rates.get(kind, self.others)
        return a * work.calls + b * work.macs + c * (work.moved / 8 if kind.startswith("reshape") else work.elements)

    def latency_of(self, model: str, noise: float = 0.0, **place: Any) -> float:
        """What a network takes, off by as much as its name draws."""
        draw = random.Random(f"{self.others}{model}{place}")
        whole = sum(self.seconds_of(row) for row in profile(model, **place).rows if not is_free(row))
        return whole * exp(draw.gauss(0, noise))

    def table(self, path: Path, models: Iterable[str], noise: float = 0.0, **more: str) -> str:
        """A table of networks with their latencies."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["model", "latency_s", *more])
            writer.writeheader()
            writer.writerows({"model": model, "latency_s": self.latency_of(model, noise), **more} for model in models)
        return str(path)


def works(macs: int, elements: int) -> Works:
    """What a network of one convolution does."""
    from profiler.prediction.features import Work

    return {"conv": Work(1, macs, elements)}


SLOW = Device(
    {
        "conv": (4e-6, 2e-11, 1e-9), "pointwise": (5e-6, 3e-11, 0.0), "depthwise": (9e-6, 9e-11, 0.0),
        "grouped": (9e-6, 6e-11, 0.0), "linear": (3e-6, 1e-10, 0.0),
    },
    (2e-6, 0.0, 4e-10),
)  # fmt: skip
FAST = Device(
    {
        "conv": (4e-6, 5e-12, 5e-10), "pointwise": (5e-6, 8e-12, 0.0), "depthwise": (9e-6, 4e-11, 0.0),
        "grouped": (9e-6, 3e-11, 0.0), "linear": (3e-6, 5e-11, 0.0),
    },
    (2e-6, 0.0, 2e-10),
)  # fmt: skip
"""Four times the arithmetic, twice the memory."""
TABLE = (
    "mobilenet_v1", "mobilenet_v1@alpha=0.5", "mobilenet_v2", "mobilenet_v2@alpha=0.5", "mobilenet_v3_large", "mobilenet_v3_small",
    "shufflenet_v1", "shufflenet_v2_x1_0", "resnet18", "resnet34", "resnet50", "vgg11", "vgg16", "densenet121", "densenet169",
    "squeezenet1_0", "squeezenet1_1", "efficientnet_b0", "googlenet", "inception_v3", "xception", "nasnet_mobile", "inception_v4",
    "alexnet_torchvision",
)  # fmt: skip
"""Networks of many families."""
