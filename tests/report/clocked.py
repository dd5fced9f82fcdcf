"""A network with layers on the clock whose seconds are known: nothing is measured."""

from __future__ import annotations

from profiler.load.load import load
from profiler.records.columns import record
from profiler.records.measured import Measured
from profiler.records.results import Results
from profiler.records.timing import Layers, LayerTiming, Roofs, Timing

LATENCY = 0.0042
ROOFS = Roofs(1e11, ((1 << 20, 5e10), (1 << 30, 1e10)), {"conv": 1e-5, "linear": 5e-6, "norm": 4e-6, "other": 3e-6})


def measured(*models: str) -> Measured:
    """Each model's layers, all of one length but for the last, which takes a third of the run."""
    made = []
    records = []
    for model in models:
        profile = load(model).profile()
        rows = [row for row in profile.rows if not row.side]
        share = (1 - 1 / 3) / (len(rows) - 1)
        shares = [share] * (len(rows) - 1) + [1 / 3]
        timed = [
            LayerTiming(row, part * LATENCY, part, 4 * row.params, "memory", part * LATENCY / 2)
            for row, part in zip(rows, shares, strict=True)
        ]
        timing = Timing(
            model, 1, "cpu", 2, "fp32", "contiguous", False, "infer", None, LATENCY, 0.99 * LATENCY, 1.01 * LATENCY, "A",
            "±1.0 %", 12, 120, 0.1, 0.01, None, None,
        )  # fmt: skip
        made.append(Layers(model, timing, tuple(timed), ROOFS, 1.04))
        records.append(record(profile))
    results = Results(records, "bench", "CPU, 2 threads, fp32; 30 s for all cells")
    results.machine = {"cpu": "a processor", "affinity": 2}
    return Measured(results, tuple(made))
