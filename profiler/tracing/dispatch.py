"""Operators as they arrive while a module is traced: run on tensors that hold nothing, or with values, and counted as rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from profiler.module.trees import first_tensor, map_leaves, tensors, tensors_of_call
from profiler.records.profile import Row
from profiler.tracing import autocast
from profiler.tracing.call_facts import note_composite
from profiler.tracing.constants import WHOLE, constant_like, devices_to_cpu, is_small, is_small_constant, is_table
from profiler.tracing.restore import Places
from profiler.tracing.rows import Frame, Merged, RowBuilder
from profiler.tracing.tables.entries import (
    DEPENDENT,
    FREE_OF_COST,
    LENGTHS_GIVEN,
    ONE_TYPE,
    OPENED,
    Entry,
    entry,
    for_node,
    parts_of,
)
from profiler.tracing.tables.registered import overrides_torch
from profiler.tracing.tables.shapes import spread_over
from profiler.tracing.wiring import Wires

CONVOLUTIONS = frozenset({"aten::conv1d", "aten::conv2d", "aten::conv3d"})
_CHECKED_KINDS = frozenset({"norm", "embedding", "activation"})
LOW = frozenset({torch.float16, torch.bfloat16})
CPU = (torch.device("cpu"), torch.device("cpu", 0))

_aten = torch.ops.aten
_ASKED_OF_THE_TENSOR = frozenset(
    (
        *(_aten.is_contiguous.default, _aten.is_contiguous.memory_format),
        *([_aten.sym_is_contiguous.default] if hasattr(_aten, "sym_is_contiguous") else []),  # since torch 2.8
        *(_aten.is_strides_like_format.default, _aten.is_non_overlapping_and_dense.default),
        *(_aten.size.default, _aten.sym_size.default, _aten.stride.default, _aten.sym_stride.default),
        *(_aten.storage_offset.default, _aten.sym_storage_offset.default, _aten.numel.default, _aten.sym_numel.default),
        *(_aten.dim.default, torch.ops.prim.layout.default, torch.ops.prim.device.default),
    )
)
"""What the classes of tensors with their own sizes answer themselves."""


def written(func: Any, args: Any, kwargs: Any) -> list[Tensor]:
    """The tensors that an operator writes, by its schema."""
    found: list[Tensor] = []
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            found += tensors(args[i] if i < len(args) else kwargs.get(argument.name))
    return found


class OperatorRecorder(TorchDispatchMode):
    """Counts the operators that run inside it. `real` runs them with values; otherwise tensors are meta but for constants.

    With `grad` autograd follows, and no layer is answered without being run.
    """

    supports_higher_order_operators = True

    def __init__(
        self, root: nn.Module, everything: Places, real: bool = False, grad: bool = False, wires: Wires | None = None,
        values: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()  # type: ignore[no-untyped-call]
        self.real, self.grad = real, grad
        self.values = values
        """Whether another run has the values of integer inputs, which are only then asked for."""
        self.opens_leaves = overrides_torch()
        self.autocast = ""
        """The device whose autocast is on, where torch does not apply it."""
        self.root = root
        self.builder = RowBuilder(everything)
        self.wires = wires
        """Which row takes whose output, where that is asked for."""
        self.stack: list[Frame] = [Frame("", root, frozenset())]
        self.merging: Merged | None = None
        self.called: set[int] = set()
        self.dependent: str = ""
        """The first operator that asked for a value, with where it stood."""
        self.undefined = False
        """Whether the output of a run with values holds a NaN."""
        self.fault: BaseException | None = None
        self.fault_path = ""
        self.meta_copies: dict[int, tuple[Tensor, Tensor]] = {}
        self.made: dict[int, Tensor] = {}
        self.overwritten: set[int] = set()
        """Storages of constants into which something without values was written."""
        self.made_in_forward: list[nn.Module] = []
        """Modules made during forward, which live on so that their ids stay theirs."""

    @property
    def rows(self) -> list[Row]:
        return self.builder.rows

    def note_fault(self, fault: BaseException, path: str) -> None:
        """Keeps the innermost place of what is being raised."""
        if fault is not self.fault:
            self.fault, self.fault_path = fault, path

    def set_autocast(self, device: str) -> None:
        self.autocast = device

    def _dispatched(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _ASKED_OF_THE_TENSOR and types:
            return NotImplemented
        kwargs = kwargs or {}
        found = entry(func)
        try:
            return self.count_operator(func, found, args, kwargs)
        except BaseException as fault:
            self.note_fault(fault, self.stack[-1].path)
            raise

    def count_operator(self, func: Any, found: Entry, args: Any, kwargs: Any) -> Any:
        if found.sort == FREE_OF_COST and found.name.startswith("higher_order::") and (parts := parts_of(func)) is not None:
            if found.name in DEPENDENT:
                self.dependent = self.dependent or f"{found.op} in {self.stack[-1].path or 'its forward'}"
            with self:
                return parts(*args, **kwargs)
        if found.sort == OPENED:
            opened = len(self.rows)
            if not self.real and any(self.is_weight(t) for t in tensors_of_call(args, kwargs) if not t.is_meta):
                args, kwargs = self.on_meta(args, ()), self.on_meta(kwargs, ())  # they are of one device to torch
            with self:
                out = func.decompose(*args, **kwargs)
            if out is not NotImplemented:
                if self.merging is None and (len(self.rows) > opened or found.op == "einsum"):
                    frame = self.stack[-1]
                    note_composite(self.rows, opened, frame.path, type(frame.module).__name__, found.name, args, out)
                return out
        given = tensors_of_call(args, kwargs)
        out = None
        if not self.real:
            cast = self.autocast
            if found.name in ONE_TYPE or found.kind in _CHECKED_KINDS or found.name in LENGTHS_GIVEN:
                self.check_values_and_types(found, given, cast)
            if cast:
                return self.count_cast(func, found, cast, args, kwargs)
            if found.inplace and given and args[0] is given[0] and given[0].is_meta:
                if self.fits_in(args):
                    out = args[0]
            elif (out := constant_like(found.name, args, kwargs)) is not None:
                self.remember_constants(out, [])
            elif found.rule is not None and not found.mutable:
                out = found.rule(*args, **kwargs)
        if out is None:
            out = self.run(func, found, given, args, kwargs)
        self.add(for_node(found, args) if self.grad else found, given, args, kwargs, out)
        return out

    def check_values_and_types(self, found: Entry, given: list[Tensor], cast: str) -> None:
        """Raises what torch would with values, and where the values of offsets decide and another run has them."""
        if not given:
            return
        dtype = given[0].dtype
        if found.op == "embedding":
            if len(given) > 1 and given[1].dtype not in (torch.int64, torch.int32):
                raise RuntimeError(f"expected indices of int64 or int32, but got {given[1].dtype}".replace("torch.", ""))
        elif found.op == "prelu":
            if len(given) > 1 and given[1].numel() not in (1, given[0].shape[1] if given[0].ndim > 1 else 1):
                raise RuntimeError(f"prelu has {given[1].numel()} weights but is given an input of {tuple(given[0].shape)}")
        elif found.name in ONE_TYPE:
            if found.op.startswith("conv") and len(given) > 2 and given[2].ndim == 1 and found.name in CONVOLUTIONS:
                channels = given[1].shape[0]
                if given[2].shape[0] != channels and "transpose" not in found.name:
                    raise RuntimeError(f"expected a bias of {channels} elements, but got {given[2].shape[0]}")
            for t in given:
                if t.dtype is not dtype and not (t.dtype is torch.bool or cast):
                    raise RuntimeError(f"expected tensors of one dtype, but got {dtype} and {t.dtype}".replace("torch.", ""))
        elif found.kind == "norm":
            for t in given[1:]:
                if t.dtype in LOW and dtype not in LOW and not cast:
                    raise RuntimeError(f"expected a scale of {dtype}, but got {t.dtype}".replace("torch.", ""))
        elif self.values and found.name in LENGTHS_GIVEN and any(t.is_meta and t.dtype in WHOLE for t in given):
            self.dependent = f"{found.op} in {self.stack[-1].path or 'its forward'}"
            raise RuntimeError("the lengths of sequences are values")

    def count_cast(self, func: Any, found: Entry, device: str, args: Any, kwargs: Any) -> Any:
        """The operator as autocast hands it on; its row is that of the arguments that it was given."""
        cast_args, cast_kwargs = autocast.cast_arguments(found.name, device, args, kwargs)
        out = self.run(func, found, tensors_of_call(cast_args, cast_kwargs), cast_args, cast_kwargs)
        self.add(found, tensors_of_call(args, kwargs), args, kwargs, out)
        return out

    def add(self, found: Entry, given: list[Tensor], args: Any, kwargs: Any, out: Any) -> None:
        """What became of an operator, in rows and wires."""
        before = len(self.rows)
        self.builder.add_operator(self, found, given, args, kwargs, out)
        if self.wires is not None and self.merging is None:
            added = len(self.rows) > before
            row = self.rows[before] if added else None
            self.wires.operator(before if added else None, row, found, given, args, out)

    def fits_in(self, args: Any) -> bool:
        """Whether the other operands spread over the first, so that an in-place operator leaves its shape."""
        shape = args[0].shape
        return all(
            not isinstance(x, Tensor) or x.shape == shape or spread_over(shape, x.shape) == tuple(shape) for x in args[1:]
        )

    def run(self, func: Any, found: Entry, given: list[Tensor], args: Any, kwargs: Any) -> Any:
        """The operator by torch's own kernel, on tensors that fit together."""
        if found.name in DEPENDENT and not self.dependent:
            asked = first_tensor(args)
            if asked is not None and (self.real or asked.is_meta) and id(asked) not in self.made:
                self.dependent = f"{found.name.partition('::')[2].lstrip('_')} in {self.stack[-1].path or 'its forward'}"
        if self.real:
            return func(*args, **kwargs)
        actual = [t for t in given if not t.is_meta]
        if not actual:
            if given or not is_small_constant(found.name, args, kwargs):
                return func(*args, **kwargs)
            out = func(*devices_to_cpu(args), **devices_to_cpu(kwargs))
            self.remember_constants(out, [])
            return out
        if len(actual) < len(given) or any(self.is_weight(t) for t in actual):
            if found.mutable and not given[0].is_meta:  # a constant that becomes one no more, with all that views it
                self.overwritten.add(given[0].untyped_storage().data_ptr())
            kept: tuple[int, ...] = ()
            if found.op.startswith(("index", "unsafe_index", "embedding")):
                kept = tuple(id(t) for t in actual if not t.is_floating_point() and id(t) not in self.builder.owners)
            args, kwargs = self.on_meta(args, kept), self.on_meta(kwargs, kept)
            return func(*args, **kwargs)
        if found.mutable:
            kept_back = [t for t in written(func, args, kwargs) if id(t) not in self.made]
            if kept_back:  # what stood before the trace is not written, and its values are no more what a run would meet
                self.overwritten |= {t.untyped_storage().data_ptr() for t in kept_back}
                return kwargs["out"] if "out" in kwargs else args[0]
        if found.op in ("to", "copy", "type_as") and all(is_small(t.numel(), t.dtype) for t in actual):
            args, kwargs = devices_to_cpu(args), devices_to_cpu(kwargs)
        out = func(*args, **kwargs)
        self.remember_constants(out, [] if found.name == "aten::lift_fresh" else actual)  # of torch.tensor(1), which is new
        return out

    def is_weight(self, t: Tensor) -> bool:
        """Whether a tensor's values are not to be had: the module's own, and no small table of integers, or overwritten."""
        if self.overwritten and t.untyped_storage().data_ptr() in self.overwritten:
            return True
        return id(t) in self.builder.owners and not is_table(t)

    def on_meta(self, value: Any, kept: tuple[int, ...]) -> Any:
        """`value` with its tensors replaced by meta ones of the same shape, always the same for a tensor."""

        def change(leaf: Any) -> Any:
            if isinstance(leaf, Tensor):
                if leaf.is_meta or id(leaf) in kept:
                    return leaf
                known = self.meta_copies.get(id(leaf))
                if known is None:
                    with torch.inference_mode(leaf.is_inference()):  # views of it count versions where its own do
                        known = self.meta_copies[id(leaf)] = (leaf, torch.empty_like(leaf, device="meta"))
                    if id(leaf) in self.builder.owners or id(leaf) in self.builder.derived:
                        self.builder.derive(known[1], self.builder.read_by([leaf]))
                return known[1]
            return torch.device("meta") if isinstance(leaf, torch.device) and leaf in CPU else leaf

        return map_leaves(value, change) if value else value

    def remember_constants(self, out: Any, given: list[Tensor]) -> None:
        """Remembers constants that the trace itself made, which it may write."""
        outside = {t.untyped_storage().data_ptr() for t in given if id(t) not in self.made}
        for t in tensors(out):
            if t.untyped_storage().data_ptr() not in outside:
                self.made[id(t)] = t


# set here, because what stands in the body of a mode is wrapped for torch.compile, which costs as much as the rest of a call
OperatorRecorder.__torch_dispatch__ = OperatorRecorder._dispatched  # type: ignore[method-assign,assignment]
