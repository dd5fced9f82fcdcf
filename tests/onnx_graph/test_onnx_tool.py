"""The convention `onnx-tool` beside the tool itself, to the integer."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from profiler import compare, show
from profiler.errors import ProfilerError
from profiler.records.place import Place
from profiler.study.exporting import exported
from tests.onnx_graph.graphs import held, model, node, numbers, saved

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"


def tool(path: Path, shapes: dict[str, tuple[int, ...]] | None = None) -> int:
    """What its report calls the total of a file."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import onnx_tool

        found = onnx_tool.Model(str(path), {"verbose": False}).graph
        found.graph_reorder_nodes()
        found.shape_infer(
            None if shapes is None else {name: np.zeros(shape, dtype=np.float32) for name, shape in shapes.items()}
        )
        found.profile(exclude_ops=onnx_tool.NoMacsOps)
    total: float = found.macs[0]
    return round(total)


def ours(path: Path, **point: Any) -> int:
    return show(str(path), convention="onnx-tool", **point).total


@pytest.mark.parametrize(
    "name",
    [
        "bvlc_alexnet",
        "densenet121",
        "inception_v1",
        "inception_v2",
        "resnet50",
        "shufflenet",
        "squeezenet",
        "vgg19",
        "zfnet512",
    ],
)
def test_networks_of_the_onnx_package(name: str) -> None:
    path = DATA / "light" / f"light_{name}.onnx"
    assert ours(path) == tool(path) > 0


@pytest.mark.parametrize("name", ["lenet5", "mobilenet_v3_small", pytest.param("vit_b_32", marks=pytest.mark.full)])
def test_exports(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(exported(Place(name, {}, None, None, None, 1)))
    assert ours(path) == tool(path) > 0


SMALL = {
    "lstm": model([node("LSTM", "x w r b", hidden_size=5)], {"x": (6, 2, 3)}, [held("w", (1, 20, 3)), held("r", (1, 20, 5)), held("b", (1, 40))]),
    "gru": model([node("GRU", "x w r b", "y h", hidden_size=5)], {"x": (6, 2, 3)}, [held("w", (1, 15, 3)), held("r", (1, 15, 5)), held("b", (1, 30))]),
    "layer_norm": model([node("LayerNormalization", "x a b")], {"x": (2, 3, 4)}, [held("a", (4,)), held("b", (4,))]),
    "einsum": model([node("Einsum", "x w", equation="bij,jk->bik")], {"x": (2, 5, 3)}, [held("w", (3, 7))]),
    "softmax, tanh, power": model([node("Softmax", "x", "a"), node("Tanh", "a", "b"), node("Pow", "b two")], {"x": (2, 3)}, [held("two", (1,))]),
    "pools": model([node("MaxPool", "x", "a", kernel_shape=[3, 2]), node("AveragePool", "a", "b", kernel_shape=[2, 2]),
                    node("GlobalAveragePool", "b")], {"x": (1, 3, 9, 9)}),
    "a biased product": model([node("MatMul", "x w", "a"), node("Add", "a b")], {"x": (2, 5, 3)}, [held("w", (3, 7)), held("b", (7,))]),
    "resize": model([node("Resize", "x _ _ s", mode="linear")], {"x": (1, 3, 8, 8)}, [numbers("s", [1, 3, 16, 16])]),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_operators(name: str, tmp_path: Path) -> None:
    path = saved(SMALL[name], tmp_path / "net.onnx")
    assert ours(path) == tool(path) > 0


def test_an_open_batch(tmp_path: Path) -> None:
    path = saved(
        model([node("Conv", "x w b")], {"x": ("n", 3, 8, 8)}, [held("w", (4, 3, 3, 3)), held("b", (4,))]), tmp_path / "net.onnx"
    )
    assert ours(path, batch=5) == tool(path, {"x": (5, 3, 8, 8)}) == 5 * 4 * 6 * 6 * (27 + 1)


def test_conventions_of_modules_are_refused_for_files_and_the_other_way_round(tmp_path: Path) -> None:
    path = saved(SMALL["lstm"], tmp_path / "net.onnx")
    with pytest.raises(
        ProfilerError, match=r"convention 'thop' is for torch modules, and .*net.onnx is an ONNX file; use paper or onnx-tool"
    ):
        show(str(path), convention="thop")
    with pytest.raises(ProfilerError, match="convention 'onnx-tool' is for ONNX files, and lenet5 is not one; export it first"):
        compare("lenet5", engine="closed", convention="onnx-tool")
