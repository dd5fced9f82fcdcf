"""A checkpoint → its records: what each tensor is, what of it is dead, what it takes in other forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import ceil, isfinite
from typing import Any

from msgspec import structs

from profiler.checkpoint.statistics import (
    LEVELS,
    RANK_SIDE,
    Statistics,
    effective_rank,
    matrix_shape,
    over_the_median,
    statistics,
)
from profiler.checkpoint.tensors import Checkpoint, StoredTensor
from profiler.count.weight_forms import stored, weight_form
from profiler.records.inspected import INT4_GROUP, NORM_SHARE, SCALE_SHARE, VARIANCE_SHARE, TensorRecord, by_layer

BARS = 32
"""Steps of the histogram that a record holds."""
ROLES = {
    "weight": "weight", "bias": "bias", "running_mean": "mean", "running_var": "variance",
    "kernel": "weight", "weights": "weight", "depthwise_weights": "weight", "depthwise_kernel": "weight", "biases": "bias",
    "gamma": "scale", "beta": "shift", "moving_mean": "mean", "moving_variance": "variance",
}  # fmt: skip
"""{last part of a name: role}, of torch and of TensorFlow."""
_PARTS = re.compile(r"(\d+)")
_LAYER = re.compile(r"(?P<layer>.*)[./](?P<last>[^./]+)", re.DOTALL)


def records(
    checkpoint: Checkpoint, bits: int = 8, every_rank: bool = False, watch: Callable[[int, int], None] | None = None
) -> list[TensorRecord]:
    """One record a tensor, read one at a time; layers in the order of the file, those of a TensorFlow graph by their names.

    `bits` is what the entropy is told in; with `every_rank` the effective rank is computed of matrices of any size. `watch` is
    called with the bytes that were read and all that there are. Raises ProfilerError where the file cannot be read.
    """
    tensors = ordered(checkpoint)
    normed = {split(tensor.name)[0] for tensor in tensors if role_of(tensor) == "variance"}
    total, done, found = sum(tensor.bytes for tensor in tensors), 0, []
    ranges: dict[str, Any] = {}
    for tensor in tensors:
        statistics_of = statistics(tensor)
        found.append(_record(tensor, statistics_of, split(tensor.name)[0] in normed, bits, None if every_rank else RANK_SIDE))
        if found[-1].full_rank is not None:
            ranges[tensor.name] = statistics_of.ranges
        done += tensor.bytes
        if watch is not None:
            watch(done, total)
    return _with_folded(found, {tensor.name: tensor for tensor in tensors}, ranges, EPSILON[checkpoint.form == "tensorflow"])


EPSILON = (1e-5, 1e-3)
"""What BatchNorm adds to the variance: of torch, and of TensorFlow's layers."""


def _with_folded(
    found: Sequence[TensorRecord], tensors: dict[str, StoredTensor], ranges: dict[str, Any], epsilon: float
) -> list[TensorRecord]:
    """The records, those of weights with their ratio of ranges once the BatchNorm after them is folded in.

    That is the next layer with a running variance, of as many channels, before any other weight; in TensorFlow the one inside.
    """
    import numpy as np

    made = list(found)
    waiting: int | None = None
    layers = by_layer(found)
    for _, members in sorted(layers.items(), key=lambda item: _before_norms(item[0], layers)):
        roles = {each.role: each for each in members}
        weight = next((each for each in members if each.name in ranges), None)
        if weight is not None:
            waiting = next(i for i, each in enumerate(made) if each.name == weight.name)
        elif "variance" in roles and waiting is not None and roles["variance"].elements == made[waiting].channels:
            scale = np.abs(_all(tensors[roles["scale"].name])) if "scale" in roles else 1.0
            with np.errstate(all="ignore"):  # whatever numbers a file holds
                folded = ranges[made[waiting].name] * scale / np.sqrt(_all(tensors[roles["variance"].name]) + epsilon)
            made[waiting] = structs.replace(made[waiting], folded_range_ratio=over_the_median(folded))
            waiting = None
    return made


def _before_norms(layer: str, layers: dict[str, list[TensorRecord]]) -> tuple[int, int]:
    """Order of the file, but a layer before what stands inside it."""
    names = list(layers)
    inside = next((names.index(other) for other in (layer.rpartition("/")[0],) if other in layers), names.index(layer))
    return inside, int(inside != names.index(layer))


def ordered(checkpoint: Checkpoint) -> list[StoredTensor]:
    """The tensors in the order that they are told in: a graph's constants stand in any order, safetensors by their dtype."""
    if checkpoint.form in ("tensorflow", "safetensors"):
        return sorted(
            checkpoint.tensors, key=lambda tensor: [int(p) if p.isdigit() else p for p in _PARTS.split(tensor.name)[:99]]
        )
    return list(checkpoint.tensors)


def split(name: str) -> tuple[str, str]:
    """`features.0` and `weight` of `features.0.weight`; a name of one part is a layer of its own."""
    found = _LAYER.fullmatch(name)
    return (found["layer"], found["last"]) if found else (name, "")


