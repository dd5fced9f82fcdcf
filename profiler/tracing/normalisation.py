"""Normalisations that are written out: x / sqrt(mean(x²) + ε), however it is spelt, is a normalisation and its scale a norm's.

The tensors are followed from the statistic over its root to the product with x, and on to the scale and shift.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import ReferenceType, ref

from torch import Tensor

SQUARE, CENTRED, STATISTIC, NORMALISED, ROOT = "square", "centred", "statistic", "normalised", "root"
_ORDER = (SQUARE, CENTRED, STATISTIC, NORMALISED, ROOT)
_MEANS = frozenset({"mean", "var", "sum"})
_ROOTS = frozenset({"rsqrt", "sqrt"})
_SHIFTS = frozenset({"add", "clamp", "clamp_min", "maximum"})
_SCALES = frozenset({"multiply", "mul", "add", "subtract", "sub"})
_FOLLOWED = (
    _MEANS | _ROOTS | _SHIFTS | {"std", "multiply", "mul", "divide", "div", "subtract", "sub", "pow", "square", "reciprocal"}
)


class Followed(NamedTuple):
    """A tensor on its way through a normalisation."""

    tensor: ReferenceType[Tensor]
    stage: str
    rows: tuple[int, ...]
    """Those that made it of x."""


class Normalisations:
    """The tensors of the normalisations that are being written out."""

    def __init__(self) -> None:
        self.known: dict[int, Followed] = {}

    def of(self, t: Any) -> Followed | None:
        found = self.known.get(id(t))
        return found if found is not None and found.tensor() is t else None

    def scales(self, op: str, given: list[Tensor]) -> bool:
        """Whether an operation on these tensors scales or shifts what was normalised."""
        if op not in _SCALES or not self.known:
            return False
        return any((found := self.of(t)) is not None and found.stage == NORMALISED for t in given)

    def passed(self, given: list[Tensor], out: Any) -> None:
        """A cast or a view: the same tensor to us."""
        found = self.of(given[0]) if given else None
        if found is not None and isinstance(out, Tensor):
            self.known[id(out)] = found._replace(tensor=ref(out))

    def follow(self, op: str, given: list[Tensor], args: Any, out: Any, row: int, held: bool) -> tuple[int, ...]:
        """An operation that made a row, `held` where it also took parameters; the rows that are now known to normalise."""
        if op not in _FOLLOWED or not isinstance(out, Tensor):
            return ()
        every = [found for found in map(self.of, given) if found is not None]
        found = max(every, key=lambda each: _ORDER.index(each.stage), default=None)
        rows = (*dict.fromkeys([i for each in every for i in each.rows]), row)
        stage = self.stage(op, found, given, args)
        if stage == NORMALISED:
            self.keep(out, stage, ())
            return rows
        if found is not None and found.stage == NORMALISED and held and op in _SCALES:
            self.keep(out, NORMALISED, ())  # scaled, and perhaps still to be shifted
            return (row,)
        if found is not None and found.stage == CENTRED and held and op in ("multiply", "mul"):
            stage = CENTRED  # scaled before it is divided
        if stage:
            self.keep(out, stage, rows)
        return ()

    def stage(self, op: str, found: Followed | None, given: list[Tensor], args: Any) -> str:
        """Where an operation leaves its output, empty where it is no part of a normalisation."""
        if op == "square" or (op == "pow" and args[1:] and isinstance(args[1], int | float) and args[1] == 2):
            return SQUARE
        if op in ("multiply", "mul") and len(given) == 2 and given[0] is given[1]:
            return SQUARE
        if op in _MEANS:
            return STATISTIC
        if op == "std":
            return ROOT
        if found is None:
            return ""
        if found.stage == STATISTIC:
            if op in _ROOTS or (op == "pow" and args[1:2] in ((0.5,), (-0.5,))):
                return ROOT
            if op in _SHIFTS and len(given) == 1:
                return STATISTIC
            return CENTRED if op in ("sub", "subtract") else ""
        if found.stage == ROOT:
            if op == "reciprocal" or (op in _SHIFTS and len(given) == 1):
                return ROOT
            return NORMALISED if op in ("multiply", "mul", "divide", "div") and len(given) == 2 else ""
        return ""

    def keep(self, out: Tensor, stage: str, rows: tuple[int, ...]) -> None:
        self.known[id(out)] = Followed(ref(out), stage, rows)
