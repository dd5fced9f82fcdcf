"""`local:N`: a scheduler and N workers on this machine, for trying a fleet out; gone with the command. No torch."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from profiler.errors import ProfilerError
from profiler.fleet.devices import announced
from profiler.fleet.engine import QUIET, engine

LOOPBACK = "127.0.0.1"
DEATHS = 3
"""A job that has ended so many workers is given up."""
MOST = 254


@contextmanager
def local_cluster(workers: int) -> Iterator[Any]:
    """A dask cluster of so many worker processes, each of which announces the devices of this machine.

    Each has a loopback address of its own where the system has several (127.0.0.1, 127.0.0.2 and so on), and stands for a
    machine of its own. Raises ProfilerError.
    """
    if not 1 <= workers <= MOST:
        raise ProfilerError(f"fleet 'local:{workers}' is not of 1 to {MOST} workers; write it as local:2")
    distributed = engine()
    import dask

    devices = announced()
    options = {
        "nthreads": len(devices),
        "resources": dict.fromkeys(devices, 1),
        "memory_limit": 0,
        "silence_logs": logging.CRITICAL,
    }
    spec = {
        f"local-{i + 1}": {"cls": distributed.Nanny, "options": {**options, "name": f"local-{i + 1}", "host": _loopback(i)}}
        for i in range(workers)
    }
    scheduler = {
        "cls": distributed.Scheduler,
        "options": {"host": LOOPBACK, "port": 0, "dashboard_address": f"{LOOPBACK}:0", "allowed_failures": DEATHS - 1},
    }
    with dask.config.set(QUIET), distributed.SpecCluster(spec, scheduler, silence_logs=False) as cluster:
        cluster.wait_for_workers(workers, timeout=60 + 5 * workers / (os.cpu_count() or 1))
        yield cluster


def _loopback(number: int) -> str:
    """The loopback address of a worker; the first one's where the system has no other."""
    address = f"127.0.0.{number + 1}"
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return LOOPBACK
    return address
