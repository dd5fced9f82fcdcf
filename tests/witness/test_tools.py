"""The tools themselves on small modules: what each prints is, to the integer, what its convention makes of our rows."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import prune

from profiler import profile
from profiler.count import conventions

TOOLS = ("fvcore", "thop", "torch", "torchinfo")


class Calls(nn.Module):
    """`f` of the modules that it holds, where it holds any, and of the inputs."""

    def __init__(self, f: Callable[..., Any], *parts: nn.Module) -> None:
        super().__init__()
        self.f, self.parts = f, nn.ModuleList(parts)

    def forward(self, *given: Any) -> Any:
        return self.f(self.parts, *given) if len(self.parts) else self.f(*given)


class Bare(nn.Module):
    """A parameter called `name` that is handed on, or used."""

    def __init__(self, name: str, *shape: int, used: bool = False) -> None:
        super().__init__()
        self.name, self.used = name, used
        self.register_parameter(name, nn.Parameter(torch.ones(*shape)))

    def forward(self, x: Tensor) -> Tensor:
        held: Tensor = getattr(self, self.name)
        return x * held if self.used else held


class ConvOfMine(nn.Module):
    """A convolution by hand, whose class has Conv in its name."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(4, 3, 3, 3)), nn.Parameter(torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias)


class MyLinear(nn.Linear):
    """Nothing of its own, and no class of thop's list."""


