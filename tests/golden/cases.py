"""The table of golden cases: every command in every form it writes, its help, its errors, and saved runs rendered again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
SAVED = HERE / "saved"

COMMANDS = (
    "list",
    "show",
    "compare",
    "sweep",
    "bench",
    "formula",
    "verify",
    "check",
    "diff",
    "report",
    "selftest",
    "inspect",
    "fleet",
)
TABLES = {"csv": "csv", "json": "json", "jsonl": "jsonl", "markdown": "md", "latex": "tex"}
"""The forms besides the table that every command writes, by the suffix of a file."""
OTHERS = {"html": "html", "speedscope": "speedscope.json", "trace": "trace.json", "mermaid": "mmd", "dot": "dot", "svg": "svg"}
"""The forms that only some commands write."""
NETWORK = ("html", "speedscope", "mermaid", "dot", "svg")


@dataclass(frozen=True)
class Case:
    """One run of the program, in a folder where `docs` and `saved` are those of the checkout."""

    id: str
    words: tuple[str, ...]
    torch: bool = False
    """True where the run imports torch: such cases share a process that has it already."""
    terminal: bool = False
    """True where stdout is a terminal of 80 columns."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Files in the folder before the run: name → text."""
    stdin: str = ""
    """The file on stdin; nothing unless given."""
    env: Mapping[str, str] = field(default_factory=dict)


NET = "docs/examples/net.py:Net"
CALLABLE = f"{NET} --input 3x64x64"
SPECTRUM = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, width, 3), nn.Linear(width, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.fft.rfft(self.conv(x)).abs().mean((2, 3)))
"""
"""A module with an operation that has no formula."""
WIDER = SPECTRUM.replace("width: int = 8", "width: int = 12")
"""The same, grown."""
BUDGETS = """\
[tool.profiler.budgets]
lenet5 = { macs = "500K", params = "70K" }
alexnet_fashion = { macs = "1G", params = "40M", memory = "400MiB" }
"""
SETTINGS = """\
[tool.profiler]
unit = "M"

