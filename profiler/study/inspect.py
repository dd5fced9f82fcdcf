"""A file of weights, what is dead in it and what leaves a network with that; or a network's weights under a scheme."""

from __future__ import annotations

from profiler.checked import checked
from profiler.count import compression
from profiler.errors import ProfilerError
from profiler.load.load import Model, load
from profiler.records.compressed import Compressed
from profiler.records.events import Counted
from profiler.records.inspected import Inspected
from profiler.study.cells import Watch, watching

BITS = 8


@checked
def inspect(
    file: str | None = None,
    *,
    model: Model | None = None,
    scheme: str | None = None,
    bits: int = BITS,
    every_rank: bool = False,
    watch: Watch | None = None,
    progress: bool = False,
) -> Inspected | Compressed:
    """What a file of weights holds, tensor by tensor, without running a network.

    With a `model` also what leaves it with its dead channels. Without a file, but with a `scheme` (`deep-compression`, or a
    TOML file), what the weights of `model` take after pruning, weight sharing and Huffman coding. `bits` (2 to 8) is what the
    entropy of weights is told in; with `every_rank` the effective rank is computed of matrices of any size, which takes long.
    `watch` is called with each event, `progress` shows a bar. Raises Unavailable where a file is not there, ProfilerError for
    what is no such file, and as `load` does for the model.
    """
    if scheme is not None:
        if file is not None:
            raise ProfilerError("--scheme computes sizes without a file; leave out the file or the scheme")
        if model is None:
            raise ProfilerError("--scheme needs a network; name one, e.g. --model alexnet")
        return under_scheme(model, scheme)
    if file is None:
        raise ProfilerError("nothing to inspect; name a file, e.g. weights.safetensors, or give --model and --scheme")
    if not 2 <= bits <= BITS:
        raise ProfilerError(f"--bits must be from 2 to {BITS}, not {bits}")
    from profiler.checkpoint import inspecting
    from profiler.checkpoint.read import read

    found = read(file)
    smaller, state = None, None
    if model is not None:
        from profiler.study.smaller import smaller_network

        smaller, state = smaller_network(found, model)
    with watching(progress, watch) as seen:

        def read_so_far(done: int, total: int) -> None:
            if seen is not None:
                seen(Counted(done, total, "reading tensors"))

        records = inspecting.records(found, bits, every_rank, read_so_far)
    return Inspected(found.path, found.form, bits, tuple(records), found.notes, smaller, state)


def under_scheme(model: Model, name: str) -> Compressed:
    """The weights of a network under a scheme, layer by layer. Raises as `inspect` does."""
    network = load(model)
    rows = network.profile(1).rows
    of = compression.scheme(name, network.name)
    return Compressed(network.name, dict(network.profile(1).options), of.name, compression.layers(rows, of))
