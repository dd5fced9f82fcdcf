"""How each kind of object is copied where deepcopy does not do: tensors, closures, random generators, views of dicts."""

from __future__ import annotations

import copy
import io
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

Change = Callable[[Tensor], Tensor]
THREAD = threading.local()
"""Of the copy that this thread makes: `change`, whether it is only shown the tensors (`taking`), the fault that it raised."""
_SHARED: tuple[Any, ...] = (types.ModuleType, type(threading.Lock()), type(threading.RLock()), threading.local)
"""What has nothing to be copied: a copy uses the same."""
SPENT: dict[Any, str] = {
    types.GeneratorType: "a generator, which cannot be read without using it up; give a list",
    types.CoroutineType: "a coroutine, which cannot be run twice; give its result",
    types.AsyncGeneratorType: "an asynchronous generator, which cannot be read without using it up; give a list",
    io.IOBase: "an open file, which cannot be read without moving its position; give what it holds",
}


# Tensors


def of_tensor(t: Tensor, memo: dict[Any, Any]) -> Tensor:
    change: Change = THREAD.change
    if THREAD.taking:
        return change(t)
    if nn.parameter.is_lazy(t):
        like = change(torch.empty(0, device=t.device, dtype=t.dtype))
        kind: Any = type(t)
        lazy: Tensor = kind(t.requires_grad, like.device, like.dtype)
        lazy.__dict__.update(t.__dict__)
        return lazy
    made = _changed(t, change, memo)
    differentiable = made.is_floating_point() or made.is_complex()
    if isinstance(t, nn.Parameter):
        made = _parameter(t, made, t.requires_grad and differentiable)
    elif t.requires_grad and differentiable:
        made = made.detach().requires_grad_()
        if not t.is_leaf:
            with torch.enable_grad():
                made = made.clone()  # which may be written into, as one that was computed
    elif made.requires_grad:
        made = made.detach()
    attributes = getattr(t, "__dict__", None)
    if attributes and not is_traceable_wrapper_subclass(t):
        memo[id(t)] = made
        made.__dict__.update(copy.deepcopy(attributes, memo))
    return made


def _parameter(t: Tensor, made: Tensor, asks: bool) -> Tensor:
    if type(t) is not nn.Parameter and issubclass(type(t), nn.Parameter) and type(made) in (Tensor, nn.Parameter):
        return torch.Tensor._make_subclass(type(t), made.detach(), asks)  # type: ignore[arg-type, unused-ignore]
    return nn.Parameter(made.detach(), asks)


def _changed(t: Tensor, change: Change, memo: dict[Any, Any]) -> Tensor:
    """`change(t)`, as a view of what its storage was changed to, if it lies within; expanded axes stay expanded."""
    if is_traceable_wrapper_subclass(t) and not t.is_nested:
        return _of_wrapper(t, memo)
    if type(t) not in (Tensor, nn.Parameter) or t.layout is not torch.strided or t.is_nested or t.is_quantized:
        return change(t)
    if t.is_conj() or t.is_neg() or torch._C._functorch.is_functorch_wrapped_tensor(t):
        return change(t)
    spread = [size > 1 and stride == 0 for size, stride in zip(t.shape, t.stride(), strict=True)]
    if any(spread):
        narrow = t.detach()[tuple(slice(0, 1) if each else slice(None) for each in spread)]
        return _changed(narrow, change, memo).expand(t.shape)
    storages: dict[int, tuple[Tensor, Tensor]] = memo.setdefault("storages", {})
    key = t.untyped_storage()._cdata
    if key in storages:
        first, base = storages[key]
        offset = t.storage_offset() - first.storage_offset()
        if t.numel() and t.dtype == first.dtype and offset >= 0 and offset + _span(t) <= _span(first):
            return base.detach().as_strided(t.shape, t.stride(), base.storage_offset() + offset)
    made = change(t)
    if key not in storages and made.layout is torch.strided and made.stride() == t.stride() and type(made) is Tensor:
        storages[key] = (t, made)
    return made


def _span(t: Tensor) -> int:
    """Elements from the first to the last."""
    return 1 + sum((size - 1) * stride for size, stride in zip(t.shape, t.stride(), strict=True)) if t.numel() else 0


def _of_wrapper(t: Any, memo: dict[Any, Any]) -> Tensor:
    """A tensor of a class that wraps others, around its changed ones."""
    names, context = t.__tensor_flatten__()
    inner = {name: copy.deepcopy(getattr(t, name), memo) for name in names}
    made: Tensor = type(t).__tensor_unflatten__(inner, context, t.size(), t.stride())
    return made


