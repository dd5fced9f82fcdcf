"""Polynomials → their answer: as text, as LaTeX, one record a term."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from rich.console import Group
from rich.text import Text

from profiler.grid import shown
from profiler.records.environment import document
from profiler.records.polynomials import Coefficients, Formulas, Polynomials
from profiler.report.answer import Answer, View
from profiler.report.encoding import printable
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Math, Sheet
from profiler.report.units import fraction

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
ROUNDED = "widths are rounded, so there is no polynomial in α; counts at the published points, if any:"
NOT_IN_ALPHA = "the counts are not a polynomial in α, e.g. because widths are rounded."
_NAMES = {"params": "params", "macs": "MACs"}


def answer(found: Formulas, view: View) -> Answer:  # noqa: ARG001  # it looks the same in every view
    """Closed forms; as records, one a term."""

    texts = [lines(each) for each in found]
    records = [
        {
            "model": each.model,
            "quantity": quantity,
            "alpha_power": i,
            "side_power": j,
            "coefficient": int(c) if c.denominator == 1 else str(c),
            "period": each.domain.period,
            "remainder": each.domain.remainder,
            "least": each.domain.least,
            "alpha_step": None if each.domain.alpha_step is None else str(each.domain.alpha_step),
            "alpha_least": None if each.domain.alpha_least is None else str(each.domain.alpha_least),
            "alpha": None if each.domain.alpha_step is not None else float(each.domain.alpha),
        }
        for each in found
        for quantity, coefficients in quantities(each)
        for (i, j), c in sorted(coefficients.items(), reverse=True)
    ]
    grids = [
        {"model": each.model, "alpha": float(alpha), "resolution": side, "params": params, "macs": macs}
        for each in found
        for alpha, side, params, macs in each.grid
    ]

    def sheets() -> list[Sheet]:
        heads = [Heading("count", right=False), Heading("polynomial", right=False)]
        made = []
        for one in found:
            rows = [[head(one, quantity, letter(one)), Math(latex(c, letter(one)))] for quantity, c in quantities(one)]
            made.append(Sheet(heads, rows, one.model, [domain(one), *rule_of_thumb(one)]))
            if one.grid:
                numbers = [
                    [*map(str, (float(alpha), side)), f"{params:,}", f"{macs:,}"] for alpha, side, params, macs in one.grid
                ]
                made.append(Sheet([*map(Heading, ("α", "side", "params", "MACs"))], numbers, ROUNDED))
        return made

    heads = [
        {
            "model": each.model,
            "alpha": str(each.domain.alpha),
            "native": each.domain.native,
            "rounded": each.rounded,
            "terms": n,
            **({"points": list(each.points)} if each.points else {}),
            **({"axis": each.domain.axis} if each.domain.axis != "side" else {}),
            **({"thumb": list(each.thumb)} if each.thumb else {}),
        }
        for each, n in zip(found, [sum(len(c) for _, c in quantities(each)) for each in found], strict=True)
    ]
    drawn = Group(*(Text(printable("\n".join(lines)) + ("\n" if lines is not texts[-1] else "")) for lines in texts))
    return Answer(
        drawn,
        sheets,
        records,
        list(records[0]) if records else [],
        lambda: document("formula", records, made_with=found.environment, rows=[], grid=grids, polynomials=heads),
    )


def lines(found: Polynomials) -> list[str]:
    """The polynomials of a network with their domain, as text and as LaTeX."""
    out = [found.model, f"  {domain(found)}", ""]
    for quantity, coefficients in quantities(found):
        out.append(f"  {head(found, quantity, letter(found))} = {text(coefficients, letter(found))}")
    out += [f"  {line}" for line in rule_of_thumb(found)]
    period, native = found.domain.period, found.domain.native
    if period is not None and native is not None and not found.domain.remainder:
        out += ["", f"  in ρ = side / {native}, ρ a multiple of {fraction(Fraction(period, native))}:"]
        for quantity, _ in quantities(found):
            out.append(f"  {head(found, quantity, 'ρ')} = {text(found.in_rho(quantity), 'ρ')}")
    if found.rounded:
        out += ["", f"  {ROUNDED if found.points is None else NOT_IN_ALPHA}"]
    if found.grid:
        rows = [(shown(alpha), str(side), f"{params:,}", f"{macs:,}") for alpha, side, params, macs in found.grid]
        rows.insert(0, ("α", "side", "params", "MACs"))
        sizes = [max(map(len, column)) for column in zip(*rows, strict=True)]
        out += ["  " + "  ".join(cell.rjust(n) for cell, n in zip(row, sizes, strict=True)) for row in rows]
    out += ["", "  LaTeX:"]
    for quantity, coefficients in quantities(found):
        out.append(rf"  \mathrm{{{_NAMES[quantity]}}} = {latex(coefficients, letter(found))}")
    return out


def letter(found: Polynomials) -> str:
    """T of tokens, K of sides."""
    return "T" if found.domain.axis == "tokens" else "K"


def rule_of_thumb(found: Polynomials) -> list[str]:
    """`6N FLOPs a token of a training step …`, beside what is exact, where a language model has it."""
    if found.thumb is None:
        return []
    n, tokens = found.thumb
    exact = found.at("macs", 1, tokens)
    share = f", {float(100 * n * tokens / exact):.1f} % of the exact {int(exact):,} at T = {tokens:,}" if exact else ""
    return [f"rule of thumb: N·T = {n:,}·T, which is 6N FLOPs a token of a training step{share}"]


def quantities(found: Polynomials) -> list[tuple[Any, Coefficients]]:
    """(quantity, its coefficients), parameters first."""
    return [("params", found.params), ("macs", found.macs)]


def head(found: Polynomials, quantity: str, side: str) -> str:
    """`MACs(α, K)`, the letters that the polynomial is one in."""
    used = [found.domain.alpha_step is not None and "α", found.domain.period is not None and side]
    letters = ", ".join(letter for letter in used if letter)
    return f"{_NAMES[quantity]}({letters})" if letters else _NAMES[quantity]


def domain(found: Polynomials) -> str:
    """`α a multiple of 1/32; side = 32K, K ≥ 1`."""
    at, said = found.domain, []
    if at.alpha_step is None:
        if found.points is None or found.rounded or at.alpha != 1:  # a module may have no α
            said.append(f"at α = {shown(at.alpha)}")
    else:
        multiple = "a whole number" if at.alpha_step == 1 else f"a multiple of {fraction(at.alpha_step)}"
        least = at.alpha_least or at.alpha_step
        said.append(f"α {multiple}" + (f", from {fraction(least)}" if least != at.alpha_step else ""))
    if at.axis == "tokens":
        said.append(f"T tokens, T ≥ {at.least}")
    elif at.period is not None:
        remainder = f" + {at.remainder}" if at.remainder else ""
        said.append(f"side = {'' if at.period == 1 else at.period}K{remainder}, K ≥ {at.least}")
    elif at.native is not None:
        said.append("at its own side: along no period that was tried are the counts a polynomial of it")
    if found.points is not None:
        nodes, held = found.points
        said.append(f"found from {nodes} traced point{'s' if nodes > 1 else ''}, confirmed at {held} more")
    return "; ".join([*said, "one sample"])


def text(coefficients: Coefficients, side: str = "K") -> str:
    """`11,010,048·α²·K² + 576,000·α·K²`, the highest powers first."""
    return _sum(coefficients, lambda c: fraction(c), "·", lambda n: str(n).translate(_SUPERSCRIPT), ("α", side))


def latex(coefficients: Coefficients, side: str = "K") -> str:
    r"""`11\,010\,048\,\alpha^{2} K^{2}`, the highest powers first."""

    def number(c: Fraction) -> str:
        top, bottom = (f"{n:,}".replace(",", r"\,") for n in (c.numerator, c.denominator))
        return top if c.denominator == 1 else rf"\frac{{{top}}}{{{bottom}}}"

    return _sum(coefficients, number, r"\,", lambda n: f"^{{{n}}}", (r"\alpha", side))


def _sum(
    coefficients: Mapping[tuple[int, int], Fraction], number: Any, times: str, power: Any, letters: tuple[str, str]
) -> str:
    terms = []
    for powers, c in sorted(coefficients.items(), reverse=True):
        factors = [letter + (power(n) if n > 1 else "") for letter, n in zip(letters, powers, strict=True) if n]
        if abs(c) != 1 or not factors:
            factors.insert(0, number(abs(c)))
        sign = "-" if c < 0 else "+"
        terms.append(f"{sign} {times.join(factors)}")
    joined = " ".join(terms) or "0"
    return joined.removeprefix("+ ")
