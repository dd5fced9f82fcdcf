"""The books of a trace: rows in the order they run, parameters once by identity, operators by what became of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import prod
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from profiler.count import closed
from profiler.count.formulas import Cost
from profiler.count.harm import Places
from profiler.count.operators import Work
from profiler.network import layers as L
from profiler.records import Row, Shape

if TYPE_CHECKING:
    from profiler.count.recorder import Entry, Recorder


_CONVOLUTIONS = frozenset({L.Conv, L.ConvTranspose})


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
        self.parts: list[tuple[str, str, Any, bool]] = []
        """op, kind, facts, and whether it has multiply-adds."""
        self.fused = 0
        """Multiply-adds of fused attention among them."""


Read = list[tuple[str, int, str]]
"""Parameters that a row is the first to read: their sort, elements and owner's path."""


class Books:
    """Rows and what they read."""

    def __init__(self, everything: Places) -> None:
        self.rows: list[Row] = []
        self.paths: dict[int, str] = {}
        self.owners: dict[int, tuple[nn.Module, str, bool]] = {}
        """id of a parameter or buffer → its module, name and whether it is a parameter."""
        self.booked: set[int] = set()
        self.uncounted: dict[str, list[Any]] = {}
        self.tally: dict[str, int] = {"counted": 0, "elementwise": 0, "free": 0, "uncounted": 0}
        self.tied: list[str] = []
        self.routed: dict[int, int] = {}
        """Experts of a router → how many of them each token takes."""
        self.parameters: dict[int, nn.Parameter] = {}
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

    def leaf(self, path: str, module: nn.Module, layer: L.Layer, given: tuple[Shape, ...], cost: Cost, batch: int) -> None:
        """A row as the closed form writes it."""
        output, weights, bias, norm, buffers, macs, elementwise, activations = cost
        booked = self.booked
        for name, p in module._parameters.items():
            if p is None:
                continue
            key = id(p)
            if key not in booked:
                booked.add(key)
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
            if key not in booked:
                booked.add(key)
            else:
                buffers -= b.numel()
        first = given[0]
        channels = first[0] if type(layer) in _CONVOLUTIONS else 0
        op, kind, name, facts = closed.described(layer, len(first) - 1, channels)
        shapes = ((batch, *first),) if len(given) == 1 else tuple([(batch, *shape) for shape in given])
        counts = (weights, bias, norm, buffers, batch * macs, batch * elementwise, batch * activations)
        self.rows.append(Row._make((path, op, kind, name, facts, shapes, (batch, *output), *counts, False)))
        self.tally["counted" if macs else "elementwise" if elementwise else "free"] += 1

    def close(self, merged: Merged, args: Any, kwargs: Any, out: Any, custom: Any) -> None:
        """The row of a leaf that was run."""
        module = merged.module
        named = [(name, p) for _, m in module.named_modules() for name, p in m._parameters.items() if p is not None]
        products = [part for part in merged.parts if part[3]]
        norm = isinstance(module, nn.modules.batchnorm._NormBase) or "norm" in merged.leaf.__name__.lower()
        sums = self.first_read([(id(p), name, p.numel(), True, norm) for name, p in named])
        buffers = [
            b for _, m in module.named_modules() for b in m._buffers.values() if b is not None and id(b) not in self.booked
        ]
        self.booked |= {id(b) for b in buffers}
        one = products if len(products) == 1 else [] if products else merged.parts[:1]
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
        if kind == "conv" or (op == "conv" and kind != "conv_transpose"):
            kind = _conv_kind(facts, _shapes(args, kwargs))
        macs, elementwise, activations = merged.macs, merged.elementwise, merged.activations
        if custom is not None:
            macs, activations, elementwise, kind = custom.counts(module, args, kwargs, out, merged)
        shape = _shape_of(out)
        self.rows.append(
            Row(merged.path, op, kind, type(module).__name__, facts, _shapes(args, kwargs), shape, *sums,
                sum(b.numel() for b in buffers), macs, elementwise, activations, False)
        )  # fmt: skip

    def first_read(self, given: list[tuple[int, str, int, bool, bool]]) -> tuple[int, int, int]:
        """weights, bias and norm of those that nothing read before: (id, name, elements, parameter, of a normalisation)."""
        weights = bias = norm = 0
        for key, name, n, parameter, of_norm in given:
            if not parameter or key in self.booked:
                continue
            self.booked.add(key)
            if of_norm:
                norm += n
            elif "bias" in name:
                bias += n
            else:
                weights += n
        return weights, bias, norm

    # Operators

    def operator(self, recorder: Recorder, found: Entry, args: Any, kwargs: Any, out: Any) -> None:
        """What one operator cost, in the row that it belongs to."""
        from profiler.count.recorder import ELEMENT, NOTHING, PRODUCT, UNKNOWN

        sort, work = found.sort, Work()
        given = list(tensors_in(args, kwargs))
        if sort == PRODUCT:
            work = found.formula(out, *args, **kwargs)  # type: ignore[misc]
            self.tally["counted"] += 1
        elif sort == NOTHING:
            self.tally["free"] += 1
        else:
            first = first_tensor((out,))
            floating = first is not None and (first.is_floating_point() or first.is_complex())
            if sort == ELEMENT and floating:
                assert first is not None
                work = Work(0, 0, first.numel(), _facts_of(found, args, kwargs))
                self.tally["elementwise"] += 1
            elif sort == UNKNOWN:
                self.tally["uncounted"] += 1
                self.unknown(found.name, recorder.stack[-1].path)
            else:
                self.tally["free"] += 1
                if found.op == "topk":
                    self.route(args)
        if found.op == "topk" and sort == ELEMENT:
            self.route(args)
        merged = recorder.merging
        if merged is not None:
            merged.macs += work.macs
            merged.fused += work.macs if found.op == "attention" else 0
            merged.activations += work.activations
            merged.elementwise += work.elementwise
            if work.macs or work.elementwise:
                merged.parts.append((found.op, found.kind, work.facts, bool(work.macs)))
            return
        held = [t for t in given if id(t) in self.owners or "_read" in t.__dict__]
        if held and len(held) == len(given) and sort == NOTHING:
            read = frozenset().union(*(t.__dict__.get("_read") or {id(t)} for t in held))
            for t in tensors_in((out,), {}):
                t._read = read  # type: ignore[attr-defined]
            return
        self.book(recorder, found, work, given, held, args, out)

    def book(
        self, recorder: Recorder, found: Entry, work: Work, given: list[Tensor], held: list[Tensor], args: Any, out: Any
    ) -> None:
        """A row for what has a cost, or is the first to read a parameter."""
        frame = recorder.stack[-1]
        ids = frozenset().union(*(t.__dict__.get("_read") or {id(t)} for t in held)) if held else frozenset()
        owner = frame
        reading: list[tuple[int, str, int, bool, bool]] = []
        buffers = 0
        path = ""
        for key in ids:
            module, name, parameter = self.owners[key]
            if key in self.booked:
                continue
            p = (module._parameters if parameter else module._buffers)[name]
            if p is None:
                continue
            if not parameter:
                self.booked.add(key)
                buffers += p.numel()
                continue
            norm = found.kind == "norm" or type(module).__name__.endswith("Norm") or "Norm" in type(module).__name__
            reading.append((key, name, p.numel(), True, norm))
            if id(module) not in recorder.called and not any(self.paths[id(module)] == f.path for f in recorder.stack):
                path = self.paths[id(module)]  # its forward was called directly, or the graph was flattened
        scores = _scores(found, given)
        if not (work.macs or work.elementwise or reading or buffers):
            _pass_on(scores, out)
            return
        weights, bias, norm_ = self.first_read(reading)
        kind, facts = found.kind, dict(work.facts)
        inputs = tuple(tuple(t.shape) for t in given if id(t) not in ids and "_read" not in t.__dict__)
        if found.op == "conv":
            kind = _conv_kind(facts, inputs)
            if facts.pop("transposed", False):
                kind = "conv_transpose"
        elif found.op == "conv_transpose":
            facts.pop("transposed", None)
        if "experts" in facts and facts["experts"] in self.routed:
            facts["active"] = self.routed[facts["experts"]]
        if found.op == "matmul" and len(inputs) == 1 and ids:
            kind = "linear"
        shape = _shape_of(out)
        row = Row(path or owner.name(found.op), found.op, kind, frame.cls.__name__, facts, inputs or (shape,), shape,
                  weights, bias, norm_, buffers, work.macs, work.elementwise, work.activations, False)  # fmt: skip
        self.rows.append(row)
        if found.op == "matmul":
            if scores is not None and scores[1] and "_scores" in given[0].__dict__:
                for i in (scores[0], len(self.rows) - 1):
                    self.rows[i] = self.rows[i]._replace(kind="attention")
            elif kind == "matmul":
                _pass_on((len(self.rows) - 1, False), out)
        else:
            _pass_on(scores, out)

    def route(self, args: Any) -> None:
        """A router's choice: k of its last axis."""
        if len(args) > 1 and isinstance(args[1], int) and isinstance(args[0], Tensor) and args[0].ndim:
            self.routed[args[0].shape[-1]] = args[1]

    def unknown(self, name: str, path: str) -> None:
        known = self.uncounted.setdefault(name, [0, path])
        known[0] += 1


