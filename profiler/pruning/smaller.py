"""A module without the channels that may leave: its weights cut, what they held gone into biases."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from profiler.pruning.channels import Flags
from profiler.pruning.walk import CONVS, NORMS, Found
from profiler.records.inspected import Removal


class Cut(NamedTuple):
    """The smaller module, and what became of each layer."""

    module: nn.Module
    layers: tuple[Removal, ...]
    inferred: bool
    """Whether a channel left that is constant by BatchNorm's statistics alone."""


def without_constants(module: nn.Module, found: Found) -> Cut:
    """A copy of a module without the channels that hold one value and may leave; the same outputs but for rounding."""
    _keep_one(found)
    stays = {path: found.sets.stays(each.ids) for path, each in found.outputs.items()}
    reads = {path: found.sets.stays(each.ids) for path, each in found.inputs.items()}
    made = copy.deepcopy(module)
    layers = dict(made.named_modules())
    removals, inferred = [], False
    constant = _constant_sets(found)
    for path, out in found.outputs.items():
        layer = layers[path]
        dead = np.array([found.sets.root(int(each)) in constant for each in out.ids])
        if not isinstance(layer, NORMS) and not isinstance(layer, nn.PReLU):
            left = [found.sets.reason(int(each)) for each in out.ids[dead & stays[path]]]
            removals.append(Removal(path, len(out), int(dead.sum()), int((~stays[path]).sum()), _most(left)))
        source = found.inputs[path]
        inferred |= bool((source.inferred & ~reads[path]).any())
        with torch.no_grad():
            if isinstance(layer, (*CONVS, nn.Linear)):
                shift = _folded(layer, source.value, reads[path]) if getattr(layer, "groups", 1) == 1 else None
                _cut_weights(layer, stays[path], reads[path])
                if shift is not None and shift.any():
                    _shift(layer, layers[found.norms[path]] if path in found.norms else None, shift, stays[path])
    for path in found.outputs:
        layer = layers[path]
        if isinstance(layer, (*NORMS, nn.PReLU)):
            with torch.no_grad():
                _cut_norm(layer, stays[path])
    return Cut(made, tuple(removals), inferred)


def _constant_sets(found: Found) -> set[int]:
    """Roots of the channels that hold one value where some layer takes them."""
    held: set[int] = set()
    for each in (*found.inputs.values(), *found.outputs.values()):
        held.update(found.sets.root(int(i)) for i in each.ids[each.constant])
    return held


def _keep_one(found: Found) -> None:
    """A layer keeps at least one channel."""
    for each in found.outputs.values():
        if len(each) and not found.sets.stays(each.ids).any():
            found.sets.keep(each.ids[:1], "a layer keeps one channel")


def _most(reasons: list[str]) -> str:
    return max(dict.fromkeys(reasons), key=reasons.count) if reasons else ""


def _folded(layer: Any, value: Any, reads: Flags) -> Any:
    """What the inputs that leave add to each output."""
    held = np.where(reads, 0.0, np.nan_to_num(value))
    weight = layer.weight.detach().double().numpy()
    return weight.reshape(*weight.shape[:2], -1).sum(2) @ held


def _cut_weights(layer: Any, stays: Flags, reads: Flags) -> None:
    out = torch.from_numpy(np.flatnonzero(stays))
    weight = layer.weight[out]
    if getattr(layer, "groups", 1) == 1:
        weight = weight[:, torch.from_numpy(np.flatnonzero(reads))]
    elif not stays.all():  # depthwise: a group a channel
        layer.groups = int(reads.sum())
    layer.weight = nn.Parameter(weight.clone(), layer.weight.requires_grad)
    if layer.bias is not None:
        layer.bias = nn.Parameter(layer.bias[out].clone(), layer.bias.requires_grad)
    names = ("in_features", "out_features") if isinstance(layer, nn.Linear) else ("in_channels", "out_channels")
    setattr(layer, names[0], int(reads.sum()))
    setattr(layer, names[1], int(stays.sum()))


def _shift(layer: Any, norm: nn.Module | None, shift: Any, stays: Flags) -> None:
    """Into the bias; where there is none, off the mean of the BatchNorm that follows; without one either, into a new bias."""
    moved = torch.from_numpy(shift[stays])
    if layer.bias is not None:
        layer.bias += moved.to(layer.bias.dtype)
    elif norm is not None:
        kept = torch.from_numpy(np.flatnonzero(stays))
        mean: Any = norm.running_mean
        mean[kept] = (mean[kept].double() - moved).to(mean.dtype)
    else:
        layer.bias = nn.Parameter(moved.to(layer.weight.dtype))


def _cut_norm(layer: Any, stays: Flags) -> None:
    kept = torch.from_numpy(np.flatnonzero(stays))
    if isinstance(layer, nn.PReLU):
        if len(layer.weight) == len(stays):
            layer.weight = nn.Parameter(layer.weight[kept].clone())
            layer.num_parameters = len(kept)
        return
    for name in ("weight", "bias"):
        if (value := getattr(layer, name)) is not None:
            setattr(layer, name, nn.Parameter(value[kept].clone(), value.requires_grad))
    for name in ("running_mean", "running_var"):
        layer.register_buffer(name, getattr(layer, name)[kept].clone())
    layer.num_features = len(kept)
