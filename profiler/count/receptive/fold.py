"""The walk over the rows of a network: the receptive field of each."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.count.receptive.rules import Layer, after, channel_axis
from profiler.count.receptive.sights import Sights, of_input, reshaped
from profiler.records.profile import Row, Shape
from profiler.records.receptive import EMPTY, ReceptiveField
from profiler.records.wiring import Wiring


class Seen:
    """What the layers of one network see of its input, while it is walked over."""

    def __init__(self, inputs: Sequence[Shape]) -> None:
        """`inputs` are the shapes of the network's inputs, the batch axis first; those like the first are followed."""
        self.rank = len(inputs[0]) if inputs else 0
        self.channels: int | None = None
        """Which axis of a sample holds its channels or features: what the first layer that takes them takes them from."""

    def of_input(self, shape: Shape) -> Sights | None:
        return of_input(shape) if len(shape) == self.rank else None

    def layer(self, layer: Layer) -> Sights | None:
        """What the output of a layer sees."""
        axis = channel_axis(layer) if self.channels is None and layer.first is not None else None
        if axis is not None and layer.first is not None:
            found = [i for i, sight in enumerate(layer.first) if sight.axis == axis and not sight.merged]
            self.channels = found[0] if len(found) == 1 else None
        return after(layer)

    def field(self, sights: Sights | None) -> ReceptiveField:
        """The field of one output, along the axes that hold positions."""
        if sights is None:
            return EMPTY
        channels = 0 if self.channels is None and len(sights) > 2 else self.channels
        shown = [sight for i, sight in enumerate(sights) if i != channels]
        if self.channels is None and len(sights) == 1:
            pass  # a sequence of whole numbers
        followed = [None if sight.windows is None or sight.merged or sight.axis is None else sight for sight in shown]
        return ReceptiveField(
            tuple(None if each is None or each.windows is None else float(each.windows.jump) for each in followed),
            tuple(None if sight.windows is None else sight.windows.size for sight in shown),
            tuple(sight.everything for sight in shown),
        )


def fields(rows: Sequence[Row], wiring: Wiring) -> tuple[ReceptiveField, ...]:
    """The receptive fields of all rows. A row that takes a tensor cut anew since its source made it is followed through it."""
    seen = Seen(wiring.inputs)
    known: dict[int, Sights | None] = {-1 - i: seen.of_input(shape) for i, shape in enumerate(wiring.inputs)}
    shapes = {-1 - i: shape for i, shape in enumerate(wiring.inputs)}
    found: list[Sights | None] = []
    for number, (row, sources) in enumerate(zip(rows, wiring.sources, strict=True)):
        parts: list[tuple[Sights | None, Shape]] = []
        for i, wire in enumerate(sources):
            shape = row.inputs[i] if len(sources) == len(row.inputs) else shapes[wire]
            sights = known[wire]
            if sights is not None and shape != shapes[wire]:
                sights = reshaped(sights, shapes[wire], shape)
            parts.append((sights, shape))
        known[number], shapes[number] = seen.layer(Layer(row.op, row.kind, row.facts, parts, row.output)), row.output
        found.append(known[number])
    return tuple(map(seen.field, found))
