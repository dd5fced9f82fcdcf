"""The raw record on disk: whole at every round, carried on, refused where it is of something else."""

from __future__ import annotations

import json
import os
import random
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from profiler.errors import ProfilerError
from profiler.measure.plan import Budget, Setting, Spec
from profiler.measure.protocol import Scheduler
from profiler.measure.resuming import resumed
from profiler.measure.samples import Samples, beside
from profiler.measure.visits import Visit
from profiler.measure.workloads import Spin
from tests.measure.test_protocol import Device, noisy

CELLS = [Spec(Spin(1e-3), 1, Setting(), {"model": "spin", "cell": i}) for i in range(3)]


def measured(path: Path, device: Device, cells: list[Spec], again: bool = False) -> Scheduler:
    """Measure `cells` into `path`, carrying on with it where `again`."""
    kept = resumed(path, cells) if again else None
    with Samples(path, cells, "bench", again) as samples:
        scheduler = Scheduler(cells, device, Budget(4.0), lambda: device.now, random.Random(0), samples, base=0)
        if kept is not None:
            scheduler.run = kept.run
        scheduler.measure()
    return scheduler


class Stopping(Device):
    """Interrupted at its fortieth visit."""

    def visit(self, number: int, settle: int, samples: int, block: int) -> Visit:
        if sum(self.turns.values()) == 40:
            raise KeyboardInterrupt
        return super().visit(number, settle, samples, block)


def test_what_is_read_back_is_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "run.samples.jsonl"
    run = measured(path, Device([0.01, 0.02, 0.03], noisy), CELLS).run
    again = resumed(path, CELLS).run
    assert again.outcomes == run.outcomes
    assert (again.round, len(path.read_text().splitlines())) == (run.round, 1 + 3 + run.round + 3)


def test_an_interrupted_run_keeps_every_whole_round_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run.samples.jsonl"
    with pytest.raises(KeyboardInterrupt):
        measured(path, Stopping([0.01, 0.02, 0.03], noisy), CELLS)
    kept = resumed(path, CELLS).run
    assert [len(outcome.rounds) for outcome in kept.outcomes] == [13, 13, 13]  # 39 visits, and one that was cut off
    assert not any(outcome.stop for outcome in kept.outcomes)
    path.write_text(path.read_text() + '{"what": "round", "round": 14, "ce')  # the process was killed while it wrote
    run = measured(path, Device([0.01, 0.02, 0.03], noisy), CELLS, again=True).run
    assert all(outcome.stop for outcome in run.outcomes)
    assert {1, 13, 14} <= set(run.outcomes[2].rounds)
    assert resumed(path, CELLS).run.outcomes == run.outcomes
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_only_what_is_missing_is_measured(tmp_path: Path) -> None:
    path = tmp_path / "run.samples.jsonl"
    measured(path, Device([0.01, 0.02]), CELLS[:2])
    device = Device([0.01, 0.02, 0.03])
    run = measured(path, device, CELLS, again=True).run
    assert {number for what, number in device.log if what == "prepare"} == {0, 2}
    assert [outcome.stop for outcome in run.outcomes] == ["narrow"] * 3


def altered(path: Path, **changes: Any) -> None:
    head, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(head) | changes), *rest]) + "\n")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol": 0}, "it has protocol 0, and this run 3; measure it again, without --resume"),
        ({"profiler": "0.0.1"}, "it has version of profiler 0.0.1, and this run "),
        ({"torch": "1.0"}, "it has version of torch 1.0, and this run "),
        ({"machine": {"cpu": "Abacus"}}, "measured on another machine (cpu Abacus, here "),
        ({"cells": ["{}"]}, "it has none of the cells of this run; give the command that it was made by"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = tmp_path / "run.samples.jsonl"
    measured(path, Device([0.01, 0.02, 0.03]), CELLS)
    altered(path, **changes)
    with pytest.raises(ProfilerError) as fault:
        resumed(path, CELLS)
    assert said in str(fault.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin as a .samples.jsonl file does"),
        ('{"what": "round"}\n', "does not begin as a .samples.jsonl file does"),
        ("model,alpha\n", "line 1: this is not JSON; name a .samples.jsonl file"),
        ("[1, 2]\n", "line 1: this is not a line of a .samples.jsonl file"),
        ('{"what": "run", "cells": []}\nnonsense\n', "line 2: this is not JSON"),
    ],
)
def test_nonsense_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "run.samples.jsonl"
    path.write_text(text)
    with pytest.raises(ProfilerError) as fault:
        resumed(path, CELLS)
    assert said in str(fault.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProfilerError, match="cannot be read: No such file or directory; name the file of the run"):
        resumed(tmp_path / "none.samples.jsonl", CELLS)
    (tmp_path / "raw.samples.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfilerError, match=r"is not text; name a \.samples\.jsonl file"):
        resumed(tmp_path / "raw.samples.jsonl", CELLS)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.samples.jsonl"
    measured(path, Device([0.01, 0.02, 0.03]), CELLS)
    path.write_text(path.read_text() + '{"what": "round", "round": 99}\n')
    with pytest.raises(
        ProfilerError,
        match=r"line \d+: damaged \(Object missing required field `spent_s`\); measure it again, without --resume",
    ):
        resumed(path, CELLS)


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": []},
        {"seconds": ["x"]},
        {"seconds": [float("nan")]},
        {"seconds": [-1.0]},
        {"seconds": [1e300]},
        {"spent_s": None},
        {"block": 1, "nonsense": 2},
    ],
)
def test_samples_that_cannot_have_been_measured_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "run.samples.jsonl"
    measured(path, Device([0.01, 0.02, 0.03]), CELLS)
    lines = path.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if '"what": "round"' in line)
    line = json.loads(lines[at])
    line["cells"][0]["visit"] |= change
    lines[at] = json.dumps(line)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ProfilerError, match=rf"line {at + 1}: damaged"):
        resumed(path, CELLS)


