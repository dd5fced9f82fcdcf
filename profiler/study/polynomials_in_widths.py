"""The counts of a network as polynomials in its widths, at whole arrays of them: exact, by int64 where nothing can overflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from profiler.count.expressions import Monomial
from profiler.count.held import given_bytes
from profiler.count.stages import Staged
from profiler.records.profile import FLOAT32_BYTES

if TYPE_CHECKING:
    from numpy import ndarray

LARGEST = (1 << 63) - 1
"""The largest int64."""
Terms = Mapping[Monomial, Any]
"""A polynomial: {the symbols of a product: its coefficient}; whole numbers, or seconds."""


def in_widths(found: Staged, batch: int = 1) -> dict[str, dict[Monomial, int]]:
    """The counts of a network as polynomials in the symbols of its widths."""
    sums = found.widths.sums
    params = _sum((sums["weights"], 1), (sums["bias"], 1), (sums["norm"], 1))
    scaled = {name: _sum((sums[name], batch)) for name in ("macs", "activations", "elementwise")}
    moved = _sum((sums["moved_each"], batch), (sums["moved_once"], 1))
    return {"params": params, **scaled, "weight_bytes": _sum((params, FLOAT32_BYTES)), "moved": moved}


def peak_in_widths(found: Staged, batch: int = 1) -> tuple[dict[Monomial, int], list[dict[Monomial, int]]]:
    """The peak of memory, as `profiler.count.held.peak` gives it: a polynomial, plus the largest of several others."""
    fixed = _sum((found.widths.sums["standing"], 1), ({(): given_bytes(found.network, found.inputs)}, batch))
    return fixed, [_sum((moment, batch)) for moment in found.moments]


def _sum(*parts: tuple[Mapping[Monomial, int], int]) -> dict[Monomial, int]:
    total: dict[Monomial, int] = {}
    for terms, times in parts:
        for monomial, c in terms.items():
            total[monomial] = total.get(monomial, 0) + times * c
    return total


def largest(terms: Terms, most: Mapping[int, int]) -> Any:
    """A bound of the absolute value of a polynomial, and of all its partial sums, where no symbol is above `most`."""
    return sum(abs(c) * prod(most[symbol] for symbol in monomial) for monomial, c in terms.items())


def peak_at(base: Terms, others: Sequence[Terms], values: Mapping[int, Any], length: int) -> ndarray[Any, Any]:
    """A polynomial plus the largest of several others, at each of `length` points."""
    import numpy as np

    found: ndarray[Any, Any] = evaluated({"": others[0]}, values, length)[""]
    for terms in others[1:]:
        found = np.maximum(found, evaluated({"": terms}, values, length)[""])
    found += evaluated({"": base}, values, length)[""]
    return found


def evaluated(polynomials: Mapping[str, Terms], values: Mapping[int, Any], length: int) -> dict[str, ndarray[Any, Any]]:
    """Each polynomial at `length` points, whose symbols have these `values`: int64, or Python ints where one might overflow."""
    import numpy as np

    most = {symbol: int(np.max(each, initial=0)) for symbol, each in values.items()}
    used = {monomial for terms in polynomials.values() for monomial in terms}
    fits = all(largest(terms, most) <= LARGEST for terms in polynomials.values())
    kind: Any = np.int64 if fits else object
    columns = {symbol: np.asarray(each, kind) for symbol, each in values.items()}
    found = {name: np.zeros(length, kind) for name in polynomials}
    for monomial in used:
        product: Any = np.ones(length, kind) if not monomial else columns[monomial[0]]
        for symbol in monomial[1:]:
            product = product * columns[symbol]
        for name, terms in polynomials.items():
            if c := terms.get(monomial):
                found[name] += product * c
    return found
