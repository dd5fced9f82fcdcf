"""The options of the commands, each once, as typer reads them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from profiler.commands import completion
from profiler.commands.defaults import Defaults
from profiler.report.encoding import sentence

# What several commands share. Typer reads the annotations, so Optional stands where a type checker would take `| None`.

Model = Annotated[
    str,
    typer.Argument(
        help="A network, e.g. mobilenet_v1@alpha=0.5, or a reference to any module: timm:resnet18, net.py:Net.",
        metavar="MODEL",
        autocompletion=completion.models,
    ),
]
Models = Annotated[
    Optional[list[str]],
    typer.Argument(
        help="Networks, which `profiler list` names, patterns ('mobilenet_v3*'), or references: timm:resnet18, net.py:Net. "
        "Ours=net.py:Net labels a row.",
        metavar="MODEL...",
        autocompletion=completion.models,
    ),
]
Verified = Annotated[
    Optional[list[str]],
    typer.Argument(
        help="Networks, which `profiler list` names, patterns ('vgg1*'), or references: timm:resnet18, net.py:Net.",
        metavar="MODEL...",
        autocompletion=completion.models,
    ),
]
Alpha = Annotated[Optional[str], typer.Option("--alpha", metavar="NUMBER", help="Width multiplier.")]
Resolution = Annotated[Optional[str], typer.Option("--resolution", metavar="PIXELS", help="Side of the input.")]
Rho = Annotated[Optional[str], typer.Option("--rho", metavar="NUMBER", help="Side as a multiple of the native one.")]
Alphas = Annotated[
    Optional[str], typer.Option("--alpha", metavar="RANGE", help="Width multipliers: 0.25..1.0, 0.1..0.5:0.1 or 0.5,1.")
]
Resolutions = Annotated[
    Optional[str],
    typer.Option("--resolution", metavar="RANGE", help="Sides of the input: 128..224, 128..224:16 or 224,192."),
]
Rhos = Annotated[
    Optional[str], typer.Option("--rho", metavar="RANGE", help="Sides as multiples of the native one: 0.5..1.0:0.1.")
]
Input = Annotated[
    Optional[list[str]],
    typer.Option(
        "--input",
        metavar="SHAPE",
        help="Shape of one sample, as 3x224x224; of a reference any inputs, as ids=128:int64, repeated.",
    ),
]
Batch = Annotated[
    str, typer.Option("--batch", metavar="N", help="Samples at once; none passes the shapes of a reference as they are.")
]
TimedBatch = Annotated[Optional[str], typer.Option("--batch", metavar="N", help="Samples at once. [default: 1; 32 to train]")]
TimedBatches = Annotated[
    Optional[str],
    typer.Option("--batch", metavar="RANGE", help="Samples at once: 8, or 1,8,32. [default: 1; 32 to train]"),
]
Batches = Annotated[Optional[str], typer.Option("--batch", metavar="RANGE", help="Samples at once: 8, or 1,8,32. [default: 1]")]
Set = Annotated[
    Optional[list[str]],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="An option of the architecture; may be repeated.",
        autocompletion=completion.own_settings,
    ),
]
Over = Annotated[
    Optional[list[str]],
    typer.Option(
        "--over",
        metavar="KEY=RANGE",
        help="An option to run over: width=16..64:16, norm=batch,layer; may be repeated.",
        autocompletion=completion.own_settings,
    ),
]
Engines = Annotated[
    Optional[list[str]],
    typer.Option(
        "--engine",
        metavar="NAME",
        help="Who counts: closed, traced, fvcore, thop, torch; repeated or with commas. [default: closed,fvcore]",
        autocompletion=completion.engines,
    ),
]
ConventionName = Annotated[
    str,
    typer.Option(
        "--convention",
        metavar="NAME",
        help="How `total` counts: paper, fvcore, thop, torch, torchinfo, or onnx-tool of ONNX files.",
        autocompletion=completion.conventions,
    ),
]
UnitName = Annotated[
    str,
    typer.Option(
        "--unit",
        metavar="UNIT",
        help="Counts in the table: raw, auto, K, M, G, flops (2 per MAC), GFLOPs; paper; or by column, params=M,macs=G.",
        autocompletion=completion.units,
    ),
]
Caption = Annotated[
    Optional[str],
    typer.Option("--caption", metavar="TEXT", help="What LaTeX and Markdown call the table. [default: its networks]"),
]
Top1 = Annotated[
    Optional[list[str]],
    typer.Option(
        "--top1",
        metavar="NAME=PERCENT",
        help="An accuracy of your own, by label or model: Ours=74.1; marked in the table, may be repeated.",
    ),
]
Memory = Annotated[bool, typer.Option("--memory", help="Also the peak bytes of one inference, on paper.")]
Prefill = Annotated[
    Optional[str],
    typer.Option("--prefill", metavar="TOKENS", help="Of a language model, the tokens of the text that it reads at once."),
]
Prefills = Annotated[
    Optional[str],
    typer.Option(
        "--prefill", metavar="RANGE", help="Of language models, lengths of a text that is read at once: 512..4096:512."
    ),
]
Decode = Annotated[
    Optional[str],
    typer.Option(
        "--decode", metavar="TOKENS", help="Also a step of so many tokens behind that text, mostly 1, on the model's cache."
    ),
]
Tokens = Annotated[
    Optional[str],
    typer.Option("--tokens", metavar="TOKENS", help="The tokens that an encoder reads: of BERT, or in front of a decoder."),
]
CacheDtype = Annotated[
    Optional[str],
    typer.Option("--cache-dtype", metavar="DTYPE", help="What the cache is kept in: fp32, bf16, fp16, fp8, int8 or int4."),
]
PeakMacs = Annotated[
    Optional[str], typer.Option("--peak-macs", metavar="N", help="MACs a second of a device, as 494T, which bound the steps.")
]
Bandwidth = Annotated[
    Optional[str], typer.Option("--bandwidth", metavar="SIZE", help="Bytes a second of its memory, as 3350GB.")
]
RoofsFile = Annotated[
    Optional[str],
    typer.Option("--roofs", metavar="FILE", help="Both as measured: what bench --layers -o FILE.json wrote on the device."),
]
TrainStep = Annotated[
    bool,
    typer.Option("--train", help="Also what a training step holds on each device; with --memory SIZE, the samples that fit."),
]
KeptBy = Annotated[
    str,
    typer.Option("--optimizer", metavar="NAME", help="Of --train: sgd, momentum, adam, adamw, adamw-8bit, or one with -mixed."),
]
Zero = Annotated[
    str, typer.Option("--zero", metavar="STAGE", help="Of --train: what the devices share, 1 to 3; 3 is FSDP's too.")
]
Devices = Annotated[str, typer.Option("--devices", metavar="N", help="Of --train: how many devices.")]
Checkpointing = Annotated[
    bool, typer.Option("--checkpointing", help="Of --train: blocks that the model marks run again for the backward.")
]
MemorySize = Annotated[
    Optional[str],
    typer.Option(
        "--memory-size", metavar="SIZE", help="The context that fits it beside the weights; `--memory 80GiB` for short."
    ),
]
Columns = Annotated[
    Optional[str],
    typer.Option("--columns", metavar="A,B", help="Columns to show, of those in the CSV.", autocompletion=completion.columns),
]
Sort = Annotated[
    Optional[str],
    typer.Option("--sort", metavar="COLUMN", help="Sort by a column; -COLUMN downwards.", autocompletion=completion.sort),
]
Format = Annotated[
    str,
    typer.Option(
        "-f",
        "--format",
        metavar="FORMAT",
        help="stdout as table, csv, json, jsonl, markdown, latex, html …",
        autocompletion=completion.forms,
    ),
]
Outputs = Annotated[
    Optional[list[Path]],
    typer.Option("-o", "--output", metavar="PATH", help="Also write a file, format by its suffix; may be repeated."),
]
Csv = Annotated[Optional[Path], typer.Option("--csv", metavar="PATH", help="Also write the records as CSV.")]

# How latency is measured. `bench` takes several of a device, a number of threads, a dtype and a memory format, with commas.

Bench = Annotated[bool, typer.Option("--bench", help="Measure latency too.")]
Measure = Annotated[
    Optional[str],
    typer.Option("--measure", metavar="N", help="Measure so many cells of each network, and predict the others from them."),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="cpu, cuda, cuda:1, mps; auto: a GPU if there is one.",
        autocompletion=completion.devices,
    ),
]
Threads = Annotated[Optional[str], typer.Option("--threads", metavar="N", help="CPU threads. [default: all that may be used]")]
Dtype = Annotated[
    str,
    typer.Option(
        "--dtype",
        metavar="NAME",
        help="fp32, bf16, fp16; int8 in onnxruntime; where it trains, by autocast.",
        autocompletion=completion.dtypes,
    ),
]
MemoryFormat = Annotated[
    str,
    typer.Option(
        "--memory-format", metavar="NAME", help="contiguous or channels_last.", autocompletion=completion.memory_formats
    ),
]
Runtime = Annotated[
    str,
    typer.Option(
        "--runtime",
        metavar="NAME",
        help="What runs the network: eager, compile, onnxruntime, openvino.",
        autocompletion=completion.runtimes,
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Export networks anew, and keep no export for later runs.")]
Compile = Annotated[bool, typer.Option("--compile", help="Also compiled by torch.compile: adds compile to --runtime.")]
Energy = Annotated[
    bool,
    typer.Option("--energy", help="Joules an image too, by the GPU's own energy counter; 12 s more a cell, beside --time."),
]
Train = Annotated[bool, typer.Option("--train", help="Time training steps: forward, loss, backward, optimiser.")]
Optimizer = Annotated[
    str,
    typer.Option("--optimizer", metavar="NAME", help="Of training steps: sgd or adam.", autocompletion=completion.optimizers),
]
DatasetSize = Annotated[
    Optional[str], typer.Option("--dataset-size", metavar="N", help="Samples of an epoch, as 60K: seconds an epoch.")
]
Seconds = Annotated[
    Optional[str],
    typer.Option(
        "--time", metavar="TIME", help="Shared by all cells, from the first warm-up: 5m. [default: 30s; 60s to train]"
    ),
]
Resume = Annotated[
    Optional[Path], typer.Option("--resume", metavar="FILE", help="Carry on with the .samples.jsonl of an interrupted run.")
]
Fleet = Annotated[
    Optional[str],
    typer.Option(
        "--fleet",
        metavar="ADDRESS",
        help="On the workers of a dask scheduler: tcp://HOST:8786, tls://HOST:8786, scheduler.json; local:2 to try it out.",
    ),
]
Spread = Annotated[
    bool,
    typer.Option(
        "--spread", help="On a fleet of equal devices: they share the cells, each part with the first; else each measures all."
    ),
]
Depth = Annotated[int, typer.Option("--depth", metavar="N", help="Levels of the layer tree; 0 shows every layer.")]
Top = Annotated[Optional[int], typer.Option("--top", metavar="N", help="Only the N layers with most MACs.")]
Formulas = Annotated[
    bool, typer.Option("--formulas", help="Each layer's closed form with its numbers, and what separable pairs save.")
]
NoFold = Annotated[bool, typer.Option("--no-fold", help="Equal layers one by one, not summed in a line.")]
Plot = Annotated[bool, typer.Option("--plot", help="Also plots in the terminal, below the table.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Nothing on stdout.")]


def _say_settings(ctx: typer.Context, verbose: bool) -> bool:
    """With -v, the settings that the project's own file gave the command."""
    if verbose and isinstance(ctx.obj, Defaults) and ctx.obj.where:
        print(sentence(str(ctx.obj)), file=sys.stderr)
    return verbose


