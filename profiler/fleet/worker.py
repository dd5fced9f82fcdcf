"""A worker of a fleet: a dask worker under a nanny that announces this machine's devices, until it is told to end. No torch."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from profiler.errors import ProfilerError, shortened
from profiler.fleet.connect import EXAMPLE
from profiler.fleet.engine import QUIET, engine, silence

LOOPBACK = "127.0.0.1"
AGAIN_S = 2.0
"""Between two tries to reach the scheduler."""


def run_worker(
    address: str, devices: Sequence[str], say: Callable[[str], None], host: str | None = None, name: str | None = None
) -> None:
    """Work for the scheduler at `address` on these devices until SIGINT or SIGTERM; wait for one that is gone.

    Listens on `host`, loopback unless given. Raises ProfilerError where the scheduler could not reach it there.
    """
    where: dict[str, Any] = {"scheduler_ip": address}
    if not address.startswith(("tcp://", "tls://")):
        if not address.endswith(".json"):
            raise ProfilerError(f"unknown scheduler address '{address}'; {EXAMPLE.partition(', or local')[0]}")
        where = {"scheduler_file": address}
    elif host is None and not _is_loopback(urlsplit(address).hostname or ""):
        raise ProfilerError(
            f"the scheduler at '{address}' cannot reach a worker that listens on loopback alone; give --host with an address "
            "of this machine on a network that you trust"
        )
    silence()
    import dask

    options = {
        **where, "nthreads": len(devices), "resources": dict.fromkeys(devices, 1), "memory_limit": 0, "name": name,
        "host": host or LOOPBACK, "silence_logs": logging.CRITICAL,
    }  # fmt: skip
    if address.startswith("tls://"):
        options["protocol"] = "tls"
    with dask.config.set(QUIET):
        asyncio.run(_work(options, address, devices, say))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host).is_loopback
    with suppress(OSError):
        return ip_address(socket.gethostbyname(host)).is_loopback
    return False


async def _work(options: dict[str, Any], address: str, devices: Sequence[str], say: Callable[[str], None]) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, ending.set)
    waited = False
    while not ending.is_set():
        if "scheduler_file" in options and not Path(address).is_file():
            why: str | None = f"there is no file '{address}'"
        else:
            why = await _until_gone(options, ending, lambda where: say(f"{where} works on {', '.join(devices)} for {address}"))
        if why is None:
            waited = False
        elif not waited:
            say(f"waiting for the scheduler at {address} ({why}); Ctrl-C gives up")
            waited = True
        with suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), AGAIN_S)


async def _until_gone(options: dict[str, Any], ending: asyncio.Event, begun: Callable[[str], None]) -> str | None:
    """A nanny with its worker, until the end or until the scheduler is gone: None, or why it could not begin."""
    nanny = engine().Nanny(**options)
    stop, start = asyncio.ensure_future(ending.wait()), asyncio.ensure_future(_started(nanny))
    try:
        await asyncio.wait([stop, start], return_when=asyncio.FIRST_COMPLETED)
        if not start.done():
            return None
        why = start.result()
        if why is not None:
            return why
        begun(str(nanny.worker_address))
        gone = asyncio.ensure_future(nanny.finished())
        await asyncio.wait([stop, gone], return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        return None
    finally:
        stop.cancel()
        start.cancel()
        with suppress(Exception):  # a scheduler that is gone cannot be told
            await nanny.close(timeout=5)


async def _started(nanny: Any) -> str | None:
    try:
        await nanny
    except Exception as fault:  # whatever dask and its transport raise
        return shortened(str(fault.__cause__ or fault) or type(fault).__name__, 160)
    return None
