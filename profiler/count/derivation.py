"""The closed form of a row with its numbers in place, and what a depthwise separable pair saves. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import prod

from profiler.records.profile import Row, Shape
from profiler.records.shown import Derivation, Separable

_POWERS = {1: "", 2: "²", 3: "³"}


def derivation(row: Row) -> Derivation | None:
    """How the multiply-adds of `row` are made, in the papers' letters (MobileNets, section 3); None where it has none.

    D_K kernel side, M channels in, N channels out, D_F output side (D_I input side, of a transposed convolution), B batch,
    G groups, T and S tokens, C and C_v channels of keys and values, H heads. None too of an operation of other axes.
    """
    if not row.macs or row.op not in _FACTORS:
        return None
    try:
        factors = _FACTORS[row.op](row)
    except (KeyError, IndexError, ValueError):  # a traced operation of other axes than a layer's
        return None
    batch = row.output[0] if row.output else 1
    whole = [("B", str(batch)), *factors] if batch > 1 and prod(map(_value, factors)) * batch == row.macs else factors
    if prod(map(_value, whole)) != row.macs:
        return None
    return Derivation("·".join(letter for letter, _ in whole), "·".join(number for _, number in whole))


Factors = list[tuple[str, str]]


def _value(factor: tuple[str, str]) -> int:
    """What a factor's number is: `7²`, `(64+64)`, `(64/2)`."""
    number = factor[1].strip("()")
    if number[-1] in "²³":
        side = int(number[:-1])
        return side * side if number[-1] == "²" else side * side * side
    whole, _, groups = number.partition("/")
    return sum(map(int, whole.split("+"))) // int(groups or 1)


def _conv(row: Row) -> Factors:
    groups, kernel = row.facts["groups"], row.facts["kernel"]
    m, n = row.inputs[0][1], row.output[1]
    window = _power("D_K", kernel) if prod(kernel) > 1 else []
    channels = [("M", str(m)), ("N", str(n))]
    if row.kind == "depthwise":
        channels = [("M", str(m))] if n == m else [("N", str(n))]
    elif groups > 1:
        channels[0] = ("(M/G)", f"({m}/{groups})")
    side = _power("D_I", row.inputs[0][2:]) if row.op == "conv_transpose" else _power("D_F", row.output[2:])
    return [*window, *channels, *side]


def _power(letter: str, sides: Shape) -> Factors:
    """`D_F²` for a square, the sides one by one where they differ."""
    if len(set(sides)) == 1 and len(sides) in _POWERS:
        power = _POWERS[len(sides)]
        return [(letter + power, f"{sides[0]}{power}")]
    return [(f"{letter}{index}", str(side)) for index, side in enumerate(sides, start=1)]


def _linear(row: Row) -> Factors:
    positions = prod(row.output[1:-1])
    tokens = [("T", str(positions))] if positions > 1 else []
    return [*tokens, ("M", str(row.inputs[0][-1])), ("N", str(row.output[-1]))]


def _matmul(row: Row) -> Factors:
    a = row.inputs[0]
    rest = [("P", str(prod(a[1:-2])))] if prod(a[1:-2]) > 1 else []
    return [*rest, ("T", str(a[-2])), ("M", str(a[-1])), ("N", str(row.output[-1]))]


def _attention(row: Row) -> Factors:
    if len(row.output) > 3:  # (B, H, T, E): heads apart
        *rest, t, c_v = row.output
        heads = [("H", str(prod(rest[1:])))] if prod(rest[1:]) > 1 else []
        return [*heads, ("T", str(t)), ("S", str(row.inputs[1][-2])), ("(C+C_v)", f"({row.inputs[0][-1]}+{c_v})")]
    t, c_v = row.output[1:]
    s, c = (row.inputs[1][1], row.inputs[0][2]) if len(row.inputs) == 3 else (t, c_v)
    return [("T", str(t)), ("S", str(s)), ("(C+C_v)", f"({c}+{c_v})")]


_FACTORS = {"conv": _conv, "conv_transpose": _conv, "linear": _linear, "matmul": _matmul, "attention": _attention}


def separable_pairs(rows: Iterable[Row]) -> list[Separable]:
    """Every depthwise convolution that a pointwise one follows, with at most normalisation and activations between."""
    costly = [row for row in rows if row.kind not in ("norm", "activation") and not row.side]
    pairs = []
    for depthwise, pointwise in pairwise(costly):
        follows = pointwise.kind == "pointwise" and pointwise.inputs[0][1:] == depthwise.output[1:]
        if depthwise.kind != "depthwise" or not follows or pointwise.output[2:] != depthwise.output[2:]:
            continue
        kernel, m, n = depthwise.facts["kernel"], depthwise.inputs[0][1], pointwise.output[1]
        standard = pointwise.output[0] * prod(kernel) * m * n * prod(pointwise.output[2:])
        macs = depthwise.macs + pointwise.macs
        path = _common(depthwise.path, pointwise.path)
        pairs.append(Separable(path, kernel, m, n, pointwise.output[2:], macs, standard))
    return pairs


def _common(a: str, b: str) -> str:
    shared = []
    for left, right in zip(a.split("."), b.split("."), strict=False):
        if left != right:
            break
        shared.append(left)
    return ".".join(shared) or f"{a} + {b}"
