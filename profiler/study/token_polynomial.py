"""Polynomials of a language model in the tokens that it reads: found from three lengths, and held to more of them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import get_args

from profiler.errors import ProfilerError
from profiler.load.reference import Reference
from profiler.records.polynomials import Coefficients, Domain, Polynomials, Quantity
from profiler.study.polynomial import interpolated

DEGREE = 2
"""Attention multiplies every token with every other."""
LENGTHS = (16, 48, 96, 1, 2, 7, 64, 129, 200)
"""Tokens: the first three make the polynomial, the others hold it, as far as there are positions for them."""
TEXTS = ("input_ids", "decoder_input_ids")


def reads_text_alone(network: Reference) -> bool:
    """Whether all that the network reads is one text, so that its tokens are what its counts grow by."""
    shaped = [each for each in network.given if each.shape is not None]
    return len(shaped) == 1 and shaped[0].name in TEXTS and len(shaped[0].shape or ()) == 1


def token_polynomials(network: Reference) -> Polynomials:
    """MACs and params in T tokens, of one sample. Raises ProfilerError where they are no polynomial of degree 2."""
    native = next(each.shape[0] for each in network.given if each.shape)
    lengths = [n for n in LENGTHS if n <= native]
    if len(lengths) <= DEGREE + 1:
        raise ProfilerError(
            f"{network.name}: its text of {native} tokens is too short to find a polynomial; give a longer --input"
        )
    counts = {n: _counts(network, n) for n in lengths}
    nodes = lengths[: DEGREE + 1]
    found: dict[str, Coefficients] = {}
    for i, quantity in enumerate(get_args(Quantity)):
        terms = interpolated([Fraction(n) for n in nodes], [counts[n][i] for n in nodes])
        found[quantity] = {(0, j): c for j, c in enumerate(terms) if c}
    options = ",".join(f"{key}={str(value).lower()}" for key, value in network.options.items())
    name = network.name + (f"@{options}" if options else "")
    answer = Polynomials(
        name, found["params"], found["macs"], Domain(1, 0, 1, None, None, Fraction(1), None, "tokens"),
        points=(len(nodes), len(lengths) - len(nodes)), thumb=(_matrices(network, native), native),
    )  # fmt: skip
    for n, known in counts.items():
        if [answer.at(quantity, 1, n) for quantity in get_args(Quantity)] != list(known):
            raise ProfilerError(
                f"{network.name}: its counts are not a polynomial in its tokens ({n} differ); count it at a length"
            )
    return answer


def _counts(network: Reference, tokens: int) -> tuple[int, int]:
    given = tuple(replace(each, shape=(tokens,)) if each.shape else each for each in network.given)
    totals = replace(network, given=given).totals(1)
    return totals.params, totals.macs


def _matrices(network: Reference, native: int) -> int:
    """The parameters besides tables that are looked up: the N of the rule of thumb (Kaplan et al. 2020, section 2.1)."""
    rows = (
        replace(network, given=tuple(replace(each, shape=(native,)) if each.shape else each for each in network.given))
        .profile(1)
        .rows
    )
    return sum(row.params for row in rows if row.kind != "embedding" and not row.side)
