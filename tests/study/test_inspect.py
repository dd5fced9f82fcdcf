"""`inspect` as users call it: files with and without their network, every form, and runs read back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import profiler
from profiler.checkpoint.read import read as read_weights
from profiler.errors import ProfilerError
from profiler.records.inspected import COLUMNS
from tests.checkpoint import files
from tests.hostile.inside import ended, refused
from tests.pruning.networks import seeded, shift, zero


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planted() -> Any:
    """MobileNet v1 at a quarter of its width, with channels planted: two of the stem, one of the second pointwise layer."""
    net: Any = seeded(profiler.build("mobilenet_v1", alpha=0.25, resolution=64)).float()
    zero(net.stem.conv, 3, 4)
    shift(net.stem.norm, -1.0, 3, 4)
    zero(net.get_submodule("body.1.pointwise.conv"), 9)
    shift(net.get_submodule("body.1.pointwise.norm"), -1.0, 9)
    return net


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "planted.pth"
    torch.save(planted().state_dict(), path)
    return path


MODEL = "mobilenet_v1@alpha=0.25,resolution=64"


def test_planted_channels_are_found_and_no_other(weights: Path) -> None:
    found = profiler.inspect(str(weights))
    assert isinstance(found, profiler.Inspected)
    dead = {each.name: each.dead for each in found.tensors if each.dead}
    assert dead == {"stem.conv.weight": [3, 4], "body.1.pointwise.conv.weight": [9]}
    assert (
        sum(each.elements for each in found.tensors if each.role in ("weight", "bias", "scale", "shift"))
        == profiler.profile("mobilenet_v1", alpha=0.25).params
    )


def test_what_leaves_and_the_same_answers(weights: Path) -> None:
    found = profiler.inspect(str(weights), model=MODEL)
    assert isinstance(found, profiler.Inspected)
    assert found.smaller is not None
    assert found.state is not None
    before, after = found.smaller.before, found.smaller.after
    assert (before.params, before.macs) == (profiler.profile(MODEL).params, profiler.profile(MODEL).macs)
    # what leaves: stem 2 of 8 channels, with their depthwise kernels and rows of the pointwise; one of the 32 after body.1
    stem = 2 * (27 + 2) + 2 * (9 + 2) + 2 * 16
    wide = (32 * 0 + 16 + 2) + (9 + 2) + 32
    widths = {layer.path: (layer.width, layer.width - layer.removed) for layer in found.smaller.layers if layer.removed}
    assert widths == {
        "stem.conv": (8, 6), "body.0.depthwise.conv": (8, 6), "body.1.pointwise.conv": (32, 31), "body.2.depthwise.conv": (32, 31),
    }  # fmt: skip
    assert before.params - after.params == stem + wide
    assert found.smaller.exact
    state = {name: torch.from_numpy(np.array(value)) for name, value in found.state().items()}
    assert (
        sum(value.numel() for name, value in state.items() if "running" not in name and "tracked" not in name) == after.params
    )


def test_the_file_that_is_written_gives_the_same_answers(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ended(monkeypatch, "inspect", str(weights), "--model", MODEL, "-o", "less.safetensors", "-q")
    assert (found.code, found.err) == (0, "")
    less = {tensor.name: tensor for tensor in read_weights("less.safetensors").tensors}
    from profiler.pruning.smaller import without_constants
    from profiler.pruning.walk import walked

    net = planted()
    module = without_constants(net, walked(net, (torch.zeros(1, 3, 64, 64),))).module
    module.load_state_dict(
        {name: torch.from_numpy(np.concatenate(list(each.blocks())).reshape(each.shape)) for name, each in less.items()}
    )
    given = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        whole, smaller = net(given), module(given)
    assert (whole - smaller).abs().max() <= 1e-4 * whole.abs().max()
    counted = profiler.show(MODEL, widths_of="less.safetensors").profile
    assert (counted.params, counted.model) == (sum(value.numel() for value in module.parameters()), "mobilenet_v1")
    assert counted.macs == profiler.profile(module, input=(3, 64, 64)).macs < profiler.profile(MODEL).macs
    refused(ended(monkeypatch, "show", "lenet5", "--widths-of", "less.safetensors"), "no layer of lenet5 has its weights there")
    shown = ended(monkeypatch, "inspect", "less.safetensors", "--columns", "name,dead_norm", "-f", "csv").out
    assert {line.split(",")[1] for line in shown.splitlines()[1:]} <= {"", "0"}


def test_names_that_differ_are_matched_by_order_and_shape() -> None:
    net = planted()
    state = {f"backbone.{i:03}.{name.rpartition('.')[2]}": value for i, (name, value) in enumerate(net.state_dict().items())}
    groups: dict[str, Any] = {}
    for name, value in net.state_dict().items():
        layer, _, last = name.rpartition(".")
        groups.setdefault(layer, len(groups))
        state[f"m{groups[layer]:03}.{last}"] = value
    renamed = {name: value for name, value in state.items() if name.startswith("m")} | {"extra.weight": torch.ones(3, 3)}
    torch.save(renamed, "renamed.pth")
    found = profiler.inspect("renamed.pth", model=MODEL)
    assert isinstance(found, profiler.Inspected)
    assert found.smaller is not None
    assert found.smaller.unmatched == ("extra.weight",)
    assert found.smaller.missing == ()
    assert dict(found.smaller.by_order)["m000.weight"] == "stem.conv.weight"
    assert sum(layer.removed for layer in found.smaller.layers) == 6


def test_a_module_of_the_users(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "net.py").write_text(
        "from torch import nn\n\n\ndef Net():\n    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1))\n"
    )
    net: Any = seeded(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 1))).float()
    zero(net[0], 0, 7)
    torch.save(net.state_dict(), "own.pth")
    found = ended(monkeypatch, "inspect", "own.pth", "--model", "net.py:Net@input=3x16x16")
    assert (found.code, found.err) == (0, "")
    lines = [line.split() for line in found.out.splitlines()]
    before, after = 8 * 27 + 8 + 8 * 4 + 4, 6 * 27 + 6 + 6 * 4 + 4
    assert ["params", str(before), str(after), f"{100 * (after - before) / before:+.2f}", "%"] in lines
    assert ["0", "8", "2", "6"] in lines


def test_what_torch_cannot_follow_keeps_all(folder: Path) -> None:
    (folder / "branchy.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 4, 1)\n\n    def forward(self, x):\n        return self.conv(x) if x.sum() > 0 else x\n"
    )
    torch.save({"conv.weight": torch.zeros(4, 3, 1, 1), "conv.bias": torch.zeros(4)}, "b.pth")
    with pytest.raises(ProfilerError):
        profiler.inspect("b.pth", model="branchy.py:Net@input=3x4x4,unknown=3")
    net = nn.Sequential(nn.Conv2d(3, 4, 1))

    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = net[0]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x) if len(x) > 0 else x  # len of a proxy cannot be followed

    (folder / "odd.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 4, 1)\n\n    def forward(self, x):\n        return self.conv(x) if len(x) else x\n"
    )
    found = profiler.inspect("b.pth", model="odd.py:Net@input=3x4x4")
    assert isinstance(found, profiler.Inspected)
    assert found.smaller is not None
    assert found.smaller.before == found.smaller.after
    assert any("torch.fx cannot follow its forward" in note for note in found.smaller.notes)


def test_a_file_of_another_network(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (Path("a.safetensors")).write_bytes(files.safetensors({"a": np.zeros((7, 7), "f4")}))
    refused(ended(monkeypatch, "inspect", "a.safetensors", "--model", "lenet5"), "none of its tensors fits lenet5")


@pytest.mark.parametrize("form", ["table", "csv", "json", "jsonl", "markdown", "latex"])
def test_every_form(weights: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ended(monkeypatch, "inspect", str(weights), "--model", MODEL, "-f", form)
    assert (found.code, found.err) == (0, "")
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(found.out)))
        assert tuple(rows[0]) == COLUMNS
        assert rows[0]["shape"] == "8x3x3x3"
    else:
        assert "stem.conv" in found.out.replace("\\allowbreak ", "").replace("\\", "")


def test_a_saved_run_is_shown_again(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (
        ["inspect", str(weights), "--model", MODEL],
        ["inspect", "--model", "alexnet", "--scheme", "deep-compression"],
    ):
        first = ended(monkeypatch, *words, "-o", "run.json")
        again = ended(monkeypatch, "report", "run.json")
        assert (again.code, again.err) == (0, "")
        assert again.out == first.out
        assert json.loads(Path("run.json").read_text())["command"] == "inspect"
        page = ended(monkeypatch, "report", "run.json", "-o", "run.html", "-q")
        assert (page.code, page.err) == (0, "")
        assert "<h2" in Path("run.html").read_text()
    refused(ended(monkeypatch, "report", "run.json", "-o", "w.safetensors"), "this command cannot write safetensors")


def test_a_page_has_histograms_and_a_map(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(monkeypatch, "inspect", str(weights), "-o", "w.html", "-q").code == 0
    text = Path("w.html").read_text()
    assert "···██···" in text
    assert "Histograms" in text


def test_options_that_say_nothing(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words, said in (
        ([str(weights), "--bits", "9"], "entropy is told in 2 to 8 bits"),
        ([str(weights), "-o", "less.safetensors"], "give a file of weights and its --model"),
        (
            ["--model", "alexnet", "--scheme", "deep-compression", "-o", "a.safetensors"],
            "give a file of weights and its --model",
        ),
        ([], "there is nothing to inspect"),
        ([str(weights), "--columns", "nme"], "unknown column 'nme'; did you mean name"),
    ):
        refused(ended(monkeypatch, "inspect", *words), said)


def test_show_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """LeNet-300-100: 266,200 weights of 410 channels, 410 biases."""
    found = profiler.show("lenet_300_100", weights=["int8,fp16", "int4:128", "bits=5"])
    by_form = {each.form: each for each in found.weight_forms}
    assert by_form["fp32"].total == 4 * (266_200 + 410)
    assert by_form["fp16"].total == 2 * (266_200 + 410)
    assert by_form["int8"].total == 266_200 + 4 * 410 + 4 * 410
    groups = 300 * -(-784 // 128) + 100 * -(-300 // 128) + 10
    assert by_form["int4:128"].total == 266_200 // 2 + 2 * groups + 4 * 410
    assert by_form["bits=5"].total == 235_200 * 5 // 8 + 30_000 * 5 // 8 + 1_000 * 5 // 8 + 3 * 32 * 4 + 4 * 410
    again = ended(monkeypatch, "show", "lenet_300_100", "--weights", "int8", "-o", "run.json")
    assert ended(monkeypatch, "report", "run.json").out == again.out
    assert "int8: 8 bits per weight, one fp32 scale per output channel." in again.out
    refused(ended(monkeypatch, "show", "lenet5", "--weights", "int9"), "unknown form of weights 'int9'")
    refused(ended(monkeypatch, "show", "lenet5", "--weights", "int8", "-f", "csv"), "csv holds only the layers")


@pytest.mark.parametrize("model", ["googlenet", "unet", "resnet18", "mobilenet_v2"])
def test_show_weights_counts_what_is_read(model: str) -> None:
    """In fp32 the bytes are those of the parameters that the profile counts: not those of branches of training."""
    found = profiler.show(model, weights="int8")
    assert found.weight_forms[0].total == 4 * found.profile.params
