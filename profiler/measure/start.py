"""Where a process stood when it was asked to measure: folder, path of imports, environment; workers begin there too. No torch.

What the measured code changes afterwards (`os.chdir`, `sys.path`) changes nothing of where it is looked for.
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

PACKAGE = Path(__file__).resolve().parents[1]
# this package is the one that runs here, whatever is called so in the folders of the path, which is the caller's, in its order
BOOT = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
sys.path[:] = {path!r}
spec = spec_from_file_location("profiler", {init!r}, submodule_search_locations=[{package!r}])
sys.modules["profiler"] = package = module_from_spec(spec)
spec.loader.exec_module(package)
from profiler.measure.worker import main
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

    def worker(self, token: bytes, **environment: str) -> subprocess.Popen[bytes]:
        """A worker that begins there, with more in its environment, and marks its answers by `token`. Raises ProfilerError."""
        # a system that ends workers with their parent looks at the thread that began them
        parent = os.getpid() if threading.current_thread() is threading.main_thread() else None
        boot = BOOT.format(
            path=list(self.path), init=str(PACKAGE / "__init__.py"), package=str(PACKAGE), parent=parent, token=token
        )
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
            raise ProfilerError(
                f"cannot start a process to measure in: {fault.strerror}; raise the limits (ulimit -a)"
            ) from None
