"""Print which of our files a run passes and which calls climb, as JSON: python tests/walk.py compare lenet5 vgg16

`profile` alone profiles a small module by the library. A file is passed when a function of it runs; what runs while a module is
imported does not count. A call climbs when it goes from a file to one of a higher floor; what calls through a library is who
called it.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.test_floors import floor  # noqa: E402  # the checkout is on the path only now

OURS = (f"{ROOT}/profiler/", f"{ROOT}/cli.py")
files: dict[str, None] = {}
climbs: dict[tuple[str, str], None] = {}


def is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(OURS) and frame.f_code.co_filename.endswith(".py")


def module(frame: FrameType) -> str:
    return ".".join(Path(frame.f_code.co_filename).relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def note(frame: FrameType, event: str, arg: Any) -> None:
    """What the interpreter calls at every call of a function."""
    if event != "call" or not is_ours(frame) or frame.f_code.co_name == "<module>":
        return
    caller = frame.f_back
    while caller is not None and not is_ours(caller):
        caller = caller.f_back
    importing = caller
    while importing is not None:
        if is_ours(importing) and importing.f_code.co_name == "<module>":
            return
        importing = importing.f_back
    files[str(Path(frame.f_code.co_filename).relative_to(ROOT))] = None
    if caller is not None and floor(module(caller)) < floor(module(frame)):
        climbs[f"{module(caller)}.{caller.f_code.co_name}", f"{module(frame)}.{frame.f_code.co_name}"] = None


def profile_a_module() -> None:
    from torch import nn

    import profiler

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 30 * 30, 10))
    sys.setprofile(note)
    profiler.profile(net, input=(3, 32, 32))


def command(words: list[str]) -> None:
    from profiler.__main__ import main

    sys.argv = ["profiler", *words]
    sys.setprofile(note)
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise


if __name__ == "__main__":
    if sys.argv[1:] == ["profile"]:
        profile_a_module()
    else:
        command(sys.argv[1:])
    sys.setprofile(None)
    print(json.dumps({"files": list(files), "climbs": list(climbs)}))
