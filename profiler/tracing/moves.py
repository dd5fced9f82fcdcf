"""The bytes that operators move: what a row reads and writes, and the copies that were made for it.

A permutation that is laid out anew, a roll, a padding has no row of its own: its bytes are those of the row that takes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch._C._functorch import get_unwrapped, is_functorch_wrapped_tensor, peek_interpreter_stack

from profiler.count.moved import VIEWS, moved
from profiler.module.trees import tensors
from profiler.records.profile import Shape


def bytes_of(given: Iterable[Tensor]) -> int:
    """Bytes of tensors, each element once."""
    if peek_interpreter_stack() is not None:
        given = map(_unwrapped, given)
    return sum(t.numel() * t.element_size() for t in given)


def _unwrapped(t: Tensor) -> Tensor:
    """The tensor that a functional transform has wrapped, with the axes that it hides."""
    while is_functorch_wrapped_tensor(t):
        t = get_unwrapped(t)
    return t


def moved_by_row(op: str, kind: str, given: list[Tensor], out: Any, shape: Shape) -> int:
    """Bytes of what an operation takes and makes; of a table it reads the vectors that it looks up."""
    if op in VIEWS:
        return 0
    if kind == "embedding" and op.startswith("embedding"):
        made = tensors(out)
        indices = [t for t in given if not (t.is_floating_point() or t.is_complex())]
        size = made[0].element_size() if made else 1
        return moved(op, kind, 0, [], shape, size) + bytes_of(indices[:1])
    return bytes_of(given) + bytes_of(tensors(out))


class Copies:
    """Copies that no row has taken yet."""

    def __init__(self) -> None:
        self.waiting: dict[int, tuple[Any, int]] = {}
        """Of a copy's storage → itself, so that its address stays its own, and the bytes that were read and written for it."""

    def note(self, given: list[Tensor], out: Any) -> None:
        """An operation without a row of its own: a copy, unless its output lies in the memory of what it takes."""
        made = tensors(out)
        if not made or not given:
            return
        taken = {_storage(t) for t in given}
        for t in made:
            key = _storage(t)
            if key and key not in taken:
                self.waiting[key] = (t.untyped_storage(), self.taken(given) + 2 * t.numel() * t.element_size())

    def taken(self, given: Iterable[Tensor]) -> int:
        """Bytes of the copies among these tensors, which are those of the row that takes them."""
        return sum(self.waiting.pop(_storage(t), _NOTHING)[1] for t in given) if self.waiting else 0

    def rest(self) -> int:
        """Bytes of the copies that no row took."""
        left = sum(size for _, size in self.waiting.values())
        self.waiting.clear()
        return left


_NOTHING = (None, 0)


def _storage(t: Tensor) -> int:
    try:
        return int(t.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # of sparse and nested tensors
        return 0
