"""Witnesses beside traced modules: each difference attributed, and a witness that fails is no end of the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profiler import compare
from profiler.count import conventions
from profiler.errors import WitnessFailed
from profiler.load.load import load
from profiler.network.registry import names
from profiler.report.sheets.sheet import results_sheet
from profiler.witness.agree import heard
from tests.witness.test_agree import ENGINES, recount


class Recurrent(nn.Module):
    def __init__(self, kind: str, layers: int, both: bool) -> None:
        super().__init__()
        self.rnn = getattr(nn, kind)(8, 16, layers, batch_first=True, bidirectional=both)
        self.head = nn.Linear(32 if both else 16, 3)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.head(self.rnn(x)[0])
        return output


class Attending(nn.Module):
    def __init__(self, weights: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.attention(x, x, x, need_weights=self.weights)[0]
        return output


class MyLinear(nn.Linear):
    """A subclass, which thop does not look at."""


class Functional(nn.Module):
    """Operations outside modules, dicts in and out, a module that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(16, 16))
        self.own, self.twice, self.norm = MyLinear(16, 16), nn.Linear(16, 16), nn.LayerNorm(16)

    def forward(self, given: dict[str, Tensor], scale: float = 1.0) -> dict[str, Any]:
        x = F.linear(given["x"], self.weight) @ given["y"]
        x = self.norm(self.twice(self.twice(self.own(x))))
        return {"out": F.scaled_dot_product_attention(x, x, x) * scale, "nothing": None}


def encoder() -> nn.Module:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2, enable_nested_tensor=False)


