"""Every format, written byte by byte by the tests, or by the tool whose format it is."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from profiler.checkpoint.inspecting import records
from profiler.checkpoint.matching import torch_shape, torch_values
from profiler.checkpoint.read import read
from profiler.checkpoint.tensors import BLOCK, Checkpoint, StoredTensor
from tests.checkpoint import files

RNG = np.random.default_rng(0)
WEIGHT = RNG.standard_normal((4, 3, 3, 3)).astype("f4")
ARRAYS = {
    "conv.weight": WEIGHT,
    "conv.bias": np.arange(4, dtype="f4"),
    "steps": np.array(7, "i8"),
    "none": np.zeros((0, 3), "f4"),
}


def values(tensor: StoredTensor) -> Any:
    return np.concatenate([*tensor.blocks(), np.zeros(0, "f4")]).reshape(tensor.shape)


def opened(folder: Path, name: str, data: bytes) -> Checkpoint:
    (folder / name).write_bytes(data)
    return read(str(folder / name))


def check(found: Checkpoint, arrays: files.Arrays = ARRAYS) -> None:
    held = {tensor.name: tensor for tensor in found.tensors}
    assert set(held) == set(arrays)
    for name, array in arrays.items():
        assert held[name].shape == array.shape
        np.testing.assert_array_equal(values(held[name]), array)


def test_safetensors(tmp_path: Path) -> None:
    check(opened(tmp_path, "a.safetensors", files.safetensors(ARRAYS)))


def test_safetensors_of_its_own_library(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch")
    import torch

    kinds = [
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
        torch.int8,
        torch.bool,
    ]
    tensors = {str(kind): torch.linspace(-3, 3, 12).reshape(3, 4).to(kind) for kind in kinds}
    library.save_file(tensors, tmp_path / "a.safetensors")
    for tensor in read(str(tmp_path / "a.safetensors")).tensors:
        assert f"torch.{tensor.dtype}" == tensor.name
        np.testing.assert_array_equal(values(tensor), tensors[tensor.name].to(torch.float64).numpy())


@pytest.mark.parametrize("kind", ["float8_e4m3fn", "float8_e5m2", "bfloat16"])
def test_every_code_of_a_short_float_is_torchs(kind: str) -> None:
    import torch

    from profiler.checkpoint.tensors import values as decoded

    codes = np.arange(256, dtype="u1") if kind.startswith("float8") else np.arange(65536, dtype="<u2")
    theirs = (
        torch.from_numpy(codes.copy().view("i1" if kind.startswith("float8") else "i2"))
        .view(getattr(torch, kind))
        .float()
        .numpy()
    )
    np.testing.assert_array_equal(decoded(codes.tobytes(), kind), theirs)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"epoch": 3, "state_dict": state}])
def test_torch(tmp_path: Path, zipped: bool, wrap: Any) -> None:
    import torch

    path = tmp_path / "a.pth"
    torch.save(
        wrap({name: torch.from_numpy(array.copy()) for name, array in ARRAYS.items()}),
        path,
        _use_new_zipfile_serialization=zipped,
    )
    check(read(str(path)))


def test_torch_of_shared_and_of_transposed_storage(tmp_path: Path) -> None:
    import torch

    whole = torch.arange(12.0).reshape(3, 4)
    torch.save({"a": whole, "b": whole.T, "half": whole.bfloat16()}, tmp_path / "a.pt")
    check(read(str(tmp_path / "a.pt")), {"a": whole.numpy(), "b": whole.T.numpy(), "half": whole.numpy()})


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path: Path, save: Any) -> None:
    arrays = {**ARRAYS, "fortran": np.asfortranarray(WEIGHT)}
    save(tmp_path / "a.npz", **arrays)
    check(read(str(tmp_path / "a.npz")), arrays)


@pytest.mark.parametrize("raw", [True, False])
def test_onnx(tmp_path: Path, raw: bool) -> None:
    steps = np.array([7, -2], "i8")
    made = files.onnx([files.onnx_tensor("w", WEIGHT, 1, raw), files.onnx_tensor("n", steps, 7, raw)])
    check(opened(tmp_path, "a.onnx", made), {"w": WEIGHT, "n": steps})


def test_onnx_of_its_own_library(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    dense = WEIGHT.reshape(4, 27)
    initial = [
        numpy_helper.from_array(WEIGHT, "conv"),
        numpy_helper.from_array(dense, "dense"),
        numpy_helper.from_array(dense.astype("f2"), "half"),
    ]
    initial.append(helper.make_tensor("listed", TensorProto.FLOAT16, [2], [1.5, -2.0]))
    nodes = [helper.make_node("Conv", ["x", "conv"], ["y"]), helper.make_node("Gemm", ["y", "dense"], ["z"])]
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [], [], initial)), tmp_path / "a.onnx")
    found = read(str(tmp_path / "a.onnx"))
    check(found, {"conv": WEIGHT, "dense": dense, "half": dense.astype("f2"), "listed": np.array([1.5, -2.0], "f2")})
    assert {tensor.name: tensor.output_axis for tensor in found.tensors} == {"conv": 0, "dense": 1, "half": 0, "listed": 0}


def test_tensorflow_graph(tmp_path: Path) -> None:
    dense, depth = WEIGHT.reshape(27, 4), RNG.standard_normal((3, 3, 5, 2)).astype("f4")
    nodes = [
        files.graph_node("c/weights", "Const", array=WEIGHT), files.graph_node("c/weights/read", "Identity", ["c/weights"]),
        files.graph_node("c/conv", "Conv2D", ["x", "c/weights/read"]), files.graph_node("d/w", "Const", array=depth),
        files.graph_node("d/conv", "DepthwiseConv2dNative", ["c/conv", "d/w"]), files.graph_node("f/w", "Const", array=dense),
        files.graph_node("f/mul", "MatMul", ["d/conv", "f/w"]), files.graph_node("n/moving_variance", "Const", array=np.ones(4, "f4")),
        files.graph_node("n/norm", "FusedBatchNorm", ["c/conv", "", "", "", "n/moving_variance"]),
    ]  # fmt: skip
    found = opened(tmp_path, "a.pb", files.graph(nodes))
    check(found, {"c/weights": WEIGHT, "d/w": depth, "f/w": dense, "n/moving_variance": np.ones(4, "f4")})
    roles = {tensor.name: (tensor.role, tensor.output_axis) for tensor in found.tensors}
    assert roles == {
        "c/weights": ("conv", 3),
        "d/w": ("depthwise", 2),
        "f/w": ("linear", 1),
        "n/moving_variance": ("variance", 0),
    }
    by_name = {tensor.name: tensor for tensor in found.tensors}
    for name, ours in (
        ("c/weights", WEIGHT.transpose(3, 2, 0, 1)),
        ("f/w", dense.T),
        ("d/w", depth.transpose(2, 3, 0, 1).reshape(10, 1, 3, 3)),
    ):
        assert torch_shape(found, by_name[name]) == ours.shape
        np.testing.assert_array_equal(torch_values(found, by_name[name], ours.shape), ours)


@pytest.mark.parametrize(("code", "role", "axis"), [(3, "conv", 0), (4, "depthwise", 3), (9, "linear", 0)])
def test_tflite(tmp_path: Path, code: int, role: str, axis: int) -> None:
    array = WEIGHT if code != 9 else WEIGHT.reshape(4, 27)
    found = opened(tmp_path, "a.tflite", files.tflite("c/w", array, code))
    check(found, {"c/w": array})
    assert [(tensor.role, tensor.output_axis) for tensor in found.tensors] == [(role, axis)]


def test_tflite_of_its_own_library(tmp_path: Path) -> None:
    library = pytest.importorskip("tflite")
    data = files.tflite("c/w", WEIGHT)
    model = library.Model.GetRootAsModel(bytearray(data), 0)
    tensor = model.Subgraphs(0).Tensors(0)
    assert tensor.Name() == b"c/w"
    np.testing.assert_array_equal(model.Buffers(tensor.Buffer()).DataAsNumpy().view("<f4"), WEIGHT.ravel())


def test_tensors_are_read_in_blocks(tmp_path: Path) -> None:
    array = np.arange(BLOCK + 3, dtype="f4")
    found = opened(tmp_path, "a.safetensors", files.safetensors({"a": array}))
    assert [len(block) for block in found.tensors[0].blocks()] == [BLOCK, 3]
    assert [len(block) for block in found.tensors[0].blocks()] == [BLOCK, 3]  # and anew
    assert records(found)[0].high == BLOCK + 2


def test_npz_whose_member_is_broken_later(tmp_path: Path) -> None:
    from profiler.errors import ProfilerError

    held = io.BytesIO()
    np.savez(held, a=np.arange(1000.0))
    data = bytearray(held.getvalue())
    data[400:440] = b"x" * 40
    found = opened(tmp_path, "a.npz", bytes(data))
    with pytest.raises(ProfilerError, match=r"array a\.npy cannot be read"):
        records(found)
    assert zipfile.is_zipfile(tmp_path / "a.npz")