[tool.profiler.show]
depth = 0
"""

SAVED_BY = {
    "show": "show lenet5 --training --memory",
    "show_separable": "show mobilenet_v1 --alpha 0.25 --what-if separable",
    "show_folded": "show mobilenet_v1 --alpha 0.25 --what-if folded",
    "show_traced": f"show {CALLABLE}",
    "show_uncounted": "show spectrum.py:Net --input 3x16x16",
    "compare": "compare lenet5 alexnet_fashion --engine closed",
    "compare_engines": "compare lenet5 mobilenet_v1@alpha=0.25 --engine closed,traced,fvcore,thop,torch",
    "compare_traced": f"compare {CALLABLE} --engine closed,traced,fvcore,thop,torch",
    "compare_bench": "compare lenet5 alexnet_fashion --bench --time 3s --threads 1",
    "sweep": "sweep --alpha 0.25..1.0 --resolution 192,224 --engine closed",
    "sweep_bench": "sweep lenet5 --alpha 0.5,1 --bench --time 3s --threads 1",
    "bench": "bench lenet5 lenet5@classes=100 alexnet_fashion --time 4s --threads 1",
    "bench_grid": "bench lenet5 --batch 1,8 --threads 1,2 --time 4s",
    "bench_train": "bench lenet5 alexnet_fashion --train --dataset-size 60K --time 6s --threads 1",
    "bench_layers": "bench lenet5 alexnet_fashion --layers --time 4s --threads 1",
    "selftest": "selftest --time 6s --threads 1",
    "list": "list resnet --max-macs 2G",
    "formula": "formula mobilenet_v1",
    "formula_grid": "formula mobilenet_v2 --alpha 0.5,1",
    "verify": "verify lenet5",
    "verify_table": "verify --table 'MobileNets Table 6'",
    "check": "check lenet5 alexnet_fashion --max-macs 500M",
    "check_baseline": "check spectrum.py:Net --input 3x16x16 --baseline saved/show_uncounted.json",
    "diff": "diff lenet5 lenet5@classes=100",
    "diff_runs": "diff saved/show.json saved/show_traced.json",
}
"""How the documents of `saved` were made, once; what was measured then is never measured again."""
SAVED_FILES = {"show_uncounted": {"spectrum.py": SPECTRUM}, "check_baseline": {"spectrum.py": WIDER}}

LIVE = {
    "list": ("list lenet*", ()),
    "show": ("show lenet5", NETWORK),
    "compare": ("compare lenet5 alexnet_fashion --engine closed", ("html", "speedscope")),
    "sweep": ("sweep lenet5 --alpha 0.5,1 --engine closed", ("html",)),
    "formula": ("formula lenet5", ()),
    "verify": ("verify lenet5 --engine closed", ()),
    "check": ("check lenet5 --max-macs 1M", ()),
    "diff": ("diff lenet5 lenet5@classes=100", ()),
}
"""What is cheap to run anew, and the forms it has besides the tables."""

OPTIONS = {
    "list-all": "list",
    "list-filters": "list --max-macs 600M --max-params 5M --year 2017..2018 --task classification --sort -macs --unit raw",
    "list-columns": "list mobilenet --columns model,year,macs --sort year",
    "show-formulas": "show mobilenet_v1 --formulas --top 4",
    "show-separable": "show mobilenet_v1 --alpha 0.25 --what-if separable",
    "show-folded": "show mobilenet_v1 --alpha 0.25 --what-if folded -f csv",
    "show-columns": "show lenet5 --columns path,kind,macs",
    "show-sort": "show lenet5 --sort -macs",
    "show-depth": "show mobilenet_v1 --depth 0",
    "show-depth-1": "show mobilenet_v1 --depth 1",
    "show-top": "show mobilenet_v1 --depth 0 --top 3",
    "show-no-fold": "show mobilenet_v1 --no-fold",
    "show-batch": "show lenet5 --batch 8 --unit flops --convention thop",
    "show-point": "show mobilenet_v1 --alpha 0.5 --rho 0.714 --set classes=10",
    "show-mermaid-1": "show mobilenet_v1 --depth 1 -f mermaid",
    "show-plot": "show lenet5 --plot",
    "show-aux": "show googlenet --top 3 --depth 0",
    "compare-plot": "compare lenet5 alexnet_fashion --engine closed --plot",
    "compare-columns": "compare lenet5 alexnet_fashion --engine closed --columns model,macs,macs_ratio --sort -macs",
    "compare-convention": "compare mobilenet_v1 vgg16 --engine closed --convention fvcore --unit M",
    "compare-point": "compare mobilenet_v1 vgg16 --engine closed --alpha 0.5 --batch 8 --input 1x64x64",
    "sweep-default": "sweep --engine closed",
    "sweep-grid": "sweep mobilenet_v1 --alpha 0.5..1.0:0.25 --rho 0.714,1 --batch 1,8 --engine closed --unit auto",
    "sweep-plot": "sweep mobilenet_v1 --engine closed --plot",
    "formula-grid": "formula mobilenet_v2 --alpha 0.5,1",
    "formula-side": "formula mobilenet_v1 --resolution 225",
    "verify-published": "verify --table 'MobileNets Table 6' --engine closed",
    "verify-all": "verify --engine closed",
    "check-junit": "check lenet5 alexnet_fashion --max-macs 500M --junit junit.xml -o check.json",
    "check-baseline": "check lenet5 --baseline saved/compare.json --junit junit.xml",
    "check-tolerance": "check lenet5 alexnet_fashion --baseline saved/compare.json --tolerance 5% --unit M",
    "diff-same": "diff lenet5 lenet5 --exit-code",
    "diff-exit-code": "diff lenet5 alexnet_fashion --exit-code --top 3 --unit auto",
    "diff-runs": "diff saved/compare.json saved/compare_engines.json",
    "diff-shown": "diff saved/show.json saved/show_traced.json",
    "diff-latency": "diff saved/bench.json saved/compare_bench.json",
    "report-verbose": "report saved/compare.json -v",
    "report-columns": "report saved/sweep.json --columns model,alpha,resolution,macs --sort -macs --unit M",
    "report-formulas": "report saved/show.json --formulas --depth 0 --top 3 --no-fold",
    "report-layers": "report saved/bench_layers.json --depth 1 --top 3 --sort -seconds",
    "report-list": "report saved/list.json --columns model,macs",
    "inspect-scheme": "inspect --model alexnet --scheme deep-compression",
    "inspect-scheme-csv": "inspect --model lenet_300_100 --scheme deep-compression -f csv",
    "inspect-none": "inspect run.h5",
    "quiet": "compare lenet5 --engine closed -q --csv run.csv -o run.txt",
}
"""Options one by one, without torch."""

TRACED = {
    "check-memory": "check lenet5 --max-memory 100MiB --max-weight-bytes 1MiB --max-activations 10K --max-params 60K",
    "show-memory": "show lenet5 --memory",
    "show-training": "show lenet5 --training",
    "show-weights": "show lenet_300_100 --weights int8,int4:128,bits=5",
    "show-traced": f"show {CALLABLE}",
    "show-traced-json": f"show {CALLABLE} -f json",
    "show-traced-training": f"show {CALLABLE} --training --memory -v",
    "compare-default": "compare lenet5 mobilenet_v1@alpha=0.25",
    "compare-engines-json": "compare lenet5 --engine closed,traced,fvcore,thop,torch -f json",
    "compare-traced": f"compare {CALLABLE} --engine closed,traced,fvcore,thop,torch -v",
    "compare-verbose": "compare vgg11@resolution=32,alpha=0.1 -v",
    "sweep-fvcore": "sweep lenet5 --alpha 0.5,1 --resolution 28,32 -f csv",
    "verify-default": "verify lenet5",
    "check-traced": f"check {CALLABLE} --max-macs 10M --max-memory 1MiB",
    "diff-traced": f"diff {NET} saved/show_traced.json --input 3x64x64 --exit-code",
}
"""What asks torch, fvcore and thop."""

UNCOUNTED = {
    "show-strict": "show spectrum.py:Net --input 3x16x16 --strict",
    "check-strict": "check spectrum.py:Net --input 3x16x16 --max-macs 1G --strict",
}
GREW = "check spectrum.py:Net --input 3x16x16 --baseline saved/show_uncounted.json --junit junit.xml --top 2"

ERRORS = {
    "no-arguments": "",
    "no-command": "shwo",
    "no-option": "compare vgg16 --alhpa 1",
    "no-model-argument": "show",
    "unknown-model": "compare mobilenet vgg16",
    "nothing-to-compare": "compare",
    "range-for-one": "compare vgg16 --alpha 0.25..1",
    "range-backwards": "sweep --alpha 1..0.25",
    "range-endless": "sweep --alpha 0.000000001..1:0.000000001",
    "bad-unit": "compare vgg16 --unit megs --engine closed",
    "bad-engine": "compare vgg16 --engine fvcor",
    "bad-convention": "compare vgg16 --convention papers",
    "bad-format": "compare vgg16 -f xml",
    "bad-suffix": "compare vgg16 -o run.xml",
    "bad-column": "compare vgg16 --columns model,maccs --engine closed",
    "bad-sort": "show lenet5 --sort maccs",
    "bad-set": "compare vgg16 --set colour=red",
    "bad-batch": "compare vgg16 --batch 0",
    "bad-year": "list vgg --year 2014.5",
    "bad-task": "list --task dancing",
    "bad-limit": "check lenet5 --max-macs many",
    "bad-what-if": "show lenet5 --what-if smaller",
    "bad-time": "bench lenet5 --time soon",
    "bad-device": "bench lenet5 --device gpu",
    "bad-dtype": "bench lenet5 --dtype int8",
    "clock-without-bench": "compare lenet5 --train",
    "too-small": "show vgg16 --resolution 20",
    "no-table": "verify --table 'MobileNets Table 99'",
    "no-folder": "compare vgg16 --engine closed -o nowhere/run.csv",
    "no-file": "report none.json",
    "no-baseline": "check lenet5 --baseline none.json",
    "no-run": "report docs/examples/net.py",
    "not-this-form": "list -o run.html",
    "not-this-form-saved": "report saved/compare.json -f trace",
    "nothing-to-plot": "report saved/list.json --plot",
    "plot-of-csv": "show lenet5 --plot -f csv",
    "no-budget": "check lenet5",
}
"""Mistakes: one sentence on stderr, and the exit code."""
ERRORS_OF_REFERENCES = {
    "no-reference": "show docs/examples/net.py:Nought",
    "no-module": "show docs/examples/nought.py:Net",
    "no-input": f"show {NET}",
}
"""The same, where a user's module is read."""

