"""A network → a file of ONNX, by torch's exporter: `show MODEL -o FILE.onnx`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from profiler import grid
from profiler.errors import ProfilerError
from profiler.load.load import load_at
from profiler.module.user_code import quiet
from profiler.records.place import Place

LARGEST = 1_900_000_000
"""Bytes of weights that one file holds."""


def exported(place: Place) -> bytes:
    """The network of a place as an ONNX file, in evaluation mode, for the inputs of the place with its batch.

    Its weights are random under a fixed seed, no two tensors alike. Raises Unavailable where a package is absent, and
    ProfilerError.
    """
    network, batch = load_at(place), grid.batch(place.batch)
    if not network.has_module:
        raise ProfilerError(f"{network.name} is an ONNX file already; copy it, or name the network's code")
    if (size := network.profile(batch).weight_bytes) > LARGEST:
        raise ProfilerError(f"{network.name} has {size:,} bytes of weights, and one ONNX file holds 2 GB; export a smaller one")
    from profiler.module.distinct import make_distinct
    from profiler.module.onnx_export import export_onnx

    module = network.module("cpu")
    args, kwargs = network.example(batch, "cpu")
    if getattr(network, "held", None) is None:
        make_distinct(module)
    with TemporaryDirectory(prefix="profiler-") as folder, quiet(network.name):
        path = Path(folder) / "network.onnx"
        export_onnx(module.eval(), args, path, kwargs)
        return path.read_bytes()
