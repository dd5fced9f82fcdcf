"""A command that runs a network on a device without Python: how it is written, called, and what it prints. No torch.

It is given as one text, split as a shell would (shlex) and run without one. In each of its words stand placeholders, which are
filled in for a cell: {model} {alpha} {input} {batch} {threads} {dtype}, and {file} {name} {runs}. It prints one number of
seconds a line for each forward pass, the last {runs} of which count; lines as `# key: value` are facts, blank ones nothing.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from profiler.errors import ProfilerError, Unavailable, UnknownName
from profiler.measure.plan import Command, Setting

OF_CELL = ("model", "alpha", "input", "batch", "threads", "dtype")
OF_CALL = ("file", "name", "runs")
_PLACEHOLDER = re.compile(r"\{(\{\w+\}|\w+)\}")
"""`{runs}`, or `{{runs}}`, which stands for the braces themselves; what awk has between braces is neither."""


def command_of(text: str | None, push: str | None = None) -> Command | None:
    """`--exec` and `--exec-push` as words; None where neither is given. Raises ProfilerError, UnknownName."""
    if text is None:
        if push is not None:
            raise ProfilerError("--exec-push says how the file of a network gets to a device; give --exec, which runs it there")
        return None
    words, pushed = _words(text, "--exec"), _words(push, "--exec-push") if push is not None else ()
    if _uses("runs", pushed):
        raise ProfilerError("--exec-push has {runs}, and runs nothing; write it in --exec")
    return Command(words, pushed)


def _words(text: str, option: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text))
    except ValueError as fault:
        raise ProfilerError(f"{option} '{text}' cannot be split into words ({fault}); close its quotes") from None
    if not words:
        raise ProfilerError(f"{option} is empty; give a command, as {option} 'adb shell /data/local/tmp/run {{name}} {{runs}}'")
    for name in _names(words):
        if name not in (*OF_CELL, *OF_CALL):
            raise UnknownName(
                f"placeholder of {option}", name, (*OF_CELL, *OF_CALL), f"(write {{{{{name}}}}} for the braces themselves)"
            )
    return words


def _names(words: Sequence[str]) -> list[str]:
    found = [each for word in words for each in _PLACEHOLDER.findall(word)]
    return [each for each in found if not each.startswith("{")]


def _uses(name: str, words: Sequence[str]) -> bool:
    return name in _names(words)


def takes_file(command: Command) -> bool:
    """Whether it is given a file of the network; else it finds the network by itself."""
    return any(_uses(name, (*command.words, *command.push)) for name in ("file", "name"))


def takes_runs(command: Command) -> bool:
    """Whether it is told how often to run the network; else it runs it as often as it likes."""
    return _uses("runs", command.words)


def takes_threads(command: Command) -> bool:
    """Whether it is told how many threads run the network."""
    return _uses("threads", (*command.words, *command.push))


def for_cell(command: Command, about: Mapping[str, Any], batch: int, setting: Setting) -> Command:
    """The command of one cell: what is known before its file is written is filled in, and the file has a name of its own."""
    values = {
        "model": about.get("model"), "alpha": about.get("alpha"), "input": about.get("input"), "batch": batch,
        "threads": setting.threads, "dtype": setting.dtype,
    }  # fmt: skip
    texts = {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in values.items()}
    told = repr(sorted({**about, **values}.items(), key=lambda item: item[0]))
    digest = hashlib.sha256(told.encode()).hexdigest()[:8]
    short = re.sub(r"[^A-Za-z0-9_.-]+", "_", texts["model"]).strip("._")[-40:] or "network"
    name = f"{short}-{digest}.onnx"
    return Command(filled(command.words, texts), filled(command.push, texts), name)


def filled(words: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """The words with those placeholders filled in that `values` has; the others stay, doubled braces too."""
    return tuple(_PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), word) for word in words)


def plain(words: Sequence[str]) -> tuple[str, ...]:
    """The words as they are run, once all is filled in: doubled braces are single ones."""
    return tuple(_PLACEHOLDER.sub(lambda found: found[1], word) for word in words)


def check_command(setting: Setting) -> None:
    """Refuse what no command can be asked for. Raises ProfilerError."""
    if setting.command is None:
        raise ProfilerError(
            "runtime exec is a command of yours; give it, as --exec 'adb shell /data/local/tmp/run {name} {runs}'"
        )
    if setting.mode != "infer":
        raise ProfilerError("--exec runs a forward pass alone; leave out --train")
    if setting.memory_format != "contiguous":
        raise ProfilerError(f"{setting.memory_format} is a memory format of torch, which --exec does not run; leave it out")
    if setting.dtype not in ("fp32", "fp16", "int8"):
        raise ProfilerError(f"--exec is given no file in {setting.dtype}; use fp32, fp16 or int8")
    missing = [package for package in ("onnx", "onnxscript") if takes_file(setting.command) and find_spec(package) is None]
    if missing:
        raise Unavailable(
            f"--exec is given an ONNX file, which needs {' and '.join(missing)}, not installed here; "
            "pip install 'arch-profiler[onnx]'"
        )
