"""Runs commands and pieces of Python as fresh processes would, in forks of one process that has torch loaded.

Reads one JSON request a line from stdin, `{"argv" or "code", "cwd", "out"}`, and answers on the descriptor
that it is given with the exit code; what the fork prints, stdout
and stderr together, stands in the file
`out`. A fork shares nothing with the next one, and saves the seconds that imports take.
"""

from __future__ import annotations

import json
import os
import runpy
import sys

import fvcore.nn
import scipy.stats
import thop
import torch
import torch.utils.flop_counter  # noqa: F401  # loaded for the forks


def work(request: dict[str, str]) -> None:
    sink = os.open(request["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(request["cwd"])
    if "code" in request:
        exec(compile(request["code"], "block", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = ["profiler", *request["argv"]]
        runpy.run_module("profiler", run_name="__main__")


def main() -> None:
    answers = int(sys.argv[1])
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code: object = 0
            try:
                work(json.loads(line))
            except SystemExit as end:
                code = end.code
            except BaseException:
                import traceback

                traceback.print_exc()
                code = 1
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 0 if code is None else 1)
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main()
