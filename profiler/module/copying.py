"""A deep copy of a module or of arguments in which every tensor is replaced, whatever holds it.

`copy.deepcopy` walks the objects; while it does, the tensors of this thread are copied by `change` and not by torch, which
refuses those with a history and those that are not initialised.
"""

from __future__ import annotations

import copy
import io
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.jit._script import RecursiveScriptModule
from torch.nn.utils.rnn import PackedSequence
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from profiler.errors import ProfilerError
from profiler.module.trees import tensors

T = TypeVar("T")
Change = Callable[[Tensor], Tensor]
_LOCK = threading.RLock()
_THREAD = threading.local()
"""`change` and the storages that were changed, of the copy that this thread makes."""
_SHARED: tuple[Any, ...] = (types.ModuleType, type(threading.Lock()), type(threading.RLock()), threading.local)
"""What has nothing to be copied: a copy uses the same."""
_SPENT: dict[Any, str] = {
    types.GeneratorType: "a generator, which cannot be read without using it up; give a list",
    types.CoroutineType: "a coroutine, which cannot be run twice; give its result",
    types.AsyncGeneratorType: "an asynchronous generator, which cannot be read without using it up; give a list",
    io.IOBase: "an open file, which cannot be read without moving its position; give what it holds",
}


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
        if isinstance(fault, ProfilerError) or fault is getattr(_THREAD, "fault", None):
            raise
        raise _uncopied(value, fault) from None
    finally:
        _THREAD.fault = None


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
    """deepcopy asks `_of_tensor` and its like, in this thread; other threads copy as ever.

    With `taking`, `change` is only shown the tensors.
    """
    before = getattr(_THREAD, "change", None), getattr(_THREAD, "taking", False)
    _install()
    try:
        _THREAD.change, _THREAD.taking = change if taking else _noting_faults(change), taking
        yield
    finally:
        _THREAD.change, _THREAD.taking = before
        _uninstall()


def _noting_faults(change: Change) -> Change:
    """Keeps what `change` raises, which is no fault of what is copied."""

    def noting(t: Tensor) -> Tensor:
        try:
            return change(t)
        except Exception as fault:
            _THREAD.fault = fault
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
        ours: dict[type, Any] = {PackedSequence: _of_packed, RecursiveScriptModule: _of_script}
        for cls in (*_defining(Tensor), *ours):
            own = vars(cls).get("__deepcopy__")
            _methods.append((cls, own))
            setattr(cls, "__deepcopy__", _method(own, ours.get(cls, _of_tensor)))  # noqa: B010
        table = _dispatch()
        for cls, copier in _COPIERS.items():
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
        if getattr(_THREAD, "change", None) is not None:
            if id(self) not in memo:
                memo[id(self)] = ours(self, memo) if ours is not _of_script else ours(self, memo, own)
            return memo[id(self)]
        if own is not None:
            return own(self, memo)
        return type(self)(*copy.deepcopy(tuple(self), memo))  # a PackedSequence, as deepcopy makes any tuple of its kind

    return __deepcopy__


def _copier(cls: type, ours: Any) -> Any:
    own = _dispatched[cls]

    def of(value: Any, memo: dict[Any, Any]) -> Any:
        if getattr(_THREAD, "change", None) is not None:
            return ours(value, memo)
        if own is not None:
            return own(value, memo)
        raise TypeError(f"cannot pickle '{cls.__name__}' object")  # as deepcopy says of them

    return of


# Tensors


def _of_tensor(t: Tensor, memo: dict[Any, Any]) -> Tensor:
    change: Change = _THREAD.change
    if _THREAD.taking:
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


def _of_packed(sequence: PackedSequence, memo: dict[Any, Any]) -> PackedSequence:
    """Its lengths and its order are values that torch keeps where they are."""
    return sequence._replace(data=copy.deepcopy(sequence.data, memo))


def _of_script(script: Any, memo: dict[Any, Any], own: Any) -> Any:
    """A module of TorchScript, whose tensors torch copies out of sight of deepcopy."""
    made = script if _THREAD.taking else own(script, memo)
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
        if fault is getattr(_THREAD, "fault", None) or isinstance(_innermost(fault, None), tuple(_SPENT)):
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
    if _THREAD.taking:
        return generator
    if _THREAD.change(torch.empty(0, device=generator.device)).device.type in (generator.device.type, "meta"):
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


def _of_proxy(proxy: Any, memo: dict[Any, Any]) -> Any:
    return types.MappingProxyType(copy.deepcopy(dict(proxy), memo))


def _of_view(view: Any, memo: dict[Any, Any]) -> Any:
    """`d.values()` of a copy of d."""
    return getattr(copy.deepcopy(dict(view.mapping), memo), type(view).__name__.removeprefix("dict_"))()


_COPIERS: dict[Any, Any] = {
    types.FunctionType: _of_function,
    types.BuiltinFunctionType: _of_builtin,
    torch.Generator: _of_generator,
    types.MappingProxyType: _of_proxy,
    **dict.fromkeys((type({}.keys()), type({}.values()), type({}.items())), _of_view),
    **dict.fromkeys(_SHARED, _itself),
}


def _innermost(fault: BaseException, value: object) -> object:
    """The object that deepcopy was at where it failed."""
    trace = fault.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is copy.deepcopy.__code__:
            value = trace.tb_frame.f_locals.get("x", value)
        trace = trace.tb_next
    return value


def _uncopied(value: object, fault: BaseException) -> ProfilerError:
    found = _innermost(fault, value)
    holder = f"{type(value).__name__} holds" if isinstance(value, nn.Module) else "arguments hold"
    for cls, words in _SPENT.items():
        if isinstance(found, cls):
            return ProfilerError(f"{holder} {words}")
    text = " ".join(str(fault).split())[:200]
    return ProfilerError(
        f"{holder} an object of class {type(found).__name__}, which cannot be copied ({type(fault).__name__}: {text}); "
        "leave it out, or give its class a __deepcopy__"
    )
