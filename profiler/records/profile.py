"""Rows, profiles and records, to and from plain dicts. Integers and SI units, nothing rounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple, TypedDict

from profiler.errors import ProfilerError
from profiler.records.drawn import Drawn

Shape = tuple[int, ...]


class Row(NamedTuple):
    """One operation of a network, for the whole batch. Enough for every counting convention to be a function of it."""

    path: str
    """Where it stands, as in the module's parameter names: `body.3.depthwise.conv`."""
    op: str
    """What it does: `conv`, `batch_norm`, `relu6`, `add` …"""
    kind: str
    """The papers' sort of layer: `conv`, `pointwise`, `depthwise`, `grouped`, `linear`, `norm` …"""
    module: str
    """The torch.nn class that runs it."""
    facts: Mapping[str, Any]
    """The layer's own numbers: kernel, stride, groups, bias, affine …"""
    inputs: tuple[Shape, ...]
    """Shapes in, the batch axis first."""
    output: Shape
    """Shape out, the batch axis first."""
    weights: int
    bias: int
    norm: int
    """Parameters of normalisation (scale and shift)."""
    buffers: int
    macs: int
    """Multiply-adds of convolution, linear and matrix products."""
    elementwise: int
    """Output elements, of an operation without macs."""
    activations: int
    """Output elements, of an operation with macs."""
    side: bool
    """True where it runs in training only."""

    @property
    def params(self) -> int:
        return self.weights + self.bias + self.norm

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-ready; `params` beside its parts."""
        plain = self._asdict()
        plain["facts"] = dict(self.facts)
        plain["inputs"] = [list(shape) for shape in self.inputs]
        plain["output"] = list(self.output)
        return plain | {"params": self.params}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Row:
        """The row that `to_dict` wrote. Raises ProfilerError on anything else."""
        try:
            known = {name: plain[name] for name in cls._fields}
            known["inputs"] = tuple(tuple(shape) for shape in plain["inputs"])
            known["output"] = tuple(plain["output"])
        except (KeyError, TypeError) as fault:
            raise ProfilerError(f"this is no row of a profile: {fault} is missing or malformed") from None
        known["facts"] = {k: _tuples(v) for k, v in known["facts"].items()}
        return cls(**known)


def _tuples(value: Any) -> Any:
    """Lists as the tuples that they were, those within them too: the two sides of each axis of a Pad."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


class Totals(NamedTuple):
    """Sums over a network: params per network, everything else for the whole batch."""

    weights: int = 0
    bias: int = 0
    norm: int = 0
    buffers: int = 0
    macs: int = 0
    elementwise: int = 0
    activations: int = 0
    side_params: int = 0
    side_macs: int = 0

    @property
    def params(self) -> int:
        return self.weights + self.bias + self.norm


class Group(NamedTuple):
    """Rows taken together, by kind or by the first levels of their path."""

    name: str
    layers: int
    weights: int
    params: int
    macs: int
    elementwise: int
    activations: int
    output: Shape
    """Shape out of the last of them."""


