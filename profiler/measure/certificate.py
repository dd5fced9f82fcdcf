"""The last selftest's certificate, kept where later results find it. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from profiler.measure import host, own_folder
from profiler.records.timing import Certificate

NAME = "selftest.json"


class _Check(msgspec.Struct):
    check: str
    passed: bool


class _Kept(msgspec.Struct):
    """What is read of a certificate; whatever else the file holds is passed over."""

    date: str
    machine: dict[str, Any]
    passed: bool
    checks: list[_Check]


def certificate_path() -> Path | None:
    """Where the last certificate of this user lies; None where there is no place for one."""
    folder = own_folder.cache_folder()
    return None if folder is None else folder / NAME


def keep(certificate: Certificate) -> None:
    """Write the certificate where later results find it; a cache that cannot be written is none."""
    path = certificate_path()
    if path is not None:
        own_folder.write(path, json.dumps(certificate.to_dict(), indent=2) + "\n")


def last_certificate(here: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the last selftest on this machine said, in short; None where there was none, or its file holds something else."""
    found = _read()
    if found is None or any(found.machine.get(name) != here[name] for name in host.SAME_MACHINE):
        return None
    checks = {own_folder.printable(each.check): each.passed for each in found.checks}
    return {"date": own_folder.printable(found.date), "passed": found.passed, "checks": checks}


def _read() -> _Kept | None:
    path = certificate_path()
    text = None if path is None else own_folder.read(path)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=_Kept)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
