"""A run of a module with gradients: what every operator multiplies, forward and backward, and what it holds.

Each forward operator is known by the number that autograd gives its node, so what its gradients cost is counted where it ran.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any
from weakref import ref

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from profiler.module.copying import held_tensors
from profiler.module.trees import map_tensors, tensors, tensors_of_call
from profiler.tracing.constants import WHOLE, constant_like, devices_to_cpu, is_small, is_small_constant
from profiler.tracing.tables.entries import OPENED, PRODUCT, UNKNOWN, Entry, entry
from profiler.tracing.tables.gradients import gradient_work
from profiler.tracing.tables.names import row_name
from profiler.tracing.training.kernels import CASTING, Kernels
from profiler.tracing.training.ledger import Ledger

FORWARD, BACKWARD, RECOMPUTED = "forward", "backward", "recomputed"
SEEN = "_profiler_seen"
"""The attribute of an exception that has passed the module that it comes from."""


class Step(TorchDispatchMode):
    """Counts and weighs what runs inside it, by the path of the running module."""

    supports_higher_order_operators = True

    def __init__(self, module: nn.Module, weighs: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.paths = {id(m): path for path, m in module.named_modules()}
        self.weighs = weighs
        devices = {t.device.type for t in (*module.parameters(), *module.buffers())}
        self.devices = CASTING if not devices or "meta" in devices else CASTING & devices
        """Whose autocast the module is under, of one on the meta device any."""
        self.begin("meta")

    def begin(self, rung: str, *, constants: bool = False, fused: bool = True, cast: bool = True) -> None:
        """Starts anew, for a run on the meta device or with real tensors.

        With `constants`, small tables of integers that the forward makes keep their values; with `fused`, attention runs by the
        kernels that devices have for it. Without `cast`, a step that weighs raises Autocasts where a region of autocast begins.
        """
        self.rung, self.constants = rung, constants
        self.kernels = Kernels(fused, frozenset() if cast or not self.weighs else self.devices, not self.weighs)
        self.stack: list[str] = [""]
        self.opening: list[Any] = []
        self.macs: dict[str, dict[str, int]] = {}
        """path → phase → multiply-adds, in the order they ran."""
        self.uncounted: dict[str, int] = {}
        self.nodes: dict[int, str] = {}
        self.backward = False
        """Whether the loss was reached: a gradient that the forward takes for itself is forward work."""
        self.ledger = Ledger() if self.weighs else None
        self.fault_path = ""
        self.meta_copies: dict[int, tuple[ref[Tensor], Tensor]] = {}
        self.overwritten: set[int] = set()

    def watch(self, twin: nn.Module, given: Any) -> None:
        """Runs of `twin` are booked by its paths, and what it and its arguments hold is no activation."""
        self.paths = {id(m): path for path, m in twin.named_modules()}
        if self.ledger is not None:
            self.ledger.exclude([*twin.parameters(), *twin.buffers(), *held_tensors(given)])
            self.ledger.hold(held_tensors(twin))

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
                # a mark on the fault, since to hold it would hold its frames: a checkpoint ends its recomputation by one
                if SEEN not in fault.__dict__:
                    fault.__dict__[SEEN], step.fault_path = True, step.stack[-1]
                raise
            finally:
                step.stack.pop()

        nn.Module.__call__ = __call__  # type: ignore[method-assign]
        try:
            with self.kernels, self:
                yield self
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.prim.device.default:  # a question of fake tensors to themselves
            return func(*args, **kwargs)
        found = entry(func)
        if found.sort == OPENED and func not in self.opening:  # where torch does not open it itself, in inference mode
            self.opening.append(func)
            try:
                with self:
                    out = func.decompose(*args, **kwargs)
            finally:
                self.opening.pop()
            if out is not NotImplemented:
                return out
        node = torch._C._current_autograd_node()
        if node is None:
            path, phase = self.stack[-1], FORWARD
        else:
            path = self.nodes.get(node._sequence_nr(), self.stack[-1])
            phase = FORWARD
            if self.backward:
                phase = RECOMPUTED if torch.is_grad_enabled() else BACKWARD
                path = self.stack[-1] if phase == RECOMPUTED and len(self.stack) > 1 else path
        if node is None or torch.is_grad_enabled():
            self.nodes.setdefault(torch._C._autograd._get_sequence_nr() - 1, path)
        out = self.run_with_constants(func, found, args, kwargs) if self.constants else func(*args, **kwargs)
        self.count(found, node, path, phase, out, args, kwargs)
        if self.ledger is not None:
            self.ledger.record(path, _moment_name(found), phase, out)
        return out

    def count(self, found: Entry, node: Any, path: str, phase: str, out: Any, args: Any, kwargs: Any) -> None:
        if found.sort == UNKNOWN:
            self.uncounted[found.name] = self.uncounted.get(found.name, 0) + 1
            return
        formula = found.formula if found.sort == PRODUCT else None
        if formula is None and node is None:
            return
        macs = 0
        for each, its_args in _each_of_nested(out, args):
            if node is not None:
                work = gradient_work(node, formula, found.name, each, its_args, kwargs)
            else:
                work = formula(each, *its_args, **kwargs) if formula is not None else None
            macs += int(work.macs) if work is not None else 0
        if macs:
            phases = self.macs.setdefault(path, {})
            phases[phase] = phases.get(phase, 0) + macs

    # Small tables of integers, which keep their values

    def run_with_constants(self, func: Any, found: Entry, args: Any, kwargs: Any) -> Any:
        """The operator where its tensors are: constants on the CPU, and on the meta device as soon as one of them is there."""
        given = tensors_of_call(args, kwargs)
        actual = [t for t in given if not t.is_meta]
        if not given:
            if not is_small_constant(found.name, args, kwargs):
                return func(*args, **kwargs)
            made = func(*devices_to_cpu(args), **devices_to_cpu(kwargs))
            return made if made.dtype in WHOLE else func(*args, **kwargs)
        if not actual:
            if found.name.startswith("aten::") and (given[0].dtype in WHOLE or kwargs.get("dtype") in WHOLE):
                made = constant_like(found.name, args, kwargs)
                if made is not None and made.dtype in WHOLE:
                    return made
            return func(*args, **kwargs)
        if len(actual) < len(given) or any(self.is_overwritten(t) for t in actual):
            if found.mutable and not given[0].is_meta:  # a constant that becomes one no more, with all that views it
                self.overwritten.add(given[0].untyped_storage().data_ptr())
                func(*self.on_meta(args), **self.on_meta(kwargs))
                return args[0]
            keeps = found.op.startswith(("index", "unsafe_index"))
            return func(*self.on_meta(args, keeps), **self.on_meta(kwargs, keeps))
        if found.op in ("to", "copy", "type_as") and all(is_small(t.numel(), t.dtype) for t in actual):
            args, kwargs = devices_to_cpu(args), devices_to_cpu(kwargs)
        return func(*args, **kwargs)

    def is_overwritten(self, t: Tensor) -> bool:
        return bool(self.overwritten) and t.untyped_storage().data_ptr() in self.overwritten

    def on_meta(self, value: Any, keeps: bool = False) -> Any:
        """`value` on the meta device, always the same for a tensor; with `keeps`, the values of whole numbers stay."""

        def change(t: Tensor) -> Tensor:
            if t.is_meta or (keeps and not t.is_floating_point() and not self.is_overwritten(t)):
                return t
            key, copies = id(t), self.meta_copies
            if key not in copies or copies[key][0]() is not t:
                copies[key] = (ref(t, lambda _: copies.pop(key, None)), torch.empty_like(t, device="meta"))
            return copies[key][1]

        return map_tensors(value, change)


def _moment_name(found: Entry) -> str:
    """What an operator is called in the timeline: `attention` and `attention_backward` for any kernel of it."""
    name = row_name(found.name.partition("::")[2])
    if "attention" in name:
        return "attention_backward" if name.endswith("_backward") else "attention"
    return name


def _each_of_nested(out: Any, args: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """A call as it is; of nested tensors, which have no shape, one call for each of the tensors in them."""
    nested = [t for t in tensors((out, args)) if t.is_nested and t.layout is torch.strided]
    if not nested:
        yield out, args
        return
    for i in range(nested[0].size(0)):

        def take(t: Tensor, i: int = i) -> Tensor:
            return t.unbind()[i] if t.is_nested and t.layout is torch.strided else t

        yield map_tensors((out, args), take)