class Linear(nn.Module):
    """Not torch's."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 4))
        self.inner = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(self.inner(x), self.weight)


class Twice(nn.Module):
    """One layer below two parents, called through both, and once more by itself."""

    def __init__(self, layer: nn.Module, again: bool) -> None:
        super().__init__()
        self.a, self.b, self.again = nn.Sequential(layer), nn.Sequential(layer), again

    def forward(self, x: Tensor) -> Tensor:
        x = self.b(self.a(x))
        return self.a[0](x) if self.again else x


class Standardised(nn.Conv2d):
    """Weights that a batch norm centres, as in the nf_resnets and big transfer."""

    def __init__(self, gain: bool) -> None:
        super().__init__(3, 4, 3)
        self.gain = nn.Parameter(torch.ones(4)) if gain else None

    def forward(self, x: Tensor) -> Tensor:
        weight = F.batch_norm(self.weight.reshape(1, 4, -1), None, None, weight=self.gain, training=True).reshape_as(
            self.weight
        )
        return F.conv2d(x, weight, self.bias)


def tied() -> nn.Module:
    pair = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    pair[1].weight = pair[0].weight
    return pair


def packed(lengths: tuple[int, ...]) -> Callable[..., Any]:
    def run(parts: nn.ModuleList, x: Tensor) -> Any:
        return parts[0](nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths)))[0].data

    return run


def attends(weights: bool = True, **named: Any) -> Callable[..., Any]:
    return lambda parts, x: parts[0](x, x, x, need_weights=weights, **named)[0]


def r(*shape: int) -> Tensor:
    return torch.randn(*shape)


v = torch.rand(2)
MASK = torch.zeros(6, 6)
COMPLEX = torch.complex64
Case = tuple[Callable[[], nn.Module], tuple[Any, ...]]
# Modules, and calls of functions, that some tool counts in a way of its own.
CASES: dict[str, Case] = {
    # a layer that runs twice, or whose parameters do
    "a Linear 4 times": (lambda: nn.Sequential(*[nn.Linear(10, 10)] * 4), (r(2, 10),)),
    "a Conv2d 3 times": (lambda: nn.Sequential(*[nn.Conv2d(3, 3, 3, padding=1)] * 3), (r(2, 3, 6, 6),)),
    "a BatchNorm 2 times": (lambda: nn.Sequential(*[nn.BatchNorm2d(3)] * 2), (r(2, 3, 6, 6),)),
    "a LayerNorm 2 times": (lambda: nn.Sequential(*[nn.LayerNorm(4)] * 2), (r(2, 3, 4),)),
    "a GroupNorm and a bare one 2 times": (lambda: nn.Sequential(*[nn.GroupNorm(2, 4), nn.GroupNorm(2, 4, affine=False)] * 2), (r(2, 4, 3),)),
    "a PReLU 2 times": (lambda: nn.Sequential(*[nn.PReLU(4)] * 2), (r(2, 4, 3),)),
    "an LSTM 2 times": (lambda: Calls(lambda p, x: p[0](p[0](x)[0])[0], nn.LSTM(5, 5)), (r(7, 3, 5),)),
    "an Embedding 2 times": (lambda: Calls(lambda p, i: p[0](i) + p[0](i), nn.Embedding(10, 4)), (torch.ones(2, 3, dtype=torch.long),)),
    "two Linears, tied": (tied, (r(2, 4),)),
    "an embedding tied to a head": (lambda: tied_head(), (torch.ones(2, 3, dtype=torch.long),)),
    "below two parents": (lambda: Twice(nn.Linear(4, 4), False), (r(3, 4),)),
    "below two parents, and again": (lambda: Twice(nn.Conv1d(4, 4, 1), True), (r(3, 4, 5),)),
    "a pruned convolution": (lambda: prune.l1_unstructured(nn.Conv2d(3, 4, 3), "weight", 0.5), (r(1, 3, 8, 8),)),
    "a pruned Linear": (lambda: prune.random_structured(nn.Linear(8, 4), "weight", 0.5, dim=0), (r(2, 3, 8),)),
    # recurrent layers
    **{
        f"nn.{kind}, {layers} layers, {'both ways' if both else 'one way'}, bias {bias}":
        (lambda kind=kind, layers=layers, both=both, bias=bias: getattr(nn, kind)(5, 6, layers, bidirectional=both, bias=bias), (r(7, 3, 5),))  # type: ignore[misc]
        for kind in ("LSTM", "GRU", "RNN") for layers, both, bias in ((1, False, True), (2, True, False), (3, False, True))
    },
    **{f"nn.{kind}Cell": (lambda kind=kind: getattr(nn, f"{kind}Cell")(5, 6), (r(3, 5),)) for kind in ("LSTM", "GRU", "RNN")},  # type: ignore[misc]
    "nn.LSTMCell without a bias, 4 steps": (lambda: Calls(lambda p, x: [p[0](x) for _ in range(4)], nn.LSTMCell(5, 6, bias=False)), (r(3, 5),)),
    "nn.GRUCell without batch": (lambda: nn.GRUCell(5, 6), (r(5),)),
    "nn.LSTM, batch first": (lambda: nn.LSTM(5, 6, batch_first=True), (r(3, 7, 5),)),
    "nn.LSTM with a projection": (lambda: nn.LSTM(5, 6, proj_size=2), (r(7, 3, 5),)),
    "nn.LSTM without batch": (lambda: nn.LSTM(5, 6), (r(7, 5),)),
    "nn.GRU without batch": (lambda: nn.GRU(5, 6, 2), (r(7, 5),)),
    # embeddings and bare parameters
    "nn.Embedding": (lambda: nn.Embedding(10, 4), (torch.ones(2, 3, dtype=torch.long),)),
    "nn.EmbeddingBag": (lambda: nn.EmbeddingBag(10, 4), (torch.ones(2, 3, dtype=torch.long),)),
    "a parameter `weight`, handed on": (lambda: Bare("weight", 4, 8), (r(1),)),
    "a parameter `weight`, handed on and used": (lambda: Calls(lambda p, x: x @ p[0](x), Bare("weight", 4, 8)), (r(2, 4),)),
    "a parameter `weight`, used": (lambda: Bare("weight", 8, used=True), (r(4, 8),)),
    "a parameter `my_bias`, used": (lambda: Bare("my_bias", 8, used=True), (r(4, 3, 8),)),
    "a parameter `scale`, used": (lambda: Bare("scale", 8, used=True), (r(4, 8),)),
    "a convolution by hand": (ConvOfMine, (r(2, 3, 6, 6),)),
    # classes that are, and are not, on the lists
    "a subclass of Linear": (lambda: MyLinear(3, 4), (r(2, 3),)),
    "a Linear that is not torch's": (Linear, (r(2, 4),)),
    "a subclass of Linear called Linear": (lambda: type("Linear", (nn.Linear,), {})(3, 4), (r(2, 3),)),
    "a subclass of Conv2d 2 times": (lambda: nn.Sequential(*[type("Mine", (nn.Conv2d,), {})(3, 3, 1)] * 2), (r(2, 3, 4, 4),)),
    "a subclass of BatchNorm": (lambda: type("FrozenNorm", (nn.BatchNorm2d,), {})(3), (r(2, 3, 4, 4),)),
    "nn.Bilinear": (lambda: nn.Bilinear(3, 4, 5), (r(2, 3), r(2, 4))),
    "F.bilinear": (lambda: Calls(F.bilinear), (r(2, 3), r(2, 4), r(5, 3, 4))),
    "a parametrised convolution": (lambda: nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 4, 3)), (r(1, 3, 8),)),
    "standardised weights with a gain": (lambda: Standardised(True), (r(1, 3, 8, 8),)),
    "standardised weights": (lambda: Standardised(False), (r(1, 3, 8, 8),)),
    # samples without a batch
    "nn.Conv2d without batch": (lambda: nn.Conv2d(3, 4, 3, padding=1), (r(3, 8, 8),)),
    "nn.Conv1d in groups without batch": (lambda: nn.Conv1d(4, 4, 3, groups=2), (r(4, 9),)),
    "nn.ConvTranspose2d without batch": (lambda: nn.ConvTranspose2d(3, 4, 3), (r(3, 8, 8),)),
    "nn.AdaptiveAvgPool2d without batch": (lambda: nn.AdaptiveAvgPool2d(2), (r(3, 8, 8),)),
    "nn.AdaptiveAvgPool1d without batch": (lambda: nn.AdaptiveAvgPool1d(2), (r(3, 8),)),
    "nn.AvgPool2d without batch": (lambda: nn.AvgPool2d(2), (r(3, 8, 8),)),
    "nn.Linear without batch": (lambda: nn.Linear(3, 4), (r(3),)),
    # padding
    "nn.Conv2d(padding='same')": (lambda: nn.Conv2d(3, 4, 3, padding="same"), (r(1, 3, 8, 8),)),
    "nn.Conv2d(padding='same'), uneven": (lambda: nn.Conv2d(3, 4, 2, padding="same"), (r(1, 3, 8, 8),)),
    "nn.Conv1d(padding='valid')": (lambda: nn.Conv1d(3, 4, 3, padding="valid"), (r(1, 3, 8),)),
    "F.conv2d(padding='same')": (lambda: Calls(lambda x, w: F.conv2d(x, w, padding="same")), (r(1, 3, 8, 8), r(4, 3, 3, 3))),
    "nn.Conv2d, circular, 'same'": (lambda: nn.Conv2d(3, 4, 3, padding="same", padding_mode="circular"), (r(1, 3, 8, 8),)),
    "nn.Conv2d, reflected": (lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), (r(1, 3, 8, 8),)),
    "nn.ConvTranspose3d in groups": (lambda: nn.ConvTranspose3d(4, 4, 2, stride=2, groups=2), (r(1, 4, 3, 3, 3),)),
    "conv_tbc": (lambda: Calls(torch.conv_tbc), (r(7, 2, 3), r(3, 3, 4), r(4))),
    # norms
    "F.group_norm, a scale that is no parameter": (lambda: Calls(lambda x, s: F.group_norm(x, 2, s, s)), (r(2, 2, 2, 2), v)),
    "F.group_norm, bare": (lambda: Calls(lambda x: F.group_norm(x, 2)), (r(2, 2, 2, 2),)),
    "F.layer_norm, a scale that is no parameter": (lambda: Calls(lambda x, s: F.layer_norm(x, (2,), s)), (r(3, 2), v)),
    "F.layer_norm, a shift alone": (lambda: Calls(lambda x, s: F.layer_norm(x, (2,), None, s)), (r(3, 2), v)),
    "F.instance_norm": (lambda: Calls(lambda x, s: F.instance_norm(x, weight=s, bias=s)), (r(2, 2, 4, 4), v)),
    "F.batch_norm by its statistics": (lambda: Calls(lambda x, s: F.batch_norm(x, s, s)), (r(2, 2, 4, 4), v)),
    "F.batch_norm by its statistics, scaled": (lambda: Calls(lambda x, s: F.batch_norm(x, s, s, s, s)), (r(2, 2, 4, 4), v)),
    "F.batch_norm by the batch": (lambda: Calls(lambda x, s: F.batch_norm(x, s, s, s, s, training=True)), (r(2, 2, 4, 4), v)),
    "nn.BatchNorm1d by the batch": (lambda: nn.BatchNorm1d(4, track_running_stats=False), (r(3, 4),)),
    "nn.InstanceNorm1d without batch": (lambda: nn.InstanceNorm1d(3, affine=True), (r(3, 5),)),
    "nn.LayerNorm of two axes": (lambda: nn.LayerNorm((4, 4)), (r(2, 3, 4, 4),)),
    "nn.LayerNorm without a shift": (lambda: nn.LayerNorm(4, bias=False), (r(2, 3, 4),)),
    "nn.RMSNorm": (lambda: nn.RMSNorm(4), (r(2, 3, 4),)),
    "nn.LocalResponseNorm": (lambda: nn.LocalResponseNorm(3), (r(1, 4, 5, 5),)),
    # softmax, pooling, resizing
    **{f"nn.Softmax({dim})": (lambda dim=dim: nn.Softmax(dim), (r(1, 4185, 2),)) for dim in (0, 1, 2, -1, -2)},  # type: ignore[misc]
    "nn.Softmax2d": (nn.Softmax2d, (r(1, 3, 4, 5),)),
    "F.adaptive_avg_pool2d": (lambda: Calls(lambda x: F.adaptive_avg_pool2d(x, 2)), (r(1, 3, 8, 8),)),
    "F.adaptive_avg_pool1d": (lambda: Calls(lambda x: F.adaptive_avg_pool1d(x, 2)), (r(1, 3, 8),)),
    "nn.AdaptiveAvgPool3d": (lambda: nn.AdaptiveAvgPool3d(2), (r(1, 3, 5, 7, 9),)),
    **{f"nn.Upsample, {mode}": (lambda mode=mode: nn.Upsample(scale_factor=2, mode=mode), (r(1, 3, 4, 4),)) for mode in ("nearest", "nearest-exact", "bilinear", "bicubic")},  # type: ignore[misc]
    "nn.Upsample to a size": (lambda: nn.Upsample((5, 7), mode="bilinear"), (r(1, 3, 4, 4),)),
    "nn.Upsample, linear, by a fraction": (lambda: nn.Upsample(scale_factor=1.5, mode="linear"), (r(1, 3, 4),)),
    "nn.Upsample, trilinear, to a size": (lambda: nn.Upsample(5, mode="trilinear"), (r(1, 3, 4, 4, 4),)),
    "nn.UpsamplingBilinear2d": (lambda: nn.UpsamplingBilinear2d(scale_factor=2), (r(1, 3, 4, 4),)),
    **{f"F.interpolate, {mode}": (lambda mode=mode: Calls(lambda x: F.interpolate(x, scale_factor=2, mode=mode)), (r(1, 3, 4, 4),)) for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")},  # type: ignore[misc]
    "F.interpolate, antialias": (lambda: Calls(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", antialias=True)), (r(1, 3, 4, 4),)),
    "F.grid_sample": (lambda: Calls(lambda x, g: F.grid_sample(x, g, align_corners=True)), (r(1, 3, 8, 8), r(1, 4, 4, 2))),
    "F.grid_sample in 3D": (lambda: Calls(lambda x, g: F.grid_sample(x, g, align_corners=False)), (r(1, 3, 4, 4, 4), r(1, 2, 2, 2, 3))),
    # matrix products
    "matrix @ vector": (lambda: Calls(torch.matmul), (r(3, 4), r(4))),
    "vector @ matrix": (lambda: Calls(torch.matmul), (r(4), r(4, 3))),
    "stack @ vector": (lambda: Calls(torch.matmul), (r(5, 4, 3), r(3))),
    "turned stack @ vector": (lambda: Calls(lambda a, b: a.mT @ b), (r(5, 3, 4), r(3))),
    "vector @ stack": (lambda: Calls(torch.matmul), (r(4), r(5, 4, 3))),
    "vector @ turned stack": (lambda: Calls(lambda a, b: a @ b.mT), (r(4), r(5, 3, 4))),
    "stack @ matrix": (lambda: Calls(torch.matmul), (r(5, 4, 3), r(3, 2))),
    "matrix @ stack": (lambda: Calls(torch.matmul), (r(2, 3), r(5, 3, 4))),
    "broadcast matmul": (lambda: Calls(torch.matmul), (r(5, 1, 2, 3), r(4, 3, 6))),
    "a weight @ a stack": (lambda: Calls(lambda p, x: p[0](x) @ x, Bare("weight", 2, 3)), (r(4, 3, 6),)),
    "torch.mv": (lambda: Calls(torch.mv), (r(2, 5), r(5))),
    "torch.dot": (lambda: Calls(torch.dot), (r(7), r(7))),
    "torch.inner": (lambda: Calls(torch.inner), (r(2, 5), r(3, 5))),
    "torch.inner of vectors": (lambda: Calls(torch.inner), (r(5), r(5))),
    "torch.inner with a vector": (lambda: Calls(torch.inner), (r(2, 5), r(5))),
    "torch.outer": (lambda: Calls(torch.outer), (r(4), r(5))),
    "torch.tensordot": (lambda: Calls(lambda a, b: torch.tensordot(a, b, 1)), (r(3, 4), r(4, 5))),
    "torch.addmm": (lambda: Calls(torch.addmm), (r(6), r(4, 5), r(5, 6))),
    "addmm_": (lambda: Calls(lambda a: a.clone().addmm_(a, a)), (r(4, 4),)),
    "torch.addmv": (lambda: Calls(torch.addmv), (r(2), r(2, 5), r(5))),
    "torch.addr": (lambda: Calls(torch.addr), (r(4, 5), r(4), r(5))),
    "torch.addbmm": (lambda: Calls(torch.addbmm), (r(2, 3), r(4, 2, 5), r(4, 5, 3))),
    "torch.baddbmm": (lambda: Calls(torch.baddbmm), (r(3, 4, 6), r(3, 4, 5), r(3, 5, 6))),
    "baddbmm_": (lambda: Calls(lambda a: a.clone().baddbmm_(a, a)), (r(2, 4, 4),)),
    "torch.linalg.matmul": (lambda: Calls(torch.linalg.matmul), (r(2, 5), r(5, 3))),
    "torch.linalg.multi_dot": (lambda: Calls(lambda *a: torch.linalg.multi_dot(a)), (r(2, 5), r(5, 3), r(3, 4))),
    "torch.chain_matmul": (lambda: Calls(torch.chain_matmul), (r(2, 5), r(5, 3))),
    "torch.matrix_power": (lambda: Calls(lambda a: torch.matrix_power(a, 3)), (r(4, 4),)),
    "torch.cdist": (lambda: Calls(torch.cdist), (r(2, 3, 4), r(2, 5, 4))),
    "torch.cdist of many": (lambda: Calls(torch.cdist), (r(2, 30, 4), r(2, 50, 4))),
    "F.linear of a weight of one row": (lambda: Calls(F.linear), (r(2, 4), r(4))),
    "F.linear of one sample": (lambda: Calls(F.linear), (r(4), r(3, 4), r(3))),
    **{
        f"einsum {equation}": (lambda equation=equation: Calls(lambda *a: torch.einsum(equation, *a)), given)  # type: ignore[misc]
        for equation, given in {
            "abc,abd->acd": (r(3, 4, 5), r(3, 4, 6)), "bij,bjk->bik": (r(13, 17, 19), r(13, 19, 23)), "bhqd,bhkd->bhqk": (r(2, 3, 5, 7), r(2, 3, 11, 7)),
            "ij->ji": (r(3, 4),), "i,j->ij": (r(3), r(4)), "ij,ij->i": (r(3, 4), r(3, 4)), "ab,bc,cd->ad": (r(3, 4), r(4, 5), r(5, 6)), "...ij,jk->...ik": (r(2, 3, 4), r(4, 5)),
        }.items()
    },
    "torch.mm(out=)": (lambda: Calls(lambda a: torch.mm(a, a, out=torch.empty(4, 4))), (r(4, 4),)),
    "torch.mv(out=)": (lambda: Calls(lambda a, b: torch.mv(a, b, out=torch.empty(4))), (r(4, 4), r(4))),
    # attention
    "F.scaled_dot_product_attention": (lambda: Calls(F.scaled_dot_product_attention), (r(2, 3, 6, 4), r(2, 3, 6, 4), r(2, 3, 6, 4))),
    "nn.MultiheadAttention": (lambda: Calls(attends(), nn.MultiheadAttention(16, 4, batch_first=True)), (r(2, 6, 16),)),
    "nn.MultiheadAttention without weights": (lambda: Calls(attends(False), nn.MultiheadAttention(16, 4)), (r(2, 6, 16),)),
    "nn.MultiheadAttention with a mask": (lambda: Calls(attends(attn_mask=MASK), nn.MultiheadAttention(16, 4, batch_first=True)), (r(2, 6, 16),)),
    "nn.MultiheadAttention with padding": (lambda: Calls(attends(key_padding_mask=MASK[:2]), nn.MultiheadAttention(16, 4, batch_first=True)), (r(2, 6, 16),)),
    "nn.MultiheadAttention, a bias of keys, a mask": (lambda: Calls(attends(attn_mask=MASK), nn.MultiheadAttention(16, 4, add_bias_kv=True)), (r(6, 2, 16),)),
    "nn.TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), (r(2, 6, 16),)),
    "nn.TransformerDecoderLayer": (lambda: nn.TransformerDecoderLayer(16, 4, 32, batch_first=True), (r(2, 6, 16), r(2, 5, 16))),
    # complex numbers
    "complex nn.Linear": (lambda: nn.Linear(3, 4, dtype=COMPLEX), (torch.randn(2, 3, dtype=COMPLEX),)),
    "complex nn.Conv2d": (lambda: nn.Conv2d(3, 4, 3, dtype=COMPLEX), (torch.randn(1, 3, 8, 8, dtype=COMPLEX),)),
    "complex nn.ConvTranspose1d": (lambda: nn.ConvTranspose1d(3, 4, 3, dtype=COMPLEX), (torch.randn(1, 3, 8, dtype=COMPLEX),)),
    "complex matmul": (lambda: Calls(torch.matmul), (torch.randn(2, 3, dtype=COMPLEX), torch.randn(3, 4, dtype=COMPLEX))),
    "complex F.linear": (lambda: Calls(F.linear), (torch.randn(2, 3, dtype=COMPLEX), torch.randn(4, 3, dtype=COMPLEX))),
    "complex F.conv2d": (lambda: Calls(F.conv2d), (torch.randn(1, 3, 8, 8, dtype=COMPLEX), torch.randn(4, 3, 3, 3, dtype=COMPLEX))),
    "complex F.conv_transpose1d": (lambda: Calls(F.conv_transpose1d), (torch.randn(1, 3, 8, dtype=COMPLEX), torch.randn(3, 4, 3, dtype=COMPLEX))),
}  # fmt: skip
FAILS = {
    "stack @ vector": {"fvcore"},
    "turned stack @ vector": {"fvcore"},
    "matrix @ vector": {"fvcore"},
    "torch.mm(out=)": {"fvcore"},
}
"""Tools that raise themselves: fvcore's handle of `matmul` asks a vector for its last axis but one, and takes `out` for an operand."""


