"""Converters and runtimes that talk while they work: what they print and log is nobody's answer."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing on stdout and stderr, from native code too, no warning and no log, for the time of a with block."""
    kept = [os.dup(1), os.dup(2)]
    nothing = os.open(os.devnull, os.O_WRONLY)
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        for number, own in enumerate(kept, 1):
            os.dup2(own, number)
            os.close(own)
        os.close(nothing)
