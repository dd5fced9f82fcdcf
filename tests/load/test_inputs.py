"""Inputs as texts and as Python values; each mistake has its sentence."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from profiler.errors import ProfilerError, UnknownName
from profiler.load.inputs import Input, example, inputs, merged, parse, resized, shapes

TEXTS: list[tuple[str, Input]] = [
    ("3x224x224", Input(None, (3, 224, 224))),
    ("128", Input(None, (128,))),
    ("3×8×8:half", Input(None, (3, 8, 8), "float16")),
    ("ids=128:int64", Input("ids", (128,), "int64")),
    ("mask = 128:bool", Input("mask", (128,), "bool")),
    ("t=scalar:long", Input("t", (), "int64")),
    ("mask=none", Input("mask", value=None)),
    ("none", Input(None, value=None)),
    ("cache=False", Input("cache", value=False)),
    ("k:=4", Input("k", value=4)),
    (":='text'", Input(None, value="text")),
    ("sizes:=[1, 2]", Input("sizes", value=[1, 2])),
    ("sizes:=(1, [2, 3], {'a b': (4,)})", Input("sizes", value=(1, [2, 3], {"a b": (4,)}))),
    ("flag:=true", Input("flag", value=True)),
    ("batch.image=3x4x4", Input("batch.image", (3, 4, 4))),
    ("images.0=3x4x4", Input("images.0", (3, 4, 4))),
    ("grid=[1,16,16]", Input("grid", (3,), "int64", [1, 16, 16])),
    ("grid=[[1, 2], [3, 4]]:int32", Input("grid", (2, 2), "int32", [[1, 2], [3, 4]])),
    ("scale=[0.5,2]", Input("scale", (2,), "float32", [0.5, 2])),
    ("keep=[True,False]", Input("keep", (2,), "bool", [True, False])),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=[text for text, _ in TEXTS])
def test_a_text_is_an_input(text: str, expected: Input) -> None:
    assert parse(text) == expected
    assert parse(str(expected)) == expected  # and an input is the text that makes it


BAD: list[tuple[Any, str]] = [
    ("3x0x8", "input '3x0x8' is neither a shape nor a value; write it as 3x224x224, ids=128:int64, mask=none or k:=4"),
    ("=3x8", "input '=3x8' is not a valid input; write it as 3x224x224"),
    ("", "input '' is not a valid input"),
    ("ids=", "input 'ids=' is not a valid input"),
    ("ids=128:int65", "unknown dtype 'int65'; did you mean int64"),
    ("k:=foo(", "input 'k:=foo(': 'foo(' is not a Python literal; write a number"),
    ("k:={[]: 1}", "input 'k:={[]: 1}': '{[]: 1}' is not a Python literal"),
    ("k:={{}}", "input 'k:={{}}': '{{}}' is not a Python literal"),
    ("k:={{1}, {2}}", "input 'k:={{1}, {2}}': '{{1}, {2}}' is not a Python literal"),
    ("9" * 5000, f"input '{'9' * 80}…' is neither a shape nor a value"),
    ("k:=" + "9" * 5000, "input 'k:=9999"),
    ("k:=" + "[" * 5000, "input 'k:=[[[["),
    ("3x" * 5000 + "3", "input '3x3x"),
    ("grid=[[1,2],[3]]", "input 'grid=[[1,2],[3]]' is not a list of numbers, of up to 4096 in equal rows"),
    ("grid=[]", "input 'grid=[]' is not a list of numbers"),
    ("grid=['a']", "input 'grid=['a']' is not a list of numbers"),
    ("grid=[1,2", "input 'grid=[1,2': '[1,2' is not a Python literal"),
    (["ids=3", "ids=4"], "input 'ids' is given twice; give each once"),
    (["ids=3", "4"], "input '4' has no name but follows one that has"),
    (["a=3", "a.b=4"], "input 'a' is given as one tensor and as a dict of several"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[str(case[0]) or "empty" for case in BAD])
def test_mistakes(given: Any, message: str) -> None:
    with pytest.raises(ProfilerError) as caught:
        inputs(given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ()),
        ((3, 8, 8), (Input(None, (3, 8, 8)),)),
        ([(3, 8, 8), "4:int64"], (Input(None, (3, 8, 8)), Input(None, (4,), "int64"))),
        (
            {"ids": "5:int64", "mask": None, "scale": 2.0},
            (Input("ids", (5,), "int64"), Input("mask"), Input("scale", value=2.0)),
        ),
        ("3x8x8", (Input(None, (3, 8, 8)),)),
        ([(10,), ()], (Input(None, (10,)), Input(None, ()))),
        ({"x": (10,), "t": []}, (Input("x", (10,)), Input("t", ()))),
    ],
    ids=["nothing", "a shape", "several", "by name", "a text", "a scalar", "a scalar by name"],
)
def test_python_values_are_inputs_too(given: Any, expected: tuple[Input, ...]) -> None:
    assert inputs(given) == expected


def test_a_batch_axis_is_added_unless_there_is_to_be_none() -> None:
    given = inputs(["3x8x8", "ids=5:int64", "mask=5:bool", "t=scalar", "k:=4", "extra=none"])
    args, kwargs = example(given, 2, "meta")
    assert [tuple(x.shape) for x in args] == [(2, 3, 8, 8)]
    assert (tuple(kwargs["ids"].shape), kwargs["ids"].dtype, kwargs["ids"].device.type) == ((2, 5), torch.int64, "meta")
    assert (tuple(kwargs["mask"].shape), kwargs["mask"].dtype) == ((2, 5), torch.bool)
    assert (tuple(kwargs["t"].shape), kwargs["k"], kwargs["extra"]) == ((2,), 4, None)
    args, kwargs = example(given, None, "meta")
    assert (tuple(args[0].shape), tuple(kwargs["t"].shape)) == ((3, 8, 8), ())


def test_values_are_the_same_each_time_and_draw_from_no_generator_of_torch() -> None:
    given = inputs(["3x8x8", "ids=5:int64", "attention_mask=5:int64", "keep=5:bool"])
    before = torch.random.get_rng_state()
    (first, kwargs), (again, _) = example(given, 1, "cpu"), example(given, 1, "cpu")
    assert torch.equal(first[0], again[0])
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first[0].std() > 0.5
    assert kwargs["ids"].tolist() == [[0] * 5]
    assert kwargs["attention_mask"].tolist() == [[1] * 5]
    assert kwargs["keep"].tolist() == [[True] * 5]


def test_numbers_that_are_written_out_are_held_on_every_device() -> None:
    given = inputs(["grid=[[1,14,14]]", "scale=[0.5,2]"])
    for device in ("cpu", "meta"):
        _, kwargs = example(given, 2, device)
        assert kwargs["grid"].tolist() == [[[1, 14, 14]], [[1, 14, 14]]]
        assert (tuple(kwargs["scale"].shape), kwargs["scale"].device.type) == ((2, 2), device)
    assert example(given, None, "cpu")[1]["scale"].tolist() == [0.5, 2.0]


@pytest.mark.parametrize("shape", ["1048576x1048576x1048576x1048576", "x=1048576x1048576x1048576:int8"])
def test_more_elements_than_a_tensor_has(shape: str) -> None:
    for device in ("cpu", "meta"):
        with pytest.raises(ProfilerError, match="elements with its batch, more than a tensor holds; give a smaller shape"):
            example(inputs(shape), 1, device)


def test_an_axis_that_follows_the_text() -> None:
    native = (Input("input_ids", (512,), "int64"), Input("bbox", (512, 4), like="input_ids"))
    assert shapes(merged(inputs("64"), native)) == ((64,), (64, 4))
    assert shapes(merged(inputs(["64", "bbox=32x4"]), native)) == ((64,), (32, 4))


def test_an_input_is_written_without_blanks() -> None:
    assert str(parse("sizes:=[1, (2, 3), {4: (5,)}]")) == "sizes:=[1,(2,3),{4:(5,)}]"
    assert str(parse("grid = [[1, 2]]")) == "grid=[[1,2]]:int64"


def test_dots_make_dicts_and_lists() -> None:
    _, kwargs = example(inputs(["batch.image=3x4x4", "batch.meta.size:=4", "images.0=3x4x4", "images.1=3x6x6"]), None, "meta")
    assert tuple(kwargs["batch"]["image"].shape) == (3, 4, 4)
    assert kwargs["batch"]["meta"] == {"size": 4}
    assert [tuple(x.shape) for x in kwargs["images"]] == [(3, 4, 4), (3, 6, 6)]


def test_what_a_network_reads_by_itself_fills_what_is_not_said() -> None:
    native = (Input("input_ids", (512,), "int64"), Input("decoder_input_ids", (512,), "int64"))
    assert merged(inputs("64"), native) == (Input("input_ids", (64,), "int64"), native[1])
    assert merged(inputs("input_ids=64"), native) == (Input("input_ids", (64,), "int64"), native[1])
    given = merged(inputs(["input_ids=64", "attention_mask=64"]), native, {"mask": "int64"})
    assert given[1] == Input("attention_mask", (64,), "int64")
    assert merged(inputs("3x8x8"), ()) == (Input(None, (3, 8, 8)),)


def test_a_side_moves_images_and_nothing_else() -> None:
    given = inputs(["3x64x48", "ids=77:int64", "low=8x16x12"])
    assert shapes(resized(given, 96, "x")) == ((3, 96, 96), (77,), (8, 32, 24))
    with pytest.raises(ProfilerError, match=r"x: the input ids=77 has no height and width to set; give --input"):
        resized(inputs("ids=77"), 96, "x")
    with pytest.raises(ProfilerError, match="x: at a side of 31 its other inputs would not be whole pixels"):
        resized(inputs(["3x64x64", "low=3x32x32"]), 31, "x")


def test_an_unknown_dtype_is_an_unknown_name() -> None:
    with pytest.raises(UnknownName):
        parse("3:flaot32")
