"""Tables for papers: they compile as they are, show every name as text, and print the best in bold."""

from __future__ import annotations

import re
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profiler import compare, sweep
from profiler.records.columns import Record
from profiler.records.results import Results
from profiler.report.answer import Answer, View
from profiler.report.answers import registry
from profiler.report.forms import written
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet, results_sheet
from profiler.report.units import Unit
from profiler.report.writers.latex import escaped, latex_text
from profiler.report.writers.markdown import markdown_text
from profiler.report.writers.papers import laid
from profiler.study.formula import formula
from profiler.study.listing import listing
from profiler.study.show import show
from profiler.study.verify import verify
from tests.test_cli import run

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = [
    r"a\b{c}$d&e#f_g%h~i^j<k>l|m",
    "\"quoted\" 'and' `ticked`",
    "<script>alert(1)</script>",
    "naïve café Ångström µ²×±–—…",
    "🦙 日本語 שלום",
    "two\nlines\tand a tab",
    "--depth ---",
    "x" * 300,
    r"\input{/etc/passwd}",
]


def measured() -> Results:
    """A comparison on the clock, its figures made up."""
    found = compare("mobilenet_v1", "vgg16", "squeezenet1_0", engine="closed")
    found.measured = True
    for record, (latency, half) in zip(found, ((12.0e-3, 0.1e-3), (95.0e-3, 2e-3), (12.15e-3, 0.1e-3)), strict=True):
        clock: Record = {
            "latency_s": latency, "latency_low_s": latency - half, "latency_high_s": latency + half, "grade": "A",
            "images_per_second": 1 / latency, "ratio": latency / 12e-3, "ratio_low": latency / 12.1e-3,
            "ratio_high": latency / 11.9e-3, "verdict": "slower", "peak_bytes": 300 * 2**20, "epoch_s": None,
            "device_s": None, "pareto": None,
        }  # fmt: skip
        record.update(clock)
    return found


def of_results(found: Results, unit: Unit = "raw") -> Answer:
    return registry.answer(found, View(unit=unit))


def checked() -> Answer:

    return registry.answer(verify("mobilenet_v1", engine="closed"), View(summary=False))


def hostile() -> Answer:
    found = compare("mobilenet_v1", "vgg16", engine="closed")
    found.notes += HOSTILE
    for name in HOSTILE:
        found.append({**found[0], "model": name})
    return of_results(found)


ANSWERS: dict[str, Callable[[], Answer]] = {
    "compare": lambda: of_results(compare("mobilenet_v1", "vgg16", "resnet50", engine="closed")),
    "compare_wide": lambda: of_results(compare("vgg16", "inception_v3@classes=10", engine="closed", convention="thop")),
    "sweep": lambda: of_results(sweep(engine="closed"), "auto"),
    "sweep_long": lambda: of_results(sweep(alpha="0.05..1.0:0.05", resolution="128..224", engine="closed"), "M"),
    "bench": lambda: of_results(measured(), "auto"),
    "show": lambda: registry.answer(show("mobilenet_v1"), View(unit="auto")),
    "show_every": lambda: registry.answer(show("resnet50"), View(depth=0)),
    "show_formulas": lambda: registry.answer(show("mobilenet_v1"), View(formulas=True)),
    "list": lambda: registry.answer(listing()),
    "formula": lambda: registry.answer(formula("mobilenet_v1")),
    "formula_rounded": lambda: registry.answer(formula("mobilenet_v2")),
    "verify": checked,
    "hostile": hostile,
}


