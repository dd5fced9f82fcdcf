"""A module → the channels of each of its tensors, node by node of its graph: what holds one value, and what must stay.

A convolution's output channel holds one value where its weights are zero on every input that varies; BatchNorm's where its
scale is zero or its running variance nil; an elementwise operation hands a value on. A dense layer drops an input channel of
one value where that goes into its bias: always where it is zero, and where no padding puts zeros beside it. What is added,
multiplied or normalised together stands or falls together; a grouped convolution keeps its channels, since groups are of one
width; so does every operation that is not known here.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional as F

from profiler.checkpoint.inspecting import dead_by_variance
from profiler.module import modules
from profiler.pruning.channels import Channels, Flags, Numbers, Together

CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
ELEMENTWISE = (
    nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.GELU, nn.ELU, nn.SELU,
    nn.CELU, nn.LeakyReLU, nn.Softplus, nn.Mish, nn.LogSigmoid, nn.Softsign, nn.Tanhshrink,
)  # fmt: skip
PASSED = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
MEANS = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
AVG_POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
PADS = (nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d)
FUNCTIONS: dict[Any, Callable[[torch.Tensor], torch.Tensor]] = {
    F.relu: F.relu, torch.relu: F.relu, F.relu6: F.relu6, F.hardswish: F.hardswish, F.hardsigmoid: F.hardsigmoid,
    F.silu: F.silu, F.sigmoid: torch.sigmoid, torch.sigmoid: torch.sigmoid, F.tanh: torch.tanh,
    torch.tanh: torch.tanh, F.gelu: F.gelu,
    "relu": F.relu, "relu_": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh,
}  # fmt: skip
ADDS = (operator.add, operator.iadd, torch.add, "add", "add_")
TIMES = (operator.mul, operator.imul, torch.mul, "mul", "mul_")
SHAPES = ("size", "dim", getattr, operator.getitem, operator.mul, operator.floordiv, operator.add)
UNPADDED = (0, "valid")


class Called(nn.Module):
    """A module that is given so many tensors by their places: forwards of any signature are followed."""

    def __init__(self, module: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.module, self.names = module, names

    def forward(self, given: tuple[torch.Tensor, ...]) -> Any:
        """The module's output; the last of what is given go by their names."""
        places = len(given) - len(self.names)
        return self.module(*given[:places], **dict(zip(self.names, given[places:], strict=True)))


class Traced(fx.Tracer):
    """Every module of torch.nn and of ours is one node; the user's own are looked into."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        """Tensors that the module is given."""

    def create_args_for_root(self, root_fn: Any, is_module: bool, concrete_args: Any = None) -> Any:  # noqa: ARG002  # torch's own
        """The root with one placeholder a tensor."""
        given = tuple(self.create_proxy("placeholder", f"input_{i}", (), {}) for i in range(self.count))
        return type(self.root).forward, [self.root, given]

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is one node."""
        ours = type(m).__module__ == modules.__name__
        return ours or super().is_leaf_module(m, module_qualified_name)


def traced(module: nn.Module, count: int, names: tuple[str, ...]) -> tuple[nn.Module, fx.Graph]:
    """A module that is given `count` tensors, the last of them by `names`, and its graph. Raises whatever torch.fx does."""
    called = Called(module, names)
    return called, Traced(count).trace(called)


@dataclass
class Found:
    """What was found of a module."""

    sets: Together = field(default_factory=Together)
    inputs: dict[str, Channels] = field(default_factory=dict)
    """{path of a layer with channels: what goes in}."""
    outputs: dict[str, Channels] = field(default_factory=dict)
    """{path: what comes out}."""
    norms: dict[str, str] = field(default_factory=dict)
    """{path of a convolution or linear layer: the BatchNorm that alone takes its output}."""


