"""A checkpoint and its network → what leaves the network with channels that are constant, and the weights that are left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from profiler.checkpoint.matching import Matched, matched, targets, torch_values
from profiler.checkpoint.tensors import Checkpoint
from profiler.errors import ProfilerError, shortened
from profiler.load.load import Counted, Model, load
from profiler.module.user_code import user_code
from profiler.records.inspected import Costs, Removal, Smaller
from profiler.records.profile import Profile

if TYPE_CHECKING:
    from torch import nn

State = Callable[[], Mapping[str, Any]]


def smaller_network(checkpoint: Checkpoint, model: Model) -> tuple[Smaller, State]:
    """What leaves `model` with the weights of a file, and what makes the weights of the smaller network.

    All of the network's weights stand in memory, in fp32. Raises ProfilerError where no tensor of the file fits the network,
    and as `load` does.
    """
    import copy

    network = load(model)
    module = copy.deepcopy(network.module("cpu", bare=True))
    found = matched(checkpoint, targets({name: tuple(value.shape) for name, value in module.state_dict().items()}))
    if not found.all:
        raise ProfilerError(
            f"'{checkpoint.path}': none of its tensors fits {network.name}, by name or by order and shape; name the "
            "network that they belong to"
        )
    fill(module, checkpoint, found)
    args, kwargs = network.example(1, "meta")
    before = _counts(network, module)
    notes: list[str] = []
    layers: tuple[Removal, ...] = ()
    inferred, after = False, module
    try:
        with user_code(network.name, preserves=False):
            after, layers, inferred = _cut(module, args, dict(kwargs))
    except Exception as fault:  # torch.fx says by many types what it cannot trace
        why = shortened(str(fault), 120) or type(fault).__name__
        notes.append(f"Nothing leaves {network.name}, since torch.fx cannot follow its forward: {why}.")
    if inferred:
        notes.append(
            "Some of the channels that leave are constant by BatchNorm's statistics alone: outputs are the same for inputs "
            "like those of the training."
        )
    smaller = Smaller(
        network.name,
        layers,
        before,
        _counts(network, after),
        not inferred,
        len(found.all),
        tuple((tensor.name, name) for name, tensor in found.by_order.items()),
        found.unmatched,
        found.missing,
        tuple(notes),
    )
    return smaller, lambda: {name: value.detach().cpu().numpy() for name, value in after.state_dict().items()}


def fill(module: nn.Module, checkpoint: Checkpoint, found: Matched) -> None:
    """The values of the file; ones where it has none, so that nothing there is taken for dead."""
    import numpy as np
    import torch

    with torch.no_grad():
        for name, value in module.state_dict().items():
            tensor = found.all.get(name)
            if tensor is None:
                value.fill_(0 if name.endswith("num_batches_tracked") else 1)
            else:
                given = torch_values(checkpoint, tensor, tuple(value.shape))
                value.copy_(torch.from_numpy(given.astype(np.float64 if given.dtype.itemsize > 4 else np.float32)))


def _cut(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[nn.Module, tuple[Removal, ...], bool]:
    """The smaller module, its layers, and whether anything was inferred from statistics."""
    from profiler.pruning.smaller import without_constants
    from profiler.pruning.walk import walked

    cut = without_constants(module, walked(module, (*args, *kwargs.values()), tuple(kwargs)))
    return cut.module, cut.layers, cut.inferred


def _counts(network: Counted, module: nn.Module) -> Costs:
    from profiler.load.load import load_at
    from profiler.records.place import Place

    place = Place(module, {}, input=[tuple(shape) for shape in network.inputs])
    profile: Profile = load_at(place).profile(1)
    return Costs(profile.params, profile.macs, profile.activations)
