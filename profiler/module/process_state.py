"""What the whole process shares and user code may change: a table of settings (name, get, put back), compared and put back."""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

from profiler.module.attributes import Again, Attributes, set_again
from profiler.module.system_state import SYSTEM, Setting, of_numpy


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it is gone
        return None


def _put_folder(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


def _put_environment(before: dict[Any, Any]) -> None:
    held, decode = os.environ, getattr(os.environ, "decodevalue", str)
    values = {decode(key): decode(value) for key, value in before.items()}
    for name in [name for name in held if name not in values]:
        del held[name]
    for name, value in values.items():
        if held.get(name) != value:
            held[name] = value


def _put_path(before: tuple[list[str], list[str]]) -> None:
    sys.path, sys.path[:] = before


def _put_filters(before: tuple[list[Any], list[Any], Any]) -> None:
    held, filters, warnings.showwarning = before
    held[:] = filters
    warnings.filters = held
    getattr(warnings, "_filters_mutated", lambda: None)()


_SIGNALS = tuple(sorted(map(int, signal.valid_signals())))
_getsignal: Callable[[int], Any] = getattr(sys.modules.get("_signal"), "getsignal", signal.getsignal)
"""What signal.getsignal asks, without its search for a name of each answer, which takes as long as all the rest."""


def _handlers() -> tuple[Any, ...]:
    if threading.current_thread() is not threading.main_thread():
        return ()  # no other thread may change them
    return tuple(map(_getsignal, _SIGNALS))


def _put_handlers(before: tuple[Any, ...]) -> None:
    for each, handler in zip(_SIGNALS, before, strict=False):
        if handler is not None and _getsignal(each) is not handler:
            with suppress(OSError, ValueError):
                signal.signal(each, handler)


_HOOKS = ((sys, "excepthook"), (sys, "displayhook"), (sys, "unraisablehook"), (threading, "excepthook"))


def _put_hooks(before: tuple[Any, ...]) -> None:
    for (owner, name), hook in zip(_HOOKS, before, strict=True):
        setattr(owner, name, hook)


def _streams() -> tuple[Any, ...]:
    return sys.stdin, sys.stdout, sys.stderr


def _put_streams(before: tuple[Any, ...]) -> None:
    sys.stdin, sys.stdout, sys.stderr = before


def _logging() -> tuple[Any, ...]:
    return logging.root.level, logging.root.manager.disable, logging.root.handlers[:]


def _put_logging(before: tuple[Any, ...]) -> None:
    logging.root.setLevel(before[0])
    logging.disable(before[1])
    logging.root.handlers[:] = before[2]


def _put_collector(before: tuple[bool, tuple[int, int, int]]) -> None:
    (gc.enable if before[0] else gc.disable)()
    gc.set_threshold(*before[1])


_PYTHON: tuple[Setting, ...] = (
    Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    Setting("the working folder", _folder, _put_folder),
    Setting("sys.path", lambda: (sys.path, sys.path[:]), _put_path),
    Setting("the environment", lambda: dict(getattr(os.environ, "_data", os.environ)), _put_environment),
    Setting("the warnings filters", lambda: (warnings.filters, warnings.filters[:], warnings.showwarning), _put_filters),
    Setting("the signal handlers", _handlers, _put_handlers),
    Setting("the hooks of sys", lambda: tuple([getattr(owner, name) for owner, name in _HOOKS]), _put_hooks),
    Setting("the standard streams", _streams, _put_streams),
    Setting("logging", _logging, _put_logging),
    Setting("the garbage collector", lambda: (gc.isenabled(), gc.get_threshold()), _put_collector),
    *SYSTEM,
)

_FLAGS = (
    *("cudnn_enabled", "cudnn_benchmark", "cudnn_deterministic", "cudnn_allow_tf32", "cublas_allow_tf32"),
    *("cublas_allow_fp16_accumulation", "cpu_allow_fp16_reduced_precision_reduction", "mkldnn_enabled", "mkldnn_deterministic"),
    *("onednn_allow_tf32", "nnpack_enabled", "qengine", "linalg_preferred_backend", "deterministic_fill_uninitialized_memory"),
    *("math_sdp_allow_fp16_bf16_reduction", "warnAlways"),
)
"""Flags of torch's backends with a getter and a setter of one value."""


@lru_cache(maxsize=1)
def _of_torch() -> tuple[Setting, ...]:
    import torch

    native: Any = torch._C
    tables = [table for name, table in vars(torch.nn.modules.module).items() if name.startswith("_global") and "hooks" in name]
    full: Any = torch.nn.modules.module
    shown: Any = vars(torch._tensor_str.PRINT_OPTS)
    device: Any = torch._GLOBAL_DEVICE_CONTEXT

    def put_hooks(before: Any) -> None:
        for table, hooks in zip(tables, before[0], strict=True):
            table.clear()
            table.update(hooks)
        full._global_is_full_backward_hook = before[1]

    def put_autocast(before: Any) -> None:
        for kind, (enabled, dtype) in zip(("cpu", "cuda"), before[:2], strict=True):
            torch.set_autocast_enabled(kind, enabled)
            torch.set_autocast_dtype(kind, dtype)
        torch.set_autocast_cache_enabled(before[2])

    def autocast() -> Any:
        kinds = [(torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) for kind in ("cpu", "cuda")]
        return (*kinds, torch.is_autocast_cache_enabled())

    def put_modes(before: tuple[int, int]) -> None:
        while native._len_torch_function_stack() > before[0]:
            native._pop_torch_function_stack()
        while native._len_torch_dispatch_stack() > before[1]:
            torch.utils._python_dispatch._pop_mode()

    found = [
        Setting(
            "the default device",
            lambda: getattr(device, "device_context", None),
            lambda context: torch.set_default_device(None if context is None else context.device),
        ),
        Setting("the default dtype", torch.get_default_dtype, torch.set_default_dtype),
        Setting("the gradient mode", torch.is_grad_enabled, torch.set_grad_enabled),
        Setting("autocast", autocast, put_autocast),
        Setting(
            "the modes of torch",
            lambda: (native._len_torch_function_stack(), native._len_torch_dispatch_stack()),
            put_modes,
        ),
        Setting("the number of threads", torch.get_num_threads, torch.set_num_threads),
        Setting(
            "deterministic algorithms",
            lambda: (native._get_deterministic_algorithms(), torch.is_deterministic_algorithms_warn_only_enabled()),
            lambda before: native._set_deterministic_algorithms(before[0], warn_only=before[1]),  # torch's own loads inductor
        ),
        Setting(
            "anomaly detection",
            lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
            lambda before: torch.set_anomaly_enabled(*before),
        ),
        Setting("the print options of torch", lambda: dict(shown), shown.update),
        Setting(
            "global hooks of modules",
            lambda: ([dict(table) for table in tables], full._global_is_full_backward_hook),
            put_hooks,
        ),
        Setting("the attention fast path", torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled),
        Setting(
            "kernels of attention",
            lambda: tuple([getattr(native, f"_get_{name}_sdp_enabled")() for name in _KERNELS]),
            lambda before: [getattr(native, f"_set_sdp_use_{name}")(on) for name, on in zip(_KERNELS, before, strict=True)],
        ),
    ]
    for name in _FLAGS:
        get, put = getattr(native, f"_get_{name}", None), getattr(native, f"_set_{name}", None)
        if get is not None and put is not None:
            found.append(Setting(f"torch's {name.replace('_', ' ')}", get, put))
    found.append(
        Setting("the float32 matmul precision", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision)
    )
    return tuple(setting for setting in found if _answers(setting))


_KERNELS = ("flash", "mem_efficient", "math", "cudnn")


def _answers(setting: Setting) -> bool:
    try:
        setting.put(setting.get())
    except Exception:  # another version of torch, or a backend that is not there
        return False
    return True


class Changes(NamedTuple):
    """What user code had changed, and was put back."""

    names: tuple[str, ...]
    settings: tuple[tuple[Setting, Any], ...]
    """What each setting had become."""
    attributes: Again


class ProcessState:
    """What the process shares at one moment, with the generators of torch, Python and numpy."""

    def __init__(self) -> None:
        torch: Any = sys.modules.get("torch")
        self.torch = torch if hasattr(torch, "nn") else None
        self.loaded = [name for name in _SET_ON_LOADING if name in sys.modules]
        self.settings = (*_PYTHON, *of_numpy(), *(_of_torch() if self.torch is not None else ()))
        self.values = _values(self.settings)
        self.attributes = Attributes()
        self.python = random.getstate()
        self.numpy: Any = sys.modules.get("numpy.random")  # which numpy loads when it is first asked
        self.numpy_drawn = self.numpy.get_state() if self.numpy is not None else None
        self.drawn = self.torch.get_rng_state() if self.torch is not None else None

    def put_back(self, stays: Callable[[Any], bool] = lambda _: False) -> Changes:
        """Puts back what changed, but attributes with a value that `stays` names; the generators go on where they were."""
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(self.values[0])  # what follows may need it
        loaded = [name for name in _SET_ON_LOADING if name in sys.modules and name not in self.loaded]
        theirs = {setting for name in loaded for setting in _SET_ON_LOADING[name]}
        names, attributes = self.attributes.put_back(_of_the_compiler(stays) if "torch._dynamo" in loaded else stays)
        changed: list[tuple[Setting, Any]] = []
        if not _same(values := _values(self.settings), self.values):
            for setting, before, now in zip(self.settings, self.values, values, strict=True):
                if not _same(now, before) and setting.name not in theirs:
                    with suppress(Exception):  # a folder that is gone, a handler that was not set from Python
                        setting.put(before)
                    changed.append((setting, now))
        if self.torch is not None:
            self.torch.set_rng_state(self.drawn)
        random.setstate(self.python)
        if self.numpy is not None:
            self.numpy.set_state(self.numpy_drawn)
        if limit != self.values[0]:
            changed.append((self.settings[0], limit))
        return Changes((*names, *(setting.name for setting, _ in changed)), tuple(changed), attributes)


_SET_ON_LOADING = {"torch._dynamo": ("the environment", "the warnings filters"), "sympy": ("the warnings filters",)}
"""What torch's compiler and sympy set as they load, which a kernel of the meta device may bring about, and rely on."""


def _of_the_compiler(stays: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Those that torch's compiler has patched as well, when it was loaded."""
    return lambda value: stays(value) or str(getattr(value, "__module__", "")).partition(".")[0] == "torch"


def make_again(changes: Changes) -> None:
    """Makes the changes once more, for code that was written with them there."""
    set_again(changes.attributes)
    for setting, value in changes.settings:
        with suppress(Exception):
            setting.put(value)


def _values(settings: tuple[Setting, ...]) -> list[Any]:
    try:
        return [setting.get() for setting in settings]
    except Exception:
        return [_value(setting) for setting in settings]


def _value(setting: Setting) -> Any:
    try:
        return setting.get()
    except Exception:  # user code broke what it asks
        return None


def _same(value: Any, before: Any) -> bool:
    try:
        return bool(value == before)  # identical members are not compared further
    except Exception:
        return False
