"""A network as wide as the weights in a file, which `inspect` writes of a smaller one; shapes alone are read."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from profiler.checkpoint.read import read
from profiler.errors import ProfilerError
from profiler.load.load import Counted, load_at
from profiler.records.place import Place


def with_widths_of(network: Counted, file: str) -> Counted:
    """The network's module, on meta, with each layer as wide as the weights of its name in the file.

    Raises ProfilerError where no layer's weights are in the file, or where those of one have other axes, and as `read` does.
    """
    shapes = {tensor.name: tensor.shape for tensor in read(file).tensors}
    module: Any = copy.deepcopy(network.module("meta"))
    taken = 0
    for name, part in module.named_modules():
        weight = getattr(part, "weight", None)
        shape = shapes.get(f"{name}.weight")
        if weight is None or shape is None:
            continue
        if len(shape) != weight.ndim or tuple(shape[2:]) != tuple(weight.shape[2:]):
            raise ProfilerError(
                f"'{file}': {name}.weight is of {shape}, and {network.name} has {tuple(weight.shape)}; name its network"
            )
        _resize(part, name, shape, shapes)
        taken += 1
    if not taken:
        raise ProfilerError(
            f"'{file}': no layer of {network.name} has its weights there; name its network, or inspect the file"
        )
    made = load_at(Place(module, {}, input=[tuple(given) for given in network.inputs]))
    return replace(made, name=network.name)


def _resize(part: Any, name: str, shape: tuple[int, ...], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """The parameters and buffers of a layer as the file has them, and the attributes that say how wide it is."""
    import torch
    from torch import nn

    for own in ("weight", "bias"):
        given = shapes.get(f"{name}.{own}")
        setattr(part, own, None if given is None else nn.Parameter(torch.empty(given, device="meta")))
    for own in ("running_mean", "running_var"):
        if getattr(part, own, None) is not None:
            part.register_buffer(own, torch.empty(shapes.get(f"{name}.{own}", shape), device="meta"))
    if hasattr(part, "num_features"):
        part.num_features = shape[0]
    elif hasattr(part, "in_features"):
        part.out_features, part.in_features = shape[:2]
    elif hasattr(part, "in_channels"):
        if part.groups > 1 and part.groups == part.in_channels:
            part.groups = shape[0] * part.in_channels // part.out_channels
        part.out_channels, part.in_channels = shape[0], shape[1] * part.groups