def letters(text: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("name", ANSWERS)
def test_it_compiles_as_it_is_and_fits_the_page(name: str, tmp_path: Path) -> None:
    answer = ANSWERS[name]()
    text = latex_text(answer.sheets())
    packages = re.findall(r"% needs \\usepackage\{(.*)\}", text)
    page = f"\\documentclass{{article}}\n\\usepackage{{{packages[0]}}}\n\\begin{{document}}\n{text}\\end{{document}}\n"
    (tmp_path / "page.tex").write_text(page, encoding="utf-8")
    ran = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False, timeout=600,
    )  # fmt: skip
    assert ran.returncode == 0, re.findall(r"^!.*", ran.stdout, re.MULTILINE)
    assert not [over for over in re.findall(r"Overfull \\hbox \(([\d.]+)pt", ran.stdout) if float(over) > 12]
    if shutil.which("pdftotext"):
        shown = subprocess.run(
            ["pdftotext", "-layout", "page.pdf", "-"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        for row in laid(answer.sheets()[0]).rows[:2]:
            assert letters(row[0]) in letters(shown.stdout)


def test_every_sign_of_tex_is_shown_as_text() -> None:
    assert escaped("a_b 50 % & #1 {x} $y$ ~ ^ \\ < > |") == (
        r"a\_b 50 \% \& \#1 \{x\} \$y\$ \textasciitilde{} \textasciicircum{} \textbackslash{} \textless{} \textgreater{} \textbar{}"
    )
    assert escaped("α ρ × ± ² –") == r"$\alpha$ $\rho$ $\times$ $\pm$ $^{2}$ --"
    assert escaped("--top é 🦙") == r"-{}-top \'{e} {[}U+1F999{]}\hspace{0pt}"
    assert escaped("568,740,352 and a, b") == "568{,}740{,}352 and a, b"


def test_numbers_stand_in_one_unit_told_in_the_heading() -> None:
    text = latex_text([results_sheet(compare("mobilenet_v1", "vgg16", engine="closed"), "auto")])
    assert r"model & params & $\times$ & MACs & $\times$ & activations & weights (fp32) \\" in text
    assert r" & (M) &  & (G) &  & (M) & (MiB) \\" in text
    assert r"mobilenet\_v1 & \textbf{4.23} & 1.00$\times$ & \textbf{0.569} & 1.00$\times$ & 5.04 & \textbf{16.1} \\" in text
    assert r"\begin{tabular}{@{}lrrrrrr@{}}" in text


def test_the_unit_that_was_asked_for_is_kept() -> None:
    text = latex_text([results_sheet(compare("mobilenet_v1", "vgg16", engine="closed"), "M")])
    assert r"vgg16 & 138.36 & 32.7$\times$ & 15{,}470.26 &" in text


def bold(sheet: Sheet) -> list[tuple[str, str]]:
    found = laid(sheet)
    return [(sheet.rows[y][0], found.headings[x]) for y, x in found.bold]


def test_the_best_is_bold_and_what_its_interval_does_not_tell_from_it() -> None:
    of = bold(results_sheet(measured(), "auto"))
    assert {name for name, heading in of if heading == "latency"} == {"mobilenet_v1", "squeezenet1_0"}
    assert {name for name, heading in of if heading == "params"} == {"squeezenet1_0"}
    assert {name for name, heading in of if heading == "images/s"} == {"mobilenet_v1"}
    assert not [name for name, heading in of if heading == "activations"]


def test_ties_are_all_bold_and_equal_columns_not() -> None:
    found = compare("vgg16", "mobilenet_v1", "mobilenet_v1@resolution=128", engine="closed")
    of = bold(results_sheet(found))
    assert [heading for _, heading in of].count("params") == 2
    assert not bold(results_sheet(compare("vgg16", engine="closed")))
    assert not bold(results_sheet(Results([found[0], found[0]], "compare")))


def test_highest_top1_is_best() -> None:
    found = laid(results_sheet(sweep(engine="closed")))
    at = found.headings.index("top-1 %")
    assert [y for y, x in found.bold if x == at] == [3]


def test_a_long_table_turns_its_page() -> None:
    sheet = Sheet([Heading("n")], [[str(i)] for i in range(51)])
    assert r"\begin{longtable}" in latex_text([sheet])
    sheet.rows.pop()
    assert r"\begin{longtable}" not in latex_text([sheet])


def test_tex_shrinks_a_table_that_is_wider_than_the_page_and_no_other() -> None:
    fitted = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    narrow = latex_text([Sheet([Heading("n")], [["1"]])])
    assert narrow.startswith("% needs \\usepackage{booktabs, graphicx}\n")
    assert narrow.count(fitted) == 1
    row = Sheet([Heading(f"heading {i}") for i in range(20)], [["1"] * 20])
    assert latex_text([row]).count(fitted) == 1
    row.rows.extend([["1"] * 20] * 50)  # over pages, which cannot be boxed: as small as it gets
    assert fitted not in latex_text([row])
    assert r"{\tiny\setlength{\tabcolsep}{2pt}" in latex_text([row])
    assert r"{\small" in latex_text([Sheet([Heading("n")], [["1"]] * 51)])


def test_the_convention_stands_below_with_the_version() -> None:
    from profiler.version import __version__

    text = latex_text([results_sheet(compare("vgg16", "alexnet", engine="closed"))])
    assert "and matrix products. Bold: the best of its column. arch-profiler " + __version__ in text
    for made in (latex_text, markdown_text):
        flops = made([results_sheet(compare("vgg16", engine="closed"), "flops")])
        assert flops.count("two for every multiply-add") == 1


def test_the_tables_of_the_docs_are_what_is_written() -> None:
    from profiler.version import __version__

    page = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
    sheet = results_sheet(compare("mobilenet_v1", "vgg16", "squeezenet1_0", engine="closed"), "M")
    made = {"latex": latex_text([sheet]), "markdown": markdown_text([sheet])}
    for language, text in made.items():
        (block,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
        assert re.sub(r"profiler \d+\.\d+\.\d+", "profiler", block) == text.replace(f"profiler {__version__}", "profiler")


def test_folding_is_said_in_the_caption() -> None:
    text = latex_text(registry.answer(show("mobilenet_v1")).sheets())
    assert "by layer, to a depth of 2, equal ones summed}" in text
    assert r"body.6\dots{}10 $\times$5" in text


def test_tables_of_nothing() -> None:
    assert latex_text([]) == "% nothing to tell\n"
    text = latex_text([Sheet([Heading("model", right=False), Heading("n")], [])])
    assert "\\midrule\n\\bottomrule" in text


# What a paper's table is called, and what it has no place for


def test_the_caption_names_the_networks() -> None:
    def caption(*models: str, **more: Any) -> str:
        text = str(latex_text(of_results(compare(*models, engine="closed", **more)).sheets()))
        (found,) = re.findall(r"\\caption\{(.*)\}\n", text)
        return str(found)

    assert caption("vgg11", "vgg13", input="3x64x64") == "vgg11 and vgg13: input 3x64x64"
    assert caption("Ours=vgg11", "vgg13", alpha=0.5) == r"Ours and vgg13: $\alpha$ 0.5"
    assert caption("vgg*", batch=8) == f"{len(compare('vgg*', engine='closed'))} networks: batch 8"
    swept = latex_text(of_results(sweep("lenet5", alpha="0.5,1", engine="closed")).sheets())
    assert r"\caption{lenet5: $\alpha$ 0.5, 1; resolution 28}" in swept


def test_a_caption_of_ones_own() -> None:
    answer = registry.answer(compare("vgg11", "vgg13", engine="closed"), View(caption="Costs of 2 & more"))
    text = str(written(answer, "latex"))
    assert "\\caption{Costs of 2 \\& more}\n\\label{tab:costs-of-2-more}" in text
    assert "**Costs of 2 \\& more**" in str(written(answer, "markdown"))
    several = str(written(registry.answer(show("lenet5"), View(caption="LeNet")), "latex"))
    assert re.findall(r"\\caption\{(.*)\}\n", several) == ["LeNet: by kind", "LeNet: by layer, to a depth of 2"]


def test_a_caption_is_of_papers() -> None:
    ran = run("compare", "lenet5", "--engine", "closed", "--caption", "Costs")
    assert (ran.returncode, ran.stderr) == (
        2,
        "error: --caption applies to LaTeX and Markdown; add -f latex or -o FILE.tex, or leave it out\n",
    )
    assert "\\caption{Costs}" in run("compare", "lenet5", "--engine", "closed", "--caption", "Costs", "-f", "latex").stdout


def test_a_paper_has_no_column_of_witnesses_unless_it_is_asked_for() -> None:
    found = compare("lenet5", engine="torch")
    assert "torch" in [head.text for head in results_sheet(found).columns]
    text = str(written(of_results(found), "latex"))
    assert "torch" not in text
    assert "equal" in str(written(registry.answer(found, View(columns=["model", "torch_macs"])), "latex"))


def test_names_are_broken_only_where_a_line_can_be() -> None:
    row = [["docs/examples/some_module.py:MobileNetLike", "1"]]
    narrow = latex_text([Sheet([Heading("model", right=False), Heading("n")], [["mobilenet_v3_large_minimalistic", "1"]])])
    assert r"mobilenet\_v3\_large\_minimalistic & 1" in narrow
    wide = latex_text([Sheet([Heading("model", right=False), Heading("n")], row)])
    assert r"docs/\hspace{0pt}examples/\hspace{0pt}some\_\hspace{0pt}module.\hspace{0pt}py:\hspace{0pt}MobileNetLike" in wide
