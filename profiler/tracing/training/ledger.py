"""Bytes of tensors by their storages: what stands at once while operators run, and what a module or arguments hold."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from profiler.module.trees import tensors


class Ledger:
    """Bytes that are alive, storage by storage, in the order of the operators."""

    def __init__(self) -> None:
        self.live: dict[int, int] = {}
        self.now = self.peak = 0
        self.at = ("", "", "forward")
        self.line: list[tuple[str, str, str, int]] = []
        """path, operator, phase and bytes alive after it."""
        self.refs: dict[int, Any] = {}
        self.known: dict[int, Any] = {}
        self.born: dict[int, int] = {}
        """Of a storage, the operator that made it, by its place in the line."""

    def without(self, given: Iterable[Tensor]) -> int:
        """The most bytes that stood at once without these tensors, which still stand: gradients of parameters, say."""
        made: dict[int, int] = {}
        for key in {t.untyped_storage()._cdata for each in given for t in dense(each)}:
            if key in self.live:
                made[self.born[key]] = made.get(self.born[key], 0) + self.live[key]
        most = gone = 0
        for i, (*_, now) in enumerate(self.line):
            gone += made.get(i, 0)
            most = max(most, now - gone)
        return most

    def exclude(self, given: Iterable[Tensor]) -> None:
        """Storages that are not activations."""
        for each in given:
            for t in dense(each):
                storage = t.untyped_storage()
                self.known[storage._cdata] = storage  # which lives on, so that its place is not given again

    def hold(self, given: Iterable[Tensor]) -> None:
        """What stands before anything ran, and may go: a weight that is computed anew, an activation of a step before."""
        for each in given:
            for t in dense(each):
                self._note(t)
        self.peak = self.now

    def record(self, path: str, op: str, phase: str, out: Any) -> None:
        for each in tensors(out):
            for t in dense(each):
                self._note(t)
        if self.now > self.peak:
            self.peak, self.at = self.now, (path, op, phase)
        self.line.append((path, op, phase, self.now))

    def _note(self, t: Tensor) -> None:
        storage = t.untyped_storage()
        key = storage._cdata
        if key in self.live or key in self.known:
            return
        n = storage.nbytes()
        self.live[key] = n
        self.born[key] = len(self.line)
        self.now += n
        self.refs[key] = weakref.ref(storage, self._freed(key))

    def _freed(self, key: int) -> Callable[[Any], None]:
        def freed(_: Any) -> None:
            self.now -= self.live.pop(key, 0)
            self.refs.pop(key, None)

        return freed


def dense(t: Tensor) -> Iterator[Tensor]:
    """The tensors that hold what one is made of: itself, those that it wraps, its indices and values; none of a lazy one."""
    if nn.parameter.is_lazy(t):
        return
    if is_traceable_wrapper_subclass(t):
        for name in t.__tensor_flatten__()[0]:
            yield from dense(getattr(t, name))
    elif t.layout is torch.sparse_coo:
        yield from (t._indices(), t._values())
    elif t.layout in (torch.sparse_csr, torch.sparse_bsr):
        yield from (t.crow_indices(), t.col_indices(), t.values())
    elif t.layout in (torch.sparse_csc, torch.sparse_bsc):
        yield from (t.ccol_indices(), t.row_indices(), t.values())
    elif torch._C._has_storage(t):
        yield t


class _Extent(NamedTuple):
    """Where a tensor lies in its storage, and the bytes of its own elements; an expanded axis has one."""

    begin: int
    end: int
    own: int


class Held:
    """Bytes by dtype of one group of tensors after another; a storage that one has counted is in none after it.

    Of a storage the part counts that lies under the tensors, once: a slice of a larger one has its own elements.
    """

    def __init__(self) -> None:
        self.counted: set[int] = set()
        self.storages: list[Any] = []

    def bytes(self, given: Iterable[Tensor]) -> dict[str, int]:
        extents: dict[int, set[_Extent]] = {}
        dtypes: dict[int, str] = {}
        sizes: dict[int, int] = {}
        found: dict[str, int] = {}
        for each in given:
            if not nn.parameter.is_lazy(each) and not any(True for _ in dense(each)):  # in a layout of some backend's own
                name = _dtype(each)
                found[name] = found.get(name, 0) + each.numel() * each.element_size()
            for t in dense(each):
                storage = t.untyped_storage()
                key = storage._cdata
                if key in self.counted:
                    continue
                self.storages.append(storage)
                extents.setdefault(key, set()).add(_extent(t))
                dtypes.setdefault(key, _dtype(t))
                sizes[key] = storage.nbytes()
        for key, parts in extents.items():
            n = min(sizes[key], _union(parts), sum(part.own for part in parts))
            if n:
                found[dtypes[key]] = found.get(dtypes[key], 0) + n
        self.counted |= extents.keys()
        return found


def _extent(t: Tensor) -> _Extent:
    item = t.element_size()
    if not t.numel():
        return _Extent(0, 0, 0)
    sizes = [(size, stride) for size, stride in zip(t.shape, t.stride(), strict=True) if stride]
    own = span = 1
    for size, stride in sizes:
        own *= size
        span += (size - 1) * stride
    begin = int(t.storage_offset()) * item
    return _Extent(begin, begin + span * item, own * item)


def _union(parts: Iterable[_Extent]) -> int:
    total = last = 0
    for begin, end, _ in sorted(parts):
        total += max(0, end - max(begin, last))
        last = max(last, end)
    return total


def _dtype(t: Tensor) -> str:
    return str(t.dtype).removeprefix("torch.")
