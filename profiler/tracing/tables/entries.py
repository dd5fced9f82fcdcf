"""How each operator is handled, found once: by a formula, by its elements, for free, opened, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from profiler.count.products import Work
from profiler.tracing.tables.gradients import GRADIENTS, gradient_work, is_elementwise_gradient, is_outer_product
from profiler.tracing.tables.names import ELEMENTWISE, FREE, is_free, is_pointwise, row_name
from profiler.tracing.tables.operators import PRODUCTS
from profiler.tracing.tables.registered import custom_operator, on_change, torch_formula
from profiler.tracing.tables.shapes import RULES
from profiler.tracing.tables.work import Formula

PRODUCT, ELEMENT, FREE_OF_COST, OPENED, UNKNOWN = range(5)
"""What becomes of an operator."""
_ASKING = (
    *("_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "argwhere", "masked_select"),
    *("unique", "_unique2", "unique_consecutive", "unique_dim", "allclose", "nonzero_numpy", "bincount", "histc"),
)
DEPENDENT = frozenset(f"aten::{name}" for name in _ASKING) | {"higher_order::cond", "higher_order::while_loop"}
"""Operators whose answer, or its shape, depends on values."""


_OFFSETS = ("_flash_attention_forward", "_efficient_attention_forward", "_cudnn_attention_forward")
LENGTHS_GIVEN = frozenset(f"aten::{name}" for name in _OFFSETS) | {"torch_attn::_varlen_attn", "torch_attn::_varlen_attn_out"}
"""Operators whose cost depends on the values of offsets that they are given."""
_ONE_TYPE = (
    *("linear", "mm", "bmm", "matmul", "mv", "dot", "addmm", "baddbmm", "addmv", "addbmm", "scaled_dot_product_attention"),
    *("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolution", "bilinear"),
)
ONE_TYPE = frozenset(f"aten::{name}" for name in _ONE_TYPE)
"""Products whose factors torch wants of one type, which it does not look at on the meta device."""


class Entry(NamedTuple):
    """How one operator is handled, found once."""

    sort: int
    name: str
    op: str
    kind: str
    formula: Formula | None
    rule: Callable[..., Any] | None
    inplace: bool
    """Writes its first argument and gives it back."""
    mutable: bool


def parts_of(func: Any) -> Callable[..., Any] | None:
    """What runs the parts of an operator of control: its branch, its body; None where it has no such kernel."""
    if func.name() == "cond":
        return _cond
    if func.name() == "scan":
        return _scan
    found: Callable[..., Any] | None = func.py_kernels.get(torch._C.DispatchKey.CompositeExplicitAutograd)
    return found


def _cond(asked: Any, if_true: Callable[..., Any], if_false: Callable[..., Any], operands: Any) -> Any:
    return if_true(*operands) if asked else if_false(*operands)


def _scan(body: Callable[..., Any], init: Any, xs: Any, *more: Any, **named: Any) -> Any:
    """torch's scan: the last carry, then the outputs of all steps stacked along a first axis.

    `more` ends in the body's further inputs; torch 2.6 names them, and gives an axis and whether to run backwards before them.
    torch's own loop runs the body once more in some versions, to learn the shapes of its outputs.
    """
    axis, backwards = more[:2] if len(more) > 1 else (0, False)
    further = named.get("additional_inputs", more[-1] if more and not named else ())
    carry, steps = list(init), []
    slices = list(zip(*(x.unbind(axis) for x in xs), strict=True))
    for row in reversed(slices) if backwards else slices:
        found = list(body(*carry, *row, *further))
        carry = found[: len(carry)]
        steps.append(found[len(carry) :])
    in_order = reversed(steps) if backwards else steps
    stacked = (None if each[0] is None else torch.stack(each) for each in zip(*in_order, strict=True))
    return (*carry, *stacked)


_ENTRIES: dict[Any, Entry] = {}


def entry(func: Any) -> Entry:
    """How `func`, an operator of any library, is handled."""
    found = _ENTRIES.get(func)
    if found is None:
        found, lasts = _entry(func), True
        if found.sort == UNKNOWN:
            theirs = torch_formula(func)
            lasts = False  # torch may be told of a formula, or another one, at any time
            if theirs is not None:
                found = found._replace(sort=PRODUCT, kind="matmul", formula=theirs)
        if lasts:
            _ENTRIES[func] = found
    return found


def _entry(func: Any) -> Entry:
    if isinstance(func, torch._ops.HigherOrderOperator):
        plain = str(func.name())
        name = f"higher_order::{plain}"
        if name in PRODUCTS:
            return Entry(PRODUCT, name, *PRODUCTS[name], RULES[name], False, False)
        sort = FREE_OF_COST if name in FREE else UNKNOWN
        return Entry(sort, name, plain, "elementwise", None, None, False, False)
    schema = func._schema
    name = schema.name
    mutable = schema.is_mutable
    inplace = mutable and name.endswith("_") and not name.endswith("__")
    known = name if name in PRODUCTS or name in ELEMENTWISE or name in FREE else name.rstrip("_") if inplace else name
    plain = known.partition("::")[2]
    rule = RULES.get(name)
    made = custom_operator(name) or custom_operator(f"{name}.{schema.overload_name}") or custom_operator(known)
    if made is not None:
        return Entry(PRODUCT, name, plain, made.kind, made.formula, rule, False, mutable)
    if known in PRODUCTS:
        op, kind, formula = PRODUCTS[known]
        return Entry(PRODUCT, name, op, kind, formula, rule, inplace, mutable)
    if name in GRADIENTS:
        return Entry(PRODUCT, name, plain, "matmul", GRADIENTS[name], None, False, mutable)
    if is_free(known):
        return Entry(FREE_OF_COST, name, row_name(plain), "reshape", None, rule, False, mutable)
    if known in ELEMENTWISE or is_pointwise(func, plain) or is_elementwise_gradient(name):
        return Entry(ELEMENT, name, row_name(plain), ELEMENTWISE.get(known, "elementwise"), None, rule, inplace, mutable)
    if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
        return Entry(OPENED, name, row_name(plain), "elementwise", None, None, inplace, mutable)
    return Entry(UNKNOWN, name, row_name(plain), "elementwise", None, rule, inplace, mutable)


def for_node(found: Entry, args: Any) -> Entry:
    """An operator as it counts where autograd runs it for one of its nodes: by the gradients that the node needs."""
    node = torch._C._current_autograd_node()
    product = found.sort == PRODUCT
    if node is None or not (product or (found.sort == ELEMENT and is_outer_product(node, found.name, args))):
        return found
    own, name = found.formula if product else None, found.name

    def formula(out: Any, *args: Any, **kwargs: Any) -> Work:
        return gradient_work(node, own, name, out, args, kwargs) or Work()

    return found._replace(sort=PRODUCT, formula=formula, kind=found.kind if product else "matmul")


on_change(_ENTRIES.clear)
