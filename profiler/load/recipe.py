"""A recipe: how a reference becomes a module, and how the library that it is of is imported. Nothing is downloaded."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from profiler.errors import Unavailable
from profiler.load import code
from profiler.load.inputs import Input


@dataclass(frozen=True)
class Recipe:
    """How a reference becomes a module."""

    make: Callable[[], Any]
    """Called on the device that is torch's default."""
    options: Mapping[str, Any]
    """The options that were given, with their types."""
    inputs: tuple[Input, ...] = ()
    """The network's own, of one sample; none where nobody knows them."""
    sized: str | None = None
    """The option that fixes the side of the input, of a network that is built for one."""
    dtypes: Mapping[str, str] = field(default_factory=dict)
    """What inputs hold, by the end of their names."""


def imported(distribution: str, name: str) -> Any:
    """A library that is not one of this program's own needs. Raises Unavailable with the command that installs it."""
    try:
        with code.elsewhere(), code.quiet(), offline():
            return importlib.import_module(name)
    except ModuleNotFoundError as fault:
        missing = fault.name or distribution
        if missing.partition(".")[0] == name.partition(".")[0]:
            missing = distribution
        raise Unavailable(
            f"a model of {distribution} needs the package {missing}, which is not here; pip install {missing}"
        ) from None
    except Exception as fault:  # a library that is there and does not load: built for another torch, say
        raise Unavailable(f"{distribution} does not import here ({code.said(fault)}); mend or reinstall it") from None


@contextmanager
def offline() -> Iterator[None]:
    """Without the hub, whoever asks for it: its own switch, put back afterwards."""
    try:
        constants: Any = importlib.import_module("huggingface_hub.constants")
    except ImportError:
        yield
        return
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
