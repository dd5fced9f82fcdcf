"""The command line by its real output: tables, columns, streams, exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from profiler.records.columns import BASE_COLUMNS

ROOT = Path(__file__).resolve().parents[1]


def run(*words: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """`profiler WORDS` with everything piped."""
    command = [sys.executable, "-m", "profiler", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False, timeout=600)


def on_a_terminal(words: Sequence[str], columns: int = 80, module: str = "profiler", **env: str) -> str:
    """What `profiler WORDS`, or another module that stands for it, writes to a terminal of so many columns."""
    leader, follower = pty.openpty()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "COLUMNS": str(columns),
        "LINES": "50",
        "TERM": "xterm-256color",
        **env,
    }
    with subprocess.Popen(
        [sys.executable, "-m", module, *words], stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        seen = b""
        while True:
            try:
                chunk = os.read(leader, 65536)
            except OSError:  # the terminal closed
                break
            if not chunk:
                break
            seen += chunk
    os.close(leader)
    assert process.returncode == 0, seen.decode()
    return seen.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


COMPARED = """\
model              params      ×            MACs      ×  activations  weights (fp32)  fvcore
────────────────────────────────────────────────────────────────────────────────────────────
mobilenet_v1    4,231,976  1.00×     568,740,352  1.00×    5,043,688        16.1 MiB   equal
vgg16         138,357,544  32.7×  15,470,264,320  27.2×   13,556,712       527.8 MiB   equal

fvcore 0.1.5 agrees on every layer.
mobilenet_v1 (224): fvcore reports 578,875,904 because it counts 2 operations per element of BatchNorm (+10,085,376) \
and counts 1 operation per input element of adaptive average pooling (+50,176).
"""


def test_the_main_job() -> None:
    ran = run("compare", "mobilenet_v1", "vgg16")
    assert (ran.stdout, ran.stderr, ran.returncode) == (COMPARED, "", 0)


SWEPT = """\
mobilenet_v1: α 0.25, 0.5, 0.75, 1; resolution 224
   α  side     params         MACs  activations  top-1 %
────────────────────────────────────────────────────────
0.25   224    470,072   41,030,272    1,261,672     50.6
 0.5   224  1,331,592  149,497,088    2,522,344     63.7
0.75   224  2,585,560  325,400,448    3,783,016     68.4
   1   224  4,231,976  568,740,352    5,043,688     70.6

