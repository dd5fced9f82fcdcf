"""A process that counts: it does what study/processes.py tells it, one task after the other. No torch until a task needs it.

Messages come on its own stdin and are answered on its stdout (measure/channel.py). What the networks' code prints goes to
stderr, as it does in the process that the user started; it ends when that one does.
"""

from __future__ import annotations

import os
import pickle
from contextlib import suppress
from typing import Any

from profiler.errors import ProfilerError, quoted
from profiler.measure.channel import receive, send
from profiler.measure.worker import end_with
from profiler.study import counting_tasks


def main(parent: int | None, token: bytes) -> None:
    """Answer messages until the other side is gone. `parent` is the process that began this one, if its main thread did."""
    own, exit_ = os.getpid(), os._exit
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    end_with(parent, stdin.fileno())
    counting_tasks.KEPT.keeps = True
    with suppress(BrokenPipeError, EOFError):  # the process that the user started is gone
        while True:
            number, function, data = receive(stdin)
            how, answer = answered(function, data)
            if os.getpid() != own:  # a child that a network's code forked came back from it: it answers nobody
                break
            send(stdout, (number, how, answer), token)
    exit_(0)


def answered(function: Any, data: bytes) -> tuple[str, Any]:
    """How a task went, and its result or what it raised."""
    try:
        task = pickle.loads(data)
    except Exception as fault:  # of a class, or a network, that is known to the user's process alone
        return "unread", quoted(fault)
    try:
        return "done", function(task)
    except ProfilerError as fault:
        return "raised", fault
    except Exception as fault:  # a fault of ours, which has its traceback here alone
        return "raised", _sendable(fault)


def _sendable(fault: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(fault))
    except Exception:  # it is of a class that does not pickle
        return RuntimeError(f"{type(fault).__name__}: {quoted(fault)}")
    return fault
