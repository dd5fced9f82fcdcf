"""Functions, branches, loops and operators of others: what is opened, and what is named as without a formula."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from onnx import AttributeProto, helper

from profiler import show
from tests.onnx_graph.graphs import BOOL, FLOAT, counted, held, model, node, numbers, saved

ROOT = Path(__file__).resolve().parents[2]


def dense() -> Any:
    """A function of the file's own: a product and an activation whose slope its call gives."""
    body = [node("MatMul", "a b", "c"), helper.make_node("LeakyRelu", ["c"], ["d"])]
    body[1].attribute.add(name="alpha", type=AttributeProto.FLOAT, ref_attr_name="slope")
    return helper.make_function("own", "Dense", ["a", "b"], ["d"], body, [helper.make_opsetid("", 21)], ["slope"])


def test_functions_are_opened(tmp_path: Path) -> None:
    nodes = [node("Dense", "x w", "h", "own", "first", slope=0.1), node("Dense", "h v", "y", "own", slope=0.2)]
    made = model(nodes, {"x": (2, 3)}, [held("w", (3, 7)), held("v", (7, 5))], functions=[dense()], domains=["own"])
    found = counted(made, tmp_path, None)
    assert (found.profile.macs, found.profile.params, found.uncounted) == (2 * 3 * 7 + 2 * 7 * 5, 21 + 35, ())
    assert [row.path for row in found.profile.rows] == ["first.c", "first.d", "y.c", "y.d"]


def test_functions_of_functions(tmp_path: Path) -> None:
    outer = helper.make_function(
        "own", "Twice", ["a", "b"], ["e"], [node("Dense", "a b", "d", "own"), node("Dense", "d b", "e", "own")],
        [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)],
    )  # fmt: skip
    made = model(
        [node("Twice", "x w", "y", "own")], {"x": (2, 3)}, [held("w", (3, 3))], functions=[outer, dense()], domains=["own"]
    )
    assert counted(made, tmp_path, None).profile.macs == 2 * (2 * 3 * 3)


def branch(name: str, width: int) -> Any:
    weight = held(f"w{width}", (3, width))
    outputs = [helper.make_tensor_value_info("z", FLOAT, [2, width])]
    return helper.make_graph([node("MatMul", f"x w{width}", "z")], name, [], outputs, [weight])


def test_a_branch_that_the_file_decides_is_counted(tmp_path: Path) -> None:
    """Whether the input has two axes is a question of its shape."""
    nodes = [
        node("Shape", "x", "s"), node("Size", "s", "n"), node("Equal", "n two", "c"),
        node("If", "c", "y", then_branch=branch("a", 5), else_branch=branch("b", 9)),
    ]  # fmt: skip
    two = numbers("two", [2])
    two.dims.pop()
    found = counted(model(nodes, {"x": (2, 3)}, [two]), tmp_path, None)
    assert (found.profile.macs, found.uncounted) == (2 * 3 * 5, ())


def test_a_branch_that_values_decide_is_named_with_its_weights(tmp_path: Path) -> None:
    nodes = [node("If", "c", "h", name="choice", then_branch=branch("a", 5), else_branch=branch("b", 5)), node("Relu", "h")]
    nodes[0].attribute[1].g.initializer[0].name = "v"
    nodes[0].attribute[1].g.node[0].input[1] = "v"
    found = counted(model(nodes, {"x": (2, 3), "c": ((), BOOL)}, []), tmp_path, None)
    (gap,) = [each for each in found.uncounted if each.op == "onnx::If"]
    assert (gap.times, gap.path) == (1, "choice")
    assert "how often it runs its graph, and which, depends on values" in gap.describe("net")
    assert found.profile.params == 15 + 15  # of both branches, each once


