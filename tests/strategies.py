"""Random leaves and small random networks that fit their inputs, for the properties of several test files."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st

from profiler.count import closed
from profiler.network import layers as L
from profiler.network.combinators import Aside, Branches, Chain, Graph
from profiler.network.layers import Layer
from profiler.network.widths import times

Shape = tuple[int, ...]
Draw = st.DrawFn
T = TypeVar("T")


class Case(NamedTuple):
    """A network with shapes of its inputs, without the batch axis."""

    network: Layer
    inputs: tuple[Shape, ...]

    @property
    def input(self) -> list[Any]:
        """What `profile` and `build` take as `input`."""
        return list(self.inputs)

    @property
    def module_input(self) -> list[Any]:
        """What `profile` takes as `input` of a module, whose integers are said."""
        embedded = isinstance(self.network, L.Embedding)
        return ["x".join(map(str, shape)) + ":int64" for shape in self.inputs] if embedded else self.input


def one_of(draw: Draw, *choices: T) -> T:
    return draw(st.sampled_from(choices))


def whole(draw: Draw, low: int, high: int) -> int:
    return draw(st.integers(low, high))


def each_axis(draw: Draw, rank: int, low: int, high: int) -> L.Ints:
    """One number for every axis, or one an axis."""
    if draw(st.booleans()):
        return whole(draw, low, high)
    return tuple(whole(draw, low, high) for _ in range(rank))


def shortest(value: L.Ints) -> L.Ints:
    """One number where every axis has the same."""
    return value if isinstance(value, int) or len(set(value)) > 1 else value[0]


def smallest(value: L.Ints) -> int:
    return value if isinstance(value, int) else min(value)


def pixels(draw: Draw, rank: int | None = None, least: int = 6) -> Shape:
    """(C, *spatial) of one to three axes, 12 channels or a divisor of 12, all sides large enough for every window below."""
    rank = rank or whole(draw, 1, 3)
    return (one_of(draw, 1, 2, 4, 6, 12), *(whole(draw, least, least + 3) for _ in range(rank)))


def tokens(draw: Draw) -> Shape:
    return whole(draw, 2, 7), one_of(draw, 6, 12)


def divisor(draw: Draw, n: int) -> int:
    return one_of(draw, *(k for k in range(1, n + 1) if n % k == 0))


# One leaf that fits features of a shape: what comes in → the leaf


def _conv(draw: Draw, shape: Shape) -> Layer:
    rank, m = len(shape) - 1, shape[0]
    kernel, dilation = each_axis(draw, rank, 1, 3), one_of(draw, 1, 1, 2)
    rest: dict[str, Any] = {"stride": each_axis(draw, rank, 1, 3), "padding": each_axis(draw, rank, 0, 2)}
    rest |= {"dilation": dilation, "bias": draw(st.booleans())}
    if draw(st.booleans()):
        return L.Conv(times(one_of(draw, 1, 2)), kernel, groups="each", **rest)
    groups = divisor(draw, m)
    return L.Conv(groups * whole(draw, 1, 3), kernel, groups=groups, **rest)


def _conv_transpose(draw: Draw, shape: Shape) -> Layer:
    rank, groups = len(shape) - 1, divisor(draw, shape[0])
    stride = whole(draw, 1, 3)
    return L.ConvTranspose(
        groups * whole(draw, 1, 3), each_axis(draw, rank, 1, 3), stride, whole(draw, 0, 1), whole(draw, 0, stride - 1), groups,
        draw(st.booleans()), one_of(draw, 1, 1, 2) if stride == 1 else 1,
    )  # fmt: skip


def _max_pool(draw: Draw, shape: Shape) -> Layer:
    kernel = each_axis(draw, len(shape) - 1, 2, 3)
    stride = None if draw(st.booleans()) else each_axis(draw, len(shape) - 1, 1, 3)
    return L.MaxPool(kernel, stride, whole(draw, 0, smallest(kernel) // 2), one_of(draw, 1, 1, 2), draw(st.booleans()))


def _avg_pool(draw: Draw, shape: Shape) -> Layer:
    kernel = each_axis(draw, len(shape) - 1, 2, 3)
    stride = None if draw(st.booleans()) else each_axis(draw, len(shape) - 1, 1, 3)
    return L.AvgPool(kernel, stride, whole(draw, 0, smallest(kernel) // 2), draw(st.booleans()), draw(st.booleans()))


def _pad(draw: Draw, shape: Shape) -> Layer:
    sides = tuple((whole(draw, 0, 2), whole(draw, 0, 2)) for _ in shape[1:])
    whole_frame = len({n for pair in sides for n in pair}) == 1
    return L.Pad(sides[0][0] if whole_frame else sides)


def _norm(draw: Draw, shape: Shape) -> Layer:
    yes = draw(st.booleans())
    return one_of(
        draw,
        L.BatchNorm(affine=yes, track_running_stats=draw(st.booleans())),
        L.InstanceNorm(affine=yes),
        L.GroupNorm(divisor(draw, shape[0]), affine=yes),
        L.LocalResponseNorm(whole(draw, 1, 5)),
        L.PReLU(each_channel=yes),
    )


def _activation(draw: Draw, shape: Shape) -> Layer:
    return L.Activation(one_of(draw, *L.ActivationName.__args__))  # type: ignore[attr-defined]


def _upsample(draw: Draw, shape: Shape) -> Layer:
    return L.Upsample(shortest(each_axis(draw, len(shape) - 1, 1, 2)), one_of(draw, "nearest", "bilinear"))


def _adaptive(draw: Draw, shape: Shape) -> Layer:
    return one_of(draw, L.AdaptiveAvgPool, L.AdaptiveMaxPool)(each_axis(draw, len(shape) - 1, 1, 4))


def _channels(draw: Draw, shape: Shape) -> Layer:
    of = divisor(draw, shape[0])
    choices: list[Layer] = [L.PadChannels(shape[0] + whole(draw, 0, 5)), L.ChannelSlice(whole(draw, 0, of - 1), of)]
    return one_of(draw, *choices, *([L.ChannelShuffle(of)] if len(shape) > 2 else []), L.Dropout(0.3), L.Identity())


KEEPING_PIXELS: list[Callable[[Draw, Shape], Layer]] = [
    _conv, _conv_transpose, _max_pool, _avg_pool, _pad, _norm, _activation, _upsample, _adaptive, _channels,
]  # fmt: skip
"""Features in, features out."""


def _token_leaf(draw: Draw, shape: Shape) -> Layer:
    t, c = shape
    grouped = [(heads, kv) for heads in (1, 2, 3, 4) for kv in (1, 2) if heads % kv == 0 and c % (heads + 2 * kv) == 0]
    turned = [(heads, kv) for heads, kv in grouped if c // (heads + 2 * kv) % 2 == 0]
    causal = draw(st.booleans())
    return one_of(
        draw,
        L.RMSNorm(elementwise_affine=draw(st.booleans())),
        L.PositionEmbedding(t + whole(draw, 0, 3)),
        L.SegmentEmbedding(whole(draw, 1, 3)),
        *([L.Attention(*one_of(draw, *grouped), causal=causal)] if grouped else []),
        *([L.RotaryEmbedding(*one_of(draw, *turned))] if turned else []),
        L.Linear(whole(draw, 1, 3) * 6, bias=draw(st.booleans())),
        L.LayerNorm(elementwise_affine=draw(st.booleans())),
        L.LayerNorm(bias=False),
        L.ClassToken(),
        L.PositionEmbedding(),
        L.Activation("GELU"),
        *([L.Attention(divisor(draw, c // 3))] if c % 3 == 0 else []),
    )


@st.composite
def leaves(draw: Draw) -> Case:
    """One leaf of any class, with inputs that fit it."""
    sort = one_of(draw, "pixels", "pixels", "pixels", "tokens", "ends", "joins")
    if sort == "pixels":
        made = one_of(draw, *KEEPING_PIXELS)
        shape = pixels(draw)
        return Case(made(draw, shape), (shape,))
    if sort == "tokens":
        shape = tokens(draw)
        return Case(_token_leaf(draw, shape), (shape,))
    if sort == "ends":
        shape = pixels(draw)
        t, c = tokens(draw)
        return one_of(
            draw,
            Case(L.Flatten(), (shape,)),
            Case(L.Tokens(), (shape,)),
            Case(L.Fold(), (pixels(draw, 3),)),
            Case(L.Token(whole(draw, 0, t - 1)), ((t, c),)),
            Case(L.Unsqueeze(), ((t, c),)),
            Case(L.Linear(whole(draw, 1, 9), bias=draw(st.booleans())), ((c,),)),
            Case(L.Embedding(whole(draw, 2, 50), whole(draw, 1, 9)), ((t,),)),
        )
    return draw(joins())


@st.composite
def joins(draw: Draw) -> Case:
    """A leaf of several inputs."""
    shape = pixels(draw, 2)
    t, s, m, n = (whole(draw, 1, 7) for _ in range(4))
    heads = whole(draw, 1, 3)
    c, c_v = heads * whole(draw, 1, 4), heads * whole(draw, 1, 4)
    larger = (whole(draw, 1, 5), *(side + whole(draw, 0, 3) for side in shape[1:]))
    return one_of(
        draw,
        Case(L.Add(one_of(draw, 1.0, 0.5)), (shape,) * whole(draw, 2, 4)),
        Case(L.Multiply(), (shape, (shape[0], 1, 1))),
        Case(L.Concatenate(), tuple((whole(draw, 1, 5), *shape[1:]) for _ in range(whole(draw, 2, 4)))),
        Case(L.Concatenate(1), ((t, m), (t, n))),
        Case(L.MatMul(), ((heads, t, m), (heads, m, n))),
        Case(L.Attention(heads), ((t, c), (s, c), (s, c_v))),
        Case(L.Resize(one_of(draw, "nearest", "bilinear")), (shape, larger)),
        Case(L.Crop(), (larger, shape)),
    )


# Networks of such leaves: each part is drawn to fit what comes out of the one before


def _after(network: Layer, inputs: tuple[Shape, ...]) -> Shape:
    (output,), _ = closed.walk(network, inputs)
    return output


def _part(draw: Draw, shape: Shape, depth: int) -> Layer:
    """A leaf or a combinator that takes features of `shape` and gives features."""
    sort = one_of(draw, "leaf", "leaf", "chain", "branches", "graph") if depth else "leaf"
    if min(shape[1:]) < 6:  # too small for some windows
        return one_of(draw, _norm, _activation, _channels, _adaptive, _pad)(draw, shape)
    if sort == "leaf" or prod(shape) > 4000:
        return one_of(draw, *KEEPING_PIXELS)(draw, shape)
    if sort == "chain":
        return _chain(draw, shape, depth - 1)
    same = L.Conv(shape[0], 3, padding=1, bias=draw(st.booleans()))
    if sort == "branches":
        if draw(st.booleans()):
            return Branches(one_of(draw, same, Chain(same, _norm(draw, shape))), L.Identity(), join=L.Add())
        return Branches(*(L.Conv(whole(draw, 1, 4), 1) for _ in range(whole(draw, 2, 3))), join=L.Concatenate())
    last: Layer = one_of(draw, L.Add(), L.Concatenate(), L.Multiply())
    nodes = {"a": (same, "x"), "b": (_norm(draw, shape), "a"), "c": (last, "a", "b", *(["x"] if draw(st.booleans()) else []))}
    return Graph(inputs=("x",), nodes=nodes, outputs=("c",))


def _chain(draw: Draw, shape: Shape, depth: int) -> Layer:
    parts: list[Layer] = []
    for _ in range(whole(draw, 1, 4)):
        parts.append(_part(draw, shape, depth))
        shape = _after(parts[-1], (shape,))
    if draw(st.booleans()):
        parts.insert(0, Aside(Chain(L.Flatten(), L.Linear(2))))
    return Chain(*parts)


@st.composite
def networks(draw: Draw) -> Case:
    """A chain of leaves, branches and graphs on pixels, at times with a head."""
    shape = pixels(draw)
    body = _chain(draw, shape, 2)
    if draw(st.booleans()):
        body = Chain(body=body, flatten=L.Flatten(), head=L.Linear(whole(draw, 1, 5)))
    return Case(body, (shape,))
