"""Which device to measure on, asked of torch in a process of its own, and only where there may be one beside the CPU."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

from profiler.errors import ProfilerError, Unavailable

PROBE = (
    "import json, torch; print(json.dumps({'cuda': torch.cuda.device_count() if torch.cuda.is_available() else 0, "
    "'mps': int(torch.backends.mps.is_available())}))"
)


def device(asked: str) -> str:
    """`auto` (a GPU when there is one), cpu, cuda, cuda:1 or mps, checked. Raises ProfilerError, Unavailable."""
    if asked == "cpu":
        return "cpu"
    if not re.fullmatch(r"auto|mps|cuda(:\d+)?", asked):
        raise ProfilerError(f"device '{asked}' is none; give auto, cpu, cuda, cuda:1 or mps")
    if asked == "auto" and not _may_have_gpu():
        return "cpu"
    found = _probed()
    if asked == "auto":
        return "cuda" if found["cuda"] else "mps" if found["mps"] else "cpu"
    kind, _, number = asked.partition(":")
    if not found[kind] or int(number or 0) >= found[kind]:
        has = f"torch sees {found[kind]} of them" if found[kind] else "torch sees none here"
        raise Unavailable(f"device '{asked}' is not to be had: {has}; use --device cpu, or auto")
    return asked


def _may_have_gpu() -> bool:
    """False where a look at the system rules a GPU out, so that torch need not be loaded to say so."""
    nvidia = Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists() or Path("/dev/kfd").exists()
    return nvidia or platform.system() in ("Darwin", "Windows")


def _probed() -> dict[str, int]:
    ran = subprocess.run([sys.executable, "-P", "-c", PROBE], capture_output=True, text=True, check=False)
    try:
        found: dict[str, int] = json.loads(ran.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        last = ran.stderr.strip().splitlines()[-1:] or ["it printed nothing"]
        raise Unavailable(f"torch cannot be asked for its devices: {last[0]}; use --device cpu") from None
    return found
