"""An output form is two files: one of text and one of bytes are added as CONTRIBUTING.md has them, and used."""

from __future__ import annotations

import gzip

import pytest

from tests.extending.tree import Tree

LINES = "model\tparams\nlenet5\t61706\nvgg11\t132863336\n"
COUNTED = ("compare", "lenet5", "vgg11", "--engine", "closed", "--columns", "model,params")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return Tree(tmp_path_factory.mktemp("form"), "An output form")


def test_it_is_two_files(tree: Tree) -> None:
    assert tree.touched == ("profiler/report/writers/tsv.py", "profiler/report/forms.py")
    tree.check_floors()


def test_by_the_suffix_of_a_file(tree: Tree) -> None:
    tree.run(*COUNTED, "-q", "-o", "run.tsv", "-o", "RUN.TSV.GZ")
    assert (tree.root / "run.tsv").read_text(encoding="utf-8") == LINES
    assert gzip.decompress((tree.root / "RUN.TSV.GZ").read_bytes()).decode() == LINES


def test_on_stdout(tree: Tree) -> None:
    assert tree.run(*COUNTED, "--format", "tsv") == LINES
    ran = tree.python("-m", "profiler", *COUNTED, "-f", "tsv.gz")
    assert (gzip.decompress(ran.stdout).decode(), ran.stderr) == (LINES, b"")


def test_of_another_command(tree: Tree) -> None:
    assert tree.run("formula", "lenet5", "-f", "tsv").startswith("model\tquantity\t")


def test_it_is_offered_and_named_in_errors(tree: Tree) -> None:
    assert tree.offered("profiler compare -f ts") == ["tsv", "tsv.gz"]
    assert ".svg .safetensors .pdf .png .pgf .tsv .tsv.gz" in tree.run(*COUNTED, "-o", "run.tvs", code=2)
    assert "tsv" in tree.run(*COUNTED, "-f", "tsvv", code=2)
