"""A saved run → what its command had found, so that every form can be made of it again. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import islice
from typing import Any

from profiler.count import conventions, rewriting
from profiler.count.derivation import derivation, separable_pairs
from profiler.errors import ProfilerError
from profiler.records.measured import Measured
from profiler.records.polynomials import Domain, Polynomials
from profiler.records.profile import Profile, Row, Totals
from profiler.records.results import Results
from profiler.records.shown import Changed, Footprint, Gap, Shown, Tracing, Training, WhatIf, Wiring
from profiler.records.timing import Certificate, Layers, LayerTiming, Roofs, Timing
from profiler.saved.documents import RESULTS
from profiler.saved.read import CURE, Saved, results

Subject = Results | Shown | Measured | Certificate | list[Polynomials]


def subject(saved: Saved) -> Subject | None:
    """What the command that wrote `saved` had found; None for a document that holds its records and no more.

    Raises ProfilerError for a document whose parts are malformed.
    """
    try:
        match saved.command:
            case "show":
                return _shown(saved)
            case "bench" if "layers" in saved.document:
                return _measured(saved)
            case "selftest":
                return Certificate.from_dict(saved.document["certificate"])
            case "formula":
                return _polynomials(saved.document)
            case command if command in RESULTS:
                return _results(saved)
            case _:
                return None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as fault:
        what = f"{fault} is missing" if isinstance(fault, KeyError) else fault
        raise ProfilerError(f"'{saved.name}': a part of this run is malformed ({what}); {CURE}") from None


def _results(saved: Saved) -> Results:
    found = results(saved)
    rows: list[list[Row]] = [[] for _ in found]
    for plain in saved.document.get("rows", ()):
        rows[_position(plain["record"])].append(Row.from_dict(plain))
    if any(rows):
        found.profiles = [_profile(record, made) for record, made in zip(found, rows, strict=True)]
    return found


def _position(given: int) -> int:
    if given < 0:  # Python would count from the end
        raise IndexError(f"a row is of record {given}")
    return given


def _profile(record: Mapping[str, Any], rows: list[Row], engine: str = "closed", uncounted: tuple[str, ...] = ()) -> Profile:
    inputs = tuple(tuple(map(int, shape.split("x"))) for shape in record["input"].split())
    norm = sum(row.norm for row in rows if not row.side)
    sums = {name: record[name] for name in Totals._fields if name in record}
    totals = Totals(**sums, norm=norm, bias=record["params"] - record["weights"] - norm)
    alpha = None if record["alpha"] is None else Fraction(str(record["alpha"]))
    place = (record["model"], record["options"], alpha, record["resolution"], inputs, record["batch"])
    return Profile(*place, tuple(rows), totals, engine, uncounted)


def _shown(saved: Saved) -> Shown:
    document = saved.document
    (record,) = document["records"]
    rows = [Row.from_dict(plain) for plain in document["rows"]]
    rule = conventions.find(record["convention"])
    tracing, what_if, training = (document.get(key) for key in ("tracing", "what_if", "training"))
    return Shown(
        _profile(record, rows, document["engine"], tuple(document["uncounted"])),
        rule.name,
        rule.unit,
        {plain["path"]: plain["total"] for plain in document["rows"]},
        {row.path: made for row in rows if not row.side and (made := derivation(row)) is not None},
        tuple(separable_pairs(rows)),
        None if tracing is None else _tracing(tracing),
        None if what_if is None else _what_if(what_if),
        None if training is None else _training(training),
        tuple(Footprint(**each) for each in document.get("memory", ())),
        Wiring.from_dict(document["wiring"], len(rows)) if "wiring" in document else None,
        environment=document["environment"],
    )


def _polynomials(document: Mapping[str, Any]) -> list[Polynomials]:
    made, records = [], iter(document["records"])
    for head in document["polynomials"]:
        terms = list(islice(records, head["terms"]))
        found: dict[str, dict[tuple[int, int], Fraction]] = {"params": {}, "macs": {}}
        for term in terms:
            found[term["quantity"]][term["alpha_power"], term["side_power"]] = Fraction(term["coefficient"])
        first = terms[0]
        step, least = (None if first[key] is None else Fraction(first[key]) for key in ("alpha_step", "alpha_least"))
        sizes = (first["period"], first["remainder"], first["least"])
        domain = Domain(*sizes, step, least, Fraction(head["alpha"]), head["native"])
        points = [each for each in document["grid"] if each["model"] == head["model"]]
        grid = tuple((Fraction(str(each["alpha"])), each["resolution"], each["params"], each["macs"]) for each in points)
        made.append(Polynomials(head["model"], found["params"], found["macs"], domain, grid, head["rounded"]))
    return made


def _tracing(plain: Mapping[str, Any]) -> Tracing:
    known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
    del known["operations"], known["uncounted"]
    known["gaps"] = tuple(Gap(**gap) for gap in plain["gaps"])
    return Tracing(**known)


def _what_if(plain: list[dict[str, Any]]) -> WhatIf:
    name = rewriting.known(plain[0]["what_if"])
    *layers, network = (Changed(**{key: each[key] for key in Changed._fields}) for each in plain)
    return WhatIf(name, rewriting.REWRITINGS[name], tuple(layers), network._replace(path=""))


def _training(plain: Mapping[str, Any]) -> Training:
    rows = tuple((row["path"], row["forward"], row["backward"], row["recomputed"]) for row in plain["rows"])
    return Training(plain["forward"], plain["backward"], plain["recomputed"], rows, tuple(plain["uncounted"]))


def _measured(saved: Saved) -> Measured:
    rows: list[list[LayerTiming]] = [[] for _ in saved.document["layers"]]
    for plain in saved.document["rows"]:
        rows[_position(plain["layers"])].append(LayerTiming.from_dict(plain))
    return Measured(
        results(saved),
        tuple(
            Layers(
                plain["model"],
                Timing.from_dict(plain["timing"]),
                tuple(timed),
                Roofs.from_dict(plain["roofs"]),
                plain["instrumented"],
            )
            for plain, timed in zip(saved.document["layers"], rows, strict=True)
        ),
    )
