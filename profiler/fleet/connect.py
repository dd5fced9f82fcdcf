"""Connecting to a fleet: an address → a dask client, whose workers said what they are before work is sent. No torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiler.errors import ProfilerError, Unavailable, shortened
from profiler.fleet.devices import FleetDevice, check_announced, devices_of
from profiler.fleet.engine import engine, silence
from profiler.fleet.facts import differing, facts, versions
from profiler.fleet.local import local_cluster

if TYPE_CHECKING:
    from distributed import Client

PATIENCE_S = 10.0
"""How long a scheduler may take to answer."""
EXAMPLE = "give tcp://HOST:8786, tls://HOST:8786, the scheduler.json that a scheduler wrote, or local:2 to try it out"
MOST_NAMED = 4


@contextmanager
def connected(address: str, devices: Sequence[str] = (), runtimes: Sequence[str] = ()) -> Iterator[Client]:
    """A client of the fleet at `address`, for the time of a with block.

    `devices` must each be announced by a worker, `runtimes` are those that the work runs in. Every worker has been asked for
    its versions, and has ours.
    Raises ProfilerError for an invalid address and for workers of other versions; Unavailable where dask.distributed, the
    scheduler, a worker or a device is missing.
    """
    with opened(address) as client:
        workers = workers_of(client)
        check_announced(devices, [name for worker in workers.values() for name in worker.get("resources", {})], address)
        check_versions(client, runtimes)
        yield client


@contextmanager
def opened(address: str) -> Iterator[Client]:
    """The same of workers of any version. Raises ProfilerError, Unavailable."""
    silence()
    with _opened(address) as client:
        if not workers_of(client):
            raise Unavailable(f"the fleet at '{address}' has no workers; start one with: profiler fleet worker {address}")
        yield client


@contextmanager
def _opened(address: str) -> Iterator[Client]:
    if address.startswith("local:"):
        number = address.removeprefix("local:")
        if not number.isdecimal() or len(number) > 4:
            raise ProfilerError(f"fleet '{address}' does not say how many workers; write it as local:2")
        with local_cluster(int(number)) as cluster, _client(address, address=cluster) as client:
            yield client
        return
    if address.startswith(("tcp://", "tls://")):
        with _client(address, address=address) as client:
            yield client
        return
    path = Path(address)
    if path.suffix != ".json":
        raise ProfilerError(f"unknown fleet address '{address}'; {EXAMPLE}")
    if not path.is_file():
        raise Unavailable(f"fleet '{address}': there is no such file; {EXAMPLE}")
    with _client(address, scheduler_file=address) as client:
        yield client


@contextmanager
def _client(said: str, **where: Any) -> Iterator[Client]:
    """A client that is closed in the end, whatever became of the scheduler. Raises Unavailable."""
    distributed = engine()
    try:
        with warnings.catch_warnings():  # of versions that differ, which are checked by worker, in a sentence
            warnings.simplefilter("ignore")
            client = distributed.Client(**where, timeout=PATIENCE_S, set_as_default=False)
    except Exception as fault:  # whatever dask and its transport raise
        why = shortened(str(fault) or type(fault).__name__, 160)
        cure = "see distributed.comm.tls in dask's configuration" if "tls" in said else "start one with: dask scheduler"
        raise Unavailable(f"no scheduler answers at '{said}' within {PATIENCE_S:g} s ({why}); {cure}") from None
    try:
        yield client
    finally:
        with suppress(Exception):  # a scheduler that is gone
            client.close(timeout=2)


def workers_of(client: Client) -> dict[str, dict[str, Any]]:
    """{address: what the scheduler knows of that worker}, of all of them."""
    found: dict[str, dict[str, Any]] = dict(client.scheduler_info(n_workers=-1)["workers"])
    return found


def facts_of(client: Client, runtimes: Sequence[str] = ()) -> dict[str, Any]:
    """{address: what the worker says of itself, or the exception that it raised}."""
    found: dict[str, Any] = client.run(facts, tuple(runtimes), on_error="return")
    return found


def check_versions(client: Client, runtimes: Sequence[str] = ()) -> None:
    """Refuses workers whose versions are not ours, by name. Raises ProfilerError."""
    ours, workers = versions(runtimes), workers_of(client)
    refused = []
    for address, said in facts_of(client, runtimes).items():
        if isinstance(said, OSError):  # it is gone, and its nanny begins another
            continue
        found = _cannot_say(said) if isinstance(said, BaseException) else differing(said["versions"], ours)
        if found:
            name = workers.get(address, {}).get("name", address)
            refused.append(f"worker {name} has {found}" if name == address else f"worker {name} ({address}) has {found}")
    if refused:
        more = f"; and {len(refused) - MOST_NAMED} more" if len(refused) > MOST_NAMED else ""
        raise ProfilerError(f"{'; '.join(refused[:MOST_NAMED])}{more}; install the same versions there, or end those workers")


def _cannot_say(fault: BaseException) -> str:
    if isinstance(fault, ModuleNotFoundError):
        return f"no {fault.name or 'profiler'} (pip install arch-profiler there)"
    return f"no answer ({shortened(f'{type(fault).__name__}: {fault}', 120)})"


def fleet_devices(client: Client) -> list[FleetDevice]:
    """The devices of the fleet, by machine."""
    names = {at: said["hostname"] for at, said in facts_of(client).items() if not isinstance(said, BaseException)}
    return devices_of(workers_of(client), names)
