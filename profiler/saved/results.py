"""A saved run → what its command had found, so that every form can be made of it again. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import islice
from os import PathLike
from typing import Any

from msgspec import structs

from profiler.checked import checked
from profiler.count import conventions
from profiler.count.derivation import derivation, separable_pairs
from profiler.errors import ProfilerError
from profiler.records.compressed import Compressed
from profiler.records.inspected import Inspected
from profiler.records.listing import Listing
from profiler.records.measured import Measured
from profiler.records.polynomials import Domain, Formulas, Polynomials
from profiler.records.profile import Profile, Row, Totals
from profiler.records.results import Results
from profiler.records.shown import Shown
from profiler.records.stage_fit import StageFit
from profiler.records.timing import Certificate, Layers, LayerTiming
from profiler.saved.documents import (
    CompressDocument,
    FormulaDocument,
    InspectDocument,
    LayersDocument,
    ListDocument,
    ResultsDocument,
    SelftestDocument,
    ShowDocument,
    StagesDocument,
)
from profiler.saved.read import CURE, Saved, read_document, results
from profiler.saved.show_parts import rewritten

Result = Results | Shown | Measured | Certificate | Formulas | Listing | StageFit | Inspected | Compressed | Saved
"""What a command finds; of verify, check and diff the document itself, whose records are shown as they are."""


@checked
def read(file: str | PathLike[str]) -> Result:
    """What the command or the study that wrote `file` had found, or with `-` what comes through the pipe.

    A saved verification, check or diff is its document, whose records are shown as they are. Raises Unavailable where there is
    no such file, ProfilerError for one that is cut short, no JSON, no saved run, or of a newer schema.
    """
    return result(read_document(str(file)))


def result(saved: Saved) -> Result:
    """What the command that wrote `saved` had found.

    Raises ProfilerError for a document whose parts are malformed, or do not go together.
    """
    document = saved.content
    try:
        match document:
            case ShowDocument():
                return _shown(document, saved.document["environment"])
            case LayersDocument():
                return _measured(document, results(saved))
            case ResultsDocument():
                return results(saved, _profiles(document))
            case SelftestDocument():
                return structs.replace(document.certificate.certificate(), environment=saved.document["environment"])
            case FormulaDocument():
                return Formulas(_polynomials(document), saved.document["environment"])
            case StagesDocument():
                return document.per_stage.stage_fit(saved.document["records"], saved.document["environment"])
            case InspectDocument():
                return document.inspected(saved.document["environment"])
            case CompressDocument():
                return document.compressed(saved.document["environment"])
            case ListDocument():
                return Listing(map(dict, saved.document["records"]), saved.document["environment"], document.notes)
            case _:
                return saved
    except (TypeError, ValueError, IndexError, ArithmeticError) as fault:
        raise ProfilerError(f"'{saved.name}': a part of this run is malformed ({fault}); {CURE}") from None


def _profiles(document: ResultsDocument) -> list[Profile]:
    """The networks of a comparison with their layers; none of a run that holds totals alone."""
    rows: list[list[Row]] = [[] for _ in document.records]
    for part in document.rows:
        rows[_position(part.record)].append(part.row)
    return [_profile(record, made) for record, made in zip(document.records, rows, strict=True)] if any(rows) else []


def _position(given: int) -> int:
    if given < 0:  # Python would count from the end
        raise IndexError(f"a row is of record {given}")
    return given


def _profile(record: Mapping[str, Any], rows: list[Row], engine: str = "closed", uncounted: tuple[str, ...] = ()) -> Profile:
    inputs = tuple(tuple(map(int, shape.split("x"))) for shape in record["input"].split())
    norm = sum(row.norm for row in rows if not row.side)
    sums = {name: record[name] for name in Totals._fields if record.get(name) is not None}
    totals = Totals(**sums | {"norm": norm, "bias": record["params"] - record["weights"] - norm})
    alpha = None if record["alpha"] is None else Fraction(str(record["alpha"]))
    place = (record["model"], record["options"], alpha, record["resolution"], inputs, record["batch"])
    by_dtype = record.get("parameter_bytes") or {}
    return Profile(*place, tuple(rows), totals, engine, uncounted, record.get("unread") or 0, (), by_dtype)


def _shown(document: ShowDocument, environment: Mapping[str, Any]) -> Shown:
    (record,) = document.records
    rows = [part.row for part in document.rows]
    rule = conventions.find(record["convention"])
    profile = _profile(record, rows, document.engine, document.uncounted)
    if document.tracing is not None:
        profile = structs.replace(profile, unread=document.tracing.unread, unread_at=document.tracing.unread_at)
    if document.wiring is not None:
        document.wiring.check(len(rows))
    if document.receptive and len(document.receptive) != len(rows):
        raise ValueError(f"receptive fields of {len(document.receptive)} rows where there are {len(rows)}")
    return Shown(
        profile,
        rule.name,
        rule.unit,
        tuple(part.total for part in document.rows),
        tuple(None if row.side else derivation(row) for row in rows),
        tuple(separable_pairs(rows)),
        None if document.tracing is None else document.tracing.traced(profile),
        None if document.what_if is None else rewritten(document.what_if),
        None if document.training is None else document.training.training_cost(),
        tuple(part.memory() for part in document.memory),
        document.wiring,
        environment=environment,
        weight_forms=tuple(part.form_bytes() for part in document.weight_forms),
        generation=document.generation,
        sharding=document.sharding,
        receptive=document.receptive,
    )


def _polynomials(document: FormulaDocument) -> list[Polynomials]:
    made, records = [], iter(document.records)
    for head in document.polynomials:
        terms = list(islice(records, head.terms))
        found: dict[str, dict[tuple[int, int], Fraction]] = {"params": {}, "macs": {}}
        for term in terms:
            found[term.quantity][term.alpha_power, term.side_power] = Fraction(term.coefficient)
        first = terms[0]
        step, least = (None if text is None else Fraction(text) for text in (first.alpha_step, first.alpha_least))
        domain = Domain(
            first.period, first.remainder, first.least, step, least, Fraction(head.alpha), head.native, head.axis, head.most
        )
        layer: dict[str, dict[tuple[int, int], Fraction]] = {"params": {}, "macs": {}}
        for each in head.layer or []:
            layer[each.quantity][each.alpha_power, each.side_power] = Fraction(each.coefficient)
        more = None if head.layer is None else (layer["params"], layer["macs"])
        points = [each for each in document.grid if each.model == head.model]
        grid = tuple((Fraction(str(each.alpha)), each.resolution, each.params, each.macs) for each in points)
        made.append(
            Polynomials(head.model, found["params"], found["macs"], domain, grid, head.rounded, head.points, head.thumb, more)
        )
    return made


def _measured(document: LayersDocument, found: Results) -> Measured:
    rows: list[list[LayerTiming]] = [[] for _ in document.layers]
    for part in document.rows:
        rows[_position(part.layers)].append(part.timing)
    parts = zip(document.layers, rows, strict=True)
    layers = (Layers(part.model, part.timing, tuple(timed), part.roofs, part.instrumented) for part, timed in parts)
    return Measured(found, tuple(layers))
