"""The attributes of shared modules and classes (torch's, builtins …) as they were: compared, and put back where patched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

Again = list[tuple[Any, str, Any]]
"""(owner, name, value): what to set for the change to be there again; `_GONE` is no value."""
_GONE: Any = object()
_PYTHON = ("builtins", "copy", "random", "time")
_IGNORED = frozenset({"_", "__warningregistry__"})


class Attributes:
    """What the shared modules and classes hold at one moment."""

    def __init__(self) -> None:
        self.owners, self.classes, self.members, self.own = _with_torch(hasattr(sys.modules.get("torch"), "nn"))
        self.seen = self._now()
        self.known: list[dict[str, Any]]
        self.forwards: list[Any]
        if _LAST and _identical(_LAST[0].seen, self.seen):
            self.known, self.forwards = _LAST[0].known, _LAST[0].forwards
        else:  # a copy of torch's attributes costs more than a trace may, so it is made where something is new
            self.known = [dict(members) for members in self.members]
            self.forwards = [own.get("forward", _GONE) for own in self.own]
            _LAST[:] = [self]

    def _now(self) -> list[Any]:
        """All values, and the forwards that torch's layers define.

        Their dicts are asked: to look an attribute up would have Python note each class, and note it again at every change of
        nn.Module, which a trace makes.
        """
        return [*[(*members.values(),) for members in self.members], [own.get("forward") for own in self.own]]

    def put_back(self, stays: Callable[[Any], bool] = lambda _: False) -> tuple[list[str], Again]:
        """Puts back what changed but for new values that `stays` names; the names of it, and how it is changed again."""
        names: list[str] = []
        again: Again = []
        if _identical(self._now(), self.seen):
            return names, again
        for owner, before in zip(self.owners, self.known, strict=True):
            now = dict(vars(owner))
            for name in {**before, **now}:
                old, new = before.get(name, _GONE), now.get(name, _GONE)
                if old is not new and name not in _IGNORED and not (old is _GONE and _is_added_by_import(owner, new)):
                    _put(owner, name, old, stays, names, again)
        for cls, old in zip(self.classes, self.forwards, strict=True):
            _put(cls, "forward", old, stays, names, again)
        return names, again


_LAST: list[Attributes] = []
"""What was seen last."""


def set_again(again: Again) -> None:
    """Makes the changes of `again` once more."""
    for owner, name, value in again:
        _set(owner, name, value)


def _identical(a: list[Any], b: list[Any]) -> bool:
    try:
        return a == b  # identical members are not compared further
    except Exception:
        return False


@lru_cache(maxsize=2)
def _with_torch(loaded: bool) -> tuple[list[Any], list[type], list[Any], list[Any]]:
    """Owners of attributes and torch's layers, each with their dicts."""
    python: list[Any] = [sys.modules[name] for name in _PYTHON if name in sys.modules]
    if not loaded:
        return python, [], [vars(owner) for owner in python], []
    import torch
    from torch import nn

    layers = {each for each in vars(nn).values() if isinstance(each, type) and issubclass(each, nn.Module)} - {nn.Module}
    ours = (torch, torch.Tensor, nn, nn.functional, nn.init, nn.Module)
    owners, classes = [*python, *ours], sorted(layers, key=lambda cls: cls.__name__)
    return owners, classes, [vars(owner) for owner in owners], [vars(cls) for cls in classes]


def _put(owner: Any, name: str, old: Any, stays: Callable[[Any], bool], names: list[str], again: Again) -> None:
    new = vars(owner).get(name, _GONE)
    if new is old or stays(new):
        return
    _set(owner, name, old)
    again.append((owner, name, new))
    place = owner.__name__ if isinstance(owner, ModuleType) else f"{owner.__module__}.{owner.__name__}"
    names.append(f"{_SHORT.get(place, place)}.{name}")


_SHORT = {"torch.nn.modules.module.Module": "torch.nn.Module", "torch._tensor.Tensor": "torch.Tensor"}


def _set(owner: Any, name: str, value: Any) -> None:
    if value is not _GONE:
        setattr(owner, name, value)
    elif name in vars(owner):
        delattr(owner, name)


def _is_added_by_import(owner: Any, value: Any) -> bool:
    """A module that was imported, or what torch adds to its top when a part of it is first used."""
    if isinstance(value, ModuleType):
        return True
    return owner is sys.modules.get("torch") and str(getattr(value, "__module__", "")).partition(".")[0] == "torch"
