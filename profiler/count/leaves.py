"""What is known of a leaf on paper, one entry a leaf: its formula, its kind, and what its rows are called. No torch.

The entries are made beside the formulas, in formulas.py, by `@formula(...)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from profiler.count.shapes import Inputs, spread
from profiler.network import layers as L
from profiler.network.layers import Shape


class Cost(NamedTuple):
    """What a leaf makes of one sample, and what that costs; all integers."""

    output: Shape
    weights: int = 0
    bias: int = 0
    norm: int = 0
    buffers: int = 0
    macs: int = 0
    elementwise: int = 0
    activations: int = 0


Formula = Callable[[Any, Inputs, "int | None"], Cost]
"""(leaf, shapes of its inputs, width that a `same()` stands for) → what it costs."""
Kind = Callable[[int, int, Shape], str]
"""(channels in, groups, kernel) → kind, where it depends on them."""
More = Callable[[Any, Inputs, int], "dict[str, Any]"]
"""(leaf, shapes of its inputs, batch) → facts that follow from shapes, as the multiply-adds that are useful."""


class Leaf(NamedTuple):
    """One entry: how a type of leaf is counted and described."""

    formula: Formula
    kind: str | Kind
    op: str
    """What its rows are called; `{field}` stands for the value of a field."""
    module: str
    """Its class in torch.nn, or in module/modules.py; `{rank}` stands for the spatial axes, `{field}` for a field."""
    optional: tuple[str, ...] = ()
    """Fields that are no fact where they are None or False."""
    more: More | None = None
    """What its facts are besides its fields, where they follow from shapes."""


LEAVES: dict[type[L.Layer], Leaf] = {}

_F = TypeVar("_F", bound=Formula)


def formula(
    cls: type[L.Layer],
    *,
    kind: str | Kind,
    op: str = "",
    module: str = "",
    optional: tuple[str, ...] = (),
    more: More | None = None,
) -> Callable[[_F], _F]:
    """Decorates the formula of `cls`: the one place where a leaf is registered.

    Unless they are given, `op` is the name of the class in snake case and `module` that name as it is. Raises ValueError for
    a second formula.
    """
    name = cls.__name__
    op = op or "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")

    def keep(found: _F) -> _F:
        if cls in LEAVES:
            raise ValueError(f"{name} has a formula already; a leaf has one")
        LEAVES[cls] = Leaf(found, kind, op, module or name, optional, more)
        return found

    return keep


def cost(leaf: L.Layer, inputs: Inputs, same: int | None = None) -> Cost:
    """The cost of `leaf` on samples of shapes `inputs`. Raises ShapeError where they do not fit."""
    return LEAVES[type(leaf)].formula(leaf, inputs, same)


cost_of = lru_cache(maxsize=1 << 16)(cost)


def described(leaf: L.Layer, first: Shape) -> tuple[str, str, str, Mapping[str, Any]]:
    """op, kind, torch.nn class and facts of `leaf` on a first input of shape `first`, without the batch."""
    by_channels = callable(LEAVES[type(leaf)].kind) or getattr(leaf, "groups", 1) == "each"
    return described_by(leaf, len(first) - 1, first[0] if by_channels else 0)


def facts_of(leaf: L.Layer, inputs: Inputs, batch: int, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts of a row: those that its leaf is described by, and those that follow from its shapes."""
    more = LEAVES[type(leaf)].more
    return facts if more is None else {**facts, **more(leaf, inputs, batch)}


@lru_cache(maxsize=1 << 14)
def described_by(leaf: L.Layer, rank: int, channels: int) -> tuple[str, str, str, Mapping[str, Any]]:
    """`described` by all that it depends on: the spatial axes, and the channels in where the kind or the groups do."""
    _, kind, op, module, optional, _ = LEAVES[type(leaf)]
    facts: dict[str, Any] = {f.name: getattr(leaf, f.name) for f in fields(leaf)}
    facts = {name: value for name, value in facts.items() if name not in optional or value not in (None, False)}
    names = {"rank": rank or 1, **facts}
    if "{rank}" in module:
        facts = _spread(leaf, facts, rank)
    if facts.get("groups") == "each":
        facts["groups"] = channels
    if callable(kind):
        kind = kind(channels, facts["groups"], facts["kernel"])
    for gone in ("out", "dim"):  # a width is in the output's shape
        facts.pop(gone, None)
    return op.format(**names).lower(), kind, module.format(**names), facts


def _spread(leaf: L.Layer, facts: dict[str, Any], rank: int) -> dict[str, Any]:
    """The facts with one number per spatial axis; the stride of a window is its kernel unless it is given."""
    if "stride" in facts and facts["stride"] is None:
        facts["stride"] = facts["kernel"]
    per_axis = [name for name, words in leaf.whole_numbers.items() if "Ints" in words]
    return facts | {name: spread(facts[name], rank) for name in per_axis}
