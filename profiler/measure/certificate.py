"""The last selftest's certificate, kept where later results find it. No torch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from profiler.measure import host
from profiler.records.timing import Certificate

NAME = "selftest.json"


def certificate_path() -> Path:
    """Where the last certificate of this user lies."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "profiler" / NAME


def keep(certificate: Certificate) -> None:
    """Write the certificate where later results find it; a cache that cannot be written is none."""
    try:
        certificate_path().parent.mkdir(parents=True, exist_ok=True)
        certificate_path().write_text(json.dumps(certificate.to_dict(), indent=2) + "\n", encoding="utf-8")
    except OSError:
        return


def last_certificate(here: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the last selftest on this machine said, in short; None where there was none."""
    try:
        found = json.loads(certificate_path().read_text(encoding="utf-8"))
        if any(found["machine"].get(name) != here[name] for name in host.SAME_MACHINE):
            return None
        return {"date": found["date"], "passed": found["passed"], "checks": {c["check"]: c["passed"] for c in found["checks"]}}
    except (OSError, ValueError, KeyError, TypeError):
        return None
