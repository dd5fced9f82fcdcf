"""Exports for deployed runtimes: kept by what they are of, taken again, made anew where they are damaged, bounded."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from profiler.errors import ProfilerError
from profiler.measure.plan import Setting
from profiler.measure.runtimes import exports, registry
from profiler.measure.runtimes.exports import Exports, key_of
from profiler.measure.workloads import ModuleWorkload
from tests.measure.deployed import Scaled, deployed, own_cache

DEPLOYED = deployed()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own; nothing is kept unless a test says so."""
    return own_cache(tmp_path, monkeypatch)


def test_an_export_is_kept_and_taken_again(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(exports, "HERE", Exports(True, tmp_path, said.append))
    own = ModuleWorkload.of(Scaled(2.0), (torch.ones(3),), {})
    first = own.live(Setting(runtime="onnxruntime"), 1)
    (kept,) = cache.iterdir()
    assert said == ["exporting to ONNX", "loading its export"]
    assert (first.export_s is not None, first.artifact_bytes) == (True, (kept / "model.onnx").stat().st_size)
    if os.name == "posix":
        assert kept.stat().st_mode & 0o077 == 0
    again = own.live(Setting(runtime="onnxruntime"), 1)
    assert (again.export_s, again.artifact_bytes, len(said)) == (None, first.artifact_bytes, 2)
    if find_spec("openvino") is not None:  # runs the same file
        assert own.live(Setting(runtime="openvino"), 1).export_s is None
    ModuleWorkload.of(Scaled(2.0), (torch.ones(4),), {}).live(Setting(runtime="onnxruntime"), 1)
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("runtime", DEPLOYED)
def test_a_damaged_export_is_made_anew(runtime: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "HERE", Exports(True, tmp_path))
    own = ModuleWorkload.of(Scaled(2.0), (torch.ones(3),), {})
    whole = own.live(Setting(runtime=runtime), 1).artifact_bytes
    (kept,) = cache.iterdir()
    data = (kept / registry.KINDS[runtime].file).read_bytes()
    (kept / registry.KINDS[runtime].file).write_bytes(data[: len(data) // 2])
    made: Any = own.live(Setting(runtime=runtime), 1)
    assert (made.export_s is not None, made.artifact_bytes) == (True, whole)
    assert made.runtime.outputs()[0].tolist() == [2.0] * 3


def test_nothing_is_kept_without_a_cache(cache: Path) -> None:
    made = ModuleWorkload.of(Scaled(2.0), (torch.ones(3),), {}).live(Setting(runtime="onnxruntime"), 1)
    assert made.export_s is not None
    assert not cache.exists()


def _written(size: int) -> Any:
    return lambda path: path.write_bytes(bytes(size))


def test_the_cache_is_bounded_and_the_oldest_go_first(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_BYTES", 100)
    kept = Exports(True, tmp_path)
    for age, name in enumerate(("first", "second", "third")):
        made = kept.export(name, _written(40))
        assert (made.size, made.seconds is not None) == (40, True)
        if name != "third":
            os.utime(cache / name, (age, age))
    assert sorted(each.name for each in cache.iterdir()) == ["second", "third"]
    made = kept.export("second", _written(0))
    assert (made.size, made.seconds) == (40, None)  # used now, so it is the newest
    kept.export("fourth", _written(40))
    assert sorted(each.name for each in cache.iterdir()) == ["fourth", "second"]
    large = kept.export("large", _written(101))
    assert (large.path.stat().st_size, large.path.parent.parent == kept.scratch) == (101, True)
    assert sorted(each.name for each in cache.iterdir()) == ["fourth", "second"]


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_a_link_in_the_place_of_an_export_is_not_followed(cache: Path, tmp_path: Path) -> None:
    kept = Exports(True, tmp_path)
    kept.export("key", _written(3))
    (cache / "key" / "model.onnx").unlink()
    (tmp_path / "theirs").write_bytes(b"theirs")
    (cache / "key" / "model.onnx").symlink_to(tmp_path / "theirs")
    assert kept.export("key", _written(5)).path.read_bytes() == bytes(5)
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_a_write_that_fails_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    def fails(path: Path) -> None:
        path.write_bytes(b"half")
        raise ProfilerError("no")

    with pytest.raises(ProfilerError, match="no"):
        Exports(True, tmp_path).export("key", fails)
    assert list(cache.iterdir()) == []


def test_the_key_is_of_weights_code_and_inputs() -> None:
    torch.manual_seed(0)
    module, x = nn.Linear(3, 2), torch.ones(1, 3)
    key = key_of(module, (x,), {}, "how")
    assert key == key_of(module, (torch.zeros(1, 3),), {}, "how")  # values of inputs are not in the file
    others = [
        key_of(module, (torch.ones(2, 3),), {}, "how"),
        key_of(module, (x.double(),), {}, "how"),
        key_of(module, (x,), {"scale": 2}, "how"),
        key_of(module, (x,), {}, "otherwise"),
        key_of(nn.Sequential(module), (x,), {}, "how"),
    ]
    with torch.no_grad():
        module.weight[0, 0] += 1e-3
    others.append(key_of(module, (x,), {}, "how"))
    assert len({key, *others}) == 7
