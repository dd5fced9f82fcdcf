"""What the public library returns, written as text: one entry a record type."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

import profiler
from tests.golden.cases import ROOT


def net() -> Any:
    """The module of the documentation's examples."""
    return profiler.build(f"{ROOT}/docs/examples/net.py:Net", input="3x64x64")


def meta(*shape: int) -> Any:
    import torch

    return torch.zeros(shape, device="meta")


def caught(call: Callable[[], Any]) -> str:
    try:
        call()
    except profiler.ProfilerError as fault:
        return f"{type(fault).__name__}: {fault} (exit code {fault.exit_code})"
    raise AssertionError("nothing was raised")


CALLS: dict[str, Callable[[], Any]] = {
    "names": lambda: sorted(profiler.__all__),
    "profile": lambda: profiler.profile("lenet5").to_dict(),
    "profile_point": lambda: profiler.profile("mobilenet_v1", alpha=0.25, resolution=128, batch=2, classes=10).to_dict(),
    "profile_module": lambda: profiler.profile(net(), input=(3, 64, 64)).to_dict(),
    "profile_str": lambda: str(profiler.profile("lenet5")),
    "compare": lambda: profiler.compare("lenet5", "alexnet_fashion", engine="closed").to_dict(),
    "compare_engines": lambda: profiler.compare("lenet5", engine="closed,traced,fvcore,thop,torch").to_dict(),
    "compare_str": lambda: str(profiler.compare("lenet5", "alexnet_fashion", engine="closed")),
    "sweep": lambda: profiler.sweep("lenet5", alpha="0.5,1", engine="closed").to_dict(),
    "check": lambda: profiler.check("lenet5", macs="400K", params="70K", memory="1MiB"),
    "diff": lambda: profiler.diff("lenet5", "lenet5@classes=100"),
    "memory": lambda: profiler.memory(profiler.build("lenet5"), (meta(1, 1, 28, 28),), training=True),
    "trace": lambda: profiler.trace(net(), (meta(1, 3, 64, 64),)),
    "trace_training": lambda: profiler.trace_training(net(), (meta(1, 3, 64, 64),)),
    "unknown_name": lambda: caught(lambda: profiler.profile("mobilenet")),
    "bad_shape": lambda: caught(lambda: profiler.profile("vgg16", resolution=20)),
}


def plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value.value if isinstance(value, enum.Enum) else value
    return f"<{type(value).__name__}>"


VERSION = re.compile(r'(?<="engine": ")(torch|fvcore|thop) [\d.]+')


def text(name: str) -> str:
    """What the call returns, without its environment, the seconds that it took and the versions of other counters."""
    made = plain(CALLS[name]())
    if isinstance(made, dict):
        made.pop("environment", None)
        made.pop("counting_s", None)
    return VERSION.sub(r"\1 …", json.dumps(made, indent=1, ensure_ascii=False)) + "\n"