def test_loops_are_named(tmp_path: Path) -> None:
    i, keep, h = (
        helper.make_tensor_value_info(name, code, shape) for name, code, shape in (("i", 7, []), ("k", 9, []), ("h", 1, [2, 3]))
    )
    out = helper.make_tensor_value_info("h2", 1, [2, 3])
    kept = helper.make_tensor_value_info("k2", 9, [])
    body = helper.make_graph([node("MatMul", "h w", "h2"), node("Identity", "k", "k2")], "body", [i, keep, h], [kept, out])
    nodes = [node("Loop", "n _ x", "y", body=body)]
    found = counted(model(nodes, {"x": (2, 3), "n": ((), 7)}, [held("w", (3, 3))]), tmp_path, None)
    assert [each.op for each in found.uncounted] == ["onnx::Loop"]
    assert (found.profile.macs, found.profile.params, found.profile.unread) == (0, 9, 0)


@pytest.mark.parametrize("domain", ["com.example", "com.microsoft", "ai.onnx.ml"])
def test_operators_of_others_are_named(domain: str, tmp_path: Path) -> None:
    made = model([node("Special", "x w", "h", domain), node("Relu", "x")], {"x": (2, 3)}, [held("w", (3, 3))], domains=[domain])
    found = counted(made, tmp_path, None)
    (gap,) = found.uncounted
    assert gap.op == f"{domain}::Special"
    assert found.profile.params == 9


def test_uncounted_operators_are_loud(tmp_path: Path) -> None:
    path = saved(
        model([node("Special", "x", "y", "com.example")], {"x": (2, 3)}, domains=["com.example"]), tmp_path / "net.onnx"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", "show", str(path), "--strict"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert ran.returncode == 1
    assert "UNCOUNTED" in ran.stderr
    assert "com.example::Special, once, first in y; no formula is known of it" in ran.stderr


def test_nodes_without_names_are_called_by_their_outputs(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "a/b"), node("Relu", "a/b", "y", name="/block1/block1.0/act/Relu")]
    assert [row.path for row in counted(model(nodes, {"x": (2, 3)}), tmp_path, None).profile.rows] == [
        "a/b",
        "block1.0.act.Relu",
    ]


def test_it_is_drawn_with_its_wires(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "a"), node("Reshape", "x s", "r"), node("Sigmoid", "r", "b"), node("Mul", "a b")]
    path = saved(model(nodes, {"x": (2, 3)}, [numbers("s", [2, 3])]), tmp_path / "net.onnx")
    wiring = show(str(path)).wiring
    assert wiring is not None
    assert (wiring.sources, wiring.outputs) == (((-1,), (-1,), (0, 1)), (2,))


NO_TORCH = """
import sys
from pathlib import Path
from profiler import check, compare, diff, show, sweep
path = sys.argv[1]
show(path); compare("lenet5", path); sweep(path, batch=[1, 2]); check(path, macs="1M"); diff("lenet5", path); diff(path, path)
print([name for name in ("torch", "fvcore", "thop", "onnxruntime") if name in sys.modules])
"""


def test_no_torch_is_loaded(tmp_path: Path) -> None:
    path = saved(model([node("MatMul", "x w")], {"x": ("n", 3)}, [held("w", (3, 3))]), tmp_path / "net.onnx")
    code = NO_TORCH.replace('compare("lenet5", path)', 'compare("lenet5", path, engine="closed")')
    ran = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "[]\n"


def test_what_runs_a_module_refuses_a_file(tmp_path: Path) -> None:
    path = saved(model([node("MatMul", "x w")], {"x": ("n", 3)}, [held("w", (3, 3))]), tmp_path / "net.onnx")
    for words in (
        ["show", str(path), "--memory"],
        ["show", str(path), "--training"],
        ["verify", str(path)],
        ["show", str(path), "-o", "x.onnx"],
    ):
        ran = subprocess.run([sys.executable, "-m", "profiler", *words], capture_output=True, text=True, cwd=ROOT, check=False)
        assert ran.returncode == 2, words
        assert "ONNX file" in ran.stderr
        assert "Traceback" not in ran.stderr
