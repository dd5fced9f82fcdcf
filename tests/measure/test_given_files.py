"""A user's ONNX file in the runtimes that run it: what it computes, what it is given, what is refused before a runtime sees it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from profiler.errors import ProfilerError
from profiler.load.load import load
from profiler.measure.exported_layers import ClockedExport
from profiler.measure.given_file import arrays
from profiler.measure.onnx_files import FileInput
from profiler.measure.plan import Setting
from profiler.measure.runtimes import exports
from profiler.measure.runtimes.exports import Exports
from profiler.measure.visits import FUSED, OUTSIDE
from profiler.study.given_files import in_file, precision_of
from profiler.study.measuring import spec_of
from tests.onnx_graph.graphs import FLOAT, INT64, held, model, node, saved

DEPLOYED = ["onnxruntime", "openvino"]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "HERE", Exports(scratch=tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()


def dense(weight: Any, sides: Any = ("batch", 6), code: int = FLOAT, opset: int = 18) -> Any:
    """relu(x · w), of which numpy knows the outputs."""
    kind = np.float16 if code == TensorProto.FLOAT16 else np.float32
    made = model(
        [node("MatMul", "x w", "h", name="fc"), node("Relu", "h", name="act")],
        {"x": (sides, code)},
        [onnx.numpy_helper.from_array(weight.astype(kind), "w")],
        opset,
    )
    made.ir_version = 10
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", code, [None, weight.shape[1]]))
    return made


def weights(rows: int = 6, columns: int = 5) -> Any:
    return np.random.default_rng(1).standard_normal((rows, columns)).astype(np.float32)


def live(path: Path, runtime: str, batch: int = 1, dtype: str = "fp32", **point: Any) -> Any:
    network = load(str(path), **point)
    setting = in_file(network, batch, Setting(runtime=runtime, dtype=dtype))
    spec = spec_of(network, batch, setting)
    return spec.workload.live(spec.setting, spec.batch)


@pytest.mark.parametrize("runtime", DEPLOYED)
@pytest.mark.parametrize("batch", [1, 3])
def test_it_runs_what_the_file_says(runtime: str, batch: int, tmp_path: Path) -> None:
    w = weights()
    path = saved(dense(w), tmp_path / "net.onnx")
    made = live(path, runtime, batch)
    (found,) = made.runtime.outputs()
    x = arrays([FileInput("x", (batch, 6), "float32")])["x"]
    np.testing.assert_allclose(found, np.maximum(x @ w, 0), rtol=1e-5, atol=1e-6)
    assert (found.shape, made.output_difference, made.export_s) == ((batch, 5), None, None)
    assert made.artifact_bytes == path.stat().st_size
    assert (made.load_s > 0, made.first_call_s > 0, made.nodes >= 1) == (True, True, True)
    made.call()


@pytest.mark.parametrize("runtime", DEPLOYED)
def test_open_axes_are_those_of_the_input(runtime: str, tmp_path: Path) -> None:
    made = model([node("Conv", "x w", name="conv")], {"x": ("batch", 3, "height", "width")}, [held("w", (4, 3, 3, 3))], 18)
    made.ir_version = 10
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", FLOAT, [None, 4, None, None]))
    path = saved(made, tmp_path / "net.onnx")
    (found,) = live(path, runtime, 2, input="3x9x7").runtime.outputs()
    assert found.shape == (2, 4, 9 - 2, 7 - 2)
    with pytest.raises(ProfilerError, match="the size of 'height' and 'width' is not in the file"):
        live(path, runtime)


@pytest.mark.parametrize("runtime", DEPLOYED)
def test_external_data_beside_the_file_is_loaded(runtime: str, tmp_path: Path) -> None:
    w = weights(64, 64)
    path = tmp_path / "net.onnx"
    onnx.save_model(dense(w, (1, 64)), str(path), save_as_external_data=True, location="net.data", size_threshold=0)
    made = live(path, runtime)
    x = arrays([FileInput("x", (1, 64), "float32")])["x"]
    np.testing.assert_allclose(made.runtime.outputs()[0], np.maximum(x @ w, 0), rtol=1e-4, atol=1e-5)
    assert made.artifact_bytes == path.stat().st_size + 4 * 64 * 64


# What it is given


def test_inputs_are_of_their_dtype_and_shape() -> None:
    given = [
        FileInput("x", (2, 3), "float32"), FileInput("h", (4,), "float16"), FileInput("d", (1,), "float64"),
        FileInput("ids", (1, 5), "int64"), FileInput("attention_mask", (1, 5), "int64"), FileInput("keep", (2,), "bool"),
        FileInput("shape", (2,), "int64", [4, 12]),
    ]  # fmt: skip
    made = arrays(given)
    assert {name: (value.dtype.name, value.shape) for name, value in made.items()} == {
        e.name: (e.dtype, e.shape) for e in given
    }
    assert made["ids"].tolist() == [[0] * 5]
    assert made["attention_mask"].tolist() == [[1] * 5]
    assert made["keep"].tolist() == [True, True]
    assert made["shape"].tolist() == [4, 12]
    assert len(set(made["x"].ravel().tolist())) == 6
    assert arrays(given)["x"].tolist() == made["x"].tolist()
    with pytest.raises(ProfilerError, match="its input 's' holds string, and random values are made of float32"):
        arrays([FileInput("s", (1,), "string")])


@pytest.mark.parametrize("runtime", DEPLOYED)
def test_whole_numbers_are_positions_that_exist(runtime: str, tmp_path: Path) -> None:
    made = model([node("Gather", "table ids")], {"ids": ((1, 4), INT64)}, [held("table", (3, 2))], 18)
    made.ir_version = 10
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", FLOAT, [1, 4, 2]))
    assert live(saved(made, tmp_path / "net.onnx"), runtime).runtime.outputs()[0].shape == (1, 4, 2)


# Precision


def test_fp32_stands_for_the_precision_of_the_file(tmp_path: Path) -> None:
    path = saved(dense(weights(), code=TensorProto.FLOAT16), tmp_path / "half.onnx")
    network: Any = load(str(path))
    assert precision_of(network, 1) == "fp16"
    assert in_file(network, 1, Setting(runtime="onnxruntime")).dtype == "fp16"
    made = live(path, "onnxruntime")
    assert made.runtime.outputs()[0].dtype == np.float16
    with pytest.raises(ProfilerError, match="holds fp16, and onnxruntime makes no int8 of it; export it in int8, or leave out"):
        in_file(network, 1, Setting(runtime="onnxruntime", dtype="int8"))


def test_a_runtime_says_what_it_makes_of_fp32(tmp_path: Path) -> None:
    network = load(str(saved(dense(weights()), tmp_path / "net.onnx")))
    assert in_file(network, 1, Setting(runtime="openvino", dtype="fp16")).dtype == "fp16"
    with pytest.raises(ProfilerError, match="holds fp32, and onnxruntime makes no fp16 of it"):
        in_file(network, 1, Setting(runtime="onnxruntime", dtype="fp16"))


@pytest.mark.parametrize("runtime", DEPLOYED)
def test_int8_is_made_of_fp32_and_taken_where_it_is(runtime: str, tmp_path: Path) -> None:
    w = weights(64, 64)
    path = saved(dense(w, (1, 64)), tmp_path / "net.onnx")
    made = live(path, runtime, dtype="int8")
    assert 64 * 64 < made.artifact_bytes < 4 * 64 * 64
    x = arrays([FileInput("x", (1, 64), "float32")])["x"]
    expected = np.maximum(x @ w, 0)
    (found,) = made.runtime.outputs()
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    assert 1e-5 < difference < 0.05  # 8 bits: near, and not equal
    network: Any = load(str(saved(onnx.load(str(made.runtime.path)), tmp_path / "int8.onnx")))
    assert precision_of(network, 1) == "int8"
    again = live(tmp_path / "int8.onnx", runtime)
    assert (again.export_s, again.setting.dtype) == (None, "int8")
    np.testing.assert_allclose(again.runtime.outputs()[0], found, atol=1e-6)


# Layers


@pytest.mark.parametrize("runtime", DEPLOYED)
def test_operations_are_under_the_rows_of_the_file(runtime: str, tmp_path: Path) -> None:
    nodes = [
        node("Conv", "x w1", "a", name="first", pads=[1] * 4),
        node("Relu", "a", "b", name="act"),
        node("Conv", "b w2", "c", name="second"),
        node("GlobalAveragePool", "c", name="pool"),
    ]
    made = model(nodes, {"x": (1, 3, 16, 16)}, [held("w1", (8, 3, 3, 3)), held("w2", (4, 8, 1, 1))], 18)
    made.ir_version = 10
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", FLOAT, [1, 4, 1, 1]))
    for each in made.graph.initializer:  # zeros are folded away
        each.float_data[:] = np.random.default_rng(0).standard_normal(len(each.float_data)).tolist()
    brought = live(saved(made, tmp_path / "net.onnx"), runtime)
    visit = ClockedExport(brought).visit(brought, 2, 0.0)
    parts = [part for key in visit.layers if not key.startswith("(") for part in key.split(FUSED)]
    assert sorted(parts) == ["act", "first", "pool", "second"]
    assert any(key.split(FUSED)[:2] == ["first", "act"] for key in visit.layers)
    assert list(visit.layers)[-1] == OUTSIDE


# What is refused


@pytest.mark.parametrize(("runtime", "who"), [("eager", "torch"), ("compile", "torch"), ("litert", "litert")])
def test_what_runs_no_such_file(runtime: str, who: str, tmp_path: Path) -> None:
    network = load(str(saved(dense(weights()), tmp_path / "net.onnx")))
    said = f"is an ONNX file, which {who} does not run; give --runtime onnxruntime or openvino or tensorrt"
    with pytest.raises(ProfilerError, match=said):
        in_file(network, 1, Setting(runtime=runtime))


def external(path: Path, location: str, length: int = 120) -> Path:
    made = dense(weights())
    weight = made.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
        weight.external_data.add(key=key, value=value)
    path.write_bytes(made.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("../secret", "outside of the folder"),
        ("inner/../../secret", "outside of the folder"),
        ("..\\secret", "outside of the folder"),
        ("/etc/passwd", "outside of the folder"),
        ("C:\\secret", "outside of the folder"),
        ("", "outside of the folder"),
        ("a\x00b", "outside of the folder"),
        ("nothing.bin", "there is no such file beside it"),
        ("pipe", "there is no such file beside it"),
        ("link", "a link out of the folder"),
        ("small", "which has 4 bytes, and ends at 120"),
    ],
)
def test_external_data_is_of_the_folder_alone(location: str, said: str, tmp_path: Path) -> None:
    """Before a runtime sees the file, and without a look at what is there."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(120))
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "small").write_bytes(bytes(4))
    os.mkfifo(folder / "pipe")
    network = load(str(external(folder / "net.onnx", location)))
    with pytest.raises(ProfilerError, match=said) as caught:
        spec_of(network, 1, Setting(runtime="onnxruntime"))
    assert "\n" not in str(caught.value)


