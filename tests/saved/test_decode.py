"""The decoder of saved runs: what fits becomes a value, and what does not is refused with its place in our words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest
from msgspec import Struct

from profiler.saved.decode import Malformed, decode
from profiler.saved.row_parts import Facts


class Leaf(Struct, frozen=True):
    size: int
    facts: Facts | None = None


class Tree(Struct, frozen=True):
    name: str
    share: float | None = None
    leaves: tuple[Leaf, ...] = ()
    by_name: Mapping[str, Mapping[str, Leaf]] = {}
    pairs: tuple[tuple[int, float], ...] = ()
    word: Literal["one", "two"] = "one"
    numbered: Mapping[int, int] = {}
    window: int | tuple[int, ...] | None = None


def test_what_fits_is_a_value() -> None:
    plain = {
        "name": "a", "share": 1, "leaves": [{"size": 10**30, "facts": {"kernel": [3, 1], "bias": True}}], "pairs": [[1, 2]],
        "window": [3, 3], "numbered": {"4": 5}, "a later version's": 1,
    }  # fmt: skip
    made = decode(plain, Tree)
    facts = Facts(kernel=(3, 1), bias=True)
    assert made == Tree("a", 1.0, (Leaf(10**30, facts),), {}, ((1, 2.0),), "one", {4: 5}, (3, 3))


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ([], "expected an object, and this is a list"),
        ({}, "there is no name"),
        ({"name": None}, "name: expected a text, and this is null"),
        ({"name": "a", "share": "x"}, "share: expected a number or null or a whole number, and this is a text (x)"),
        ({"name": "a", "share": True}, "share: expected a number or null or a whole number, and this is true or false (True)"),
        ({"name": "a", "leaves": {}}, "leaves: expected a list, and this is an object"),
        ({"name": "a", "leaves": [{"size": 1}, {"size": 1.0}]}, "leaves[1].size: expected a whole number, and this is a number (1.0)"),
        ({"name": "a", "leaves": [{"size": 1}, {}]}, "leaves[1]: there is no size"),
        ({"name": "a", "leaves": [{"size": 1, "facts": 3}]}, "leaves[0].facts: expected an object, and this is a whole number (3)"),
        (
            {"name": "a", "leaves": [{"size": 1, "facts": {"stride": [1, {}]}}]},
            "leaves[0].facts.stride[1]: expected a whole number, and this is an object",
        ),
        # a key of a dict is found by what is the matter with its value
        ({"name": "a", "by_name": {"b": {}, "c": []}}, "by_name.c: expected an object, and this is a list"),
        (
            {"name": "a", "by_name": {"b": {"x": {"size": 1}}, "c": {"y": {"size": 1}, "z": {"size": ""}}}},
            "by_name.c.z.size: expected a whole number, and this is a text ()",
        ),
        ({"name": "a", "by_name": {"b": {"x": {"size": 1}, "y": {}}}}, "by_name.b.y: there is no size"),
        ({"name": "a", "pairs": [[1, 2], [1]]}, "pairs[1]: expected a list of 2, and this is a list of 1"),
        ({"name": "a", "pairs": [[1, "x"]]}, "pairs[0][1]: expected a number or a whole number, and this is a text (x)"),
        ({"name": "a", "word": "three - at `$.x`"}, "word: expected another word, and this is a text (three - at `$.x`)"),
        ({"name": "a", "numbered": {"x": 1}}, "numbered: expected whole numbers as its keys, and one is none"),
        ({"name": "a", "window": 1.5}, "window: expected a whole number or a list or null, and this is a number (1.5)"),
    ],
)  # fmt: skip
def test_what_does_not_is_refused_with_its_place(plain: Any, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        decode(plain, Tree)
    assert str(caught.value) == message
