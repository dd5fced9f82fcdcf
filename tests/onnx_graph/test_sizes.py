"""What a file leaves open: the batch, sides and lengths, each given once, and asked for by its name where it is missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from profiler import profile, sweep
from profiler.errors import ProfilerError
from profiler.load.load import load
from tests.onnx_graph.graphs import INT64, counted, held, model, node, numbers, saved


def image(*axes: Any) -> Any:
    """A convolution of 3×3 over an image."""
    return model([node("Conv", "x w", pads=[1, 1, 1, 1])], {"x": axes}, [held("w", (4, 3, 3, 3))])


EACH = 9 * 3 * 4
"""Multiply-adds of a pixel."""


def test_an_open_batch_is_that_of_the_command(tmp_path: Path) -> None:
    made = image("batch", 3, 8, 8)
    for batch in (1, 5):
        found = counted(made, tmp_path, batch).profile
        assert (found.macs, found.inputs, found.batch) == (batch * EACH * 64, ((3, 8, 8),), batch)


def test_a_fixed_batch_is_part_of_the_input(tmp_path: Path) -> None:
    found = counted(image(2, 3, 8, 8), tmp_path).profile
    assert (found.macs, found.inputs, found.batch) == (2 * EACH * 64, ((2, 3, 8, 8),), None)
    with pytest.raises(ProfilerError, match="not 4; export it with its first axis open"):
        load(str(tmp_path / "net.onnx")).profile(4)
    assert load(str(tmp_path / "net.onnx"), input=(3, 8, 8)).profile(1).macs == 2 * EACH * 64  # the sample of what it fixes


def test_open_sides_are_given_by_input_or_resolution(tmp_path: Path) -> None:
    path = str(saved(image("n", 3, "height", "width"), tmp_path / "net.onnx"))
    assert profile(path, input=(3, 8, 6), batch=2).macs == 2 * EACH * 48
    assert profile(path, input="x=3x8x6").macs == EACH * 48
    assert profile(path, resolution=8).macs == EACH * 64
    assert profile(path, input=(3, 8, 8), rho=0.5).macs == EACH * 16
    assert profile(path, input=(7, 3, 8, 6)).macs == 7 * EACH * 48  # whole, with its batch
    wanted = "x is n×3×height×width, and the size of 'height' and 'width' is not in the file; give it by --input, as --input x=3x224x224"
    with pytest.raises(ProfilerError, match=re.escape(wanted)):
        load(path)
    cells = sweep(path, resolution=[8, 16], batch=[1, 2], engine="closed")
    assert [each["macs"] for each in cells] == [EACH * 64, 2 * EACH * 64, EACH * 256, 2 * EACH * 256]


@pytest.mark.parametrize("axis", [-1, "?", None, ""])
def test_axes_without_a_name_are_open_too(axis: Any, tmp_path: Path) -> None:
    """As Paddle writes them: -1, or a question mark for every axis."""
    assert counted(image(axis, 3, axis, axis), tmp_path, input=(3, 8, 6)).profile.macs == EACH * 48
    with pytest.raises(ProfilerError, match=r"x is \?×3×\?×\?, and the size of 'axis 2 of x' and 'axis 3 of x'"):
        load(str(tmp_path / "net.onnx"))


def two_inputs() -> Any:
    """Tokens and their mask, of one length, and a state that has the batch as its second axis."""
    nodes = [
        node("Gather", "table ids", "e"), node("Unsqueeze", "mask last", "m"), node("Mul", "e m", "p"),
        node("Transpose", "p", "t", perm=[1, 0, 2]), node("LSTM", "t w r _ _ state", "y", hidden_size=5),
    ]  # fmt: skip
    weights = [held("table", (10, 4)), numbers("last", [2]), held("w", (1, 20, 4)), held("r", (1, 20, 5))]
    inputs = {"ids": (("batch", "length"), INT64), "mask": (("batch", "length"), 1), "state": ((1, "batch", 5), 1)}
    return model(nodes, inputs, weights)


def test_a_size_of_two_inputs_is_given_once(tmp_path: Path) -> None:
    found = counted(two_inputs(), tmp_path, 3, input="ids=6")
    assert found.profile.macs == 3 * 6 * (20 * 4 + 20 * 5)
    assert found.uncounted == ()
    path = str(tmp_path / "net.onnx")
    with pytest.raises(ProfilerError, match="'length' is 6 by 'ids' and 7 by 'mask'; give it one size"):
        load(path, input=["ids=6", "mask=7"])
    with pytest.raises(ProfilerError, match="ids is batch×length, and the size of 'length' is not in the file"):
        load(path)
    with pytest.raises(ProfilerError, match="'batch' is 2 by 'ids' and 4 by 'mask'"):
        load(path, input=["ids=2x6", "mask=4x6"])


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"input": (4, 8, 8)}, r"x is n×3×height×8 in the file, but is given 1x4x8x8; give what it was exported for"),
    ({"input": (3, 8)}, "x is n×3×height×8 in the file, but is given 3 axes"),
    ({"input": "y=3x8x8"}, "has no input for 'y=3x8x8'; its inputs: x"),
    ({"input": ["x=3x8x8", "x=3x8x8"]}, "input 'x' is given twice"),
    ({"input": "x:=4"}, "x is a tensor; give its shape, as --input x=3x224x224"),
    ({"input": "x=3x8x8:int64"}, "x holds float32 in the file, but is given int64"),
    ({"resolution": 16}, "x is n×3×height×8 in the file, so its side cannot be 16"),
    ({"resolution": 16, "rho": 2}, "resolution and rho both set the size"),
    ({"alpha": 0.5}, "is an ONNX file, whose widths are fixed; leave out --alpha"),
    ({"options": {"classes": 10}}, r"is an ONNX file and takes no options \(classes\)"),
]


@pytest.mark.parametrize(("point", "said"), REFUSED)
def test_what_does_not_fit_is_a_sentence(point: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = saved(image("n", 3, "height", 8), tmp_path / "net.onnx")
    with pytest.raises(ProfilerError, match=said):
        load(str(path), **point).profile(1)


def test_a_shape_that_is_computed_is_known(tmp_path: Path) -> None:
    """Flattened by the file's own arithmetic: Shape, Gather, Concat, Reshape."""
    nodes = [
        node("Shape", "x", "s"), node("Gather", "s first", "b", axis=0), node("Concat", "b rest", "t", axis=0),
        node("Reshape", "x t", "f"), node("MatMul", "f w"),
    ]  # fmt: skip
    made = model(nodes, {"x": ("n", 3, 4, 4)}, [numbers("first", [0]), numbers("rest", [-1]), held("w", (48, 10))])
    found = counted(made, tmp_path, 2)
    assert (found.profile.macs, found.uncounted) == (2 * 48 * 10, ())


def test_the_numbers_of_an_input_may_be_written_out(tmp_path: Path) -> None:
    made = model(
        [node("Reshape", "x shape", "f"), node("MatMul", "f w")], {"x": (6, 8), "shape": ((2,), INT64)}, [held("w", (12, 5))]
    )
    assert counted(made, tmp_path, None).uncounted[0].op == "onnx::MatMul"  # of a shape that nobody knows
    assert counted(made, tmp_path, None, input="shape=[4,12]").profile.macs == 4 * 12 * 5


def test_what_depends_on_values_is_said(tmp_path: Path) -> None:
    nodes = [node("NonZero", "x", "i"), node("Transpose", "i", "t"), node("Cast", "t", "f", to=1), node("MatMul", "f w")]
    (gap,) = counted(model(nodes, {"x": (3, 4)}, [held("w", (2, 5))]), tmp_path, None).uncounted
    assert (gap.op, gap.times) == ("onnx::MatMul", 1)
    assert gap.cure == "its shapes depend on values that are not in the file"
