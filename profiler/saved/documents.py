"""The document of every command as types, so that what is read back is known to hold what the reports take from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NotRequired, Required, TypedDict

from msgspec import UNSET, Struct, UnsetType

from profiler.records.agreement import Agreement, Difference
from profiler.records.columns import BASE_COLUMNS, COLUMNS, Column, Record
from profiler.records.compressed import Compressed, CompressedLayer
from profiler.records.generation import Generation
from profiler.records.inspected import Inspected, Smaller, TensorRecord
from profiler.records.limits import Bound
from profiler.records.receptive import ReceptiveField
from profiler.records.sharding import TrainingMemory
from profiler.records.timing import Certificate, Roofs, Timing
from profiler.records.wiring import Wiring
from profiler.saved.decode import Malformed, decode
from profiler.saved.document_checks import check_bounds, check_intervals, check_limits, check_over, check_signs
from profiler.saved.row_parts import ComparedRow, ShownRow, TimedRow
from profiler.saved.show_parts import FormPart, MemoryPart, RewrittenPart, TracingPart, TrainingPart
from profiler.saved.stage_parts import PerStagePart, StageRecord

RESULTS = ("compare", "sweep", "bench", "fit", "predict")
"""The commands whose records are cells."""
Object = dict[str, Any]


def _field(column: Column) -> Any:
    exact: Any = int | float if column.holds is float else column.holds  # 1 stays 1, and is not 1.0
    exact = exact | None if column.unknown or column.later else exact
    return (Required if column.name in BASE_COLUMNS and not column.later else NotRequired)[exact]


if TYPE_CHECKING:
    SavedRecord = Record
else:
    SavedRecord = TypedDict("SavedRecord", {column.name: _field(column) for column in COLUMNS.values()})


class MadeWith(Struct, frozen=True):
    """The environment of a run, of which only this is taken."""

    machine: Object | None = None


class Document(Struct, frozen=True, kw_only=True):
    """What every document holds."""

    schema: int
    command: str
    environment: MadeWith


class OtherDocument(Document, frozen=True, kw_only=True):
    """Of verify, check and diff, whose records are shown as they are."""

    records: list[Object]
    rows: list[Object] = []


class ShowDocument(Document, frozen=True, kw_only=True):
    """Of show."""

    records: list[SavedRecord]
    rows: list[ShownRow]
    engine: str
    uncounted: tuple[str, ...]
    tracing: TracingPart | None = None
    what_if: list[RewrittenPart] | None = None
    training: TrainingPart | None = None
    memory: list[MemoryPart] = []
    weight_forms: list[FormPart] = []
    wiring: Wiring | None = None
    generation: Generation | None = None
    sharding: TrainingMemory | None = None
    receptive: tuple[ReceptiveField, ...] = ()


class ReasonPart(Struct, frozen=True):
    """Why an engine's count is another."""

    reason: str
    amount: int


class AgreementPart(Struct, frozen=True):
    """An agreement, as `Agreement.to_dict` writes it."""

    model: str
    engine: str
    macs: int
    total: int
    reasons: list[ReasonPart]
    differences: tuple[Difference, ...]
    unsupported: tuple[str, ...]
    options: Object | UnsetType = UNSET
    alpha: float | int | UnsetType | None = UNSET
    resolution: int | UnsetType | None = UNSET
    batch: int | UnsetType | None = UNSET
    input: str | UnsetType = UNSET
    label: str | UnsetType | None = UNSET

    def agreement(self) -> Agreement:
        """What was written."""
        place = {name: getattr(self, name) for name in ("options", "alpha", "resolution", "input", "batch", "label")}
        reasons = tuple((each.reason, each.amount) for each in self.reasons)
        known = {name: value for name, value in place.items() if value is not UNSET}
        return Agreement(self.model, self.engine, self.macs, self.total, reasons, self.differences, self.unsupported, known)


class ResultsDocument(Document, frozen=True, kw_only=True):
    """Of compare, sweep and bench."""

    records: list[SavedRecord]
    rows: list[ComparedRow] = []
    title: str = ""
    base: int | None = None
    engines: tuple[str, ...] = ()
    agreements: list[AgreementPart] = []
    warnings: list[str] = []
    notes: list[str] = []
    rounds: list[list[float]] = []
    samples: str = ""
    over: list[str] = []
    limits: list[Bound] = []


class StagesDocument(Document, frozen=True, kw_only=True):
    """Of fit --per-stage."""

    records: list[StageRecord]
    rows: list[Object] = []
    per_stage: PerStagePart


class LayersPart(Struct, frozen=True):
    """A network on the clock, whose layers are the rows that name it."""

    model: str
    timing: Timing
    roofs: Roofs
    instrumented: float


class LayersDocument(ResultsDocument, frozen=True, kw_only=True):
    """Of bench --layers."""

    rows: list[TimedRow]  # type: ignore[assignment]  # other rows than those of its base
    layers: list[LayersPart]


class ListedPart(Struct, frozen=True):
    """A network of the zoo."""

    model: str
    paper: str
    task: str
    input: str
    year: int | None
    params: int | None
    macs: int | None
    activations: int | None
    top1: float | None
    options: Object


