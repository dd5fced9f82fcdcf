"""Connecting to a fleet: what is refused, in a sentence, before anything is sent; real processes on loopback."""

from __future__ import annotations

import pytest

from profiler.errors import ProfilerError, Unavailable
from profiler.fleet.connect import connected, fleet_devices
from profiler.fleet.devices import FleetDevice, devices_of
from profiler.fleet.facts import differing, versions


@pytest.mark.parametrize(
    ("address", "fault", "words"),
    [
        ("nowhere", ProfilerError, "unknown fleet address 'nowhere'; give tcp://HOST:8786"),
        ("http://127.0.0.1:8786", ProfilerError, "unknown fleet address"),
        ("local:", ProfilerError, "does not say how many workers; write it as local:2"),
        ("local:two", ProfilerError, "does not say how many workers"),
        ("local:0", ProfilerError, "is not of 1 to 254 workers"),
        ("local:9999", ProfilerError, "is not of 1 to 254 workers"),
        ("absent/scheduler.json", Unavailable, "there is no such file"),
        ("tls://127.0.0.1:9", Unavailable, "see distributed.comm.tls in dask's configuration"),
    ],
)
def test_what_is_no_fleet_is_refused(address: str, fault: type[ProfilerError], words: str) -> None:
    with pytest.raises(fault, match=r"fleet|scheduler") as raised, connected(address):
        pass
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profiler.fleet.connect.PATIENCE_S", 1.0)
    with (
        pytest.raises(Unavailable, match=r"no scheduler answers at 'tcp://127\.0\.0\.1:9' within 1 s"),
        connected("tcp://127.0.0.1:9"),
    ):
        pass


def test_a_local_fleet() -> None:
    """Two workers on two loopback addresses, each of which does what is sent to it alone; a device that none has is refused."""
    with connected("local:2", devices=["cpu"], runtimes=["onnxruntime"]) as client:
        devices = fleet_devices(client)
        assert devices == [FleetDevice("127.0.0.1", "local-1", "cpu"), FleetDevice("127.0.0.2", "local-2", "cpu")]
        ran = [client.submit(pow, 2, 10 + i, resources={"cpu": 1}, workers=[each.host]) for i, each in enumerate(devices)]
        assert client.gather(ran) == [1024, 2048]
        assert ["127.0.0." in next(iter(client.who_has(each)[each.key])) for each in ran] == [True, True]


def test_a_device_that_no_worker_has() -> None:
    with (
        pytest.raises(Unavailable, match="device 'cuda:7' is on no worker of the fleet at 'local:1': its workers announce cpu"),
        connected("local:1", devices=["cpu", "cuda:7"]),
    ):
        pass


def test_versions_that_differ() -> None:
    ours = versions(["onnxruntime"])
    assert set(ours) == {"profiler", "protocol", "python", "torch", "dask", "onnxruntime"}
    assert differing(ours, ours) == ""
    assert differing({**ours, "torch": "2.1.0"}, ours) == f"torch 2.1.0, and this is {ours['torch']}"
    assert differing({**ours, "onnxruntime": None}, ours) == f"onnxruntime missing, and this is {ours['onnxruntime']}"


def test_devices_of_workers() -> None:
    """By machine, in the order of their addresses; resources that are no devices are left out; names that are alike told apart."""

    def worker(host: str, name: str, **resources: float) -> dict[str, object]:
        return {"host": host, "name": name, "resources": {key.replace("_", ":"): value for key, value in resources.items()}}

    workers = {
        "tcp://10.0.0.12:1": worker("10.0.0.12", "tcp://10.0.0.12:1", cpu=1, cuda_0=1, MEMORY=100),
        "tcp://10.0.0.9:1": worker("10.0.0.9", "pi", cpu=1),
        "tcp://10.0.0.9:2": worker("10.0.0.9", "pi-too", cpu=1),
        "tcp://10.0.0.10:1": worker("10.0.0.10", "pi", cpu=1),
    }
    assert devices_of(workers, {"tcp://10.0.0.12:1": "big"}) == [
        FleetDevice("10.0.0.9", "pi (10.0.0.9)", "cpu"),
        FleetDevice("10.0.0.10", "pi (10.0.0.10)", "cpu"),
        FleetDevice("10.0.0.12", "big", "cpu"),
        FleetDevice("10.0.0.12", "big", "cuda:0"),
    ]
