"""What the tensors of a trace see of the network's input: the rules of count/receptive, given an operator's own arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from profiler.count.receptive import sights as s
from profiler.count.receptive.fold import Seen
from profiler.count.receptive.rules import Layer, Part
from profiler.count.receptive.sights import Sights
from profiler.count.receptive.windows import shifted
from profiler.module.trees import tensors
from profiler.records.profile import Row, Shape
from profiler.tracing.tables.entries import Entry

Move = Callable[[Sights, Shape, Sequence[Tensor], Sequence[Any]], "Sequence[Sights]"]
"""(what the elements of the first tensor see, its shape, outputs, arguments) → what those of each output see."""


def of_row(
    seen: Seen, row: Row, parts: Sequence[Part], out: Sequence[Tensor], module: nn.Module | None
) -> Sequence[Sights | None]:
    """What the outputs of a layer see that is a row, and of a stock module where `module` is one."""
    facts = dict(row.facts)
    for name in ("dim", "normalized_shape"):  # what a row does not say
        if isinstance(value := getattr(module, name, None), int | tuple):
            facts[name] = value
    op = row.op
    if op.endswith(("pad1d", "pad2d", "pad3d")) and isinstance(padding := facts.get("padding"), tuple):
        op, facts["padding"] = "pad", _pairs(padding)
    layer = Layer("conv_transpose" if row.kind == "conv_transpose" else op, row.kind, facts, parts, row.output)
    found = seen.layer(layer)
    return [found if tuple(t.shape) == row.output else None if found is None else s.lost(found) for t in out]


def of_operator(
    seen: Seen, found: Entry, row: Row | None, parts: Sequence[Part], args: Any, out: Any
) -> Sequence[Sights | None]:
    """What the outputs of an operator see, whether it is a row or moves data without one."""
    made = tensors(out)
    known = [part for part, _ in parts if part is not None]
    if not known or not made:
        return [None] * len(made)
    name = found.name.partition("::")[2].strip("_")
    move = MOVES.get(name)
    if move is not None and isinstance(args[0], Tensor) and parts[0][0] is not None:
        return list(move(parts[0][0], parts[0][1], made, args[1:]))
    facts = {**(row.facts if row is not None else {}), **_facts(name, args)}
    op, shape = found.op, tuple(made[0].shape)
    if name == "stack":
        return [_stacked(parts, shape, args)]
    if is_pointwise(found.name):
        op = "add"
    elif row is not None and row.kind == "conv_transpose":
        op = "conv_transpose"
    elif "padding" in facts and "kernel" not in facts:
        op = "pad"
    result = seen.layer(Layer(op, found.kind, facts, parts, shape))
    return [result if i == 0 or result is None else s.lost(result) for i in range(len(made))]


@lru_cache
def is_pointwise(name: str) -> bool:
    """Whether torch marks the operator called `name`, or the one that it is the in-place form of, as element by element."""
    space, _, plain = name.partition("::")
    operator = getattr(getattr(torch.ops, space), plain.rstrip("_"), None)
    return operator is not None and any(
        torch.Tag.pointwise in getattr(operator, each).tags for each in getattr(operator, "overloads", list)()
    )


def _stacked(parts: Sequence[Part], shape: Shape, args: Sequence[Any]) -> Sights:
    """Tensors side by side along a new axis."""
    new = (args[1] if len(args) > 1 else 0) % len(shape)
    moved = [s.moved(part, lambda axis: axis + (axis >= new)) for part, _ in parts if part is not None]
    return s.joined([(part, shape) for part in moved], shape)


def _facts(name: str, args: Sequence[Any]) -> Mapping[str, Any]:
    """What a row does not say of a functional call."""

    def spread(value: Any, rank: int) -> tuple[int, ...]:
        whole = (value,) if isinstance(value, int) else tuple(value)
        return whole * (rank if len(whole) == 1 else 1)

    def at(i: int, default: Any) -> Any:
        return args[i] if i < len(args) else default

    if name.startswith(("max_pool", "avg_pool")):
        rank = int(next(c for c in name if c.isdigit()))
        kernel = spread(args[1], rank)
        more = {"dilation": spread(at(4, 1), rank)} if name.startswith("max") else {}
        return {"kernel": kernel, "stride": spread(at(2, ()) or kernel, rank), "padding": spread(at(3, 0), rank), **more}
    if name.startswith("upsample"):
        mode = next((mode for mode in ("nearest_exact", "nearest", "bicubic", "linear") if mode in name), "")
        corners = bool(at(2, False)) if mode in ("bicubic", "linear") else False
        return {"mode": "" if name.endswith("aa") else mode.replace("_", "-"), "align_corners": corners}
    if "softmax" in name:
        return {"dim": at(1, None)}
    if name == "layer_norm" or name == "rms_norm":
        return {"normalized_shape": tuple(args[1])}
    if "pad" in name and len(args) > 1 and isinstance(args[1], list | tuple):
        return {"padding": _pairs(tuple(args[1]))}
    return {}


def _pairs(padding: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """torch's padding, the last axis first, as a pair an axis, the first axis first."""
    return tuple(zip(padding[-2::-2], padding[::-2], strict=True))


# What moves data


