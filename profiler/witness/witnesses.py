"""fvcore, thop and torch's FlopCounterMode on the instantiated module: thin adapters, each stating what it counts.

A witness gets a copy of the module that shares its tensors, in evaluation mode, under a forked generator, with torch's fused
encoder path off; so the module, the generator and torch come back as they were, also when the witness fails.
"""

from __future__ import annotations

import copy
import importlib
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from profiler.count import conventions
from profiler.errors import Unavailable
from profiler.module.trees import map_tensors, mapped_tensors
from profiler.module.trees import tensors as tensors_in


@dataclass(frozen=True)
class Count:
    """What a witness says of a module."""

    engine: str
    """Its name and version."""
    convention: str
    """The convention that its total follows."""
    by_path: dict[str, int]
    """Its count of every module, without those below it."""
    total: int
    """What it prints."""
    macs: int
    """The part that is comparable with our multiply-adds."""
    unsupported: tuple[str, ...] = ()
    """Operations that it says it passed over."""
    same_rules: bool = True
    """False for a version whose other operations follow rules that no convention of ours states."""
    rules: conventions.Convention | None = None
    """The convention itself, where it is no other tool's whole one."""


def fvcore(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> Count:
    """fvcore's FlopCountAnalysis: operators of the traced graph; a multiply-add is one, normalisation counts."""
    analysis_of = _imported("fvcore", "fvcore.nn").FlopCountAnalysis
    with _lent(module) as lent:
        plain, tensors = _plain(lent, args, kwargs)
        analysis = analysis_of(plain, tensors).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = analysis.by_operator()
        by_module = analysis.by_module()
        unsupported = analysis.unsupported_ops()
    products = ("conv", "linear", "addmm", "matmul", "mm", "bmm", "einsum")
    return Count(
        _version("fvcore"),
        "fvcore",
        _without_those_below(module, {path: int(by_module[f"{_INSIDE}.{path}".rstrip(".")]) for path in _paths(module)}),
        int(analysis.total()),
        sum(int(by_operator[name]) for name in products),
        tuple(sorted(unsupported)),
    )


def thop(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> Count:
    """thop's hooks: modules of a known class when they are called; a multiply-add is one, normalisation counts."""
    profile = _imported("thop", "thop").profile
    try:
        engine, same_rules = _version("ultralytics-thop"), False
    except metadata.PackageNotFoundError:
        engine, same_rules = _version("thop"), True
    with _lent(module) as lent:
        plain, tensors = _plain(lent, args, kwargs)
        total, _, layers = profile(plain, tensors, verbose=False, ret_layer_info=True)
    found = {path.partition(".")[2]: ops for path, ops in _flattened(layers, "")}
    by_path = _without_those_below(module, {path: int(found.get(path, 0)) for path in _paths(module)})
    convolutions = nn.modules.conv._ConvNd | nn.Linear
    products = [path for path, layer in module.named_modules() if isinstance(layer, convolutions | nn.RNNBase)]
    return Count(engine, "thop", by_path, int(total), sum(by_path[path] for path in products), (), same_rules)


def flop_counter(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> Count:
    """torch's FlopCounterMode on the meta device, or the CPU where the module does not run there; a multiply-add is two."""
    try:
        return _flop_counter(module, args, kwargs or {}, "meta")
    except Exception:  # a forward of the user's that does not run on meta, for whatever reason: then where its tensors are
        if any(t.is_meta for t in chain(module.parameters(), module.buffers(), tensors_in((args, kwargs or {})))):
            raise
        return _flop_counter(module, args, kwargs or {}, None)


def _flop_counter(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], device: str | None) -> Count:
    from torch.utils.flop_counter import FlopCounterMode

    with _lent(module, device=device) as lent, torch.device(device or "cpu"):
        args, kwargs = map_tensors((args, dict(kwargs)), lambda x: x if device is None else x.to(device))
        with FlopCounterMode(display=False) as counter:
            lent(*args, **kwargs)
        counts = {name: sum(by_operator.values()) for name, by_operator in counter.get_flop_counts().items()}
    root = type(module).__name__
    total = int(counter.get_total_flops())
    whole = {path: int(counts.get(f"{root}.{path}" if path else root, 0)) for path in _paths(module)} | {"": total}
    rules = conventions.TORCH if device == "meta" else conventions.TORCH_ON_CPU
    return Count(_version("torch"), "torch", _without_those_below(module, whole), total, total // 2, rules=rules)


Witness = Callable[..., Count]
"""(module, args, kwargs=None) → what it says."""

WITNESSES: dict[str, Witness] = {
    "fvcore": fvcore,
    "thop": thop,
    "torch": flop_counter,
}


@contextmanager
def _lent(module: nn.Module, device: str | None = None) -> Iterator[nn.Module]:
    """A copy of the module's structure around the same tensors (or empty ones on `device`), and a quiet, fixed torch."""
    tensors = list(chain(module.parameters(), module.buffers()))
    memo = {id(t): t if device is None else _like(t, device) for t in tensors}
    devices = sorted({t.device.index for t in tensors if t.is_cuda})
    fast = torch.backends.mha.get_fastpath_enabled()
    with torch.random.fork_rng(devices=devices), torch.no_grad(), _quiet():
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield copy.deepcopy(module, memo).eval()
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)


def _like(tensor: Tensor, device: str) -> Tensor:
    empty = torch.empty_like(tensor, device=device)
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the witnesses' own warnings: of deprecated torch functions, of operators that they pass over."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _imported(distribution: str, name: str) -> Any:
    with _quiet():
        try:
            return importlib.import_module(name)
        except ImportError as fault:
            raise Unavailable(f"{distribution} cannot be imported ({fault}); pip install {distribution} setuptools") from None


def _version(distribution: str) -> str:
    """`fvcore 0.1.5`: the numbers of a version without build and post-release. Raises PackageNotFoundError."""
    numbers = re.match(r"\d+(\.\d+)*(?!\d)", metadata.version(distribution).replace(".post", "-"))
    return f"{distribution} {numbers.group() if numbers else '?'}"


_INSIDE = "module"
"""What the module that a witness counts is called inside the one that it is given."""


class _Plain(nn.Module):
    """A module that takes tensors in a row and gives tensors in a tuple, whatever the one inside takes and gives."""

    def __init__(self, module: nn.Module, call: Any) -> None:
        super().__init__()
        self.module = module
        self.call = call

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        left = iter(tensors)
        args, kwargs = map_tensors(self.call, lambda _: next(left))
        return tuple(tensors_in(self.module(*args, **kwargs)))


def _plain(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The module for a witness that knows tensors only, and the tensors that it takes."""
    call = (args, dict(kwargs or {}))
    return _Plain(module, call), tuple(mapped_tensors(call))


def _paths(module: nn.Module) -> list[str]:
    return [path for path, _ in module.named_modules()]


def _without_those_below(module: nn.Module, whole: Mapping[str, int]) -> dict[str, int]:
    """Counts of modules with all below them → counts of what each runs itself."""
    own = dict(whole)
    for path, layer in module.named_modules():
        for name, _ in layer.named_children():
            below = f"{path}.{name}" if path else name
            own[path] -= whole.get(below, 0)
    return own


def _flattened(layers: dict[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    """thop's nested {name: (ops, params, below)} as (path, ops), those of what is below included."""
    for name, (ops, _, below) in layers.items():
        yield prefix + name, ops
        yield from _flattened(below, f"{prefix}{name}.")
