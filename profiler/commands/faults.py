"""The exception that ended a command → one sentence on stderr, with the cure, and an exit code."""

from __future__ import annotations

import errno
import os
import sys

from profiler.commands import streams
from profiler.commands.usage import USAGE, sentence_of
from profiler.errors import ProfilerError, Unavailable
from profiler.report.encoding import sentence

INTERRUPTED = 130
CURES = {
    errno.EMFILE: "allow more open files, e.g. with ulimit -n 1024",
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there",
    errno.ENOMEM: "free some memory",
    errno.EACCES: "change its permissions, or name another file",
    errno.EPERM: "change its permissions, or name another file",
    errno.ENOENT: "create it, or name another file",
}
"""Cures for errors of the operating system that no command handles itself."""


def tell(fault: BaseException) -> int:
    """Print on stderr what went wrong. Returns the exit code."""
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
    """Print an error, in one line."""
    print(f"error: {sentence(text)}", file=sys.stderr)


def interrupted() -> int:
    """Report that the user pressed Ctrl-C. Returns the exit code."""
    print("interrupted", file=sys.stderr)
    return INTERRUPTED


def described(fault: BaseException) -> ProfilerError:
    """An exception that no command handles, as an error that says the cure."""
    if isinstance(fault, USAGE):
        return ProfilerError(sentence_of(fault))
    if isinstance(fault, OSError) and (lost := streams.lost()) is not None:
        return ProfilerError(f"cannot write to stdout: {lost.strerror}; free some space, or write elsewhere")
    if isinstance(fault, ImportError | OSError):
        from profiler.load.libraries import broken_library

        if (broken := broken_library(fault)) is not None:
            return broken
    if isinstance(fault, OSError):
        return ProfilerError(_of_system(fault))
    name, words = type(fault).__name__, _words(fault)
    if isinstance(fault, MemoryError):
        return Unavailable("out of memory; free some memory, or ask for less at once")
    if isinstance(fault, ImportError):
        return Unavailable(f"cannot import a package ({name}: {words}); install it again, and do not change sys.path")
    if isinstance(fault, SystemExit):
        return ProfilerError(f"the network's code exits the program ({name}: {words}); let it raise an error or return instead")
    return ProfilerError(
        f"profiler has a bug ({name}: {words}); please report it with the traceback that PROFILER_TRACEBACK=1 shows"
    )


def _words(fault: BaseException) -> str:
    try:
        return " ".join(str(fault).split())[:200]
    except Exception:  # its own text raises
        return "no message"


def _of_system(fault: OSError) -> str:
    """An error of the operating system: what, where and the cure."""
    what = fault.strerror or _words(fault) or type(fault).__name__
    where = f"'{fault.filename}': " if fault.filename is not None else ""
    return (
        f"{where}{what[:1].lower() if where else what[:1]}{what[1:]}; {CURES.get(fault.errno or 0, 'fix that, and try again')}"
    )