top-1: published, MobileNets Table 6.
top-1: other sources differ from what is shown: TF-Slim mobilenet_v1.md in 3 cells (-0.8 to +0.3 points).
"""


def test_sweep_is_table_6() -> None:
    ran = run("sweep", "--alpha", "0.25..1.0", "--engine", "closed")
    assert ran.stdout == SWEPT
    assert run("sweep", "--engine", "closed").stdout == SWEPT


def records(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# fvcore runs the sixteen cells; those at the corners of a smaller grid are run in the next test
@pytest.mark.parametrize("engine", ["closed", pytest.param("fvcore", marks=pytest.mark.full)])
def test_sweep_writes_csv(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.csv"
    ran = run("sweep", "--alpha", "0.25..1.0", "--resolution", "128..224", "--engine", engine, "--csv", str(path))
    assert ran.returncode == 0
    assert ("fvcore 0.1.5 agrees on every layer." in ran.stdout) == (engine == "fvcore")
    written = records(path.read_text())
    assert list(written[0]) == [*BASE_COLUMNS, *(["fvcore_macs", "fvcore_total"] if engine == "fvcore" else [])]
    assert len(written) == 16
    assert {(row["alpha"], row["resolution"]): row["top1"] for row in written} == {
        # of the paper
        ("0.25", "224"): "50.6", ("0.5", "224"): "63.7", ("0.75", "224"): "68.4", ("1.0", "224"): "70.6",
        ("1.0", "192"): "69.1", ("1.0", "160"): "67.2", ("1.0", "128"): "64.4", ("0.5", "160"): "60.2",
        # of the release
        ("0.25", "128"): "41.5", ("0.25", "160"): "45.5", ("0.25", "192"): "47.7", ("0.5", "128"): "56.3",
        ("0.5", "192"): "61.7", ("0.75", "128"): "62.1", ("0.75", "160"): "65.3", ("0.75", "192"): "67.2",
    }  # fmt: skip
    assert all(row["fvcore_macs"] == row["macs"] for row in written if engine == "fvcore")


def test_more_than_sixteen_cells_are_checked_at_the_corners(tmp_path: Path) -> None:
    ran = run("sweep", "--alpha", "0.25..1.0:0.05", "--resolution", "32,64", "-f", "csv", "-o", str(tmp_path / "run.json"))
    rows = records(ran.stdout)
    assert len(rows) == 32
    checked = {(row["alpha"], row["resolution"]) for row in rows if row["fvcore_macs"]}
    assert checked == {("0.25", "32"), ("0.25", "64"), ("1.0", "32"), ("1.0", "64")}
    notes = json.loads((tmp_path / "run.json").read_text())["notes"]
    assert "fvcore: checked 4 of 32 cells, those at the corners of the grid." in notes


def test_the_columns_are_the_contract() -> None:
    assert ",".join(BASE_COLUMNS) == (
        "model,options,alpha,resolution,input,batch,params,weights,side_params,buffers,macs,side_macs,elementwise,"
        "activations,weight_bytes,convention,total,top1,unread,moved,parameter_bytes,label,top1_source,weight_dtype,"
        "active_params,useful_macs"
    )
    ran = run("compare", "googlenet@classes=10,norm=batch", "--engine", "closed", "-f", "csv")
    (row,) = records(ran.stdout)
    assert row["options"] == "classes=10,norm=batch"
    assert (row["input"], row["batch"], row["convention"], row["top1"]) == ("3x224x224", "1", "paper", "")
    assert row["total"] == row["macs"] == str(1_582_671_872 - 990 * 1024)


def test_every_format(tmp_path: Path) -> None:
    paths = {suffix: tmp_path / f"run{suffix}" for suffix in (".csv", ".json", ".jsonl", ".md", ".txt")}
    outputs = [word for path in paths.values() for word in ("-o", str(path))]
    ran = run("compare", "vgg11", "mobilenet_v1@alpha=0.5", "--engine", "closed", "-q", *outputs)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("", "", 0)
    rows = records(paths[".csv"].read_text())
    document = json.loads(paths[".json"].read_text())
    assert sorted(document)[:1] == ["agreements"]
    assert {"schema", "command", "environment", "records", "rows"} <= set(document)
    lines = [json.loads(line) for line in paths[".jsonl"].read_text().splitlines()]
    assert lines == document["records"]
    assert [row["macs"] for row in rows] == [str(record["macs"]) for record in lines] == ["7609090048", "149497088"]
    assert sum(row["macs"] for row in document["rows"] if row["model"] == "vgg11" and not row["side"]) == 7_609_090_048
    assert paths[".md"].read_text().splitlines()[1].startswith("| :--- |")
    assert "7,609,090,048" in paths[".txt"].read_text()


@pytest.mark.parametrize("form", ["csv", "jsonl", "markdown"])
def test_stdout_in_another_format(form: str) -> None:
    once, again = (run("sweep", "vgg11", "--alpha", "0.5,1", "--engine", "closed", "-f", form) for _ in range(2))
    assert once.returncode == 0
    assert once.stdout == again.stdout  # counts are reproducible to the byte


def test_eighty_columns() -> None:
    text = plain(on_a_terminal(["compare", "mobilenet_v1", "vgg16", "--engine", "closed"]))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "…" not in text
    assert "15,470,264,320" in text
    narrow = plain(on_a_terminal(["compare", "mobilenet_v1", "vgg16", "--engine", "closed"], columns=50))
    assert "15.5 G" in narrow
    assert "Rounded to fit the terminal" in narrow
    wide = plain(on_a_terminal(["compare", "mobilenet_v1", "vgg16", "--engine", "closed"], columns=120))
    assert "15,470,264,320" in wide
    assert "Rounded" not in wide


@pytest.mark.parametrize("command", ["show mobilenet_v1", "show mobilenet_v1 --formulas", "sweep --engine closed", "list"])
def test_no_table_is_cut_at_eighty_columns(command: str) -> None:
    text = plain(on_a_terminal(command.split()))
    assert "…" not in re.sub(r"\d…\d", "", text)  # folded layers are no cut
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80


def test_on_a_terminal_the_closed_form_stands_first_and_the_check_fills_in() -> None:
    text = on_a_terminal(["compare", "vgg11@alpha=0.1", "mobilenet_v1@alpha=0.25"], columns=110)
    first, last = text.index("…"), text.rindex("equal")
    assert text[: text.index("equal")].count("…") == 2  # both waited before the first was answered
    assert text.index("vgg11") < first < last
    assert plain(text).rstrip().endswith("(+12,544).")


def test_force_color() -> None:
    forced = run("sweep", "--engine", "closed", FORCE_COLOR="1").stdout
    assert "\x1b[" in forced
    assert plain(forced).replace(" \n", "\n").splitlines()[1:6] == SWEPT.splitlines()[1:6]


def test_a_witness_that_passes_things_over_is_heard_with_v() -> None:
    ran = run("compare", "vgg11@resolution=32", "-v")
    assert ran.stderr == "vgg11 (32): fvcore 0.1.5 reports that it skipped aten::max_pool2d\n"


def test_fit_shows_what_fits_and_ends_in_1_where_nothing_does(tmp_path: Path) -> None:
    ran = run("fit", "mobilenet_v1", "--max-macs", "150M", "--max-params", "2M", "--csv", "fit.csv", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("mobilenet_v1: MACs ≤ 150,000,000, params ≤ 2,000,000: 8 of 16 cells fit\n")
    rows = list(csv.DictReader((tmp_path / "fit.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 16
    assert [row["fits"] for row in rows] == ["true"] * 8 + ["false"] * 8
    assert (rows[0]["alpha"], rows[0]["resolution"], rows[0]["top1"], rows[0]["binding"]) == ("0.5", "224", "63.7", "macs")
    ran = run("fit", "mobilenet_v1", "--max-macs", "1M")
    assert ran.returncode == 1
    assert ran.stdout.startswith("mobilenet_v1: MACs ≤ 1,000,000: 0 of 16 cells fit\n")
    assert (
        ran.stderr
        == "error: nothing fits; the nearest cell is mobilenet_v1 (α 0.25, 128); it would fit with --max-macs 13570048\n"
    )


def test_conventions_and_units() -> None:
    text = run("compare", "mobilenet_v1", "--engine", "closed", "--convention", "fvcore").stdout
    assert "578,875,904" in text
    assert "total: counted as fvcore does." in text
    flops = run("compare", "mobilenet_v1", "--engine", "closed", "--unit", "flops").stdout
    assert "FLOPs: two for every multiply-add." in flops
    assert f"{2 * 568_740_352:,}" in flops
    assert "568.74 M" in run("compare", "mobilenet_v1", "--engine", "closed", "--unit", "M").stdout
    (row,) = records(run("compare", "mobilenet_v1", "--engine", "closed", "--convention", "thop", "-f", "csv").stdout)
    assert (row["total"], row["macs"], row["convention"]) == ("588962304", "568740352", "thop")


def test_columns_and_sort() -> None:
    models = ["vgg16", "mobilenet_v1", "resnet50"]
    rows = records(
        run("compare", *models, "--engine", "closed", "--columns", "model,macs", "--sort", "-macs", "-f", "csv").stdout
    )
    assert [list(row.values()) for row in rows] == [
        ["vgg16", "15470264320"], ["resnet50", "4089184256"], ["mobilenet_v1", "568740352"],
    ]  # fmt: skip
    names = [row["model"] for row in records(run("list", "--sort", "params", "-f", "csv", "--max-params", "12M").stdout)]
    assert names.index("mobilenet_v1") < names.index("resnet18")
    assert "vgg16" not in names


def test_show_csv_has_every_layer() -> None:
    rows = records(run("show", "mobilenet_v1", "-f", "csv", "--convention", "fvcore").stdout)
    assert sum(int(row["macs"]) for row in rows) == 568_740_352
    assert sum(int(row["total"]) for row in rows) == 578_875_904
    assert rows[0]["output"] == "1x32x112x112"


def test_show_formulas() -> None:
    text = run("show", "mobilenet_v1", "--formulas").stdout
    assert re.search(r"body\.6\.depthwise\.conv\s+D_K²·M·D_F²\s+3²·512·14²\s+903,168", text)
    assert re.search(r"body\.6\s+52,283,392\s+462,422,016\s+1/512 \+ 1/9\s+0\.1131\s+8\.84×", text)
    assert re.search(r"pointwise\s+13\s+539,492,352\s+94\.86\s+3,139,584\s+74\.59", text)


def test_show_depth_and_top() -> None:
    every = run("show", "resnet18", "--depth", "0").stdout
    assert "body.3.1.sum.branch.1.norm" in every
    top = run("show", "vgg16", "--depth", "0", "--top", "2").stdout
    assert len(re.findall(r"^body\.", top, re.MULTILINE)) == 2


def test_formula() -> None:
    text = run("formula", "mobilenet_v1").stdout
    assert "α a multiple of 1/32; side = 32K, K ≥ 1; one sample" in text
    assert "params(α, K) = 3,139,584·α² + 1,091,392·α + 1,000\n" in text
    assert "MACs(α, K) = 11,010,048·α²·K² + 576,000·α·K² + 1,024,000·α\n" in text
    assert r"\mathrm{MACs} = 11\,010\,048\,\alpha^{2}\,K^{2} + 576\,000\,\alpha\,K^{2} + 1\,024\,000\,\alpha" in text
    assert "side = 32K + 1" in run("formula", "mobilenet_v1", "--resolution", "225").stdout
    rounded = run("formula", "resnet18", "--alpha", "0.3,0.7").stdout
    assert "at α = 0.3" in rounded
    assert "at α = 0.7" in rounded


BAD = [
    ("compare mobilenet vgg16", 2, "unknown network 'mobilenet'; did you mean mobilenet_v1, mobilenet_v2 or mobilenet_v1_cifar?"),
    ("compare", 2, "no network to compare; name one"),
    ("compare vgg16 --alpha 0.25..1", 2, "--alpha 0.25..1 is a range; this command takes one value"),
    ("compare vgg16 --engine fvcor", 2, "unknown engine 'fvcor'; did you mean fvcore"),
    ("compare vgg16 --convention papers", 2, "unknown convention 'papers'; did you mean paper"),
    ("compare vgg16 --columns model,maccs --engine closed", 2, "unknown column 'maccs'; did you mean macs"),
    ("compare vgg16 --sort maccs --engine closed", 2, "unknown column 'maccs'"),
    ("compare vgg16 --unit megs --engine closed", 2, "unknown unit 'megs'; use raw, auto, K, M, G, T, flops, MFLOPs, GFLOPs, TFLOPs, paper or params=M,macs=G"),
    ("compare vgg16 -f xml", 2, "unknown format 'xml'"),
    ("compare vgg16 -o run.xml", 2, "output 'run.xml': unknown suffix '.xml'; use .txt .csv .json .jsonl .parquet .md .tex .html .speedscope.json .trace.json .mmd .dot .svg"),
    ("compare vgg16 -o nowhere/run.csv", 2, "output 'nowhere/run.csv': there is no folder 'nowhere'; create it first"),
    ("compare vgg16 --csv .", 2, "output '.' is a folder; name a file in it"),
    ("compare vgg16 --set classes", 2, "--set 'classes' is not key=value; write it as --set classes=10"),
    ("compare vgg16 --set colour=red", 2, "unknown option of vgg16 'colour'"),
    ("compare vgg16 --batch 0", 2, "batch must be a whole number from 1 to 1048576, not 0"),
    ("sweep --alpha 1..0.25", 2, "alpha '1..0.25' runs backwards; write it as 0.25..1"),
    ("sweep --alpha 0..1", 2, "alpha must be above 0"),
    ("sweep --alpha 0.25..1:0", 2, "alpha '0.25..1:0' has a step of 0"),
    ("sweep --alpha nan", 2, "alpha 'nan' is not finite"),
    ("sweep --alpha 0.000000001..1:0.000000001", 2, "alpha '0.000000001..1:0.000000001' makes more than 10,000 points"),
    ("sweep --alpha 0.01..1:0.01 --resolution 1..224:1", 2, "the sweep makes 22,400 cells, and a table shows at most 10,000; write them to a file, e.g. --csv FILE.csv"),
    ("sweep --alpha -1", 2, "alpha must be above 0 and at most 64, not -1"),
    ("sweep --resolution 224 --rho 1", 2, "resolution and rho both set the size of the input; give one of them"),
    ("sweep mobilenet_v1@alpha=0.5 --alpha 0.25..1", 2, "model 'mobilenet_v1@alpha=0.5' sets the alpha that is run over"),
    ("sweep vgg16 --resolution 16..48:16", 2, "body.4.pool: a window of 2 does not fit 1 pixel; vgg16 needs inputs of at least 32"),
    ("show vgg16 --resolution 20", 2, "body.4.pool: a window of 2 does not fit 1 pixel; vgg16 needs inputs of at least 32"),
    ("compare VGG16", 2, "unknown network 'VGG16'; did you mean vgg16"),
    ("compare vgg16 --batch none", 2, "batch none is for modules without a batch axis"),
    ("compare vgg16 --input 3x200x200 --resolution 128", 2, "vgg16: resolution and input both set the size of the input; give one of them"),
    ("compare vgg16 --set classes=99999999999999999999", 2, "vgg16: classes must be a whole number from 1 to 1000000000, not 99999999999999999999"),
    ("compare vgg16 --engine closed --columns fvcore_macs", 2, "column fvcore_macs: fvcore was not run; add --engine fvcore"),
    ("compare vgg16 -o a.csv --csv a.csv", 2, "output 'a.csv' is given twice; give each file once"),
    (f"compare vgg16 --csv {'n' * 300}.csv", 2, "output 'nnnnnnnn"),
    ("sweep mobilenet_v1@input=3x96x96 --resolution 128,160", 2, "model 'mobilenet_v1@input=3x96x96' sets the resolution"),
    ("show vgg16 --top 0", 2, "top must be 1 or more, not 0"),
    ("show vgg16 --depth -1", 2, "depth must be 0 (every layer) or more"),
    ("list zzz", 2, "unknown network 'zzz'; there are"),
    ("list --max-macs 1K", 2, "no network meets all these conditions; leave one out, `profiler list` shows all"),
    ("list vgg --year 2014.5", 2, "year must be a whole number from 1 to"),
    ("list --max-macs many", 2, "--max-macs 'many' is not a number"),
    ("list --task dancing", 2, "unknown task 'dancing'"),
    ("formula mobilenet_v1 --alpha 0", 2, "alpha must be above 0 and at most 64, not 0"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "message"), BAD, ids=[case[0] for case in BAD])
def test_a_mistake_is_one_sentence(words: str, code: int, message: str, tmp_path: Path) -> None:
    ran = run(*words.split(), cwd=tmp_path)
    assert ran.returncode == code
    assert ran.stdout == ""
    assert ran.stderr.startswith(f"error: {message}")
    assert ran.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("what was there\n")
    ran = run("compare", "vgg16", "--resolution", "3", "-o", str(path))
    assert ran.returncode == 2
    assert path.read_text() == "what was there\n"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unknown_option_is_usage() -> None:
    ran = run("compare", "vgg16", "--alhpa", "1")
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert "unknown option '--alhpa'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("profiler 0.")
    text = run("--help").stdout
    assert all(f"  {command}" in text for command in ("compare", "sweep", "show", "list", "formula"))


def test_completion_knows_the_networks_and_no_torch() -> None:
    env = {"_PROFILER_COMPLETE": "complete_bash", "COMP_WORDS": "profiler compare mobile", "COMP_CWORD": "2"}
    code = (
        "import sys; from profiler.__main__ import main; sys.argv = ['profiler']\n"
        "try: main()\nfinally: print('torch' in sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT), **env}, check=False
    )  # fmt: skip
    assert "mobilenet_v1" in ran.stdout
    assert ran.stderr == "False\n"


def test_control_c_ends_with_130_and_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    words = ["profiler", "sweep", "googlenet", "--alpha", "0.05..0.75:0.05", "--csv", str(path)]
    code = (  # interrupted while fvcore counts the third network
        "import os, signal, sys; from profiler.witness import witnesses\n"
        "fvcore, asked = witnesses.WITNESSES['fvcore'], []\n"
        "def interrupted(*given):\n"
        "    asked.append(given)\n"
        "    if len(asked) == 3: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return fvcore(*given)\n"
        "witnesses.WITNESSES['fvcore'] = interrupted\n"
        f"from profiler.__main__ import main; sys.argv = {words}; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )  # fmt: skip
    assert ran.returncode == 130
    assert "Traceback" not in ran.stderr
    assert ran.stderr.endswith("interrupted\n")
    kept = records(path.read_text())  # the closed form, with what fvcore had said by then
    assert len(kept) == 15
    assert all(row["macs"] for row in kept)
    assert [bool(row["fvcore_macs"]) for row in kept] == [True] * 2 + [False] * 13


def test_verify() -> None:
    ran = run("verify", "--engine", "closed")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.search(r"^\d+ published figures of \d+ networks: \d+ equal, \d+ erratum", ran.stdout, re.MULTILINE)
    rows = records(run("verify", "vgg19", "--engine", "closed", "-f", "csv").stdout)
    assert {row["quantity"]: row["verdict"] for row in rows} == {
        "params": "equal", "macs": "equal", "keras_params": "equal", "top1": "quoted"
    }  # fmt: skip


def test_verify_ends_in_1_where_something_is_not_as_listed(tmp_path: Path) -> None:
    code = (
        "import sys; import profiler.study.verify as v; from profiler.study.published import figures\n"
        "f = next(f for f in figures() if f.model == 'vgg19' and f.verdict == 'equal')\n"
        "v.figures = lambda: (f._replace(printed='1'),)\n"
        "from profiler.__main__ import main; sys.argv = ['profiler', 'verify', 'vgg19', '--engine', 'closed']; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )  # fmt: skip
    assert ran.returncode == 1
    assert "DIFFERS" in ran.stdout
    assert ran.stderr == "error: 1 counts differ from archs/published.csv; see the lines marked DIFFERS\n"


@pytest.mark.parametrize("words", ["list", "list -f csv"])
def test_a_full_disk_is_a_sentence(words: str) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "profiler", *words.split()],
            stdout=full, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr == "error: cannot write to stdout: No space left on device; free some space, or write elsewhere\n"


def test_an_encoding_without_alpha_is_no_traceback() -> None:
    ran = run("formula", "vgg16", PYTHONIOENCODING="ascii")
    assert ran.returncode == 0
    assert "params(a, K) = 2,097,152" in ran.stdout


def test_a_network_too_large_to_build_is_still_counted() -> None:
    ran = run("compare", "mobilenet_v1", "--resolution", "1000000")
    assert ran.returncode == 0
    assert "fvcore: mobilenet_v1 would run 11,315 T multiply-adds; --engine fvcore insists" in ran.stdout


def test_what_is_not_native_is_said() -> None:
    text = run(
        "compare", "mobilenet_v1", "vgg16", "--engine", "closed", "--alpha", "0.5", "--batch", "8", "--input", "1x64x64"
    ).stdout
    assert text.startswith("α 0.5; input 1x64x64; batch 8\n")


def test_flops_are_headed_flops_everywhere() -> None:
    for words in (
        ["list"],
        ["show", "vgg11"],
        ["compare", "vgg11", "--engine", "closed"],
        ["sweep", "vgg11", "--engine", "closed"],
    ):
        text = run(*words, "--unit", "flops").stdout
        assert "FLOPs" in text
        assert "MACs" not in text
        assert f"{2 * 7_609_090_048:,}" in text


def test_ratios_are_to_the_first_named_also_when_sorted() -> None:
    words = ["compare", "vgg16", "mobilenet_v1", "--engine", "closed", "--sort", "params_ratio"]
    lines = run(*words).stdout.splitlines()
    assert lines[2].startswith("mobilenet_v1")
    assert "0.031×" in lines[2]
    rows = records(run(*words, "--columns", "model, macs_ratio", "-f", "csv").stdout)
    assert [(row["model"], round(float(row["macs_ratio"]), 4)) for row in rows] == [("mobilenet_v1", 0.0368), ("vgg16", 1.0)]


def test_show_and_list_by_chosen_columns() -> None:
    text = run("show", "mobilenet_v1", "--columns", "path,kind,macs", "--sort", "-macs").stdout
    lines = text[text.index("by layer") :].splitlines()
    assert lines[1].split() == ["layer", "kind", "MACs"]
    assert lines[3].split() == ["body.6…10", "×5", f"{5 * (9 * 512 + 512 * 512) * 14 * 14:,}"]
    rows = records(run("show", "vgg11", "--columns", "path, macs", "--sort", "-macs", "-f", "csv").stdout)
    assert list(rows[0]) == ["path", "macs"]
    assert [int(row["macs"]) for row in rows] == sorted((int(row["macs"]) for row in rows), reverse=True)
    rows = records(run("list", "googlenet", "--columns", "model,options", "-f", "csv").stdout)
    assert rows[0] == {"model": "googlenet", "options": "classes=1000,norm=none,first=full"}


COLUMNS = ["compare lenet5 --engine closed", "sweep lenet5 --engine closed", "show lenet5", "list lenet5"]


@pytest.mark.parametrize(
    "words", [*COLUMNS, "check lenet5 --max-macs 1G", "diff lenet5 vgg11", "verify lenet5 --engine closed"]
)
def test_an_unknown_column_names_its_nearest(words: str, tmp_path: Path) -> None:
    commands = [words.split()] if words in COLUMNS else []
    assert run(*words.split(), "-q", "-o", "saved.json", cwd=tmp_path).returncode == 0
    for command in [*commands, ["report", "saved.json"]]:
        for option in ("--columns", "--sort"):
            ran = run(*command, option, "modle", cwd=tmp_path)
            assert (ran.returncode, ran.stdout) == (2, "")
            assert re.match(r"error: unknown column 'modle'; did you mean .*\bmod(el|ule)\b.*\?", ran.stderr)
