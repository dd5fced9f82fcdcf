"""Which widths of a network's stages fit within limits: every combination counted exactly. No torch; numpy when it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from profiler import grid
from profiler.checked import checked
from profiler.count.stages import MULTIPLE_OF, Staged
from profiler.errors import ProfilerError
from profiler.load.by_stage import multiple_of_, staged_of
from profiler.load.load import Model, Network
from profiler.records.limits import Bound
from profiler.records.place import Place
from profiler.records.place import shape as shape_text
from profiler.records.stage_fit import COUNTS, Combinations, Extreme, StageChoices, StageFit
from profiler.study.combinations import Combined, Index
from profiler.study.costs import with_stages
from profiler.study.fit_limits import bounds_of
from profiler.study.polynomials_in_widths import Terms, evaluated, in_widths, peak_at, peak_in_widths
from profiler.study.recount_stages import MEMORY, recount
from profiler.study.stage_choices import Choices, choices_of

if TYPE_CHECKING:
    from numpy import ndarray

SHOWN = ("params", "macs", "activations")
"""The counts whose ends are looked for, limited or not."""


@checked
def fit_stages(
    model: Model,
    multipliers: str | Sequence[str] | None = None,
    *,
    widths: str | Sequence[str] | None = None,
    max_macs: str | int | None = None,
    max_params: str | int | None = None,
    max_activations: str | int | None = None,
    max_weight_bytes: str | int | None = None,
    max_memory: str | int | None = None,
    min_macs: str | int | None = None,
    min_params: str | int | None = None,
    min_activations: str | int | None = None,
    min_weight_bytes: str | int | None = None,
    min_memory: str | int | None = None,
    resolution: object = None,
    rho: object = None,
    input: Any = None,
    batch: object = 1,
    multiple_of: int = MULTIPLE_OF,
    options: Mapping[str, Any] | None = None,
) -> StageFit:
    """The combinations of a multiplier for each stage of `model` that are within all limits, every one counted exactly.

    `multipliers` is a range (`"0.25..1.5"`, by an eighth unless it has its step) or list for all stages, or one for each;
    `widths` gives the width of a stage's last layer instead. Limits are as in `fit`; one that is met exactly is kept. Widths
    are multiples of `multiple_of` and of the network's groups and heads. `model` is a network of the zoo, or a Layer with its
    `input`. Raises ProfilerError for more than 100 million combinations, limits or ranges that are none, and for a module,
    whose code sets its widths.
    """
    bounds = bounds_of(
        {
            "macs": (min_macs, max_macs), "params": (min_params, max_params),
            "activations": (min_activations, max_activations), "weight_bytes": (min_weight_bytes, max_weight_bytes),
            "memory": (min_memory, max_memory),
        }
    )  # fmt: skip
    at = Place(model, options or {}, None, resolution, input, batch, rho)
    return fitted_stages(at, bounds, multipliers, widths, multiple_of)


def fitted_stages(
    at: Place,
    bounds: Sequence[Bound],
    multipliers: str | Sequence[str] | None = None,
    widths: str | Sequence[str] | None = None,
    multiple_of: object = None,
) -> StageFit:
    """The same at a place, within bounds. Raises as `fit_stages` does, and for a bound of latency."""
    if any(bound.column not in COUNTS for bound in bounds):
        raise ProfilerError("--max-latency needs measurements, and --per-stage only counts; limit what is counted")
    network = with_stages(at.model, alpha=at.alpha, resolution=at.resolution, rho=at.rho, input=at.input, options=at.options)
    if network.alpha != 1:
        raise ProfilerError(f"{at.model}: alpha and multipliers for each stage both scale the widths; leave alpha out")
    size, multiple = grid.axis(grid.batch(at.batch)), multiple_of_(multiple_of)
    found = staged_of(network.name, network.value, network.inputs)
    choices = choices_of(network, found, multipliers, widths, multiple)
    limited = {bound.column for bound in bounds}
    polynomials, highest = in_widths(found, size), peak_in_widths(found, size)
    bare = [[option for _, option in stage] for stage in choices]
    counts = {name: terms for name, terms in polynomials.items() if name in SHOWN or name in limited}
    combined = Combined(found, bare, counts, {MEMORY: highest} if MEMORY in limited else None)
    recount(network, found, combined, bare, size)
    return _Search(network, found, choices, combined, polynomials, highest, tuple(bounds), multiple, size).answer()


class _Search:
    """One pass over all combinations, and what it leaves."""

    def __init__(
        self, network: Network, found: Staged, choices: Choices, combined: Combined, polynomials: Mapping[str, Terms],
        peak: tuple[Terms, Sequence[Terms]], bounds: tuple[Bound, ...], multiple: int, batch: int,
    ) -> None:  # fmt: skip
        self.network, self.found, self.choices, self.combined = network, found, choices, combined
        self.polynomials, self.peak = polynomials, peak
        self.bounds, self.multiple, self.batch = bounds, multiple, batch
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
            self.bounds,
            fits.size,
            fits.size - buildable,
            fitting,
            maximal,
            tuple(Extreme(name, end, record) for (name, end), record in zip(labels, extreme, strict=True)),
            {name: (ends[name, "least"][0], ends[name, "most"][0]) for name in self.combined.names if buildable},
            None if fitting or not buildable or not self.bounds else self._closest(),
        )

    def _mask(self, counts: Mapping[str, ndarray[Any, Any]], can: ndarray[Any, Any] | None) -> ndarray[Any, Any] | None:
        """Which of a block are within all limits; None for all of them."""
        mask = can
        for bound in self.bounds:
            column = counts[bound.column]
            kept = [column <= bound.most] if bound.most is not None else []
            kept += [column >= bound.least] if bound.least is not None else []
            for each in kept:
                mask = each if mask is None else mask & each
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

        chosen: Any = np.unravel_index(flat, self.shape)
        widths: dict[int, Any] = {}
        for stage, options, picked in zip(self.found.stages, self.choices, chosen, strict=True):
            for group in stage.groups:
                widths[group] = np.array([option[group] for _, option in options], np.int64)[picked]
        values = self.found.symbols([widths[i] for i in range(len(widths))])
        counts: dict[str, Any] = {
            **evaluated(self.polynomials, values, len(flat)),
            MEMORY: peak_at(*self.peak, values, len(flat)),
        }
        if order:
            by = np.lexsort((flat, -counts["params"], -counts["macs"]))
            chosen, counts = tuple(each[by] for each in chosen), {name: column[by] for name, column in counts.items()}
        told = {**self.network.options, **({} if self.multiple == MULTIPLE_OF else {"multiple_of": self.multiple})}
        place = {
            "model": self.network.name, "options": told, "resolution": self.network.resolution,
            "input": " ".join(map(shape_text, self.network.inputs)), "batch": self.batch,
        }  # fmt: skip
        return Combinations(place, self._stages(), chosen, counts)

    def _closest(self) -> dict[str, Any]:
        """The combination that breaks the limit that it breaks most by the smallest share: value / most, or least / value."""
        import numpy as np

        best, at = np.inf, 0
        for start, counts, can in self.combined.blocks():
            shares = []
            for bound in self.bounds:
                column = counts[bound.column]
                shares += [column / max(bound.most, 1)] if bound.most is not None else []
                shares += [bound.least / np.maximum(column, 1)] if bound.least is not None else []
            beyond = np.maximum.reduce(shares)
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
