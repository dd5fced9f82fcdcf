"""Networks of a revision of git, beside those of the working tree; and baselines that are rewritten."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from profiler import ProfilerError, check, diff
from profiler.errors import Unavailable
from profiler.report.answer import View
from profiler.report.answers import registry
from profiler.report.words import said
from profiler.report.writers.markdown import markdown_text
from profiler.study.revisions import revision_of

NET = """
from torch import nn
from helper import WIDTH
class Net(nn.Sequential):
    def __init__(self, last=10):
        super().__init__(nn.Conv2d(3, WIDTH, 3, bias=False), nn.Flatten(), nn.Linear(WIDTH * 4, last, bias=False))
"""
INPUT = (3, 4, 4)


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c", *words], check=True, capture_output=True
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a network in a folder of it, one commit of width 8, and width 16 in the working tree."""
    inside = tmp_path / "repository" / "inside"
    inside.mkdir(parents=True)
    (inside / "net.py").write_text(NET)
    (inside / "helper.py").write_text("WIDTH = 8\n")
    git(inside, "init", "-q")
    git(inside, "add", ".")
    git(inside, "commit", "-qm", "one")
    (inside / "helper.py").write_text("WIDTH = 16\n")
    monkeypatch.chdir(inside)
    return inside


def test_a_revision_is_counted_beside_the_working_tree(project: Path) -> None:
    found = diff("HEAD:net.py:Net", "net.py:Net", input=INPUT)
    (cell,) = found.cells
    assert cell.before is not None
    assert cell.after is not None
    # 3·3·3·w weights at 2·2 positions, then 4·w·10
    assert (cell.before["params"], cell.after["params"]) == (27 * 8 + 40 * 8, 27 * 16 + 40 * 16)
    assert (cell.before["macs"], cell.after["macs"]) == (4 * 27 * 8 + 40 * 8, 4 * 27 * 16 + 40 * 16)
    assert (found.before, found.after) == ("HEAD:net.py:Net", "net.py:Net (4)")
    status = subprocess.run(["git", "status", "--short"], capture_output=True, text=True, check=True).stdout
    assert status.split() == ["M", "helper.py", "??", "__pycache__/"] or status.split() == ["M", "helper.py"]
    (cell,) = diff("HEAD:net.py:Net@last=2", "HEAD:net.py:Net", input=INPUT).cells
    assert cell.before is not None
    assert cell.before["params"] == 27 * 8 + 8 * 4 * 2


def test_a_comment_has_totals_first_and_layers_behind_a_click(project: Path) -> None:
    text = markdown_text(registry.answer(diff("HEAD:net.py:Net", "net.py:Net", input=INPUT), View()).sheets())
    above, _, behind = text.partition("<details>\n<summary>by layer</summary>\n\n")
    assert "| params | 536 | 1,072 | +536 | 2.00× |" in above
    assert "| 0 | channels 8 → 16 | params | 216 | 432 | +216 |" in behind
    assert behind.count("</details>") == 1 == text.count("<details>")


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ("HEAD~9:net.py:Net", ProfilerError, "there is no revision 'HEAD~9'"),
        ("--output=x:net.py:Net", ProfilerError, "is not the name of a revision"),
        ("HE AD:net.py:Net", ProfilerError, "is not the name of a revision"),
        ("HEAD:nett.py:Net", Unavailable, "in HEAD: there is no file 'nett.py'"),
        ("HEAD:net.py:Nett", ProfilerError, "in HEAD: .*Nett"),
    ],
)
def test_what_is_no_revision_is_refused(project: Path, given: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        diff(given, "net.py:Net", input=INPUT)
    assert not Path("x").exists()


def test_code_that_ends_its_process_is_told(project: Path) -> None:
    (project / "helper.py").write_text("import os\nos._exit(3)\n")
    git(project, "commit", "-qam", "two")
    (project / "helper.py").write_text("WIDTH = 16\n")
    with pytest.raises(ProfilerError, match=r"in HEAD: net\.py exits the program \(helper\.py, line 2\)"):
        diff("HEAD:net.py:Net", "net.py:Net", input=INPUT)


def test_outside_of_git_a_revision_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ProfilerError, match="is in no working tree of git"):
        diff("HEAD:net.py:Net", "lenet5")


@pytest.mark.parametrize(
    "name", ["mobilenet_v1", "net.py:Net", "timm:resnet18", "hf:a:b", "C:\\net.py:Net", ":net.py:Net", "-"]
)
def test_what_names_no_revision(name: str) -> None:
    assert revision_of(name) is None


# Baselines


def test_a_baseline_is_made_and_rewritten_and_what_changed_is_said(tmp_path: Path) -> None:
    file = str(tmp_path / "base.json")
    found = check("lenet5", baseline=file, update=True)
    assert said(found.notes[-1]) == (
        f"{file} is written, a new file: lenet5 (28) params 61,706, lenet5 (28) MACs 416,520, lenet5 (28) activations 6,518."
    )
    document = json.loads(Path(file).read_text())
    document["records"][0]["macs"] -= 5
    Path(file).write_text(json.dumps(document))
    assert not check("lenet5", baseline=file).passed
    assert json.loads(Path(file).read_text()) == document  # a check alone changes nothing
    kept = check("lenet5", baseline=file, update=True, params="60K")
    assert not kept.passed
    assert said(kept.notes[-1]) == f"{file} is as it was, since a limit is not kept."
    assert json.loads(Path(file).read_text()) == document
    found = check("lenet5", baseline=file, update=True)
    assert found.passed
    assert said(found.notes[-1]) == f"{file} is rewritten: lenet5 (28) MACs 416,515 → 416,520."
    assert said(check("lenet5", baseline=file, update=True).notes[-1]) == f"{file} is rewritten: no count differs."
    assert check("lenet5", baseline=file).passed


def test_a_baseline_loses_nothing(tmp_path: Path) -> None:
    file = str(tmp_path / "base.json")
    check("lenet5", "vgg16", baseline=file, update=True)
    with pytest.raises(ProfilerError, match=r"also holds vgg16 \(224\), which would be lost"):
        check("lenet5", baseline=file, update=True)
    for wrong in (None, "-", str(tmp_path / "base.csv")):
        with pytest.raises(ProfilerError, match="--baseline"):
            check("lenet5", baseline=wrong, update=True)
    document = json.loads(Path(file).read_text())
    document["records"] = document["records"][:1]
    document["rows"] = [row for row in document["rows"] if row["record"] == 0]
    document["records"][0] |= {"latency_s": 1.0, "latency_low_s": 0.9, "latency_high_s": 1.1, "grade": "A"}
    Path(file).write_text(json.dumps(document))
    with pytest.raises(ProfilerError, match="holds latencies"):
        check("lenet5", baseline=file, update=True)
