"""Workers of pytest-xdist measure side by side: each has a folder for temporary files, and so a lock on the device, of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    own = Path(tempfile.gettempdir()) / f"profiler-tests-{os.getppid()}-{worker}"
    own.mkdir(exist_ok=True)
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(own)
