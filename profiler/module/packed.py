"""Weights that torch keeps in objects of its own, as quantised layers do: no parameters and no buffers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree


def packed_weights(modules: Any) -> list[Tensor]:
    """The tensors that the objects of these modules hold, each object once."""
    found: list[Tensor] = []
    seen: set[int] = set()
    for module in modules.modules() if isinstance(modules, nn.Module) else modules:
        for value in vars(module).values():
            if isinstance(value, torch.ScriptObject) and id(value) not in seen:
                seen.add(id(value))
                found += _of_object(value)
    return found


def _of_object(value: Any) -> list[Tensor]:
    """What such an object would be saved as; nothing of one that cannot be saved."""
    try:
        state = value.__getstate__()
    except Exception:  # an object of another kind, whose own code may raise anything
        return []
    found: list[Tensor] = []
    for leaf in pytree.tree_leaves(state):
        if isinstance(leaf, torch.ScriptObject):
            found += _of_object(leaf)
        elif isinstance(leaf, Tensor) and (leaf.is_quantized or leaf.is_floating_point()):
            found.append(leaf)
    return found
