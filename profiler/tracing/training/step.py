"""A run of a module on meta tensors with gradients: what every operator multiplies, forward and backward, and what it holds.

Each forward operator is known by the number that autograd gives its node, so what its gradients cost is counted where it ran.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from profiler.module.copying import copied
from profiler.module.trees import tensors
from profiler.tracing.fallbacks import Given
from profiler.tracing.tables.entries import PRODUCT, UNKNOWN, entry
from profiler.tracing.tables.names import row_name

FORWARD, BACKWARD, RECOMPUTED = "forward", "backward", "recomputed"


class Ledger:
    """Bytes that are alive, storage by storage, in the order of the operators."""

    def __init__(self) -> None:
        self.live: dict[int, int] = {}
        self.now = self.peak = 0
        self.at = ("", "", FORWARD)
        self.line: list[tuple[str, str, str, int]] = []
        """path, operator, phase and bytes alive after it."""
        self.refs: dict[int, Any] = {}
        self.known: set[int] = set()

    def exclude(self, given: Iterable[Tensor]) -> None:
        """Storages that are not activations."""
        self.known |= {t.untyped_storage()._cdata for t in given}

    def record(self, path: str, op: str, phase: str, out: Any) -> None:
        for t in tensors(out):
            storage = t.untyped_storage()
            key = storage._cdata
            if key in self.live or key in self.known:
                continue
            n = storage.nbytes()
            self.live[key] = n
            self.now += n
            self.refs[key] = weakref.ref(storage, self._freed(key))
        if self.now > self.peak:
            self.peak, self.at = self.now, (path, op, phase)
        self.line.append((path, op, phase, self.now))

    def _freed(self, key: int) -> Callable[[Any], None]:
        def freed(_: Any) -> None:
            self.now -= self.live.pop(key, 0)
            self.refs.pop(key, None)

        return freed


class Step(TorchDispatchMode):
    """Counts and weighs what runs inside it, by the path of the running module."""

    def __init__(self, module: nn.Module, weighs: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.paths = {id(m): path for path, m in module.named_modules()}
        self.weighs = weighs
        self.begin("meta")

    def begin(self, rung: str) -> None:
        """Starts anew, for a run on the meta device or with real tensors."""
        self.rung = rung
        self.stack: list[str] = [""]
        self.macs: dict[str, dict[str, int]] = {}
        """path → phase → multiply-adds, in the order they ran."""
        self.uncounted: dict[str, int] = {}
        self.nodes: dict[int, str] = {}
        self.ledger = Ledger() if self.weighs else None
        self.fault_path = ""
        self.fault: BaseException | None = None

    @contextmanager
    def listening(self) -> Iterator[Step]:
        original, thread, step = nn.Module.__call__, get_ident(), self

        def __call__(module: nn.Module, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807  # a hook that torch calls as a method
            if get_ident() != thread:
                return original(module, *args, **kwargs)
            step.stack.append(step.paths.get(id(module), step.stack[-1]))
            try:
                return module._call_impl(*args, **kwargs)
            except BaseException as fault:
                if fault is not step.fault:
                    step.fault, step.fault_path = fault, step.stack[-1]
                raise
            finally:
                step.stack.pop()

        nn.Module.__call__ = __call__  # type: ignore[method-assign]
        try:
            with self:
                yield self
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        node = torch._C._current_autograd_node()
        if node is None:
            path, phase = self.stack[-1], FORWARD
            self.nodes.setdefault(torch._C._autograd._get_sequence_nr() - 1, path)
        else:
            phase = RECOMPUTED if torch.is_grad_enabled() else BACKWARD
            path = self.stack[-1] if len(self.stack) > 1 else self.nodes.get(node._sequence_nr(), "")
        out = func(*args, **kwargs)
        self.count(func, path, phase, out, args, kwargs)
        if self.ledger is not None:
            self.ledger.record(path, row_name(func._schema.name.partition("::")[2]), phase, out)
        return out

    def count(self, func: Any, path: str, phase: str, out: Any, args: Any, kwargs: Any) -> None:
        found = entry(func)
        if found.sort == UNKNOWN:
            self.uncounted[found.name] = self.uncounted.get(found.name, 0) + 1
        n = found.formula(out, *args, **kwargs).macs if found.sort == PRODUCT and found.formula is not None else 0
        if n:
            phases = self.macs.setdefault(path, {})
            phases[phase] = phases.get(phase, 0) + n


def copy_on_meta(module: nn.Module, given: Given) -> tuple[nn.Module, Given]:
    """A copy of the module and of its arguments on the meta device, gradients asked for where they were."""
    memo: dict[Any, Any] = {}
    return copied(module, to_meta, memo=memo), copied(given, to_meta, memo=memo)


def to_meta(t: Tensor) -> Tensor:
    return torch.empty_like(t, device="meta")


def losses(out: Any) -> list[Tensor]:
    """What a training step starts its backward from: the loss of an output that has one, else all that has a gradient."""
    if isinstance(out, Mapping) and isinstance(out.get("loss"), Tensor):
        return [out["loss"]]
    return [tensor for tensor in tensors(out) if tensor.requires_grad]
