"""What a convention is: a function of rows, with the reasons why its count is not the multiply-adds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

from profiler.records.profile import Row

Rule = Callable[[Row], int]

FUSED = "does not count the products of fused attention"
GROUPED = "does not count the grouped products of experts"


def macs(row: Row) -> int:
    return row.macs


def zero(row: Row) -> int:
    return 0


def is_grouped(row: Row) -> bool:
    """Whether one operator multiplies the rows of all experts, which most tools have no formula for."""
    return "experts" in row.facts and "experts_run" not in row.facts


def unfused(row: Row) -> int:
    """A whole attention module, without the products of its fused kernel."""
    fused: int = row.facts.get("fused_macs", 0)
    return row.macs - fused


def elements_in(row: Row) -> int:
    """Elements of the first input."""
    return prod(row.inputs[0])


def elements_out(row: Row) -> int:
    return prod(row.output)


@dataclass(frozen=True)
class Convention:
    """How one tool or paper counts."""

    name: str
    title: str
    unit: str
    """What its total is a number of."""
    rules: Mapping[str, Rule]
    reasons: Mapping[str, str]
    """Why an operation's count is not its multiply-adds, as the rest of a sentence that begins "it"; {n} is the count an
    element of the first input, {m} of the output, {op} the operation."""
    rest: Rule = zero
    """The rule of operations that have none of their own."""
    by_modules: bool = False
    """Whether it meets modules, of those that are registered, or operators, wherever they run."""
    sees: frozenset[str] | None = None
    """The classes of the modules that it looks at; None where it looks at operations, wherever they run."""
    exceptions: Callable[[Row], tuple[int, str] | None] | None = None
    """What it makes of a row whose facts say that it is not the plain operation, and why; None of every other."""
    counts: Literal["any", "modules", "onnx"] = "modules"
    """What it counts: torch modules, ONNX files, or either."""

    def of(self, row: Row) -> int:
        """What `row` counts under this convention; nothing for what runs in training only."""
        return self._counted(row)[0]

    def total(self, rows: Iterable[Row]) -> int:
        """What the tool prints."""
        return sum(map(self.of, rows))

    def differences(self, rows: Iterable[Row]) -> dict[str, int]:
        """What it adds to the multiply-adds, or leaves out, by reason."""
        found: dict[str, int] = {}
        for row in rows:
            counted, reason = self._counted(row)
            extra = counted - (0 if row.side else row.macs)
            if extra:
                reason = reason or self.reasons.get(row.op, f"passes over {row.op.replace('_', ' ')}")
                each = {
                    "n": counted // (prod(row.inputs[0]) or 1) if row.inputs else 0,
                    "m": counted // (prod(row.output) or 1),
                }
                reason = reason.format(**each, op=row.op.replace("_", " "))
                found[reason] = found.get(reason, 0) + extra
        return found

    def _counted(self, row: Row) -> tuple[int, str]:
        """The count of a row, and why, where it is not for the reason of its operation."""
        if row.side:
            return 0, ""
        if self.by_modules and "unregistered" in row.facts:
            return 0, "sees no module that is not registered"
        if self.sees is not None and row.module not in self.sees:
            unseen = f"sees no {row.op.replace('_', ' ')} that is not a module of its own list"
            return 0, GROUPED if is_grouped(row) else "" if row.op in ("attention", "matmul") else unseen
        if self.exceptions is not None:
            exception = self.exceptions(row)
            if exception is not None:
                return exception
        return self.rules.get(row.op, self.rest)(row), ""
