"""Weights are weighed before they are allocated: witnesses that would take the memory are left out, and measuring is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler import bench, benchmark, compare, sweep
from profiler.errors import ProfilerError
from profiler.load.load import load
from profiler.study.layers import layers
from profiler.witness import memory
from profiler.witness.agree import heard

MEBI = 2**20


class Large(nn.Module):
    """Two million parameters in single, half a million of them halves, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(1024, 1024, bias=False), nn.Linear(1024, 512, bias=False, dtype=torch.float16)
        self.register_buffer("table", torch.zeros(256))

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x).half())  # type: ignore[no-any-return]


BYTES = 4 * 1024 * 1024 + 2 * 1024 * 512 + 4 * 256


def on_meta() -> nn.Module:
    with torch.device("meta"):
        return Large()


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """8 MiB free, of which weights may have 4."""
    monkeypatch.setattr(memory, "available_memory", lambda: 8 * MEBI)


def test_what_weights_weigh() -> None:
    assert memory.weight_bytes(load(on_meta(), input=(1024,))) == BYTES
    assert memory.weight_bytes(load(Large(), input=(1024,))) == 0  # they are there
    assert memory.weight_bytes(load(Large(), input=(1024,)), copied=True) == BYTES
    tied = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False))
    tied[1].weight = tied[0].weight
    assert memory.weight_bytes(load(tied, input=(8,)), copied=True) == 4 * 64
    resnet = load("resnet18").totals()
    assert memory.weight_bytes(load("resnet18")) == 4 * (resnet.params + resnet.buffers)


@pytest.mark.usefixtures("little_memory")
def test_half_of_the_free_memory_is_the_most() -> None:
    assert memory.shortage(4 * MEBI) == ""
    assert memory.shortage(4 * MEBI + 1) == "4.0 MiB of weights and 8.0 MiB are free"


def test_where_nobody_knows_what_is_free_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    assert memory.shortage(1 << 60) == ""


@pytest.mark.usefixtures("little_memory")
def test_a_default_witness_is_left_out_with_a_note() -> None:
    results = compare("resnet18", "lenet5")
    assert [record["fvcore_macs"] is None for record in results] == [True, False]
    totals = load("resnet18").totals()
    needed = f"{4 * (totals.params + totals.buffers) / MEBI:.1f} MiB"
    assert [note for note in map(str, results.notes) if note.startswith("fvcore")] == [
        f"fvcore: resnet18 needs {needed} of weights and 8.0 MiB are free; --engine fvcore insists"
    ]
    assert sweep("resnet18", alpha="1", resolution="32..64").notes
    small = compare(on_meta(), input=(1024,))
    assert str(small.notes[0]) == "fvcore: Large needs 5.0 MiB of weights and 8.0 MiB are free; --engine fvcore insists"


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("engine", ["fvcore", "thop"])
def test_a_witness_that_the_user_names_runs(engine: str) -> None:
    (record,) = compare("resnet18", resolution=32, engine=engine)
    assert record[f"{engine}_macs"] == record["macs"]


@pytest.mark.usefixtures("little_memory")
def test_what_stands_there_already_is_no_burden() -> None:
    model = nn.Sequential(nn.Linear(2048, 1024))
    assert compare(model, input=(2048,))[0]["fvcore_macs"] == 2048 * 1024


def test_torch_is_asked_without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    network = load("resnet18", resolution=32)
    real = type(network).module

    def module(self: Any, device: str = "meta", **named: Any) -> nn.Module:
        assert device == "meta"
        return real(self, device, **named)

    monkeypatch.setattr(type(network), "module", module)
    (found,) = heard(network, 1, ["torch"])
    assert not isinstance(found, ProfilerError)
    assert (found.macs, found.differences) == (network.totals().macs, ())


class Asks(nn.Module):
    """Asks for a value, so that torch must count it where its weights are."""

    def __init__(self) -> None:
        super().__init__()
        self.large = nn.Linear(2048, 1024, device="meta")

    def forward(self, x: Tensor) -> Tensor:
        return self.large(x) if x.sum().item() < 1e9 else x


@pytest.mark.usefixtures("little_memory")
def test_torch_is_left_out_only_where_it_needs_weights() -> None:
    (found,) = heard(load(Asks(), input=(2048,)), 1, ["torch"], insists=False)
    assert str(found) == "Asks needs 8.0 MiB of weights and 8.0 MiB are free; --engine torch insists"


@pytest.mark.usefixtures("little_memory")
def test_measuring_is_refused_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: Any, **named: Any) -> Any:
        raise AssertionError("a worker was started")

    for name in ("measuring", "benchmark", "layers"):
        monkeypatch.setattr(f"profiler.study.{name}.session", never)
    calls: list[Callable[[str], object]] = [
        *(
            bench,
            layers,
            benchmark,
            lambda model: compare(model, bench=True),
            lambda model: sweep(model, bench=True, alpha="1"),
        ),
    ]
    for call in calls:
        with pytest.raises(
            ProfilerError, match=r"^resnet18 needs 44\.\d MiB of weights and 8\.0 MiB are free; measuring may use"
        ):
            call("resnet18")
    with pytest.raises(ProfilerError, match=r"needs 5\.0 MiB of weights and 8\.0 MiB are free"):
        benchmark(Large(), input=(1024,))  # a copy goes to the worker
    monkeypatch.setattr(memory, "available_memory", lambda: MEBI)
    with pytest.raises(ProfilerError, match=r"lenet5 needs .* of weights, gradients and optimizer state and 1\.0 MiB are free"):
        benchmark("lenet5", train=True, optimizer="adam")
