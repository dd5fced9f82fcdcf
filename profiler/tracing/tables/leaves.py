"""Stock modules as leaves, so that the closed form's own formulas count a traced network: what is one, and what it takes.

A module is a leaf where its class is torch.nn's (or one of module/modules.py) and runs that class's own forward. The table in
module/leaves.py reads it back as the leaf of a value; where it cannot (padding modes, windows that pad unevenly), the module is
run, and what it runs is summed into its one row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import nn

from profiler.count import leaves as counted
from profiler.module.leaves import RANKS, cached, constructor, leaf_of

SAME_TENSOR = frozenset({nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout})
"""Leaves that give back the tensor they are given, in evaluation."""


_CHANNELS = ("in_channels", "num_features", "num_channels")
_FEATURES = ("in_features", "normalized_shape")


class Takes(NamedTuple):
    """What modules of one class take as their first input."""

    axes: tuple[int, ...]
    """Axes that it may have, its batch among them; one of other axes (a single sample) is run. Empty for any."""
    size: str
    """The attribute that holds the size of one of its axes, empty where there is none."""
    axis: int
    """That axis."""

    def misfit(self, module: Any, shape: tuple[int, ...]) -> str:
        """Why an input of `shape` does not fit a module, empty where it fits."""
        if not self.size:
            return ""
        wanted = getattr(module, self.size)
        n = shape[self.axis]
        if n == wanted or (wanted.__class__ is tuple and n == wanted[-1]):
            return ""
        what = "channels" if self.axis == 1 else "features on the last axis"
        return f"takes {wanted[-1] if isinstance(wanted, tuple) else wanted} {what} but is given {n}, of {shape}"


@cached
def takes(stock: type[nn.Module]) -> Takes:
    """What modules of a class of torch.nn take, by the parameters of its constructor."""
    leaf = leaf_of(stock)
    if leaf is None:
        return Takes((), "", 0)
    axes: tuple[int, ...] = ()
    if "{rank}" in counted.LEAVES[leaf].module:
        axes = (2, 3) if stock is nn.BatchNorm1d else tuple(r + 2 for r in RANKS if stock.__name__.endswith(f"{r}d"))
    any_size = issubclass(stock, nn.modules.instancenorm._InstanceNorm)  # which warns and goes on
    sizes = ((name, axis) for names, axis in ((_CHANNELS, 1), (_FEATURES, -1)) for name in names if name in constructor(stock))
    return Takes(axes, *(("", 0) if any_size else next(sizes, ("", 0))))


_ROOMS = ("torch.nn.modules.", "torch.ao.nn.", "torch.nn.qat.", "torch.nn.quantized.", "profiler.module.modules")
_CONTAINERS = (
    nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict, nn.Transformer, nn.TransformerEncoder,
    nn.TransformerDecoder, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer, nn.Module,
)  # fmt: skip
_HARMLESS = frozenset({"__init__", "__repr__", "extra_repr", "reset_parameters", "_reset_parameters", "_load_from_state_dict"})


@cached
def leaf_class(cls: type[nn.Module]) -> type[nn.Module] | None:
    """The stock class whose forward `cls` runs unchanged, None where it runs one of its own or calls other modules."""
    for base in cls.__mro__:
        if base.__module__.startswith(_ROOMS) and base not in _CONTAINERS:
            between = cls.__mro__[: cls.__mro__.index(base)]
            own = {name for klass in between for name, value in vars(klass).items() if callable(value) or name == "forward"}
            changed = {name for name in own - _HARMLESS if hasattr(base, name) and not hasattr(nn.Module, name)}
            return None if changed or "forward" in own or "__call__" in own else base
    return None