def of_packed(sequence: PackedSequence, memo: dict[Any, Any]) -> PackedSequence:
    """Its lengths and its order are values that torch keeps where they are."""
    return sequence._replace(data=copy.deepcopy(sequence.data, memo))


def of_script(script: Any, memo: dict[Any, Any], own: Any) -> Any:
    """A module of TorchScript, whose tensors torch copies out of sight of deepcopy."""
    made = script if THREAD.taking else own(script, memo)
    for before, after in zip(script.modules(), made.modules(), strict=True):
        for name, t in (*before._parameters.items(), *before._buffers.items()):
            if t is not None:
                changed = copy.deepcopy(t, memo)
                if changed is not t:
                    after._c.setattr(name, changed)
    return made


# What deepcopy does not copy


def _itself(value: Any, _: dict[Any, Any]) -> Any:
    return value


def _of_function(function: Any, memo: dict[Any, Any]) -> Any:
    """A function with what its closure and its defaults hold copied; itself where that is nothing that changes, or no copy."""
    cells = function.__closure__ or ()
    if not cells and not function.__defaults__:
        return function
    try:
        return _with_own_cells(function, cells, memo)
    except Exception as fault:
        if fault is getattr(THREAD, "fault", None) or isinstance(innermost(fault, None), tuple(SPENT)):
            raise
        memo[id(function)] = function
        return function


def _with_own_cells(function: Any, cells: tuple[types.CellType, ...], memo: dict[Any, Any]) -> Any:
    made = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, None, tuple(types.CellType() for _ in cells) or None
    )
    memo[id(function)] = made
    changed = False
    for cell, twin in zip(cells, made.__closure__ or (), strict=True):
        try:
            held = cell.cell_contents
        except ValueError:  # not yet filled
            continue
        twin.cell_contents = copy.deepcopy(held, memo)
        changed = changed or twin.cell_contents is not held
    made.__defaults__ = copy.deepcopy(function.__defaults__, memo)
    if not changed and made.__defaults__ is function.__defaults__:
        memo[id(function)] = function
        return function
    made.__kwdefaults__ = copy.deepcopy(function.__kwdefaults__, memo)
    made.__qualname__, made.__module__ = function.__qualname__, function.__module__
    made.__dict__.update(copy.deepcopy(function.__dict__, memo))
    return made


def _of_generator(generator: torch.Generator, _: dict[Any, Any]) -> torch.Generator:
    """One that draws the same numbers; of a device that the copy has left, one on the CPU with the same seed."""
    if THREAD.taking:
        return generator
    if THREAD.change(torch.empty(0, device=generator.device)).device.type in (generator.device.type, "meta"):
        made = torch.Generator(generator.device)
        made.set_state(generator.get_state())
        return made
    return torch.Generator().manual_seed(generator.initial_seed())


def _of_builtin(function: Any, memo: dict[Any, Any]) -> Any:
    """`rows.append` of a copy of rows."""
    owner = function.__self__
    if owner is None or isinstance(owner, types.ModuleType | type):
        return function
    made = copy.deepcopy(owner, memo)
    return function if made is owner else getattr(made, function.__name__)


def _of_reference(reference: Any, memo: dict[Any, Any]) -> Any:
    """A weak reference to the copy of what is being copied around it, as a part has to the whole; to anything else as it is."""
    made = memo.get(id(reference()))
    return reference if made is None else weakref.ref(made)


def _of_proxy(proxy: Any, memo: dict[Any, Any]) -> Any:
    return types.MappingProxyType(copy.deepcopy(dict(proxy), memo))


def _of_view(view: Any, memo: dict[Any, Any]) -> Any:
    """`d.values()` of a copy of d."""
    return getattr(copy.deepcopy(dict(view.mapping), memo), type(view).__name__.removeprefix("dict_"))()


COPIERS: dict[Any, Any] = {
    types.FunctionType: _of_function,
    types.BuiltinFunctionType: _of_builtin,
    weakref.ref: _of_reference,
    torch.Generator: _of_generator,
    types.MappingProxyType: _of_proxy,
    **dict.fromkeys((type({}.keys()), type({}.values()), type({}.items())), _of_view),
    **dict.fromkeys(_SHARED, _itself),
}


def innermost(fault: BaseException, value: object) -> object:
    """The object that deepcopy was at where it failed."""
    trace = fault.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is copy.deepcopy.__code__:
            value = trace.tb_frame.f_locals.get("x", value)
        trace = trace.tb_next
    return value
