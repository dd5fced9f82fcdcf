"""The weights of a network under a scheme → its answer: one row a layer, and all of them."""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from profiler.records.compressed import Compressed, CompressedLayer
from profiler.report import units
from profiler.report.answer import Answer, View
from profiler.report.answers import records
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table

COLUMNS = CompressedLayer.__struct_fields__
STEPS = {"pruned_bytes": "pruned", "shared_bytes": "shared", "coded_bytes": "coded"}
NOTES = (
    "pruned: each weight that stays in 32 bits with its distance to the one before; shared: in fewer bits, by a codebook; "
    "coded: by Huffman's codes. Each with its ratio to fp32.",
    "fillers: zeros written where the next weight is too far away, as many as are expected of weights at random places. "
    "Biases are left out.",
)


def answer(found: Compressed, view: View) -> Answer:
    """The layers under the scheme; with columns that were chosen, or an order, as the CSV has them. Raises UnknownName."""
    rows = [structs.asdict(each) for each in found.layers]
    if view.columns or view.sort is not None:
        return replace(records.chosen("inspect", rows, COLUMNS, view, title(found)), document=found.to_dict, subject=found)
    made = sheet(found, view.top)
    return Answer(table.Fitted(lambda _: made, "raw"), lambda: [sheet(found, view.top)], rows, COLUMNS, found.to_dict, found)


def title(found: Compressed) -> str:
    """`alexnet under deep-compression: 232.5 MiB of weights in fp32, 7.1 MiB coded (32.9×)`."""
    whole = found.total("fp32_bytes") or 0
    step = "coded_bytes" if found.total("coded_bytes") is not None else "shared_bytes"
    after = found.total(step) or 0
    return (
        f"{found.model} under {found.scheme}: {units.size(whole)} of weights in fp32, {units.size(after)} {STEPS[step]} "
        f"({units.ratio(whole, after)})"
    )


def sheet(found: Compressed, top: int | None = None) -> Sheet:
    """One row a layer, and in the last all of them."""
    coded = any(layer.coded_bytes is not None for layer in found.layers)
    layers = list(found.layers)
    if top is not None:
        layers = sorted(layers, key=lambda layer: -layer.weights)[:top]
    heads = [Heading("layer", right=False), *map(Heading, ("weights", "stay", "%", "fillers", "bits", "index", "fp32"))]
    steps = [step for step in STEPS if step != "coded_bytes" or coded]
    for step in steps:
        heads += [Heading(STEPS[step]), Heading("×")]
    rows = []
    for layer in layers:
        rows.append(
            [
                layer.path,
                *_counts(layer.weights, layer.kept, layer.fillers),
                _bits(layer.bits),
                _bits(layer.index_bits),
                units.size(layer.fp32_bytes),
            ]
        )
        for step in steps:
            rows[-1] += _step(layer.fp32_bytes, getattr(layer, step))
    sums = [found.total(name) or 0 for name in ("weights", "kept", "fillers")]
    rows.append(["all", *_counts(*sums), "", "", units.size(found.total("fp32_bytes") or 0)])
    for step in steps:
        rows[-1] += _step(found.total("fp32_bytes") or 0, found.total(step))
    return Sheet(heads, rows, title(found), list(NOTES))


def _counts(weights: int, kept: int, fillers: int) -> list[str]:
    return [f"{weights:,}", f"{kept:,}", units.percent(kept, weights), f"{fillers:,}"]


def _bits(bits: int | None) -> str:
    return units.UNKNOWN if bits is None else str(bits)


def _step(whole: int, after: int | None) -> list[str]:
    return [units.UNKNOWN] * 2 if after is None else [units.size(after), units.ratio(whole, after)]