def test_external_data_within_nodes_and_functions_is_looked_at_too(tmp_path: Path) -> None:
    """A Constant node's tensor, and one in a function's attributes."""
    tensor = TensorProto(name="t", data_type=FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret")
    constant = model([helper.make_node("Constant", [], ["c"], value=tensor), node("Add", "x c")], {"x": (3,)})
    function = helper.make_function(
        "own", "F", ["a"], ["b"],
        [helper.make_node("Constant", [], ["c"], value=tensor), node("Add", "a c", "b")], [helper.make_opsetid("", 18)],
    )  # fmt: skip
    called = model([node("F", "x", "y", "own")], {"x": (3,)}, functions=[function], domains=["own"])
    for name, made in (("constant", constant), ("function", called)):
        network = load(str(saved_raw(made, tmp_path / f"{name}.onnx")))
        with pytest.raises(ProfilerError, match=r"the data of the tensor 't' lies in '\.\./secret', outside of the folder"):
            spec_of(network, 1, Setting(runtime="onnxruntime"))


def saved_raw(made: Any, path: Path) -> Path:
    path.write_bytes(made.SerializeToString())
    return path


def test_a_compiled_binary_is_not_run(tmp_path: Path) -> None:
    made = model([node("EPContext", "x", domain="com.microsoft", name="n", ep_cache_context="engine.bin")], {"x": (3,)})
    network = load(str(saved_raw(made, tmp_path / "net.onnx")))
    with pytest.raises(ProfilerError, match="holds a network that was compiled for a device"):
        spec_of(network, 1, Setting(runtime="onnxruntime"))


def test_a_tensor_that_fills_the_memory_is_not_made(tmp_path: Path) -> None:
    """2^37 numbers of 4 bytes from a file of a few hundred bytes."""
    made = model(
        [node("Expand", "x s", "h"), node("ReduceSum", "h", keepdims=0)],
        {"x": (1,)},
        [helper.make_tensor("s", INT64, [1], [1 << 37])],
    )
    network = load(str(saved(made, tmp_path / "net.onnx")))
    with pytest.raises(
        ProfilerError, match=r"needs 512\.0 GiB of one of its tensors and .* are free; measuring takes at most half"
    ):
        spec_of(network, 1, Setting(runtime="onnxruntime"))


@pytest.mark.parametrize("runtime", DEPLOYED)
def test_operators_that_a_runtime_does_not_have_are_a_sentence(runtime: str, tmp_path: Path) -> None:
    """Libraries of operators are never loaded, so what is in one is not there."""
    made = dense(weights())
    made.graph.node[1].domain, made.graph.node[1].op_type = "evil.library", "Run"
    made.opset_import.append(helper.make_opsetid("evil.library", 1))
    with pytest.raises(ProfilerError, match=f"{runtime} cannot load its file: ") as caught:
        live(saved_raw(made, tmp_path / "net.onnx"), runtime)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_changed_is_not_measured(tmp_path: Path) -> None:
    path = saved(dense(weights()), tmp_path / "net.onnx")
    spec = spec_of(load(str(path)), 1, Setting(runtime="onnxruntime"))
    saved(dense(weights(6, 4)), path)
    with pytest.raises(ProfilerError, match="changed after it was counted; run the command again"):
        spec.workload.live(spec.setting, 1)
