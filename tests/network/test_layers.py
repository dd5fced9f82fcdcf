"""Values: they print, compare, hash, travel, and refuse what they cannot be."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from fractions import Fraction
from typing import Any

import numpy
import pytest

from profiler.load.load import in_closed_form as load
from profiler.network import layers as L
from profiler.network.combinators import Aside, Branches, Chain, Graph, leaves_of, parts_of, rebuilt
from profiler.network.layers import Activation, Add, BatchNorm, Conv, Identity, Layer, Linear
from profiler.network.widths import fixed, same, times


def test_a_value_prints_short_and_indented() -> None:
    network = Chain(
        stem=Chain(conv=Conv(32, 3, stride=2, padding=1, bias=False), norm=BatchNorm(), act=Activation("ReLU")),
        body=Branches(Conv(64, 3), Identity(), join=Add()),
        head=Linear(fixed(10)),
    )
    assert repr(network) == (
        "Chain(\n"
        "  stem=Chain(\n"
        "    conv=Conv(32, 3, stride=2, padding=1, bias=False),\n"
        "    norm=BatchNorm(),\n"
        "    act=Activation('ReLU'),\n"
        "  ),\n"
        "  body=Branches(\n"
        "    0=Conv(64, 3),\n"
        "    1=Identity(),\n"
        "    join=Add(),\n"
        "  ),\n"
        "  head=Linear(fixed(10)),\n"
        ")"
    )


def test_values_compare_and_hash_by_what_they_are() -> None:
    a, b = load("resnet18").value, pickle.loads(pickle.dumps(load("resnet18").value))
    assert a is not b
    assert a == b
    assert hash(a) == hash(b)
    assert Conv(8, 3) != Conv(8, 3, bias=False)
    assert Conv(same(), 1) != Conv(times(1), 1)


def test_the_kept_hash_does_not_travel() -> None:
    # strings hash differently in every process, so a hash that travelled would make equal values unequal
    value = Chain(act=Activation("ReLU"))
    hash(value)
    assert "_hash" in value.__dict__
    script = (
        "import pickle, sys; from profiler.network.combinators import Chain; from profiler.network.layers import Activation;"
        "print({pickle.load(sys.stdin.buffer): 1}.get(Chain(act=Activation('ReLU'))))"
    )
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    ran = subprocess.run([sys.executable, "-c", script], input=pickle.dumps(value), capture_output=True, env=env, check=True)
    assert ran.stdout == b"1\n"


def test_leaves_and_parts() -> None:
    network = Graph(
        inputs=("x",),
        nodes={"a": (Chain(Conv(4, 3), Aside(Conv(2, 1))), "x"), "b": (Branches(Identity(), Conv(4, 1), join=Add()), "a")},
        outputs=("b",),
    )
    assert list(leaves_of(network)) == [Conv(4, 3), Conv(2, 1), Identity(), Conv(4, 1), Add()]
    assert len(list(parts_of(network))) == 2
    assert list(parts_of(Conv(4, 3))) == []


def test_rebuilt_keeps_the_structure() -> None:
    def wider(leaf: Layer) -> Layer:
        return Conv(8, 3) if leaf == Conv(4, 3) else leaf

    network = Chain(a=Conv(4, 3), b=Branches(Conv(4, 3), Identity(), join=Add()), c=Aside(Conv(4, 3)))
    expected = Chain(a=Conv(8, 3), b=Branches(Conv(8, 3), Identity(), join=Add()), c=Aside(Conv(8, 3)))
    assert rebuilt(network, wider) == expected
    assert rebuilt(network, lambda leaf: leaf) == network


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Chain(("a", Conv(1, 1)), a=Conv(1, 1)), "two parts have one name"),
        (lambda: Chain(("a.b", Conv(1, 1))), "names become paths"),
        (lambda: Graph(inputs=("x",), nodes={"a": (Conv(1, 1), "y")}, outputs=("a",)), "takes 'y', which no input"),
        (lambda: Graph(inputs=("x",), nodes={"x": (Conv(1, 1), "x")}, outputs=("x",)), "two nodes called 'x'"),
        (lambda: Graph(inputs=("x",), nodes={"a": (Conv(1, 1), "x")}, outputs=("b",)), "the output 'b'"),
    ],
)
def test_what_cannot_be_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_a_value_does_not_change() -> None:
    conv = Conv(8, 3)
    with pytest.raises(FrozenInstanceError, match="a layer does not change"):
        conv.out = 4  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        conv.colour = "red"
    assert replace(conv, out=4) == Conv(4, 3)
    assert conv == Conv(8, 3)


def _any(value: Any) -> Any:
    """A value that the types forbid."""
    return value


np: Any = numpy  # the types say int; this is what a user has
WHOLE: list[tuple[Any, Any]] = [
    (Conv(np.int64(8), np.int32(3)), Conv(8, 3)),
    (Conv(8, (np.int64(3), 5), stride=_any([2, np.int8(1)]), groups=np.int64(2)), Conv(8, (3, 5), (2, 1), groups=2)),
    (Linear(fixed(np.int64(10))), Linear(fixed(10))),
    (Linear(times(np.int64(3))), Linear(times(3))),
    (L.Pad(((np.int64(0), 1), (2, 3))), L.Pad(((0, 1), (2, 3)))),
    (L.MaxPool(np.int64(2), stride=None), L.MaxPool(2)),
    (replace(Conv(8, 3), out=np.int64(4)), Conv(4, 3)),
]


@pytest.mark.parametrize(("given", "plain"), WHOLE, ids=[repr(plain) for _, plain in WHOLE])
def test_whole_numbers_of_any_integer_type_are_taken(given: Layer, plain: Layer) -> None:
    assert given == plain
    assert repr(given) == repr(plain)
    assert all(type(n) is int for n in _numbers(given))


def _numbers(value: Any) -> list[Any]:
    if isinstance(value, Layer):
        return [n for name in value.whole_numbers for n in _numbers(getattr(value, name))]
    if isinstance(value, tuple):
        return [n for each in value for n in _numbers(each)]
    return [] if value is None else [getattr(value, "n", getattr(value, "k", value))]


def test_every_field_for_a_whole_number_refuses_what_is_none() -> None:
    leaves = [cls for cls in Layer.__subclasses__() if cls.__module__ == L.__name__ and cls.whole_numbers]
    assert {cls.__name__ for cls in leaves} >= {"Conv", "Linear", "Embedding", "Token", "Concatenate", "Attention", "GroupNorm"}
    for cls in leaves:
        for name in cls.whole_numbers:
            others = {field.name: 1 for field in fields(cls) if field.name != name}
            for value in (8.0, True, "8", [1.5]):
                with pytest.raises(TypeError, match=f"{cls.__name__}: {name} must be a whole number"):
                    cls(**others, **{name: value})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Conv(_any(8.0), 3),
            r"Conv: out must be a whole number, fixed\(\), same\(\) or times\(\), not 8\.0 \(of type float\); convert it with int\(\)",
        ),
        (lambda: Conv(8, _any((3, 2.5))), r"Conv: kernel must be a whole number, one or one per axis, not 2\.5"),
        (lambda: Conv(8, 3, groups=_any("all")), "Conv: groups must be a whole number or \"each\", not 'all'"),
        (lambda: Conv(8, 3, stride=_any(None)), "Conv: stride must be a whole number, one or one per axis, not None"),
        (lambda: fixed(_any(2.5)), r"fixed\(\): n must be a whole number, not 2\.5"),
        (lambda: times(_any(0.5)), r"times\(\): k must be a whole number or a Fraction, not 0\.5"),
    ],
)
def test_the_refusal_says_what_the_field_takes(make: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()  # type: ignore[operator]
    assert Linear(times(Fraction(1, 2))).out == times(Fraction(1, 2))


def test_a_part_that_is_no_layer_is_refused() -> None:
    with pytest.raises(TypeError, match="the part '1' is int; parts are layers"):
        Chain(Conv(8, 3), 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the part 'head' is str"):
        Chain(head="Linear")  # type: ignore[arg-type]
