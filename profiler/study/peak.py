"""The bytes of an inference at its peak, of one cell. No torch until a reference is traced."""

from __future__ import annotations

from profiler.count.held import peak
from profiler.load.load import Network
from profiler.study.cells import Cell


def peak_of(cell: Cell) -> int:
    """Of a network of the zoo on paper, of any other by tracing it. Raises ProfilerError where that fails."""
    network = cell.network
    if isinstance(network, Network):
        return peak(network.value, network.inputs, network.batched(cell.batch))
    from profiler.study.show import memory_of  # traced, so torch is loaded

    return memory_of(network, cell.batch).peak
