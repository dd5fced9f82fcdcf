"""A module, the generators and torch as they were before a trace: kept, compared, put back where something changed."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

_BUILT_IN = (list, dict, set)
_TABLES = ("_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks")


class Kept:
    """What a trace must not change: attributes of every module (their own lists and dicts a level deep), and its tables."""

    def __init__(self, root: nn.Module) -> None:
        self.modules = [(path, m, m.__dict__.copy()) for path, m in root.named_modules()]
        self.inner = [
            (path, m, name, value, value.copy())
            for path, m, attributes in self.modules
            for name, value in attributes.items()
            if type(value) in _BUILT_IN or (name[0] == "_" and name in _TABLES)
        ]
        self.versions = [(path, name, t, t._version) for path, m, _ in self.modules for name, t in _tensors(m)]

    def put_back(self) -> list[str]:
        """Restores what changed, and says what that was."""
        found = []
        for path, m, attributes in self.modules:
            now = m.__dict__
            if now.keys() != attributes.keys() or any(now[key] is not attributes[key] for key in attributes):
                names = [key for key in {**now, **attributes} if now.get(key, self) is not attributes.get(key, self)]
                names = [name for name in names if name != "training"]
                if names:
                    found.append(f"{path or 'the module'}: {', '.join(sorted(names))}")
                now.clear()
                now.update(attributes)
        for path, _, name, value, copy in self.inner:
            if len(value) != len(copy) or not _same(value, copy):
                found.append(f"{path or 'the module'}: {name}")
                value.clear()
                value.extend(copy) if isinstance(value, list) else value.update(copy)
        for path, name, t, version in self.versions:
            if not t.is_inference() and t._version != version:
                # the recorder writes no tensor that it did not make; autograd counted the attempt
                found.append(f"{path + '.' if path else ''}{name}: its version")
                torch._C._autograd._unsafe_set_version_counter((t,), (version,))
        return found


def _tensors(m: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for table in (m._parameters, m._buffers):
        for name, t in table.items():
            if t is not None and not nn.parameter.is_lazy(t) and not t.is_inference():
                yield name, t


def _same(value: Any, copy: Any) -> bool:
    """Whether the members are the very same."""
    if isinstance(value, set):
        return bool(value == copy)
    if isinstance(value, dict):
        return all(a is b or a == b for a, b in zip(value, copy, strict=True)) and all(value[k] is copy[k] for k in copy)
    return all(a is b for a, b in zip(value, copy, strict=True))


@contextmanager
def unharmed(root: nn.Module) -> Iterator[list[str]]:
    """In evaluation mode, with torch's fused paths off; afterwards everything is as before. The list says what had changed."""
    harm: list[str] = []
    kept = Kept(root)
    fast = torch.backends.mha.get_fastpath_enabled()
    rng, python_rng = torch.get_rng_state(), random.getstate()
    numpy = sys.modules.get("numpy")
    numpy_rng = numpy.random.get_state() if numpy is not None else None
    grad, default = torch.is_grad_enabled(), torch.get_default_dtype()
    call = nn.Module.__call__
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        for _, m, _ in kept.modules:
            m.__dict__["training"] = False
        yield harm
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        harm += kept.put_back()
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
            numpy.random.set_state(numpy_rng)
