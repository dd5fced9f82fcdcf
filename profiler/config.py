"""The project's own settings: the `[tool.profiler]` table of the nearest pyproject.toml."""

from __future__ import annotations

import os
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
    """The file; None if no pyproject.toml has such a table."""
    table: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file as the user would name it from here."""
        return "" if self.path is None else named(self.path)

    @classmethod
    def nearest(cls, start: str | Path | None = None) -> Config:
        """The table of the nearest pyproject.toml that has one, in `start` (the working folder unless given) or above it.

        Raises ProfilerError for invalid TOML, a `tool.profiler` that is not a table, or a folder that is gone or unreadable.
        """
        folder = _folder(start)
        for path in (each / "pyproject.toml" for each in (folder, *folder.parents)):
            if not _is_file(path):
                continue
            tool = _read(path).get("tool")
            table = tool.get("profiler") if isinstance(tool, dict) else None
            if table is None:
                continue
            if not isinstance(table, dict):
                raise ProfilerError(
                    f"{named(path)}: tool.profiler must be a table; write [tool.profiler] and the settings below it"
                )
            return cls(path, table)
        return cls()


def named(path: Path) -> str:
    """A file below the working folder from there, any other from the root."""
    try:
        here = Path.cwd().resolve()
    except OSError:  # it is gone
        return str(path)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _folder(start: str | Path | None) -> Path:
    if start is not None and not isinstance(start, str | os.PathLike):
        raise ProfilerError(f"start must be the name of a folder, not {type(start).__name__}")
    try:
        return Path(start or Path.cwd()).resolve()
    except FileNotFoundError:
        raise ProfilerError("the working folder no longer exists; change to another") from None
    except (OSError, ValueError) as fault:
        what = fault.strerror if isinstance(fault, OSError) else fault
        where = "the working folder" if start is None else repr(str(start))
        raise ProfilerError(f"{where} cannot be read: {what}; choose another") from None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as fault:
        raise ProfilerError(
            f"'{path}' cannot be read: {fault.strerror}; allow its folder to be read, or work in another folder"
        ) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as fault:
        raise ProfilerError(f"{named(path)} is not valid TOML: {fault}; fix it") from None
    except OSError as fault:
        raise ProfilerError(f"{named(path)} cannot be read: {fault.strerror}; fix it, or work in another folder") from None
    except ValueError as fault:  # no UTF-8, or a number of more digits than Python reads
        raise ProfilerError(f"{named(path)} cannot be read: {fault}; fix it, or work in another folder") from None
    except RecursionError:
        raise ProfilerError(f"{named(path)} is nested too deeply; fix it, or work in another folder") from None
