"""Experts that a forward picks one by one in a loop, counted as the grouped product that they are, whatever a router says.

A token goes to k of E experts of one shape, so the multiply-adds of a layer are those of tokens × k rows of one expert, however
the rows are spread. One expert runs on all of them, and its rows hold the parameters of all. What an expert that is full would
drop is not taken off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from torch import Tensor, nn

from profiler.module.trees import tensors_of_call
from profiler.records.profile import Row
from profiler.tracing.parameters import Owner

_TOP = re.compile(r"Top(\d+)")
_TAKEN = ("top_k", "num_experts_per_tok", "num_experts_per_token", "moe_top_k", "router_top_k")
"""What a block or its router calls the number of experts that a token goes to."""


class Loop(NamedTuple):
    """A list or dict of experts, of which a token takes some."""

    experts: tuple[nn.Module, ...]
    taken: int
    """By one token."""
    tokens: Tensor
    """What the experts are given, (…, width)."""


@lru_cache(maxsize=1 << 10)
def _may_loop(kind: Any) -> bool:
    return kind.__name__.endswith("Experts") and issubclass(kind, nn.ModuleList | nn.ModuleDict)


def expert_loop(module: nn.Module, caller: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Loop | None:
    """What a call of a list or dict of experts stands for; `caller` is the module that calls it.

    None of any other module, and where neither the caller nor its router says how many experts a token takes.
    """
    kind: Any = type(module)
    if not _may_loop(kind):
        return None
    experts = tuple(each for each in module._modules.values() if each is not None and any(True for _ in each.parameters()))
    given = tensors_of_call(args, kwargs)
    if len(experts) < 2 or not given or not given[0].is_floating_point() or given[0].ndim < 2 or not _alike(experts):
        return None
    taken = _taken(caller)
    return None if taken is None or taken > len(experts) else Loop(experts, taken, given[0])


def _alike(experts: Sequence[nn.Module]) -> bool:
    """Whether they are of one class, with parameters of the same names and shapes that are each expert's own."""
    held = [dict(each.named_parameters()) for each in experts]
    shapes = {name: p.shape for name, p in held[0].items()}
    own = {id(p) for each in held for p in each.values()}
    return (
        bool(shapes)
        and len(own) == len(experts) * len(shapes)
        and all(type(each) is type(experts[0]) for each in experts)
        and all({name: p.shape for name, p in each.items()} == shapes for each in held)
    )


def _taken(block: nn.Module) -> int | None:
    """How many experts a token takes: by an attribute of the block or its router, or as the router's class is called."""
    routers = [each for name, each in block.named_children() if "router" in name or "gate" in name]
    for holder in (block, *routers):
        for name in _TAKEN:
            found = getattr(holder, name, None)
            if isinstance(found, int) and not isinstance(found, bool) and found > 0:
                return found
    named = [found for router in routers if (found := _TOP.search(type(router).__name__)) is not None]
    return int(named[0][1]) if named else None


def run_one_for_all(loop: Loop) -> Tensor:
    """The output of the list: the first expert on the rows of all, weighted and summed as the loop does it."""
    flat = loop.tokens.reshape(-1, loop.tokens.shape[-1])
    rows = flat.repeat(loop.taken, 1) if loop.taken > 1 else flat
    out: Tensor = loop.experts[0](rows)
    out = out * out.new_ones((rows.shape[0], 1))
    out = out.reshape(loop.taken, *flat.shape).sum(0) if loop.taken > 1 else out
    return out.reshape(loop.tokens.shape)


def of_all(row: Row, loop: Loop, path: str, first: str, size: int) -> Row:
    """A row of the first expert, at the path `first`, as that of all, at the path of their list; `size` is bytes a parameter.

    Rows that no parameter and no expert is in stay as they are. Of the experts, at most as many are read as there are rows.
    """
    if not f"{row.path}.".startswith(f"{first}."):
        return row
    inner = row.path[len(first) :].lstrip(".")
    experts = len(loop.experts)
    rows = loop.tokens.numel() // max(loop.tokens.shape[-1], 1) * loop.taken
    more = min(experts, max(rows, 1)) - 1
    facts = (
        {**row.facts, "experts": experts, "active": loop.taken, "experts_run": "one by one"}
        if row.macs or row.params
        else row.facts
    )
    return row._replace(
        path=f"{path}.{inner}" if inner else path,
        facts=facts,
        weights=row.weights * experts,
        bias=row.bias * experts,
        norm=row.norm * experts,
        buffers=row.buffers * experts,
        moved=row.moved + more * row.params * size,
    )


def of_experts(read: Sequence[Owner], routed: Mapping[int, int], macs: int) -> dict[str, Any]:
    """Facts of a row that reads parameters of E experts, stacked in a module of experts of which a token takes `routed[E]`.

    Biases are such, and weights that all tokens are multiplied by, of which the multiply-adds of other experts are useless.
    """
    sizes = {owner.tensor.shape[0] if _is_stack(owner) else 0 for owner in read}
    if len(sizes) != 1 or (experts := sizes.pop()) not in routed:
        return {}
    taken = routed[experts]
    found = {"experts": experts, "active": taken, "experts_run": "all"}
    return {**found, "useful_macs": macs * taken // experts} if macs else found


def _is_stack(owner: Owner) -> bool:
    return owner.parameter and owner.tensor.ndim > 1 and type(owner.module).__name__.endswith("Experts")


def unread_of_experts(given: Sequence[Tensor], experts: int) -> int:
    """Bytes of the stacked weights of experts that no row goes to, since there are fewer rows than experts."""
    if len(given) < 2 or given[0].ndim != 2 or given[1].ndim != 3 or given[1].shape[0] != experts:
        return 0
    size = given[1].numel() * given[1].element_size()
    return size - size * min(experts, given[0].shape[0]) // experts