SingleBatch = Annotated[Optional[str], typer.Option("--batch", metavar="N", help="Samples at once. [default: 1]")]
FlatDepth = Annotated[int, typer.Option("--depth", metavar="N", help="With --layers: levels of the tree; 0: every layer.")]
SlowestLayers = Annotated[
    Optional[int], typer.Option("--top", metavar="N", help="With --layers: only the N that take longest.")
]
MaxMacs = Annotated[Optional[str], typer.Option("--max-macs", metavar="N", help="At most so many, as 600M.")]
MaxParams = Annotated[Optional[str], typer.Option("--max-params", metavar="N", help="At most so many, as 5M.")]
MaxActivations = Annotated[Optional[str], typer.Option("--max-activations", metavar="N", help="At most so many, as 10M.")]
MaxWeightBytes = Annotated[
    Optional[str], typer.Option("--max-weight-bytes", metavar="SIZE", help="Bytes of the parameters, as 20MiB.")
]
MaxMemory = Annotated[
    Optional[str], typer.Option("--max-memory", metavar="SIZE", help="Peak of inference on paper, as 100MiB.")
]
MaxLatency = Annotated[
    Optional[str], typer.Option("--max-latency", metavar="TIME", help="Measured and predicted here, as 20ms, within --time.")
]
MinMacs = Annotated[Optional[str], typer.Option("--min-macs", metavar="N", help="At least so many, as 100M.")]
MinParams = Annotated[Optional[str], typer.Option("--min-params", metavar="N", help="At least so many, as 1M.")]
MinActivations = Annotated[Optional[str], typer.Option("--min-activations", metavar="N", help="At least so many, as 1M.")]
MinWeightBytes = Annotated[
    Optional[str], typer.Option("--min-weight-bytes", metavar="SIZE", help="At least so many bytes of parameters, as 1MiB.")
]
MinMemory = Annotated[
    Optional[str], typer.Option("--min-memory", metavar="SIZE", help="At least such a peak of inference, as 1MiB.")
]
Verbose = Annotated[
    bool,
    typer.Option(
        "-v", "--verbose", callback=_say_settings, help="Also what stands behind the answer, and the settings used, on stderr."
    ),
]
