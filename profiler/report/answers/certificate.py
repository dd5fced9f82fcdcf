"""What the measuring protocol proved of itself → its answer."""

from __future__ import annotations

from profiler.records.environment import document
from profiler.records.timing import SLOWDOWN_FOUND, Certificate
from profiler.report import units
from profiler.report.answer import Answer, View
from profiler.report.sheets.columns import Heading
from profiler.report.sheets.sheet import Sheet
from profiler.report.terminal import table


def answer(found: Certificate, view: View) -> Answer:  # noqa: ARG001  # it looks the same in every view
    """What the protocol proved of itself."""
    rows = [
        [
            check["check"],
            units.UNKNOWN if check["value"] is None else f"{100 * check['value']:.2f} %",
            f"{'≥' if check['check'] == SLOWDOWN_FOUND else '≤'} {100 * check['aim']:g} %",
            "yes" if check["passed"] else "no",
        ]
        for check in found.checks
    ]
    heads = [Heading("check", right=False), Heading("found"), Heading("target"), Heading("passed", right=False)]
    machine = found.machine
    gpu = next((f"{worker['gpu']}, " for worker in machine.get("workers", ()) if worker.get("gpu")), "")
    title = (
        f"selftest of the latency measurement on {gpu}{machine.get('cpu')}, {machine.get('affinity')} processors, {found.date}"
    )
    content = Sheet(heads, rows, title, [f"{check['check']}: {check['detail']}." for check in found.checks])
    records = [dict(check) for check in found.checks]
    return Answer(
        table.Fitted(lambda _: content, "auto"),
        lambda: [content],
        records,
        ("check", "value", "aim", "passed", "detail"),
        lambda: document("selftest", records, found.machine, found.environment, certificate=found.to_dict()),
    )
