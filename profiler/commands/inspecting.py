"""The command about files of weights: inspect."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from profiler.commands import completion
from profiler.commands.groups import Output, Table, grouped
from profiler.report import forms


@grouped
def inspect(
    file: Annotated[
        Optional[str],
        typer.Argument(
            help="Weights: .safetensors, .pt, .pth, .onnx, .npz, .pb (a frozen TensorFlow graph) or .tflite.", metavar="FILE"
        ),
    ] = None,
    model: Annotated[
        Optional[str],
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Their network: also what leaves it with its dead channels; -o FILE.safetensors writes what is left.",
            autocompletion=completion.models,
        ),
    ] = None,
    scheme: Annotated[
        Optional[str],
        typer.Option(
            "--scheme",
            metavar="SCHEME",
            help="Without a file, the weights of --model pruned, shared and coded: deep-compression, or a scheme.toml.",
        ),
    ] = None,
    bits: Annotated[int, typer.Option("--bits", metavar="N", help="The entropy of weights in so many bits, 2 to 8.")] = 8,
    every_rank: Annotated[
        bool, typer.Option("--every-rank", help="The effective rank of matrices of more than 512 rows and columns too.")
    ] = False,
    top: Annotated[Optional[int], typer.Option("--top", metavar="N", help="Only the N layers with most weights.")] = None,
    table: Table = Table(),
    out: Output = Output(),
) -> None:
    from profiler.report.answers import registry
    from profiler.report.terminal.progress import bar
    from profiler.study.inspect import inspect as inspected

    destinations = out.destinations(forms.INSPECTED)
    if destinations.asks("safetensors") and (file is None or model is None):
        from profiler.errors import ProfilerError

        raise ProfilerError("a .safetensors is written of a smaller network; give a file and its --model too")
    view = table.view(destinations, top=top)
    with bar() as watch:
        found = inspected(file, model=model, scheme=scheme, bits=bits, every_rank=every_rank, watch=watch)
    destinations.put(registry.answer(found, view))
