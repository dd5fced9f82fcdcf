"""The program ends in its command's own code, whatever code that was run does with os._exit later, or in a thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NoReturn

SENTENCE = b"error: the network's code exits the program (os._exit); let it raise an error or return instead\n"


class Ending:
    """How the process is to end."""

    code: int | None = None
    """Of the command that ran; None while it runs."""


def keep() -> None:
    """Hold os._exit of this process to the command's own code; before there is one, to 2 and a sentence. For good."""
    os._exit = _instead(os._exit, os.getpid())


def _instead(real: Callable[..., NoReturn], process: int) -> Any:
    def ends(status: int = 0) -> NoReturn:
        if os.getpid() != process:  # a child, whose code is its own
            real(status)
        if Ending.code is None:
            os.write(2, SENTENCE)
        real(2 if Ending.code is None else Ending.code)

    return ends
