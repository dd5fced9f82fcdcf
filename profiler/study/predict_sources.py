"""Files of measured latencies → networks on the clock, which a prediction is fitted to. A file never names code that is run."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from profiler import grid
from profiler.errors import ProfilerError, Unavailable, shortened
from profiler.load.load import Network, load_at, parse
from profiler.network.registry import find, names
from profiler.prediction.calibration import Layer, Measured
from profiler.prediction.features import is_free, kind_of, work_of, works_of
from profiler.records.columns import SETTING, latency
from profiler.records.interval import Interval
from profiler.records.measured import Measured as ClockedLayers
from profiler.records.place import Place
from profiler.records.profile import Row
from profiler.records.results import Results
from profiler.saved.results import read

SCALES = {"latency_s": 1.0, "latency_ms": 1e-3, "latency_us": 1e-6}
"""The columns of a table that may hold the latency, and their seconds."""
UNSTATED: Mapping[str, Any] = {
    "device": "cpu", "threads": None, "dtype": "fp32", "memory_format": "contiguous", "runtime": "eager", "compile": False,
    "mode": "infer", "optimizer": None,
}  # fmt: skip
"""What a table is taken to be measured in where it does not say."""
MOST_SECONDS = 1e6
SURE = 0.02
"""Half-width of a latency whose table states no interval, as a share."""


class Timed(NamedTuple):
    """A network on the clock, and what it was measured in."""

    measured: Measured
    setting: tuple[tuple[str, Any], ...]
    batch: int | None


class Source(NamedTuple):
    """What a file holds."""

    name: str
    timed: list[Timed]
    left_out: tuple[str, ...]
    """Networks that are not of the zoo, and whose layers the file does not hold."""
    machine: Mapping[str, Any] | None
    why: str = ""
    """Why the first network that has no latency has none."""


def source(name: str) -> Source:
    """The networks of a file: a saved run (`.json`) or a table (`.csv`). Raises Unavailable, ProfilerError."""
    if name.lower().endswith(".csv"):
        return _table(name)
    found = read(name)
    if isinstance(found, ClockedLayers):
        return Source(name, list(_of_layers(found)), (), found.results.machine, _why(found.results))
    if isinstance(found, Results):
        return _of_results(name, found)
    raise ProfilerError(
        f"'{name}' holds no latencies; give what `profiler bench --layers -o run.json` wrote, or a table (.csv)"
    )


def _of_layers(found: ClockedLayers) -> Iterator[Timed]:
    """Networks whose layers were clocked: the rows stand in the file."""
    for each in found.layers:
        timing = each.timing
        if timing.latency_s is None or timing.latency_low_s is None or timing.latency_high_s is None:
            continue
        timed = [row for row in each.rows if not is_free(row.row)]
        layers = tuple(Layer(kind_of(row.row), work_of(row.row), row.seconds) for row in timed)
        whole = Interval(timing.latency_s, timing.latency_low_s, timing.latency_high_s)
        rows = [row.row for row in timed]
        setting = tuple((name, getattr(timing, name)) for name in SETTING)
        yield Timed(Measured(family_of(each.model), works_of(rows), whole, layers), setting, timing.batch)


def _of_results(name: str, found: Results) -> Source:
    """Networks that were measured as a whole: of the zoo, or with their rows in the file."""
    timed: list[Timed] = []
    left: list[str] = []
    for i, record in enumerate(found):
        known = latency(record)
        if known is None:
            continue
        rows = found.profiles[i].rows if found.profiles else _rows(record)
        if rows is None:
            left.append(str(record["model"]))
            continue
        setting = tuple((key, record.get(key)) for key in SETTING)
        timed.append(
            Timed(Measured(family_of(str(record["model"])), works_of(rows), Interval(*known)), setting, record["batch"])
        )
    return Source(name, timed, tuple(dict.fromkeys(left)), found.machine, _why(found))


def _why(found: Results) -> str:
    return next((str(record["reason"]) for record in found if latency(record) is None and record.get("reason")), "")


def _rows(record: Mapping[str, Any]) -> Sequence[Row] | None:
    """The rows of a network of the zoo at the place of a record; None of anything else, which a file does not get to run."""
    model = str(record["model"])
    if parse(model)[0] not in names():
        return None
    place = Place.of(record)
    sized = place.input.split() if isinstance(place.input, str) and place.input else None
    network = load_at(place._replace(model=model, resolution=None if sized else place.resolution, input=sized))
    assert isinstance(network, Network)
    return network.profile(place.batch or 1).rows


def _table(name: str) -> Source:
    """A table of measured networks of the zoo, by name, α, side and batch."""
    try:
        with Path(name).open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.DictReader(file))
    except FileNotFoundError:
        raise Unavailable(f"there is no file '{name}'") from None
    except (OSError, ValueError, csv.Error) as fault:  # ValueError: no UTF-8, or a zero byte in the name
        raise ProfilerError(f"{name!r} cannot be read as a table: {shortened(str(fault))}") from None
    column = next((key for key in SCALES if lines and key in lines[0]), None)
    if column is None or "model" not in (lines[0] if lines else ()):
        raise ProfilerError(f"'{name}' is no table of latencies: it takes the columns model and {' or '.join(SCALES)}")
    timed: list[Timed] = []
    left: list[str] = []
    for number, line in enumerate(lines, 2):
        if not line[column]:
            continue
        seconds = _number(name, number, column, line[column], SCALES[column])
        try:
            batch = grid.side(line.get("batch") or 1, "batch")
            rows = _rows(_record(line, batch))
            setting = tuple((key, _said(key, line)) for key in SETTING)
        except ProfilerError as fault:
            raise ProfilerError(f"'{name}', line {number}: {fault}") from None
        if rows is None:
            left.append(line["model"])
            continue
        ends = [_number(name, number, key, line[key]) for key in ("latency_low_s", "latency_high_s") if line.get(key)]
        low, high = ends if len(ends) == 2 else (seconds * (1 - SURE), seconds * (1 + SURE))
        if not low <= seconds <= high:
            raise ProfilerError(
                f"'{name}', line {number}: {column} {seconds:g} s is not between its ends, {low:g} and {high:g} s"
            )
        timed.append(Timed(Measured(family_of(line["model"]), works_of(rows), Interval(seconds, low, high)), setting, batch))
    return Source(name, timed, tuple(dict.fromkeys(left)), None)


def _record(line: Mapping[str, str], batch: int) -> dict[str, Any]:
    options = dict(each.split("=", 1) for each in (line.get("options") or "").split(",") if "=" in each)
    return {
        "model": line["model"],
        "options": options,
        "alpha": line.get("alpha") or None,
        "resolution": line.get("resolution") or None,
        "input": line.get("input") or None,
        "batch": batch,
    }


def _number(name: str, line: int, column: str, text: str, scale: float = 1.0) -> float:
    """Seconds of a latency in units of `scale`. Raises ProfilerError."""
    try:
        value = float(text) * scale
    except ValueError:
        value = 0.0
    if not 0 < value < MOST_SECONDS:
        raise ProfilerError(f"'{name}', line {line}: {column} '{text[:40]}' is no latency; give a number above 0")
    return value


def _said(key: str, line: Mapping[str, str]) -> Any:
    text = line.get(key)
    if key == "runtime" and not text:
        return "compile" if _said("compile", line) else "eager"
    if text is None or text == "":
        return UNSTATED[key]
    if key == "threads":
        return grid.side(text, key)
    return text.lower() == "true" if key == "compile" else text


def family_of(model: str) -> str:
    """Networks of one paper are of one family; any other network is its own."""
    name = parse(model)[0]
    return find(name).paper if name in names() else name
