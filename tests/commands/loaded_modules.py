"""Write which modules each kind of command loads, as it loads them now: python tests/commands/loaded_modules.py"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LISTING = Path(__file__).with_suffix(".txt")
COMPLETION = {"_PROFILER_COMPLETE": "complete_bash", "COMP_WORDS": "profiler compare mobilenet_v1 vgg1", "COMP_CWORD": "3"}
"""What bash asks with, at TAB behind `profiler compare mobilenet_v1 vgg1`."""
COMMANDS = (
    "--help", "compare --help", "TAB", "list", "show lenet5", "compare lenet5 vgg16 --engine closed",
    "compare lenet5 vgg16 --engine closed -f json", "sweep lenet5 --engine closed", "formula lenet5", "verify --engine closed",
    "check lenet5 --max-params 1M", "diff lenet5 lenet5@classes=3",
)  # fmt: skip
"""One of each kind that counts on paper; what measures or traces loads torch, and its start does not matter."""
CODE = """
import contextlib, io, sys
sys.argv = ["profiler", *sys.argv[1:]]
before = set(sys.modules)
from profiler.__main__ import main
with contextlib.redirect_stdout(io.StringIO()):
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""
NETWORKS = "profiler.archs."
"""The zoo's own modules, of which a command loads those of the networks that it names; `list` and `verify` load all."""

DEPENDENCIES = {
    "cloudpickle", "filelock", "fvcore", "msgspec", "numpy", "plotext", "pydantic", "rich", "scipy", "thop", "torch", "typer",
}  # fmt: skip


def loaded(command: str) -> list[str]:
    """Modules of ours that a command loads, and the packages that we depend on."""
    words, environment = command.split(), {**os.environ, "COLUMNS": "80"}
    if command == "TAB":
        words, environment = [], {**environment, **COMPLETION}
    ran = subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    found = ran.stderr.splitlines()[-1].split()
    ours = {name for name in found if name.startswith("profiler") and not name.startswith(NETWORKS)}
    theirs = {name.partition(".")[0] for name in found if not name.startswith("profiler")}
    return sorted(ours) + sorted(theirs & DEPENDENCIES)


def text() -> str:
    """A paragraph a command: its line, and below it one module a line."""
    return "\n".join(f"$ profiler {command}\n" + "".join(f"{name}\n" for name in loaded(command)) for command in COMMANDS)


if __name__ == "__main__":
    LISTING.write_text(text())
