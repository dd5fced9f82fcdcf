"""What other counters ask of a call and its row does not say: the facts that the conventions are functions of.

Facts of one operator are noted where its row is made; those of a composite operator and of a module's call where the call is
over, on the rows that it made. Most calls have none: they are those that no counter takes in a way of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from profiler.module.leaves import cached
from profiler.module.trees import first_tensor
from profiler.records.profile import Row, Shape
from profiler.tracing.tables.leaves import leaf_class

Facts = Mapping[str, Any]
_NONE: Facts = {}


# Operators


def _aten(names: str) -> frozenset[str]:
    return frozenset(f"aten::{name}" for name in names.split())


_PLAIN = _aten(
    "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution _convolution linear mm bmm matmul "
    "linalg_matmul addmm bilinear lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell "
    "scaled_dot_product_attention batch_norm layer_norm group_norm instance_norm adaptive_avg_pool2d upsample_nearest2d "
    "upsample_bilinear2d grid_sampler"
)
"""Operators by the names that torch.nn calls them by. A row of another one says which, in `call`."""


def operator_facts(name: str, op: str, args: Sequence[Any], out: Any) -> Facts:
    """Of a call of the operator `name`, whose rows are called `op`."""
    facts: dict[str, Any] = {} if name in _PLAIN or name.startswith("higher_order::") else {"call": name.removeprefix("aten::")}
    make = _OF_OP.get(op)
    if make is not None:
        facts |= make(name, args)
    if isinstance(out, Tensor) and out.is_complex():
        facts["complex"] = True
    return facts or _NONE


def _matmul(name: str, args: Sequence[Any]) -> dict[str, Any]:
    """The operands where the first does not say all, and the operator that multiplies where one of them is a vector."""
    a, b = args[:2]
    if name.rstrip("_") not in _OF_TWO or not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        return {}
    if a.ndim >= 2 and b.ndim >= 2:
        spread = a.shape[:-2] != b.shape[:-2] and b.ndim > 2
        return {"operands": (tuple(a.shape), tuple(b.shape))} if spread else {}
    if a.ndim == 1 or b.ndim == 1:
        runs = (
            "dot"
            if a.ndim == b.ndim
            else "mm"
            if name == "aten::inner" or b.ndim == 2
            else "mv"
            if a.ndim == 2
            else _stacked(a, b)
        )
        return {"operands": (tuple(a.shape), tuple(b.shape)), "runs": runs}
    return {}


_OF_TWO = _aten("matmul linalg_matmul mv dot vdot inner")


def _stacked(a: Tensor, b: Tensor) -> str:
    """How torch multiplies a vector and a stack of matrices: as one tall matrix if that copies nothing (ATen, should_fold)."""
    stack, vector = (a, b) if b.ndim == 1 else (b.mT, a)
    if vector.requires_grad or not stack.numel():
        return "mv"
    return "mv" if all(stack.stride(i) == stack.stride(i + 1) * stack.shape[i + 1] for i in range(stack.ndim - 2)) else "bmm"


def _linear(name: str, args: Sequence[Any]) -> dict[str, Any]:
    """A weight of one row, which is a vector."""
    weight = args[1] if len(args) > 1 else None
    if not isinstance(weight, Tensor) or weight.ndim != 1:
        return {}
    return {"operands": (tuple(args[0].shape), tuple(weight.shape)), "runs": "dot" if args[0].ndim == 1 else "mv"}


def _recurrent(name: str, args: Sequence[Any]) -> dict[str, Any]:
    """Steps and samples of packed sequences, whose rows are the steps of all of them in one."""
    if not (isinstance(args[1], Tensor) and args[1].ndim == 1):
        return {}
    hidden = first_tensor(args[2])
    return {} if hidden is None else {"packed": (args[1].shape[0], hidden.shape[-2])}


def _batch_norm(name: str, args: Sequence[Any]) -> dict[str, Any]:
    by_batch = args[5] if len(args) > 5 else False
    return {
        "affine": args[1] is not None,
        "track_running_stats": len(args) > 3 and args[3] is not None and by_batch is not True,
    }


def _affine(index: int) -> Callable[[str, Sequence[Any]], dict[str, Any]]:
    return lambda name, args: {"affine": len(args) > index and args[index] is not None}


def _upsample(name: str, args: Sequence[Any]) -> dict[str, Any]:
    mode = "nearest" if "nearest" in name else "bicubic" if "cubic" in name else "bilinear"
    return {"mode": mode + ("-exact" if "exact" in name else "-antialias" if name.endswith("_aa") else "")}


_OF_OP: dict[str, Callable[[str, Sequence[Any]], dict[str, Any]]] = {
    "matmul": _matmul,
    "linear": _linear,
    **dict.fromkeys(("lstm", "gru", "rnn"), _recurrent),
    "batch_norm": _batch_norm,
    "layer_norm": _affine(2),
    "group_norm": _affine(2),
    "instance_norm": _affine(1),
    "upsample": _upsample,
    "adaptive_avg_pool": lambda name, args: {"axes": int(name[-2])},
}
ASKED = frozenset({"batch_norm", "layer_norm", "group_norm", "instance_norm", "upsample", "adaptive_avg_pool", "grid_sampler"})
"""Operations without multiply-adds that some counter counts: their rows have facts too."""


def note_composite(rows: list[Row], before: int, path: str, cls: str, name: str, args: Sequence[Any], out: Any) -> None:
    """Notes on the rows from `before` on that they were made inside the composite operator `name`.

    Of an einsum the first has its equation and operands; one that only moves its elements has a row for them, without a cost.
    """
    if name != "aten::einsum":
        facts: dict[str, Any] = {"within": name.removeprefix("aten::")}
    else:
        shapes = tuple(tuple(x.shape) for x in args[1])
        facts = {"within": "einsum", "equation": str(args[0]), "operands": shapes}
        if before == len(rows):
            rows.append(_costless(f"{path}.einsum".lstrip("."), "einsum", cls, {}, shapes, _shape(out)))
    for i in range(before, len(rows)):
        rows[i] = rows[i]._replace(facts={**rows[i].facts, **facts})
        facts = {"within": facts["within"]}


def _costless(path: str, op: str, cls: str, facts: Facts, inputs: tuple[Shape, ...], output: Shape) -> Row:
    return Row(path, op, "reshape", cls, facts, inputs, output, 0, 0, 0, 0, 0, 0, 0, False)


def _shape(out: Any) -> Shape:
    first = first_tensor(out)
    return tuple(first.shape) if first is not None else ()


# Modules


class _Sort(NamedTuple):
    """What is known of a class of modules."""

    stock: bool
    """It runs the forward of a class of torch.nn."""
    torchs: bool
    """It is one of them."""
    renamed: bool
    """Somebody's own class that has the name of one of torch's."""
    plain: bool
    """Its layer says all that is asked of it but for its parameters."""
    attention: bool


_SORTS: dict[type[nn.Module], _Sort] = {}


def _sort_of(cls: type[nn.Module]) -> _Sort:
    torchs = _is_torchs(cls)
    plain = not issubclass(cls, nn.Softmax | nn.modules.conv._ConvNd)
    attention = issubclass(cls, nn.MultiheadAttention)
    found = _Sort(leaf_class(cls) is not None, torchs, not torchs and cls.__name__ in _TORCHS, plain, attention)
    if torchs:
        _SORTS[cls] = found  # a user's own classes are not kept alive
    return found


@cached
def says_all(cls: type[nn.Module]) -> bool:
    """Whether the row of a stock layer of torch's says all of its call where it is the first to read its parameters.

    A padding by its name is to be noted besides.
    """
    return _is_torchs(cls) and not issubclass(cls, nn.Softmax)


class Builder(Protocol):
    """What makes the rows."""

    rows: list[Row]
    paths: dict[int, str]
    shared_paths: dict[int, tuple[str, ...]]


class ModuleCalls:
    """What the rows of a module's call lack, noted when it returns; one for every trace."""

    def __init__(self, root: nn.Module, builder: Builder) -> None:
        self.paths, self.shared_paths, self.rows = builder.paths, builder.shared_paths, builder.rows
        self.places = _places(root) if self.shared_paths else {}

    def returned(self, module: nn.Module, before: int, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> None:
        """A call of `module` is over; its rows are those from `before` on."""
        rows, cls = self.rows, type(module)
        sort = _SORTS.get(cls) or _sort_of(cls)
        if id(module) not in self.paths:  # no counter that goes by modules has met it
            for i in range(before, len(rows)):
                self.note(i, {"unregistered": True})
            return
        if sort.renamed:
            _rename(rows, before, cls)
        if module._modules:
            if sort.attention and len(rows) > before and _is_masked(args, kwargs):
                self.note(before, {"masked": True})
            return
        at = self.row_of(module, before) if sort.stock else None
        parameters = module._parameters
        if at is None:
            if parameters and any(sizes := _sizes(module)):
                self.note_own_forward(module, before, sizes, out)
            return
        if not parameters and not self.places and sort.plain:
            return
        row = rows[at]
        facts: dict[str, Any] = {}
        if parameters:
            sizes = _sizes(module)
            if sizes != (row.params, 0) or not sort.torchs:
                facts["parameters"] = sizes
                if (shape := _returned(out)) != row.output:
                    facts["returns"] = shape
            if row.macs and isinstance(out, Tensor) and out.is_complex():
                facts["complex"] = True
        if not sort.plain:
            facts |= self.settings(module, row)
        if self.places and id(module) in self.places:
            facts["places"] = self.places[id(module)]
        if not sort.torchs and not sort.renamed:
            rows[at] = row._replace(module=cls.__name__)
        self.note(at, facts)

    def settings(self, module: nn.Module, row: Row) -> dict[str, Any]:
        """What a layer does not say of its module: the axis of a softmax, a padding given by name."""
        own = module.__dict__
        if row.op == "softmax":
            return {"dim": own["dim"]} if own.get("dim", 1) not in (1, None) else {}
        by_name = isinstance(own.get("padding"), str) and own.get("padding_mode") == "zeros"
        return {"padding": own["padding"]} if by_name else {}

    def row_of(self, module: nn.Module, before: int) -> int | None:
        """The one row of a stock module's call, None where its forward was replaced; what hooks run has rows beside it."""
        if "forward" in module.__dict__:
            return None
        if len(self.rows) == before + 1:
            return before
        places = self.shared_paths.get(id(module)) or (self.paths.get(id(module)),)
        return next((i for i in range(len(self.rows) - 1, before - 1, -1) if self.rows[i].path in places), None)

    def note(self, index: int, facts: Mapping[str, Any]) -> None:
        if facts:
            row = self.rows[index]
            self.rows[index] = row._replace(facts={**row.facts, **facts})

    def note_own_forward(self, module: nn.Module, before: int, sizes: tuple[int, int], out: Any) -> None:
        """The parameters of a module with a forward of its own and no modules below, on the last of its rows."""
        facts = {"parameters": sizes, "returns": _returned(out)}
        if len(self.rows) == before:  # it hands a parameter on
            path = self.paths.get(id(module), type(module).__name__.lower())
            self.rows.append(_costless(path, "parameter", type(module).__name__, facts, (), facts["returns"]))
        else:
            self.note(len(self.rows) - 1, facts)


def _returned(out: Any) -> Shape:
    """The shape that torchinfo takes for that of an output: of several the first, of those with names the last."""
    return _shape(list(out.values())[-1] if isinstance(out, dict) and out else out)


def _sizes(module: nn.Module) -> tuple[int, int]:
    """Elements of a module's own parameters: of those called weight and bias, and of others with that in their names."""
    plain = other = 0
    for name, p in module._parameters.items():
        if p is None or isinstance(p, nn.UninitializedParameter):
            continue
        mask = module._buffers.get(f"{name[:-5]}_mask") if name.endswith("_orig") else None
        if mask is not None:  # pruned
            if name in ("weight_orig", "bias_orig"):
                plain += _ones(mask)
            elif "weight" in name or "bias" in name:
                other += _ones(mask)
        elif name == "weight" or name == "bias":
            plain += p.numel()
        elif "weight" in name or "bias" in name:
            other += p.numel()
    return plain, other


def _ones(mask: Tensor) -> int:
    """Elements that a mask keeps; all of them where it has no values."""
    if mask.is_meta:
        return mask.numel()
    guard = torch._C._DisableTorchDispatch()
    kept = int(mask.sum())
    del guard
    return kept


def _is_masked(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a call of MultiheadAttention is given a mask: (query, key, value, padding mask, need weights, mask, …)."""
    return any(each is not None for each in (*args[3:4], *args[5:6], kwargs.get("key_padding_mask"), kwargs.get("attn_mask")))


_TORCHS = frozenset(name for name, value in vars(nn).items() if isinstance(value, type) and issubclass(value, nn.Module))


def _is_torchs(cls: type[nn.Module]) -> bool:
    return cls.__module__.startswith(("torch.nn.modules.", "profiler.module."))


def _rename(rows: list[Row], before: int, cls: type[nn.Module]) -> None:
    """Somebody's own class that has the name of one of torch's: its rows say whose it is."""
    for i in range(before, len(rows)):
        if rows[i].module == cls.__name__:
            rows[i] = rows[i]._replace(module=f"{cls.__module__}.{cls.__qualname__}")


def _places(root: nn.Module) -> dict[int, int]:
    """How many ways lead from the root to each module that stands in more than one place."""
    ways: dict[int, int] = {id(root): 1}
    order: list[nn.Module] = []
    seen: set[int] = set()

    def visit(module: nn.Module) -> None:
        seen.add(id(module))
        for child in module.children():
            if id(child) not in seen:
                visit(child)
        order.append(module)

    visit(root)
    for module in reversed(order):  # those above before those below
        for child in module.children():
            ways[id(child)] = ways.get(id(child), 0) + ways[id(module)]
    return {key: n for key, n in ways.items() if n > 1}
