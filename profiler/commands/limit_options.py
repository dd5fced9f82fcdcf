"""The options that limit what a network may cost, as typer reads them."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

MaxMacs = Annotated[Optional[str], typer.Option("--max-macs", metavar="N", help="Most multiply-adds allowed, e.g. 600M.")]
MaxParams = Annotated[Optional[str], typer.Option("--max-params", metavar="N", help="Most parameters allowed, e.g. 5M.")]
MaxActivations = Annotated[
    Optional[str],
    typer.Option(
        "--max-activations", metavar="N", help="Most activations allowed (outputs of convolutions and linear layers), e.g. 10M."
    ),
]
MaxWeightBytes = Annotated[
    Optional[str],
    typer.Option("--max-weight-bytes", metavar="SIZE", help="Largest size of the parameters allowed, in bytes, e.g. 20MiB."),
]
MaxMemory = Annotated[
    Optional[str],
    typer.Option(
        "--max-memory",
        metavar="SIZE",
        help="Highest peak memory of a forward pass allowed, computed without running it, e.g. 100MiB.",
    ),
]
MaxLatency = Annotated[
    Optional[str],
    typer.Option(
        "--max-latency",
        metavar="TIME",
        help="Highest latency allowed, e.g. 20ms: some networks are measured within --time, the others predicted from them.",
    ),
]
MinMacs = Annotated[Optional[str], typer.Option("--min-macs", metavar="N", help="Fewest multiply-adds allowed, e.g. 100M.")]
MinParams = Annotated[Optional[str], typer.Option("--min-params", metavar="N", help="Fewest parameters allowed, e.g. 1M.")]
MinActivations = Annotated[
    Optional[str], typer.Option("--min-activations", metavar="N", help="Fewest activations allowed, e.g. 1M.")
]
MinWeightBytes = Annotated[
    Optional[str],
    typer.Option("--min-weight-bytes", metavar="SIZE", help="Smallest size of the parameters allowed, in bytes, e.g. 1MiB."),
]
MinMemory = Annotated[
    Optional[str], typer.Option("--min-memory", metavar="SIZE", help="Lowest peak memory of a forward pass allowed, e.g. 1MiB.")
]
