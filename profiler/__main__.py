"""`python -m profiler` and the `profiler` script: find our own cli.py, whatever else is called cli where the user stands."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from types import ModuleType


def load_cli() -> ModuleType:
    """Our cli.py, as a module of this package: inside it when installed, beside it in a checkout."""
    return import_module("profiler.cli")


def main() -> None:
    """Run the command line and exit with its code."""
    gc.disable()  # a short process with nothing to collect: most of its time is imports, which the collector slows
    try:
        from profiler.commands.ending import keep

        keep()
        cli = load_cli()
    except KeyboardInterrupt:
        sys.exit(130)
    cli.main()


if __name__ == "__main__":
    main()
