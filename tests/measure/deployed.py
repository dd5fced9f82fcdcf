"""The deployed runtimes as parameters of tests: those whose packages are absent are skipped, and say which."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from profiler.measure.runtimes import registry


def deployed(*names: str) -> list[Any]:
    """Parameters, of all runtimes that have the CPU unless some are named."""
    found = []
    for name in names or tuple(name for name, kind in registry.KINDS.items() if "cpu" in kind.devices):
        kind = registry.KINDS[name]
        absent = [package for package in kind.packages if find_spec(package) is None]
        why = f"{' and '.join(absent)} absent; pip install 'arch-profiler[{kind.extra}]' in an environment of its own"
        found.append(pytest.param(name, marks=pytest.mark.skipif(bool(absent), reason=why)))
    return found
