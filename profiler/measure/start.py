"""Where a process stood when it was asked for work: folder, path of imports, environment; workers begin there too. No torch.

What the code of networks changes afterwards (`os.chdir`, `sys.path`) changes nothing of where it is looked for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from profiler.errors import ProfilerError

MEASURES = "profiler.measure.worker"
PACKAGE = Path(__file__).resolve().parents[1]
# Ctrl-C is for the process that the user started, which ends this one;
# this package is the one that runs here, whatever is called so in the folders of the path, which is the caller's, in its order
BOOT = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
from importlib.util import module_from_spec, spec_from_file_location
sys.path[:] = {path!r}
spec = spec_from_file_location("profiler", {init!r}, submodule_search_locations=[{package!r}])
sys.modules["profiler"] = package = module_from_spec(spec)
spec.loader.exec_module(package)
from {module} import main
main({parent!r}, {token!r})
"""


@dataclass(frozen=True)
class Start:
    """What a process finds code by."""

    folder: str
    path: tuple[str, ...]
    environment: Mapping[str, str]

    @classmethod
    def now(cls) -> Start:
        """Of this process, as it stands."""
        try:
            folder = os.getcwd()
        except FileNotFoundError:
            folder = ""
        return cls(folder, tuple(sys.path), dict(os.environ))

    def worker(self, token: bytes, module: str = MEASURES, follows: bool = True, **environment: str) -> subprocess.Popen[bytes]:
        """A worker that begins there, with more in its environment, and marks its answers by `token`. Raises ProfilerError.

        What it does is the `main` of a module of ours. Where it `follows`, a system that can ends it with the thread that began
        it; else it sees by itself that its channel is closed, and may end its own commands first.
        """
        # a system that ends workers with their parent looks at the thread that began them
        parent = os.getpid() if follows and threading.current_thread() is threading.main_thread() else None
        boot = BOOT.format(
            path=list(self.path), init=str(PACKAGE / "__init__.py"), package=str(PACKAGE), module=module, parent=parent,
            token=token,
        )  # fmt: skip
        try:
            return subprocess.Popen(
                [sys.executable, "-P", "-c", boot],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                cwd=self.folder or None,
                env={**self.environment, **environment},
            )
        except FileNotFoundError:
            raise ProfilerError(f"the working folder '{self.folder}' no longer exists; run it in another") from None
        except OSError as fault:
            raise ProfilerError(f"cannot start another process: {fault.strerror}; raise the limits (ulimit -a)") from None


def how_it_ended(code: int) -> str:
    """What is said of a worker that ended before it answered."""
    if code == -9:
        return "its process was killed (signal 9), as the system does when memory runs out"
    return f"its process ended unexpectedly ({f'signal {-code}' if code < 0 else f'exit code {code}'})"
