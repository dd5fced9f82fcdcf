"""What is there of a fleet: machines, devices, versions, what runs, what was measured last. No torch."""

from __future__ import annotations

from typing import Any

from profiler.fleet.connect import facts_of, opened, workers_of
from profiler.fleet.devices import devices_of
from profiler.fleet.facts import differing, versions
from profiler.measure.devices import kind_of
from profiler.records.listing import Listing
from profiler.study.fleet_job import last_measured

COLUMNS = ("host", "device", "address", "hardware", "versions", "running", "last", "grades")


def fleet_status(address: str) -> Listing:
    """One record a device of the fleet at `address`. Raises ProfilerError, Unavailable."""
    with opened(address) as client:
        workers = workers_of(client)
        said = facts_of(client)
        last = client.run(last_measured, on_error="return")
        running = client.processing()
        names = {at: found["hostname"] for at, found in said.items() if not isinstance(found, BaseException)}
        devices = devices_of(workers, names)
        of_host: dict[str, list[str]] = {}
        for at, worker in workers.items():
            of_host.setdefault(str(worker["host"]), []).append(at)
        records: list[dict[str, Any]] = []
        for host, label, device in devices:
            mine = [at for at in of_host[host] if device in workers[at].get("resources", {})]
            found = next((said[at] for at in mine if not isinstance(said.get(at), BaseException | None)), None)
            before = next((last[at].get(device) for at in mine if isinstance(last.get(at), dict)), None) or {}
            tasks = [str(key) for at in mine for key in running.get(at, ())]
            records.append(
                {
                    "host": label,
                    "device": device,
                    "address": ", ".join(mine),
                    "hardware": found and _hardware(found, device),
                    "versions": _versions(found, next((said[at] for at in mine), None)),
                    "running": ", ".join(tasks) or None,
                    "last": before.get("date"),
                    "grades": ", ".join(f"{count} {grade}" for grade, count in before.get("grades", {}).items()) or None,
                }
            )
    return Listing(records)


def _hardware(found: dict[str, Any], device: str) -> str:
    number = int(device.partition(":")[2] or 0)
    if not kind_of(device).threaded and number < len(found["gpus"]):
        return str(found["gpus"][number])
    return f"{found['cpu']}, {found['processors']} processors"


def _versions(found: dict[str, Any] | None, raw: Any) -> str:
    """Whether they are ours, and what differs."""
    if found is None:
        return f"no profiler there ({raw})" if isinstance(raw, ModuleNotFoundError) else "no answer"
    ours = versions()
    differs = differing(found["versions"], ours)
    return f"differ: {differs}" if differs else f"as here: profiler {ours['profiler']}, torch {ours['torch']}"
