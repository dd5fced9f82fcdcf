"""Rows, profiles and records, to and from plain dicts. Integers and SI units, nothing rounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec import Struct

from profiler.errors import ProfilerError
from profiler.records.columns import record
from profiler.records.drawn import Drawn
from profiler.records.json_ready import json_ready

FLOAT32_BYTES = 4
Shape = tuple[int, ...]
"""A shape, with its batch in a row."""


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
    moved: int = 0
    """Bytes that it reads and writes: inputs, parameters, output, and copies made for it, at the dtypes that are there."""

    @property
    def params(self) -> int:
        return self.weights + self.bias + self.norm

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-ready; `params` beside its parts."""
        plain = {name: json_ready(value) for name, value in self._asdict().items()}
        plain["inputs"] = [list(shape) for shape in plain["inputs"]]
        plain["output"] = list(plain["output"])
        return plain | {"params": int(self.params)}


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
    moved: int = 0
    """Bytes that its rows read and write, without those that run in training only."""

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


class Profile(Drawn, Struct, frozen=True):
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
    unread: int = 0
    """Parameters that the module has and the counted forward does not read."""
    unread_at: tuple[str, ...] = ()
    """Where they are: modules of which nothing was read, and names of single parameters."""
    parameter_bytes: Mapping[str, int] = {}
    """Bytes of the parameters that are read, by dtype; empty for a network that has none yet, whose parameters are float32."""

    def __repr__(self) -> str:
        missing = f", UNCOUNTED {', '.join(self.uncounted)}" if self.uncounted else ""
        return f"Profile({self.model}: {self.params:,} params, {self.macs:,} macs, {len(self.rows)} rows{missing})"

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

    @property
    def module_params(self) -> int:
        """Parameters that the module has in all: those that are read, in training only too, and those that are not."""
        return self.params + self.side_params + self.unread

    @property
    def moved(self) -> int:
        """Bytes that its rows read and write, for the whole batch."""
        return self.totals.moved

    @property
    def useful_macs(self) -> int:
        """Multiply-adds without what a kernel may skip: the half of causal attention, experts that a token is not sent to."""
        skipped: int = sum(row.macs - row.facts.get("useful_macs", row.macs) for row in self.rows if not row.side)
        return self.macs - skipped

    @property
    def active_params(self) -> int:
        """Parameters that one token meets: of a mixture of experts, those of the experts that it is sent to."""
        idle = 0
        for row in self.rows:
            if "active" in row.facts and not row.side:
                idle += row.params - row.params * row.facts["active"] // row.facts["experts"]
        return self.params - idle

    @property
    def bytes_by_dtype(self) -> dict[str, int]:
        """Bytes of the parameters that are read, by dtype; of a network that has none yet, as float32."""
        return dict(self.parameter_bytes) or ({"float32": FLOAT32_BYTES * self.params} if self.params else {})

    @property
    def weight_bytes(self) -> int:
        """Bytes of the parameters that are read."""
        return sum(self.bytes_by_dtype.values())

    def by_kind(self) -> list[Group]:
        """The rows by the papers' sort of layer (MobileNets, Table 2), most multiply-adds first."""
        return sorted(_grouped(self.rows, lambda row: row.kind), key=lambda group: -group.macs)

    def by_depth(self, depth: int) -> list[Group]:
        """The rows by the first `depth` names of their path, in the order they run; 0 keeps every row apart."""
        if depth < 0:
            raise ProfilerError(f"depth must be 0 (every layer) or more, not {depth}")
        if not depth:  # a module that is called twice has two rows of one path
            return [_group(row.path, [row]) for row in self.rows if not row.side]
        return _grouped(self.rows, lambda row: ".".join(row.path.split(".")[:depth]))

    def to_dict(self) -> dict[str, Any]:
        """Plain dict, JSON-ready: the record of this profile with its rows under `rows`."""
        return {**record(self), "engine": self.engine, "rows": [row.to_dict() for row in self.rows]}


def _grouped(rows: Iterable[Row], key: Any) -> list[Group]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if not row.side:
            groups.setdefault(key(row), []).append(row)
    return [_group(name, members) for name, members in groups.items()]


def _group(name: str, members: Sequence[Row]) -> Group:
    counts = (sum(getattr(row, key) for row in members) for key in Group._fields[2:-1])
    return Group._make((name, len(members), *counts, members[-1].output))