class ListDocument(Document, frozen=True, kw_only=True):
    """Of list."""

    records: list[ListedPart]
    rows: list[Object] = []
    notes: list[str] = []


class TermPart(Struct, frozen=True):
    """A term of a polynomial, with the domain on which it holds."""

    model: str
    quantity: Literal["params", "macs"]
    alpha_power: int
    side_power: int
    coefficient: int | str
    period: int | None
    remainder: int
    least: int
    alpha_step: str | None
    alpha_least: str | None
    alpha: float | None


class GridPart(Struct, frozen=True):
    """The counts at one published point."""

    model: str
    alpha: float
    resolution: int
    params: int
    macs: int


class LayerTermPart(Struct, frozen=True):
    """A term of what one layer more adds."""

    quantity: Literal["params", "macs"]
    alpha_power: int
    side_power: int
    coefficient: int | str


class PolynomialsPart(Struct, frozen=True):
    """The polynomials of a network, of which so many records are the terms."""

    model: str
    alpha: str
    native: int | None
    rounded: bool
    terms: int
    points: tuple[int, int] | None = None
    axis: Literal["side", "tokens"] = "side"
    thumb: tuple[int, int] | None = None
    most: int | None = None
    layer: list[LayerTermPart] | None = None


class FormulaDocument(Document, frozen=True, kw_only=True):
    """Of formula."""

    records: list[TermPart]
    rows: list[Object] = []
    grid: list[GridPart]
    polynomials: list[PolynomialsPart]


class Proof(TypedDict):
    """One thing that the measuring protocol proved."""

    check: str
    value: float | None
    aim: float
    passed: bool
    detail: str


class CertificatePart(Struct, frozen=True):
    """A certificate, as `Certificate.to_dict` writes it."""

    date: str
    machine: Object
    passed: bool
    checks: tuple[Proof, ...]

    def __post_init__(self) -> None:
        workers = self.machine.get("workers", [])
        if not isinstance(workers, list) or not all(isinstance(each, dict) for each in workers):
            raise ValueError("expected the machine's workers as a list of objects")

    def certificate(self) -> Certificate:
        """What was written."""
        return Certificate(self.date, self.machine, self.checks)


class SelftestDocument(Document, frozen=True, kw_only=True):
    """Of selftest."""

    records: list[Object]
    rows: list[Object] = []
    certificate: CertificatePart


class InspectDocument(Document, frozen=True, kw_only=True):
    """Of inspect, of a file of weights."""

    records: list[TensorRecord]
    rows: list[Object] = []
    file: str
    form: str
    bits: int
    notes: tuple[str, ...] = ()
    smaller: Smaller | None = None

    def inspected(self, environment: Mapping[str, Any]) -> Inspected:
        """What was written."""
        tensors = tuple(self.records)
        return Inspected(self.file, self.form, self.bits, tensors, self.notes, self.smaller, environment=environment)


class CompressDocument(Document, frozen=True, kw_only=True):
    """Of inspect, of a network under a scheme."""

    records: list[CompressedLayer]
    rows: list[Object] = []
    model: str
    options: Object
    scheme: str

    def compressed(self, environment: Mapping[str, Any]) -> Compressed:
        """What was written."""
        return Compressed(self.model, self.options, self.scheme, tuple(self.records), environment)


DOCUMENTS: dict[str, type[Document]] = {
    **dict.fromkeys(RESULTS, ResultsDocument),
    "show": ShowDocument,
    "list": ListDocument,
    "inspect": InspectDocument,
    "formula": FormulaDocument,
    "selftest": SelftestDocument,
    "fit_stages": StagesDocument,
}


def decoded(plain: Mapping[str, Any]) -> Document:
    """The document in what JSON holds. Raises Malformed with the first place where it is not what its command writes."""
    command = plain["command"]
    layers = command == "bench" and "layers" in plain
    scheme = command == "inspect" and "scheme" in plain
    kind_of = LayersDocument if layers else CompressDocument if scheme else DOCUMENTS.get(command, OtherDocument)
    document = decode(plain, kind_of)
    if isinstance(document, ResultsDocument):
        check_over(document.over)
        options = {name for name in document.over if name not in COLUMNS}  # whose values may be below 0
        records = [{name: value for name, value in record.items() if name not in options} for record in plain["records"]]
        check_signs({**plain, "records": records}, "")
        check_intervals(document.records)
        check_limits(document.command, document.limits, document.records)
        if document.rounds and len(document.rounds) != len(document.records):
            raise Malformed("rounds", f"expected a list for each of the {len(document.records)} records")
    elif command in DOCUMENTS:
        check_signs(plain, "")
    if isinstance(document, StagesDocument):
        check_bounds(document.per_stage.limits, "per_stage.limits")
        check_intervals(document.records)
        document.per_stage.check(document.records)
    if isinstance(document, LayersDocument):
        for i, part in enumerate(document.layers):
            for name in ("latency_s", "latency_low_s", "latency_high_s"):
                if getattr(part.timing, name) is None:
                    raise Malformed(f"layers[{i}].timing.{name}", "expected seconds, since its layers were measured")
    if isinstance(document, FormulaDocument):
        for i, term in enumerate(document.records):
            if term.period is not None and term.period < 1:
                raise Malformed(f"records[{i}].period", "expected a whole number from 1")
    return document
