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
            help="File of weights: .safetensors, .pt, .pth, .onnx, .npz, .pb (a frozen TensorFlow graph) or .tflite.",
            metavar="FILE",
        ),
    ] = None,
    model: Annotated[
        Optional[str],
        typer.Option(
            "--model",
            metavar="MODEL",
            help="The network that the weights belong to: also shows what can be removed with its dead channels. "
            "-o small.safetensors writes the smaller weights.",
            autocompletion=completion.models,
        ),
    ] = None,
    scheme: Annotated[
        Optional[str],
        typer.Option(
            "--scheme",
            metavar="SCHEME",
            help="Without a file: the size of the weights of --model after pruning, weight sharing and coding, by "
            "deep-compression or a file such as scheme.toml.",
        ),
    ] = None,
    bits: Annotated[
        int,
        typer.Option(
            "--bits", metavar="N", help="Number of bits that weights are quantised to before their entropy is computed, 2 to 8."
        ),
    ] = 8,
    every_rank: Annotated[
        bool,
        typer.Option(
            "--every-rank",
            help="Also compute the effective rank of matrices with more than 512 rows and columns, which is slow.",
        ),
    ] = False,
    top: Annotated[
        Optional[int], typer.Option("--top", metavar="N", help="Show only the N layers with the most weights, e.g. 10.")
    ] = None,
    table: Table = Table(),
    out: Output = Output(),
) -> None:
    """Inspect a file of weights: the range, sparsity and rank of each tensor, its dead channels, and its size at lower
    precision. With --model, also what the network can do without.

    Examples:
        profiler inspect weights.safetensors
        profiler inspect weights.pt --model mobilenet_v1 -o smaller.safetensors
    """
    from profiler.report.answers import registry
    from profiler.report.terminal.progress import bar
    from profiler.study.inspect import inspect as inspected

    destinations = out.destinations(forms.INSPECTED)
    if destinations.asks("safetensors") and (file is None or model is None):
        from profiler.errors import ProfilerError

        raise ProfilerError(
            "a .safetensors output holds the weights of a smaller network; give a file of weights and its --model"
        )
    view = table.view(destinations, top=top)
    with bar() as watch:
        found = inspected(file, model=model, scheme=scheme, bits=bits, every_rank=every_rank, watch=watch)
    destinations.put(registry.answer(found, view))
