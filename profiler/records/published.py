"""Published figures, each beside our count of the same thing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct

from profiler.records.agreement import Agreement
from profiler.records.drawn import Drawn
from profiler.records.notes import Note


class Figure(NamedTuple):
    """One printed figure, a line of archs/published.csv."""

    model: str
    options: str
    alpha: str
    resolution: str
    """A side, or a whole shape as 1x15x25x25; empty for the native one."""
    part: str
    quantity: str
    printed: str
    """As printed; its digits are its precision, so 15300 meant to three digits stands as 153e2."""
    unit: str
    source: str
    table: str
    verdict: str
    reason: str

    @property
    def name(self) -> str:
        """`MobileNets Table 6`."""
        return f"{self.source.partition(' (')[0]} {self.table}"

    @property
    def paper(self) -> str:
        """The arXiv number of the paper that prints it; empty where a release or its documentation does."""
        found = re.search(r"\((\d{4}\.\d{4,5})", self.source)
        return found[1] if found else ""

    @property
    def of_8_bits(self) -> bool:
        """True where it is of weights and activations in 8 bits."""
        return self.table.endswith("8-bit")

    def agrees(self, other: Figure) -> bool:
        """True where two printed figures are less than one unit of the last digit of the coarser apart."""
        return self.near(Fraction(other.printed)) or other.near(Fraction(self.printed))

    def near(self, ours: Fraction) -> bool:
        """True where `ours`, in the figure's unit, is less than one unit of the last printed digit away."""
        exponent = Decimal(self.printed).as_tuple().exponent
        assert isinstance(exponent, int)
        return abs(ours - Fraction(self.printed)) < Fraction(10) ** exponent


class FigureCheck(Struct, frozen=True):
    """One published figure and our count of the same thing, in the figure's unit; None where no count reaches it."""

    figure: Figure
    ours: Fraction | None

    @property
    def holds(self) -> bool:
        """True where our count is what published.csv says of it: equal, or a listed difference that is still one."""
        return self.ours is None or self.figure.near(self.ours) == (self.figure.verdict == "equal")

    @property
    def verdict(self) -> str:
        """`equal`, `erratum`, `open` or `quoted`; `DIFFERS` where published.csv says something else."""
        return self.figure.verdict if self.holds else "DIFFERS"


class Verified(Drawn, Struct, frozen=True):
    """What `verify` found: the figures, and the witnesses' word on each network at its native input."""

    models: tuple[str, ...]
    checks: tuple[FigureCheck, ...]
    agreements: tuple[Agreement, ...]
    counts: Mapping[str, tuple[int, int]]
    """{network: (params, macs) at its native input, by closed form}."""
    notes: tuple[Note, ...] = ()
    """Witnesses that failed, operations that were not counted."""

    @property
    def failures(self) -> int:
        """Figures that differ without being listed, and witnesses that disagree."""
        return sum(not check.holds for check in self.checks) + sum(not found.agrees for found in self.agreements)
