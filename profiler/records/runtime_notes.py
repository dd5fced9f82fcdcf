"""What is to be said of the runtimes that cells were measured in."""

from __future__ import annotations

from profiler.records.notes import Said


class RuntimeUsed(Said, frozen=True):
    """A deployed runtime: its version, where it ran, and how it was set, as it says itself."""

    name: str
    version: str
    provider: str
    setting: str


class FilesMeasured(Said, frozen=True):
    """Networks that were given as files for a runtime, which no eager torch runs beside it."""

    models: tuple[str, ...]


class QuantisedOnRandom(Said, frozen=True):
    """Cells in int8 that ONNX Runtime's static quantisation made of fp32, calibrated on random inputs."""

    cells: int
