"""A thousand workers of dask on one machine, each a device: what the scheduler and a client spend on so many. Tasks sleep."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.fleet_processes import FleetProcesses, wait_until
from profiler.errors import Unavailable
from profiler.fleet.connect import connected, fleet_devices, opened, workers_of
from profiler.fleet.devices import FleetDevice
from profiler.fleet.dispatch import Call, Ended, dispatched

WORKERS, PROCESSES = 1000, 4
SLEEP_S, BYTES = 5.0, 100_000
"""What stands for a job: so many seconds without work, and a file of samples that comes back."""
CODE = """
import asyncio, sys
from benchmarks.fleet_many import hold
asyncio.run(hold(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""
JOBS = 1
"""A device."""


def stand_in(number: int) -> bytes:
    """A job that takes no processor: a device measures, and its host waits."""
    time.sleep(SLEEP_S)
    return number.to_bytes(4, "big") * (BYTES // 4)


def _number(number: int, device: FleetDevice) -> int:  # noqa: ARG001  # a job may depend on its device
    return number


async def hold(address: str, first: int, count: int) -> None:
    """So many workers in this process, each on a loopback address of its own."""
    import distributed

    limit = asyncio.Semaphore(25)
    made = []

    async def one(number: int) -> None:
        async with limit:
            host = f"127.{1 + number // 65_000}.{number // 250 % 250}.{number % 250 + 1}"
            worker = distributed.Worker(
                address, nthreads=1, resources={"cpu": 1}, host=host, name=f"board{number:04}", dashboard=False, memory_limit=0
            )
            made.append(await worker)

    await asyncio.gather(*(one(number) for number in range(first, first + count)))
    print("ready", flush=True)
    await asyncio.gather(*(worker.finished() for worker in made))


def resident(process: int) -> int:
    """Bytes in memory."""
    fields = Path(f"/proc/{process}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def processor_s(process: int) -> float:
    """Seconds of processor time."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def many(folder: Path) -> list[str]:
    """The simulation."""
    fleet = FleetProcesses(folder)
    fleet.start_scheduler()
    assert fleet.scheduler is not None
    scheduler = fleet.scheduler.pid
    each = WORKERS // PROCESSES
    begun = time.monotonic()
    environment = {
        **fleet.environment,
        "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
        # each worker reads its process's figures twice a second, which keeps this machine busy where a thousand do
        "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "60s",
        "DASK_LOGGING__DISTRIBUTED": "critical",
    }
    holders = [
        subprocess.Popen([sys.executable, "-c", CODE, fleet.address, str(i * each), str(each)], env=environment, cwd=fleet.code,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for i in range(PROCESSES)
    ]  # fmt: skip
    try:
        with_none = resident(scheduler)
        wait_for(fleet, WORKERS)
        joined = time.monotonic() - begun
        with_all = resident(scheduler)
        idle = processor_s(scheduler)
        time.sleep(10)
        idle = (processor_s(scheduler) - idle) / 10
        begun = time.monotonic()
        with connected(fleet.address, ["cpu"]) as client:
            devices = fleet_devices(client)
            asked = time.monotonic() - begun
            calls = [Call(f"job{i:05}", partial(_number, i), [device]) for i, device in enumerate(devices * JOBS)]
            used, begun = processor_s(scheduler), time.monotonic()
            mine = time.process_time()
            ends: list[float] = []
            for event in dispatched(client, stand_in, calls):
                if isinstance(event, Ended):
                    assert event.value == event.number.to_bytes(4, "big") * (BYTES // 4), event.reason
                    ends.append(time.monotonic() - begun)
            wall = time.monotonic() - begun
            used, mine = processor_s(scheduler) - used, time.process_time() - mine
            most = resident(scheduler)
    finally:
        for process in holders:
            process.kill()
            process.wait()
        fleet.end()
    jobs, mib, plain = len(calls), 2**20, JOBS * SLEEP_S
    return [
        f"- {WORKERS:,} workers in {PROCESSES} processes (no nannies, no torch; each its own loopback address, one `cpu`) "
        f"joined a scheduler in {joined:.0f} s; it held {with_none / mib:.0f} MiB before and {with_all / mib:.0f} MiB with "
        f"all ({(with_all - with_none) / WORKERS / 1024:.0f} KiB a worker), and spent {100 * idle:.0f} % of a processor on "
        "them idle.",
        f"- Connecting, and asking all for their versions and devices: {asked:.1f} s.",
        f"- {jobs:,} jobs that sleep {SLEEP_S:g} s and return {BYTES // 1000} kB, {JOBS} a device, by the client's own "
        f"dispatch: {wall:.0f} s, half of them after {median(ends):.0f} s ({plain:g} s would be without any overhead).",
        f"- The scheduler spent {1e3 * used / jobs:.1f} ms of processor a job, the client {1e3 * mine / jobs:.1f} ms; the "
        f"scheduler held {most / mib:.0f} MiB at the end.",
    ]


def wait_for(fleet: FleetProcesses, workers: int) -> None:
    """Until so many have joined."""

    def there() -> bool:
        try:
            with opened(fleet.address) as client:
                return len(workers_of(client)) == workers
        except Unavailable:  # none as yet
            return False

    wait_until(there, f"{workers} workers", 900)
