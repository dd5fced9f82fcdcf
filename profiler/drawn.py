"""What draws itself: as tables in a terminal, by rich, and in a notebook, as HTML. Drawing loads when something is drawn."""

from __future__ import annotations

from typing import Any


class Drawn:
    """A result that a terminal or a notebook shows as tables, which `profiler.report.notebook` makes of it."""

    def __rich__(self) -> Any:
        from profiler.report.notebook import drawn

        return drawn(self)

    def _repr_html_(self) -> str:
        from profiler.report.notebook import html

        return html(self)
