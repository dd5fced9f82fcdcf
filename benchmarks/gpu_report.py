"""What benchmarks/gpu.py found, as Markdown: a section a part, with what could not be measured and why."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from typing import Any

DASH = "–"


def report(found: Mapping[str, Any]) -> str:
    """The page of a gpu.json. Raises KeyError, TypeError, ValueError for something else."""
    lines = ["# Measured on a GPU", "", "Written by `python benchmarks/gpu.py --report FOLDER`; docs/gpu.md says how.", ""]
    if found["rehearsal"]:
        lines += ["**A rehearsal without a GPU: it shows that the script runs, and no figure is of a GPU.**", ""]
    lines += [_machine(found), ""]
    grid: list[Mapping[str, Any]] = []
    for part in found["parts"]:
        lines += [f"## ({part['part']}) {part['title']}", ""]
        for step in part["steps"]:
            if step["ended"] != "done":
                lines += [f"`{step['name']}` ended: {step['ended']}.", ""]
        documents = [step["document"] for step in part["steps"] if step["document"] is not None]
        if not documents:
            lines += ["Nothing was measured.", ""]
            lines += [f"    {line}" for step in part["steps"] for line in step.get("last_lines", [])[-6:]] + [""]
            continue
        if part["part"] == "c":
            grid = documents[0]["records"]
        more = {"a": (part["steps"],), "i": (grid,)}.get(part["part"], ())
        given = (documents, *more)
        lines += [*SECTIONS[part["part"]](*given), ""]
    return "\n".join(lines).rstrip() + "\n"


def _machine(found: Mapping[str, Any]) -> str:
    machine = found["machine"]
    smi = machine.get("nvidia_smi")
    driver = (
        f", driver {smi[0]['driver_version']}, power limit {smi[0]['power.limit']}" if isinstance(smi, list) and smi else ""
    )
    missing = [name for name, version in machine.get("packages", {}).items() if version is None]
    said = (
        f"{machine.get('gpu', 'no GPU')}{driver}; torch {machine.get('torch')}, CUDA {machine.get('cuda')}, "
        f"cuDNN {machine.get('cudnn')}, triton {machine.get('triton')}, Python {machine.get('python')}, "
        f"{machine.get('platform')}; {found['date']}; {found.get('seconds', 0):.0f} s in all."
    )
    return said + (f" Not installed: {', '.join(missing)}." if missing else "")


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """A table whose first column is text."""
    marks = [":---", *("---:" for _ in heads[1:])]
    return [f"| {' | '.join(map(str, row))} |" for row in (heads, marks, *rows)]


def _ms(seconds: float | None) -> str:
    return DASH if seconds is None else f"{1e3 * seconds:.4g} ms"


def _half(record: Mapping[str, Any], middle: str, low: str, high: str) -> str:
    if record.get(middle) is None:
        return DASH
    return f"±{100 * (record[high] - record[low]) / 2 / record[middle]:.1f} %"


def _latency(record: Mapping[str, Any]) -> str:
    if record["latency_s"] is None:
        return f"{DASH} ({record['reason']})"
    return f"{_ms(record['latency_s'])} {_half(record, 'latency_s', 'latency_low_s', 'latency_high_s')} {record['grade']}"


def _where(record: Mapping[str, Any]) -> str:
    point = "" if record["alpha"] is None or record["resolution"] is None else f" {record['alpha']:g}-{record['resolution']}"
    return f"{record['model']}{point}"


def _tests(documents: Sequence[str], steps: Sequence[Mapping[str, Any]]) -> list[str]:
    (suite,) = ET.fromstring(documents[0]).iter("testsuite")
    count = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    if not count["tests"]:  # a rehearsal has only collected them
        return [*steps[0]["last_lines"][-1:]]
    lines = [
        f"{count['tests']} tests: {count['tests'] - sum(count[name] for name in ('failures', 'errors', 'skipped'))} passed, "
        f"{count['failures'] + count['errors']} failed, {count['skipped']} skipped.",
    ]
    for case in suite.iter("testcase"):
        for fault in [*case.findall("failure"), *case.findall("error"), *case.findall("skipped")]:
            said = " ".join((fault.get("message") or "").split())[:300].replace("|", "\\|")
            lines += ["", f"- {fault.tag}: `{case.get('name')}`: {said}"]
    return lines


def _selftest(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    checks = [check for record in documents for check in record.get("checks", record.get("records", []))]
    rows = [
        (
            check["check"],
            DASH if check["value"] is None else f"{check['value']:.4g}",
            f"{check['aim']:g}",
            "yes" if check["passed"] else "no",
        )
        for check in checks
    ]
    return table(("check", "found", "aim", "passed"), rows)


def _grid(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for record in documents[0]["records"]:
        bound = {True: "yes", False: "no", None: DASH}[record["launch_bound"]]
        rate = DASH if record["images_per_second"] is None else f"{record['images_per_second']:,.0f}"
        own = DASH if not record["device_s"] else f"{record['batch'] / record['device_s']:,.0f}"
        rows.append((_where(record), record["batch"], _latency(record), _ms(record["device_s"]), bound, rate, own))
    heads = ("network", "batch", "eager", "on the device", "launch-bound", "images/s, eager", "images/s, graph")
    return table(heads, rows)


def _layers(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    lines: list[str] = []
    for document in documents:
        for record in document["records"]:
            if record["latency_s"] is None:
                lines += [f"{_where(record)}, batch {record['batch']}: {record['reason']}.", ""]
        for network in document["layers"]:
            timing, roofs = network["timing"], network["roofs"]
            rows = [row for row in document["rows"] if row["model"] == network["model"]]
            macs, whole = sum(row["macs"] for row in rows) or 1, sum(row["seconds"] for row in rows) or 1
            kinds: dict[str, list[Mapping[str, Any]]] = {}
            for row in rows:
                kinds.setdefault(row["kind"], []).append(row)
            best = f"{roofs['macs_per_s'] / 1e12:.4g} T MACs/s, {max(rate for _, rate in roofs['streams']) / 1e9:.4g} GB/s"
            lines += [f"{network['model']}, batch {timing['batch']}: {_ms(timing['latency_s'])}; roofs {best}.", ""]
            shares = []
            for kind, members in sorted(kinds.items(), key=lambda item: -sum(row["seconds"] for row in item[1])):
                bounds = sorted({row["bound"] for row in members})
                taken, done = sum(row["seconds"] for row in members), sum(row["macs"] for row in members)
                rate = f"{done / taken / 1e12:.3g}" if taken and done else DASH
                shares.append(
                    (kind, len(members), f"{100 * done / macs:.1f} %", f"{100 * taken / whole:.1f} %", rate, ", ".join(bounds))
                )
            lines += [*table(("kind", "layers", "of the MACs", "of the time", "T MACs/s", "bound by"), shares), ""]
    return lines[:-1]


def _clocks(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    found = documents[0]
    named = list(dict.fromkeys(name for each in found["networks"].values() for name in each["ratios"]))
    rows = []
    for network, each in found["networks"].items():
        cells = []
        for name in named:
            ratio = each["ratios"].get(name)
            cells.append(DASH if ratio is None else f"{ratio['estimate']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}]")
        rows.append((network, _ms(each["median_s"].get("ours, wall")), *cells))
    said = f"Batch {found['batch']}, {found['rounds']} rounds, every network by every clock in random order; ours over theirs."
    return [said, "", *table(("network", "ours, wall", *named), rows)]


def _training(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for record in documents[0]["records"]:
        rate = DASH if record["images_per_second"] is None else f"{record['images_per_second']:,.0f}"
        peak = DASH if record["peak_bytes"] is None else f"{record['peak_bytes'] / 2**20:,.0f} MiB"
        rows.append((_where(record), record["batch"], record["dtype"], _latency(record), _ms(record["device_s"]), rate, peak))
    return table(("network", "batch", "dtype", "a step", "on the device", "images/s", "peak memory"), rows)


def _comparisons(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    found = documents[0]["tally"]
    return [
        f"{found['wrong']} of {found['total']} pairs of a network with itself were called different (aim: 8 % at most); "
        f"{found['found']} of {found['total']} slowdowns of 5 % were found (aim: 90 % at least), "
        f"{found['trusted_found']} of the {found['trusted']} at grade A or B. Grades of the slowed: {found['grades']}. "
        f"Ours over torch.utils.benchmark's: {', '.join(found['torch'])}.",
    ]


def _energy(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for record in documents[0]["records"]:
        joules = record["joules_per_image"]
        text = (
            DASH
            if joules is None
            else f"{1e3 * joules:.4g} mJ {_half(record, 'joules_per_image', 'joules_low', 'joules_high')}"
        )
        rate = record["images_per_second"]
        watts = DASH if joules is None or rate is None else f"{joules * rate:.0f} W"
        rows.append((_where(record), record["batch"], text, watts, record["no_energy"] or ""))
    said = "Joules of the whole GPU by its own counter, idle power included; the power is joules an image by images a second."
    return [said, "", *table(("network", "batch", "an image", "power", "unknown since"), rows)]


def _prediction(documents: Sequence[Mapping[str, Any]], grid: Sequence[Mapping[str, Any]]) -> list[str]:
    known = {(record["alpha"], record["resolution"], record["batch"]): record["latency_s"] for record in grid}
    rows, errors, inside = [], [], 0
    for record in documents[0]["records"]:
        predicted = record.get("predicted_s")
        measured = known.get((record["alpha"], record["resolution"], record["batch"]))
        if predicted is None:
            continue
        low, high = record["predicted_low_s"], record["predicted_high_s"]
        error = None if measured is None else predicted / measured - 1
        if error is not None and measured is not None:
            errors.append(error)
            inside += low <= measured <= high
        off = DASH if error is None else f"{100 * error:+.1f} %"
        rows.append((_where(record), record["batch"], _ms(predicted), f"{_ms(low)} – {_ms(high)}", _ms(measured), off))
    heads = ("network", "batch", "predicted", "interval", "measured in (c)", "off")
    if not errors:
        return ["No predicted cell was measured in (c).", "", *table(heads, rows)]
    root = sqrt(sum(error**2 for error in errors) / len(errors))
    said = f"{len(errors)} cells: {100 * root:.1f} % root mean square off, {inside} inside their intervals."
    return [said, "", *table(heads, rows)]


SECTIONS: dict[str, Callable[..., list[str]]] = {
    "a": _tests, "b": _selftest, "c": _grid, "d": _layers, "e": _clocks,
    "f": _training, "g": _comparisons, "h": _energy, "i": _prediction,
}  # fmt: skip
"""What makes a part's section of what its steps wrote."""
