"""dask.distributed, loaded where a fleet is used, with its own log kept off the terminal. No torch."""

from __future__ import annotations

import logging
from typing import Any

from profiler.errors import Unavailable

LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application", "asyncio")
"""Those of dask that have a level of their own."""
QUIET = {
    "logging": {"distributed": "critical"},
    "distributed.worker.profile.enabled": False,
    "distributed.nanny.pre-spawn-environ": {},
    "distributed.nanny.environ": {},
}
"""Settings of a worker that measures. Unless told otherwise dask logs to stderr, samples the stacks of its threads 100 times a
second, and sets variables that change how measured code allocates memory."""


def engine() -> Any:
    """The package `distributed`. Raises Unavailable where it is not installed."""
    try:
        import distributed
    except ImportError:
        raise Unavailable("a fleet needs dask.distributed; pip install 'arch-profiler[fleet]'") from None
    return distributed


def silence() -> None:
    """Keep dask's log off stderr: what must be known of it is said in a sentence of ours."""
    engine()
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
