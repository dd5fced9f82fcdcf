"""The rows of a trace, in the order they run: parameters once by identity, operators by what became of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol
from weakref import ReferenceType, ref

from torch import Tensor, nn

from profiler.count.formulas import conv_kind
from profiler.count.leaves import Cost, described
from profiler.count.moved import moved
from profiler.module import leaves
from profiler.module.trees import first_tensor, tensors, tensors_of_call
from profiler.network import layers as L
from profiler.records.profile import Row, Shape
from profiler.tracing.restore import Places
from profiler.tracing.tables.entries import FREE_OF_COST, PRODUCT, UNKNOWN, Entry
from profiler.tracing.tables.leaves import takes
from profiler.tracing.tables.multihead import attention_cost
from profiler.tracing.tables.operators import Work

NOTHING = Work()
_NONE: frozenset[int] = frozenset()


class Frame:
    """One running call of a module that is no leaf: names what runs in it."""

    __slots__ = ("children", "cls", "path", "times")

    def __init__(self, path: str, cls: type, children: Collection[str]) -> None:
        self.path, self.cls, self.children = path, cls, children
        self.times: dict[str, int] = {}

    def name(self, op: str) -> str:
        """`block.add`, then `block.add_1`; never the name of a module."""
        while True:
            n = self.times.get(op, 0)
            self.times[op] = n + 1
            name = f"{op}_{n}" if n else op
            if name not in self.children:
                return f"{self.path}.{name}" if self.path else name


class Merged:
    """What a stock module ran, for its one row."""

    def __init__(self, path: str, module: nn.Module, leaf: type[nn.Module]) -> None:
        self.path, self.module, self.leaf = path, module, leaf
        self.macs = self.activations = self.elementwise = 0
        self.fused = 0
        """Multiply-adds of fused attention among them."""
        self.parts: list[tuple[str, str, Any, bool]] = []
        """op, kind, facts, and whether it has multiply-adds."""

    def add(self, found: Entry, work: Work) -> None:
        self.macs += work.macs
        self.activations += work.activations
        self.elementwise += work.elementwise
        self.fused += work.macs if found.op == "attention" else 0
        self.parts.append((found.op, found.kind, work.facts, bool(work.macs)))


class Calls(Protocol):
    """The calls of modules that are running, which a row stands in."""

    stack: list[Frame]
    merging: Merged | None
    called: set[int]


class RowBuilder:
    """Rows and what they read."""

    def __init__(self, everything: Places) -> None:
        self.rows: list[Row] = []
        self.paths: dict[int, str] = {}
        self.owners: dict[int, tuple[nn.Module, str, bool]] = {}
        """id of a parameter or buffer → its module, name and whether it is a parameter."""
        self.counted_tensors: set[int] = set()
        self.uncounted: dict[str, list[Any]] = {}
        self.tally: dict[str, int] = {"counted": 0, "elementwise": 0, "free": 0, "uncounted": 0}
        self.tied: list[str] = []
        self.routed: dict[int, int] = {}
        """Experts of a router → how many of them each token takes."""
        self.parameters: dict[int, nn.Parameter] = {}
        self.derived: dict[int, tuple[Tensor, frozenset[int]]] = {}
        """id of a view of parameters → itself, so that the id stays its own, and theirs."""
        self.scored: dict[int, tuple[ReferenceType[Tensor], int, bool]] = {}
        """id of what may be attention scores → itself, the row of their product, and whether a softmax went over them."""
        for path, module in everything:
            self.paths[id(module)] = path
            for name, p in module._parameters.items():
                if p is None:
                    continue
                if id(p) in self.parameters:
                    self.tied.append(f"{path}.{name}".lstrip("."))
                else:
                    self.parameters[id(p)] = p
                    self.owners[id(p)] = (module, name, True)
            for name, b in module._buffers.items():
                if b is not None:
                    self.owners.setdefault(id(b), (module, name, False))

    # Leaves

    def add_leaf_row(
        self, path: str, module: nn.Module, layer: L.Layer, given: tuple[Shape, ...], cost: Cost, batch: int
    ) -> Row:
        """A row as the closed form writes it."""
        output, weights, bias, norm, buffers, macs, elementwise, activations = cost
        read = weights + bias + norm
        counted = self.counted_tensors
        for name, p in module._parameters.items():
            if p is None:
                continue
            key = id(p)
            if key not in counted:
                counted.add(key)
            elif norm:
                norm -= p.numel()
            elif name == "bias":
                bias -= p.numel()
            else:
                weights -= p.numel()
        for b in module._buffers.values():
            if b is None:
                continue
            key = id(b)
            if key not in counted:
                counted.add(key)
            else:
                buffers -= b.numel()
        first = given[0]
        op, kind, name, facts = described(layer, first)
        shapes = ((batch, *first),) if len(given) == 1 else tuple([(batch, *shape) for shape in given])
        counts = (weights, bias, norm, buffers, batch * macs, batch * elementwise, batch * activations)
        shape = (batch, *output)
        row = Row._make((path, op, kind, name, facts, shapes, shape, *counts, False, moved(op, kind, read, shapes, shape)))
        self.rows.append(row)
        self.tally["counted" if macs else "elementwise" if elementwise else "free"] += 1
        return row

    def add_module_row(self, merged: Merged, args: Any, kwargs: Any, out: Any, custom: Any) -> None:
        """The row of a leaf that was run."""
        module = merged.module
        named = [(name, p) for _, m in module.named_modules() for name, p in m._parameters.items() if p is not None]
        products = [part for part in merged.parts if part[3]]
        norm = isinstance(module, nn.modules.batchnorm._NormBase) or "norm" in merged.leaf.__name__.lower()
        sums = self.first_read([(id(p), name, p.numel(), True, norm) for name, p in named])
        buffers = [
            b
            for _, m in module.named_modules()
            for b in m._buffers.values()
            if b is not None and id(b) not in self.counted_tensors
        ]
        self.counted_tensors |= {id(b) for b in buffers}
        known = attention_cost(module, args, kwargs) if isinstance(module, nn.MultiheadAttention) else None
        one = [] if known else products if len(products) == 1 else [] if products else merged.parts[:1]
        facts: dict[str, Any] = {
            key: getattr(module, key) for key in getattr(module, "__constants__", ()) if hasattr(module, key)
        }
        facts = {key: value for key, value in facts.items() if isinstance(value, int | float | str | tuple | bool | None)}
        if one:
            op, kind, own, _ = one[0]
            facts = {**facts, **own}
        else:
            op = "".join(f"_{c.lower()}" if c.isupper() else c for c in _spelled(merged.leaf.__name__)).lstrip("_")
            kind = _kind_of(merged.leaf.__name__, products)
            facts |= {"fused_macs": merged.fused} if merged.fused else {}
        shapes = tuple(tuple(t.shape) for t in tensors_of_call(args, kwargs))
        batched = bool(shapes) and len(shapes[0]) in (takes(merged.leaf).axes or range(2, 99))
        layer = leaves.read(module, merged.leaf, shapes[0]) if batched else None
        if layer is not None:  # named as if it had not been run
            op, kind, _, own = described(layer, shapes[0][1:])
            facts = dict(own)
        elif op == "conv":
            kind = "conv_transpose" if facts.pop("transposed", False) else _conv_kind(facts, shapes)
        macs, elementwise, activations = merged.macs, merged.elementwise, merged.activations
        if known is not None:
            macs, activations, elementwise, more = known.work
            facts |= more
        if custom is not None:
            macs, activations, elementwise, kind = custom.counts(module, args, kwargs, out, merged)
        shape = _shape_of(out)
        self.rows.append(
            Row(merged.path, op, kind, type(module).__name__, facts, shapes, shape, *sums,
                sum(b.numel() for b in buffers), macs, elementwise, activations, False,
                moved(op, kind, sum(p.numel() for _, p in named), shapes, shape))
        )  # fmt: skip

    def first_read(self, given: list[tuple[int, str, int, bool, bool]]) -> tuple[int, int, int]:
        """weights, bias and norm of those that nothing read before: (id, name, elements, parameter, of a normalisation)."""
        weights = bias = norm = 0
        for key, name, n, parameter, of_norm in given:
            if not parameter or key in self.counted_tensors:
                continue
            self.counted_tensors.add(key)
            if of_norm:
                norm += n
            elif "bias" in name:
                bias += n
            else:
                weights += n
        return weights, bias, norm

    # Operators

    def add_operator(self, calls: Calls, found: Entry, given: list[Tensor], args: Any, kwargs: Any, out: Any) -> None:
        """What one operator cost, in the row that it belongs to; `given` are its tensors."""
        sort, work, tally = found.sort, NOTHING, self.tally
        if sort == FREE_OF_COST:
            tally["free"] += 1
        elif sort == PRODUCT:
            work = found.formula(out, *args, **kwargs)  # type: ignore[misc]
            tally["counted"] += 1
        elif sort == UNKNOWN:
            tally["uncounted"] += 1
            self.unknown(found.name, calls.stack[-1].path)
        else:
            first = first_tensor(out)
            if first is not None and (first.is_floating_point() or first.is_complex()):
                work = Work(0, 0, first.numel(), _facts_of(found, args) if found.op in _WITH_FACTS else NOTHING.facts)
                tally["elementwise"] += 1
            else:
                tally["free"] += 1  # positions, masks: bookkeeping in whole numbers
            if found.op == "topk":
                self.route(args)
        merged = calls.merging
        if merged is not None:
            if work is not NOTHING:
                merged.add(found, work)
            return
        owners, derived = self.owners, self.derived
        held = [t for t in given if id(t) in owners or id(t) in derived]
        if held and sort == FREE_OF_COST and len(held) == len(given):
            read = self.read_by(held)
            for t in tensors(out):
                derived[id(t)] = (t, read)
            return
        if held or work is not NOTHING:
            self.add_operator_row(calls, found, work, given, held, out)
        elif self.scored:
            scores = self.scores(found, given)
            if scores is not None:
                self.follow_scores(scores, out)

    def read_by(self, held: list[Tensor]) -> frozenset[int]:
        """ids of the parameters and buffers that tensors are, or are views of."""
        return frozenset().union(*(self.derived[id(t)][1] if id(t) in self.derived else (id(t),) for t in held))

    def add_operator_row(
        self, calls: Calls, found: Entry, work: Work, given: list[Tensor], held: list[Tensor], out: Any
    ) -> None:
        """A row for what has a cost, or is the first to read a parameter."""
        frame = calls.stack[-1]
        ids = self.read_by(held) if held else _NONE
        sums, buffers, path = (0, 0, 0), 0, ""
        fresh = [key for key in ids if key not in self.counted_tensors]
        if fresh:
            sums, buffers, path = self.first_reading(calls, found, fresh)
        scores = self.scores(found, given) if self.scored else None
        if work is NOTHING and not fresh:
            if scores is not None:
                self.follow_scores(scores, out)
            return
        kind, facts = found.kind, work.facts
        inputs = tuple([tuple(t.shape) for t in given if id(t) not in ids and id(t) not in self.derived])
        if found.op == "conv":
            facts = dict(facts)
            kind = "conv_transpose" if facts.pop("transposed", False) else _conv_kind(facts, inputs)
        elif "experts" in facts and facts["experts"] in self.routed:
            facts = {**facts, "active": self.routed[facts["experts"]]}
        elif found.op == "matmul" and len(inputs) == 1 and ids:
            kind = "linear"
        shape = _shape_of(out)
        where = path or frame.name(found.op)
        counts = (*sums, buffers, work.macs, work.elementwise, work.activations)
        self.rows.append(
            Row._make((where, found.op, kind, frame.cls.__name__, facts, inputs or (shape,), shape, *counts, False, 0))
        )
        if found.op == "matmul":
            if scores is not None and scores[1] and id(given[0]) in self.scored:
                for i in (scores[0], len(self.rows) - 1):
                    self.rows[i] = self.rows[i]._replace(kind="attention")
            elif kind == "matmul":
                self.follow_scores((len(self.rows) - 1, False), out)
        elif scores is not None:
            self.follow_scores(scores, out)

    def first_reading(self, calls: Calls, found: Entry, fresh: list[int]) -> tuple[tuple[int, int, int], int, str]:
        """(weights, bias, norm), buffers, and the path of an owner that no call stands for."""
        reading, buffers, path = [], 0, ""
        for key in fresh:
            module, name, parameter = self.owners[key]
            tensor = (module._parameters if parameter else module._buffers).get(name)
            if tensor is None:
                continue
            if not parameter:
                self.counted_tensors.add(key)
                buffers += tensor.numel()
                continue
            reading.append((key, name, tensor.numel(), True, found.kind == "norm" or "Norm" in type(module).__name__))
            running = {frame.path for frame in calls.stack}
            if id(module) not in calls.called and self.paths[id(module)] not in running:
                path = self.paths[id(module)]  # its forward was called directly, or the graph was flattened
        return self.first_read(reading), buffers, path

    def scores(self, found: Entry, given: list[Tensor]) -> tuple[int, bool] | None:
        """The row of the product that made the attention scores among `given`, and whether a softmax went over them."""
        for t in given[:2]:
            known = self.scored.get(id(t))
            if known is not None and known[0]() is t:
                return (known[1], known[2] or found.op == "softmax")
        return None

    def follow_scores(self, scores: tuple[int, bool], out: Any) -> None:
        if isinstance(out, Tensor):
            self.scored[id(out)] = (ref(out), *scores)

    def route(self, args: Any) -> None:
        """A router's choice: k of its last axis."""
        if len(args) > 1 and isinstance(args[1], int) and isinstance(args[0], Tensor) and args[0].ndim:
            self.routed[args[0].shape[-1]] = args[1]

    def unknown(self, name: str, path: str) -> None:
        known = self.uncounted.setdefault(name, [0, path])
        known[0] += 1


