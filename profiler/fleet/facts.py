"""What a worker says of itself, asked before anything is sent to it: its versions and its machine. No torch."""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from profiler.measure import host
from profiler.measure.samples import PROTOCOL
from profiler.version import __version__

RUNTIME_PACKAGES = {"onnxruntime": "onnxruntime", "openvino": "openvino"}
"""{runtime: the package that brings it}, of those that torch does not."""


def versions(runtimes: Iterable[str] = ()) -> dict[str, str | None]:
    """What two machines of a fleet must share: None where it is not installed.

    Of Python the minor version, which pickled code depends on; of packages without what a build adds (`+cpu`, `+cu128`).
    """
    packages = ["torch", "dask", *(RUNTIME_PACKAGES[name] for name in runtimes if name in RUNTIME_PACKAGES)]
    return {
        "profiler": __version__,
        "protocol": str(PROTOCOL),
        "python": ".".join(platform.python_version_tuple()[:2]),
        **{name: _version(name) for name in packages},
    }


def facts(runtimes: Iterable[str] = ()) -> dict[str, Any]:
    """Of the machine that this runs on, JSON-ready."""
    return {"versions": versions(runtimes), **_machine()}


@cache
def _machine() -> dict[str, Any]:
    """Looked at once by a process: a worker is asked by every client."""
    return {
        "hostname": socket.gethostname(),
        "cpu": host.cpu_model(),
        "processors": host.affinity(),
        "threads": host.default_threads(),
        "gpus": _gpus(),
        "system": platform.platform(),
    }


def differing(theirs: Mapping[str, str | None], ours: Mapping[str, str | None]) -> str:
    """What of a worker's versions is other than ours, in words: `torch 2.12.0, and this is 2.13.0`; empty where nothing is."""
    return "; ".join(
        f"{name} {theirs.get(name) or 'missing'}, and this is {version or 'without it'}"
        for name, version in ours.items()
        if theirs.get(name) != version
    )


def _gpus() -> list[str]:
    """Names of the GPUs, as NVIDIA's driver for Linux tells them; elsewhere none is known without torch."""
    found = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    lines = [line for path in found for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]


@cache
def _version(package: str) -> str | None:
    try:
        return metadata.version(package).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None
