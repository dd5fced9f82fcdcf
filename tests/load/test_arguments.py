"""Texts of --set as the types that a factory asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pytest

from profiler.errors import ProfilerError
from profiler.load.arguments import checked


def factory(  # type: ignore[no-untyped-def]
    classes: int,
    width: float = 1.0,
    deep: bool = False,
    name: str = "relu",
    layers: list[int] = [2, 2],  # noqa: B006  # what the test is about
    norm: Literal["batch", "none"] = "batch",
    drop: float | None = None,
    size: int | tuple[int, int] = 224,
    untyped=3,
    free: Any = None,
    shape: Sequence[int] = (),
) -> None: ...


class Made:
    def __init__(self, channels: int, bias: bool = True) -> None: ...


def open_ended(pretrained: bool = False, **kwargs: Any) -> None: ...


CASES: list[tuple[str, str, Any]] = [
    ("classes", "10", 10),
    ("width", "0.5", 0.5),
    ("width", "2", 2.0),
    ("deep", "yes", True),
    ("deep", "off", False),
    ("name", "10", "10"),
    ("layers", "[3,4,6,3]", [3, 4, 6, 3]),
    ("layers", "(3, 4)", [3, 4]),
    ("norm", "none", "none"),
    ("drop", "none", None),
    ("drop", "0.1", 0.1),
    ("size", "96", 96),
    ("size", "(96, 48)", (96, 48)),
    ("untyped", "4", 4),
    ("free", "gelu", "gelu"),
    ("free", "true", True),
    ("free", "{'a': 1}", {"a": 1}),
    ("shape", "[1, 2]", [1, 2]),
]


@pytest.mark.parametrize(("key", "text", "expected"), CASES, ids=[f"{key}={text}" for key, text, _ in CASES])
def test_a_text_is_what_the_parameter_is(key: str, text: str, expected: Any) -> None:
    found = checked("net", factory, {"classes": "1", key: text})[key]
    assert (found, type(found)) == (expected, type(expected))


def test_python_values_pass_as_they_are() -> None:
    assert checked("net", factory, {"classes": 3, "name": None}) == {"classes": 3, "name": None}


def test_classes_and_open_ended_factories() -> None:
    assert checked("net", Made, {"channels": "8", "bias": "no"}) == {"channels": 8, "bias": False}
    assert checked("net", open_ended, {"img_size": "384", "act": "gelu"}) == {"img_size": 384, "act": "gelu"}


BAD: list[tuple[Any, dict[str, str], str]] = [
    (factory, {"classes": "ten"}, "net: classes must be a whole number, not ten; change it"),
    (factory, {"classes": "1", "width": "wide"}, "net: width must be a number, not wide; change it"),
    (factory, {"classes": "1", "deep": "maybe"}, "net: deep must be true or false, not maybe; change it"),
    (factory, {"classes": "1", "norm": "layer"}, "net: norm must be batch or none, not layer; change it"),
    (factory, {"classes": "1", "layers": "3"}, "net: layers must be a list, as [2, 2], not 3; change it"),
    (factory, {"classes": "1", "drop": "much"}, "net: drop must be none or a number, not much; change it"),
    (
        factory,
        {"clases": "1"},
        "unknown option of net 'clases'; did you mean classes or layers? (options of net: classes, width,",
    ),
    (factory, {}, "net needs classes; give it, as --set classes=…"),
    (Made, {"bias": "no"}, "net needs channels; give it, as --set channels=…"),
]


@pytest.mark.parametrize(("made", "given", "message"), BAD, ids=[case[2][:40] for case in BAD])
def test_mistakes(made: Any, given: dict[str, str], message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        checked("net", made, given)
    assert str(caught.value).startswith(message)
