"""A folder of the user's own, which nobody else may write to, and its files, opened without following links. No torch.

What a run leaves behind without being asked for a place stands there: locks, samples, certificates, earlier runs.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from profiler.errors import ProfilerError

NAME = "profiler"
LARGEST = 16 << 20
"""Bytes of a file that is read here, at most."""
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


def cache_folder() -> Path | None:
    """The user's cache of this program; where that cannot be, a folder for temporary files; None where neither can."""
    with suppress(OSError, RuntimeError, ProfilerError):  # RuntimeError: nobody knows the home
        return _owned(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / NAME)
    with suppress(ProfilerError):
        return temporary_folder()
    return None


def temporary_folder() -> Path:
    """The user's folder on this machine alone, where locks stand. Raises ProfilerError."""
    folder = Path(tempfile.gettempdir()) / f"{NAME}-{_user()}"
    try:
        return _owned(folder)
    except OSError as fault:
        raise ProfilerError(f"folder '{folder}' cannot be made: {fault.strerror}; set TMPDIR to another folder") from None


def _owned(folder: Path) -> Path:
    """The folder, made if it is not there. Raises OSError, ProfilerError where it is somebody else's, or is none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if os.name == "posix":
        link, found = folder.lstat(), folder.stat()  # a link to another disk is fine where the user made it
        if not stat.S_ISDIR(found.st_mode) or {link.st_uid, found.st_uid} != {os.geteuid()}:
            raise ProfilerError(f"'{folder}' is not a folder of yours; remove it, or set TMPDIR to another folder")
        if found.st_mode & 0o077:
            folder.chmod(0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ProfilerError(f"folder '{folder}' may not be written to; set TMPDIR to another folder")
    return folder


def _user() -> str:
    return str(os.geteuid()) if os.name == "posix" else os.environ.get("USERNAME", "user")


def what_else(path: Path) -> str:
    """What stands in the place of a file of ours, in words; empty where it is such a file, or nothing is there.

    A file of ours is a regular one that the user owns, has under one name only and may read and write.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return ""
    except OSError as fault:
        return f"out of reach ({fault.strerror})"
    kinds = {
        stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    }  # fmt: skip
    kind = kinds.get(stat.S_IFMT(found.st_mode))
    if kind is not None:
        return kind
    if os.name == "posix" and found.st_uid != os.geteuid():
        return "another user's file"
    if found.st_nlink > 1:
        return "a file that has another name too"
    return "" if os.access(path, os.R_OK | os.W_OK) else "a file that may not be read and written"


def read(path: Path) -> str | None:
    """The text of a file of ours, bytes that are not text replaced; None where there is no such file, or it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file, suppress(OSError):
        return file.read(LARGEST).decode("utf-8", errors="replace")
    return None


def write(path: Path, text: str) -> bool:
    """Put a file there, whole or not at all, readable by the user alone; False where it cannot be. A link is replaced."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with suppress(FileNotFoundError):
            beside.unlink()
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        return False
    return True


def printable(text: str, most: int = 80) -> str:
    """Text of a file as it may stand on a terminal: one line, no control characters, not endless."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:most]
