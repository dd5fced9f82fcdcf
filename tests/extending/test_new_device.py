"""A new device is one class: that of CONTRIBUTING.md is added as it stands there, and measured on by real workers."""

from __future__ import annotations

import ast
import importlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import profiler
from profiler import ProfilerError, benchmark
from profiler.commands import completion
from profiler.load.load import in_closed_form
from profiler.measure import devices
from profiler.measure.device import Device
from profiler.study.bench import bench
from profiler.study.bench_options import BenchOptions
from profiler.study.layers import layers

ROOT = Path(profiler.__file__).parent
CONTRIBUTING = ROOT.parent / "CONTRIBUTING.md"
OWN_FILES = {f"profiler/measure/{name}.py" for name in ("device", "devices", "cpu", "cuda", "mps")}
TYPES = set(devices.DEVICES)


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Device]:
    """The class of CONTRIBUTING.md, in a file of its own and among the devices."""
    (code,) = re.findall(r"\*\*A device\*\*.*?```python\n(.*?)```", CONTRIBUTING.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "double_device.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # locks of the test's own
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made: type[Device] = importlib.import_module("double_device").Double
    monkeypatch.setitem(devices.DEVICES, made.type, made)
    return made


def test_it_is_measured_on(double: type[Device]) -> None:
    found = benchmark("lenet5", device="double:1", threads=1, time="2s")
    assert (found.device, found.device_s, found.peak_bytes) == ("double:1", 0.001, 4096)
    assert found.latency_s is not None
    assert found.launch_bound == (found.latency_s > 1.15 * 0.001)


def test_it_is_known_to_every_command(double: type[Device], monkeypatch: pytest.MonkeyPatch) -> None:
    assert completion.devices("double"[:1]) == ["auto", "cpu", "cuda", "mps", "double"]
    with pytest.raises(ProfilerError, match="unknown device 'triple'; use auto, cpu, cuda, cuda:1, mps, double or double:1"):
        devices.device("triple")
    found = bench("lenet5", bench=BenchOptions(device="double", threads=1, time="2s"))
    assert str(found.title) == "lenet5; double, fp32; 2 s for all cells"
    assert found.machine is not None
    assert found.machine["workers"][0]["gpu"] == "a double"
    assert found[0]["device_s"] == 0.001
    measured = layers("lenet5", bench=BenchOptions(device="double", threads=1, time="2s"))
    assert [timed.row.path for timed in measured.layers[0].rows] == [
        row.path for row in in_closed_form("lenet5").profile().rows
    ]
    monkeypatch.setattr(double, "has_leaf_marks", False)
    with pytest.raises(ProfilerError, match="between the layers on DOUBLE; use --device cpu"):
        layers("lenet5", bench=BenchOptions(device="double", threads=1))


def test_auto_takes_it_where_torch_sees_it(double: type[Device], monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in devices.DEVICES.values():
        monkeypatch.setattr(kind, "may_be_here", lambda kind=kind: kind is double)
    assert devices.device("auto") == "double"
    monkeypatch.setattr(double, "counted", "0")
    assert devices.device("auto") == "cpu"


def test_what_a_device_does_not_say_holds_for_any() -> None:
    class Plain(Device):
        type = "cpu"

    device = Plain("cpu")
    device.begin()
    device.synchronize()
    device.release_memory()
    assert device.torch_device == torch.device("cpu")
    assert (device.facts(), device.reading(), device.scaler(torch.float16)) == ({}, {}, None)
    assert (device.memory_before(), device.peak_since(None), device.capture(lambda: None)) == (None, None, None)
    assert device.free_memory() is None or isinstance(device.free_memory(), int)
    assert 0 <= device.seconds_between(device.mark(), device.mark()) < 60
    with device.autocast(torch.bfloat16), device.products_as_convolutions():
        assert torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.bfloat16


def _asks(tree: ast.AST) -> Iterator[int]:
    """Lines that compare something with a device's type, or call what torch has for one of them."""

    def names(node: ast.AST) -> bool:
        """Whether it is a device's type, as `cuda:0` is, or holds one."""
        parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
        return any(isinstance(part, ast.Constant) and str(part.value).partition(":")[0] in TYPES for part in parts)

    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others) if any(map(names, [left, *others])):
                yield node.lineno
            case ast.MatchValue(value=value) if names(value):
                yield value.lineno
            case ast.Call(func=ast.Attribute(attr="startswith"), args=[first, *_]) if names(first):
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="torch"), attr="cuda" | "mps"):
                yield node.lineno


@pytest.mark.parametrize(
    "line",
    [
        "if device.type == 'cuda': pass",
        "x = 1 if 'cpu' != name else 2",
        "ok = kind in ('mps', 'xla')",
        "match kind:\n    case 'cuda': pass",
        "name.startswith('cuda:')",
        "torch.cuda.synchronize()",
    ],
)
def test_a_question_for_the_kind_of_device_is_seen(line: str) -> None:
    assert list(_asks(ast.parse(line)))
    assert not list(_asks(ast.parse("device.synchronize(); machine['cpu']; x.to('cpu'); x.type == 'meta'")))


def test_no_other_file_asks_what_kind_a_device_is() -> None:
    found = [
        f"{name}:{line}"
        for path in sorted(ROOT.rglob("*.py"))
        if (name := path.relative_to(ROOT.parent).as_posix()) not in OWN_FILES
        for line in _asks(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []
