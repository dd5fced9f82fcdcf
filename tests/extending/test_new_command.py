"""A command is three files and two entries: that of CONTRIBUTING.md is added, and has all that commands have."""

from __future__ import annotations

import csv
import json

import pytest

from profiler.network.registry import starting
from tests.extending.tree import Tree

WEIGHTS = (6 * 1 * 5 * 5, 16 * 6 * 5 * 5)
LENET5 = {"kernel": "5x5", "layers": 2, "weights": sum(WEIGHTS), "macs": WEIGHTS[0] * 28 * 28 + WEIGHTS[1] * 10 * 10}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("command"), "A command")


def test_it_is_three_files_and_two_entries(tree: Tree) -> None:
    assert tree.touched == (
        "profiler/records/kernels.py",
        "profiler/report/answers/kernels.py",
        "profiler/commands/kernels.py",
        "profiler/report/answers/registry.py",
        "cli.py",
    )
    tree.check_floors()


def test_its_table(tree: Tree) -> None:
    heading, _, *lines = tree.run("kernels", "mobilenet_v1", "--alpha", "0.5").splitlines()
    assert heading.split() == ["kernel", "layers", "weights", "MACs"]
    assert [line.split()[:2] for line in lines] == [["3x3", "14"], ["1x1", "13"]]


def test_its_forms_and_its_files(tree: Tree) -> None:
    found = tree.run("kernels", "lenet5", "-f", "json", "-o", "run.json", "--csv", "run.csv")
    document = json.loads(found)
    assert (document["command"], document["records"]) == ("kernels", [LENET5])
    assert json.loads((tree.root / "run.json").read_text(encoding="utf-8"))["records"] == [LENET5]
    with (tree.root / "run.csv").open(encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [{name: str(value) for name, value in LENET5.items()}]
    assert "this command cannot write html" in tree.run("kernels", "lenet5", "-o", "run.html", code=2)


def test_its_saved_run_is_reported(tree: Tree) -> None:
    tree.run("kernels", "lenet5", "-q", "-o", "saved.json")
    assert tree.run("report", "saved.json") == tree.run("kernels", "lenet5")
    assert tree.run("report", "saved.json", "--columns", "kernel,macs", "-f", "csv") == f"kernel,macs\n5x5,{LENET5['macs']}\n"


def test_its_help_and_completion(tree: Tree) -> None:
    assert "kernels   The convolutions of a network by the size of their kernels." in tree.run("--help")
    said = tree.run("kernels", "--help")
    assert "MODEL" in said
    assert "--resolution PIXELS" in said
    assert tree.offered("profiler ker") == ["kernels"]
    assert tree.offered("profiler kernels --resol") == ["--resolution"]
    assert tree.offered("profiler kernels lenet") == starting("lenet")


def test_its_defaults_of_the_project(tree: Tree) -> None:
    (tree.root / "pyproject.toml").write_text('[tool.profiler.kernels]\nformat = "csv"\n', encoding="utf-8")
    try:
        assert tree.run("kernels", "lenet5").startswith("kernel,layers,weights,macs\n")
    finally:
        (tree.root / "pyproject.toml").unlink()


def test_in_a_notebook(tree: Tree) -> None:
    code = "from profiler.records.kernels import Kernels; import profiler; print(Kernels.of(profiler.profile('lenet5').rows)._repr_html_())"
    assert f"{LENET5['macs']:,}</td>" in tree.python("-c", code).stdout.decode()
