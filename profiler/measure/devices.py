"""The devices there are, by type, and which of them a user's word means: torch is asked in a process of its own, if at all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from profiler.errors import ProfilerError, Unavailable
from profiler.measure.cpu import Cpu
from profiler.measure.cuda import Cuda
from profiler.measure.device import Device
from profiler.measure.external import External
from profiler.measure.grades import Reading
from profiler.measure.intel import IntelGpu, Npu
from profiler.measure.mps import Mps

DEVICES: dict[str, type[Device]] = {kind.type: kind for kind in (Cpu, Cuda, Mps)}
"""In the order in which `auto` looks for one, the CPU aside, which it takes where there is no other."""

_identities: dict[str, list[str]] = {}
"""{type: what tells the devices apart, by number}, as torch said when it was asked."""


OPENVINO_DEVICES: dict[str, type[IntelGpu]] = {kind.type: kind for kind in (IntelGpu, Npu)}
"""Those that OpenVINO alone runs on, and torch does not."""


def here() -> list[str]:
    """All devices of this machine that torch runs on, each by its whole name. Raises Unavailable."""
    others = any(kind is not Cpu and kind.may_be_here() for kind in DEVICES.values())
    there = _counted() if others else {}
    found = [Cpu.type]
    for name, kind in DEVICES.items():
        if kind is not Cpu and there.get(name):
            found += [f"{name}:{number}" for number in range(there[name])] if kind.numbered else [name]
    return found


def kind_of(name: str) -> type[Device]:
    """The class of a device's name; of one that only another machine knew, what holds for any."""
    kind = name.partition(":")[0]
    return DEVICES.get(kind) or OPENVINO_DEVICES.get(kind) or (External if kind == External.type else Device)


def opened(name: str) -> Device:
    """The device of that name, to be used in this process."""
    return kind_of(name)(name)


def device(asked: str, by_openvino: bool = False) -> str:
    """`auto` (a GPU when there is one), cpu, cuda, cuda:1 or mps, checked; gpu, gpu:1 or npu where OpenVINO is to run on it.

    Raises ProfilerError, Unavailable.
    """
    if asked == "auto":
        return _automatic()
    kind, colon, number = asked.partition(":")
    if by_openvino and kind in OPENVINO_DEVICES and (not colon or (OPENVINO_DEVICES[kind].numbered and number.isdecimal())):
        return _of_openvino(asked)
    if kind not in DEVICES or (colon and not (DEVICES[kind].numbered and number.isdecimal())):
        raise ProfilerError(f"unknown device '{asked}'; use {_names()}")
    if DEVICES[kind].counted is None:
        return asked
    there = _counted()[kind]
    if int(number or 0) >= there:
        has = f"torch finds {there} of them" if there else f"torch finds no {kind.upper()} device on this machine"
        raise Unavailable(f"device '{asked}' is not available: {has}; use --device cpu, or auto")
    return asked


def whole_name(name: str) -> str:
    """`cuda` as `cuda:0`, which it means."""
    return f"{name}:0" if kind_of(name).numbered and ":" not in name else name


def lock_name(name: str) -> str:
    """What every process on the machine calls that device, whichever of them it sees under which number.

    With CUDA_VISIBLE_DEVICES, cuda:0 of two processes are two GPUs, and one GPU may be cuda:0 and cuda:1.
    """
    kind, _, number = whole_name(name).partition(":")
    known = _identities.get(kind, [])
    return f"{kind}-{known[int(number)]}" if number and int(number) < len(known) else whole_name(name)


def threads_said(name: str, threads: int) -> list[str]:
    """`2 threads`, where they do the work of that device."""
    return [f"{threads} thread{'s' if threads > 1 else ''}"] if kind_of(name).threaded else []


def working_threads(name: str, threads: int) -> int | None:
    """The threads of the process that do that device's work; None where something else does."""
    return threads if kind_of(name).threaded else None


def felt(name: str, readings: Sequence[Reading]) -> Sequence[Reading]:
    """What the machine did in some rounds, as a device felt it: nothing where it stands elsewhere."""
    return readings if kind_of(name).observed else ()


def _automatic() -> str:
    others = [name for name, kind in DEVICES.items() if kind is not Cpu and kind.may_be_here()]
    there = _counted() if others else {}
    return next((name for name in others if there[name]), Cpu.type)


def _of_openvino(asked: str) -> str:
    """A device that OpenVINO has here. Raises Unavailable."""
    kind, _, number = asked.partition(":")
    name = OPENVINO_DEVICES[kind].openvino
    script = "import json, openvino; print(json.dumps(openvino.Core().available_devices))"
    ran = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
    there = json.loads(ran.stdout.splitlines()[-1]) if ran.returncode == 0 and ran.stdout else []
    if not {name, f"{name}.{number or 0}"} & set(there) or (number not in ("", "0") and f"{name}.{number}" not in there):
        raise Unavailable(
            f"device '{asked}' is not available: openvino sees {', '.join(there) or 'nothing'} here; use --device cpu"
        )
    return asked


def _names() -> str:
    every = ["auto"]
    for name, kind in DEVICES.items():
        every += [name, f"{name}:1"] if kind.numbered else [name]
    return f"{', '.join(every[:-1])} or {every[-1]}"


def _counted() -> dict[str, int]:
    """How many torch sees of each. Raises Unavailable."""
    counts = ", ".join(f"{name!r}: {kind.counted or 1}" for name, kind in DEVICES.items())
    known = ", ".join(f"{name!r}: {kind.identities}" for name, kind in DEVICES.items() if kind.identities)
    script = f"import json, torch; print(json.dumps([{{{counts}}}, {{{known}}}]))"
    ran = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
    try:
        found: dict[str, int]
        found, identities = json.loads(ran.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        last = ran.stderr.strip().splitlines()[-1:] or ["it printed nothing"]
        raise Unavailable(f"torch cannot list its devices: {last[0]}; use --device cpu") from None
    _identities.update(identities)
    return found