def tied_head() -> nn.Module:
    table, head = nn.Embedding(10, 4), nn.Linear(4, 10, bias=False)
    head.weight = table.weight
    return nn.Sequential(table, head)


def printed(tool: str, module: nn.Module, args: tuple[Any, ...]) -> int:
    """The total that the tool itself gives."""
    module = module.eval()
    if tool == "fvcore":
        from fvcore.nn import FlopCountAnalysis

        found = FlopCountAnalysis(module, args).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        return int(found.tracer_warnings("none").total())
    if tool == "thop":
        import thop

        return int(thop.profile(module, inputs=args, verbose=False)[0])
    if tool == "torchinfo":
        import torchinfo

        return int(torchinfo.summary(module, input_data=list(args), verbose=0, device="cpu").total_mult_adds)
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.device("meta"):
        module.to("meta")(*(x.to("meta") for x in args))
    return int(counter.get_total_flops())


@contextlib.contextmanager
def quiet() -> Any:
    fast, level = torch.backends.mha.get_fastpath_enabled(), logging.root.manager.disable
    logging.disable(logging.WARNING)
    torch.backends.mha.set_fastpath_enabled(False)
    silent = io.StringIO()
    try:
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        logging.disable(level)


@pytest.mark.parametrize("name", CASES)
def test_a_tool_prints_its_convention(name: str) -> None:
    made, args = CASES[name]
    rows = profile(made(), args=args).rows
    macs = sum(row.macs for row in rows if not row.side)
    ours, theirs = {}, {}
    for tool in TOOLS:
        convention = conventions.find(tool)
        if tool in FAILS.get(name, ()):
            with quiet(), pytest.raises((IndexError, AssertionError)):
                printed(tool, made(), args)
            continue
        ours[tool] = convention.total(rows)
        assert sum(convention.differences(rows).values()) == ours[tool] - macs, tool
        with quiet():
            theirs[tool] = printed(tool, made(), args)
    assert ours == theirs
