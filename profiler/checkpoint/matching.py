"""The tensors of a file and the parameters of a network: by name, else by what they are, in their order, and by shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from profiler.checkpoint.inspecting import ordered, role_of, split
from profiler.checkpoint.statistics import Array
from profiler.checkpoint.tensors import Checkpoint, StoredTensor

Shape = tuple[int, ...]


class Target(NamedTuple):
    """A parameter or buffer of a network."""

    name: str
    role: str
    """As `role_of` calls it."""
    shape: Shape


class Matched(NamedTuple):
    """Which tensor of the file each parameter takes."""

    by_name: Mapping[str, StoredTensor]
    by_order: Mapping[str, StoredTensor]
    unmatched: tuple[str, ...]
    """Names in the file that nothing takes."""
    missing: tuple[str, ...]
    """Names in the network that take nothing."""

    @property
    def all(self) -> dict[str, StoredTensor]:
        return {**self.by_name, **self.by_order}


def targets(shapes: Mapping[str, Shape]) -> list[Target]:
    """The entries of a state dict, without torch's counters of batches."""
    normed = {split(name)[0] for name in shapes if name.endswith("running_var")}
    kept = {name: shape for name, shape in shapes.items() if not name.endswith("num_batches_tracked")}
    roles = {"weight": "scale", "bias": "shift"}
    last = {name: split(name)[1] or name for name in kept}
    known = {"running_mean": "mean", "running_var": "variance", "weight": "weight", "bias": "bias"}
    return [
        Target(
            name,
            roles[last[name]] if split(name)[0] in normed and last[name] in roles else known.get(last[name], "other"),
            shape,
        )
        for name, shape in kept.items()
    ]


def matched(checkpoint: Checkpoint, wanted: Sequence[Target]) -> Matched:
    """Exactly by name and shape; what is left, role by role, by the longest run of equal shapes in the order of both."""
    stored = {tensor.name: tensor for tensor in ordered(checkpoint) if not tensor.name.endswith("num_batches_tracked")}
    by_name = {
        each.name: stored[each.name] for each in wanted if each.name in stored and _fits(checkpoint, stored[each.name], each)
    }
    left = [tensor for tensor in stored.values() if tensor.name not in by_name]
    open_ = [each for each in wanted if each.name not in by_name]
    normed = {split(tensor.name)[0] for tensor in left if role_of(tensor) == "variance"}
    by_order: dict[str, StoredTensor] = {}
    for role in dict.fromkeys(each.role for each in open_):
        ours = [each for each in open_ if each.role == role]
        theirs = [tensor for tensor in left if _role(tensor, normed) == role]
        pairs = SequenceMatcher(
            None, [_squeezed(each.shape) for each in ours], [_squeezed(torch_shape(checkpoint, each)) for each in theirs], False
        )
        for a, b, size in pairs.get_matching_blocks():
            by_order.update({ours[a + i].name: theirs[b + i] for i in range(size)})
    taken = {tensor.name for tensor in by_order.values()}
    return Matched(
        by_name,
        by_order,
        tuple(tensor.name for tensor in left if tensor.name not in taken),
        tuple(each.name for each in open_ if each.name not in by_order),
    )


def _role(tensor: StoredTensor, normed: set[str]) -> str:
    role = role_of(tensor)
    return {"weight": "scale", "bias": "shift"}.get(role, role) if split(tensor.name)[0] in normed and not tensor.role else role


def _fits(checkpoint: Checkpoint, tensor: StoredTensor, target: Target) -> bool:
    return _squeezed(torch_shape(checkpoint, tensor)) == _squeezed(target.shape)


def _squeezed(shape: Shape) -> Shape:
    """A linear layer and a convolution of one pixel are the same weights: without the ones at the end."""
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _axes(checkpoint: Checkpoint, tensor: StoredTensor) -> tuple[int, ...] | None:
    """The axes of a tensor in torch's order, output channels first; None where it has that already."""
    rank = len(tensor.shape)
    if rank < 2:
        return None
    if tensor.role == "depthwise":  # (…, C, M) in TensorFlow, (1, …, C) in TFLite
        return (rank - 2, rank - 1, *range(rank - 2)) if checkpoint.form == "tensorflow" else (rank - 1, *range(rank - 1))
    if checkpoint.form == "tensorflow" and tensor.role == "conv":
        return (rank - 1, rank - 2, *range(rank - 2))
    if checkpoint.form == "tflite" and tensor.role == "conv":
        return (0, rank - 1, *range(1, rank - 1))
    return (1, 0) if rank == 2 and tensor.output_axis == 1 else None


def torch_shape(checkpoint: Checkpoint, tensor: StoredTensor) -> Shape:
    """The shape that torch gives the same weights."""
    axes = _axes(checkpoint, tensor)
    shape = tensor.shape if axes is None else tuple(tensor.shape[axis] for axis in axes)
    if tensor.role == "depthwise" and checkpoint.form == "tensorflow":
        return (shape[0] * shape[1], 1, *shape[2:])
    return shape


def torch_values(checkpoint: Checkpoint, tensor: StoredTensor, shape: Shape) -> Array:
    """All values of a tensor as torch lays them out, in the shape of the network's."""
    import numpy as np

    parts = list(tensor.blocks())
    whole: Any = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    axes = _axes(checkpoint, tensor)
    whole = whole.reshape(tensor.shape)
    return np.ascontiguousarray(whole if axes is None else whole.transpose(axes)).reshape(shape)
