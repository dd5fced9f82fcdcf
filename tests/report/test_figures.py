"""Figures of trade-offs: what is drawn, the staircase of the front, and files that their readers take."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from profiler import ProfilerError, Results, compare, show, sweep
from profiler.report.figure.drawn import drawn
from profiler.report.figure.pgfplots import pgfplots
from profiler.report.figure.tradeoff import tradeoff
from profiler.report.units import PAPER, settled


@pytest.fixture(scope="module")
def found() -> Results:
    return compare(
        "Ours=mobilenet_v1@alpha=0.25", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "vgg16",
        engine="closed", top1={"Ours": "50.6"},
    )  # fmt: skip


def test_the_front_is_what_no_other_beats_and_a_staircase(found: Results) -> None:
    made = tradeoff(found, settled(PAPER, "raw", [record["macs"] for record in found]))
    assert (made.x.title, made.y.title, made.x.log) == ("MACs (M)", "top-1 (%)", True)
    # published: v3 small 67.4 % at 56.5 M, v2 72.0 at 301, v3 large 75.2 at 217, VGG 71.5 at 15,470; Ours 50.6 at 41.0
    assert [mark.name for mark in made.front] == ["Ours", "mobilenet_v3_small", "mobilenet_v3_large"]
    xs = {record["label"] or record["model"]: record["macs"] / 1e6 for record in found}
    assert made.staircase == [
        (xs["Ours"], 50.6), (xs["mobilenet_v3_small"], 67.4), (xs["mobilenet_v3_large"], 75.2), (xs["vgg16"], 75.2),
    ]  # fmt: skip


def test_what_is_drawn_without_accuracies() -> None:
    made = tradeoff(compare("lenet5", "alexnet_fashion", engine="closed"), "M")
    assert (made.x.title, made.y.title, made.front) == ("MACs (M)", "params (M)", ())
    assert [(mark.x, mark.y) for mark in made.marks] == [(0.41652, 0.061706), (pytest.approx(made.marks[1].x), made.marks[1].y)]
    with pytest.raises(ProfilerError, match="two networks or points"):
        tradeoff(compare("lenet5", engine="closed"), "M")


def test_sweeps_have_a_family_for_each_network_or_width() -> None:
    both = sweep("mobilenet_v1", "mobilenet_v2", alpha="0.5,1", resolution=224, engine="closed")
    assert tradeoff(both, "M").families == ["mobilenet_v1", "mobilenet_v2"]
    one = sweep("mobilenet_v1", alpha="0.5,1", resolution="160,224", engine="closed")
    assert tradeoff(one, "M").families == ["α 0.5", "α 1"]


@pytest.mark.parametrize("form", ["pdf", "png", "svg"])
def test_files_are_read_and_the_same_each_time(found: Results, form: str) -> None:
    made = tradeoff(found, "M")
    first = drawn(made, form)
    assert first == drawn(made, form)
    if form == "png":
        assert Image.open(BytesIO(first)).size == (1050, 780)  # 3.5 × 2.6 inches at 300 dots
    elif form == "svg":
        assert ElementTree.fromstring(first).tag == "{http://www.w3.org/2000/svg}svg"
    else:
        assert first.startswith(b"%PDF-")
        assert b"/Type3" not in first


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_draws_the_picture(found: Results, tmp_path: Path) -> None:
    if subprocess.run(["kpsewhich", "pgfplots.sty"], capture_output=True, check=False).returncode:
        pytest.skip("pgfplots is not installed")
    (tmp_path / "one.pgf").write_text(pgfplots(tradeoff(found, "M")))
    swept = sweep("mobilenet_v1", alpha="0.5,1", resolution="160,224", engine="closed")
    (tmp_path / "two.pgf").write_text(pgfplots(tradeoff(swept, "M")))
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{pgfplots}\pgfplotsset{compat=1.16}\begin{document}"
        r"\begin{figure}\input{one.pgf}\end{figure}\begin{figure}\input{two.pgf}\end{figure}\end{document}"
    )
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert "const plot" in (tmp_path / "one.pgf").read_text()


def test_a_results_own_files(found: Results, tmp_path: Path) -> None:
    found.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")
    assert r"\label{tab:own}" in found.to_latex(unit="paper", label="tab:own", caption="Mine")
    assert found.to_csv().startswith("model,options,")
    assert "| Ours | 0.25 | 0.47 |" in found.to_markdown(unit="paper").replace("**", "")
    with pytest.raises(ProfilerError, match="unknown keyword 'unti'; did you mean unit"):
        found.to_csv(unti="M")
    with pytest.raises(ProfilerError, match="'a b' is not one that LaTeX reads"):
        found.to_latex(label="a b")
    with pytest.raises(ProfilerError, match="a Shown is not written as pdf"):
        show("lenet5").save(tmp_path / "a.pdf")
    assert not (tmp_path / "a.pdf").exists()
