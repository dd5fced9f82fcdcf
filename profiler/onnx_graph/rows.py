"""Calls of a graph → rows: what each costs, which tensors of the file are parameters of it, and the bytes that it moves.

The rules are those of a tracing (tracing/rows.py): an operation has a row where it costs something, or is the first to take a
parameter; what moves or names data has none, and its bytes are those of the row that takes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from profiler.count.formulas import conv_kind
from profiler.count.products import Work
from profiler.onnx_graph.calls import Call
from profiler.onnx_graph.normalisation import Normalisations
from profiler.onnx_graph.onnx_tool import FACT, tool_count
from profiler.onnx_graph.operators import ANY, BIAS, BUFFER, NORM, WEIGHT
from profiler.onnx_graph.values import Held, Value, bytes_of
from profiler.records.profile import Row
from profiler.records.traced import Uncounted

NOTHING = Work()
INDEX_KINDS = ("embedding",)
PACKED = "p"
"""The part of a weight whose elements are packed in bytes, as the facts of its product say."""


class Rows:
    """The rows that were made, and what of the file they took."""

    def __init__(self, held: list[Held]) -> None:
        self.held = held
        """Every tensor that the file holds, by its number."""
        self.rows: list[Row] = []
        self.sources: list[tuple[int, ...]] = []
        self.uncounted: dict[tuple[str, str], list[Any]] = {}
        self.tally = {"counted": 0, "elementwise": 0, "free": 0, "uncounted": 0}
        self.counted: set[int] = set()
        self.met: set[int] = set()
        """Tensors that some node takes, as a parameter or not."""
        self.bytes: dict[str, int] = {}
        """Of the parameters, by dtype."""
        self.norms = Normalisations()
        self._waiting: list[Value] = []
        self._apart = 0

    # Parameters

    def first_taken(self, value: Value, role: str, spread: bool, work: Work) -> tuple[int, int, int, int]:
        """weights, bias, norm and buffers of the tensors that a value is made of, those that nothing took before."""
        found = [0, 0, 0, 0]
        for key, own in value.read.items():
            held, part = self.held[key], own or role
            if key in self.counted or part == ".":
                continue
            if part in (ANY, BUFFER) and not held.written:
                continue
            if part == ANY:
                if not held.dtype.floating or held.elements < 2:
                    continue  # a number, a shape, a mask
                part = BIAS if spread and _is_vector(value, held) else WEIGHT
            self.counted.add(key)
            elements = int(work.facts.get("packed", held.elements)) if part == PACKED else held.elements
            at = {WEIGHT: 0, PACKED: 0, BIAS: 1, NORM: 2, BUFFER: 3}[part]
            found[at] += elements
            if at < 3:
                bits = int(work.facts.get("bits", held.dtype.bits)) if part == PACKED else held.dtype.bits
                name = f"int{bits}" if part == PACKED else held.dtype.name
                size = -(-elements * bits // 8) if part == PACKED else bytes_of(elements, held.dtype)
                self.bytes[name] = self.bytes.get(name, 0) + size
        return found[0], found[1], found[2], found[3]

    # Calls

    def counted_apart(self, call: Call) -> None:
        """What onnx-tool counts of a node: the row that comes next has it in its facts."""
        self._apart += tool_count(call)

    def free(self, call: Call, view: bool) -> None:
        """What moves or names data: its bytes wait for the row that takes them."""
        self.tally["free"] += 1
        taken = self._taken(call.inputs)
        for output in call.outputs:
            if output.shape is None:
                continue
            output.pending = taken if view else taken + 2 * output.bytes
            taken = 0
            if output.pending:
                self._waiting.append(output)
        first = next((value for value in call.inputs if value is not None), None)
        if first is not None and call.outputs:
            call.outputs[0].scores = first.scores
            self.norms.passed(first, call.outputs[0])

    def uncounted_call(self, call: Call, name: str, cure: str, path: str) -> None:
        """What has no formula: loud, with the parameters that it takes."""
        self.tally["uncounted"] += 1
        known = self.uncounted.setdefault((name, cure), [0, path])
        known[0] += 1
        self.row(call, path, call.op.lower(), "elementwise", NOTHING, ANY * len(call.inputs))

    def row(self, call: Call, path: str, op: str, kind: str, work: Work, roles: str, spread: bool = False) -> None:
        """A row for what costs something, or takes a parameter first."""
        counts = (0, 0, 0, 0)
        for i, value in enumerate(call.inputs):
            if value is None or not value.read:
                continue
            role = roles[i] if i < len(roles) else ANY
            if spread and self.norms.scales(call, i):
                role = NORM
            more = self.first_taken(value, role, spread, work)
            counts = (counts[0] + more[0], counts[1] + more[1], counts[2] + more[2], counts[3] + more[3])
        if work is NOTHING and not any(counts):
            self._follow_scores(call, op, None)
            return
        given = [value for value in call.inputs if value is not None]
        run = [value for value in given if not value.constant]
        inputs = tuple(value.shape for value in run or given if value.shape is not None)
        output = next((value.shape for value in call.outputs if value.shape is not None), ())
        facts = {**work.facts, **({FACT: self._apart} if self._apart else {})}
        self._apart = 0
        if op == "conv" and inputs:
            channels = inputs[0][-1 - len(facts["kernel"])] if len(inputs[0]) > len(facts["kernel"]) else 0
            kind = conv_kind(channels, facts["groups"], facts["kernel"])
        elif op in ("matmul", "linear"):
            weighted = any(value.constant for value in given[:4])
            op, kind = ("linear", "linear") if weighted else ("matmul", "matmul")
        number = len(self.rows)
        moved = self._moved(call, kind, given) + self._taken(call.inputs)
        module = f"{call.domain}::{call.op}" if call.domain else call.op
        self.rows.append(
            Row(path, op, kind, module, facts, inputs or (output,), output, *counts, work.macs, work.elementwise,
                work.activations, False, moved)
        )  # fmt: skip
        self.sources.append(sources(call.inputs))
        for value in call.outputs:
            value.rows = (number,)
        if op == "linear" and not counts[1] and call.outputs:
            call.outputs[0].linear = number
        if kind in ("elementwise", "pool") and not work.macs:
            for i in self.norms.follow(op, call, number, any(counts)):
                row = self.rows[i]
                self.rows[i] = row._replace(kind="norm", norm=row.norm + row.weights + row.bias, weights=0, bias=0)
        self._follow_scores(call, op, number)

    def bias_of(self, call: Call) -> bool:
        """Whether an addition is the bias of the product with a weight before it, whose row then has it."""
        if len(call.inputs) != 2 or None in call.inputs or not call.outputs:
            return False
        for product, bias in ((call.value(0), call.value(1)), (call.value(1), call.value(0))):
            number = product.linear
            if number is None or not bias.constant or bias.shape is None or len(bias.read) != 1:
                continue
            row, key = self.rows[number], next(iter(bias.read))
            fits = self.held[key].elements == bias.elements == row.output[-1] and self.held[key].dtype.floating
            if not fits or key in self.counted or row.bias or product.shape != call.outputs[0].shape:
                continue
            _, count, _, _ = self.first_taken(bias, BIAS, False, NOTHING)
            facts = {**row.facts, "bias": True}
            self.rows[number] = row._replace(bias=count, facts=facts, moved=row.moved + bias.bytes)
            call.outputs[0].rows, product.linear = (number,), None
            self.tally["free"] += 1
            return True
        return False

    # What a row moves, and what attention is made of

    def _moved(self, call: Call, kind: str, given: Sequence[Value]) -> int:
        made = sum(value.bytes for value in call.outputs)
        if kind in INDEX_KINDS and call.op in ("Gather", "GatherBlockQuantized"):
            return 2 * call.outputs[0].bytes + (call.inputs[1].bytes if call.has(1) and call.inputs[1] is not None else 0)
        distinct = {id(value): value for value in given}
        return made + sum(self._size(value) for value in distinct.values())

    def _size(self, value: Value) -> int:
        """Bytes of a tensor; of one that is made of the file's, as the file holds them."""
        if not value.read:
            return value.bytes
        return sum(bytes_of(self.held[key].elements, self.held[key].dtype) for key in value.read)

    def _taken(self, values: Iterable[Value | None]) -> int:
        """Bytes of the copies among these, which are those of whoever takes them."""
        found = 0
        for value in values:
            if value is not None and value.pending:
                found += value.pending
                value.pending = 0
        return found

    def _follow_scores(self, call: Call, op: str, number: int | None) -> None:
        known = next((value.scores for value in call.inputs if value is not None and value.scores is not None), None)
        if not call.outputs:
            return
        if op in ("matmul", "linear", "einsum") and number is not None:
            first = call.inputs[0]
            if known is not None and known[1] and first is not None and first.scores is not None:
                for i in (known[0], number):
                    self.rows[i] = self.rows[i]._replace(kind="attention")
            elif self.rows[number].kind == "matmul":
                call.outputs[0].scores = (number, False)
        elif known is not None:
            call.outputs[0].scores = (known[0], known[1] or op == "softmax")

    # The end

    def finish(self) -> None:
        """Books the copies that no row took."""
        if self.rows and self._apart:
            facts = self.rows[-1].facts
            self.rows[-1] = self.rows[-1]._replace(facts={**facts, FACT: facts.get(FACT, 0) + self._apart})
        rest = self._taken(self._waiting)
        if self.rows and rest:
            self.rows[-1] = self.rows[-1]._replace(moved=self.rows[-1].moved + rest)

    def gaps(self) -> tuple[Uncounted, ...]:
        """The operators without a formula."""
        return tuple(Uncounted(name, times, path, cure) for (name, cure), (times, path) in self.uncounted.items())


def sources(values: Iterable[Value | None]) -> tuple[int, ...]:
    """The rows that made these values."""
    return tuple(dict.fromkeys(row for value in values if value is not None for row in value.rows))


def _is_vector(value: Value, held: Held) -> bool:
    """Whether a tensor has one axis of more than one element, as a bias has."""
    shape = value.shape if value.shape is not None else held.shape
    return sum(side > 1 for side in shape) <= 1