def walked(module: nn.Module, given: tuple[torch.Tensor, ...], names: tuple[str, ...] = ()) -> Found:
    """The channels of a module with values that is given tensors, the last of them by names; of `given` only shapes are taken.

    Raises whatever torch.fx does where it cannot follow the forward.
    """
    found: dict[str, tuple[int, ...]] = {}

    class Shapes(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            made = super().run_node(n)
            if isinstance(made, torch.Tensor):
                found[n.name] = tuple(made.shape)
            return made

    called, graph = traced(module, len(given), names)
    meta = copy.deepcopy(called).to("meta")
    Shapes(fx.GraphModule(meta, graph)).run(*(each.to("meta") for each in given))
    return _Walk(called, graph, found).run()


class _Walk:
    def __init__(self, module: nn.Module, graph: fx.Graph, shapes: dict[str, tuple[int, ...]]) -> None:
        self.modules = dict(module.named_modules())
        self.graph, self.shapes = graph, shapes
        self.found = Found()
        self.known: dict[str, Channels] = {}

    def run(self) -> Found:
        for node in self.graph.nodes:
            if node.op == "output":
                for each in node.all_input_nodes:
                    self._stay(each, "it is an output of the network")
            elif node.name in self.shapes:
                self.known[node.name] = self._made(node)
            elif not (node.target in SHAPES or node.op == "get_attr"):
                for each in node.all_input_nodes:
                    self._stay(each, f"{_said(node)} makes no tensor of its channels")
        return self.found

    def _stay(self, node: fx.Node, reason: str) -> None:
        if node.name in self.known:
            self.found.sets.keep(self.known[node.name].ids, reason)

    def _made(self, node: fx.Node) -> Channels:
        shape = self.shapes[node.name]
        given = [self.known[each.name] for each in node.all_input_nodes if each.name in self.known]
        if node.op == "placeholder":
            return self._fresh(shape, "it is an input of the network")
        if node.op == "call_module" and len(given) == len(node.all_input_nodes):
            path, leaf = _path(node), self.modules[str(node.target)]
            if path in self.found.outputs:  # it runs twice, with one set of weights
                first = (self.found.inputs[path], self.found.outputs[path])
                self._stay_all([*given, *first], f"{path} runs more than once")
            elif (made := self._layer(node, path, leaf, given)) is not None:
                return made
        elif node.op in ("call_function", "call_method") and (made := self._called(node, given)) is not None:
            return made
        self._stay_all(given, f"{_said(node)} mixes them, or is not known")
        return self._fresh(shape, f"they come out of {_said(node)}")

    def _stay_all(self, given: list[Channels], reason: str) -> None:
        for each in given:
            self.found.sets.keep(each.ids, reason)

    def _fresh(self, shape: tuple[int, ...], reason: str = "") -> Channels:
        count = shape[1] if len(shape) > 1 else 1
        return Channels(self.found.sets.new(count, reason), np.full(count, np.nan), np.zeros(count, bool))

    # Modules

    def _layer(self, node: fx.Node, path: str, leaf: nn.Module, given: list[Channels]) -> Channels | None:
        first = given[0]
        if isinstance(leaf, CONVS) or (isinstance(leaf, nn.Linear) and len(self.shapes[node.name]) == 2):
            made = self._weighted(path, leaf, first)
            self.found.inputs[path], self.found.outputs[path] = first, made
            users = list(node.users)
            if len(users) == 1 and users[0].op == "call_module" and isinstance(self.modules[str(users[0].target)], NORMS):
                self.found.norms[path] = _path(users[0])
            return made
        if isinstance(leaf, NORMS) and leaf.track_running_stats:
            made = self._normalised(leaf, first)
        elif isinstance(leaf, nn.PReLU):
            slope = _array(leaf.weight)
            made = _changed(
                first, np.where(first.value < 0, first.value * (slope if len(slope) == len(first) else slope[:1]), first.value)
            )
        elif isinstance(leaf, ELEMENTWISE):
            return _changed(first, _applied(leaf, first.value))
        elif isinstance(leaf, (*PASSED, *MAX_POOLS, *MEANS)):
            return first
        elif isinstance(leaf, AVG_POOLS):
            padded = _padded(leaf.padding) and leaf.count_include_pad
            return _changed(first, np.where(padded & (first.value != 0), np.nan, first.value))
        elif isinstance(leaf, PADS):
            return _changed(first, np.where(first.value != 0, np.nan, first.value))
        elif isinstance(leaf, nn.Flatten) and leaf.start_dim == 1 and leaf.end_dim == -1:
            return self._flattened(node, first)
        elif isinstance(leaf, modules.Add) and getattr(leaf, "scale", 1.0) == 1.0:
            return self._joined(given, lambda values: sum(values))
        elif isinstance(leaf, modules.Multiply):
            return self._joined(given, _product)
        elif isinstance(leaf, modules.Concatenate) and leaf.axis in (0, -len(self.shapes[node.name]) + 1):
            return _concatenated(given)
        else:
            return None
        self.found.inputs[path] = self.found.outputs[path] = made
        return made

    def _weighted(self, path: str, leaf: Any, first: Channels) -> Channels:
        weight = _array(leaf.weight)
        out, groups = weight.shape[0], getattr(leaf, "groups", 1)
        weight = weight.reshape(out, weight.shape[1], -1)
        zeros_beside = _padded(getattr(leaf, "padding", 0))
        if getattr(leaf, "padding_mode", "zeros") != "zeros":
            zeros_beside = False  # what stands beside a value is that value
        usable = first.constant & ((first.value == 0) | (not zeros_beside))
        value, inferred = np.zeros(out), np.zeros(out, bool)
        per_in, per_out = len(first) // groups, out // groups
        for group in range(groups) if groups > 1 else (0,):
            rows, columns = slice(group * per_out, (group + 1) * per_out), slice(group * per_in, (group + 1) * per_in)
            part = weight[rows]
            reads = np.any(part != 0, axis=2)
            varies = (reads & ~usable[columns]).any(1)
            held = np.where(usable[columns], first.value[columns], 0.0)
            value[rows] = np.where(varies, np.nan, part.sum(2) @ held)
            inferred[rows] = (reads & (usable & first.inferred)[columns]).any(1)
        if leaf.bias is not None:
            value = value + _array(leaf.bias)
        made = Channels(self.found.sets.new(out), value, inferred & ~np.isnan(value))
        if groups == 1:
            for each in first.ids[~usable & first.constant]:
                self.found.sets.keep([each], f"{path} pads its input with zeros, and the value is none")
            for each in first.ids[~first.constant]:
                self.found.sets.keep([each], f"{path} reads it, and it varies")
        elif groups == len(first):
            for k in range(per_out):
                self.found.sets.join(first.ids, made.ids[k::per_out])
        else:
            reason = f"{path} has {groups} groups, which are of one width"
            self.found.sets.keep(first.ids, reason)
            self.found.sets.keep(made.ids, reason)
        return made

    def _normalised(self, leaf: Any, first: Channels) -> Channels:
        mean, variance = _array(leaf.running_mean), _array(leaf.running_var)
        scale = _array(leaf.weight) if leaf.weight is not None else np.ones(len(mean))
        shift = _array(leaf.bias) if leaf.bias is not None else np.zeros(len(mean))
        value = (first.value - mean) / np.sqrt(variance + leaf.eps) * scale + shift
        still = dead_by_variance(variance) & np.isnan(value) & (scale != 0)
        value = np.where(scale == 0, shift, np.where(still, shift, value))
        inferred = (first.inferred | still) & (scale != 0)
        return Channels(first.ids, value, inferred)

    def _flattened(self, node: fx.Node, first: Channels) -> Channels:
        size = prod(self.shapes[node.name][1:]) // len(first)
        return Channels(first.ids.repeat(size), first.value.repeat(size), first.inferred.repeat(size))

    # Functions and methods

    def _called(self, node: fx.Node, given: list[Channels]) -> Channels | None:
        target, shape = node.target, self.shapes[node.name]
        if not given:
            return None
        first = given[0]
        if target in FUNCTIONS:
            return _changed(first, _applied(FUNCTIONS[target], first.value))
        if target in (*ADDS, *TIMES):
            if len(given) == len(node.all_input_nodes) and not node.kwargs:
                numbers = [each for each in node.args if isinstance(each, int | float)]
                merge = _product if target in TIMES else sum
                if len(given) + len(numbers) == 2:
                    return self._joined(given, lambda values: merge([*values, *map(float, numbers)]))
            return None
        if target in (F.dropout, F.adaptive_avg_pool2d, F.max_pool2d, F.adaptive_max_pool2d, "contiguous"):
            return first
        if target in (torch.cat, torch.concat) and (node.args[1:] == (1,) or node.kwargs.get("dim") == 1):
            return _concatenated(given) if len(given) == len(node.args[0]) else None  # type: ignore[arg-type]
        before = self.shapes.get(node.all_input_nodes[0].name, ())
        if target in (torch.flatten, "flatten", "view", "reshape") and len(shape) == 2 and prod(shape[1:]) == prod(before[1:]):
            return self._flattened(node, first)
        pooled = target in ("mean", torch.mean) and len(before) == 4 and shape[:2] == before[:2]
        return first if pooled else None

    def _joined(self, given: list[Channels], merge: Callable[[list[Any]], Any]) -> Channels | None:
        if len({len(each) for each in given}) != 1:
            return None
        for other in given[1:]:
            self.found.sets.join(given[0].ids, other.ids)
        value = np.asarray(merge([each.value for each in given]), dtype=float) * np.ones(len(given[0]))
        inferred: Flags = np.logical_or.reduce([each.inferred for each in given])
        return Channels(given[0].ids, value, inferred)


def _path(node: fx.Node) -> str:
    """Where a module stands in the user's."""
    return str(node.target).removeprefix("module").removeprefix(".")


def _said(node: fx.Node) -> str:
    return _path(node) if node.op == "call_module" else str(getattr(node.target, "__name__", node.target))


def _array(parameter: torch.Tensor) -> Numbers:
    made: Numbers = parameter.detach().double().numpy()
    return made


def _padded(padding: Any) -> bool:
    sides = padding if isinstance(padding, tuple | list) else (padding,)
    return any(side not in UNPADDED for side in sides)


def _changed(first: Channels, value: Numbers) -> Channels:
    return Channels(first.ids, value, first.inferred)


def _applied(function: Callable[[torch.Tensor], torch.Tensor], value: Numbers) -> Numbers:
    made: Numbers = function(torch.from_numpy(value.copy())).numpy()
    return np.where(np.isnan(value), np.nan, made)


def _product(values: list[Any]) -> Any:
    """The product; of anything with zero, zero."""
    zero = np.logical_or.reduce([np.equal(each, 0) for each in values])
    return np.where(zero, 0.0, np.multiply.reduce(np.broadcast_arrays(*values)))


def _concatenated(given: list[Channels]) -> Channels:
    return Channels(*(np.concatenate([getattr(each, name) for each in given]) for name in ("ids", "value", "inferred")))
