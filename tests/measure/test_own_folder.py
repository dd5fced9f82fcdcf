"""Locks and cache files: in a folder of the user's own, no link followed, nothing of anybody else's written over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from profiler.errors import ProfilerError
from profiler.measure import own_folder
from profiler.measure.lock import device_lock

WORDS = {
    "folder": "a folder",
    "link": "a link",
    "dangling": "a link",
    "pipe": "a named pipe",
    "second": "a file that has another name too",
}


def put(kind: str, path: Path, victim: Path) -> None:
    """Something else in the place of a file."""
    victim.write_text("precious")
    match kind:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(victim)
        case "dangling":
            path.symlink_to(victim.with_name("nowhere"))
        case "pipe":
            os.mkfifo(path)
        case "second":
            path.hardlink_to(victim)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return own_folder.temporary_folder()


@pytest.mark.parametrize("kind", WORDS)
def test_a_lock_that_is_something_else_is_one_sentence(kind: str, folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    put(kind, folder / "cpu.lock", victim)
    with pytest.raises(ProfilerError) as fault, device_lock(["cpu"], print):
        pass
    assert str(fault.value) == f"lock '{folder / 'cpu.lock'}' is {WORDS[kind]}; remove it"
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("kind", WORDS)
def test_a_holder_that_is_something_else_is_not_written_over(kind: str, folder: Path, tmp_path: Path) -> None:
    """It only says who measures: its text goes nowhere but into the user's own file."""
    victim = tmp_path / "victim"
    put(kind, folder / "cpu.holder", victim)
    with device_lock(["cpu"], print):
        pass
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (b"profiler, process 7", "profiler, process 7"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"\x1b]0;pwn\x07 a\nb\r", "]0;pwn a b"),
        (b"\n \t", "another process"),
        (b"x" * 10**6, "x" * 80),
    ],
)
def test_what_a_holder_says_is_plain_text(held: bytes, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    class Patience(Exception):
        """The test's."""

    def slept(seconds: float) -> None:
        raise Patience

    monkeypatch.setattr("time.sleep", slept)
    with device_lock(["cpu"], heard.append):
        (folder / "cpu.holder").write_bytes(held)
        with pytest.raises(Patience), device_lock(["cpu"], heard.append):
            pass
    assert heard == [f"cpu: {said} is measuring on it; waiting until it ends (Ctrl-C gives up)"]


def test_a_folder_that_is_not_the_user_s_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = tmp_path / f"profiler-{os.geteuid()}"
    place.write_text("a file")
    with pytest.raises(ProfilerError, match=r"is not a folder of yours; remove it, or set TMPDIR to another folder"):
        own_folder.temporary_folder()
    place.unlink()
    place.mkdir(mode=0o777)
    assert own_folder.temporary_folder() == place
    assert place.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    other = tmp_path / f"profiler-{os.geteuid()}"
    other.mkdir()
    with pytest.raises(ProfilerError, match="is not a folder of yours"):
        own_folder.temporary_folder()


def test_the_cache_is_where_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert own_folder.cache_folder() == tmp_path / "cache" / "profiler"
    (tmp_path / "disk").mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "profiler").symlink_to(tmp_path / "disk")  # the user's own link to another disk
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "linked"))
    assert own_folder.cache_folder() == tmp_path / "linked" / "profiler"
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/x")
    assert own_folder.cache_folder() == tmp_path / f"profiler-{os.geteuid()}"
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    assert own_folder.cache_folder() is None


@pytest.mark.parametrize("kind", ["link", "dangling", "second"])
def test_a_file_is_replaced_and_what_it_led_to_is_not(kind: str, tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "kept.json"
    put(kind, path, victim)
    assert own_folder.write(path, "ours")
    assert (path.read_text(), victim.read_text(), path.is_symlink()) == ("ours", "precious", False)
    assert path.stat().st_mode & 0o777 == 0o600
    assert own_folder.read(path) == "ours"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept.json", "victim"]


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    for kind in ("folder", "link", "pipe"):
        put(kind, tmp_path / kind, tmp_path / "victim")
        assert own_folder.read(tmp_path / kind) is None
    assert own_folder.read(tmp_path / "nothing") is None
    assert not own_folder.write(tmp_path / "folder", "ours")
    assert not own_folder.write(tmp_path / "nowhere" / "x", "ours")


def test_a_lock_that_cannot_be_taken_ends_the_command_with_2(tmp_path: Path) -> None:
    (tmp_path / f"profiler-{os.geteuid()}").mkdir(mode=0o700)
    os.mkfifo(tmp_path / f"profiler-{os.geteuid()}" / "cpu.lock")
    ran = subprocess.run(
        [sys.executable, "-m", "profiler", "bench", "lenet5", "--threads", "1", "--time", "1s"], check=False, capture_output=True, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}, timeout=120,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"error: lock '{tmp_path}/profiler-{os.geteuid()}/cpu.lock' is a named pipe; remove it\n"
