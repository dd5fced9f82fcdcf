"""Checks of a command line as a whole: an option that would be ignored, or that is given twice, is an error."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from profiler.commands.defaults import Defaults
from profiler.config import Config
from profiler.errors import ProfilerError

if TYPE_CHECKING:
    from profiler.report.output import Destinations

_SIZE = re.compile(r"[\d.]+ ?[A-Za-z]{0,3}")
SETTING = ("device", "threads", "dtype", "memory_format", "runtime", "no_cache", "exec", "exec_push", "time")
MEASURING = (*SETTING, "train", "dataset_size", "resume")
TRAINING = ("optimizer",)
NEEDED: Mapping[str, Sequence[tuple[Sequence[str], tuple[str, ...]]]] = {
    "show": ((("optimizer", "zero", "devices", "checkpointing"), ("train",)),),
    "compare": ((MEASURING, ("bench",)), (TRAINING, ("train",)), (("spread",), ("bench",)), (("spread",), ("fleet",))),
    "sweep": (
        ((*MEASURING, "measure"), ("bench",)),
        (TRAINING, ("train",)),
        (("spread",), ("bench",)),
        (("spread",), ("fleet",)),
    ),
    "fit": ((SETTING, ("max_latency",)),),
    "check": ((MEASURING, ("bench", "max_latency")),),
    "bench": ((("depth", "top"), ("layers",)), (TRAINING, ("train",)), (("spread",), ("fleet",))),
}
"""{command: [(options, the options of which they need at least one)]}."""


def check_once(parsed: Sequence[Any]) -> None:
    """Refuse an option that takes one value but is given two. Raises ProfilerError."""
    for i, param in enumerate(parsed):
        if param.param_type_name == "option" and not param.is_flag and not param.multiple and param in parsed[:i]:
            more = ", or several files as -o" if param.name == "csv" else ""
            raise ProfilerError(f"{max(param.opts, key=len)} is given twice; give it once{more}")


def check_needed(command: str, given: Collection[str], defaults: Defaults, config: Config) -> None:
    """Refuse options that have no effect without another one. Raises ProfilerError."""
    for options, needed in NEEDED.get(command, ()):
        said = [name for name in options if name in given]
        if not said or any(name in given or defaults.values.get(name) for name in needed):
            continue
        if command == "check" and _has_latencies(config):
            continue
        names = " and ".join(map(option, said))
        raise ProfilerError(
            f"{names} {'has' if len(said) == 1 else 'have'} no effect without {' or '.join(map(option, needed))}; "
            f"add {option(needed[0])}, or leave {'it' if len(said) == 1 else 'them'} out"
        )


def sized_memory(words: Sequence[str]) -> list[str]:
    """`--memory 80GiB` as `--memory-size 80GiB`: the only option whose value may be left out."""
    found: list[str] = []
    for word in words:
        if found and found[-1] == "--memory" and _SIZE.fullmatch(word):
            found[-1] = "--memory-size"
        if word.startswith("--memory=") and _SIZE.fullmatch(word.removeprefix("--memory=")):
            word = word.replace("--memory=", "--memory-size=")
        found.append(word)
    return found


def check_shown(parts: Sequence[str], destinations: Destinations) -> None:
    """Refuse parts of `show` that no requested output can hold: CSV and JSONL hold only the layers. Raises ProfilerError."""
    made = {form for _, form in destinations.files} | (set() if destinations.quiet else {destinations.form})
    if parts and made and made <= {"csv", "jsonl", "parquet"}:
        form = sorted(made)[0]
        raise ProfilerError(
            f"{form} holds only the layers, without {' and '.join(parts)}; add -o FILE.json or -o FILE.md, or leave "
            f"{'it' if len(parts) == 1 else 'them'} out"
        )


def check_caption(caption: str | None, destinations: Destinations) -> None:
    """Refuse a caption if no output is LaTeX or Markdown. Raises ProfilerError."""
    if caption is not None and not destinations.asks("latex", "markdown"):
        raise ProfilerError("--caption applies to LaTeX and Markdown; add -f latex or -o FILE.tex, or leave it out")


def checked_label(label: str | None, destinations: Destinations) -> str:
    """A label for LaTeX, empty where none is given. Raises ProfilerError where nothing has it, or LaTeX cannot read it."""
    if label is None:
        return ""
    from profiler.report.writers.papers import checked_label

    if not destinations.asks("latex"):
        raise ProfilerError("--label applies to LaTeX; add -f latex or -o FILE.tex, or leave it out")
    return checked_label(label)


def option(name: str) -> str:
    """`--memory-format`."""
    return f"--{name.rstrip('_').replace('_', '-')}"


def _has_latencies(config: Config) -> bool:
    budgets = config.table.get("budgets")
    entries = budgets.values() if isinstance(budgets, Mapping) else ()
    return any(isinstance(entry, Mapping) and "latency" in entry for entry in entries)
