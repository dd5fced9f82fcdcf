"""`python -m profiler` and the `profiler` script: find our own cli.py, whatever else is called cli where the user stands."""

from __future__ import annotations

import gc
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def load_cli() -> ModuleType:
    """The cli.py that lies beside this package."""
    path = Path(__file__).resolve().parents[1] / "cli.py"
    spec = importlib.util.spec_from_file_location("profiler_cli", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["profiler_cli"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Run the command line and exit with its code."""
    gc.disable()  # a short process with nothing to collect: most of its time is imports, which the collector slows
    try:
        cli = load_cli()
    except KeyboardInterrupt:
        sys.exit(130)
    cli.main()


if __name__ == "__main__":
    main()
