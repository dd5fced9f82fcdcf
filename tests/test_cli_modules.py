"""The command line with modules of the user's own: real output, streams, exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docs.running import Forks

ROOT = Path(__file__).resolve().parents[1]

NET = """
print("a print of the user's")
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width: int = 8, classes: int = 4):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, width, 3, bias=False), nn.BatchNorm2d(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).mean((2, 3)))

class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(100, 8), nn.Linear(8, 2)

    def forward(self, ids, mask=None):
        return self.head(self.table(ids) * mask[..., None])

class Spectral(nn.Module):
    def forward(self, x):
        return torch.fft.fft2(x).real

class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 4), nn.Linear(5, 4))

    def forward(self, x):
        return self.body(x)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the user stands: code, and files called as ours are."""
    made = tmp_path_factory.mktemp("user")
    (made / "net.py").write_text(NET)
    (made / "cli.py").write_text("raise RuntimeError('the cli of the user')\n")
    (made / "archs").mkdir()
    (made / "archs" / "__init__.py").write_text("raise RuntimeError('the archs of the user')\n")
    return made


def run(folder: Path, *words: str, script: bool = False) -> subprocess.CompletedProcess[str]:
    """`profiler WORDS` where the user stands; by the installed script's own door where asked."""
    start = ["-c", "import sys; sys.argv[0] = 'profiler'; from profiler.__main__ import main; main()"]
    command = [sys.executable, *(start if script else ["-m", "profiler"]), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False, timeout=600)


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        started = Forks(tmp_path_factory.mktemp("forks") / "out")
    yield started
    started.close()


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def forked(folder: Path, forks: Forks, tmp_path: Path) -> Run:
    """`run` in a fork of one process, which spares each the imports."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        err = tmp_path / "err"
        code = (
            f"import os, runpy, sys; os.dup2(os.open({str(err)!r}, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)\n"
            f"sys.argv = {['profiler', *words]!r}; runpy.run_module('profiler', run_name='__main__')"
        )
        ended, out = forks(folder, code=code)
        return subprocess.CompletedProcess(words, ended, out, err.read_text(encoding="utf-8"))

    return run


@pytest.mark.parametrize("script", [False, True], ids=["python -m profiler", "the script"])
def test_show_finds_the_users_module_and_our_own_cli_and_archs(folder: Path, script: bool) -> None:
    ran = run(folder, "show", "net:Net", "--input", "3x8x8", "--set", "width=16", "--depth", "0", script=script)
    assert ran.returncode == 0, ran.stderr
    params = 9 * 3 * 16 + 2 * 16 + 16 * 4 + 4
    assert ran.stdout.startswith(f"net:Net, width=16, 3×8×8\nparams       {params}   (496 weights, 4 bias, 32 norm; ")
    assert f"MACs         {9 * 3 * 16 * 36 + 16 * 4:,}\n" in ran.stdout
    assert ran.stderr == "a print of the user's\n"  # data on stdout, everything else on stderr
    if script:
        both = run(folder, "compare", "net.py:Net@input=3x8x8", "vgg11", "--engine", "closed", "-f", "csv", script=script)
        assert [row["model"] for row in csv.DictReader(io.StringIO(both.stdout))] == ["net.py:Net", "vgg11"]


def test_inputs_by_name_and_whole(forked: Run) -> None:
    words = ["show", "net.py:Text", "--input", "ids=1x5:int64", "--input", "mask=1x5", "--batch", "none", "-f", "json"]
    (record,) = json.loads(forked(*words).stdout)["records"]
    assert (record["macs"], record["batch"], record["input"], record["alpha"]) == (5 * 8 * 2, None, "1x5 1x5", None)


def test_verbose_says_how_and_that_no_harm_was_done(forked: Run) -> None:
    ran = forked("show", "net.py:Net", "--input", "3x8x8", "-v", "--strict", "--training", "--memory", "--depth", "1")
    assert ran.returncode == 0
    lines = ran.stderr.splitlines()[1:]
    assert lines[0] == "net.py:Net: traced: meta"
    assert lines[1].startswith("net.py:Net: coverage 100.00 % of ")
    assert lines[-1] == "net.py:Net: the module, the random generators and torch are unchanged"
    assert "\nMACs of one training step\n" in ran.stdout
    step = [line.split() for line in ran.stdout.splitlines() if line.startswith("conv ")][-1]
    assert step == [
        "conv",
        f"{9 * 3 * 8 * 36:,}",
        f"{9 * 3 * 8 * 36:,}",
        f"{2 * 9 * 3 * 8 * 36:,}",
        "2.00×",
    ]  # no gradient of the image
    assert "Peak of training, adam: " in ran.stdout


def test_strict_ends_in_1_where_something_is_uncounted(forked: Run) -> None:
    words = ["show", "net.py:Spectral", "--input", "3x8x8"]
    loud, strict = forked(*words), forked(*words, "--strict")
    assert (loud.returncode, strict.returncode) == (0, 1)
    assert "UNCOUNTED net.py:Spectral: aten::_fft_" in loud.stderr
    assert strict.stderr.splitlines()[-1].startswith("error: 1 operations of net.py:Spectral have no formula")
    assert forked("show", "vgg11", "--strict").returncode == 0


def test_sweep_over_sides(forked: Run) -> None:
    ran = forked("sweep", "net.py:Net", "--input", "3x8x8", "--resolution", "8..16:8", "--engine", "traced,torch", "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(ran.stdout)))
    assert [int(row["macs"]) for row in rows] == [9 * 3 * 8 * (side - 2) ** 2 + 8 * 4 for side in (8, 16)]
    assert all(row["torch_macs"] == row["traced_macs"] == row["macs"] and row["alpha"] == "" for row in rows)


def test_verify_asks_the_witnesses_of_a_reference(forked: Run) -> None:
    ran = forked("verify", "net.py:Net@input=3x8x8", "vgg11", "--engine", "traced,torch")
    assert ran.returncode == 0, ran.stderr
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ["vgg11", "traced", "7,609,090,048", "7,609,090,048", "agrees"] in lines
    assert ["net.py:Net", "torch", "7,808", "15,616", "agrees"] in [[*line[:2], *line[3:]] for line in lines]


WHAT_IF = """\
what if separable: standard convolutions of more than one pixel as depthwise and pointwise ones
layer        params  after  saving   MACs  after  saving
────────────────────────────────────────────────────────
conv            216     51   4.24×  7,776  1,836   4.24×
all of them     216     51   4.24×  7,776  1,836   4.24×
the network     268    103   2.60×  7,808  1,868   4.18×
"""


def test_what_if(forked: Run) -> None:
    words = ["show", "net.py:Net", "--input", "3x8x8", "--what-if"]
    # 9·3·8 and 9·3·8·36 become 9·3 + 3·8 and (9·3 + 3·8)·36
    assert forked(*words, "separable").stdout.endswith(WHAT_IF)
    rows = list(csv.DictReader(io.StringIO(forked(*words, "folded", "-f", "csv").stdout)))
    assert [(row["path"], row["what_if"]) for row in rows] == [("conv", "folded"), ("", "folded")]
    assert (rows[0]["params"], rows[0]["params_after"]) == (str(9 * 3 * 8 + 16), str(9 * 3 * 8 + 8))
    assert (rows[0]["elementwise"], rows[0]["elementwise_after"]) == (str(8 * 36), "0")
    assert (rows[1]["macs"], rows[1]["macs_after"]) == ("7808", "7808")


BAD: list[tuple[str, int, str]] = [
    ("show net.py:Broken --input 4", 2, "net.py:Broken, body.1: takes 5 features"),
    ("show nowhere.py:Net --input 4", 3, "there is no file 'nowhere.py'; did you mean net.py?"),
    ("sweep net.py:Net --input 3x8x8", 2, "net.py:Net has no width multiplier: its factory takes no alpha"),
    ("formula net.py:Net", 2, "cannot infer the input of net.py:Net; pass --input 3x224x224"),
    ("show vgg11 --what-if seperable", 2, "unknown rewriting 'seperable'; did you mean separable"),
    ("show vgg11 --input 3x32x32 --input 3x32x32", 2, "vgg11: takes one input but is given 2; give each once"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "message"), BAD, ids=[case[0] for case in BAD])
def test_a_mistake_is_one_sentence(forked: Run, words: str, code: int, message: str) -> None:
    ran = forked(*words.split())
    told = ran.stderr.removeprefix("a print of the user's\n")
    assert (ran.returncode, ran.stdout) == (code, "")
    assert told.startswith(f"error: {message}")
    assert told.count("\n") == 1