MODULES: dict[str, tuple[nn.Module, Any]] = {
    **{
        f"{kind} {layers} {both}": (Recurrent(kind, layers, both), (5, 8))
        for kind in ("LSTM", "GRU", "RNN") for layers in (1, 3) for both in (False, True)
    },
    "attention": (Attending(False), (6, 16)),
    "attention with weights": (Attending(True), (6, 16)),
    "encoder": (encoder(), (6, 16)),
    "functional": (Functional(), {"given.x": (2, 6, 16), "given.y": (2, 16, 16), "scale": 2.0}),
    "softmax": (nn.Sequential(nn.Softmax(dim=-1), nn.Upsample(scale_factor=2), nn.Conv1d(4, 4, 3), nn.Flatten(), nn.Linear(24, 2)), (4, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("batch", [1, 2])
def test_every_difference_has_its_reason(name: str, batch: int) -> None:
    module, given = MODULES[name]
    network = load(module, input=given)
    rows = network.profile(batch).rows
    for found in recount(network, batch, ENGINES):
        assert found.differences == ()
        assert sum(amount for _, amount in found.reasons) == found.total - network.totals(batch).macs
        if found.engine.startswith("torch"):
            assert found.macs == sum(row.macs for row in rows)


def test_what_each_witness_does_not_see() -> None:
    attention = 2 * 6 * 6 * 16
    fvcore, thop, torch_ = recount(load(Attending(False), input=(6, 16)), 1, ENGINES)
    assert dict(fvcore.reasons) == {"does not count the products of fused attention": -attention}
    whole = 4 * 6 * 16 * 16 + attention
    assert dict(thop.reasons) == {"sees no multihead attention that is not a module of its own list": -whole}
    assert torch_.total == 2 * whole
    lstm = recount(load(Recurrent("LSTM", 1, False), input=(5, 8)), 1, ["fvcore"])[0]
    assert dict(lstm.reasons) == {"passes over lstm": -5 * 4 * 16 * (8 + 16)}


def test_an_engine_that_counts_otherwise_agrees_under_its_own_rules() -> None:
    notes = results_sheet(compare(Attending(False), input=(6, 16), engine="fvcore,torch")).notes
    assert "fvcore 0.1.5 agrees on every layer under its own rules." in notes  # its column is not our multiply-adds
    assert any(note.startswith("torch ") and note.endswith(" agrees on every layer.") for note in notes)
    assert "fvcore 0.1.5 agrees on every layer." in results_sheet(compare(nn.Linear(3, 4), input=(3,))).notes


def test_a_mixture_of_experts_is_attributed() -> None:
    small = (
        "hidden_size=64,intermediate_size=128,num_attention_heads=4,num_key_value_heads=2,num_hidden_layers=1,vocab_size=100"
    )
    network = load(f"hf:MixtralConfig@{small}", input="16")
    # two of the experts a token, three matrices each
    experts = 16 * 2 * 3 * 64 * 128
    for found in recount(network, 1, ENGINES):
        assert found.differences == ()
        assert dict(found.reasons)["does not count the grouped products of experts"] == -experts


def test_on_the_cpu_torch_sees_no_fused_kernel() -> None:
    class Asks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(8, 16, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            y = self.lstm(x)[0].unsqueeze(1)
            return F.scaled_dot_product_attention(y, y, y) if x.sum().item() < 1e9 else y

    network = load(Asks(), input=(5, 8))
    (found,) = recount(network, 1, ["torch"])
    assert found.differences == ()
    assert (found.macs, network.totals().macs) == (0, 5 * 4 * 16 * (8 + 16) + 2 * 5 * 5 * 16)
    assert {reason for reason, _ in found.reasons} == {
        "does not count the fused LSTM of the CPU", "does not count the products of fused attention",
    }  # fmt: skip


class Refuses(nn.Module):
    """Runs, but not while it is traced by torch.jit, as fvcore does."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        if torch._C._get_tracing_state() is not None:
            raise RuntimeError("not under a tracer\nplease")
        output: Tensor = self.head(x)
        return output


def test_a_witness_that_fails_is_a_row_with_its_reason() -> None:
    fvcore, thop = heard(load(Refuses(), input=(4,)), 1, ["fvcore", "thop"])
    assert isinstance(fvcore, WitnessFailed)
    assert str(fvcore) == "Refuses does not run under fvcore (RuntimeError: not under a tracer); its traced count stands"
    assert not isinstance(thop, WitnessFailed)
    results = compare(Refuses(), nn.Linear(4, 2), input=(4,), engine="traced,fvcore,thop,torch")
    assert [record["fvcore_macs"] for record in results] == [None, 8]
    assert [record["thop_macs"] for record in results] == [8, 8]
    assert [record["traced_macs"] for record in results] == [8, 8]
    assert list(map(str, results.notes)) == [f"fvcore: {fvcore}"]


def test_a_count_that_differs_is_named_by_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = conventions.FVCORE.rules | {"linear": lambda row: row.macs + 1}  # type: ignore[operator]
    monkeypatch.setitem(conventions.CONVENTIONS, "fvcore", replace(conventions.FVCORE, rules=wrong))
    (found,) = recount(load(encoder(), input=(6, 16)), 1, ["fvcore"])
    assert [at.path for at in found.differences] == [
        "layers.0.linear1", "layers.0.linear2", "layers.1.linear1", "layers.1.linear2",
    ]  # fmt: skip


def test_what_is_booked_under_another_module_is_no_difference() -> None:
    class Direct(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.part:
                x = layer.forward(x)  # past the module's own call: a tracer books it to whom called
            return x

    for found in recount(load(Direct(), input=(4,)), 1, ["fvcore", "torch"]):
        assert found.differences == ()


@pytest.mark.parametrize(
    "name", ["mobilenet_v1", "googlenet", "vit_b_32", "unet", "shufflenet_v1", "nasnet_mobile", "hybridsn"]
)
@pytest.mark.parametrize("batch", [1, 2])
def test_traced_is_an_engine_of_the_zoo_row_by_row(name: str, batch: int) -> None:
    network = load(name, alpha="0.25")
    (found,) = recount(network, batch, ["traced"])
    assert (found.engine, found.differences, found.macs) == ("traced", (), network.totals(batch).macs)


@pytest.mark.full
@pytest.mark.parametrize("name", names())
def test_the_whole_zoo_is_traced_row_by_row(name: str) -> None:
    assert recount(load(name), 1, ["traced"])[0].differences == ()


def test_uncounted_operations_are_loud() -> None:
    class Spectral(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = torch.fft.fft2(x).real
            return output

    results = compare(Spectral(), input=(3, 8, 8), engine="closed")
    (warning,) = map(str, results.warnings)
    assert warning.startswith("UNCOUNTED Spectral: aten::_fft_")
    assert "adds its formula" in warning
    assert warning in results.to_dict()["warnings"]


def test_a_module_on_meta_is_counted_by_witnesses_too() -> None:
    with torch.device("meta"):
        module = nn.Sequential(nn.Embedding(10, 8), nn.Linear(8, 4))
    for found in recount(load(module, input="5:int64"), 2, ENGINES):
        assert (found.differences, found.macs) == ((), 2 * 5 * 8 * 4)
    assert {p.device.type for p in module.parameters()} == {"meta"}