_WITH_FACTS = ("batch_norm", "upsample")


def _facts_of(found: Entry, args: Any) -> dict[str, Any]:
    """What the conventions ask of an operator without multiply-adds."""
    if found.op == "batch_norm":
        return {"affine": args[1] is not None, "track_running_stats": len(args) > 3 and args[3] is not None}
    if found.op == "upsample":
        return {"mode": "nearest" if "nearest" in found.name else "bilinear" if "linear" in found.name else "bicubic"}
    return {}


def _conv_kind(facts: Any, inputs: tuple[Shape, ...]) -> str:
    rank = len(facts.get("kernel", ()))
    channels = inputs[0][-rank - 1] if inputs and rank and len(inputs[0]) > rank else 0
    return conv_kind(channels, facts.get("groups", 1), facts.get("kernel", (2,)))


def _kind_of(name: str, products: list[Any]) -> str:
    if "Attention" in name:
        return "attention"
    if "Norm" in name:
        return "norm"
    if "Pool" in name:
        return "pool"
    return products[0][1] if products else "reshape"


def _spelled(name: str) -> str:
    """RMSNorm → Rmsnorm, so that it is spelled with one underscore at most."""
    out = ""
    for i, c in enumerate(name):
        out += c.lower() if i and c.isupper() and name[i - 1].isupper() else c
    return out


def _shape_of(out: Any) -> Shape:
    first = first_tensor(out)
    return tuple(first.shape) if first is not None else ()