def role_of(tensor: StoredTensor) -> str:
    """What a tensor is in its layer, by the graph around it or its name."""
    if tensor.role in ("bias", "scale", "shift", "mean", "variance"):
        return tensor.role
    if tensor.role in ("conv", "depthwise", "linear"):
        return "weight"
    known = ROLES.get(split(tensor.name)[1], "")
    return known or ("weight" if len(tensor.shape) > 1 and tensor.dtype.startswith(("float", "bfloat")) else "other")


def kind_of(tensor: StoredTensor, role: str, normed: bool) -> str:
    """The kind of layer, by its shape and the graph around it."""
    if normed or role in ("scale", "shift", "mean", "variance"):
        return "norm"
    if role != "weight" or len(tensor.shape) < 2:
        return "bias" if role == "bias" else "other"
    if tensor.role:
        area = tensor.layout[0] * tensor.layout[2]
        return "pointwise" if tensor.role == "conv" and _is_pointwise(tensor, area) else tensor.role
    if len(tensor.shape) == 2:
        return "linear"
    _, each, *window = tensor.shape
    if each == 1 and tensor.shape[0] > 1:
        return "depthwise"
    return "pointwise" if all(side == 1 for side in window) else "conv"


def _is_pointwise(tensor: StoredTensor, area: int) -> bool:
    """Whether the window of a TensorFlow convolution is of one pixel: its axes stand first there, in the middle in TFLite."""
    window = tensor.shape[:-2] if tensor.output_axis else tensor.shape[1:-1]
    return area > 0 and all(side == 1 for side in window)


def _record(tensor: StoredTensor, found: Statistics, normed: bool, bits: int, side: int | None) -> TensorRecord:
    role = role_of(tensor)
    if normed and role in ("weight", "bias"):  # torch calls scale and shift so
        role = {"weight": "scale", "bias": "shift"}[role]
    weight = role == "weight" and len(tensor.shape) > 1
    rows, columns = matrix_shape(tensor)
    dead = {
        "dead_norm": dead_by_norm(found.norms) if weight else None,
        "dead_variance": dead_by_variance(_all(tensor)) if role == "variance" and tensor.elements else None,
        "dead_scale": dead_by_scale(_all(tensor)) if role == "scale" and len(tensor.shape) == 1 and tensor.elements else None,
    }
    counts: dict[str, Any] = {name: None if flags is None else int(flags.sum()) for name, flags in dead.items()}
    every = sorted({int(i) for flags in dead.values() if flags is not None for i in flags.nonzero()[0]})
    entropy = found.entropy(bits) if weight else None
    forms: dict[str, Any] = {
        f"{name}_bytes": stored(weight_form(form), rows, columns).total
        if weight
        else tensor.elements * (2 if name == "fp16" else 4)
        for name, form in (("fp32", "fp32"), ("fp16", "fp16"), ("int8", "int8"), ("int4", f"int4:{INT4_GROUP}"))
    }
    return TensorRecord(
        name=tensor.name,
        layer=split(tensor.name)[0],
        kind=kind_of(tensor, role, normed),
        role=role,
        shape=list(tensor.shape),
        dtype=tensor.dtype,
        elements=tensor.elements,
        bytes=tensor.bytes,
        zeros=found.zeros,
        nonfinite=found.nonfinite,
        low=found.low,
        high=found.high,
        norm=found.norm if isfinite(found.norm) else None,
        channels=rows if weight or dead["dead_variance"] is not None or dead["dead_scale"] is not None else None,
        **counts,
        range_ratio=found.ratio if weight else None,
        effective_rank=effective_rank(tensor, side) if weight else None,
        full_rank=min(rows, columns) if weight else None,
        entropy_bits=entropy,
        huffman_bytes=None if entropy is None else ceil(entropy * tensor.elements / 8),
        dead=every,
        histogram=_bars(found) if weight else [],
        **forms,
    )


def _all(tensor: StoredTensor) -> Any:
    """The values of one number a channel."""
    import numpy as np

    return np.concatenate(list(tensor.blocks())).astype(np.float64)


def dead_by_norm(norms: Any) -> Any:
    """Which channels have weights of no norm, or of one below NORM_SHARE of the largest."""
    return norms <= NORM_SHARE * norms.max(initial=0.0) if norms.size else norms > 0


def dead_by_variance(variances: Any) -> Any:
    """Which channels have a running variance of 0, or of one below VARIANCE_SHARE of the median one of those above 0."""
    import numpy as np

    alive = variances[variances > 0]
    return variances <= (VARIANCE_SHARE * float(np.median(alive)) if alive.size else 0.0)


def dead_by_scale(scales: Any) -> Any:
    """Which channels have a scale of 0, or of a magnitude below SCALE_SHARE of the largest."""
    import numpy as np

    size = np.abs(scales)
    return size <= SCALE_SHARE * size.max(initial=0.0)


def _bars(found: Statistics) -> list[int]:
    wide = LEVELS // BARS
    return [int(found.histogram[i : i + wide].sum()) for i in range(0, LEVELS, wide)]
