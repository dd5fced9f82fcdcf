"""Deployed runtimes: what they run is the network that eager torch runs, what they cannot run is a sentence, exports are kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from profiler.errors import ProfilerError, Unavailable, UnknownName
from profiler.load.load import in_closed_form as load
from profiler.measure import outputs
from profiler.measure.live import Live
from profiler.measure.outputs import check_same, largest_difference
from profiler.measure.plan import Setting, State
from profiler.measure.runtimes import exports, registry
from profiler.measure.runtimes.exports import Exports
from profiler.measure.runtimes.onnxruntime import OnnxRuntime, fallback
from profiler.measure.runtimes.openvino import OpenVino, named
from profiler.measure.untrained import set_statistics
from profiler.measure.workloads import ModuleWorkload, NetworkWorkload
from profiler.study.bench_options import BenchOptions
from tests.measure.deployed import Scaled, deployed, own_cache
from tests.measure.paced import ROOT

SMALL = load("mobilenet_v1@alpha=0.25,resolution=32")
WORKLOAD = NetworkWorkload(SMALL.name, SMALL.value, SMALL.inputs)
DEPLOYED = deployed()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own; nothing is kept unless a test says so."""
    return own_cache(tmp_path, monkeypatch)


@pytest.mark.parametrize("runtime", DEPLOYED)
def test_it_runs_the_same_network(runtime: str) -> None:
    made: Any = WORKLOAD.live(Setting(runtime=runtime), 2)
    assert made.output_difference is not None
    assert 0 < made.output_difference < 1e-4  # folded in another order, so not equal; fp32 has 24 bits
    (found,) = made.runtime.outputs()
    assert found.shape == (2, 1000)
    assert (made.export_s > 0, made.load_s > 0, made.first_call_s > 0) == (True, True, True)
    # 13 depthwise and 14 pointwise convolutions, pooling and the classifier at the least; 84 layers at the most
    assert 13 + 14 + 1 + 1 <= made.nodes < 84 if registry.KINDS[runtime].has_profile else made.nodes is None
    weights = 4 * SMALL.totals(1).params
    assert weights < made.artifact_bytes < 1.3 * weights
    assert (made.module, made.has_own_time) == (None, False)
    made.call()


class Compiled(nn.Module):
    """What a compiler made of a module: it adds something to the outputs."""

    def __init__(self, written: nn.Module, more: float) -> None:
        super().__init__()
        self._orig_mod, self.more = written, more

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self._orig_mod(x) + self.more
        return out


def test_compiled_outputs_are_compared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(more: float) -> Live:
        monkeypatch.setattr(torch, "compile", lambda module: Compiled(module, more))
        return Live(lambda: (Scaled(2.0), (torch.ones(3),), {}), Setting(runtime="compile"))

    assert made(0.0).output_difference == 0.0
    assert made(2**-8).output_difference == 2**-9
    with pytest.raises(ProfilerError, match=r"differ from those of eager torch by 3\.12 %"):
        made(2**-4)


class Pair(nn.Module):
    """Two inputs, one by its name; three outputs, one of them of integers."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor, *, ids: Tensor, scale: float = 2.0) -> dict[str, Any]:
        out = scale * self.fc(x) + ids
        return {"out": out, "parts": (out.sum(1), out.argmax(1))}


@pytest.mark.parametrize("runtime", DEPLOYED)
def test_inputs_by_name_and_several_outputs(runtime: str) -> None:
    torch.manual_seed(0)
    module, x, ids = Pair().eval(), torch.randn(5, 4), torch.tensor([[1, 2, 3]])
    made: Any = ModuleWorkload.of(module, (x,), {"ids": ids, "scale": 3.0}).live(Setting(runtime=runtime), 5)
    expected = module(x, ids=ids, scale=3.0)
    found = made.runtime.outputs()
    for mine, theirs in zip(found, (expected["out"], *expected["parts"]), strict=True):
        np.testing.assert_allclose(mine, theirs.detach().numpy(), rtol=1e-5)
    assert made.output_difference < 1e-6


# Outputs


def test_the_difference_is_of_the_largest_value_of_an_output() -> None:
    theirs = [np.array([[1.0, -4.0]]), np.array([100.0])]
    assert largest_difference([np.array([[1.1, -4.0]]), np.array([100.0])], theirs) == pytest.approx(0.1 / 4)
    assert largest_difference([np.array([[1.0, -4.0]]), np.array([103.0])], theirs) == pytest.approx(3 / 100)
    assert largest_difference([np.array([np.inf, 2.0])], [np.array([np.inf, 2.0])]) == 0.0
    assert largest_difference([np.array([True])], [np.array([True])]) == 0.0
    assert largest_difference([np.zeros(2)], [np.zeros(2)]) == 0.0
    assert largest_difference([np.array([1j])], [np.array([2j])]) == 0.5


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([np.array([1.0])], "it has 1 outputs, and in eager torch 2"),
        ([np.array([1.0]), np.array([[1.0]])], r"output 1 is of shape \(1, 1\), and in eager torch of \(1,\)"),
        ([np.array([1.0]), np.array([np.nan])], "output 1 holds values that are not finite"),
    ],
)
def test_outputs_of_another_kind_are_refused(found: list[Any], said: str) -> None:
    with pytest.raises(ProfilerError, match=said):
        largest_difference(found, [np.array([1.0]), np.array([1.0])])


def test_another_network_is_refused_with_the_figure() -> None:
    with pytest.raises(
        ProfilerError, match=r"differ from those of eager torch by 2\.5 % of their largest value, more than 1 %"
    ):
        check_same(0.025, "fp32")
    check_same(0.025, "fp16")
    check_same(None, "fp32")
    check_same(outputs.MOST, "fp32")


class Random(nn.Module):
    """Whose outputs are other ones at every call."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


