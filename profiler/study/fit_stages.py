"""Which widths of a network's stages fit within limits: every combination counted exactly. No torch; numpy when it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod
from random import Random
from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.checked import checked
from profiler.count import closed
from profiler.count.stages import MULTIPLE_OF, Staged, called, staged
from profiler.errors import ProfilerError, ShapeError, UnknownName
from profiler.load.by_stage import multiple_of_, multiplier
from profiler.load.load import Model, Network
from profiler.records.place import shape as shape_text
from profiler.records.profile import Totals
from profiler.records.stage_fit import COUNTS, Combinations, Extreme, StageChoices, StageFit
from profiler.study.combinations import Combined, Index
from profiler.study.costs import in_widths, with_stages
from profiler.study.polynomials_in_widths import evaluated

if TYPE_CHECKING:
    from numpy import ndarray

MOST_COMBINATIONS = 10**8
STEP = Fraction(1, 8)
"""Of multipliers in a range that gives none."""
SHOWN = ("params", "macs", "activations")
"""The counts whose ends are looked for, limited or not."""
RECOUNTED = 24
"""Combinations, drawn at random, that the walk counts again."""
Choices = list[list[tuple[Fraction, dict[int, int]]]]
"""For each stage its multipliers in order, each with {group: width}."""


@checked
def fit_stages(
    model: Model,
    multipliers: str | Sequence[str] | None = None,
    *,
    widths: str | Sequence[str] | None = None,
    maximum: Mapping[str, int] | None = None,
    minimum: Mapping[str, int] | None = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    batch: object = 1,
    multiple_of: object = None,
    options: Mapping[str, Any] | None = None,
) -> StageFit:
    """The combinations of a multiplier for each stage of `model` whose counts are within `maximum` and `minimum`.

    `multipliers` is a range (`0.25..1.5:0.125`) or list for all stages, or one for each; `widths` gives the width of a stage's
    last layer instead. `maximum` and `minimum` are {count: limit}, counts as in COUNTS, for the whole batch; a limit that is met
    exactly is kept. Widths are multiples of `multiple_of` (8) and of the network's groups and heads. Raises ProfilerError for
    more than MOST_COMBINATIONS, limits or ranges that are none, and for a module, whose widths its code sets.
    """
    network = with_stages(model, resolution=resolution, rho=rho, input=input, options=options)
    size, multiple = grid.axis(grid.batch(batch)), multiple_of_(multiple_of)
    most, least = _limits(maximum, "maximum"), _limits(minimum, "minimum")
    found = staged(network.value, network.inputs)
    choices = _choices(network, found, multipliers, widths, multiple)
    counts = tuple(name for name in COUNTS if name in SHOWN or name in most or name in least)
    polynomials = in_widths(found, size)
    bare = [[option for _, option in stage] for stage in choices]
    combined = Combined(found, bare, {name: polynomials[name] for name in counts})
    _recount(network, found, combined, bare, size)
    return _Search(network, found, choices, combined, polynomials, most, least, multiple, size).answer()


def _limits(given: Mapping[str, int] | None, what: str) -> dict[str, int]:
    for name in given or {}:
        if name not in COUNTS:
            raise UnknownName(f"count for a {what}", name, COUNTS)
    return {name: grid.count(limit, f"the {what} of {name}") for name, limit in (given or {}).items()}


def _choices(network: Network, found: Staged, multipliers: Any, widths: Any, multiple: int) -> Choices:
    """What each stage can be. Raises ProfilerError for another number of ranges, and for too many combinations."""
    if (multipliers is None) == (widths is None):
        raise ProfilerError(f"{network.name}: give multipliers of its stages or their widths, and not both")
    what = "multipliers" if widths is None else "widths"
    given = multipliers if widths is None else widths
    ranges = [given] * len(found.stages) if isinstance(given, str) else list(given)
    if len(ranges) != len(found.stages):
        raise ProfilerError(f"{network.name} has {called(found.stages)}, and {len(ranges)} {what} are given; give one for each")
    made: Choices = []
    for stage, text in zip(found.stages, ranges, strict=True):
        native = found.groups[stage.main].native
        step = STEP if widths is None else Fraction(found.step(multiple))
        points = _points(f"{network.name}: {what} of stage {stage.name}", str(text), step)
        if widths is not None:
            points = [Fraction(_width(network.name, stage.name, n, native, found.step(multiple)), native) for n in points]
        options: dict[tuple[int, ...], tuple[Fraction, dict[int, int]]] = {}
        for each in sorted(points):
            option = found.scaled(stage, multiplier(network.name, each, stage.name), multiple)
            options.setdefault(tuple(option.values()), (each, option))
        made.append(list(options.values()))
    total = prod(map(len, made))
    if total > MOST_COMBINATIONS:
        each = ", ".join(f"{stage.name}: {len(options)}" for stage, options in zip(found.stages, made, strict=True))
        raise ProfilerError(
            f"{network.name}: {total:,} combinations of its stages ({each}) are more than the {MOST_COMBINATIONS:,} that are "
            "counted; give a larger step, narrower ranges, or one value for a stage that is to stay"
        )
    return made


def _points(what: str, text: str, step: Fraction) -> list[Fraction]:
    """The points of a range or list, in which a single value may be a fraction as 1/3."""
    if "/" in text and ".." not in text:
        return [point for piece in text.split(",") for point in _fraction(what, piece, step)]
    return grid.points(text, what, step)


def _fraction(what: str, piece: str, step: Fraction) -> list[Fraction]:
    number, slash, divisor = piece.partition("/")
    if not slash:
        return grid.points(piece, what, step)
    by = grid.exact(divisor, what, "0.5 or 1/3")
    return [grid.exact(number, what, "0.5 or 1/3") / by] if by else [Fraction(0)]


def _width(name: str, stage: str, n: Fraction, native: int, q: int) -> int:
    if n != native and (n < 1 or n % q):
        raise ProfilerError(
            f"{name}: stage {stage} cannot be {grid.shown(n)} wide; give a multiple of {q}, or {native} as it is"
        )
    return int(n)


def _recount(network: Network, found: Staged, combined: Combined, bare: Sequence[Sequence[dict[int, int]]], batch: int) -> None:
    """Holds combinations drawn at random to the walk over the network that they make."""
    draw = Random(0)
    for _ in range(RECOUNTED):
        index = tuple(draw.randrange(len(options)) for options in bare)
        widths: dict[int, int] = {}
        for options, i in zip(bare, index, strict=True):
            widths |= options[i]
        try:
            walked = counts_of(closed.totals(found.value([widths[i] for i in range(len(widths))]), network.inputs, batch))
        except ShapeError:
            walked = None
        ours = combined.at(index)
        assert ours == (None if walked is None else {name: walked[name] for name in combined.names}), (
            f"{network.name}: the tables and the walk differ at {index}"
        )


def counts_of(totals: Totals) -> dict[str, int]:
    """The counts of COUNTS, of the totals of a walk."""
    return {name: getattr(totals, name) for name in COUNTS if name != "weight_bytes"} | {"weight_bytes": 4 * totals.params}


class _Search:
    """One pass over all combinations, and what it leaves."""

    def __init__(
        self, network: Network, found: Staged, choices: Choices, combined: Combined, polynomials: Mapping[str, Any],
        most: Mapping[str, int], least: Mapping[str, int], multiple: int, batch: int,
    ) -> None:  # fmt: skip
        self.network, self.found, self.choices, self.combined = network, found, choices, combined
        self.polynomials, self.most, self.least, self.multiple, self.batch = polynomials, most, least, multiple, batch
        self.shape: Index = combined.shape

    def answer(self) -> StageFit:
        import numpy as np

        fits = np.zeros(prod(self.shape), bool)
        ends: dict[tuple[str, str], tuple[int, int]] = {}
        within: dict[tuple[str, str], tuple[int, int]] = {}
        buildable = 0
        for start, counts, can in self.combined.blocks():
            size = next(iter(counts.values())).size
            buildable += size if can is None else int(can.sum())
            _ends(ends, start, counts, can)
            mask = self._mask(counts, can)
            fits[start : start + size] = True if mask is None else mask
            _ends(within, start, counts, mask)
        maximal = self._combinations(np.flatnonzero(self._maximal(fits)), order=True)
        fitting = int(fits.sum())
        names = [name for name in self.combined.names if (name, "least") in within]
        extreme = self._combinations(np.array([within[name, end][1] for name in names for end in ("least", "most")], np.int64))
        labels = [(name, end) for name in names for end in ("least", "most")]
        return StageFit(
            self.network.name,
            self._stages(),
            self.multiple,
            dict(self.most),
            dict(self.least),
            fits.size,
            fits.size - buildable,
            fitting,
            maximal,
            tuple(Extreme(name, end, record) for (name, end), record in zip(labels, extreme, strict=True)),
            {name: (ends[name, "least"][0], ends[name, "most"][0]) for name in self.combined.names if buildable},
            None if fitting or not buildable else self._closest(),
        )

    def _mask(self, counts: Mapping[str, ndarray[Any, Any]], can: ndarray[Any, Any] | None) -> ndarray[Any, Any] | None:
        """Which of a block are within all limits; None for all of them."""
        mask = can
        for limits, over in ((self.most, False), (self.least, True)):
            for name, limit in limits.items():
                kept = counts[name] >= limit if over else counts[name] <= limit
                mask = kept if mask is None else mask & kept
        return mask

    def _maximal(self, fits: ndarray[Any, Any]) -> ndarray[Any, Any]:
        """Those that fit and do not with any one stage at its next choice."""
        shaped = fits.reshape(self.shape)
        found = shaped.copy()
        for axis in range(len(self.shape)):
            before, after = (tuple(part if i == axis else slice(None) for i in range(len(self.shape))) for part in _SHIFT)
            found[before] &= ~shaped[after]
        return found.reshape(-1)

    def _stages(self) -> tuple[StageChoices, ...]:
        made = []
        for stage, options in zip(self.found.stages, self.choices, strict=True):
            multipliers = tuple(grid.shown(each) for each, _ in options)
            widths = tuple(option[stage.main] for _, option in options)
            made.append(StageChoices(stage.name, self.found.groups[stage.main].native, multipliers, widths))
        return tuple(made)

    def _combinations(self, flat: ndarray[Any, Any], order: bool = False) -> Combinations:
        """The combinations of these numbers with all their counts; in `order`, most multiply-adds first."""
        import numpy as np

        chosen = np.unravel_index(flat, self.shape)
        widths: dict[int, Any] = {}
        for stage, options, picked in zip(self.found.stages, self.choices, chosen, strict=True):
            for group in stage.groups:
                widths[group] = np.array([option[group] for _, option in options], np.int64)[picked]
        values = self.found.symbols([widths[i] for i in range(len(widths))])
        counts = evaluated({name: self.polynomials[name] for name in COUNTS}, values, len(flat))
        if order:
            by = np.lexsort((flat, -counts["params"], -counts["macs"]))
            chosen, counts = tuple(each[by] for each in chosen), {name: each[by] for name, each in counts.items()}
        options = {**self.network.options, **({} if self.multiple == MULTIPLE_OF else {"multiple_of": self.multiple})}
        place = {
            "model": self.network.name, "options": options, "resolution": self.network.resolution,
            "input": " ".join(map(shape_text, self.network.inputs)), "batch": self.batch,
        }  # fmt: skip
        return Combinations(place, self._stages(), chosen, counts)

    def _closest(self) -> dict[str, Any]:
        """The combination whose farthest limit is exceeded by the smallest share of it."""
        import numpy as np

        best, at = np.inf, 0
        for start, counts, can in self.combined.blocks():
            parts = [counts[name] / max(limit, 1) - 1 for name, limit in self.most.items()]
            parts += [1 - counts[name] / max(limit, 1) for name, limit in self.least.items()]
            beyond = np.maximum.reduce(parts)
            if can is not None:
                beyond[~can] = np.inf
            i = int(np.argmin(beyond))
            if beyond[i] < best:
                best, at = float(beyond[i]), start + i
        return self._combinations(np.array([at], np.int64))[0]


_SHIFT = (slice(None, -1), slice(1, None))


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
        for end, far, where in (("least", LARGE, np.argmin), ("most", -1, np.argmax)):
            masked = column if mask is None else np.where(mask, column, far)
            i = int(where(masked))
            value = int(masked[i])
            if (name, end) not in known or (value < known[name, end][0] if end == "least" else value > known[name, end][0]):
                known[name, end] = (value, start + i)


LARGE = (1 << 63) - 1