@dataclass(frozen=True)
class Profile(Drawn):
    """What one network costs: totals and the rows that they are the sums of."""

    model: str
    options: Mapping[str, Any]
    alpha: Fraction | None
    resolution: int | None
    inputs: tuple[Shape, ...]
    """Shapes of one sample, without the batch axis."""
    batch: int | None
    """Samples at once; None where the shapes are whole as they are."""
    rows: tuple[Row, ...]
    totals: Totals
    engine: str = "closed"
    uncounted: tuple[str, ...] = ()
    """Operations without a formula; the closed form has none by construction."""

    def __repr__(self) -> str:
        return f"Profile({self.model}: {self.params:,} params, {self.macs:,} macs, {len(self.rows)} rows)"

    @property
    def params(self) -> int:
        """Parameters that the counted forward reads."""
        return self.totals.params

    @property
    def weights(self) -> int:
        """Parameters without biases and without those of normalisation."""
        return self.totals.weights

    @property
    def buffers(self) -> int:
        return self.totals.buffers

    @property
    def macs(self) -> int:
        """Multiply-adds of convolution, linear and matrix products, for the whole batch."""
        return self.totals.macs

    @property
    def elementwise(self) -> int:
        return self.totals.elementwise

    @property
    def activations(self) -> int:
        return self.totals.activations

    @property
    def side_params(self) -> int:
        """Parameters of branches that run in training only."""
        return self.totals.side_params

    @property
    def side_macs(self) -> int:
        return self.totals.side_macs

    def by_kind(self) -> list[Group]:
        """The rows by the papers' sort of layer (MobileNets, Table 2), most multiply-adds first."""
        return sorted(_grouped(self.rows, lambda row: row.kind), key=lambda group: -group.macs)

    def by_depth(self, depth: int) -> list[Group]:
        """The rows by the first `depth` names of their path, in the order they run; 0 keeps every row apart."""
        if depth < 0:
            raise ProfilerError(f"a depth of {depth} is none; give 0 (every layer) or a number of levels")
        return _grouped(self.rows, lambda row: ".".join(row.path.split(".")[:depth]) if depth else row.path)

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-ready: the record of this profile with its rows under `rows`."""
        return {**record(self), "engine": self.engine, "rows": [row.to_dict() for row in self.rows]}


def _grouped(rows: Iterable[Row], key: Any) -> list[Group]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if not row.side:
            groups.setdefault(key(row), []).append(row)
    return [
        Group(
            name,
            len(members),
            sum(row.weights for row in members),
            sum(row.params for row in members),
            sum(row.macs for row in members),
            sum(row.elementwise for row in members),
            sum(row.activations for row in members),
            members[-1].output,
        )
        for name, members in groups.items()
    ]


class Record(TypedDict, total=False):
    """One cell of a comparison or sweep: the columns of the CSV and the keys of the JSON, an unknown None."""

    model: str
    options: dict[str, Any]
    alpha: float | None
    resolution: int | None
    input: str
    batch: int | None
    params: int
    weights: int
    side_params: int
    buffers: int
    macs: int
    side_macs: int
    elementwise: int
    activations: int
    weight_bytes: int
    convention: str
    total: int
    top1: float | None
    fvcore_macs: int | None
    fvcore_total: int | None
    thop_macs: int | None
    thop_total: int | None
    torch_macs: int | None
    traced_macs: int | None
    # on the clock
    device: str
    threads: int
    dtype: str
    memory_format: str
    compile: bool
    mode: str
    latency_s: float | None
    latency_low_s: float | None
    latency_high_s: float | None
    grade: str | None
    reason: str
    images_per_second: float | None
    rounds: int
    samples: int
    build_s: float | None
    first_call_s: float | None
    compile_s: float | None
    peak_bytes: int | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    verdict: str | None
    pareto: bool | None
    optimizer: str | None
    dataset_size: int | None
    epoch_s: float | None
    device_s: float | None
    launch_bound: bool | None
    stop: str | None


_COLUMNS = tuple(Record.__annotations__)
BASE_COLUMNS = _COLUMNS[: _COLUMNS.index("fvcore_macs")]
"""The columns that every record has; those of a witness stand after them when it was asked."""
MEASURED_COLUMNS = _COLUMNS[_COLUMNS.index("device") :]
"""The columns that records have when they were measured."""

FLOAT32_BYTES = 4


def record(profile: Profile, convention: str = "paper", total: int | None = None, top1: float | None = None) -> Record:
    """The record of a profile; `total` is its count under `convention` (macs under `paper`)."""
    totals = profile.totals
    return {
        "model": profile.model,
        "options": dict(profile.options),
        "alpha": None if profile.alpha is None else float(profile.alpha),
        "resolution": profile.resolution,
        "input": " ".join("x".join(map(str, shape)) for shape in profile.inputs),
        "batch": profile.batch,
        "params": totals.params,
        "weights": totals.weights,
        "side_params": totals.side_params,
        "buffers": totals.buffers,
        "macs": totals.macs,
        "side_macs": totals.side_macs,
        "elementwise": totals.elementwise,
        "activations": totals.activations,
        "weight_bytes": totals.params * FLOAT32_BYTES,
        "convention": convention,
        "total": totals.macs if total is None else total,
        "top1": top1,
    }
