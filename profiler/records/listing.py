"""The zoo, or a library, as records: one a network, at its native input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from profiler.records.drawn import Drawn


class Listing(list[dict[str, Any]], Drawn):
    """One record a network of the zoo or of a library, a plain list."""

    def __init__(
        self, records: Iterable[dict[str, Any]], environment: Mapping[str, Any] | None = None, notes: Sequence[str] = ()
    ) -> None:
        super().__init__(records)
        self.notes = list(notes)
        """Why counts are not known."""
        self.environment = environment
        """Of a run that was read back: what it was made with."""
