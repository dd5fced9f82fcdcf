"""A deep copy of a module or of arguments in which every tensor is replaced, whatever holds it.

`copy.deepcopy` walks the objects; while it does, the tensors of this thread are copied by `change` and not by torch, which
refuses those with a history and those that are not initialised.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.jit._script import RecursiveScriptModule
from torch.nn.utils.rnn import PackedSequence

from profiler.errors import ProfilerError
from profiler.module.copiers import COPIERS, SPENT, THREAD, Change, innermost, of_packed, of_script, of_tensor
from profiler.module.trees import tensors

T = TypeVar("T")
_LOCK = threading.RLock()


def copied(value: T, change: Change, *, keep: Iterable[object] = (), memo: dict[Any, Any] | None = None) -> T:
    """A deep copy of `value` with `change(tensor)` in place of every tensor, the same for the same tensor.

    Parameters stay parameters, lazy ones lazy, and ask for gradients as before; a tensor with a history has none in the copy;
    views that lie within a tensor copied before them stay its views. Objects of `keep` are not copied. With the same `memo`,
    two copies hold the same objects where their originals did. Raises ProfilerError for what cannot be copied, with its class,
    and what `change` raises.
    """
    memo = {} if memo is None else memo
    memo |= {id(each): each for each in keep}
    memo.setdefault("kept alive", []).append((value, *keep))  # an id is given again once its object is gone
    try:
        with _replaced(change), torch.inference_mode(False), torch.no_grad():
            return copy.deepcopy(value, memo)
    except Exception as fault:
        if isinstance(fault, ProfilerError) or fault is getattr(THREAD, "fault", None):
            raise
        raise _uncopied(value, fault) from None
    finally:
        THREAD.fault = None


def held_tensors(value: object) -> list[Tensor]:
    """Every tensor that a copy of a value would change, once, whatever holds it; what cannot be copied is passed over."""
    found: list[Tensor] = []

    def take(t: Tensor) -> Tensor:
        found.append(t)
        return t

    try:
        with _replaced(take, taking=True):
            copy.deepcopy(value, {})
    except Exception:
        for t in tensors(value):
            if not any(t is each for each in found):
                found.append(t)
    return found


@contextmanager
def _replaced(change: Change, taking: bool = False) -> Iterator[None]:
    """deepcopy asks `of_tensor` and its like, in this thread; other threads copy as ever.

    With `taking`, `change` is only shown the tensors.
    """
    before = getattr(THREAD, "change", None), getattr(THREAD, "taking", False)
    _install()
    try:
        THREAD.change, THREAD.taking = change if taking else _noting_faults(change), taking
        yield
    finally:
        THREAD.change, THREAD.taking = before
        _uninstall()


def _noting_faults(change: Change) -> Change:
    """Keeps what `change` raises, which is no fault of what is copied."""

    def noting(t: Tensor) -> Tensor:
        try:
            return change(t)
        except Exception as fault:
            THREAD.fault = fault
            raise

    return noting


_users = 0
_methods: list[tuple[type, Any]] = []
_dispatched: dict[Any, Any] = {}


def _install() -> None:
    global _users
    with _LOCK:
        _users += 1
        if _users > 1:
            return
        ours: dict[type, Any] = {PackedSequence: of_packed, RecursiveScriptModule: of_script}
        for cls in (*_defining(Tensor), *ours):
            own = vars(cls).get("__deepcopy__")
            _methods.append((cls, own))
            setattr(cls, "__deepcopy__", _method(own, ours.get(cls, of_tensor)))  # noqa: B010
        table = _dispatch()
        for cls, copier in COPIERS.items():
            _dispatched[cls] = table.get(cls)
            table[cls] = _copier(cls, copier)


def _uninstall() -> None:
    global _users
    with _LOCK:
        _users -= 1
        if _users:
            return
        for cls, own in _methods:
            if own is None:
                delattr(cls, "__deepcopy__")
            else:
                setattr(cls, "__deepcopy__", own)  # noqa: B010
        _methods.clear()
        table = _dispatch()
        for cls, own in _dispatched.items():
            if own is None:
                table.pop(cls, None)
            else:
                table[cls] = own
        _dispatched.clear()


def _dispatch() -> dict[Any, Any]:
    """deepcopy's own table of how classes are copied, which it asks before anything else."""
    return vars(copy)["_deepcopy_dispatch"]  # type: ignore[no-any-return]


def _defining(cls: type) -> list[type]:
    """A class and those below it that say themselves how they are copied."""
    found = [cls] if "__deepcopy__" in vars(cls) else []
    below: type
    for below in type.__subclasses__(cls):
        found += [each for each in _defining(below) if each not in found]
    return found


def _method(own: Any, ours: Any) -> Any:
    def __deepcopy__(self: Any, memo: dict[Any, Any]) -> Any:  # noqa: N807  # a hook that deepcopy calls as a method
        if getattr(THREAD, "change", None) is not None:
            if id(self) not in memo:
                memo[id(self)] = ours(self, memo) if ours is not of_script else ours(self, memo, own)
            return memo[id(self)]
        if own is not None:
            return own(self, memo)
        return type(self)(*copy.deepcopy(tuple(self), memo))  # a PackedSequence, as deepcopy makes any tuple of its kind

    return __deepcopy__


def _copier(cls: type, ours: Any) -> Any:
    own = _dispatched[cls]

    def of(value: Any, memo: dict[Any, Any]) -> Any:
        if getattr(THREAD, "change", None) is not None:
            return ours(value, memo)
        if own is not None:
            return own(value, memo)
        raise TypeError(f"cannot pickle '{cls.__name__}' object")  # as deepcopy says of them

    return of


def _uncopied(value: object, fault: BaseException) -> ProfilerError:
    found = innermost(fault, value)
    holder = f"{type(value).__name__} holds" if isinstance(value, nn.Module) else "arguments hold"
    for cls, words in SPENT.items():
        if isinstance(found, cls):
            return ProfilerError(f"{holder} {words}")
    text = " ".join(str(fault).split())[:200]
    return ProfilerError(
        f"{holder} an object of class {type(found).__name__}, which cannot be copied ({type(fault).__name__}: {text}); "
        "leave it out, or give its class a __deepcopy__"
    )
