"""What ended a command → one sentence on stderr, with the cure, and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

import typer

from profiler.commands import streams
from profiler.errors import ProfilerError, Unavailable
from profiler.report.encoding import sentence

USAGE: Any = typer.BadParameter.__mro__[1]
"""The class of typer's faults of usage, which is click's own in its older versions."""
INTERRUPTED = 130
CURES = {
    errno.EMFILE: "allow more open files, as by ulimit -n 1024",
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there",
    errno.ENOMEM: "give it more memory",
    errno.EACCES: "allow it to be read and written, or name another",
    errno.EPERM: "allow it to be read and written, or name another",
    errno.ENOENT: "make it, or name another",
}
"""What helps against faults of the system that no command expects."""


def tell(fault: BaseException) -> int:
    """Say on stderr what `fault` is; the exit code."""
    if isinstance(fault, KeyboardInterrupt):
        return interrupted()
    if isinstance(fault, SystemExit) and os.environ.get("_PROFILER_COMPLETE"):  # the end of a completion
        return fault.code if isinstance(fault.code, int) else 0
    if isinstance(fault, USAGE) and type(fault).__name__ == "NoArgsIsHelpError":
        print(fault.format_message(), file=sys.stderr)
        return 2
    error = fault if isinstance(fault, ProfilerError) else described(fault)
    if os.environ.get("PROFILER_TRACEBACK") and not isinstance(fault, ProfilerError | USAGE):
        import traceback

        traceback.print_exception(fault)
    say(str(error))
    return error.exit_code


def say(text: str) -> None:
    """A fault, in one line."""
    print(f"error: {sentence(text)}", file=sys.stderr)


def interrupted() -> int:
    """The user ended it."""
    print("interrupted", file=sys.stderr)
    return INTERRUPTED


def described(fault: BaseException) -> ProfilerError:
    """A fault that no command expects, as one that says the cure."""
    if isinstance(fault, USAGE):
        return ProfilerError(_of_usage(fault))
    if isinstance(fault, OSError) and (lost := streams.lost()) is not None:
        return ProfilerError(f"stdout cannot be written: {lost.strerror}; give it a place with room")
    if isinstance(fault, ImportError | OSError):
        from profiler.load.libraries import broken_library

        if (broken := broken_library(fault)) is not None:
            return broken
    if isinstance(fault, OSError):
        return ProfilerError(_of_system(fault))
    name, words = type(fault).__name__, _words(fault)
    if isinstance(fault, MemoryError):
        return Unavailable("there is not enough memory for this; give it more, or ask about less at once")
    if isinstance(fault, ImportError):
        return Unavailable(f"a package does not load ({name}: {words}); install it anew, and keep sys.path as it was")
    if isinstance(fault, SystemExit):
        return ProfilerError(f"code that was run ends the program ({name}: {words}); let it raise an error, or return")
    return ProfilerError(
        f"profiler itself has failed ({name}: {words}); please report it with what PROFILER_TRACEBACK=1 shows before this line"
    )


def _words(fault: BaseException) -> str:
    try:
        return " ".join(str(fault).split())[:200]
    except Exception:  # its own text raises
        return "it has no text"


def _of_system(fault: OSError) -> str:
    """What, where and the cure, as the system says it."""
    what = fault.strerror or _words(fault) or type(fault).__name__
    where = f"'{fault.filename}': " if fault.filename is not None else ""
    return (
        f"{where}{what[:1].lower() if where else what[:1]}{what[1:]}; {CURES.get(fault.errno or 0, 'mend that, and try again')}"
    )


def _of_usage(fault: Any) -> str:
    """typer's words, with the cure."""
    of_command = fault.ctx is not None and fault.ctx.parent is not None
    command = f"profiler {fault.ctx.info_name}" if of_command else "profiler"
    help_says = f"`{command} --help` lists them"
    kind, param = type(fault).__name__, getattr(fault, "param", None)
    text = fault.format_message().rstrip(".")
    name = _name_of(param)
    if kind == "NoSuchOption":
        near = [each for each in fault.possibilities or () if each != "--help"]
        if (limit := fault.option_name.rpartition("-")[0]) in ("--max", "--min") and fault.option_name.endswith("-flops"):
            return f"{fault.message}; limit multiply-adds, by {limit}-macs, which are half as many as FLOPs"
        return f"{fault.message}; {f'did you mean {chr(32).join(near[:1])}?' if near else help_says}"
    if kind == "MissingParameter":
        example = "write " + (f"{command} mobilenet_v1" if name == "MODEL" else f"{command} {name}")
        return f"Missing argument {name}; {example}, and see {command} --help"
    if kind == "BadParameter" and param is not None:
        return f"{name}: {fault.message.rstrip('.')}; {_expected(param)}"
    if kind == "BadOptionUsage" and "requires an argument" in text:
        return f"{text}; put its value behind it"
    if kind == "BadOptionUsage":
        return f"{text}; leave out the = and what stands behind it"
    if "Did you mean" in text:
        return str(text.replace(". Did you mean", "; did you mean"))
    if "extra argument" in text:
        return f"{text}; {command} takes no more, and an option's value stands behind its option"
    return f"{text}; {help_says}"


def _name_of(param: Any) -> str:
    if param is None:
        return ""
    longest = max(param.opts, key=len)
    return str(longest) if param.param_type_name == "option" else str(param.metavar or param.human_readable_name)


def _expected(param: Any) -> str:
    kind = getattr(param.type, "name", "")
    return {"integer": "give a whole number, as 2", "int": "give a whole number, as 2", "float": "give a number, as 0.5"}.get(
        kind, "give another value"
    )
