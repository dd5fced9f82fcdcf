"""What runs while a module is traced, as rows: the calls of its modules, known by identity, above a mode that sees operators.

A stock module is counted by the closed form's formulas and not run at all, where its tensors are known to say what its
attributes say. Every other operator arrives whole (attention, linear, LSTM: the trace runs in inference mode, where torch does
not open them) and is counted in the module that runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from threading import get_ident
from typing import Any

import torch
from torch import nn
from torch._C._functorch import peek_interpreter_stack

from profiler.errors import ShapeError
from profiler.module import leaves
from profiler.module.trees import first_tensor, tensors_of_call
from profiler.tracing import autocast
from profiler.tracing.call_facts import ModuleCalls, says_all
from profiler.tracing.constants import WHOLE
from profiler.tracing.dispatch import OperatorRecorder
from profiler.tracing.experts import Loop, expert_loop, of_all, run_one_for_all
from profiler.tracing.priced import priced
from profiler.tracing.rows import Frame, Merged
from profiler.tracing.tables.leaves import SAME_TENSOR, leaf_class, takes
from profiler.tracing.tables.multihead import attention_cost
from profiler.tracing.tables.registered import custom_module
from profiler.tracing.tables.shortcuts import (
    empty_output,
    has_attention_shapes,
    has_expected_parameters,
    has_expected_sizes,
    is_hooked,
    is_plain,
)

_OVER_AN_AXIS = frozenset({nn.Softmax, nn.LogSoftmax, nn.Softmin})


class Recorder(OperatorRecorder):
    """Counts what runs inside it, module by module."""

    elsewhere = ""
    """A module of the network that another thread called meanwhile, which this one does not see."""
    said = False
    """Whether the row of the call that has just returned says all that is asked of it."""

    @contextmanager
    def listening(self) -> Iterator[Recorder]:
        """Every module call of this thread passes through `call`, and every operator through the mode."""
        original, thread = nn.Module.__call__, get_ident()
        recorder = self
        calls = ModuleCalls(self.root, self.builder)

        def __call__(module: nn.Module, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807  # a hook that torch calls as a method
            if get_ident() != thread:
                recorder.elsewhere = recorder.elsewhere or recorder.builder.paths.get(id(module), "")
                return original(module, *args, **kwargs)
            before = len(recorder.rows)
            out = recorder.call(module, args, kwargs)
            if recorder.said:
                recorder.said = False
                if not calls.places:
                    return out
            if recorder.merging is None:
                calls.returned(module, before, args, kwargs, out)
            return out

        nn.Module.__call__ = __call__  # type: ignore[method-assign]
        try:
            with nullcontext() if self.real else autocast.watched(self.set_autocast), self:
                yield self
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One call of a module: a row of its own where it is a leaf, a frame on the stack where it is not."""
        self.called.add(id(module))
        path = self.path(module)
        leaf = leaf_class(type(module))
        if leaf is not None and ((module._modules and leaf is not nn.MultiheadAttention) or "forward" in module.__dict__):
            leaf = None  # a parametrised module, or one whose forward was replaced
        custom = custom_module(type(module))
        row = self.merging is None and (leaf is not None or custom is not None)
        hooked = row and is_hooked(module)
        if row and not hooked and leaf is not None and custom is None and not self.grad:
            out = self.output_by_formula(module, path, leaf, args, kwargs)
            if out is not None:
                return out
        loop = expert_loop(module, self.stack[-1].module, args, kwargs) if self.merging is None and not hooked else None
        frame = Frame(path, module, module._modules.keys())
        if self.wires is not None and module is self.root and len(self.stack) == 1:
            self.wires.begin(args, kwargs)
        self.stack.append(frame)
        try:
            if loop is not None:
                out = self.run_experts(loop, path)
            elif not row:
                out = module._call_impl(*args, **kwargs)
            elif hooked:
                out = self.call_with_hooks(module, leaf, custom, frame, args, kwargs)
            else:
                out = self.call_as_row(module._call_impl, module, leaf, custom, frame, args, kwargs)
            if self.wires is not None and len(self.stack) == 2:
                self.wires.end(out)
            return out
        except BaseException as fault:
            self.note_fault(fault, frame.path)
            raise
        finally:
            self.stack.pop()

    def run_experts(self, loop: Loop, path: str) -> Any:
        """A loop over experts as one of them on the rows of all; its rows hold the parameters of all."""
        first, *others = loop.experts
        begin, builder = len(self.rows), self.builder
        out = run_one_for_all(loop)
        size = next((p.element_size() for p in first.parameters()), 0)
        where = builder.paths.get(id(first), path)
        builder.rows[begin:] = [of_all(row, loop, path, where, size) for row in builder.rows[begin:]]
        held = [*first.named_parameters(), *first.named_buffers()]
        read = {name for name, t in held if id(t) in builder.counted_tensors}
        for expert in others:
            self.called.update(id(m) for m in expert.modules() if id(m) not in self.called)
            named = (*expert.named_parameters(), *expert.named_buffers())
            builder.counted_tensors.update(id(t) for name, t in named if name in read)
        return out

    def call_as_row(
        self, forward: Callable[..., Any], module: nn.Module, leaf: type[nn.Module] | None, custom: Any, frame: Frame,
        args: tuple[Any, ...], kwargs: dict[str, Any],
    ) -> Any:  # fmt: skip
        """A leaf that is run; what its forward runs is one row."""
        self.merging = merging = Merged(frame.path, module, leaf or type(module))
        try:
            out = forward(*args, **kwargs)
        finally:
            self.merging = None
        self.builder.add_module_row(merging, args, kwargs, out, custom)
        if self.wires is not None:
            self.wires.layer(len(self.rows) - 1, self.rows[-1], tensors_of_call(args, kwargs), out, module)
        return out

    def call_with_hooks(
        self, module: nn.Module, leaf: type[nn.Module] | None, custom: Any, frame: Frame, args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:  # fmt: skip
        """A leaf between its hooks: its forward alone is its row, what the hooks run has rows of its own."""
        own = module.forward

        def forward(*args: Any, **kwargs: Any) -> Any:
            del module.__dict__["forward"]
            if leaf is not None and custom is None and not self.grad:
                out = self.output_by_formula(module, frame.path, leaf, args, kwargs)
                if out is not None:
                    return out
            return self.call_as_row(own, module, leaf, custom, frame, args, kwargs)

        module.__dict__["forward"] = forward
        try:
            return module._call_impl(*args, **kwargs)
        finally:
            module.__dict__.pop("forward", None)

    def path(self, module: nn.Module) -> str:
        """Where a call of a module is booked: of a shared one, the place that it is called from."""
        known = self.builder.paths.get(id(module))
        if known is None:  # made during forward, or held where named_modules does not look
            above = self.stack[-1].path
            name = type(module).__name__.lower()
            self.made_in_forward.append(module)
            self.builder.own(module)
            return f"{above}.{name}" if above else name
        places = self.builder.shared_paths.get(id(module))
        return known if places is None else self.stack[-1].place(id(module), places)

    def output_by_formula(
        self, module: nn.Module, path: str, leaf: type[nn.Module], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """The output of a leaf by its formula, without running it; None where it must be run.

        Only where running it would say the same: plain dense tensors of one real type outside of functional transforms, and
        the parameters that its attributes, as they are at this call, stand for.
        """
        if peek_interpreter_stack() is not None or self.opens_leaves or self.autocast:
            return None
        if leaf is nn.MultiheadAttention:
            return None if self.real else self.multihead_attention(module, path, args, kwargs)
        if kwargs:
            if args or len(kwargs) != 1:
                return None
            args = tuple(kwargs.values())
        if not args:
            return None
        x = args[0]
        builder = self.builder
        for given in args:
            if not is_plain(given) or id(given) in builder.owners or (builder.derived and id(given) in builder.derived):
                return None
        embeds = leaf is nn.Embedding
        dtype, shape = x.dtype, tuple(x.shape)
        taken = takes(leaf)
        if len(shape) < 2 or 0 in shape or (taken.axes and len(shape) not in taken.axes):
            return None
        if not (x.is_meta or self.real or embeds):
            return None
        if (dtype in WHOLE) is not embeds or (len(args) > 1 and any(given.dtype is not dtype for given in args)):
            return None
        axis = module.__dict__.get("dim")
        if leaf in _OVER_AN_AXIS and not (axis is None or -len(shape) <= axis < len(shape)):
            return None
        same_tensor = leaf in SAME_TENSOR
        layer = leaves.read(module, leaf, shape)
        if layer is None or not has_expected_parameters(module, leaf, x, builder.owners):
            return None
        kept = same_tensor or module.__dict__.get("inplace", False)
        if self.wires is not None and same_tensor:
            kept = False  # a shortcut's identity is another wire than what it begins at
        given_shapes = (shape[1:],) if len(args) == 1 else tuple([tuple(x.shape[1:]) for x in args])
        batch = shape[0]
        of_output = module.get_parameter("weight").dtype if embeds else dtype
        try:
            reason = taken.misfit(module, shape)
            if reason:
                raise ShapeError(reason)
            found = priced(layer, given_shapes, batch, of_output, dtype)
        except ShapeError as fault:
            located = ShapeError(fault.reason, path)
            self.note_fault(located, path)
            raise located from None
        if not has_expected_sizes(module, leaf, found.cost):
            return None
        if self.real:
            with _untraced():
                out = module._call_impl(*args) if not is_hooked(module) else module.forward(*args)
        elif kept:
            out = x
        else:
            guard = torch._C._DisableTorchDispatch()
            out = empty_output(leaf, args, found.output, of_output)
            del guard
            if out is None:
                return None
        self.said = (
            builder.add_leaf_row(path, module, found, args)
            and says_all(type(module))
            and module.__dict__.get("padding").__class__ is not str
        )
        if self.wires is not None:
            self.wires.layer(len(self.rows) - 1, self.rows[-1], args, out, module)
        return out

    def multihead_attention(self, module: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What MultiheadAttention gives, and its row."""
        given = tensors_of_call(args, kwargs)
        known = attention_cost(module, args, kwargs)
        query = first_tensor((*args, kwargs.get("query")))
        if known is None or query is None or not query.is_meta:
            return None
        dtype, derived = query.dtype, self.builder.derived
        if any(not is_plain(t) or id(t) in derived for t in given) or dtype in WHOLE:
            return None
        owners = self.builder.owners
        named = [p for m in module.modules() for p in m._parameters.values() if p is not None]
        if any(id(p) not in owners or p.dtype is not dtype for p in named) or not has_attention_shapes(module):
            return None
        with _untraced():
            out = torch.empty(known.output, dtype=query.dtype, device="meta")
            if module.batch_first and query.ndim == 3:  # made with time first
                out = torch.empty([known.output[i] for i in (1, 0, 2)], dtype=query.dtype, device="meta").transpose(0, 1)
            scores = None if known.scores is None else torch.empty(known.scores, dtype=query.dtype, device="meta")
            merged = Merged(path, module, nn.MultiheadAttention)
            merged.read = {id(p) for p in named}
            self.builder.add_module_row(merged, args, kwargs, out, None)
        if self.wires is not None:
            self.wires.layer(len(self.rows) - 1, self.rows[-1], given, out)
        self.builder.tally["counted"] += 1
        return out, scores


class WrappedRecorder(Recorder):
    """A recorder for forwards that call torch.compile, as flex attention does."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._dispatched(func, types, args, kwargs)


@contextmanager
def _untraced() -> Iterator[None]:
    guard = torch._C._DisableTorchDispatch()
    try:
        yield
    finally:
        del guard
