"""The options that take a range of values, as typer reads them."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

Alphas = Annotated[
    Optional[str],
    typer.Option(
        "--alpha",
        metavar="RANGE",
        help="Width multipliers: a list (0.5,1), a range (0.25..1.0), or a range with a step (0.1..0.5:0.1).",
    ),
]
Resolutions = Annotated[
    Optional[str],
    typer.Option(
        "--resolution",
        metavar="RANGE",
        help="Input resolutions in pixels: a list (192,224), a range (128..224), or a range with a step (128..224:16).",
    ),
]
Rhos = Annotated[
    Optional[str],
    typer.Option("--rho", metavar="RANGE", help="Resolutions as multiples of the native one, e.g. 0.5..1.0:0.1 or 4/7,1."),
]
Inputs = Annotated[
    Optional[list[str]],
    typer.Option(
        "--input",
        metavar="SHAPE",
        help="Shape of one sample, without the batch, e.g. 3x224x224; or several to run over, e.g. 3x32x32,3x64x64, or numbers "
        "of tokens, 128..512:128. A module of your own may have several inputs, with names and dtypes: ids=128:int64. Can be "
        "repeated.",
    ),
]
