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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from profiler.errors import Unavailable


@dataclass(frozen=True)
class Count:
    """What a witness says of a module."""

    engine: str
    """Its name and version."""
    convention: str
    """The convention that its total follows."""
    by_path: dict[str, int]
    """Its count of every module that calls no other."""
    total: int
    """What it prints."""
    macs: int
    """The part that is comparable with our multiply-adds."""
    unsupported: tuple[str, ...] = ()
    """Operations that it says it passed over."""
    same_rules: bool = True
    """False for a version whose other operations follow rules that no convention of ours states."""


def fvcore(module: nn.Module, inputs: tuple[Tensor, ...]) -> Count:
    """fvcore's FlopCountAnalysis: operators of the traced graph; a multiply-add is one, normalisation counts."""
    analysis_of = _imported("fvcore", "fvcore.nn").FlopCountAnalysis
    with _lent(module) as lent:
        analysis = analysis_of(lent, inputs).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = analysis.by_operator()
        by_module = analysis.by_module()
        unsupported = analysis.unsupported_ops()
    products = ("conv", "linear", "addmm", "matmul", "mm", "bmm", "einsum")
    return Count(
        _version("fvcore"),
        "fvcore",
        {path: int(by_module[path]) for path in _last(module)},
        int(analysis.total()),
        sum(int(by_operator[name]) for name in products),
        tuple(sorted(unsupported)),
    )


def thop(module: nn.Module, inputs: tuple[Tensor, ...]) -> Count:
    """thop's hooks: modules of a known class when they are called; a multiply-add is one, normalisation counts."""
    profile = _imported("thop", "thop").profile
    try:
        engine, same_rules = _version("ultralytics-thop"), False
    except metadata.PackageNotFoundError:
        engine, same_rules = _version("thop"), True
    with _lent(module) as lent:
        total, _, layers = profile(lent, inputs, verbose=False, ret_layer_info=True)
    found = dict(_flattened(layers, ""))
    by_path = {path: int(found.get(path, total if not path else 0)) for path in _last(module)}
    products = [path for path, layer in module.named_modules() if isinstance(layer, nn.modules.conv._ConvNd | nn.Linear)]
    return Count(engine, "thop", by_path, int(total), sum(by_path[path] for path in products), (), same_rules)


def flop_counter(module: nn.Module, inputs: tuple[Tensor, ...]) -> Count:
    """torch's FlopCounterMode on the meta device: matrix products and convolutions; a multiply-add is two."""
    from torch.utils.flop_counter import FlopCounterMode

    with _lent(module, device="meta") as lent:
        with FlopCounterMode(display=False) as counter:
            lent(*(x.to(device="meta") for x in inputs))
        counts = {name: sum(by_operator.values()) for name, by_operator in counter.get_flop_counts().items()}
    root = type(module).__name__
    names = {path: f"{root}.{path}" if path else root for path in _last(module)}
    total = int(counter.get_total_flops())
    by_path = {path: int(counts.get(name, 0)) for path, name in names.items()}
    return Count(_version("torch"), "torch", by_path, total, total // 2)


Witness = Callable[[nn.Module, tuple[Tensor, ...]], Count]

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
    devices = sorted({t.device.index for t in tensors if t.device.type == "cuda"})
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
            raise Unavailable(f"{distribution} does not import here ({fault}); pip install {distribution} setuptools") from None


def _version(distribution: str) -> str:
    """`fvcore 0.1.5`: the numbers of a version without build and post-release. Raises PackageNotFoundError."""
    numbers = re.match(r"\d+(\.\d+)*(?!\d)", metadata.version(distribution).replace(".post", "-"))
    return f"{distribution} {numbers.group() if numbers else '?'}"


def _last(module: nn.Module) -> list[str]:
    """Paths of the modules that call no other."""
    return [path for path, layer in module.named_modules() if not any(layer.children())]


def _flattened(layers: dict[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    """thop's nested {name: (ops, params, below)} as (path, ops) of the last ones."""
    for name, (ops, _, below) in layers.items():
        if below:
            yield from _flattened(below, f"{prefix}{name}.")
        else:
            yield prefix + name, ops
