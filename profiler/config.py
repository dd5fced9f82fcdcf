"""The project's own settings: the `[tool.profiler]` table of the nearest pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from profiler.errors import ProfilerError


@dataclass(frozen=True)
class Config:
    """What a pyproject.toml says of profiler; `Config.nearest()` finds it, as every command does."""

    path: Path | None = None
    """The file; None where there is none with such a table."""
    table: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file as the user would name it from here."""
        return "" if self.path is None else named(self.path)

    @classmethod
    def nearest(cls, start: str | Path | None = None) -> Config:
        """The table of the nearest pyproject.toml that has one, in `start` (the working folder unless given) or above it.

        Raises ProfilerError for a file that is no TOML, or a table that is none.
        """
        folder = Path(start or Path.cwd()).resolve()
        for path in (each / "pyproject.toml" for each in (folder, *folder.parents)):
            if not path.is_file():
                continue
            tool = _read(path).get("tool")
            table = tool.get("profiler") if isinstance(tool, dict) else None
            if table is None:
                continue
            if not isinstance(table, dict):
                raise ProfilerError(
                    f"{named(path)}: tool.profiler is no table; write [tool.profiler] and the settings below it"
                )
            return cls(path, table)
        return cls()


def named(path: Path) -> str:
    """A file below the working folder from there, any other from the root."""
    return str(path.relative_to(here) if path.is_relative_to(here := Path.cwd().resolve()) else path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as fault:
        raise ProfilerError(f"{named(path)} is no TOML: {fault}; mend it there") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise ProfilerError(f"{named(path)} cannot be read: {fault}; mend it, or work in another folder") from None
