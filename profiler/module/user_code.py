"""Running somebody's code: one thread at a time, prints on stderr, no end of the program, and any fault one sentence."""

from __future__ import annotations

import importlib
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from threading import get_ident
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

from profiler.errors import ProfilerError, Unavailable
from profiler.module.exclusive import exclusive
from profiler.module.remembered import as_built, is_installed
from profiler.module.streams import stdout_on_stderr
from profiler.network.registry import zoo_folder

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M")
_PIP = {"cv2": "opencv-python", "PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml", "skimage": "scikit-image"}


class Ended(BaseException):
    """Code called os._exit or os.abort, or put another program in this one's place, which nothing else could catch."""


@contextmanager
def user_code(what: str, *, building: str = "", preserves: bool = True) -> Iterator[None]:
    """Run the code of `what`: any fault is a sentence, and the process is as before. `building` is as in remembered.as_built.

    Raises Unavailable for a package that the code needs, ProfilerError for anything else that it raises. Ctrl-C passes.
    """
    with quiet(what, building=building, preserves=preserves):
        try:
            yield
        except (ProfilerError, SystemExit, Ended):
            raise
        except KeyboardInterrupt as fault:
            if type(fault) is KeyboardInterrupt:
                raise
            raise ProfilerError(f"{what} does not run: {said(fault)}") from None
        except ModuleNotFoundError as fault:
            package = (fault.name or "").partition(".")[0]
            raise Unavailable(
                f"{what} needs the package {package}, which is not installed; pip install {pip_name(package)}"
            ) from fault
        except RecursionError as fault:
            raise ProfilerError(f"{what} does not run: it recurses without end ({place_of(fault)})") from None
        except BaseException as fault:
            raise ProfilerError(f"{what} does not run: {said(fault)}") from fault


@contextmanager
def quiet(what: str = "the network", *, building: str = "", preserves: bool = True) -> Iterator[None]:
    """As `user_code`, with faults as they are: what is printed goes to stderr, and the program does not end.

    Raises ProfilerError where it tries to.
    """
    with exclusive(), stdout_on_stderr(), _without_exits(what), as_built(what, building, preserves):
        yield


def guarded(function: Callable[Concatenate[M, P], R]) -> Callable[Concatenate[M, P], R]:
    """A function of a module that runs it and preserves the process: what it raises is one sentence, one thread at a time."""

    @wraps(function)
    def run(module: M, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with user_code(str(kwargs.get("name") or type(module).__name__), preserves=False):
            return function(module, *args, **kwargs)

    return run


class _Exits:
    """What stands for os._exit, os.abort and os.exec… while user code runs."""

    thread, process = 0, 0
    """Of the thread that runs it; 0 where none does."""
    elsewhere = False
    """Whether another thread called one."""


_REAL = {name: getattr(os, name) for name in ("_exit", "abort", "execv", "execve")}


def _instead(real: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    def ends(*status: Any, **named: Any) -> NoReturn:
        if os.getpid() != _Exits.process:  # kept for later, or a process of its own
            real(*status, **named)
        if get_ident() == _Exits.thread:
            raise Ended
        _Exits.elsewhere = True
        raise SystemExit  # ends that thread without a word

    return ends


_INSTEAD = {name: _instead(real) for name, real in _REAL.items()}


@contextmanager
def _without_exits(what: str) -> Iterator[None]:
    """os._exit, os.abort and os.exec… raise inside; so does the end of this context where another thread called one."""
    before = [getattr(os, name) for name in _INSTEAD]
    was, process = (_Exits.thread, _Exits.process), os.getpid()
    _Exits.thread, _Exits.process = get_ident(), process
    for name, instead in _INSTEAD.items():
        setattr(os, name, instead)
    try:
        yield
        if _Exits.elsewhere:
            raise Ended
    except (SystemExit, Ended) as fault:
        where = place_of(fault)
        raise ProfilerError(
            f'{what} exits the program{f" ({where})" if where else ""}; put that under if __name__ == "__main__"'
        ) from None
    finally:
        for name, own in zip(_INSTEAD, before, strict=True):
            setattr(os, name, own)
        _Exits.thread, _Exits.process = was
        _Exits.elsewhere = False
        if os.getpid() != process:  # the code forked, and its child came back here
            _REAL["_exit"](1)


def said(fault: BaseException) -> str:
    """`NameError: name 'x' is not defined (net.py, line 3)`: one line of a fault, and where in the user's code it was."""
    try:
        text = " ".join(str(fault.msg if isinstance(fault, SyntaxError) else fault).split()) or "no reason given"
    except Exception:  # its own __str__ does not run
        text = "no reason that can be shown"
    where = place_of(fault)
    return f"{type(fault).__name__}: {text[:300]}{'…' if len(text) > 300 else ''}" + (f" ({where})" if where else "")


def place_of(fault: BaseException) -> str:
    """`net.py, line 3`: the last place in the fault's traceback that is neither ours nor a library's."""
    if isinstance(fault, SyntaxError) and fault.filename:
        return f"{Path(fault.filename).name}, line {fault.lineno}"
    for frame in reversed(traceback.extract_tb(fault.__traceback__)):
        file = Path(frame.filename)
        if file.is_file() and not is_ours(file) and not is_installed(file):
            if file.is_relative_to(Path(importlib.__file__).parents[1]):
                continue  # the standard library
            return f"{file.name}, line {frame.lineno}"
    return ""


def is_ours(path: Path) -> bool:
    """Whether a file is this program's own."""
    return any(path.resolve().is_relative_to(place) for place in (Path(__file__).resolve().parents[1], zoo_folder()))


def pip_name(package: str) -> str:
    """What pip calls a package."""
    return _PIP.get(package, package)
