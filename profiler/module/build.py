"""A value → nn.Module of stock torch.nn leaves, parameter names equal to the row paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from profiler.count import closed
from profiler.count.formulas import Cost
from profiler.count.shapes import Inputs, spread
from profiler.errors import ProfilerError
from profiler.module import modules as M
from profiler.module.meta import on_meta
from profiler.network import combinators as C
from profiler.network import layers as L


def build(network: L.Layer, inputs: Inputs, *, seed: int | None = 0, device: str = "cpu") -> nn.Module:
    """The module of `network` for samples of shapes `inputs` (without the batch axis), in evaluation mode.

    Weights are torch's own initialisation under `seed`; the global generator is left as it was. In training mode a network
    with asides returns `(output, {path: output})`. Raises ShapeError where the network does not fit its inputs.
    """
    _, steps = closed.walk(network, inputs)
    met = {path: (leaf, given, cost) for path, leaf, given, cost, _ in steps}
    with on_meta() if device == "meta" else _seeded(seed, device):
        root = _module(network, "", met)
    if isinstance(root, _Combinator):
        root.asides = tuple(
            f"{path}.{name}" if path else name
            for path, module in root.named_modules()
            if isinstance(module, _Combinator)
            for name in module.beside
        )
    return root.eval()


@contextmanager
def _seeded(seed: int | None, device: str) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]), torch.device(device):
        if seed is not None:
            torch.manual_seed(seed)
        yield


def bare(network: L.Layer, inputs: Inputs) -> nn.Module:
    """The module on the CPU in memory that nothing has initialised: all that a count needs, without the wait."""
    return build(network, inputs, seed=None, device="meta").to_empty(device="cpu")


# Combinators


class _Combinator(nn.Module):
    """Named parts. Those of `beside` run in training only; at the root their outputs stand beside the output."""

    asides: tuple[str, ...] = ()
    wiring: tuple[tuple[str, ...], dict[str, tuple[str, ...]], tuple[str, ...]] = ((), {}, ())

    def __init__(self, parts: dict[str, nn.Module], beside: tuple[str, ...]) -> None:
        super().__init__()
        self.beside, self.kept = beside, dict[str, Any]()
        for name, module in parts.items():
            if hasattr(self, name):
                raise ProfilerError(f"a part cannot be called '{name}', which is an attribute of every module; rename it")
            self.add_module(name, module)

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


def _module(layer: L.Layer, path: str, met: Met) -> nn.Module:
    def made(parts: tuple[C.Part, ...]) -> tuple[dict[str, nn.Module], tuple[str, ...]]:
        below = {name: _module(part, f"{path}.{name}" if path else name, met) for name, part in parts}
        return below, tuple(name for name, part in parts if isinstance(part, C.Aside))

    match layer:
        case C.Chain(parts):
            return Chain(*made(parts))
        case C.Branches(parts, join):
            return Branches(*made((*parts, ("join", join))))
        case C.Graph(_, nodes, _):
            return Graph(*made(tuple((name, part) for name, part, _ in nodes)), wiring=layer)
        case C.Aside(part):
            return _module(part, path, met)
        case leaf:
            return LEAVES[type(leaf)](*met[path])


# Leaves: (leaf, input shapes, cost) → module


def _conv(leaf: Any, inputs: Inputs, cost: Cost) -> nn.Module:
    m, rank = inputs[0][0], len(inputs[0]) - 1
    given = ("kernel", "stride", "padding", "dilation")
    settings: dict[str, Any] = {
        ("kernel_size" if name == "kernel" else name): spread(getattr(leaf, name), rank) for name in given
    }
    settings |= {"groups": m if leaf.groups == "each" else leaf.groups, "bias": leaf.bias}
    if isinstance(leaf, L.ConvTranspose):
        settings["output_padding"] = spread(leaf.output_padding, rank)
    return _stock(f"{type(leaf).__name__}{rank}d", m, cost.output[0], **settings)


def _pool(leaf: Any, inputs: Inputs, cost: Cost) -> nn.Module:
    rank = len(inputs[0]) - 1
    settings = {name: getattr(leaf, name) for name in ("kernel", "stride", "padding", "dilation") if hasattr(leaf, name)}
    settings = {name: None if value is None else spread(value, rank) for name, value in settings.items()}
    rest = {name: getattr(leaf, name) for name in ("ceil_mode", "count_include_pad") if hasattr(leaf, name)}
    return _stock(f"{type(leaf).__name__}{rank}d", settings.pop("kernel"), **settings, **rest)


def _adaptive_pool(leaf: Any, inputs: Inputs, cost: Cost) -> nn.Module:
    rank = len(inputs[0]) - 1
    return _stock(f"{type(leaf).__name__}{rank}d", spread(leaf.output, rank))


def _batch_norm(leaf: L.BatchNorm, inputs: Inputs, cost: Cost) -> nn.Module:
    c, rank = inputs[0][0], len(inputs[0]) - 1
    return _stock(
        f"BatchNorm{rank or 1}d",
        c,
        leaf.eps,
        leaf.momentum,
        affine=leaf.affine,
        track_running_stats=leaf.track_running_stats,
    )


def _instance_norm(leaf: L.InstanceNorm, inputs: Inputs, cost: Cost) -> nn.Module:
    return _stock(f"InstanceNorm{len(inputs[0]) - 1}d", inputs[0][0], leaf.eps, affine=leaf.affine)


def _layer_norm(leaf: L.LayerNorm, inputs: Inputs, cost: Cost) -> nn.Module:
    return nn.LayerNorm(inputs[0][-1], leaf.eps, leaf.elementwise_affine, bias=leaf.bias)


def _activation(leaf: L.Activation, inputs: Inputs, cost: Cost) -> nn.Module:
    return _stock(leaf.name, **({"dim": 1} if leaf.name in ("Softmax", "LogSoftmax") else {}))


def _pad(leaf: L.Pad, inputs: Inputs, cost: Cost) -> nn.Module:
    rank = len(inputs[0]) - 1
    if isinstance(leaf.padding, int):
        return _stock(f"ZeroPad{rank}d", leaf.padding)
    return _stock(f"ZeroPad{rank}d", tuple(n for sides in reversed(leaf.padding) for n in sides))  # torch: last axis first


def _stock(name: str, *given: Any, **named: Any) -> nn.Module:
    module: nn.Module = getattr(nn, name)(*given, **named)
    return module


LEAVES: dict[type[L.Layer], Callable[[Any, Inputs, Cost], nn.Module]] = {
    L.Conv: _conv,
    L.ConvTranspose: _conv,
    L.Linear: lambda leaf, inputs, cost: nn.Linear(inputs[0][-1], cost.output[-1], leaf.bias),
    L.BatchNorm: _batch_norm,
    L.InstanceNorm: _instance_norm,
    L.GroupNorm: lambda leaf, inputs, cost: nn.GroupNorm(leaf.groups, inputs[0][0], leaf.eps, leaf.affine),
    L.LayerNorm: _layer_norm,
    L.LocalResponseNorm: lambda leaf, inputs, cost: nn.LocalResponseNorm(leaf.size, leaf.alpha, leaf.beta, leaf.k),
    L.PReLU: lambda leaf, inputs, cost: nn.PReLU(cost.weights, leaf.init),
    L.Embedding: lambda leaf, inputs, cost: nn.Embedding(leaf.num_embeddings, cost.output[-1]),
    L.ClassToken: lambda leaf, inputs, cost: M.ClassToken(cost.output[-1]),
    L.PositionEmbedding: lambda leaf, inputs, cost: M.PositionEmbedding(*cost.output),
    L.Activation: _activation,
    L.MaxPool: _pool,
    L.AvgPool: _pool,
    L.AdaptiveAvgPool: _adaptive_pool,
    L.AdaptiveMaxPool: _adaptive_pool,
    L.Upsample: lambda leaf, inputs, cost: M.upsample(
        spread(leaf.scale_factor, len(inputs[0]) - 1), leaf.mode, leaf.align_corners
    ),
    L.Pad: _pad,
    L.Dropout: lambda leaf, inputs, cost: nn.Dropout(leaf.p),
    L.Identity: lambda leaf, inputs, cost: nn.Identity(),
    L.Flatten: lambda leaf, inputs, cost: nn.Flatten(),
    L.Fold: lambda leaf, inputs, cost: M.Fold(),
    L.Tokens: lambda leaf, inputs, cost: M.Tokens(),
    L.Token: lambda leaf, inputs, cost: M.Token(leaf.index),
    L.Unsqueeze: lambda leaf, inputs, cost: M.Unsqueeze(),
    L.ChannelShuffle: lambda leaf, inputs, cost: nn.ChannelShuffle(leaf.groups),
    L.PadChannels: lambda leaf, inputs, cost: M.PadChannels(cost.output[0] - inputs[0][0]),
    L.ChannelSlice: lambda leaf, inputs, cost: M.ChannelSlice(leaf.index, leaf.of),
    L.Add: lambda leaf, inputs, cost: M.Add(leaf.scale),
    L.Multiply: lambda leaf, inputs, cost: M.Multiply(),
    L.Concatenate: lambda leaf, inputs, cost: M.Concatenate(leaf.axis),
    L.MatMul: lambda leaf, inputs, cost: M.MatMul(),
    L.Attention: lambda leaf, inputs, cost: M.Attention(leaf.heads),
    L.Resize: lambda leaf, inputs, cost: M.Resize(leaf.mode, leaf.align_corners),
    L.Crop: lambda leaf, inputs, cost: M.Crop(),
}
