"""Results that draw themselves: as tables in a terminal, by rich, and in a notebook, as HTML. Drawing loads when it is used."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
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

    def text_in(self, thing: object, form: str, view: dict[str, Any]) -> str:
        """A result as text in a form."""

    def save(self, thing: object, file: Any, view: dict[str, Any]) -> None:
        """A result in a file."""


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

    def save(self, file: str | PathLike[str], **view: Any) -> None:
        """Write it to a file in the form of its suffix, as `profiler.write(result, file, **view)` does; raises as it does."""
        load_renderer().save(self, file, view)

    def to_latex(self, **view: Any) -> str:
        """Its tables for a paper; `view` as `profiler.write` takes it: `unit`, `columns`, `sort`, `caption`, `label` …"""
        return load_renderer().text_in(self, "latex", view)

    def to_markdown(self, **view: Any) -> str:
        """Its tables as GitHub reads them; `view` as `profiler.write` takes it."""
        return load_renderer().text_in(self, "markdown", view)

    def to_csv(self, **view: Any) -> str:
        """Its records, integers whole; `view` as `profiler.write` takes it."""
        return load_renderer().text_in(self, "csv", view)
