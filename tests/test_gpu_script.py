"""benchmarks/gpu.py: parts end at their limits and are written by then, and the page says what a folder holds."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu
from benchmarks.gpu import Folder, main, run
from benchmarks.gpu_parts import PARTS, Part, Step
from benchmarks.gpu_report import report

ROOT = Path(__file__).resolve().parents[1]
HANGS = "import sys, time; print('begun', flush=True); open(sys.argv[2], 'w').write('{\"so far\": 1}'); time.sleep(1000)"
DEAF = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {HANGS}"
FAILS = "import sys; sys.exit('no such thing')"
WRITES = "import json, sys; json.dump({'records': [], 'argv': sys.argv[1:]}, open(sys.argv[2], 'w'))"


@pytest.mark.parametrize("code", [pytest.param(HANGS, marks=pytest.mark.full), DEAF], ids=["hangs", "deaf"])
def test_a_step_that_hangs_is_ended_and_what_it_wrote_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(gpu, "LEFT_TO_END_S", 0.5)
    found = run(Step("hangs", ["-c", code]), tmp_path, 5.0, Folder(tmp_path / "out"))
    assert (found["ended"], found["document"]) == ("out of time", {"so far": 1})
    assert "begun" in (tmp_path / "out" / "log.txt").read_text()


def test_a_step_that_fails_says_its_last_lines(tmp_path: Path) -> None:
    found = run(Step("fails", ["-c", FAILS]), tmp_path, 60.0, Folder(tmp_path / "out"))
    assert (found["ended"], found["document"], found["last_lines"]) == ("exit code 1", None, ["no such thing"])


def test_every_part_is_written_as_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second part fails and the third has no time left; the page says so of each."""
    monkeypatch.setattr(gpu, "machine", lambda: {"torch": "2.11.0", "packages": {"fvcore": None, "numpy": "2"}})
    parts = (
        Part("c", "the grid", 60.0, lambda device, rehearsal: [Step("grid", ["-c", WRITES])]),
        Part("f", "training", 60.0, lambda device, rehearsal: [Step("training", ["-c", FAILS])]),
        Part("h", "energy", 0.0, lambda device, rehearsal: [Step("energy", ["-c", WRITES])]),
    )
    monkeypatch.setattr(gpu, "PARTS", parts)
    assert main(["--out", str(tmp_path / "out"), "--device", "cpu"]) == 0
    found = json.loads((tmp_path / "out" / "gpu.json").read_text())
    assert [part["steps"][0]["ended"] for part in found["parts"]] == ["done", "exit code 1", "not run: no time was left"]
    assert found["parts"][0]["steps"][0]["command"].endswith("-o FOLDER/grid.json")
    page = report(found)
    assert "torch 2.11.0" in page
    assert "Not installed: fvcore." in page
    assert "`training` ended: exit code 1." in page
    assert "`energy` ended: not run: no time was left." in page
    assert len(list((tmp_path / "out").iterdir())) <= 8


def test_files_stay_under_their_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "LARGEST_FILE", 3_000)
    folder = Folder(tmp_path / "out")
    for name, size in (("a", 300), ("b", 30_000), ("c", 300)):
        (tmp_path / f"{name}.samples.jsonl").write_text("x" * size)
    left = folder.samples(sorted(tmp_path.glob("*.samples.jsonl")))
    assert left == ["b.samples.jsonl"]
    with zipfile.ZipFile(tmp_path / "out" / "samples.zip") as held:
        assert held.namelist() == ["a.samples.jsonl", "c.samples.jsonl"]
    folder.write({"parts": [{"steps": [{"name": "n", "document": "x" * 5_000}]}]})
    assert (tmp_path / "out" / "gpu.json").stat().st_size < 3_000
    folder.log("y" * 10_000)
    assert (tmp_path / "out" / "log.txt").stat().st_size <= 3_000


@pytest.mark.parametrize("content", [None, "nonsense", "{}", "[]", '{"rehearsal": false, "machine": {}, "parts": [{}]}'])
def test_a_folder_of_something_else_has_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    if content is not None:
        (tmp_path / "gpu.json").write_text(content)
    assert main(["--report", str(tmp_path), "--to", str(tmp_path / "page.md")]) == 2
    assert f"error: '{tmp_path}' holds no gpu.json of this script" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()


def test_a_rehearsal_is_no_page_of_a_gpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gpu.json").write_text(json.dumps({"rehearsal": True, "machine": {}, "date": "d", "parts": []}))
    assert main(["--report", str(tmp_path)]) == 2
    assert "of a rehearsal without a GPU" in capsys.readouterr().err


def test_the_parts_fit_eight_minutes_one_with_another() -> None:
    """Each limit is for a slow day; the time that the commands are told to measure for leaves room for their starts."""
    assert [part.letter for part in PARTS] == list("abcdefghi")
    told = 0.0
    for part in PARTS:
        for step in part.steps("cuda", False):
            words = list(step.command)
            told += sum(float(words[i + 1].rstrip("s")) for i, word in enumerate(words) if word in ("--time", "--seconds"))
    assert told + 2 * 6 * 2.0 < 0.6 * 60 * gpu.MINUTES  # with the blocks of energy of two cells
    assert all(part.limit_s <= 120 for part in PARTS)


def section(letter: str, *documents: Any) -> str:
    steps = [{"name": "s", "ended": "done", "document": document, "last_lines": []} for document in documents]
    part = {"part": letter, "title": "title", "steps": steps}
    return report({"rehearsal": False, "machine": {"gpu": "H100"}, "date": "d", "parts": [part]})


def test_energy_and_pairs_on_the_page() -> None:
    record = {
        "model": "net", "alpha": 0.5, "resolution": 128, "batch": 8, "joules_per_image": 0.01, "joules_low": 0.009, "joules_high": 0.011,
        "images_per_second": 30_000.0, "no_energy": None,
    }  # fmt: skip
    page = section("h", {"records": [record]})
    assert "| net 0.5-128 | 8 | 10 mJ ±10.0 % | 300 W |  |" in page  # 0.01 J x 30,000 a second
    tally = {"wrong": 1, "total": 13, "found": 12, "trusted": 10, "trusted_found": 10, "grades": "AAB", "torch": ["1.004"]}
    assert "1 of 13 pairs of a network with itself were called different" in section("g", {"tally": tally})


def test_failed_tests_on_the_page() -> None:
    xml = (
        '<testsuites><testsuite tests="4" failures="1" errors="0" skipped="1"><testcase name="ok"/><testcase name="bad">'
        '<failure message="assert 1 == 2"/></testcase><testcase name="not"><skipped message="no counter"/></testcase>'
        "</testsuite></testsuites>"
    )
    page = section("a", xml)
    assert "4 tests: 2 passed, 1 failed, 1 skipped." in page
    assert "- failure: `bad`: assert 1 == 2" in page
    assert "- skipped: `not`: no counter" in page


@pytest.mark.full
def test_a_rehearsal(tmp_path: Path) -> None:
    """Every part on the stand-in and the CPU, by the script itself."""
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--rehearse", "--out", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert [part["part"] for part in found["parts"]] == list("abcdefghi")
    assert report(found).startswith("# Measured on a GPU")