ON_A_TERMINAL = {
    "list": "list mobilenet",
    "show": "show lenet5",
    "show-plot": "show lenet5 --plot",
    "compare": "compare mobilenet_v1 vgg16 --engine closed",
    "sweep": "sweep --engine closed",
    "formula": "formula lenet5",
    "check": "check lenet5 --max-macs 400K --max-params 1M",
    "diff": "diff lenet5 lenet5@classes=100",
    "report-compare": "report saved/compare_engines.json",
    "report-bench": "report saved/bench.json",
    "report-layers": "report saved/bench_layers.json --top 4",
    "report-selftest": "report saved/selftest.json",
}


def saved_forms(name: str) -> tuple[str, ...]:
    """The forms besides the tables that a saved run can be written in."""
    command = SAVED_BY[name].split()[0]
    if name == "bench_layers":
        return ("html", "speedscope", "trace")
    if command == "show":
        wired = "wiring" in json.loads((SAVED / f"{name}.json").read_text())
        return NETWORK if wired else ("html", "speedscope")
    return {"compare": ("html", "speedscope"), "sweep": ("html",), "bench": ("html",)}.get(command, ())


def cases() -> list[Case]:
    """Every case, those that need no torch first."""
    made = [Case("version", ("--version",)), Case("help", ("--help",))]
    made += [Case(f"help-{command}", (command, "--help")) for command in COMMANDS]
    for name, (line, besides) in LIVE.items():
        words = tuple(shlex.split(line))
        made.append(Case(f"{name}-table", words))
        made += [Case(f"{name}-{form}", (*words, "-f", form)) for form in (*TABLES, *besides)]
    made += [Case(name, tuple(shlex.split(line))) for name, line in OPTIONS.items()]
    for name in SAVED_BY:
        suffixes = [*TABLES.values(), *(OTHERS[form] for form in saved_forms(name))]
        outputs = [word for suffix in suffixes for word in ("-o", f"run.{suffix}")]
        made.append(Case(f"saved-{name}", ("report", f"saved/{name}.json", *outputs)))
    made += [
        Case(f"saved-{name}-plot", ("report", f"saved/{name}.json", "--plot"))
        for name in ("show", "compare_bench", "sweep_bench", "bench_grid", "bench_layers")
    ]
    made += [
        Case("report-pipe", ("report", "-", "-f", "markdown"), stdin="saved/compare.json"),
        Case("check-budgets", ("check",), torch=True, files={"pyproject.toml": BUDGETS}),
        Case(
            "check-github",
            ("check", "lenet5", "--max-macs", "1K"),
            env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "summary.md"},
        ),
        Case("settings", ("show", "lenet5", "-v"), files={"pyproject.toml": SETTINGS}),
        Case("colour", tuple(shlex.split(LIVE["compare"][0])), env={"FORCE_COLOR": "1"}),
    ]
    made += [Case(f"error-{name}", tuple(shlex.split(line))) for name, line in ERRORS.items()]
    made += [Case(f"terminal-{name}", tuple(shlex.split(line)), terminal=True) for name, line in ON_A_TERMINAL.items()]
    made += [Case(name, tuple(shlex.split(line)), torch=True) for name, line in TRACED.items()]
    made += [Case(f"error-{name}", tuple(shlex.split(line)), torch=True) for name, line in ERRORS_OF_REFERENCES.items()]
    spectrum = {"spectrum.py": SPECTRUM}
    made += [Case(name, tuple(shlex.split(line)), torch=True, files=spectrum) for name, line in UNCOUNTED.items()]
    made.append(Case("check-baseline-grew", tuple(shlex.split(GREW)), torch=True, files={"spectrum.py": WIDER}))
    return made
