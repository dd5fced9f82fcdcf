"""The rows of a trace, in the order they run: parameters once by identity, operators by what became of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol
from weakref import ReferenceType, ref

from torch import Tensor, nn
from torch._C._functorch import peek_interpreter_stack

from profiler.count.formulas import conv_kind
from profiler.count.leaves import described
from profiler.count.products import Work
from profiler.module import leaves
from profiler.module.trees import first_tensor, shape_of, tensors, tensors_of_call
from profiler.records.profile import Row, Shape
from profiler.tracing.call_facts import ASKED, operator_facts
from profiler.tracing.constants import WHOLE
from profiler.tracing.experts import of_experts, unread_of_experts
from profiler.tracing.moves import Copies, moved_by_row
from profiler.tracing.normalisation import Normalisations
from profiler.tracing.parameters import ParameterReads
from profiler.tracing.priced import Priced
from profiler.tracing.restore import Places
from profiler.tracing.tables.entries import FREE_OF_COST, PRODUCT, UNKNOWN, Entry
from profiler.tracing.tables.leaves import takes
from profiler.tracing.tables.members import work_of
from profiler.tracing.tables.multihead import attention_cost
from profiler.tracing.tables.shortcuts import has_attention_shapes

NOTHING = Work()
_NONE: frozenset[int] = frozenset()


class Frame:
    """One running call of a module that is no leaf: names what runs in it."""

    __slots__ = ("children", "module", "path", "times")

    def __init__(self, path: str, module: nn.Module, children: Collection[str]) -> None:
        self.path, self.module, self.children = path, module, children
        self.times: dict[str | int, int] = {}

    def place(self, key: int, places: Sequence[str]) -> str:
        """Which of its places a shared module is called at: those below this one in turn, else the first of all."""
        below = [place for place in places if place.startswith(f"{self.path}." if self.path else "")] or places
        n = self.times.get(key, 0)
        self.times[key] = n + 1
        return below[n % len(below)]

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
        self.read: set[int] = set()
        """ids of the parameters and buffers that it read."""

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


class RowBuilder(ParameterReads):
    """Rows and what they read."""

    def __init__(self, everything: Places) -> None:
        super().__init__(everything)
        self.rows: list[Row] = []
        self.uncounted: dict[str, list[Any]] = {}
        self.tally: dict[str, int] = {"counted": 0, "elementwise": 0, "free": 0, "uncounted": 0}
        self.routed: dict[int, int] = {}
        """Experts of a router → how many of them each token takes."""
        self.norms = Normalisations()
        self.copies = Copies()
        self.prepared: dict[int, int] = {}
        """id of a parameter → the row of the first operation on parameters alone that took it."""
        self.scored: dict[int, tuple[ReferenceType[Tensor], int, bool]] = {}
        """id of what may be attention scores → itself, the row of their product, and whether a softmax went over them."""

    # Leaves

    def add_leaf_row(self, path: str, module: nn.Module, found: Priced, args: tuple[Tensor, ...]) -> bool:
        """A row as the closed form writes it. True where it is the first to read all that the module holds."""
        _, weights, bias, norm, buffers, *_ = found.cost
        counted, whole = self.counted_tensors, True
        for name, p in module._parameters.items():
            if p is None:
                continue
            key = id(p)
            if key not in counted:
                counted.add(key)
                continue
            whole = False
            if norm:
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
        size = found.moved + self.copies.taken(args) if self.copies.waiting else found.moved
        self.rows.append(
            Row._make((path, found.op, found.kind, found.module, found.facts, found.inputs, found.output, weights, bias, norm,
                       buffers, found.macs, found.elementwise, found.activations, False, size))
        )  # fmt: skip
        self.tally[found.tally] += 1
        return whole

    def add_module_row(self, merged: Merged, args: Any, kwargs: Any, out: Any, custom: Any) -> None:
        """The row of a leaf that was run."""
        module = merged.module
        products = [part for part in merged.parts if part[3]]
        norm = isinstance(module, nn.modules.batchnorm._NormBase) or "norm" in merged.leaf.__name__.lower()
        inside = set(module.modules()) if norm else ()
        counts = self.first_read(merged.read, lambda owner: owner.module in inside)
        known = None
        transformed = peek_interpreter_stack() is not None  # shapes are then without the axes that vmap hides
        if isinstance(module, nn.MultiheadAttention) and not transformed and has_attention_shapes(module):
            known = attention_cost(module, args, kwargs)
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
        shapes = tuple(map(shape_of, tensors_of_call(args, kwargs)))
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
            Row._make((merged.path, op, kind, type(module).__name__, facts, shapes, shape, *counts, macs, elementwise,
                       activations, False, self.moved_by_module(merged, op, kind, args, kwargs, out, shape)))
        )  # fmt: skip

    def moved_by_module(self, merged: Merged, op: str, kind: str, args: Any, kwargs: Any, out: Any, shape: Shape) -> int:
        """Bytes of what a leaf that was run takes, reads and makes; not of what it makes inside itself."""
        given = tensors_of_call(args, kwargs)
        read = [self.owners[key].tensor for key in merged.read if key in self.owners and self.owners[key].parameter]
        return moved_by_row(op, kind, [*given, *read], out, shape) + self.copies.taken(given)

    # Operators

    def add_operator(self, calls: Calls, found: Entry, given: list[Tensor], args: Any, kwargs: Any, out: Any) -> None:
        """What one operator cost, in the row that it belongs to; `given` are its tensors."""
        sort, work, tally = found.sort, NOTHING, self.tally
        if sort == FREE_OF_COST:
            tally["free"] += 1
        elif sort == PRODUCT:
            assert found.formula is not None
            known = work_of(found.formula, given, out, args, kwargs)
            if known is None:
                self.unknown(found.name, calls.stack[-1].path)
            else:
                facts = {} if any(t.is_nested for t in given) else operator_facts(found.name, found.op, args, out)
                work = known._replace(facts={**known.facts, **facts}) if facts else known
            tally["uncounted" if known is None else "counted"] += 1
        elif sort == UNKNOWN:
            tally["uncounted"] += 1
            self.unknown(found.name, calls.stack[-1].path)
        else:
            first = first_tensor(out)
            if found.name.startswith("aten::_foreach_"):
                made = tensors(out) or [t for t in given if id(t) in {id(x) for x in tensors(args[0])}]
                work = Work(0, 0, sum(t.numel() for t in made))
                tally["elementwise"] += 1
            elif first is not None and (first.is_floating_point() or first.is_complex()):
                work = Work(
                    0, 0, first.numel(), operator_facts(found.name, found.op, args, out) if found.op in ASKED else NOTHING.facts
                )
                tally["elementwise"] += 1
            else:
                tally["free"] += 1  # positions, masks: bookkeeping in whole numbers
            if found.op == "topk":
                self.route(args)
        merged = calls.merging
        owners, derived = self.owners, self.derived
        held = [t for t in given if id(t) in owners or id(t) in derived or (t.__class__ is not Tensor and self.adopt(t))]
        if merged is None and sort == FREE_OF_COST and len(held) < len(given):
            self.copies.note(given, out)
        if merged is not None:
            if work is not NOTHING:
                merged.add(found, work)
            if held:
                read = self.read_by(held)
                merged.read |= read
                if len(held) == len(given) and sort == FREE_OF_COST:
                    self.derive(out, read)
            return
        if held and len(held) == len(given) and not any(t.dtype in WHOLE for t in held):
            read = self.read_by(held)
            if work is not NOTHING:
                self.add_operator_row(calls, found, work, given, held, args, out, alone=True)
                for key in read - self.counted_tensors:
                    self.prepared.setdefault(key, len(self.rows) - 1)
            self.derive(out, read)
            return
        if held or work is not NOTHING:
            self.add_operator_row(calls, found, work, given, held, args, out)
        elif self.scored:
            scores = self.scores(found, given)
            if scores is not None:
                self.follow_scores(scores, out)
        if work is NOTHING and self.norms.known:
            self.norms.passed(given, out)

    def finish(self) -> None:
        """Books what is left: parameters that met nothing but parameters where they were taken first, and copies."""
        if self.rows and (rest := self.copies.rest()):
            self.rows[-1] = self.rows[-1]._replace(moved=self.rows[-1].moved + rest)
        for key, i in self.prepared.items():
            if key not in self.counted_tensors:
                row = self.rows[i]
                weights, bias, norm, buffers = self.first_read([key], lambda owner: "Norm" in type(owner.module).__name__)
                self.rows[i] = row._replace(
                    weights=row.weights + weights, bias=row.bias + bias, norm=row.norm + norm, buffers=row.buffers + buffers
                )

    def add_operator_row(
        self, calls: Calls, found: Entry, work: Work, given: list[Tensor], held: list[Tensor], args: Any, out: Any,
        alone: bool = False,
    ) -> None:  # fmt: skip
        """A row for what has a cost, or is the first to read a parameter; `alone` where it takes parameters alone."""
        frame = calls.stack[-1]
        ids = self.read_by(held) if held else _NONE
        counts, path = (0, 0, 0, 0), ""
        fresh = [key for key in ids if key not in self.counted_tensors]
        if fresh:
            path = self.uncalled_owner(calls, fresh)
            if not alone:
                scales: Collection[int] = _NONE
                if found.kind == "norm":
                    scales = self.read_by([t for t in held if t is not given[0]])
                elif self.norms.scales(found.op, given):
                    scales = fresh
                counts = self.first_read(
                    fresh,
                    lambda owner: id(owner.tensor) in scales or (not work.macs and "Norm" in type(owner.module).__name__),
                )
        scores = self.scores(found, given) if self.scored else None
        if work is NOTHING and not fresh:
            if scores is not None:
                self.follow_scores(scores, out)
            return
        kind, facts = found.kind, work.facts
        inputs = tuple([shape_of(t) for t in given if id(t) not in ids and id(t) not in self.derived])
        if found.op == "conv":
            facts = dict(facts)
            kind = "conv_transpose" if facts.pop("transposed", False) else _conv_kind(facts, inputs)
        elif "experts" in facts and facts["experts"] in self.routed:
            facts = {**facts, "active": self.routed[facts["experts"]]}
        elif fresh and self.routed and (more := of_experts([self.owners[key] for key in fresh], self.routed, work.macs)):
            facts = {**facts, **more}
        elif found.op == "matmul" and len(inputs) == 1 and ids:
            kind = "linear"
        shape = _shape_of(out)
        where = path or frame.name(found.op)
        name = type(frame.module).__name__
        if alone and not inputs:
            inputs = tuple(map(shape_of, given))
        moved_here = moved_by_row(found.op, kind, given, out, shape) + self.copies.taken(given)
        if "experts" in work.facts:
            moved_here -= unread_of_experts(given, work.facts["experts"])
        self.rows.append(
            Row._make((where, found.op, kind, name, facts, inputs or (shape,), shape, *counts, work.macs, work.elementwise,
                       work.activations, False, moved_here))
        )  # fmt: skip
        if kind in ("elementwise", "pool") and not work.macs:
            for i in self.norms.follow(found.op, given, args, out, len(self.rows) - 1, bool(held)):
                row = self.rows[i]
                self.rows[i] = row._replace(kind="norm", norm=row.norm + row.weights + row.bias, weights=0, bias=0)
        if found.op == "matmul":
            if scores is not None and scores[1] and id(given[0]) in self.scored:
                for i in (scores[0], len(self.rows) - 1):
                    self.rows[i] = self.rows[i]._replace(kind="attention")
            elif kind == "matmul" or id(given[0]) in ids or id(given[0]) in self.derived:
                self.follow_scores((len(self.rows) - 1, False), out)
        elif scores is not None:
            self.follow_scores(scores, out)

    def uncalled_owner(self, calls: Calls, fresh: list[int]) -> str:
        """The path of an owner that no call stands for: its forward was called directly, or the graph was flattened."""
        path = ""
        running = {frame.path for frame in calls.stack}
        for key in fresh:
            owner = self.owners[key]
            at = self.paths.get(id(owner.module))
            if owner.parameter and at is not None and id(owner.module) not in calls.called and at not in running:
                path = f"{at}.{owner.name}" if isinstance(owner.module, _LISTS) else at
        return path

    def scores(self, found: Entry, given: list[Tensor]) -> tuple[int, bool] | None:
        """The row of the product that made the attention scores among `given`, and whether a softmax went over them."""
        for t in given:
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


_LISTS = (nn.ParameterList, nn.ParameterDict)


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
    return shape_of(first) if first is not None else ()
