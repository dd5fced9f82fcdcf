"""What the figures were made with, and the JSON document that holds both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, structs

SCHEMA = 1
"""Version of the document that JSON files hold; raised when a reader of the old one would misread the new."""


class Environment(Struct, frozen=True):
    """What the figures were made with. Counts do not depend on it."""

    profiler: str
    python: str
    platform: str
    torch: str | None
    fvcore: str | None
    thop: str | None
    date: str


def environment() -> Environment:
    """This machine and the versions of the engines, read without importing them."""
    import platform
    from datetime import UTC, datetime
    from importlib import metadata

    def version(name: str) -> str | None:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    from profiler.version import __version__

    now = datetime.now(UTC).isoformat(timespec="seconds")
    python, host = platform.python_version(), platform.platform()
    return Environment(__version__, python, host, version("torch"), version("fvcore"), version("thop"), now)


def document(
    command: str,
    records: list[dict[str, Any]],
    machine: Mapping[str, Any] | None = None,
    made_with: Mapping[str, Any] | None = None,
    **parts: Any,
) -> dict[str, Any]:
    """The JSON document around `records`; `machine` is what they were measured on, if they were.

    `made_with` is the environment of the run that they were read back from; without one, it is this one's.
    """
    if made_with is None:
        made_with = structs.asdict(environment()) | ({} if machine is None else {"machine": dict(machine)})
    return {"schema": SCHEMA, "command": command, "environment": dict(made_with), "records": records, **parts}
