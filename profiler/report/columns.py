"""Which columns a comparison, a sweep or a bench shows unless told otherwise."""

from __future__ import annotations

from profiler.records import Results


def default_columns(results: Results) -> list[str]:
    """What a comparison or a sweep shows unless told otherwise: what varies, what it costs, what the witnesses say."""
    if results.command == "bench":
        return _bench_columns(results)
    present = results.columns
    checks = [name for name in present if name.endswith("_macs") and name != "side_macs"]
    clock = _clock_columns(results)
    total = ["total"] if any(record["convention"] != "paper" for record in results) else []
    side = [name for name in ("side_params", "side_macs") if any(record[name] for record in results)]
    if results.command == "compare":
        place = [name for name in ("alpha", "resolution", "batch") if _varies(results, name)]
        ratios = ["params_ratio", "macs_ratio"] if len(results) > 1 else ["", ""]
        shown = [
            "model",
            *place,
            "params",
            ratios[0],
            "macs",
            ratios[1],
            *total,
            "activations",
            "weight_bytes",
            *side,
            *checks,
            *clock,
        ]
        return [name for name in shown if name]
    place = [name for name in ("model", "batch") if _varies(results, name)]
    accuracy = ["top1"] if any(record["top1"] is not None for record in results) else []
    if any(record["alpha"] is not None for record in results):
        place.append("alpha")
    return [*place, "resolution", "params", *side, "macs", *total, "activations", *accuracy, *checks, *clock]


def _clock_columns(results: Results) -> list[str]:
    """What stands on the right of the counts where they were measured too."""
    if not results.measured:
        return []
    epoch = ["epoch_s"] if any(record.get("epoch_s") is not None for record in results) else []
    pareto = ["pareto"] if any(record.get("pareto") is not None for record in results) else []
    gpu = ["device_s"] if any(record.get("device_s") is not None for record in results) else []
    ratio = ["ratio"] if results.command != "sweep" and len(results) > 1 else []
    return ["latency_s", *gpu, "images_per_second", *epoch, *ratio, *pareto]


def _bench_columns(results: Results) -> list[str]:
    """What varies, the latency, and what came before it."""
    axes = ("alpha", "resolution", "batch", "device", "threads", "dtype", "memory_format", "compile")
    place = ["model", *(name for name in axes if _varies(results, name))]
    compiled = ["compile_s"] if any(record.get("compile_s") is not None for record in results) else []
    before = ["first_call_s", *compiled, "peak_bytes"]
    return [*place, "macs", *_clock_columns(results), *before]


def _varies(results: Results, name: str) -> bool:
    return len({str(record.get(name)) for record in results}) > 1


def narrow_columns(results: Results) -> list[str]:
    """Where the terminal has no room for all: what tells the cells apart, multiply-adds, latency, ratio."""
    shown = default_columns(results)
    kept = ("alpha", "resolution", "batch", "device", "threads", "dtype", "memory_format", "compile", "macs", "top1")
    place = [name for name in shown if name in kept and (_varies(results, name) or name == "macs")]
    clock = [name for name in shown if name in ("latency_s", "epoch_s", "ratio", "pareto")]
    model = ["model"] if _varies(results, "model") or not place else []
    rate = ["images_per_second"] if "ratio" not in clock and "images_per_second" in shown else []
    return [*model, *place, clock[0], *rate, *clock[1:]]
