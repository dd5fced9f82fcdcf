"""Calls on devices of a fleet: one at a time on each, none lost with its worker, its machine or the scheduler. No torch.

dask.distributed carries the calls, holds each device to one call by its resources, sends a call again when its worker dies and
gives up one that ends several. What is added here: a call stays on its machine, whose disk has what it did so far, as long as
that comes back.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from profiler.errors import Unavailable, shortened
from profiler.fleet.connect import workers_of
from profiler.fleet.devices import FleetDevice
from profiler.fleet.engine import engine

if TYPE_CHECKING:
    from distributed import Client, Future

TICK_S = 0.5
LOOK_S = 2.0
"""How often the scheduler is asked which machines are there."""
DEVICES_A_SECOND = 50
"""Of many machines it is asked less often: its answer tells of each, and takes it a second of a thousand."""
RETURN_S = 30.0
"""How long a machine without a worker may take to have one again: a nanny takes some seconds."""
RECONNECT_S = 60.0
"""How long a scheduler may be gone."""


class Call(NamedTuple):
    """Something to be done on one of several devices."""

    name: str
    argument: Callable[[FleetDevice], Any]
    """What it is called with on one of them."""
    devices: Sequence[FleetDevice]


class Ended(NamedTuple):
    """A call that is over."""

    number: int
    device: FleetDevice
    value: Any
    """What it returned; None where it failed."""
    reason: str = ""
    """Why it failed."""
    killed: bool = False
    """Whether dask gave it up since workers died while they ran it."""


class Moved(NamedTuple):
    """A call that begins anew, since its machine is gone."""

    number: int
    device: FleetDevice
    """Where it was."""


class Running(NamedTuple):
    """Nothing has ended meanwhile: how many calls are on devices."""

    calls: int


class SchedulerLost(Unavailable):
    """The scheduler is gone and did not come back."""


def dispatched(
    client: Client, function: Callable[[Any], Any], calls: Sequence[Call]
) -> Generator[Ended | Moved | Running, None, None]:
    """Run `function` on the argument of each call, on one of its devices; events as they come, in no order.

    Closed or interrupted before its end, it cancels what runs. Raises SchedulerLost.
    """
    run = _Run(client, function, calls)
    try:
        yield from run.events()
    finally:
        run.cancel()


class _Run:
    def __init__(self, client: Client, function: Callable[[Any], Any], calls: Sequence[Call]) -> None:
        self.client, self.function, self.calls = client, function, calls
        self.waiting = deque(range(len(calls)))
        self.busy: dict[FleetDevice, tuple[int, Future[Any]]] = {}
        self.at: dict[int, FleetDevice] = {}
        """Where each call was sent last."""
        self.gone: set[str] = set()
        self.away: dict[str, float] = {}
        """{machine: since when it has had no worker}."""
        self.devices = len({device for call in calls for device in call.devices})
        self.attempts = 0
        self.ended = threading.Event()
        """Set when a call is over."""
        self.looked = time.monotonic()
        self.lost_since: float | None = None

    def events(self) -> Generator[Ended | Moved | Running, None, None]:
        while self.waiting or self.busy:
            self._submit()
            self._wait()
            yield Running(len(self.busy))
            yield from self._collected()
            self._check_scheduler()
            yield from self._look()

    def cancel(self) -> None:
        futures = [future for _, future in self.busy.values()]
        self.busy.clear()
        if futures and self.client.status == "running":
            with suppress(Exception):  # a scheduler that ends meanwhile has no more tasks
                self.client.cancel(futures, force=True)

    def _submit(self) -> None:
        """A call on every device that has none; calls that must wait keep their order."""
        if self.client.status != "running":
            return
        kept: list[int] = []
        while self.waiting:
            number = self.waiting.popleft()
            there = self.at.get(number)  # whose disk has what it did so far
            mine = self.calls[number].devices if there is None or there.host in self.gone else [there]
            free = [each for each in mine if each not in self.busy and each.host not in self.away]
            if not free:
                kept.append(number)
                continue
            self.attempts += 1
            call, device = self.calls[number], free[0]
            future = self.client.submit(
                self.function, call.argument(device), key=f"{call.name}-{self.attempts}", pure=False,
                resources={device.device: 1}, workers=[device.host], allow_other_workers=False,
            )  # fmt: skip
            future.add_done_callback(lambda _: self.ended.set())
            self.busy[device], self.at[number] = (number, future), device
        self.waiting.extend(kept)

    def _wait(self) -> None:
        if not any(future.done() for _, future in self.busy.values()):
            self.ended.wait(TICK_S)
        self.ended.clear()

    def _collected(self) -> Iterable[Ended]:
        for device, (number, future) in list(self.busy.items()):
            if not future.done():
                continue
            del self.busy[device]
            if future.status in ("cancelled", "lost"):  # with the scheduler that knew it
                self.waiting.appendleft(number)
                if self.client.status == "running":
                    time.sleep(TICK_S)
                continue
            try:
                yield Ended(number, device, future.result())
            except Exception as fault:  # whatever the function raised there, or dask
                if self.client.status == "running":
                    killed = isinstance(fault, engine().KilledWorker)
                    yield Ended(number, device, None, reason_of(fault), killed)
                else:
                    self.waiting.appendleft(number)
            future.release()

    def _check_scheduler(self) -> None:
        """Raises SchedulerLost."""
        if self.client.status == "running":
            self.lost_since = None
            return
        self.lost_since = self.lost_since or time.monotonic()
        if self.client.status in ("closed", "closing") or time.monotonic() - self.lost_since > RECONNECT_S:
            raise SchedulerLost("the scheduler is gone, and did not come back; start it again")
        time.sleep(TICK_S)

    def _look(self) -> Iterable[Ended | Moved]:
        """See which machines are there; what waits for one that is gone moves, or fails."""
        now = time.monotonic()
        if now - self.looked < LOOK_S + self.devices / DEVICES_A_SECOND or self.client.status != "running":
            return
        self.looked = now
        try:
            there = {str(worker["host"]) for worker in workers_of(self.client).values()}
        except Exception:  # the scheduler, which the next look at the client's status tells of
            return
        hosts = {each.host for call in self.calls for each in call.devices}
        self.away = {host: self.away.get(host, now) for host in hosts - there}
        gone = self.gone = {host for host, since in self.away.items() if now - since > RETURN_S}
        for device, (number, future) in list(self.busy.items()):
            if device.host not in gone:
                continue
            del self.busy[device]
            with suppress(Exception):
                self.client.cancel([future], force=True)
            if any(each.host not in gone for each in self.calls[number].devices):
                self.waiting.appendleft(number)
                yield Moved(number, device)
            else:
                yield Ended(number, device, None, _gone(device))
        for number in list(self.waiting):
            devices = self.calls[number].devices
            if all(each.host in gone for each in devices):
                self.waiting.remove(number)
                yield Ended(number, devices[0], None, _gone(devices[0]))


def _gone(device: FleetDevice) -> str:
    return f"{device.label} left the fleet and was not back within {RETURN_S:g} s"


def reason_of(fault: BaseException) -> str:
    """Why a call failed, in words."""
    distributed = engine()
    if isinstance(fault, distributed.KilledWorker):
        return f"{fault.allowed_failures + 1} workers died of it, one after the other"
    said = " ".join(str(fault).split())
    return shortened(said if type(fault).__module__.startswith("profiler.") else f"{type(fault).__name__}: {said}", 300)
