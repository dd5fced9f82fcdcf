"""All combinations of a network's stages held to limits: how many fit, the widest of them, the ends of their counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from math import prod
from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.count.stages import MULTIPLE_OF, Staged
from profiler.load.load import Network
from profiler.records.columns import Record
from profiler.records.limits import Bound
from profiler.records.place import shape as shape_text
from profiler.records.stage_fit import Combinations, Extreme, LatencyOfStages, StageChoices, StageFit
from profiler.study.combinations import Combined
from profiler.study.polynomials_in_widths import Terms, evaluated, peak_at
from profiler.study.recount_stages import MEMORY
from profiler.study.stage_choices import Choices
from profiler.study.stage_latency import (
    OUTSIDE_LIMITS,
    UNDECIDED,
    UNKNOWN,
    WITHIN,
    LatencyTables,
)  # fmt: skip

if TYPE_CHECKING:
    from numpy import ndarray

LARGEST = (1 << 63) - 1
_SHIFT = (slice(None, -1), slice(1, None))
ColumnsOf = Callable[["ndarray[Any, Any]"], Callable[[int], Record]]
"""(numbers of combinations) → (position among them) → the columns of its latency."""


@dataclass
class Pass:
    """What one pass over all combinations leaves."""

    states: ndarray[Any, Any]
    """How each stands, as profiler/study/stage_latency.py has it."""
    buildable: int = 0
    ends: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """{(count, end): (value, number)} of all that can be built."""
    within: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """The same of those within all limits."""
    undecided: int | None = None
    """Of those that are undecided and were not measured, the one with the most multiply-adds."""
    refused: int | None = None
    """The first of those whose latency is unknown."""

    def count(self, *states: int) -> int:
        """How many stand so."""
        return sum(int((self.states == state).sum()) for state in states)

    @property
    def fits(self) -> ndarray[Any, Any]:
        """Which are within all limits."""
        found: ndarray[Any, Any] = self.states == WITHIN
        return found


class StageSearch:
    """The combinations of the choices of a network's stages, and the limits that they are held to."""

    def __init__(
        self, network: Network, found: Staged, choices: Choices, combined: Combined, polynomials: Mapping[str, Terms],
        peak: tuple[Terms, Sequence[Terms]], bounds: tuple[Bound, ...], multiple: int, batch: int,
    ) -> None:  # fmt: skip
        self.network, self.found, self.choices, self.combined = network, found, choices, combined
        self.polynomials, self.peak = polynomials, peak
        self.bounds, self.multiple, self.batch = bounds, multiple, batch
        self.counted = tuple(bound for bound in bounds if bound.quantity != "latency")
        self.shape = combined.shape

    def swept(self, tables: LatencyTables | None = None, measured: Mapping[int, int] | None = None) -> Pass:
        """One pass over all: within what is counted, and by their predicted latency; `measured` ones stand as they say."""
        import numpy as np

        made = Pass(np.zeros(prod(self.shape), np.uint8))
        most = -1
        timed: Iterator[Any] = repeat(None) if tables is None else tables.blocks()
        for (start, counts, can), latency in zip(self.combined.blocks(), timed, strict=False):
            size = next(iter(counts.values())).size
            made.buildable += size if can is None else int(can.sum())
            _ends(made.ends, start, counts, can)
            mask = self._mask(counts, can)
            states = made.states[start : start + size]
            states[:] = WITHIN if latency is None else latency[1]
            for number, state in (measured or {}).items():
                if start <= number < start + size:
                    states[number - start] = state
            if mask is not None:
                states[~mask] = OUTSIDE_LIMITS
            _ends(made.within, start, counts, states == WITHIN)
            open_ = states == UNDECIDED
            if open_.any():
                i = int(np.argmax(np.where(open_, counts["macs"], -1)))
                if counts["macs"][i] > most:
                    most, made.undecided = int(counts["macs"][i]), start + i
            if made.refused is None and (unknown := states == UNKNOWN).any():
                made.refused = start + int(np.argmax(unknown))
        return made

    def answer(
        self, found: Pass, columns: ColumnsOf | None = None, tables: LatencyTables | None = None,
        latency: LatencyOfStages | None = None, machine: Mapping[str, Any] | None = None,
    ) -> StageFit:  # fmt: skip
        """What a pass comes to; of a limit of latency with the columns that each combination has for it."""
        import numpy as np

        fits = found.fits
        names = [name for name in self.combined.names if (name, "least") in found.within]
        labels = [(name, end) for name in names for end in ("least", "most")]
        extreme = self.combinations(np.array([found.within[label][1] for label in labels], np.int64), columns)
        fitting = int(fits.sum())
        return StageFit(
            self.network.name,
            self.stages(),
            self.multiple,
            self.bounds,
            fits.size,
            fits.size - found.buildable,
            fitting,
            self.combinations(self.maximal(fits), columns),
            tuple(Extreme(name, end, record) for (name, end), record in zip(labels, extreme, strict=True)),
            {
                name: (found.ends[name, "least"][0], found.ends[name, "most"][0])
                for name in self.combined.names
                if found.buildable
            },
            None if fitting or not found.buildable or not self.bounds else self._closest(tables, columns),
            latency=latency,
            machine=machine,
        )

    def _mask(self, counts: Mapping[str, ndarray[Any, Any]], can: ndarray[Any, Any] | None) -> ndarray[Any, Any] | None:
        """Which of a block are within what is counted; None for all of them."""
        mask = can
        for bound in self.counted:
            column = counts[bound.column]
            kept = [column <= bound.most] if bound.most is not None else []
            kept += [column >= bound.least] if bound.least is not None else []
            for each in kept:
                mask = each if mask is None else mask & each
        return mask

    def maximal(self, fits: ndarray[Any, Any]) -> ndarray[Any, Any]:
        """The numbers of those that fit and do not with any one stage at its next choice, most multiply-adds first."""
        import numpy as np

        shaped = fits.reshape(self.shape)
        found = shaped.copy()
        for axis in range(len(self.shape)):
            before, after = (tuple(part if i == axis else slice(None) for i in range(len(self.shape))) for part in _SHIFT)
            found[before] &= ~shaped[after]
        flat = np.flatnonzero(found.reshape(-1))
        counts = evaluated({name: self.polynomials[name] for name in ("macs", "params")}, self.values(flat), len(flat))
        return flat[np.lexsort((flat, -counts["params"], -counts["macs"]))]

    def stages(self) -> tuple[StageChoices, ...]:
        """The stages with their choices, as a result has them."""
        made = []
        for stage, options in zip(self.found.stages, self.choices, strict=True):
            multipliers = tuple(grid.shown(each) for each, _ in options)
            widths = tuple(option[stage.main] for _, option in options)
            made.append(StageChoices(stage.name, self.found.groups[stage.main].native, multipliers, widths))
        return tuple(made)

    def widths(self, flat: ndarray[Any, Any]) -> list[ndarray[Any, Any]]:
        """The width of each group in the combinations of these numbers."""
        import numpy as np

        found: dict[int, Any] = {}
        for stage, options, picked in zip(self.found.stages, self.choices, np.unravel_index(flat, self.shape), strict=True):
            for group in stage.groups:
                found[group] = np.array([option[group] for _, option in options], np.int64)[picked]
        return [found[i] for i in range(len(found))]

    def values(self, flat: ndarray[Any, Any]) -> dict[int, Any]:
        """The value of every symbol in the combinations of these numbers."""
        return self.found.symbols(self.widths(flat))

    def combinations(self, flat: ndarray[Any, Any], columns: ColumnsOf | None = None) -> Combinations:
        """The combinations of these numbers, with all their counts."""
        import numpy as np

        values = self.values(flat)
        counts: dict[str, Any] = {
            **evaluated(self.polynomials, values, len(flat)),
            MEMORY: peak_at(*self.peak, values, len(flat)),
        }
        told = {**self.network.options, **({} if self.multiple == MULTIPLE_OF else {"multiple_of": self.multiple})}
        place = {
            "model": self.network.name, "options": told, "resolution": self.network.resolution,
            "input": " ".join(map(shape_text, self.network.inputs)), "batch": self.batch,
        }  # fmt: skip
        chosen: Any = np.unravel_index(flat, self.shape)
        return Combinations(place, self.stages(), chosen, counts, None if columns is None else columns(flat))

    def _closest(self, tables: LatencyTables | None, columns: ColumnsOf | None) -> Record | None:
        """The combination that breaks the limit that it breaks most by the smallest share: value / most, or least / value.

        Of a latency the end of its interval is held to the limit; where it is unknown, it is not the closest.
        """
        import numpy as np

        if tables is None and len(self.counted) < len(self.bounds) and columns is not None:
            return None  # no latency is known
        best, at = np.inf, -1
        timed: Iterator[Any] = repeat(None) if tables is None else tables.blocks()
        for (start, counts, can), latency in zip(self.combined.blocks(), timed, strict=False):
            shares = []
            for bound in self.counted:
                column = counts[bound.column]
                shares += [column / max(bound.most, 1)] if bound.most is not None else []
                shares += [bound.least / np.maximum(column, 1)] if bound.least is not None else []
            if latency is not None and tables is not None:
                seconds, states = latency
                shares.append(np.where(states == UNKNOWN, np.inf, seconds * (tables.high / tables.limit_s)))
            if not shares:
                continue
            beyond = np.maximum.reduce(shares)
            if can is not None:
                beyond[~can] = np.inf
            i = int(np.argmin(beyond))
            if beyond[i] < best:
                best, at = float(beyond[i]), start + i
        return None if at < 0 else self.combinations(np.array([at], np.int64), columns)[0]


def _ends(
    known: dict[tuple[str, str], tuple[int, int]],
    start: int,
    counts: Mapping[str, ndarray[Any, Any]],
    mask: ndarray[Any, Any] | None,
) -> None:
    """Keeps {(count, end): (value, number of the combination)} of those in the mask."""
    import numpy as np

    if mask is not None and not mask.any():
        return
    for name, column in counts.items():
        for end, far, where in (("least", LARGEST, np.argmin), ("most", -1, np.argmax)):
            masked = column if mask is None else np.where(mask, column, far)
            i = int(where(masked))
            value = int(masked[i])
            if (name, end) not in known or (value < known[name, end][0] if end == "least" else value > known[name, end][0]):
                known[name, end] = (value, start + i)
