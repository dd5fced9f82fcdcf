"""Weights that torch keeps in objects of its own, as quantised layers do: no parameters and no buffers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from profiler.module.trees import tensors


def packed_weights(modules: Any) -> list[Tensor]:
    """The tensors that the objects of these modules hold, each object once."""
    found: list[Tensor] = []
    seen: set[int] = set()
    for module in modules.modules() if isinstance(modules, nn.Module) else modules:
        if type(module).__module__.startswith(("torch.nn.modules.", "profiler.module.")):
            continue  # which keeps nothing of the kind
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
    return [t for t in tensors(state) if t.is_quantized or t.is_floating_point()]
