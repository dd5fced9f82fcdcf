"""What every test shares: properties that draw the same cases in every run, and a folder of temporary files for each worker."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import Phase, settings

# the same examples in every run and on any machine, however busy: no clock, no database
settings.register_profile(
    "same",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
settings.load_profile("same")


def pytest_collection_finish() -> None:
    """What is there by now stays: collecting garbage need not look through it, as a worker on a device does after each network."""
    gc.collect()
    gc.freeze()


# workers of pytest-xdist measure side by side: their own temporary folder gives each a lock on the device of its own
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    own = Path(tempfile.gettempdir()) / f"profiler-tests-{os.getppid()}-{worker}"
    own.mkdir(exist_ok=True)
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(own)
