"""Learning Transferable Architectures for Scalable Image Recognition (arXiv 1707.07012)."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from profiler.network.combinators import Branches, Chain, Graph
from profiler.network.layers import (
    AdaptiveAvgPool,
    Add,
    AvgPool,
    BatchNorm,
    Concatenate,
    Conv,
    Dropout,
    Flatten,
    Identity,
    Layer,
    Linear,
    MaxPool,
    Pad,
)
from profiler.network.registry import architecture
from profiler.network.widths import fixed, times

from .blocks import conv_norm, relu

# Figure 4, NASNet-A: the two terms of each sum, an operation and what it takes: `h` is the cell's input, `p` the input of
# the cell before, both brought to the cell's width; a number is an earlier sum.
Term = tuple[str, str]
NORMAL: list[tuple[Term, Term]] = [
    (("sep5", "h"), ("sep3", "p")),
    (("sep5", "p"), ("sep3", "p")),
    (("avg3", "h"), ("identity", "p")),
    (("avg3", "p"), ("avg3", "p")),
    (("sep3", "h"), ("identity", "h")),
]
REDUCTION: list[tuple[Term, Term]] = [
    (("sep5/2", "h"), ("sep7/2", "p")),
    (("max3/2", "h"), ("sep7/2", "p")),
    (("avg3/2", "h"), ("sep5/2", "p")),
    (("avg3", "0"), ("identity", "1")),
    (("sep3", "0"), ("max3/2", "h")),
]
JOINED = {"normal": ("p", "0", "1", "2", "3", "4"), "reduction": ("1", "2", "3", "4")}  # sums that nothing has used


def separable(n: int, kernel: int, stride: int = 1) -> Chain:
    """ReLU, depthwise, pointwise, BatchNorm."""
    depthwise = Conv(times(1), kernel, stride, padding=kernel // 2, groups="each", bias=False)
    return Chain(act=relu(), depthwise=depthwise, pointwise=Conv(n, 1, bias=False), norm=BatchNorm())


def operation(name: str, n: int) -> Layer:
    """`sep5/2` and the others; separable convolutions are applied twice (appendix A.4)."""
    kind, _, stride = name.partition("/")
    s = int(stride or 1)
    match kind[:3]:
        case "sep":
            k = int(kind[3])
            return Chain(separable(n, k, s), separable(n, k))
        case "avg":
            return AvgPool(3, stride=s, padding=1, count_include_pad=False)
        case "max":
            return MaxPool(3, stride=s, padding=1)
        case _:
            return Identity()


def squeezed(n: int) -> Chain:
    """1×1 to the cell's width."""
    return Chain(act=relu(), **dict(conv_norm(n, 1).parts))


def halved(n: int) -> Chain:
    """1×1 to the cell's width and half the side: half of the channels from the even pixels, half from the odd ones."""
    even = Chain(pool=AvgPool(1, stride=2), conv=Conv(n // 2, 1, bias=False))
    odd = Chain(shift=Pad(((-1, 1), (-1, 1))), pool=AvgPool(1, stride=2), conv=Conv(n // 2, 1, bias=False))
    return Chain(act=relu(), paths=Branches(even=even, odd=odd, join=Concatenate()), norm=BatchNorm())


def cell(
    kind: str,
    n: int,
    previous: Layer,
    inputs: tuple[str, ...] = ("input", "before"),
    outputs: tuple[str, ...] = ("join", "input"),
) -> Graph:
    """A normal or a reduction cell of width n, which hands its own input on; `previous` brings the input before to n."""
    nodes: dict[str, tuple[Layer | str, ...]] = {"h": (squeezed(n), "input"), "p": (previous, inputs[-1])}
    for i, ((left, a), (right, b)) in enumerate(NORMAL if kind == "normal" else REDUCTION):
        nodes |= {f"left{i}": (operation(left, n), a), f"right{i}": (operation(right, n), b)}
        nodes[str(i)] = (Add(), f"left{i}", f"right{i}")
    nodes["join"] = (Concatenate(), *JOINED[kind])
    return Graph(inputs=inputs, nodes=nodes, outputs=outputs)


@architecture(
    "nasnet_mobile", paper="NASNet-A (1707.07012)", year=2017, input=(3, 224, 224),
    preset={"repeats": 4, "filters": 44, "first": 32, "skip": False},
    note="NASNet-A (4 @ 1056), without its auxiliary classifier",
)  # fmt: skip
@architecture(
    "nasnet_large", paper="NASNet-A (1707.07012)", year=2017, input=(3, 331, 331),
    preset={"repeats": 6, "filters": 168, "first": 96, "skip": True},
    note="NASNet-A (6 @ 4032), without its auxiliary classifier",
)  # fmt: skip
def nasnet(repeats: int, filters: int, first: int, skip: bool, alpha: Fraction = Fraction(1), classes: int = 1000) -> Chain:
    """NASNet-A (`repeats` @ 24·`filters`): Figure 2, the network for ImageNet, whose stem has two reduction cells.

    The paper scales by the number of filters F: here 4·⌊F/4·α + ½⌋, at least 4, for the stem's cells have F/4 and F/2.
    The first convolution keeps its own. With `skip`, the cell after a reduction looks past it, not at its input.
    """
    quarter = max(1, floor(Fraction(filters, 4) * alpha + Fraction(1, 2)))
    cells: dict[str, Layer] = {
        "stem1": cell("reduction", quarter, Identity(), inputs=("input",)),
        "stem2": cell("reduction", 2 * quarter, halved(2 * quarter)),
    }
    for stage, n in enumerate((4 * quarter, 8 * quarter, 16 * quarter), start=1):
        if stage > 1:
            cells[f"reduction{stage}"] = cell("reduction", n, squeezed(n), outputs=("join", "before" if skip else "input"))
        for i in range(1, repeats + 1):
            previous = halved(n) if i == 1 else squeezed(n)  # before a reduction the side was twice this
            outputs = ("join",) if (stage, i) == (3, repeats) else ("join", "input")
            cells[f"normal{stage}_{i}"] = cell("normal", n, previous, outputs=outputs)
    return Chain(
        stem=conv_norm(fixed(first), 3, stride=2),
        body=Chain(**cells),
        head=Chain(act=relu(), pool=AdaptiveAvgPool(1), flatten=Flatten(), drop=Dropout(), classifier=Linear(fixed(classes))),
    )
