"""Normalisations that a file writes out: x / sqrt(mean(x²) + ε) in single nodes is one, and its scale and shift are a norm's.

The stages and their rules are those of a tracing (tracing/normalisation.py), followed on the values of the graph.
"""

from __future__ import annotations

from profiler.onnx_graph.calls import Call
from profiler.onnx_graph.values import Value

SQUARE, CENTRED, STATISTIC, NORMALISED, ROOT = "square", "centred", "statistic", "normalised", "root"
_ORDER = (SQUARE, CENTRED, STATISTIC, NORMALISED, ROOT)
_MEANS = frozenset({"mean", "sum"})
_ROOTS = frozenset({"sqrt"})
_SHIFTS = frozenset({"add", "clamp", "max"})
_SCALES = frozenset({"multiply", "add", "subtract"})
_FOLLOWED = _MEANS | _ROOTS | _SHIFTS | _SCALES | {"divide", "pow", "reciprocal"}


class Normalisations:
    """Whether the operations that are met are parts of one."""

    def scales(self, call: Call, i: int) -> bool:
        """Whether an input scales or shifts what was normalised."""
        if call.domain or call.op not in ("Mul", "Add", "Sub"):
            return False
        others = [value for j, value in enumerate(call.inputs) if j != i and value is not None]
        return any(value.norm is not None and value.norm[0] == NORMALISED for value in others)

    def passed(self, given: Value, made: Value) -> None:
        """A cast or a view: the same tensor to us."""
        made.norm = given.norm

    def follow(self, op: str, call: Call, row: int, held: bool) -> tuple[int, ...]:
        """An operation that made a row, `held` where it took parameters too; the rows that are now known to normalise."""
        if op not in _FOLLOWED or not call.outputs:
            return ()
        run = [value for value in call.inputs if value is not None and not value.constant]
        every = [value.norm for value in run if value.norm is not None]
        found = max(every, key=lambda each: _ORDER.index(each[0]), default=None)
        rows = (*dict.fromkeys(i for each in every for i in each[1]), row)
        stage = self._stage(op, None if found is None else found[0], call, run)
        made = call.outputs[0]
        if stage == NORMALISED:
            made.norm = (stage, ())
            return rows
        if found is not None and found[0] == NORMALISED and held and op in _SCALES:
            made.norm = (NORMALISED, ())
            return (row,)
        if found is not None and found[0] == CENTRED and held and op == "multiply":
            stage = CENTRED
        if stage:
            made.norm = (stage, rows)
        return ()

    def _stage(self, op: str, found: str | None, call: Call, run: list[Value]) -> str:
        """Where an operation leaves its output, empty where it is no part of a normalisation."""
        if op == "pow" and len(run) == 1 and _number(call, 1) == 2:
            return SQUARE
        if op == "multiply" and len(run) == 2 and run[0] is run[1]:
            return SQUARE
        if op in _MEANS:
            return STATISTIC
        if found == STATISTIC:
            if op in _ROOTS or (op == "pow" and _number(call, 1) in (0.5, -0.5)):
                return ROOT
            if op in _SHIFTS and len(run) == 1:
                return STATISTIC
            return CENTRED if op == "subtract" else ""
        if found == ROOT:
            if op == "reciprocal" or (op == "divide" and len(run) == 1) or (op in _SHIFTS and len(run) == 1):
                return ROOT
            return NORMALISED if op in ("multiply", "divide") and len(run) == 2 else ""
        return ""


def _number(call: Call, i: int) -> float | None:
    """The one number that an input holds."""
    data = call.inputs[i].data if call.has(i) and call.inputs[i] is not None else None  # type: ignore[union-attr]
    return float(data.reshape(-1)[0]) if data is not None and data.size == 1 and data.dtype.kind in "fiu" else None
