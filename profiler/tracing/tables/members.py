"""What a product costs of tensors that are not dense: of nested ones what their members cost, of sparse ones what they hold."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from profiler.count.products import Work
from profiler.module.trees import first_tensor, map_tensors, tensors
from profiler.tracing.tables.work import Formula


def work_of(formula: Formula, given: list[Tensor], out: Any, args: Any, kwargs: Any) -> Work | None:
    """What one call multiplies, by the formula for dense tensors; None where it is not known of sparse ones."""
    if formula is sampled_product:
        return sampled_product(out, *args, **kwargs)
    for t in given:
        if t.is_nested:
            return _of_members(formula, out, args, kwargs)
        if t.layout is not torch.strided:
            return _of_sparse([x for x in given if x.ndim in (1, 2)], out)
    return formula(out, *args, **kwargs)


def _of_members(formula: Formula, out: Any, args: Any, kwargs: Any) -> Work:
    members = {id(t): t.unbind() for t in tensors((out, list(args), kwargs)) if t.is_nested}
    total = Work()
    for i in range(max(len(parts) for parts in members.values())):

        def part(t: Tensor, i: int = i) -> Tensor:
            return members[id(t)][i] if id(t) in members else t

        work = formula(map_tensors(out, part), *map_tensors(list(args), part), **map_tensors(kwargs, part))
        total = Work(
            total.macs + work.macs, total.activations + work.activations, total.elementwise + work.elementwise,
            {**work.facts, **_summed(total.facts, work.facts)},
        )  # fmt: skip
    return total


def _summed(total: Any, more: Any) -> dict[str, int]:
    """Of the facts, those that are counts."""
    return {name: total.get(name, 0) + more[name] for name in ("useful_macs",) if name in more}


def _of_sparse(factors: list[Tensor], out: Any) -> Work | None:
    """Of a (n, k) and b (k, m), the last two factors: each element that the sparse one holds meets a row of the dense one."""
    first = first_tensor(out)
    if len(factors) < 2 or first is None:
        return None
    a, b = factors[-2:]
    if a.layout is torch.strided and b.layout is torch.strided:
        return None
    if a.layout is not torch.strided and b.layout is not torch.strided:
        if b.ndim == 1:
            return None
        rows = torch.bincount(_indices(b)[0], minlength=b.shape[0])
        macs = int(rows[_indices(a)[1]].sum())
    else:
        columns = b.shape[1] if b.ndim == 2 else 1
        macs = _held(a) * columns if a.layout is not torch.strided else _held(b) * (a.shape[0] if a.ndim == 2 else 1)
    factor = 4 if first.is_complex() else 1
    return Work(factor * macs, _held(first) if first.layout is not torch.strided else first.numel())


def sampled_product(out: Any, /, c: Tensor, a: Tensor, *_: Any, **named: Any) -> Work:  # noqa: ARG001  # as torch names them
    """a (n, k) · b (k, m) at the places that c holds alone."""
    places = _held(c)
    return Work((4 if out.is_complex() else 1) * places * a.shape[-1], places)


def _held(t: Tensor) -> int:
    """Elements that a sparse tensor holds."""
    return int((t._values() if t.layout is torch.sparse_coo else t.values()).numel())


def _indices(t: Tensor) -> Tensor:
    return (t if t.layout is torch.sparse_coo else t.to_sparse_coo())._indices()
