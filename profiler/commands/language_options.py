"""The options of `show` and `sweep` for language models and for the memory of training, as typer reads them."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

Prefill = Annotated[
    Optional[str],
    typer.Option("--prefill", metavar="TOKENS", help="For a language model: length of the prompt in tokens, e.g. 2048."),
]
Prefills = Annotated[
    Optional[str],
    typer.Option(
        "--prefill", metavar="RANGE", help="For language models: lengths of the prompt in tokens, e.g. 512..4096:512."
    ),
]
Decode = Annotated[
    Optional[str],
    typer.Option(
        "--decode",
        metavar="TOKENS",
        help="Also count one step that generates this many tokens (usually 1) after the prompt, with the model's KV cache.",
    ),
]
Tokens = Annotated[
    Optional[str],
    typer.Option("--tokens", metavar="TOKENS", help="Length of the text that an encoder reads, in tokens, e.g. 128 for BERT."),
]
CacheDtype = Annotated[
    Optional[str],
    typer.Option(
        "--cache-dtype",
        metavar="DTYPE",
        help="Dtype of the KV cache: fp32, bf16, fp16, fp8, int8 or int4. [default: the model's own]",
    ),
]
PeakMacs = Annotated[
    Optional[str],
    typer.Option(
        "--peak-macs",
        metavar="N",
        help="Peak MACs per second of a device, e.g. 494T. With --bandwidth it gives a lower bound on the time of each step.",
    ),
]
Bandwidth = Annotated[
    Optional[str],
    typer.Option("--bandwidth", metavar="SIZE", help="Memory bandwidth of that device in bytes per second, e.g. 3350GB."),
]
RoofsFile = Annotated[
    Optional[str],
    typer.Option(
        "--roofs",
        metavar="PATH",
        help="Use the peak and the bandwidth that `profiler bench --layers -o FILE` measured, in place of "
        "--peak-macs and --bandwidth.",
    ),
]
TrainStep = Annotated[
    bool,
    typer.Option(
        "--train",
        help="Also compute the memory of a training step on each device. With --memory-size, also the largest batch that fits.",
    ),
]
KeptBy = Annotated[
    str,
    typer.Option(
        "--optimizer",
        metavar="NAME",
        help="Optimizer of --train: sgd, momentum, adam, adamw or adamw-8bit; for mixed precision add the suffix "
        "-mixed to its name.",
    ),
]
Zero = Annotated[
    str,
    typer.Option(
        "--zero",
        metavar="STAGE",
        help="ZeRO stage of --train: what the devices shard, 0 (nothing) to 3 (everything, like FSDP).",
    ),
]
Devices = Annotated[str, typer.Option("--devices", metavar="N", help="Number of devices of --train, e.g. 8.")]
Checkpointing = Annotated[
    bool,
    typer.Option("--checkpointing", help="With --train: use activation checkpointing, for the blocks that the model marks."),
]
MemorySize = Annotated[
    Optional[str],
    typer.Option(
        "--memory-size",
        metavar="SIZE",
        help="Memory of the device, e.g. 80GiB: also compute the longest context that fits beside the weights. "
        "`--memory 80GiB` is short for it.",
    ),
]