def _scores(found: Entry, given: list[Tensor]) -> tuple[int, bool] | None:
    """The row of the product that made the attention scores among `given`, and whether a softmax went over them."""
    for t in given[:2]:
        known: tuple[int, bool] | None = t.__dict__.get("_scores")
        if known is not None:
            return (known[0], True) if found.op == "softmax" else known
    return None


def _pass_on(scores: tuple[int, bool] | None, out: Any) -> None:
    if scores is not None and isinstance(out, Tensor):
        out._scores = scores  # type: ignore[attr-defined]


def _facts_of(found: Entry, args: Any, kwargs: Any) -> dict[str, Any]:
    """What the conventions ask of an operator without multiply-adds."""
    if found.op == "batch_norm":
        return {"affine": args[1] is not None, "track_running_stats": len(args) > 3 and args[3] is not None}
    if found.op == "upsample":
        return {"mode": "nearest" if "nearest" in found.name else "bilinear" if "linear" in found.name else "bicubic"}
    return {}


def _conv_kind(facts: Any, inputs: tuple[Shape, ...]) -> str:
    rank = len(facts.get("kernel", ()))
    channels = inputs[0][-rank - 1] if inputs and rank and len(inputs[0]) > rank else 0
    return closed.conv_kind(channels, facts.get("groups", 1), facts.get("kernel", (2,)))


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


def tensors_in(args: Any, kwargs: Any) -> Iterator[Tensor]:
    """Tensors of a call, those of lists included."""
    for value in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors_in(value, {})


def first_tensor(args: Any) -> Tensor | None:
    return next(tensors_in(args, {}), None)


def _shapes(args: Any, kwargs: Any) -> tuple[Shape, ...]:
    return tuple(tuple(t.shape) for t in tensors_in(args, kwargs))


def _shape_of(out: Any) -> Shape:
    first = first_tensor((out,))
    return tuple(first.shape) if first is not None else ()


def elements(shape: Shape) -> int:
    return prod(shape)
