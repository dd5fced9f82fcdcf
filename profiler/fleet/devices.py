"""The devices that a worker announces as dask resources, and those that a fleet has. No torch in this process."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from profiler.errors import ProfilerError, Unavailable
from profiler.measure.devices import here

NAME = re.compile(r"[a-z]+(:\d+)?")
"""How a resource is called that is a device: cpu, cuda:0."""


def announced(asked: str | None = None) -> list[str]:
    """The devices of this machine, as cpu, cuda:0; with `asked` those of a list with commas.

    Raises ProfilerError, Unavailable.
    """
    there = here()
    if asked is None:
        return there
    names = list(dict.fromkeys(name.strip() for name in asked.split(",") if name.strip()))
    for name in names:
        if not NAME.fullmatch(name):
            raise ProfilerError(f"device '{name}' is not a name of one; write it as cpu or cuda:0")
        if name not in there:
            raise Unavailable(f"device '{name}' is not on this machine, which has {', '.join(there)}; announce one of these")
    if not names:
        raise ProfilerError(f"devices '{asked}' names nothing; write it as cpu,cuda:0")
    return names


class FleetDevice(NamedTuple):
    """A device of a machine of the fleet."""

    host: str
    """The address of its machine, by which dask knows it."""
    label: str
    """What its machine is called in tables."""
    device: str
    """As it is announced: cpu, cuda:0."""


def devices_of(workers: Mapping[str, Mapping[str, Any]], hostnames: Mapping[str, str]) -> list[FleetDevice]:
    """The devices that workers announce, each once, by machine; `workers` as dask's scheduler_info has them.

    A machine is called by the name that its worker was given, else by its host name; where two would be called alike, by its
    address too.
    """
    names: dict[str, str] = {}
    found: dict[tuple[str, str], None] = {}
    for address, worker in sorted(workers.items(), key=lambda item: _numbers(str(item[1]["host"]))):
        host, name = str(worker["host"]), worker.get("name")
        given = str(name) if name is not None and str(name) != address and "://" not in str(name) else ""
        names.setdefault(host, given or hostnames.get(address) or host)
        found |= {(host, resource): None for resource in worker.get("resources", {}) if NAME.fullmatch(resource)}
    alike = [name for name in names.values() if list(names.values()).count(name) > 1]
    labels = {host: f"{name} ({host})" if name in alike and name != host else name for host, name in names.items()}
    return [FleetDevice(host, labels[host], device) for host, device in found]


def check_announced(wanted: Sequence[str], resources: Sequence[str], address: str) -> None:
    """Refuses a device that no worker announces, for which dask would wait for ever. Raises Unavailable."""
    for name in wanted:
        if name not in resources:
            has = f"its workers announce {', '.join(dict.fromkeys(resources))}" if resources else "its workers announce none"
            raise Unavailable(
                f"device '{name}' is on no worker of the fleet at '{address}': {has}; "
                f'start one with: profiler fleet worker ADDRESS, or dask worker ADDRESS --resources "{name}=1"'
            )


def _numbers(host: str) -> list[tuple[int, int, str]]:
    """An address so that 127.0.0.10 stands behind 127.0.0.9."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"[.:]", host)]