@pytest.mark.parametrize("head", [{"cells": 5}, {"cells": [[1]]}, {"machine": "x"}, {"machine": None}])
def test_a_damaged_head_is_refused(tmp_path: Path, head: dict[str, Any]) -> None:
    path = tmp_path / "run.samples.jsonl"
    measured(path, Device([0.01, 0.02, 0.03]), CELLS)
    altered(path, **head)
    with pytest.raises(ProfilerError, match="samples '"):
        resumed(path, CELLS)


def test_a_late_interruption_costs_no_figure(tmp_path: Path) -> None:
    """All cells have their rounds and the file no ends: resumed for less time than was spent, all figures stand."""
    path = tmp_path / "run.samples.jsonl"
    measured(path, Device([0.01, 0.02, 0.03], noisy), CELLS)
    lines = [line for line in path.read_text().splitlines() if '"what": "ended"' not in line]
    path.write_text("\n".join(lines) + "\n")
    kept = resumed(path, CELLS).run
    device = Device([0.01, 0.02, 0.03], noisy)
    scheduler = Scheduler(CELLS, device, Budget(0.5), lambda: device.now, random.Random(0), base=0)
    scheduler.run = kept
    run = scheduler.measure()
    assert [outcome.reason for outcome in run.outcomes] == ["", "", ""]
    assert all(outcome.stop and len(outcome.rounds) >= 10 for outcome in run.outcomes)
    assert run.earlier_s > 3.0
    assert run.spent_s <= 0.6


def test_the_record_before_is_kept_beside_the_new(tmp_path: Path) -> None:
    path = tmp_path / "run.samples.jsonl"
    measured(path, Device([0.01, 0.02, 0.03]), CELLS)
    first = path.read_text()
    measured(path, Device([0.01, 0.02, 0.03], noisy), CELLS)
    assert (tmp_path / "run.samples.jsonl~").read_text() == first
    assert path.read_text() != first


def test_a_link_in_the_place_of_samples_leads_nowhere(tmp_path: Path) -> None:
    """In a folder of somebody else's it may lead to a file of the user's, or to a place where one would be made."""
    (tmp_path / "victim").write_text("mine")
    for name in ("victim", "nothing"):
        path = tmp_path / f"{name}.samples.jsonl"
        path.symlink_to(tmp_path / name)
        with Samples(path, CELLS, "bench"):
            pass
        assert not path.is_symlink()
        assert json.loads(path.read_text())["what"] == "run"
    assert (tmp_path / "victim").read_text() == "mine"
    assert not (tmp_path / "nothing").exists()


def test_a_disk_that_fills_up_ends_the_record_and_not_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.samples.jsonl"
    device = Device([0.01, 0.02, 0.03])
    with Samples(path, CELLS, "bench") as samples:
        scheduler = Scheduler(CELLS, device, Budget(4.0), lambda: device.now, random.Random(0), samples, base=0)
        samples.file.close()
        samples.file = Path("/dev/full").open("w")  # noqa: SIM115  # closed as the file it stands for would be
        run = scheduler.measure()
    assert all(outcome.stop == "narrow" for outcome in run.outcomes)
    assert samples.fault == f"samples '{path}' ended early: No space left on device; make room for them"


def test_where_the_samples_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert beside([tmp_path / "run.json", tmp_path / "run.csv"], "bench") == tmp_path / "run.samples.jsonl"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = beside([], "sweep")
    assert made.parent == tmp_path / "profiler"
    assert re.fullmatch(r"sweep-\d{8}-\d{6}-\d+\.samples\.jsonl", made.name)
    head = json.dumps({"what": "run", "cells": []})
    for i in range(25):
        (made.parent / f"bench-20260101-0000{i:02}-7.samples.jsonl").write_text(head)
    (made.parent / "mine.samples.jsonl").write_text(head)
    (made.parent / "bench-20250101-000000-7.samples.jsonl").write_text("a file of the user's that is called like one")
    beside([], "bench")
    kept = sorted(path.name for path in made.parent.glob("*.samples.jsonl"))
    assert len(kept) == 20 + 2
    assert {"mine.samples.jsonl", "bench-20250101-000000-7.samples.jsonl"} < set(kept)
    (tmp_path / "blocked").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "blocked"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for i in range(30):
        (tmp_path / f"mine-{i:02}.samples.jsonl").write_text(head)
    assert beside([], "bench").parent == tmp_path / f"profiler-{os.geteuid()}"  # a home that cannot be written
    assert len(list(tmp_path.glob("mine-*"))) == 30
    os.mkfifo(tmp_path / "data")
    assert beside([tmp_path / "data", tmp_path / "run.json"], "bench") == tmp_path / "run.samples.jsonl"
    (tmp_path / "file").write_text("")
    with pytest.raises(ProfilerError, match=r"samples '.*' cannot be written"):
        Samples(tmp_path / "file" / "x.samples.jsonl", CELLS, "bench")
