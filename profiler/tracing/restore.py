"""A module, the generators and torch as they were before a trace: kept, compared, put back where something changed."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from profiler.errors import ProfilerError
from profiler.module.exclusive import exclusive
from profiler.module.process_state import ProcessState

_BUILT_IN = frozenset({list, dict, set, OrderedDict})

Places = list[tuple[str, nn.Module]]
"""Every module once, by identity, with the first path that leads to it."""


def places(root: nn.Module) -> Places:
    """As `named_modules`, which takes five times as long. Raises ProfilerError for a child that is not a module."""
    found: Places = []
    seen: set[int] = set()
    waiting: list[tuple[str, nn.Module]] = [("", root)]
    while waiting:  # a stack and no recursion: Python's has an end
        path, module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        found.append((path, module))
        children = module.__dict__.get("_modules")
        if children is None:
            children = _script_modules(path, module)
        if children:
            prefix = f"{path}." if path else ""
            try:
                waiting += [
                    (prefix + name, child)
                    for name, child in reversed(children.items())
                    if child is not None and (isinstance(child, nn.Module) or _refuse(path, module, name, child))
                ]
            except TypeError:
                raise _misnamed(path, module, children) from None
    return found


def _script_modules(path: str, module: nn.Module) -> Any:
    """The children of a module that keeps them elsewhere, as TorchScript does."""
    if isinstance(module, torch.jit.ScriptModule):
        return dict(module.named_children())
    raise ProfilerError(f"{_where(path, module)} is not initialised; call super().__init__() first in its __init__")


def _refuse(path: str, module: nn.Module, name: object, child: object) -> bool:
    raise ProfilerError(
        f"{_where(path, module)} holds {type(child).__name__} {child!r:.40} as its child {name!r:.40}; "
        "only a torch.nn.Module can be one"
    )


def _misnamed(path: str, module: nn.Module, children: Any) -> ProfilerError:
    name = next((name for name in children if not isinstance(name, str)), None)
    return ProfilerError(f"{_where(path, module)} has a child called {name!r:.40}, which is not a string; give it a name")


def _where(path: str, module: nn.Module) -> str:
    return f"{path}, a {type(module).__name__}," if path else type(module).__name__


class SavedState:
    """What a trace must not change: attributes of every module, and their own lists and dicts a level deep."""

    def __init__(self, modules: Places) -> None:
        self.modules = [(path, m.__dict__, m.__dict__.copy()) for path, m in modules]
        owned: list[Tensor | None] = []
        held = [value for _, attributes, _ in self.modules for value in attributes.values() if type(value) in _BUILT_IN]
        self.inner = [(value, value.copy()) for value in held if value]
        self.empty = [value for value in held if not value]
        for _, m in modules:
            owned += m._parameters.values()
            owned += m._buffers.values()
        self.tensors = [t for t in owned if t is not None]
        try:
            self.versions = [t._version for t in self.tensors]
        except (RuntimeError, ValueError):  # lazy ones, and those of inference mode, count no versions
            self.tensors = [t for t in self.tensors if not nn.parameter.is_lazy(t) and not t.is_inference()]
            self.versions = [t._version for t in self.tensors]
        self.every = [m for _, m in modules]
        self.trained = [m for m in self.every if _is_training(m)]
        self.classes = [type(m) for m in self.every]

    def set_training(self, training: bool) -> None:
        """Every module in training or evaluation mode, without calling its own `train`."""
        for m in self.every:
            if "training" in m.__dict__:
                m.__dict__["training"] = training
            elif isinstance(m, torch.jit.ScriptModule) and hasattr(m, "training"):  # it keeps it elsewhere; a frozen one not
                m.training = training

    def restore(self) -> list[str]:
        """Restores what changed, and says what that was."""
        found = []
        self.set_training(False)
        for m in self.trained:
            if isinstance(m, torch.jit.ScriptModule):
                m.training = True
            else:
                m.__dict__["training"] = True
        for m, cls, (path, own, _) in zip(self.every, self.classes, self.modules, strict=True):
            if type(m) is not cls:
                found.append(f"{path or 'the module'}: its class")
                object.__setattr__(m, "__class__", cls)
            if m.__dict__ is not own:
                found.append(f"{path or 'the module'}: its attributes")
                object.__setattr__(m, "__dict__", own)
        for path, now, before in self.modules:
            if not _same(now, before):
                changed = [key for key in {**now, **before} if now.get(key, self) is not before.get(key, self)]
                names = sorted(map(str, changed))
                found.append(f"{path or 'the module'}: {', '.join(names)}")
                now.clear()
                now.update(before)
        for value, before in self.inner:
            if not _same(value, before):
                found.append(self._name(value))
                value.clear()
                value.extend(before) if isinstance(value, list) else value.update(before)
        if any(self.empty):
            for value in filter(None, self.empty):
                found.append(self._name(value))
                value.clear()
        if [t._version for t in self.tensors] != self.versions:
            found += self._versions()
        return found

    def _name(self, value: Any) -> str:
        """Whose list or dict it is."""
        for path, _, before in self.modules:
            for name, own in before.items():
                if own is value:
                    return f"{path or 'the module'}: {name}"
        return "a list"

    def _versions(self) -> list[str]:
        """The recorder writes no tensor that it did not make, but autograd counted the attempt."""
        found: list[str] = []
        names: dict[int, str] = {}
        for (path, _, _), m in zip(self.modules, self.every, strict=True):
            for table in (m._parameters, m._buffers):
                names |= {id(t): f"{path}.{name}".lstrip(".") for name, t in table.items() if t is not None}
        for t, version in zip(self.tensors, self.versions, strict=True):
            if t._version != version:
                found.append(f"{names.get(id(t), 'a tensor')}: its version")
                _set_version(t, version)
        return found


def _set_version(t: torch.Tensor, version: int) -> None:
    put: Any = torch._C._autograd._unsafe_set_version_counter
    try:
        put((t,), (version,))
    except TypeError:  # torch 2.6 takes one tensor
        put(t, version)


def _is_training(m: nn.Module) -> bool:
    if "training" in m.__dict__:
        return bool(m.__dict__["training"])
    return isinstance(m, torch.jit.ScriptModule) and bool(getattr(m, "training", False))  # a frozen one has none


def _same(value: Any, before: Any) -> bool:
    """Whether the members are the same; equal numbers and names pass for the same."""
    try:
        return bool(value == before)  # identical members are not compared further
    except Exception:  # two tensors, or arrays, that are not the same
        return False


@contextmanager
def gc_disabled() -> Iterator[None]:
    """Without the collector of cycles, whose rounds over a large heap take longer than what runs inside."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def preserved_state(modules: Places) -> Iterator[tuple[SavedState, list[str]]]:
    """In evaluation mode, with torch's fused paths off; afterwards the modules and the process are as before.

    The list says what had changed. One thread at a time.
    """
    harm: list[str] = []
    with exclusive():
        process = ProcessState()
        try:
            kept = SavedState(modules)
            try:
                fast = torch.backends.mha.get_fastpath_enabled()
                torch.backends.mha.set_fastpath_enabled(False)
                kept.set_training(False)
                yield kept, harm
            finally:
                torch.backends.mha.set_fastpath_enabled(fast)
                harm += kept.restore()
        finally:
            harm += process.put_back().names
