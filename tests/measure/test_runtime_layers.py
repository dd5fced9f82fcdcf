"""Layers by a runtime's own profile: its operations under the layers that they hold, fused ones by all of their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from profiler.load.load import in_closed_form as load
from profiler.measure.exported_layers import ClockedExport
from profiler.measure.plan import Setting
from profiler.measure.runtimes import exports
from profiler.measure.runtimes.exports import Exports
from profiler.measure.runtimes.fusion import SCOPES, Operation, layers_of, of_modules
from profiler.measure.visits import FUSED, OUTSIDE
from profiler.measure.workloads import NetworkWorkload
from profiler.study.leaf_rows import rows_of

SMALL = load("mobilenet_v1@alpha=0.25,resolution=32")
RESIDUAL = load("resnet18@resolution=32")


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "HERE", Exports(scratch=tmp_path))


def written(path: Path) -> Path:
    """x → conv → relu → add(x) → pool, as torch's exporter would write it, the convolution with its norm's scopes."""
    nodes = [
        helper.make_node("Conv", ["x", "stem.conv.weight"], ["c"], name="node_Conv_1"),
        helper.make_node("Relu", ["c"], ["r"], name="node_relu"),
        helper.make_node("Add", ["r", "x"], ["a"], name="node_add"),
        helper.make_node("GlobalAveragePool", ["a"], ["p"], name="node_mean"),
    ]
    scopes = (["", "stem", "stem.norm", "bn"], ["", "stem", "stem.act", "relu"], ["", "join", "add"], ["", "pool", "mean"])
    for node, scope in zip(nodes, scopes, strict=True):
        entry = node.metadata_props.add()
        entry.key, entry.value = SCOPES, repr(scope)
    shape = [1, 2, 4, 4]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [1, 2, 1, 1])],
        [helper.make_tensor("stem.conv.weight", TensorProto.FLOAT, [2, 2, 1, 1], [0.0] * 4)],
    )
    onnx.save(helper.make_model(graph), str(path))
    return path


MODULES = ("stem", "stem.conv", "stem.norm", "stem.act", "join", "pool")


@pytest.mark.parametrize(
    ("operations", "layers"),
    [
        # as ONNX Runtime says them: by the output of the last node that was fused
        (
            [("Conv", ("a_nchwc",)), ("ReorderOutput", ("token_1",)), ("Pool", ("p_nchwc",))],
            [("stem.conv", "stem.norm", "stem.act", "join"), (), ("pool",)],
        ),
        # the sum went into the convolution, whose name is its own: what is pooled is of the same kind as the node it is named by
        (
            [("Conv", ("c_nchwc",)), ("GlobalAveragePool", ("p_nchwc",))],
            [("stem.conv", "stem.norm", "stem.act", "join"), ("pool",)],
        ),
        # as OpenVINO says them: by every node
        (
            [
                ("Reorder", ("",)),
                ("Convolution", ("node_Conv_1/WithoutBiases", "node_relu")),
                ("Add", ("node_add",)),
                ("Mean", ("node_mean",)),
            ],
            [(), ("stem.conv", "stem.norm", "stem.act"), ("join",), ("pool",)],
        ),
        # a node that nobody names, and of which nothing that is named is made
        ([("Conv", ("node_Conv_1",))], [("stem.conv", "stem.norm", "stem.act", "join", "pool")]),
        ([("Unknown", ("somewhere",))], [()]),
    ],
)
def test_operations_hold_layers(tmp_path: Path, operations: Any, layers: Any) -> None:
    path = written(tmp_path / "net.onnx")
    assert layers_of(path, of_modules(MODULES), [Operation(*each) for each in operations]) == layers


@pytest.mark.parametrize("network", [SMALL, RESIDUAL], ids=["mobilenet", "resnet"])
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_profile_of_a_network_is_of_its_layers(runtime: str, network: Any) -> None:
    made: Any = NetworkWorkload(network.name, network.value, network.inputs).live(Setting(runtime=runtime), 1)
    visit = ClockedExport(made).visit(made, 3, 0.0)
    rows = network.profile(1).rows
    held = [part for key in visit.layers if not key.startswith("(") for part in key.split(FUSED)]
    assert len(held) == len(set(held))  # no layer is in two operations
    # every layer with weights is in one, and so is what was folded into it
    assert {row.path for row in rows if row.params} <= set(held)
    assert any(FUSED in key for key in visit.layers)
    assert list(visit.layers)[-1] == OUTSIDE
    assert len(visit.seconds) == 3
    assert all(seconds >= 0 for seconds in visit.layers.values())
    merged = rows_of(rows, list(visit.layers))
    assert sum(row.macs for row in merged.values()) == sum(row.macs for row in rows)
    assert sum(row.params for row in merged.values()) == sum(row.params for row in rows)


def test_fused_rows_add_up_what_they_hold() -> None:
    rows = [row for row in SMALL.profile(1).rows if row.path.startswith("stem.")]
    by = {row.path: row for row in rows}
    merged = rows_of(rows, ["stem.conv + stem.norm + stem.act", "(Reorder)"])
    row = merged["stem.conv + stem.norm + stem.act"]
    assert row.path == "stem.conv + norm + act"
    # α 0.25 of 32 filters of 3·3·3, at 16² places; a norm of 8 channels
    assert (row.kind, row.macs, row.weights, row.norm) == ("conv", 8 * 27 * 16 * 16, 8 * 27, 2 * 8)
    assert (row.inputs, row.output) == (by["stem.conv"].inputs, by["stem.act"].output)
    assert (merged["(Reorder)"].macs, merged["(Reorder)"].kind) == (0, "no layer")
