"""The options of the commands, each defined once, as typer reads them. Their headings are in help_pages.py."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from profiler.commands import completion
from profiler.commands.defaults import Defaults
from profiler.report.encoding import sentence

# Options that several commands share. Typer reads the annotations, so they say Optional and not `| None`.

Model = Annotated[
    str,
    typer.Argument(
        help="A network: a name from `profiler list` (mobilenet_v1, or with settings mobilenet_v1@alpha=0.5), your "
        "own module (net.py:Net), a model of a library (timm:resnet18, hf:BertModel), or a file (net.onnx, "
        "net.pt2).",
        metavar="MODEL",
        autocompletion=completion.models,
    ),
]
Models = Annotated[
    Optional[list[str]],
    typer.Argument(
        help="Networks: names from `profiler list` or patterns ('mobilenet_v3*'), your own modules (net.py:Net), "
        "models of a library (timm:resnet18), or files (net.onnx). Write Ours=net.py:Net to label a row.",
        metavar="MODEL...",
        autocompletion=completion.models,
    ),
]
Verified = Annotated[
    Optional[list[str]],
    typer.Argument(
        help="Networks: names from `profiler list` or patterns ('vgg1*'), or references to other modules "
        "(timm:resnet18, net.py:Net). [default: every network of `profiler list`]",
        metavar="MODEL...",
        autocompletion=completion.models,
    ),
]
Alpha = Annotated[Optional[str], typer.Option("--alpha", metavar="ALPHA", help="Width multiplier, e.g. 0.5. [default: 1]")]
Resolution = Annotated[
    Optional[str],
    typer.Option(
        "--resolution",
        metavar="PIXELS",
        help="Height and width of the input in pixels, e.g. 192. [default: the network's native resolution]",
    ),
]
Rho = Annotated[
    Optional[str], typer.Option("--rho", metavar="RHO", help="Resolution as a multiple of the native one, e.g. 0.5 or 4/7.")
]
Input = Annotated[
    Optional[list[str]],
    typer.Option(
        "--input",
        metavar="SHAPE",
        help="Shape of one sample, without the batch, e.g. 3x224x224. A module of your own may have several, with "
        "names and dtypes: ids=128:int64. Can be repeated.",
    ),
]
Batch = Annotated[
    str,
    typer.Option(
        "--batch",
        metavar="N",
        help="Batch size, e.g. 8. With `none`, the shapes of --input are used as they are and get no batch axis.",
    ),
]
TimedBatch = Annotated[
    Optional[str], typer.Option("--batch", metavar="N", help="Batch size, e.g. 8. [default: 1; 32 with --train]")
]
TimedBatches = Annotated[
    Optional[str],
    typer.Option("--batch", metavar="RANGE", help="Batch sizes, e.g. 8 or 1,8,32. [default: 1; 32 with --train]"),
]
Batches = Annotated[Optional[str], typer.Option("--batch", metavar="RANGE", help="Batch sizes, e.g. 8 or 1,8,32. [default: 1]")]
Set = Annotated[
    Optional[list[str]],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set an option of the network, e.g. classes=10. Can be repeated.",
        autocompletion=completion.own_settings,
    ),
]
Over = Annotated[
    Optional[list[str]],
    typer.Option(
        "--over",
        metavar="KEY=RANGE",
        help="Run over several values of an option of the network, e.g. width=16..64:16 or norm=batch,layer. Can be repeated.",
        autocompletion=completion.own_settings,
    ),
]
Engines = Annotated[
    Optional[list[str]],
    typer.Option(
        "--engine",
        metavar="NAME",
        help="What counts: closed (formulas, for networks of `profiler list`), traced (any module), or fvcore, "
        "thop and torch, which check the count. Separate several with commas. [default: closed,fvcore]",
        autocompletion=completion.engines,
    ),
]
ConventionName = Annotated[
    str,
    typer.Option(
        "--convention",
        metavar="NAME",
        help="How the column `total` counts: as the papers do (1 per multiply-add), or as fvcore, thop, torch or "
        "torchinfo do; for ONNX files also onnx-tool.",
        autocompletion=completion.conventions,
    ),
]
UNIT_HELP = (
    "Unit of the counts in tables: raw (every digit), auto, K, M, G, flops (2 per MAC), GFLOPs, paper (params "
    "in M, MACs in M or G), or one per column: params=M,macs=G."
)
UnitName = Annotated[
    str,
    typer.Option(
        "--unit",
        metavar="UNIT",
        help=UNIT_HELP,
        autocompletion=completion.units,
    ),
]
Caption = Annotated[
    Optional[str],
    typer.Option(
        "--caption",
        metavar="TEXT",
        help="Caption of the table in LaTeX and Markdown, e.g. 'Our networks'. [default: the networks' names]",
    ),
]
Label = Annotated[
    Optional[str],
    typer.Option(
        "--label",
        metavar="LABEL",
        help="Label of the table for \\ref in LaTeX, e.g. tab:main. [default: made from the caption]",
    ),
]
Top1 = Annotated[
    Optional[list[str]],
    typer.Option(
        "--top1",
        metavar="NAME=PERCENT",
        help="Add an accuracy of your own in percent, e.g. Ours=74.1 for the row labelled Ours. The table marks "
        "it. Can be repeated.",
    ),
]
Memory = Annotated[bool, typer.Option("--memory", help="Also compute the peak memory of one forward pass, without running it.")]
Jobs = Annotated[
    Optional[str],
    typer.Option(
        "--jobs",
        metavar="N",
        help="Count in N processes at once, or with auto in one for each core. The results are the same. [default: 1]",
    ),
]
Columns = Annotated[
    Optional[str],
    typer.Option(
        "--columns",
        metavar="NAMES",
        help="Columns to show, with commas, e.g. model,params,macs. The names are those of the CSV file.",
        autocompletion=completion.columns,
    ),
]
Sort = Annotated[
    Optional[str],
    typer.Option(
        "--sort",
        metavar="COLUMN",
        help="Column to sort by, e.g. macs; -macs sorts from the largest.",
        autocompletion=completion.sort,
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "-f",
        "--format",
        metavar="FORMAT",
        help="Format of what is printed: table, csv, json, jsonl, markdown, latex or html; of layers also svg, dot, "
        "mermaid, speedscope and trace.",
        autocompletion=completion.forms,
    ),
]
Outputs = Annotated[
    Optional[list[Path]],
    typer.Option(
        "-o",
        "--output",
        metavar="PATH",
        help="Also write the result to a file, e.g. run.json or table.tex; the suffix sets the format. Can be repeated.",
    ),
]
Csv = Annotated[
    Optional[Path], typer.Option("--csv", metavar="PATH", help="Also write the records to a CSV file, e.g. run.csv.")
]

# How latency is measured. `bench` takes several of a device, a number of threads, a dtype and a memory format, with commas.

Bench = Annotated[bool, typer.Option("--bench", help="Also measure latency on this machine.")]
Measure = Annotated[
    Optional[str],
    typer.Option(
        "--measure",
        metavar="N",
        help="Measure only this many configurations of each network, e.g. 6, and predict the others from them.",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="Device to measure on: cpu, cuda, cuda:1 or mps; auto takes a GPU if there is one.",
        autocompletion=completion.devices,
    ),
]
Threads = Annotated[
    Optional[str],
    typer.Option("--threads", metavar="N", help="Number of CPU threads, e.g. 4. [default: all that this process may use]"),
]
Dtype = Annotated[
    str,
    typer.Option(
        "--dtype",
        metavar="NAME",
        help="Data type: fp32, bf16 or fp16; int8 with onnxruntime or openvino. With --train it is applied by autocast.",
        autocompletion=completion.dtypes,
    ),
]
MemoryFormat = Annotated[
    str,
    typer.Option(
        "--memory-format",
        metavar="NAME",
        help="Memory format of the tensors: contiguous or channels_last.",
        autocompletion=completion.memory_formats,
    ),
]
Runtime = Annotated[
    str,
    typer.Option(
        "--runtime",
        metavar="NAME",
        help="What runs the network: eager or compile (PyTorch), onnxruntime, openvino, tensorrt, litert, executorch, "
        "or exec (the command of --exec).",
        autocompletion=completion.runtimes,
    ),
]
Exec = Annotated[
    Optional[str],
    typer.Option(
        "--exec",
        metavar="COMMAND",
        help="Measure on another device: a command that runs the exported network there and prints the seconds of each "
        "forward pass, e.g. 'adb shell /data/local/tmp/run {name} {runs}'.",
    ),
]
ExecPush = Annotated[
    Optional[str],
    typer.Option(
        "--exec-push",
        metavar="COMMAND",
        help="With --exec: a command that first copies the network's file to the device, e.g. 'adb push {file} /data/{name}'.",
    ),
]
NoCache = Annotated[
    bool,
    typer.Option(
        "--no-cache", help="Export the network again for onnxruntime and openvino, and do not keep the file for later runs."
    ),
]
Compile = Annotated[
    bool, typer.Option("--compile", help="Also measure with torch.compile; the same as adding compile to --runtime.")
]
Energy = Annotated[
    bool,
    typer.Option(
        "--energy",
        help="Also measure joules per image with the GPU's energy counter; takes 12 s per configuration in addition to --time.",
    ),
]
Train = Annotated[
    bool,
    typer.Option("--train", help="Measure training steps (forward, loss, backward, optimizer) in place of forward passes."),
]
Optimizer = Annotated[
    str,
    typer.Option(
        "--optimizer", metavar="NAME", help="Optimizer of --train: sgd or adam.", autocompletion=completion.optimizers
    ),
]
DatasetSize = Annotated[
    Optional[str],
    typer.Option(
        "--dataset-size", metavar="N", help="Samples per epoch, e.g. 60K: with --train, also print seconds per epoch."
    ),
]
Seconds = Annotated[
    Optional[str],
    typer.Option(
        "--time",
        metavar="TIME",
        help="Time to measure for, e.g. 5m, shared by everything that is measured. [default: 30s; 60s with --train]",
    ),
]
Resume = Annotated[
    Optional[Path], typer.Option("--resume", metavar="PATH", help="Continue an interrupted run from its .samples.jsonl file.")
]
Fleet = Annotated[
    Optional[str],
    typer.Option(
        "--fleet",
        metavar="ADDRESS",
        help="Count, or with --bench measure, on the workers of a dask scheduler: tcp://HOST:8786, tls://HOST:8786 or a "
        "scheduler.json. Try it out with local:2, which starts two workers here.",
    ),
]
Spread = Annotated[
    bool,
    typer.Option(
        "--spread",
        help="With --fleet: share the configurations among equal devices, each part with the first one. Without it every "
        "device measures all of them.",
    ),
]
Depth = Annotated[int, typer.Option("--depth", metavar="N", help="Levels of modules to show, e.g. 1; 0 shows every layer.")]
Top = Annotated[Optional[int], typer.Option("--top", metavar="N", help="Show only the N layers with the most MACs, e.g. 10.")]
Formulas = Annotated[
    bool,
    typer.Option(
        "--formulas", help="Show each layer's formula with its numbers, and what depthwise separable convolutions save."
    ),
]
Receptive = Annotated[
    bool,
    typer.Option(
        "--receptive-field", help="Show kernel, stride, groups, effective stride (jump) and receptive field of each layer."
    ),
]
NoFold = Annotated[bool, typer.Option("--no-fold", help="Show equal layers one by one, not as one row with a count.")]
Plot = Annotated[bool, typer.Option("--plot", help="Also draw plots in the terminal, below the table.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing; use it with -o.")]


def _say_settings(ctx: typer.Context, verbose: bool) -> bool:
    """With -v, the settings that the project's own file gave the command."""
    if verbose and isinstance(ctx.obj, Defaults) and ctx.obj.where:
        print(sentence(str(ctx.obj)), file=sys.stderr)
    return verbose


SingleBatch = Annotated[Optional[str], typer.Option("--batch", metavar="N", help="Batch size, e.g. 8. [default: 1]")]
FlatDepth = Annotated[
    int, typer.Option("--depth", metavar="N", help="With --layers: levels of modules to show, e.g. 1; 0 shows every layer.")
]
SlowestLayers = Annotated[
    Optional[int], typer.Option("--top", metavar="N", help="With --layers: show only the N slowest layers.")
]
Verbose = Annotated[
    bool,
    typer.Option(
        "-v",
        "--verbose",
        callback=_say_settings,
        help="Also print details to stderr: how the result was obtained, and settings read from pyproject.toml.",
    ),
]
