"""A checkpoint as records: one a tensor, and what leaves a network with the channels that are dead in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct, structs, to_builtins

from profiler.records.drawn import Drawn
from profiler.records.environment import document

NORM_SHARE, SCALE_SHARE, VARIANCE_SHARE = 0.01, 0.001, 1e-5
"""A channel is dead by its weights' norm below this share of the largest norm of its layer, by BatchNorm's scale below this
share of the largest, and by BatchNorm's running variance below this share of the median one; of zero it always is."""
INT4_GROUP = 128


class TensorRecord(Struct, frozen=True, kw_only=True):
    """One tensor of a checkpoint. Of what does not apply to it, None."""

    name: str
    layer: str
    """The name without its last part: what it belongs to."""
    kind: str
    """`conv`, `depthwise`, `linear` …, by shape and by the graph around it; `norm` beside a running variance."""
    role: str
    """`weight`, `bias`, `scale`, `shift`, `mean`, `variance`, or `other`."""
    shape: list[int]
    dtype: str
    elements: int
    bytes: int
    """As it stands in the file."""
    zeros: int
    nonfinite: int
    """NaN and infinite values."""
    low: float | None
    high: float | None
    norm: float | None
    channels: int | None = None
    """Output channels, of a weight; of a norm its own."""
    dead_norm: int | None = None
    dead_variance: int | None = None
    dead_scale: int | None = None
    range_ratio: float | None = None
    """The largest range of an output channel over the median one."""
    folded_range_ratio: float | None = None
    """The same of the weights with the BatchNorm folded in that stands after them, as they are quantised."""
    effective_rank: float | None = None
    full_rank: int | None = None
    """The rank that the matrix could have."""
    fp32_bytes: int
    fp16_bytes: int
    int8_bytes: int
    """With its scales, one an output channel."""
    int4_bytes: int
    """With its scales, one a group of 128 weights."""
    entropy_bits: float | None = None
    """Bits a weight, below which no Huffman code of it in the asked bits comes."""
    huffman_bytes: int | None = None
    """That times its weights."""
    dead: list[int] = []
    """The channels that are dead in one way or more."""
    histogram: list[int] = []
    """Values in 32 steps from the largest magnitude below 0 to that above."""


COLUMNS = tuple(name for name in TensorRecord.__struct_fields__ if name not in ("dead", "histogram"))
"""The columns of a tensor's record."""


class Removal(Struct, frozen=True):
    """Channels that leave a layer, or do not."""

    path: str
    width: int
    """Of the layer, before."""
    dead: int
    """Channels that hold one value whatever the input."""
    removed: int
    reason: str = ""
    """Why not all that are dead leave."""


class Costs(Struct, frozen=True):
    """What a network costs, for one sample."""

    params: int
    macs: int
    activations: int


class Smaller(Drawn, Struct, frozen=True):
    """A network before and after its dead channels left."""

    model: str
    layers: tuple[Removal, ...]
    before: Costs
    after: Costs
    exact: bool
    """Whether every removed channel is constant by its weights; False where some are by BatchNorm's statistics alone."""
    matched: int
    """Tensors that the network took from the file."""
    by_order: tuple[tuple[str, str], ...] = ()
    """(name in the file, name in the network) of those that were matched by order and shape."""
    unmatched: tuple[str, ...] = ()
    """Names in the file that nothing in the network answers to."""
    missing: tuple[str, ...] = ()
    """Names in the network that nothing in the file answers to."""
    notes: tuple[str, ...] = ()


class Inspected(Drawn, Struct, frozen=True):
    """What a checkpoint holds, tensor by tensor."""

    file: str
    form: str
    bits: int
    """In which the entropy is told."""
    tensors: tuple[TensorRecord, ...]
    notes: tuple[str, ...] = ()
    smaller: Smaller | None = None
    """With a network: what leaves it."""
    state: Callable[[], Mapping[str, Any]] | None = None
    """With a network: what makes the weights of the smaller one; a saved run has none."""

    environment: Mapping[str, Any] | None = None
    """Of a run that was read back: what it was made with."""

    def __repr__(self) -> str:
        return f"Inspected({self.file}: {len(self.tensors)} tensors, {sum(t.elements for t in self.tensors):,} elements)"

    def to_dict(self) -> dict[str, Any]:
        """The document that a `.json` holds."""
        parts: dict[str, Any] = {} if self.smaller is None else {"smaller": to_builtins(self.smaller)}
        thresholds = {"norm": NORM_SHARE, "scale": SCALE_SHARE, "variance": VARIANCE_SHARE}
        return document(
            "inspect",
            [structs.asdict(each) for each in self.tensors],
            made_with=self.environment,
            rows=[],
            file=self.file,
            form=self.form,
            bits=self.bits,
            dead_below=thresholds,
            int4_group=INT4_GROUP,
            notes=list(self.notes),
            **parts,
        )


def by_layer(tensors: Sequence[TensorRecord]) -> dict[str, list[TensorRecord]]:
    """{layer: its tensors}, in the order of the file."""
    found: dict[str, list[TensorRecord]] = {}
    for tensor in tensors:
        found.setdefault(tensor.layer, []).append(tensor)
    return found
