"""ONNX files that lie: each ends in one sentence and exit code 2, the process lives, and nothing outside the file is opened."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx import ModelProto, TensorProto, helper

from profiler.errors import ProfilerError
from profiler.load.load import load
from tests.onnx_graph.graphs import FLOAT, INT64, held, model, node, numbers

ROOT = Path(__file__).resolve().parents[2]
LARGE = 1 << 62


def plain() -> Any:
    return model([node("Conv", "x w")], {"x": (1, 3, 8, 8)}, [held("w", (4, 3, 3, 3))])


def with_(change: Callable[[Any], None]) -> Any:
    made = plain()
    change(made)
    return made


def claimed(*dims: int, raw: bytes | None = None) -> Any:
    """A weight that claims sides, and holds nothing or these bytes."""

    def change(made: Any) -> None:
        weight = made.graph.initializer[0]
        weight.Clear()
        weight.name, weight.data_type = "w", FLOAT
        weight.dims.extend(dims)
        if raw is not None:
            weight.raw_data = raw

    return with_(change)


def nested(depth: int) -> Any:
    """An If in an If in an If."""
    out = helper.make_tensor_value_info("z", FLOAT, [1])
    graph = helper.make_graph([node("Relu", "x", "z")], "g", [], [out])
    for _ in range(depth):
        graph = helper.make_graph([node("If", "c", "z", then_branch=graph, else_branch=graph)], "g", [], [out])
    return model([graph.node[0]], {"x": (1,), "c": ((), 9)}, outputs=["z"])


def calling(names: dict[str, list[str]]) -> Any:
    """Functions that call each other."""
    made = [
        helper.make_function("own", name, ["a"], ["y"],
                             [node(called, "a" if not i else f"h{i}", f"h{i + 1}" if i + 1 < len(calls) else "y", "own")
                              for i, called in enumerate(calls)], [helper.make_opsetid("own", 1), helper.make_opsetid("", 21)])
        for name, calls in names.items()
    ]  # fmt: skip
    made.append(helper.make_function("own", "Leaf", ["a"], ["y"], [node("Relu", "a", "y")], [helper.make_opsetid("", 21)]))
    return model([node(next(iter(names)), "x", "y", "own")], {"x": (1,)}, functions=made, domains=["own"])


def attribute(name: str, value: Any) -> Any:
    return model([node("Conv", "x w", **{name: value})], {"x": (1, 3, 8, 8)}, [held("w", (4, 3, 3, 3))])


def of_bytes(change: Callable[[bytes], bytes]) -> bytes:
    return change(plain().SerializeToString())


FILES: dict[str, tuple[Any, str]] = {
    "nothing": (b"", "holds no graph of ONNX"),
    "text": (b"import os; os.system('true')\n" * 40, "is not an ONNX model, or is truncated"),
    "cut off": (of_bytes(lambda whole: whole[: len(whole) // 2]), "is not an ONNX model, or is truncated"),
    "a length that is not there": (of_bytes(lambda whole: whole + b"\x3a\xff\xff\xff\xff\x07"), "is not an ONNX model, or is truncated"),
    "2 GB of claims": (claimed(1 << 29), "has 536,870,912 elements by its shape but holds 0"),
    "2 GB of claims on 4 bytes": (claimed(1 << 29, raw=b"1234"), "has 536,870,912 elements by its shape but holds 1"),
    "bytes that are left over": (claimed(2, raw=b"123456789012"), "has 2 elements by its shape but holds 3"),
    "a negative side": (claimed(4, -3, 3, 3), "is 4x-3x3x3, with a size below 0"),
    "a side of 2^62": (claimed(LARGE, 3, 3, 3), "more than a tensor holds"),
    "sides whose product is none": (claimed(*(1 << 31,) * 4), "more than a tensor holds"),
    "70 axes": (claimed(*(1,) * 70, raw=b"1234"), "more than a tensor holds"),
    "a dtype that is none": (with_(lambda made: setattr(made.graph.initializer[0], "data_type", 99)), "has a dtype that ONNX does not define"),
    "an input of a negative side": (model([node("Relu", "x")], {"x": (1, -5)}), "is 1x-5, with a size below 0"),
    "an input of 2^62": (model([node("Relu", "x")], {"x": (LARGE, 4)}), "more than a tensor holds"),
    "a circle": (model([node("Add", "x b", "a"), node("Relu", "a", "b"), node("Relu", "b")], {"x": (3,)}), "in a circle or out of order"),
    "a node that takes itself": (model([node("Add", "x y")], {"x": (3,)}), "in a circle or out of order"),
    "an output that nothing makes": (model([node("Relu", "x", "z")], {"x": (3,)}), "'y' is read by the graph's outputs before"),
    "two initialisers of a name": (model([node("Conv", "x w")], {"x": (1, 3, 8, 8)}, [held("w", (4, 3, 3, 3))] * 2),
                                   "has two initialisers called 'w'"),
    "two outputs of a name": (model([node("Relu", "x"), node("Tanh", "x")], {"x": (3,)}), "has two outputs of nodes called 'y'"),
    "two inputs of a name": (with_(lambda made: made.graph.input.append(made.graph.input[0])), "has two inputs called 'x'"),
    "an input that is no tensor": (with_(lambda made: made.graph.input[0].type.sequence_type.elem_type.tensor_type.SetInParent()),
                                   "is no tensor"),
    "graphs within graphs": (nested(17), "graphs within graphs more than 16 deep"),
    "a function that calls itself": (calling({"A": ["A"]}), "the function A calls itself"),
    "functions that call each other": (calling({"A": ["B"], "B": ["C"], "C": ["A"]}), "the function A calls itself"),
    "functions that double": (calling({**{f"F{i}": [f"F{i + 1}"] * 2 for i in range(40)}, "F40": ["Leaf"]}),
                              "its functions expand to more than 100,000 nodes"),
    "a function twice": (calling({"Leaf": ["Leaf"]}), "defines the function Leaf twice"),
    "a stride of 0": (attribute("strides", [0, 0]), "the attribute strides of a Conv is 0, which no network has"),
    "a dilation below 0": (attribute("dilations", [-1, 1]), "the attribute dilations of a Conv is -1"),
    "no groups": (attribute("group", 0), "the attribute group of a Conv is 0"),
    "a padding of 2^62": (attribute("pads", [LARGE] * 4), "the attribute pads of a Conv is 4611686018427387904"),
    "a million numbers": (attribute("pads", [0] * 1_000_000), "has 1,000,000 numbers"),
    "a kernel larger than its input": (model([node("Conv", "x w")], {"x": (1, 3, 2, 2)}, [held("w", (4, 3, 9, 9))]), ""),
    "factors that do not fit": (model([node("MatMul", "x w")], {"x": (2, 5)}, [held("w", (3, 7))]), "its inputs do not fit"),
    "a block of 0": (model([node("DepthToSpace", "x", blocksize=0)], {"x": (1, 4, 2, 2)}), "the attribute blocksize of a DepthToSpace is 0"),
    "parts that do not make the whole": (model([node("Split", "x s", "y z")], {"x": (6,)}, [numbers("s", [1, 2])]), "parts that do not make it"),
    "more parts than sizes": (model([node("Split", "x s", "y z u v")], {"x": (6,)}, [numbers("s", [6])], 18), "parts that do not make it"),
    "an axis that is not there": (model([node("LayerNormalization", "x w", axis=9)], {"x": (2, 3)}, [held("w", (3,))]), "from axis 9 of 2"),
    "a shape of 2^62": (model([node("ConstantOfShape", "s", "c"), node("Relu", "c")], {"x": (1,)}, [numbers("s", [LARGE, 2])]),
                        "more than a tensor holds"),
    "a range of 2^62": (model([node("Range", "a b c", "y")], {"x": (1,)}, [helper.make_tensor(n, INT64, [], [v])
                        for n, v in (("a", 0), ("b", LARGE), ("c", 1))]), "more than a tensor holds"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_each_is_a_sentence(name: str, tmp_path: Path) -> None:
    """In a process of its own, which lives to say it."""
    made, said = FILES[name]
    path = tmp_path / "net.onnx"
    path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", "show", str(path)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, ""), ran.stderr
    assert ran.stderr.startswith("error: ")
    assert len(ran.stderr.splitlines()) == 1
    assert said in ran.stderr
    assert len(ran.stderr) < 1000


COUNTED: dict[str, Any] = {
    "values that do not end": model([node("Expand", "x s", "y")], {"x": (1,), "s": ((LARGE >> 8,), INT64)}),
    "a step of 0": model([node("Range", "a a a", "y")], {"x": (1,)}, [helper.make_tensor("a", INT64, [], [0])]),
    "a division by 0": model(
        [node("Div", "a b", "c"), node("Reshape", "x c")], {"x": (4,)}, [numbers("a", [4]), numbers("b", [0])]
    ),
    "a large opset": model([node("Relu", "x")], {"x": (3,)}, opset=1 << 40),
    "an opset below 0": model([node("Relu", "x")], {"x": (3,)}, opset=-5),
    "a name of a megabyte": model([node("Relu", "x", name="n" * (1 << 20))], {"x": (3,)}),
    "a path of modules that is code": model([node("Relu", "x")], {"x": (3,)}),
    "an operator of a strange name": model([node("\x1b[2J\r\nos.system", "x", domain="\x1b]0;x\x07")], {"x": (3,)}),
}
COUNTED["a path of modules that is code"].graph.node[0].metadata_props.add(
    key="pkg.torch.onnx.name_scopes", value="[__import__('os').system('touch ran'), 'a']"
)


@pytest.mark.parametrize("name", COUNTED)
def test_what_can_be_counted_is_and_nothing_of_it_runs(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(COUNTED[name].SerializeToString())
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", "show", str(path), "--depth", "0", "-q", "-o", "o.json"],
        capture_output=True, text=True, cwd=tmp_path, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.returncode in (0, 2), ran.stderr
    assert "Traceback" not in ran.stderr
    assert not any(ord(c) < 32 and c != "\n" for c in ran.stderr)
    assert sorted(each.name for each in tmp_path.iterdir() if each.name != "o.json") == ["net.onnx"]
    if (tmp_path / "o.json").exists():
        assert len((tmp_path / "o.json").read_bytes()) < 20_000


def external(made: Any, location: str) -> None:
    weight = made.graph.initializer[0]
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "432")):
        weight.external_data.add(key=key, value=value)


@pytest.mark.parametrize(
    "location", ["weights.bin", "../secret", "/etc/passwd", "/dev/zero", "../" * 30 + "etc/passwd", "\x00", "pipe"]
)
def test_external_data_is_never_opened(location: str, tmp_path: Path) -> None:
    """Wherever it is said to lie, and as small as it is; a pipe would wait for ever."""
    made = plain()
    external(made, location)
    small = model([node("Reshape", "x s")], {"x": (6,)}, [numbers("s", [2, 3])]).graph.initializer[0]
    small.ClearField("int64_data")
    small.data_location = TensorProto.EXTERNAL
    small.external_data.add(key="location", value=location)
    made.graph.initializer.append(small)
    made.graph.node.insert(0, node("Reshape", "x s", "r"))
    folder = tmp_path / "folder"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (tmp_path / "secret").write_bytes(b"0" * 432)
    (folder / "net.onnx").write_bytes(made.SerializeToString())
    opened: list[str] = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" and opened is not None else None)
    found = load(str(folder / "net.onnx")).profile(1)
    names = {os.path.basename(each) for each in opened}
    assert "net.onnx" in names
    assert not names & {"weights.bin", "secret", "passwd", "zero", "pipe"}
    assert (found.macs, found.weights) == (9 * 3 * 4 * 6 * 6, 108)


def test_names_do_not_command_a_terminal(tmp_path: Path) -> None:
    made = plain()
    made.graph.node[0].name = "\x1b[31mred\x07/\u202eevil\r\n::error::x"
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", "show", str(tmp_path / "net.onnx"), "--depth", "0"],
        capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    assert not any(sign in ran.stdout for sign in ("\x1b", "\x07", "\r", "\u202e", "\n::error"))


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    whole = plain().SerializeToString()
    path = tmp_path / "net.onnx"
    path.write_bytes(whole.replace(b"Conv", b"\xff\xfeon"))
    with pytest.raises(ProfilerError, match=r"is not an ONNX model"):
        load(str(path)).profile(1)


def test_a_file_of_more_than_2_gb_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with path.open("wb") as there:
        there.truncate((1 << 31) + 5)  # a hole: it takes no disk
    with pytest.raises(ProfilerError, match=r"has 2,147,483,653 bytes, and protobuf reads 2 GB"):
        load(str(path))


def test_what_is_no_file_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "folder.onnx").mkdir()
    for name in ("pipe.onnx", "folder.onnx", "nothing.onnx"):
        with pytest.raises(ProfilerError, match="there is no file"):
            load(str(tmp_path / name))


def test_a_model_that_was_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(plain().SerializeToString())
    assert load(str(path)).profile(1).params == 108
    changed = model([node("Conv", "x w")], {"x": (1, 3, 8, 8)}, [held("w", (8, 3, 3, 3))])
    assert isinstance(changed, ModelProto)
    path.write_bytes(changed.SerializeToString())
    assert load(str(path)).profile(1).params == 216
