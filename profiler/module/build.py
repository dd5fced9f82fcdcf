"""A value → nn.Module of stock torch.nn leaves, parameter names equal to the row paths."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from profiler.count import closed
from profiler.count.leaves import Cost
from profiler.count.shapes import Inputs
from profiler.errors import ProfilerError
from profiler.module.exclusive import exclusive
from profiler.module.leaves import entry
from profiler.module.meta import on_meta
from profiler.network import combinators as C
from profiler.network import layers as L


def build(network: L.Layer, inputs: Inputs, *, seed: int | None = 0, device: str = "cpu") -> nn.Module:
    """The module of `network` for samples of shapes `inputs` (without the batch axis), in evaluation mode.

    Weights are torch's own initialisation under `seed`; the global generator is left as it was. In training mode a network
    with asides returns `(output, {path: output})`. Raises ShapeError where the network does not fit its inputs.
    """
    _, steps = closed.walk(network, inputs)
    met = {path: (leaf, given, cost) for path, leaf, given, cost, *_ in steps}
    with on_meta() if device == "meta" else _seeded(seed, device):
        root = _module(network, "", met, {} if device == "meta" else None)
    _tie(root, steps)
    if isinstance(root, _Combinator) and any(side for *_, side in steps):
        root.asides = tuple(
            f"{path}.{name}" if path else name
            for path, module in root.named_modules()
            if isinstance(module, _Combinator)
            for name in module.beside
        )
    waiting: list[nn.Module | None] = [root]
    while waiting:  # as eval() does, which goes through every layer's setting of attributes
        module = waiting.pop()
        if module is not None:
            module.__dict__["training"] = False
            waiting += module._modules.values()
    return root


def _tie(root: nn.Module, steps: Sequence[closed.Step]) -> None:
    """Gives every TiedLinear the table that it shares."""
    for i, (path, leaf, given, cost, *_) in enumerate(steps):
        if isinstance(leaf, L.TiedLinear):
            table = closed.table_path(steps[:i], given[0][-1], cost.output[-1])
            root.get_submodule(path).weight = root.get_submodule(table).weight


@contextmanager
def _seeded(seed: int | None, device: str) -> Iterator[None]:
    with exclusive(), torch.random.fork_rng(devices=[]), torch.device(device):
        if seed is not None:
            torch.manual_seed(seed)
        yield


def bare(network: L.Layer, inputs: Inputs) -> nn.Module:
    """The module on the CPU in memory that nothing has initialised: all that a count needs, without the wait."""
    module = build(network, inputs, seed=None, device="meta").to_empty(device="cpu")
    _tie(module, closed.walk(network, inputs)[1])  # to_empty makes each place a tensor of its own
    return module


# Combinators


class _Combinator(nn.Module):
    """Named parts. Those of `beside` run in training only; at the root their outputs stand beside the output."""

    asides: tuple[str, ...] = ()
    wiring: tuple[tuple[str, ...], dict[str, tuple[str, ...]], tuple[str, ...]] = ((), {}, ())

    def __init__(self, parts: dict[str, nn.Module], beside: tuple[str, ...]) -> None:
        super().__init__()
        self.beside, self.kept = beside, dict[str, Any]()
        for name, module in parts.items():
            if hasattr(type(self), name) or name in self.__dict__:
                raise ProfilerError(f"a part cannot be called '{name}', which is an attribute of every module; rename it")
            self._modules[name] = module

    def run(self, name: str, inputs: tuple[Any, ...]) -> Any:
        if name not in self.beside:
            return self._modules[name](*inputs)  # type: ignore[misc]
        if self.training:
            self.kept[name] = self._modules[name](*inputs)  # type: ignore[misc]
        return inputs if len(inputs) > 1 else inputs[0]

    def finished(self, output: Any) -> Any:
        if not (self.training and self.asides):
            return output
        owners = {path: path.rpartition(".") for path in self.asides}
        return output, {path: self.get_submodule(owner).kept.pop(name) for path, (owner, _, name) in owners.items()}  # type: ignore[union-attr,operator]


class Chain(_Combinator):
    """One after the other."""

    def forward(self, *inputs: Tensor) -> Any:
        value: Any = inputs
        for name in self._modules:
            value = self.run(name, value if isinstance(value, tuple) else (value,))
        return self.finished(value)


class Branches(_Combinator):
    """Every part on the same inputs, their outputs joined by the last."""

    def forward(self, *inputs: Tensor) -> Any:
        outputs = tuple(self.run(name, inputs) for name in self._modules if name != "join")
        return self.finished(self.run("join", outputs))


class Graph(_Combinator):
    """Named nodes with the names of their inputs."""

    def __init__(self, parts: dict[str, nn.Module], beside: tuple[str, ...], wiring: C.Graph) -> None:
        super().__init__(parts, beside)
        self.wiring = (wiring.inputs, {name: sources for name, _, sources in wiring.nodes}, wiring.outputs)

    def forward(self, *inputs: Tensor) -> Any:
        names, sources, outputs = self.wiring
        known = dict(zip(names, inputs, strict=True))
        for name in self._modules:
            known[name] = self.run(name, tuple(known[source] for source in sources[name]))
        results = tuple(known[name] for name in outputs)
        return self.finished(results[0] if len(results) == 1 else results)


Met = dict[str, tuple[L.Layer, Inputs, Cost]]
Known = dict[tuple[L.Layer, Inputs, Cost], nn.Module]
"""Leaves that were built, of which others like them are copies: where nothing is allocated, that takes a third of the time."""


def _module(layer: L.Layer, path: str, met: Met, known: Known | None) -> nn.Module:
    def made(parts: tuple[C.Part, ...]) -> tuple[dict[str, nn.Module], tuple[str, ...]]:
        below = {name: _module(part, f"{path}.{name}" if path else name, met, known) for name, part in parts}
        return below, tuple(name for name, part in parts if isinstance(part, C.Aside))

    match layer:
        case C.Chain(parts):
            return Chain(*made(parts))
        case C.Branches(parts, join):
            return Branches(*made((*parts, ("join", join))))
        case C.Graph(_, nodes, _):
            return Graph(*made(tuple((name, part) for name, part, _ in nodes)), wiring=layer)
        case C.Aside(part):
            return _module(part, path, met, known)
        case leaf:
            if known is None:
                return entry(type(leaf)).build(*met[path])
            first = known.get(met[path])
            if first is not None:
                return _alike(first)
            module = entry(type(leaf)).build(*met[path])
            if type(module).__module__.startswith("torch.nn.modules.") and not module._modules:
                known[met[path]] = module
            return module


def _alike(module: nn.Module) -> nn.Module:
    """A module of torch's as it was built, with parameters and buffers of its own, on the meta device."""
    made: nn.Module = object.__new__(type(module))
    attributes = made.__dict__
    for name, value in module.__dict__.items():
        attributes[name] = value.copy() if type(value) in _CONTAINERS else value
    parameters: dict[str, Any] = attributes["_parameters"]
    buffers: dict[str, Any] = attributes["_buffers"]
    with torch._C.DisableTorchFunction():  # without on_meta's own way of making tensors
        for name, p in parameters.items():
            if p is not None:
                parameters[name] = nn.Parameter(torch.empty(p.shape, dtype=p.dtype, device="meta"), p.requires_grad)
        for name, b in buffers.items():
            if b is not None:
                buffers[name] = torch.empty(b.shape, dtype=b.dtype, device="meta")
    return made


_CONTAINERS = frozenset({dict, OrderedDict, list, set})
