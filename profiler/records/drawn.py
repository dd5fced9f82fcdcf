"""Results that draw themselves: as tables in a terminal, by rich, and in a notebook, as HTML. Drawing loads when it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Renderer(Protocol):
    """What turns a result into tables."""

    def drawn(self, thing: object) -> Any:
        """For a terminal, by rich."""

    def html(self, thing: object) -> str:
        """For a notebook."""

    def text(self, thing: object) -> str:
        """For a log."""

    def said(self, note: Any) -> str:
        """A note, in words."""

    def title(self, of: Any) -> str:
        """A title, in words."""


def _none() -> Renderer:
    raise AssertionError("the package sets what draws when it is imported")


load_renderer: Callable[[], Renderer] = _none
"""Set by the package itself, so that records import nothing of what draws them."""


class Drawn:
    """A result that a terminal or a notebook shows as tables."""

    __slots__ = ()

    def __rich__(self) -> Any:
        return load_renderer().drawn(self)

    def _repr_html_(self) -> str:
        return load_renderer().html(self)