def _cut(seen: Sights, shape: Shape, out: Sequence[Tensor], rest: Sequence[Any]) -> Sequence[Sights]:
    return [s.reshaped(seen, shape, tuple(t.shape)) for t in out]


def _same(seen: Sights, shape: Shape, out: Sequence[Tensor], rest: Sequence[Any]) -> Sequence[Sights]:
    return [seen if tuple(t.shape) == shape else s.lost(seen) for t in out]


def _permuted(seen: Sights, shape: Shape, out: Sequence[Tensor], rest: Sequence[Any]) -> Sequence[Sights]:
    order = [axis % len(shape) for axis in rest[0]]
    return [s.moved(seen, order.index)] * len(out)


def _transposed(seen: Sights, shape: Shape, out: Sequence[Tensor], rest: Sequence[Any]) -> Sequence[Sights]:
    a, b = (axis % len(shape) for axis in (rest if len(rest) > 1 else (-2, -1)))
    return [s.moved(seen, lambda axis: {a: b, b: a}.get(axis, axis))] * len(out)


def _expanded(seen: Sights, shape: Shape, out: Sequence[Tensor], rest: Sequence[Any]) -> Sequence[Sights]:
    return [s.joined([(seen, shape)], tuple(t.shape)) for t in out]


def _sliced(seen: Sights, shape: Shape, out: Sequence[Tensor], rest: Sequence[Any]) -> Sequence[Sights]:
    given: list[Any] = [*rest, *(0, None, None, 1)[len(rest) :]]
    axis, start, step = given[0] % len(shape), given[1] or 0, given[3]
    return [s.taken(seen, {axis: shifted(start + shape[axis] if start < 0 else start, step)})]


def _selected(seen: Sights, shape: Shape, out: Sequence[Tensor], rest: Sequence[Any]) -> Sequence[Sights]:
    gone = rest[0] % len(shape)
    picked = tuple(x._replace(axis=None, merged=False) if x.axis == gone else x for x in seen)
    return [s.moved(picked, lambda axis: axis - (axis > gone))] * len(out)


def _split(seen: Sights, shape: Shape, out: Sequence[Tensor], rest: Sequence[Any]) -> Sequence[Sights]:
    axis, start, found = (rest[1] if len(rest) > 1 else 0) % len(shape), 0, []
    for part in out:
        found.append(s.taken(seen, {axis: shifted(start)}))
        start += part.shape[axis]
    return found


def _unbound(seen: Sights, shape: Shape, out: Sequence[Tensor], rest: Sequence[Any]) -> Sequence[Sights]:
    return list(_selected(seen, shape, out, (rest[0] if rest else 0,)))


def _reduced(seen: Sights, shape: Shape, out: Sequence[Tensor], rest: Sequence[Any]) -> Sequence[Sights]:
    if rest and isinstance(rest[0], Tensor):  # the larger of two
        return [s.lost(seen)] * len(out)
    dims = rest[0] if rest and isinstance(rest[0], int | list | tuple) and not isinstance(rest[0], bool) else None
    gone = {axis % len(shape) for axis in ((dims,) if isinstance(dims, int) else dims or range(len(shape)))}
    made = s.mixed(seen, gone)
    if out[0].ndim != len(shape):
        made = s.moved(made, lambda axis: axis - sum(each < axis for each in gone))
    return [made] * len(out)


def _along(seen: Sights, shape: Shape, out: Sequence[Tensor], rest: Sequence[Any]) -> Sequence[Sights]:
    """Along one axis an output sees as many as all; the last of them does."""
    return [s.statistics(seen, [rest[0] % len(shape)])] * len(out)


MOVES: dict[str, Move] = {
    **dict.fromkeys(
        ("view", "reshape", "unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze", "reshape_alias", "view_as"), _cut
    ),
    **dict.fromkeys(("clone", "contiguous", "to", "to_copy", "detach", "alias", "lift_fresh", "type_as"), _same),
    "permute": _permuted, "transpose": _transposed, "t": _transposed, "adjoint": _transposed, "numpy_T": _transposed,
    "expand": _expanded, "expand_as": _expanded, "slice": _sliced, "select": _selected,
    **dict.fromkeys(("split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split", "unsafe_chunk"), _split),
    "unbind": _unbound,
    **dict.fromkeys(("mean", "sum", "amax", "amin", "prod", "max", "min", "var", "std", "logsumexp"), _reduced),
    **dict.fromkeys(("var_mean", "std_mean", "linalg_vector_norm"), _reduced),
    **dict.fromkeys(("cumsum", "cumprod", "logcumsumexp"), _along),
}  # fmt: skip
"""What becomes of the first tensor of operators whose rows, where they have one, do not say."""


def parts_of(given: Sequence[Tensor], of: Callable[[Tensor], Sights | None]) -> list[Part]:
    """The tensors of a call with what is known of them."""
    found: list[Part] = []
    for t in given:
        sights = None if t.is_nested else of(t)
        shape = () if t.is_nested else tuple(t.shape)
        if sights is not None and any(x.axis is not None and x.axis >= len(shape) for x in sights):
            sights = s.lost(sights)  # inside a functional transform its shape is without the axes that are mapped over
        found.append((sights, shape))
    return found
