"""A module, the generators and torch as they were before a trace: kept, compared, put back where something changed."""

from __future__ import annotations

import gc
import random
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_BUILT_IN = frozenset({list, dict, set, OrderedDict})

Places = list[tuple[str, nn.Module]]
"""Every module once, by identity, with the first path that leads to it."""


def places(root: nn.Module) -> Places:
    """As `named_modules`, which takes five times as long."""
    found: Places = []
    seen: set[nn.Module] = set()

    def walk(path: str, module: nn.Module) -> None:
        seen.add(module)
        found.append((path, module))
        prefix = f"{path}." if path else ""
        for name, child in module._modules.items():
            if child is not None and child not in seen:
                walk(prefix + name, child)

    walk("", root)
    return found


class SavedState:
    """What a trace must not change: attributes of every module, and their own lists and dicts a level deep."""

    def __init__(self, modules: Places) -> None:
        self.modules = [(path, m.__dict__, m.__dict__.copy()) for path, m in modules]
        self.inner: list[tuple[Any, Any]] = []
        self.empty: list[Any] = []
        owned: list[Tensor | None] = []
        for _, attributes, _ in self.modules:
            held = [value for value in attributes.values() if type(value) in _BUILT_IN]
            self.inner += [(value, value.copy()) for value in held if value]
            self.empty += [value for value in held if not value]
        for _, m in modules:
            owned += m._parameters.values()
            owned += m._buffers.values()
        self.tensors = [t for t in owned if t is not None]
        try:
            self.versions = [t._version for t in self.tensors]
        except (RuntimeError, ValueError):  # lazy ones, and those of inference mode, count no versions
            self.tensors = [t for t in self.tensors if not nn.parameter.is_lazy(t) and not t.is_inference()]
            self.versions = [t._version for t in self.tensors]
        self.trained = [m for _, m in modules if getattr(m, "training", False)]  # a frozen script module has none
        self.every = [m for _, m in modules]

    def set_training(self, training: bool) -> None:
        """Every module in training or evaluation mode, without calling its own `train`."""
        for m in self.every:
            if "training" in m.__dict__:
                m.__dict__["training"] = training
            elif hasattr(m, "training"):  # a script module keeps it elsewhere
                m.training = training

    def restore(self) -> list[str]:
        """Restores what changed, and says what that was."""
        found = []
        self.set_training(False)
        for m in self.trained:
            m.training = True
        for path, now, before in self.modules:
            if not _same(now, before):
                names = sorted(key for key in {**now, **before} if now.get(key, self) is not before.get(key, self))
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
                torch._C._autograd._unsafe_set_version_counter((t,), (version,))
        return found


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
    """In evaluation mode, with torch's fused paths off; afterwards everything is as before. The list says what had changed."""
    harm: list[str] = []
    kept = SavedState(modules)
    fast = torch.backends.mha.get_fastpath_enabled()
    rng, python_rng = torch.get_rng_state(), random.getstate()
    numpy = sys.modules.get("numpy.random")  # which numpy loads when it is first asked
    numpy_rng = numpy.get_state() if numpy is not None else None
    grad, default = torch.is_grad_enabled(), torch.get_default_dtype()
    call = nn.Module.__call__
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        kept.set_training(False)
        yield kept, harm
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        harm += kept.restore()
        if nn.Module.__call__ is not call:
            nn.Module.__call__ = call  # type: ignore[method-assign]
            harm.append("torch.nn.Module.__call__")
        if torch.is_grad_enabled() != grad:
            torch.set_grad_enabled(grad)
            harm.append("the gradient mode")
        if torch.get_default_dtype() != default:
            torch.set_default_dtype(default)
            harm.append("the default dtype")
        torch.set_rng_state(rng)
        random.setstate(python_rng)
        if numpy is not None:
            numpy.set_state(numpy_rng)
