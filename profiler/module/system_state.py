"""What the system and libraries of Python hold for the whole process and user code may change: settings, to be put back."""

from __future__ import annotations

import decimal
import locale
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple


class Setting(NamedTuple):
    """One thing that the process shares."""

    name: str
    get: Callable[[], Any]
    put: Callable[[Any], object]


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_ARITHMETIC = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")


def _put_arithmetic(before: tuple[Any, ...]) -> None:
    for name, value in zip(_ARITHMETIC, before, strict=True):
        setattr(decimal.getcontext(), name, value)


def _traces() -> tuple[Any, ...]:
    return sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()


def _put_traces(before: tuple[Any, ...]) -> None:
    for put, value in zip((sys.settrace, sys.setprofile, threading.settrace, threading.setprofile), before, strict=True):
        put(value)


def _timeout() -> Any:
    socket: Any = sys.modules.get("socket")
    return None if socket is None else socket.getdefaulttimeout()


def _put_timeout(before: float | None) -> None:
    socket: Any = sys.modules.get("socket")
    if socket is not None:
        socket.setdefaulttimeout(before)


def _put_alarm(was_set: bool) -> None:
    if not was_set:  # one that ran out is not set anew
        signal.setitimer(signal.ITIMER_REAL, 0)


SYSTEM: list[Setting] = [
    Setting("the mask of new files", _umask, os.umask),
    Setting(
        "the context of decimal", lambda: tuple([getattr(decimal.getcontext(), name) for name in _ARITHMETIC]), _put_arithmetic
    ),
    Setting("the locale", lambda: locale.setlocale(locale.LC_ALL), lambda before: locale.setlocale(locale.LC_ALL, before)),
    Setting("the functions that trace and profile", _traces, _put_traces),
    Setting("the timeout of sockets", _timeout, _put_timeout),
    Setting("the switch interval", sys.getswitchinterval, sys.setswitchinterval),
    Setting("the digits of whole numbers", sys.get_int_max_str_digits, sys.set_int_max_str_digits),
]
if hasattr(signal, "setitimer"):
    SYSTEM.append(Setting("the alarm", lambda: signal.getitimer(signal.ITIMER_REAL)[0] > 0, _put_alarm))
if hasattr(os, "sched_setaffinity"):
    SYSTEM.append(
        Setting("the processors it may use", lambda: os.sched_getaffinity(0), lambda before: os.sched_setaffinity(0, before))
    )
if hasattr(os, "setpriority"):
    SYSTEM.append(
        Setting(
            "its priority",
            lambda: os.getpriority(os.PRIO_PROCESS, 0),
            lambda before: os.setpriority(os.PRIO_PROCESS, 0, before),
        )
    )
if sys.platform != "win32":
    import resource

    _LIMITS = tuple(value for name, value in sorted(vars(resource).items()) if name.startswith("RLIMIT_"))

    def _put_limits(before: tuple[Any, ...]) -> None:
        for each, limit in zip(_LIMITS, before, strict=True):
            if resource.getrlimit(each) != limit:
                with suppress(OSError, ValueError):  # the most that it may have, which only root raises
                    resource.setrlimit(each, limit)

    SYSTEM.append(Setting("its limits", lambda: tuple([resource.getrlimit(each) for each in _LIMITS]), _put_limits))


def of_numpy() -> list[Setting]:
    """What numpy holds, once it is loaded."""
    numpy: Any = sys.modules.get("numpy")
    if not hasattr(numpy, "set_printoptions"):
        return []
    return [
        Setting("the print options of numpy", numpy.get_printoptions, lambda before: numpy.set_printoptions(**before)),
        Setting("numpy's handling of errors", numpy.geterr, lambda before: numpy.seterr(**before)),
    ]
