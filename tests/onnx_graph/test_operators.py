"""What one operator of an ONNX file costs, beside the product that it is, worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from onnx import defs

from profiler.onnx_graph.contrib import DOMAIN
from profiler.onnx_graph.names import ELEMENTWISE, FREE, UNCOUNTED
from profiler.onnx_graph.operators import PRODUCTS
from tests.onnx_graph.graphs import BOOL, INT8, INT64, UINT8, counted, held, model, node, numbers

MS = (DOMAIN,)
Case = tuple[str, Any, int, int]
"""Its name, a model, multiply-adds, parameters."""


def one(op: str, inputs: str, shapes: dict[str, Any], weights: list[Any] = [], domain: str = "", **attributes: Any) -> Any:  # noqa: B006
    return model([node(op, inputs, domain=domain, **attributes)], shapes, weights, domains=MS if domain else ())


CASES: list[Case] = [
    ("conv", one("Conv", "x w b", {"x": (2, 3, 8, 8)}, [held("w", (4, 3, 3, 3)), held("b", (4,))], pads=[1, 1, 1, 1], strides=[2, 2]),
     2 * 9 * 3 * 4 * 4 * 4, 9 * 3 * 4 + 4),
    ("grouped conv", one("Conv", "x w", {"x": (1, 8, 8, 8)}, [held("w", (4, 2, 3, 3))], group=4), 9 * 2 * 4 * 6 * 6, 9 * 2 * 4),
    ("conv, same by name", one("Conv", "x w", {"x": (1, 3, 9, 9)}, [held("w", (4, 3, 3, 3))], auto_pad="SAME_UPPER", strides=[2, 2]),
     9 * 3 * 4 * 5 * 5, 108),
    ("dilated conv of one axis", one("Conv", "x w", {"x": (1, 3, 20)}, [held("w", (5, 3, 3))], dilations=[2]), 3 * 3 * 5 * 16, 45),
    ("conv_transpose", one("ConvTranspose", "x w", {"x": (1, 3, 5, 5)}, [held("w", (3, 4, 2, 2))], strides=[2, 2]),
     4 * 3 * 4 * 5 * 5, 48),
    ("deform_conv", one("DeformConv", "x w o", {"x": (1, 2, 5, 5), "o": (1, 18, 3, 3)}, [held("w", (4, 2, 3, 3))]),
     9 * 2 * 4 * 3 * 3, 72),
    ("gemm", one("Gemm", "x w b", {"x": (5, 3)}, [held("w", (7, 3)), held("b", (7,))], transB=1), 5 * 3 * 7, 21 + 7),
    ("gemm, its first factor turned", one("Gemm", "x w", {"x": (3, 5)}, [held("w", (3, 7))], transA=1), 5 * 3 * 7, 21),
    ("matmul", one("MatMul", "x w", {"x": (2, 5, 3)}, [held("w", (3, 7))]), 2 * 5 * 3 * 7, 21),
    ("matmul of two, spread", one("MatMul", "x z", {"x": (2, 1, 5, 3), "z": (4, 3, 7)}), 2 * 4 * 5 * 3 * 7, 0),
    ("matmul with a vector", one("MatMul", "x w", {"x": (2, 5, 3)}, [held("w", (3,))]), 2 * 5 * 3, 3),
    ("einsum", one("Einsum", "x w", {"x": (2, 5, 3)}, [held("w", (7, 3))], equation="bte,fe->btf"), 2 * 5 * 3 * 7, 21),
    ("einsum with an ellipsis", one("Einsum", "x z", {"x": (2, 4, 5, 3), "z": (2, 4, 3, 7)}, equation="...ij,...jk->...ik"),
     2 * 4 * 5 * 3 * 7, 0),
    ("einsum of three", one("Einsum", "a c z", {"a": (2, 3), "c": (3, 4), "z": (4, 5)}, equation="ij,jk,kl->il"),
     2 * 3 * 4 + 2 * 4 * 5, 0),
    ("lstm", one("LSTM", "x w r b", {"x": (6, 2, 3)}, [held("w", (1, 20, 3)), held("r", (1, 20, 5)), held("b", (1, 40))], hidden_size=5),
     6 * 2 * (20 * 3 + 20 * 5), 60 + 100 + 40),
    ("lstm of two directions", one("LSTM", "x w r", {"x": (6, 2, 3)}, [held("w", (2, 20, 3)), held("r", (2, 20, 5))], hidden_size=5,
     direction="bidirectional"), 6 * 2 * 2 * (20 * 3 + 20 * 5), 120 + 200),
    ("gru", one("GRU", "x w r", {"x": (6, 2, 3)}, [held("w", (1, 15, 3)), held("r", (1, 15, 5))], hidden_size=5),
     6 * 2 * (15 * 3 + 15 * 5), 45 + 75),
    ("rnn, batch first", one("RNN", "x w r", {"x": (2, 6, 3)}, [held("w", (1, 5, 3)), held("r", (1, 5, 5))], hidden_size=5, layout=1),
     6 * 2 * (5 * 3 + 5 * 5), 15 + 25),
    ("quantised conv", one("QLinearConv", "x s z w s z s z b", {"x": ((1, 3, 6, 6), UINT8)}, [held("s", ()), held("z", (), UINT8),
     held("w", (4, 3, 3, 3), UINT8), held("b", (4,), 6)]), 9 * 3 * 4 * 4 * 4, 108 + 4),
    ("conv of integers", one("ConvInteger", "x w", {"x": ((1, 3, 6, 6), UINT8)}, [held("w", (4, 3, 3, 3), UINT8)]), 9 * 3 * 4 * 4 * 4, 108),
    ("quantised matmul", one("QLinearMatMul", "x s z w s z s z", {"x": ((5, 3), UINT8)}, [held("s", ()), held("z", (), UINT8),
     held("w", (3, 7), UINT8)]), 5 * 3 * 7, 21),
    ("matmul of integers", one("MatMulInteger", "x w", {"x": ((5, 3), UINT8)}, [held("w", (3, 7), INT8)]), 5 * 3 * 7, 21),
    # com.microsoft
    ("fused conv", one("FusedConv", "x w b", {"x": (1, 3, 8, 8)}, [held("w", (4, 3, 3, 3)), held("b", (4,))], DOMAIN, activation="Relu"),
     9 * 3 * 4 * 6 * 6, 112),
    ("fused matmul", one("FusedMatMul", "x z", {"x": (2, 3, 5), "z": (2, 7, 3)}, [], DOMAIN, transA=1, transB=1), 2 * 5 * 3 * 7, 0),
    ("matmul of 4 bits", one("MatMulNBits", "x w s", {"x": (2, 5, 64)}, [held("w", (32, 2, 16), UINT8), held("s", (64,))], DOMAIN,
     K=64, N=32, bits=4, block_size=32), 2 * 5 * 64 * 32, 64 * 32),
    ("attention with its projection", one("Attention", "x w b", {"x": (2, 5, 8)}, [held("w", (8, 24)), held("b", (24,))], DOMAIN, num_heads=2),
     2 * (5 * 8 * 24 + 2 * 5 * 5 * 8), 8 * 24 + 24),
    ("multi-head attention", one("MultiHeadAttention", "q k v", {"q": (2, 5, 8), "k": (2, 7, 8), "v": (2, 7, 8)}, [], DOMAIN, num_heads=2),
     2 * 2 * 5 * 7 * 8, 0),
    ("multi-head attention, packed", one("MultiHeadAttention", "q", {"q": (2, 5, 2, 3, 4)}, [], DOMAIN, num_heads=2), 2 * 2 * 5 * 5 * 8, 0),
    ("grouped-query attention", one("GroupQueryAttention", "q k v pk pv l t", {"q": (1, 3, 16), "k": (1, 3, 8), "v": (1, 3, 8),
     "pk": (1, 2, 10, 4), "pv": (1, 2, 10, 4), "l": ((1,), 6), "t": ((), 6)}, [], DOMAIN, num_heads=4, kv_num_heads=2),
     4 * 3 * 13 * (4 + 4), 0),
    ("lstm of quantised weights", one("DynamicQuantizeLSTM", "x w r _ _ _ _ _ s z s z", {"x": (6, 2, 3)}, [held("w", (1, 3, 20), INT8),
     held("r", (1, 5, 20), INT8), held("s", (1,)), held("z", (1,), INT8)], DOMAIN, hidden_size=5), 6 * 2 * (20 * 3 + 20 * 5), 60 + 100),
]  # fmt: skip


@pytest.mark.parametrize(("name", "made", "macs", "params"), CASES, ids=[case[0] for case in CASES])
def test_products(name: str, made: Any, macs: int, params: int, tmp_path: Path) -> None:
    found = counted(made, tmp_path, None)
    assert found.uncounted == ()
    assert (found.profile.macs, found.profile.params) == (macs, params)
    assert sum(row.macs > 0 for row in found.profile.rows) == 1


@pytest.mark.parametrize(("causal", "past"), [(0, 0), (1, 0), (1, 6)])
def test_attention_of_opset_23(causal: int, past: int, tmp_path: Path) -> None:
    """4 heads of 8 over 2 heads of keys: L = 5, S = 5 and those of the past; a causal half is a second figure."""
    shapes: dict[str, Any] = {"q": (2, 5, 32), "k": (2, 5, 16), "v": (2, 5, 16)}
    inputs = "q k v"
    if past:
        shapes |= {"pk": (2, 2, past, 8), "pv": (2, 2, past, 8)}
        inputs += " _ pk pv"
    outputs = "y a c" if past else "y"
    nodes = [node("Attention", inputs, outputs, q_num_heads=4, kv_num_heads=2, is_causal=causal)]
    found = counted(model(nodes, shapes, opset=23), tmp_path, None)
    keys = 5 + past
    assert found.profile.macs == 2 * 4 * 5 * keys * 16
    if causal:
        pairs = {0: 1 + 2 + 3 + 4 + 5, 6: 5 * 6 // 2}[past]
        assert found.useful_macs == 2 * 4 * pairs * 16


def test_a_weight_that_is_dequantised_is_one_of_8_bits(tmp_path: Path) -> None:
    """QDQ: the products of a convolution, weights of int8, scale and zero point as buffers; activations are dequantised too."""
    nodes = [
        node("QuantizeLinear", "x xs xz", "xq"), node("DequantizeLinear", "xq xs xz", "xd"),
        node("DequantizeLinear", "w ws wz", "wd", axis=0), node("Conv", "xd wd b"),
    ]  # fmt: skip
    weights = [
        held("xs", ()),
        held("xz", (), UINT8),
        held("w", (4, 3, 3, 3), INT8),
        held("ws", (4,)),
        held("wz", (4,), INT8),
        held("b", (4,)),
    ]
    found = counted(model(nodes, {"x": (1, 3, 6, 6)}, weights), tmp_path, None)
    profile = found.profile
    assert profile.macs == 9 * 3 * 4 * 4 * 4
    assert (profile.weights, profile.totals.bias, profile.buffers) == (108, 4, 2 + 8)
    assert profile.parameter_bytes == {"int8": 108, "float32": 16}
    assert profile.elementwise == 3 * 6 * 6


def test_weights_of_4_bits_take_half_a_byte(tmp_path: Path) -> None:
    (_, made, _, _) = next(case for case in CASES if case[0] == "matmul of 4 bits")
    profile = counted(made, tmp_path, None).profile
    assert profile.parameter_bytes == {"int4": 64 * 32 // 2}


def test_an_initialiser_that_two_nodes_take_counts_once(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x w", "a"), node("Transpose", "w", "t", perm=[1, 0]), node("MatMul", "a t")]
    profile = counted(model(nodes, {"x": (2, 5, 3)}, [held("w", (3, 7))]), tmp_path, None).profile
    assert profile.params == 21
    assert profile.macs == 2 * (2 * 5 * 3 * 7)
    assert [row.weights for row in profile.rows] == [21, 0]


def test_the_addition_of_its_bias_is_part_of_a_linear_layer(tmp_path: Path) -> None:
    nodes = [node("MatMul", "x w", "a"), node("Add", "b a")]
    profile = counted(model(nodes, {"x": (2, 5, 3)}, [held("w", (3, 7)), held("b", (7,))]), tmp_path, None).profile
    (row,) = profile.rows
    assert (row.kind, row.weights, row.bias, row.elementwise, row.activations) == ("linear", 21, 7, 0, 70)


def test_constants_are_no_parameters(tmp_path: Path) -> None:
    """Shapes, single numbers and masks; a vector that is multiplied is one, and a table that is looked up."""
    nodes = [
        node("Gather", "table ids", "e"), node("Mul", "e half", "h"), node("Mul", "h scale", "s"), node("Where", "mask s low", "m"),
        node("Reshape", "m shape"),
    ]  # fmt: skip
    weights = [
        held("table", (10, 6)),
        held("half", ()),
        held("scale", (6,)),
        held("mask", (4, 6), BOOL),
        held("low", ()),
        numbers("shape", [24]),
    ]
    found = counted(model(nodes, {"ids": ((4,), INT64)}, weights), tmp_path, None)
    assert (found.profile.params, found.profile.unread) == (60 + 6, 0)
    assert [row.kind for row in found.profile.rows] == ["embedding", "elementwise", "elementwise", "elementwise"]


def test_what_no_node_takes_is_unread(tmp_path: Path) -> None:
    found = counted(
        model([node("Relu", "x")], {"x": (2, 3)}, [held("w", (3, 7)), held("one", (1,)), numbers("n", [1, 2])]), tmp_path, None
    )
    assert (found.profile.unread, found.profile.unread_at) == (21, ("w",))


def test_normalisation_in_single_nodes_is_one(tmp_path: Path) -> None:
    """x - mean over the root of the mean of its square, scaled and shifted."""
    nodes = [
        node("ReduceMean", "x axes", "m"), node("Sub", "x m", "c"), node("Pow", "c two", "p"), node("ReduceMean", "p axes", "v"),
        node("Add", "v eps", "e"), node("Sqrt", "e", "r"), node("Div", "c r", "n"), node("Mul", "n g", "s"), node("Add", "s b"),
    ]  # fmt: skip
    weights = [numbers("axes", [-1]), held("two", ()), held("eps", ()), held("g", (6,)), held("b", (6,))]
    weights[1].float_data[0] = 2.0
    profile = counted(model(nodes, {"x": (1, 4, 6)}, weights), tmp_path, None).profile
    assert {row.kind for row in profile.rows} == {"norm"}
    assert (profile.totals.norm, profile.weights, profile.totals.bias) == (12, 0, 0)


def test_products_around_a_softmax_are_attention(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", "k", "t", perm=[0, 1, 3, 2]), node("MatMul", "q t", "s"), node("Mul", "s half", "c"), node("Softmax", "c", "p"),
        node("MatMul", "p v"),
    ]  # fmt: skip
    profile = counted(model(nodes, dict.fromkeys("qkv", (1, 2, 5, 4)), [held("half", ())]), tmp_path, None).profile
    assert [row.kind for row in profile.rows if row.macs] == ["attention", "attention"]
    assert profile.macs == 2 * (2 * 5 * 5 * 4)


ELEMENTWISE_CASES: list[tuple[str, Any, int, int, str]] = [
    ("relu", one("Relu", "x", {"x": (2, 3, 4)}), 24, 0, "activation"),
    ("softmax", one("Softmax", "x", {"x": (2, 3, 4)}), 24, 0, "activation"),
    ("relu6", one("Clip", "x lo hi", {"x": (2, 3, 4)}, [held("lo", ()), held("hi", ())]), 24, 0, "elementwise"),
    ("prelu", one("PRelu", "x w", {"x": (2, 3, 4)}, [held("w", (3, 1))]), 24, 3, "activation"),
    ("add, spread", one("Add", "x z", {"x": (2, 1, 4), "z": (3, 1)}), 24, 0, "elementwise"),
    ("batch_norm", one("BatchNormalization", "x a c m v", {"x": (2, 3, 4)}, [held(n, (3,)) for n in "acmv"]), 24, 6, "norm"),
    ("layer_norm", one("LayerNormalization", "x a c", {"x": (2, 3, 4)}, [held("a", (4,)), held("c", (4,))]), 24, 8, "norm"),
    ("max_pool", one("MaxPool", "x", {"x": (1, 3, 8, 8)}, kernel_shape=[2, 2], strides=[2, 2]), 3 * 4 * 4, 0, "pool"),
    ("global pool", one("GlobalAveragePool", "x", {"x": (1, 3, 8, 8)}), 3, 0, "pool"),
    ("mean", one("ReduceMean", "x a", {"x": (1, 3, 8, 8)}, [numbers("a", [2, 3])], keepdims=0), 3, 0, "pool"),
    ("resize", one("Resize", "x _ _ s", {"x": (1, 3, 8, 8)}, [numbers("s", [1, 3, 16, 12])]), 3 * 16 * 12, 0, "resize"),
    ("skip and layer_norm", one("SkipLayerNormalization", "x z a c b", {"x": (2, 3, 4), "z": (2, 3, 4)}, [held(n, (4,)) for n in "acb"], DOMAIN),
     2 * 24, 12, "norm"),
    ("quantised add", one("QLinearAdd", "x s z x s z s z", {"x": ((2, 3), UINT8)}, [held("s", ()), held("z", (), UINT8)], DOMAIN), 6, 0,
     "elementwise"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "made", "elements", "params", "kind"), ELEMENTWISE_CASES, ids=[case[0] for case in ELEMENTWISE_CASES]
)
def test_elements(name: str, made: Any, elements: int, params: int, kind: str, tmp_path: Path) -> None:
    profile = counted(made, tmp_path, None).profile
    (row,) = profile.rows
    assert (row.elementwise, profile.params, row.kind, profile.macs) == (elements, params, kind, 0)


def test_clip_of_0_to_6_is_relu6(tmp_path: Path) -> None:
    bounds = [held("lo", ()), held("hi", ())]
    bounds[1].float_data[0] = 6.0
    (row,) = counted(one("Clip", "x lo hi", {"x": (2, 3)}, bounds), tmp_path, None).profile.rows
    assert (row.op, row.kind) == ("relu6", "activation")


def test_every_operator_of_onnx_has_its_place() -> None:
    """Counted, elementwise, free, or named as without a formula: a new one of onnx's own domain fails here."""
    names = {schema.name for schema in defs.get_all_schemas() if schema.domain == ""}
    known = PRODUCTS.keys() | ELEMENTWISE.keys() | FREE | UNCOUNTED
    assert names - known == set()
    for one_, other in (
        (PRODUCTS.keys(), ELEMENTWISE.keys()),
        (PRODUCTS.keys(), FREE),
        (ELEMENTWISE.keys(), FREE),
        (FREE, UNCOUNTED),
    ):
        assert not one_ & other
