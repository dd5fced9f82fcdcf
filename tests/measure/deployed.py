"""What tests of the deployed runtimes share: the runtimes as parameters, a cache of the test's own, a small module."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

from profiler.measure.runtimes import exports, registry
from profiler.measure.runtimes.exports import Exports


def deployed(*names: str) -> list[Any]:
    """Parameters, of all runtimes that have the CPU unless some are named; skipped where packages are absent, with which."""
    found = []
    for name in names or tuple(name for name, kind in registry.KINDS.items() if "cpu" in kind.devices):
        kind = registry.KINDS[name]
        absent = [package for package in kind.packages if find_spec(package) is None]
        why = f"{' and '.join(absent)} absent; pip install 'arch-profiler[{kind.extra}]' in an environment of its own"
        found.append(pytest.param(name, marks=pytest.mark.skipif(bool(absent), reason=why)))
    return found


def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a cache of the test's own; nothing is kept unless a test says so."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(exports, "HERE", Exports(scratch=tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    return tmp_path / "cache" / "profiler" / "exports"


class Scaled(nn.Module):
    """A factor that is no parameter."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        return self.by * x
