"""Stock modules as leaves, so that the closed form's own formulas count a traced network: what is one, and what it takes.

A module is a leaf where its class is torch.nn's (or one of module/modules.py) and runs that class's own forward. The table in
module/leaves.py reads it back as the leaf of a value; where it cannot (padding modes, windows that pad unevenly), the module is
run, and what it runs is summed into its one row.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from torch import nn

from profiler.count import leaves as counted
from profiler.module.leaves import RANKS, constructor, leaf_of

SAME_TENSOR = frozenset({nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout})
"""Leaves that give back the tensor they are given, in evaluation."""


_CHANNELS = ("in_channels", "num_features", "num_channels")
_FEATURES = ("in_features", "normalized_shape")


@lru_cache(maxsize=1 << 10)
def _size_taken(stock: type[nn.Module]) -> tuple[str, int]:
    """The attribute that holds the size of an axis of the input that a module takes, and that axis; none is empty."""
    if leaf_of(stock) is not None and not issubclass(stock, nn.modules.instancenorm._InstanceNorm):  # which takes any
        for names, axis in ((_CHANNELS, 1), (_FEATURES, -1)):
            for name in names:
                if name in constructor(stock):
                    return name, axis
    return "", 0


def misfit(module: Any, stock: type[nn.Module], shape: tuple[int, ...]) -> str:
    """Why an input of `shape` does not fit a module, which knows the size that it takes; empty where it fits."""
    name, axis = _size_taken(stock)
    if not name:
        return ""
    wanted = getattr(module, name)
    if isinstance(wanted, tuple):
        wanted = wanted[-1]
    if shape[axis] == wanted:
        return ""
    what = "channels" if axis == 1 else "features on the last axis"
    return f"takes {wanted} {what} and is given {shape[axis]}, of {shape}"


@lru_cache(maxsize=1 << 10)
def axes_taken(stock: type[nn.Module]) -> tuple[int, ...]:
    """Axes that an input may have, its batch among them; one of other axes (a single sample) is run. Empty for any."""
    leaf = leaf_of(stock)
    if leaf is None or "{rank}" not in counted.LEAVES[leaf].module:
        return ()
    ranks = [rank for rank in RANKS if stock.__name__.endswith(f"{rank}d")]
    return (2, 3) if stock is nn.BatchNorm1d else tuple(rank + 2 for rank in ranks)


_ROOMS = ("torch.nn.modules.", "torch.ao.nn.", "torch.nn.qat.", "torch.nn.quantized.", "profiler.module.modules")
_CONTAINERS = (
    nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict, nn.Transformer, nn.TransformerEncoder,
    nn.TransformerDecoder, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer, nn.Module,
)  # fmt: skip
_HARMLESS = frozenset({"__init__", "__repr__", "extra_repr", "reset_parameters", "_reset_parameters", "_load_from_state_dict"})


@lru_cache(maxsize=1 << 12)
def leaf_class(cls: type[nn.Module]) -> type[nn.Module] | None:
    """The stock class whose forward `cls` runs unchanged, None where it runs one of its own or calls other modules."""
    for base in cls.__mro__:
        if base.__module__.startswith(_ROOMS) and base not in _CONTAINERS:
            between = cls.__mro__[: cls.__mro__.index(base)]
            own = {name for klass in between for name, value in vars(klass).items() if callable(value) or name == "forward"}
            changed = {name for name in own - _HARMLESS if hasattr(base, name) and not hasattr(nn.Module, name)}
            return None if changed or "forward" in own or "__call__" in own else base
    return None