def test_random_outputs_are_compared_with_nothing() -> None:
    made = ModuleWorkload.of(Random(), (torch.zeros(4),), {}).live(Setting(runtime="onnxruntime"), 1)
    assert made.output_difference is None
    made.call()


def test_a_changed_export_in_the_cache_is_made_anew(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that the key does not see may change: the outputs tell, and the file is exported again."""
    monkeypatch.setattr(exports, "HERE", Exports(True, tmp_path))
    monkeypatch.setattr("profiler.measure.runtimes.exports.key_of", lambda *_: "same")
    first = ModuleWorkload.of(Scaled(1.0), (torch.ones(3),), {}).live(Setting(runtime="onnxruntime"), 1)
    assert (first.export_s is not None, [each.name for each in cache.iterdir()]) == (True, ["same"])
    second: Any = ModuleWorkload.of(Scaled(2.0), (torch.ones(3),), {}).live(Setting(runtime="onnxruntime"), 1)
    assert second.export_s is not None
    assert second.runtime.outputs()[0].tolist() == [2.0] * 3


# Batch normalisation


def test_untrained_statistics_are_those_of_the_input() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()).eval()
    x = torch.randn(2, 3, 9, 9)
    set_statistics(module, (x,), {})
    inside = module[0](x)
    norm: Any = module[1]
    torch.testing.assert_close(norm.running_mean, inside.mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, inside.var((0, 2, 3), correction=0))
    assert bool((norm.weight != 1).all())
    assert bool((norm.bias != 0).any())
    before = {name: value.clone() for name, value in module.state_dict().items()}
    set_statistics(module, (torch.ones(2, 3, 9, 9),), {})  # it has statistics now
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_what_was_trained_stays() -> None:
    module = nn.Sequential(nn.BatchNorm1d(2)).eval()
    norm: Any = module[0]
    norm.running_mean.fill_(3.0)
    set_statistics(module, (torch.randn(4, 2),), {})
    assert (norm.running_mean.tolist(), norm.running_var.tolist()) == ([3.0, 3.0], [1.0, 1.0])
    assert norm.weight.tolist() == [1.0, 1.0]


def test_one_value_a_channel_has_no_variance() -> None:
    """And a few have one by chance alone: what is subtracted is 0, what is divided by the root of all squares' mean."""
    module = nn.Sequential(nn.BatchNorm1d(4)).eval()
    set_statistics(module, (torch.tensor([[1.0, 2.0, 3.0, 4.0]]),), {})
    norm: Any = module[0]
    assert norm.running_mean.tolist() == [0.0] * 4
    assert norm.running_var.tolist() == pytest.approx([(1 + 4 + 9 + 16) / 4] * 4)


# What cannot be


class Sorting(nn.Module):
    """Calls numpy, which no exporter can follow."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(np.sort(x.numpy()))


def test_what_cannot_be_exported_is_a_sentence() -> None:
    with pytest.raises(ProfilerError, match="torch cannot export it to ONNX: ") as caught:
        ModuleWorkload.of(Sorting(), (torch.ones(3),), {}).live(Setting(runtime="onnxruntime"), 1)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"runtime": "onnxrt"}, "unknown runtime 'onnxrt'; did you mean onnxruntime"),
        ({"runtime": "openvino", "train": True}, "openvino runs only forward passes; leave out --train"),
        ({"runtime": "eager,onnxruntime", "memory_format": "channels_last"}, "channels_last is a memory format of torch"),
        ({"runtime": "onnxruntime", "dtype": "bf16"}, "onnxruntime has no dtype 'bf16'; use fp32, fp16"),
        ({"device": "gpu"}, "unknown device 'gpu'; use auto, cpu, cuda"),
    ],
)
def test_settings_that_a_runtime_does_not_have(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ProfilerError, match=said):
        BenchOptions(**{"device": "cpu", "threads": 1, **given}).settings()


def test_runtimes_are_listed_each_once() -> None:
    made = BenchOptions(device="cpu", threads=1, runtime="eager,onnxruntime,eager", compile=True).settings()
    assert [(setting.runtime, setting.compile) for setting in made] == [
        ("eager", False), ("onnxruntime", False), ("compile", True),
    ]  # fmt: skip
    assert (
        BenchOptions(device="cpu", threads=1, compile=True).settings()
        == BenchOptions(device="cpu", threads=1, runtime="eager,compile").settings()
    )
    with pytest.raises(UnknownName):
        BenchOptions(runtime="tensorflow").settings()


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino", "litert", "executorch"])
def test_a_missing_extra_is_one_sentence(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = registry.KINDS[runtime]
    last = kind.packages[-1]
    monkeypatch.setattr("profiler.measure.runtimes.runtime.find_spec", lambda name: None if name == last else object())
    said = f"runtime {runtime} needs {last}, not installed; pip install 'arch-profiler\\[{kind.extra}\\]'"
    with pytest.raises(Unavailable, match=said):
        BenchOptions(device="cpu", threads=1, runtime=runtime).settings()


# Providers


class Session(NamedTuple):
    """What a session reports of itself."""

    providers: list[str]
    ran_on: list[str]


CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


@pytest.mark.parametrize(
    ("session", "said"),
    [
        (Session([CUDA, CPU], [CUDA, CUDA]), ""),
        (Session([CUDA, CPU], [CUDA, CPU]), ""),  # shapes are computed on the CPU as a rule
        (Session([CPU], [CPU]), f"onnxruntime fell back to {CPU}, since {CUDA} did not begin; "),
        (Session([CUDA, CPU], [CPU, CPU]), f"onnxruntime ran all 2 operations on {CPU}, and {CUDA} none of them; "),
    ],
)
def test_a_provider_that_falls_back_is_found(session: Session, said: str) -> None:
    found = fallback(CUDA, session.providers, session.ran_on)
    assert found.startswith(said)
    assert bool(found) == bool(said)
    assert fallback(CPU, [CPU], [CPU, CPU]) == ""


def test_a_session_that_fell_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build of ONNX Runtime that lists CUDA, on a machine where it cannot begin: the session then has the CPU alone."""
    import onnxruntime

    made: Any = ModuleWorkload.of(Scaled(2.0), (torch.ones(3),), {}).live(Setting(runtime="onnxruntime"), 1)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    found: Any = object.__new__(OnnxRuntime)
    found.setting, found.session, found.path, found.inputs = Setting(device="cuda"), made.runtime.session, None, {}
    found.profile = made.runtime.profile
    with pytest.raises(ProfilerError, match=f"fell back to {CPU}, since {CUDA} did not begin"):
        found.inspect()


def test_a_provider_that_this_build_lacks_is_a_sentence(tmp_path: Path) -> None:
    import onnxruntime

    if CUDA in onnxruntime.get_available_providers():
        pytest.skip("this build has it")
    with pytest.raises(ProfilerError, match=f"this onnxruntime has no {CUDA}, only .*; give --device cpu"):
        registry.loaded(tmp_path / "model.onnx", {}, Setting(device="cuda", runtime="onnxruntime"))


class CompiledModel(NamedTuple):
    """What OpenVINO says of a compiled model."""

    devices: list[str]

    def get_property(self, name: str) -> list[str]:
        assert name == "EXECUTION_DEVICES"
        return self.devices


@pytest.mark.parametrize(("asked", "where"), [("gpu", "GPU"), ("gpu:1", "GPU.1"), ("npu", "NPU")])
def test_openvino_that_falls_back_is_refused(asked: str, where: str) -> None:
    """A compiled model says itself where it executes."""
    found: Any = object.__new__(OpenVino)
    found.device, found.profile, found.compiled = named(asked), [], CompiledModel([where])
    assert found.device == where
    found.inspect()
    found.compiled = CompiledModel(["CPU"])
    with pytest.raises(ProfilerError, match=f"openvino fell back to CPU from {where}; give --device cpu"):
        found.inspect()


@pytest.mark.parametrize(
    ("runtime", "device", "provider"),
    [
        ("onnxruntime", "cuda:1", "CUDAExecutionProvider"),
        ("onnxruntime", "mps", "CoreMLExecutionProvider"),
        ("tensorrt", "cuda", "TensorrtExecutionProvider"),
    ],
)
def test_a_session_is_asked_for_its_provider_and_held_to_it(
    runtime: str, device: str, provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a stand-in of a build that lists every provider; its session then has the CPU alone."""
    import onnxruntime

    given: list[Any] = []

    class StandIn:
        def __init__(self, path: str, options: Any, providers: Any) -> None:
            given.append(providers)

        def run(self, names: Any, inputs: Any) -> list[Any]:
            return []

        def get_providers(self) -> list[str]:
            return [CPU]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [provider, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", StandIn)
    found: Any = registry.loaded(tmp_path / "model.onnx", {}, Setting(device=device, runtime=runtime))
    number = {"device_id": "1"} if ":" in device else {}
    assert given == [[(provider, number), (CPU, {})]]
    found.profile = [{"args": {"provider": CPU}}]
    with pytest.raises(ProfilerError, match=f"onnxruntime fell back to {CPU}, since {provider} did not begin"):
        found.inspect()
    assert registry.facts(State(device, 1, "fp32", runtime))["provider"] == provider


SIGNALLED = """
import os, signal, sys
from profiler.measure.plan import Setting
from profiler.measure.workloads import NetworkWorkload
from profiler.load.load import in_closed_form

made = in_closed_form("lenet5")
work = NetworkWorkload(made.name, made.value, made.inputs)
for _ in range(2):
    live = work.live(Setting(runtime=sys.argv[1]), 1)  # the one before it goes when this one stands
    signal.signal(signal.SIGTERM, lambda *_: print("handled"))
    os.kill(os.getpid(), signal.SIGTERM)
del live
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize("runtime", DEPLOYED)
def test_signals_are_handled_while_networks_come_and_go(runtime: str, tmp_path: Path) -> None:
    """In a process of its own, which would end: OpenVINO sets the stack that signals are handled on."""
    command = [sys.executable, "-X", "faulthandler", "-c", SIGNALLED, runtime]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert (ran.returncode, ran.stdout) == (0, 3 * "handled\n"), ran.stderr


def test_tensorrt_is_on_cuda() -> None:
    with pytest.raises(ProfilerError, match="tensorrt has no device 'cpu'; use --device cuda"):
        BenchOptions(device="cpu", threads=1, runtime="tensorrt").settings()


@pytest.mark.parametrize("runtime", DEPLOYED)
def test_facts(runtime: str) -> None:
    found = registry.facts(State("cpu", 1, "fp32", runtime))
    assert found["runtime"] == runtime
    assert found["version"]
    assert version({"litert": "ai-edge-litert"}.get(runtime, runtime)).startswith(found["version"])
    assert found["provider"] == (CPU if runtime == "onnxruntime" else "CPU")
    json.dumps(found)
    assert registry.facts(State("cpu", 1, "fp32", "eager")) == {}


# int8


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_int8_is_quantised(runtime: str) -> None:
    """A convolution of 3×3 in 8 bits: a fourth of its weights, near the outputs in fp32, and not equal to them."""
    torch.manual_seed(0)
    module, x = nn.Sequential(nn.Conv2d(64, 64, 3), nn.ReLU()).eval(), torch.randn(1, 64, 8, 8)
    own = ModuleWorkload.of(module, (x,), {})
    whole, made = (own.live(Setting(runtime=runtime, dtype=dtype), 1) for dtype in ("fp32", "int8"))
    weights = 64 * 64 * 3 * 3
    assert 4 * weights < (whole.artifact_bytes or 0)
    assert weights < (made.artifact_bytes or 0) < 1.3 * weights + 4096
    assert made.output_difference is not None
    assert 1e-4 < made.output_difference < 0.1


@pytest.mark.parametrize("runtime", ["eager", "compile"])
def test_int8_is_where_a_runtime_has_it(runtime: str) -> None:
    with pytest.raises(ProfilerError, match="int8"):
        BenchOptions(device="cpu", threads=1, runtime=runtime, dtype="int8").settings()
