"""A file of weights → its answer: totals, shares by kind, its layers, and what leaves the network with what is dead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from msgspec import structs
from rich.console import Group, RenderableType
from rich.text import Text

from profiler.records.inspected import (
    COLUMNS,
    INT4_GROUP,
    NORM_SHARE,
    SCALE_SHARE,
    VARIANCE_SHARE,
    Inspected,
    Smaller,
    TensorRecord,
    by_layer,
)
from profiler.report import units
from profiler.report.answer import Answer, View, sorted_by
from profiler.report.answers import records
from profiler.report.encoding import printable
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table
from profiler.report.units import Unit
from profiler.report.words import some

FORMS = ("fp32", "fp16", "int8", "int4")
MOST_NAMED = 5


def answer(found: Inspected, view: View) -> Answer:
    """The layers of a checkpoint; with columns that were chosen, or an order, its tensors. Raises UnknownName for a column."""
    rows = [structs.asdict(each) for each in found.tensors]
    plain = [{name: "x".join(map(str, row[name])) if name == "shape" else row[name] for name in COLUMNS} for row in rows]
    if view.columns or view.sort is not None:
        made = records.chosen("inspect", plain, COLUMNS, view, title(found))
        return replace(made, document=found.to_dict, subject=found)
    made_sheets = sheets(found, view.top)
    parts: list[RenderableType] = [Text(printable(title(found)), style="bold")]
    parts += [Text(printable(line)) for line in head(found)]
    for each in made_sheets:
        parts += [Text(), table.Fitted(_always(each), "raw", _narrower(each))]
    lead = [title(found), *head(found)]

    def with_lead() -> list[Sheet]:
        made = sheets(found, view.top)
        made[0].lead = lead
        return made

    ordered = plain if view.sort is None else [plain[i] for i in sorted_by(plain, view.sort, COLUMNS)]
    return Answer(Group(*parts), with_lead, ordered, COLUMNS, found.to_dict, found)


def _always(each: Sheet) -> Callable[[Unit], Sheet]:
    """The sheet whatever the unit: its counts are whole, and its bytes have units of their own."""
    return lambda _: each


def _narrower(each: Sheet) -> list[Callable[[Unit], Sheet]]:
    """The sheet without what is missed least, one column more each time."""
    made: list[Callable[[Unit], Sheet]] = []
    gone: tuple[str, ...] = ()
    for more in (("zeros", "norm", "dtype"), ("fp16", "entropy"), ("int4",), ("rank",)):
        gone += more
        kept = [i for i, column in enumerate(each.columns) if column.text not in gone]
        less = replace(each, columns=[each.columns[i] for i in kept], rows=[[row[i] for i in kept] for row in each.rows])
        made.append(_always(less))
    return made


def title(found: Inspected) -> str:
    """`model.safetensors: 157 tensors, 4,253,864 numbers, 16.2 MiB`."""
    elements, size = sum(t.elements for t in found.tensors), sum(t.bytes for t in found.tensors)
    return f"{found.file}: {len(found.tensors):,} tensors, {elements:,} numbers, {units.size(size)}"


def head(found: Inspected) -> list[str]:
    """Lines above the tables: bytes of the whole in each form, what is dead, what is not a number."""
    tensors = found.tensors
    weights = [t for t in tensors if t.channels is not None and t.full_rank is not None]
    forms = ", ".join(f"{name} {units.size(sum(getattr(t, f'{name}_bytes') for t in tensors))}" for name in FORMS)
    lines = [f"bytes        {forms}"]
    entropy = sum(t.huffman_bytes or 0 for t in weights)
    if weights:
        whole = sum(t.elements for t in weights)
        lines.append(f"entropy      {8 * entropy / max(whole, 1):.2f} of {found.bits} bits per weight, {units.size(entropy)}")
    for name, what in (
        ("dead_norm", "by the norm of their weights"),
        ("dead_variance", "by BatchNorm's variance"),
        ("dead_scale", "by BatchNorm's scale"),
    ):
        held = [t for t in tensors if getattr(t, name) is not None]
        dead = sum(getattr(t, name) for t in held)
        if held:
            lines.append(f"dead         {dead:,} of {sum(t.channels or 0 for t in held):,} channels {what}")
    if broken := sum(t.nonfinite for t in tensors):
        where = [t.name for t in tensors if t.nonfinite]
        lines.append(f"NOT FINITE   {broken:,} numbers are NaN or infinite, in {some(where)}")
    return lines


def sheets(found: Inspected, top: int | None = None) -> list[Sheet]:
    """By kind, by layer, and of a network what leaves it."""
    made = [kinds_sheet(found.tensors), layers_sheet(found, top)]
    if found.smaller is not None:
        made += smaller_sheets(found.smaller)
    made[1].notes += [
        f"dead: a channel whose weights have a norm of at most {100 * NORM_SHARE:g} % of the layer's largest (w), or "
        "whose BatchNorm has a "
        f"running variance of at most {VARIANCE_SHARE:g} of the layer's median (v), or a scale of at most "
        f"{100 * SCALE_SHARE:g} % of the largest (s).",
        "range: the largest range of an output channel over the median one, with the BatchNorm after it folded in where there "
        "is one. rank: effective rank, the exponential of the entropy of the squared singular values, of the most that there "
        "could be; – above 512 (--every-rank).",
        f"int8: with an fp32 scale per channel; int4: with an fp16 scale per {INT4_GROUP} weights of a channel. "
        "entropy: bits per "
        f"weight quantised to {found.bits} bits, the least that a Huffman code can reach.",
        *(f"{note[:1].upper()}{note[1:]}." for note in found.notes),
    ]
    return made


def kinds_sheet(tensors: Sequence[TensorRecord]) -> Sheet:
    """Totals and shares by kind of layer, the most numbers first."""
    kinds: dict[str, list[TensorRecord]] = {}
    for each in tensors:
        kinds.setdefault(each.kind, []).append(each)
    whole = sum(each.elements for each in tensors)
    heads = [
        Heading("kind", right=False),
        Heading("tensors"),
        Heading("numbers"),
        Heading("%", bar=True),
        Heading("zeros"),
        Heading("dead"),
    ]
    rows = []
    for kind, members in sorted(kinds.items(), key=lambda item: -sum(t.elements for t in item[1])):
        elements = sum(t.elements for t in members)
        counts = [
            kind,
            str(len(members)),
            f"{elements:,}",
            units.percent(elements, whole),
            f"{sum(t.zeros for t in members):,}",
        ]
        rows.append([*counts, _dead(members), *_bytes(members)])
    rows.append(
        [
            "all",
            str(len(tensors)),
            f"{whole:,}",
            units.percent(whole, whole),
            f"{sum(t.zeros for t in tensors):,}",
            _dead(tensors),
            *_bytes(tensors),
        ]
    )
    return Sheet([*heads, *map(Heading, FORMS)], rows, "by kind")


def _bytes(members: Iterable[TensorRecord]) -> list[str]:
    held = list(members)
    return [units.size(sum(getattr(t, f"{name}_bytes") for t in held)) for name in FORMS]


def _dead(members: Iterable[TensorRecord]) -> str:
    """`3 w 7 v`: dead channels by norm, variance and scale; nothing where there are none."""
    held = list(members)
    sums = [
        (sum(getattr(t, name) or 0 for t in held), sign)
        for name, sign in (("dead_norm", "w"), ("dead_variance", "v"), ("dead_scale", "s"))
    ]
    return " ".join(f"{n:,} {sign}" for n, sign in sums if n)


def layers_sheet(found: Inspected, top: int | None) -> Sheet:
    """One row a layer: its largest tensor, and of all of them what is dead and what they take."""
    layers = list(by_layer(found.tensors).items())
    if top is not None:
        layers = sorted(layers, key=lambda item: -sum(t.elements for t in item[1]))[:top]
    names = ("layer", "kind", "shape", "dtype")
    heads = [
        *(Heading(name, right=False) for name in names),
        *map(Heading, ("zeros", "norm", "dead", "range", "rank", "entropy", *FORMS)),
    ]
    rows = []
    for layer, members in layers:
        main = max(members, key=lambda t: t.elements)
        cells = [
            layer,
            main.kind,
            "×".join(map(str, main.shape)) or "scalar",
            main.dtype,
            f"{sum(t.zeros for t in members):,}",
            units.UNKNOWN if main.norm is None else f"{main.norm:.3g}",
            _dead(members),
        ]
        ratio = main.range_ratio if main.folded_range_ratio is None else main.folded_range_ratio
        cells.append("" if ratio is None else f"{ratio:.1f}×")
        if main.full_rank is None:
            cells += ["", ""]
        else:
            cells.append(units.UNKNOWN if main.effective_rank is None else f"{main.effective_rank:.1f} of {main.full_rank:,}")
            cells.append(units.UNKNOWN if main.entropy_bits is None else f"{main.entropy_bits:.2f}")
        rows.append([*cells, *_bytes(members)])
    return Sheet(heads, rows, "by layer" if top is None else f"by layer, the {len(rows)} with most numbers")


def smaller_sheets(found: Smaller) -> list[Sheet]:
    """What leaves a network with its dead channels: its costs, then the layers that change or cannot."""
    names = {"params": "params", "macs": "MACs", "activations": "activations"}
    rows = [
        [text, f"{before:,}", f"{after:,}", f"{_change(before, after)} %"]
        for name, text in names.items()
        for before, after in [(getattr(found.before, name), getattr(found.after, name))]
    ]
    costs = Sheet(
        [Heading(found.model, right=False), *map(Heading, ("before", "after", "change"))], rows, "without the dead channels"
    )
    layers = [
        [each.path, str(each.width), str(each.dead), str(each.width - each.removed), each.reason]
        for each in found.layers
        if each.dead
    ]
    heads = [Heading("layer", right=False), *map(Heading, ("width", "constant", "after")), Heading("why not", right=False)]
    made = [costs, *([Sheet(heads, layers, "layers with channels that are constant")] if layers else [])]
    notes = made[-1].notes
    if found.by_order:
        pairs = [f"{a} as {b}" for a, b in found.by_order]
        notes.append(f"{len(pairs)} tensors were matched by order and shape: {some(pairs)}.")
    if found.unmatched:
        notes.append(f"No parameter of {found.model} matches {some(found.unmatched)}.")
    if found.missing:
        notes.append(f"No tensor in the file matches {some(found.missing)}; they are counted, and nothing of them is removed.")
    notes += found.notes
    return made


def _change(before: int, after: int) -> str:
    return f"{100 * (after - before) / before:+.2f}" if before else "0.00"
