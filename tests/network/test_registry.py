"""The zoo by name, its plug-ins, and that it is found wherever the user stands."""

from __future__ import annotations

import csv
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from profiler.network import registry
from profiler.network.combinators import Chain
from profiler.network.layers import Conv

ROOT = Path(__file__).resolve().parents[2]


def test_names_are_sorted_and_found() -> None:
    assert registry.names() == sorted(registry.names())
    assert registry.find("vgg16").preset == {"configuration": "D"}
    assert list(registry.find("mobilenet_v1").options) == ["classes", "separable", "shallow", "min_width"]
    assert registry.find("mobilenet_v1").own_alpha
    assert not registry.find("vgg16").own_alpha


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="two architectures are called 'vgg16'"):
        registry.architecture("vgg16", paper="", year=2014, input=(3, 8, 8))(lambda: Chain(Conv(1, 1)))


def test_a_file_imported_under_a_second_name_is_the_same_zoo() -> None:
    code = """
from profiler.network import registry
before = registry.names()
import archs.vgg  # as `archs.vgg:vgg` does where the user stands in a checkout
print(registry.names() == before, registry.find("vgg16").factory is archs.vgg.vgg)
"""
    ran = run(code, ROOT, ROOT)
    assert (ran.stdout, ran.stderr) == ("True True\n", "")


@pytest.mark.parametrize("name", ["vgg16", "mobilenet_v1"])
def test_an_architecture_pickles_by_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "network").write_bytes(pickle.dumps(registry.find(name)))
    code = f"import pickle; print(pickle.load(open('network', 'rb')).make() == __import__('profiler').network.registry.find({name!r}).make())"
    ran = run(code, tmp_path, ROOT)
    assert (ran.stdout, ran.stderr) == ("True\n", "")
    assert pickle.loads(pickle.dumps(registry.find(name))) is registry.find(name)


def test_every_architecture_states_where_it_comes_from() -> None:
    for name in registry.names():
        made = registry.find(name)
        assert made.paper
        assert 1989 <= made.year <= 2026
        assert all(len(shape) >= 2 for shape in made.inputs())


PLUGIN = """
from profiler.network.combinators import Chain
from profiler.network.layers import Conv, Flatten, Linear
from profiler.network.widths import fixed
from profiler.network.registry import architecture

@architecture("plugged", paper="none", year=2026, input=(3, 8, 8))
def plugged(classes: int = 2) -> Chain:
    return Chain(Conv(4, 3), Flatten(), Linear(fixed(classes)))
"""


def run(code: str, cwd: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    script = f"import sys; sys.path[:0] = {[str(path) for path in paths]}\n{code}"
    return subprocess.run([sys.executable, "-c", script], cwd=cwd, capture_output=True, text=True, check=False)


def test_a_plug_in_package_joins_by_its_entry_point(tmp_path: Path) -> None:
    package = tmp_path / "package"
    shutil.copytree(ROOT / "tests" / "plugin", package)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-compile",
         "--target", str(tmp_path / "site"), str(package)],
        check=True, capture_output=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )  # fmt: skip
    words = "show two_layers --set classes=5 -f csv"
    code = f"from profiler.__main__ import main; sys.argv = ['profiler', *{words.split()!r}]; main()"
    ran = run(code, tmp_path, ROOT, tmp_path / "site")
    assert ran.returncode == 0, ran.stderr
    counts = {row["path"]: int(row["params"]) for row in csv.DictReader(ran.stdout.splitlines())}
    assert counts == {"conv": 3 * 9 * 4 + 4, "flatten": 0, "classifier": 4 * 36 * 5 + 5}


def test_a_broken_plug_in_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken_zoo.py").write_text("1 / 0")
    info = tmp_path / "broken_zoo-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-zoo\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[profiler.architectures]\nbroken = broken_zoo\n")
    ran = run("from profiler.__main__ import main; sys.argv = ['profiler', 'list']; main()", tmp_path, ROOT, tmp_path)
    assert ran.returncode == 2
    assert ran.stderr == (
        "error: the plug-in 'broken' (broken_zoo) does not load: ZeroDivisionError: division by zero; update or uninstall it\n"
    )


@pytest.mark.parametrize("imported", ["", "import archs\n"], ids=["beside", "imported first"])
def test_another_archs_and_cli_do_not_come_between(tmp_path: Path, imported: str) -> None:
    (tmp_path / "archs").mkdir()
    (tmp_path / "archs" / "__init__.py").write_text("theirs = True\n")
    (tmp_path / "cli.py").write_text("raise SystemExit('the wrong cli')\n")
    code = imported + "from profiler.__main__ import main; sys.argv = ['profiler', 'show', 'vgg11', '-f', 'csv']; main()"
    ran = run(code, tmp_path, tmp_path, ROOT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("path,op,kind,")
    module = subprocess.run(
        [sys.executable, "-m", "profiler", "--version"],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert module.stdout.startswith("profiler "), module.stderr
