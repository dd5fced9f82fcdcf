"""A recipe: how a reference becomes a module, and what it reads by itself. A value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
    width: str | None = None
    """The option that is its width multiplier."""
