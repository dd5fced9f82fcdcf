"""The one way to teach the tracer a formula: of a custom operator, or of a module taken as one layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import index
from typing import Any, TypeVar

from torch import nn

from profiler.count.products import Work
from profiler.errors import ProfilerError
from profiler.module.trees import first_tensor, map_tensors

_F = TypeVar("_F", bound=Callable[..., int])


@dataclass(frozen=True)
class CustomOperator:
    """A registered operator: its kind and its formula in the tracer's own form."""

    kind: str
    formula: Callable[..., Work]


@dataclass(frozen=True)
class CustomModule:
    """A registered module: its multiply-adds from the module and the shapes of its inputs and output."""

    kind: str
    macs: Callable[..., int]

    def counts(self, module: nn.Module, args: Any, kwargs: Any, out: Any, merged: Any) -> tuple[int, int, int, str]:
        """macs, activations, elementwise and kind."""
        macs = int(self.macs(module, *_shapes(args), out_shape=_shapes(out), **_shapes(kwargs)))
        first = first_tensor(out)
        return macs, first.numel() if macs and first is not None else 0, merged.elementwise, self.kind


_OPERATORS: dict[str, CustomOperator] = {}
_MODULES: dict[type[nn.Module], CustomModule] = {}
UNITS = {"macs": 1, "flops": 2}


def register(target: str | type[nn.Module] | Any, *, unit: str = "macs", kind: str = "matmul") -> Callable[[_F], _F]:
    """Decorates the formula of an operator (`"mylib::op"`, or torch.ops.mylib.op) or of a class of modules.

    The formula of an operator takes its arguments with every tensor replaced by its shape, and `out_shape`; that of a module
    takes the module first. It returns multiply-adds, or with `unit="flops"` twice as many, so that a function written for
    torch's `register_flop_formula` serves as it is; those that are registered there are found without being registered here.
    Raises ProfilerError for an unknown unit, or a second formula.
    """
    if unit not in UNITS:
        raise ProfilerError(f"register: unit '{unit}' is neither macs nor flops")

    def keep(formula: _F) -> _F:
        if isinstance(target, type):
            if not issubclass(target, nn.Module):
                raise ProfilerError(
                    f"register: {target.__name__} is not a module class; name the operator that it runs, as library::operator"
                )
            if target in _MODULES:
                raise ProfilerError(f"register: {target.__name__} has a formula; unregister({target.__name__}) first")
            _MODULES[target] = CustomModule(kind, lambda *a, **k: _whole(target.__name__, formula(*a, **k)) // UNITS[unit])
            return formula
        name = operator_name(target)
        if name in _OPERATORS:
            raise ProfilerError(f"register: {name} has a formula; unregister('{name}') first")
        _OPERATORS[name] = CustomOperator(kind, _shaped(name, formula, UNITS[unit]))
        forget()
        return formula

    return keep


def unregister(target: Any) -> None:
    """Forgets what `register` was told of `target`."""
    _MODULES.pop(target, None) if isinstance(target, type) else _OPERATORS.pop(operator_name(target), None)
    forget()


def operator_name(target: Any) -> str:
    """`mylib::op`, of a name or of torch.ops.mylib.op with or without its overload. Raises ProfilerError."""
    name = target if isinstance(target, str) else getattr(target, "_qualified_op_name", None) or getattr(target, "name", str)()
    if "::" not in name:
        raise ProfilerError(f"register: '{name}' is not an operator's name; write library::operator, as torch.library has it")
    return str(name)


def any_registered() -> bool:
    """Whether this process was told a formula, which others do not know."""
    return bool(_OPERATORS or _MODULES)


def overrides_torch() -> bool:
    """Whether an operator of torch's own has a formula of somebody's, which stock modules then run to."""
    return any(name.startswith("aten::") for name in _OPERATORS)


def custom_operator(name: str) -> CustomOperator | None:
    return _OPERATORS.get(name)


def custom_module(cls: type[nn.Module]) -> CustomModule | None:
    return _MODULES.get(cls)


def _shapes(value: Any) -> Any:
    """The value with every tensor replaced by its shape."""
    return map_tensors(value, lambda tensor: tensor.shape)


def _shaped(name: str, formula: Callable[..., int], divisor: int) -> Callable[..., Work]:
    def work(out: Any, /, *args: Any, **kwargs: Any) -> Work:
        found = _whole(name, formula(*_shapes(args), out_shape=_shapes(out), **_shapes(kwargs)))
        return _work(found, divisor, out)

    return work


def _whole(name: str, found: Any) -> int:
    """What a formula returned. Raises ProfilerError where that is no count."""
    try:
        count = index(found) if not isinstance(found, float) or not found.is_integer() else int(found)
    except TypeError:
        count = -1
    if count < 0:
        raise ProfilerError(f"the registered formula of {name} returns {found!r}; it must return a whole number, 0 or more")
    return count


def _work(found: int, divisor: int, out: Any) -> Work:
    first = first_tensor(out)
    facts = {"flops": found} if divisor == UNITS["flops"] else {}
    return Work(found // divisor, first.numel() if first is not None else 0, 0, facts)


def torch_formula(func: Any) -> Callable[..., Work] | None:
    """What torch's own register_flop_formula was told of an operator, halved to multiply-adds."""
    from torch.utils.flop_counter import flop_registry

    known = flop_registry.get(getattr(func, "overloadpacket", None))
    if known is None:
        return None

    def work(out: Any, /, *args: Any, **kwargs: Any) -> Work:
        return _work(int(known(*args, **kwargs, out_val=out)), UNITS["flops"], out)

    return work


_CHANGED: list[Callable[[], None]] = []


def on_change(call: Callable[[], None]) -> None:
    """`call` runs whenever a formula is registered or forgotten."""
    _CHANGED.append(call)


def forget() -> None:
    """Looks every operator up again, as after a formula was registered elsewhere."""
    for call in _CHANGED:
        call()
