"""Runs commands and pieces of Python as fresh processes would, in forks of one process that has the heavy imports behind it.

Runs the Python that it is given first, if any. Reads one JSON request a line from stdin, `{"argv" or "code", "cwd", "out"}`,
and answers with the exit code on the descriptor that it is given; what the fork prints, stdout and stderr together, stands in
the file `out`. Forks share nothing.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from importlib import import_module

HEAVY = ("torch", "torch.utils.flop_counter", "fvcore.nn", "thop", "scipy.stats", "transformers.models.bert.modeling_bert")


def work(request: dict[str, str]) -> None:
    sink = os.open(request["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(request["cwd"])
    sys.path[0] = request["cwd"]  # as `python -m` has it, in the place of this file's folder
    if "code" in request:
        exec(compile(request["code"], "block", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = ["profiler", *request["argv"]]
        runpy.run_module("profiler", run_name="__main__")


def main() -> None:
    answers = int(sys.argv[1])
    for name in HEAVY:
        import_module(name)
    exec(compile(sys.argv[2], "first", "exec"), {})
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
