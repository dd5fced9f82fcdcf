"""The command about a fleet of machines: fleet worker, fleet status."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

from profiler.commands.groups import Output, grouped
from profiler.errors import ProfilerError, UnknownName
from profiler.report.encoding import sentence

ACTIONS = ("worker", "status")


def _actions() -> list[str]:
    return list(ACTIONS)


@grouped
def fleet(
    action: Annotated[
        str,
        typer.Argument(
            help="worker: work for a scheduler on this machine's devices, until Ctrl-C. status: what its workers are and do.",
            metavar="worker|status",
            autocompletion=_actions,
        ),
    ],
    address: Annotated[
        str, typer.Argument(help="Of the scheduler: tcp://HOST:8786, tls://HOST:8786 or a scheduler.json.", metavar="ADDRESS")
    ],
    devices: Annotated[
        Optional[str],
        typer.Option(
            "--devices", metavar="A,B", help="Of a worker: what it announces, as cpu,cuda:0. [default: all there are]"
        ),
    ] = None,
    host: Annotated[
        Optional[str],
        typer.Option(
            "--host", metavar="ADDRESS", help="Of a worker: where it listens. [default: 127.0.0.1, this machine alone]"
        ),
    ] = None,
    name: Annotated[
        Optional[str],
        typer.Option("--name", metavar="NAME", help="Of a worker: what tables call the machine. [default: its own]"),
    ] = None,
    out: Output = Output(),
) -> None:
    if action not in ACTIONS:
        raise UnknownName("action of `profiler fleet`", action, ACTIONS)
    if action == "worker":
        from profiler.fleet.devices import announced
        from profiler.fleet.worker import run_worker

        if out.output or out.csv or out.format != "table":
            raise ProfilerError("a worker has no table; -f, -o and --csv are for `profiler fleet status`")
        run_worker(address, announced(devices), lambda text: print(sentence(text), file=sys.stderr, flush=True), host, name)
        return
    given = [option for option, value in (("--devices", devices), ("--host", host), ("--name", name)) if value is not None]
    if given:
        raise ProfilerError(
            f"{' and '.join(given)} {'is' if len(given) == 1 else 'are'} of a worker; leave it out for a status"
        )
    from profiler.report.answer import View
    from profiler.report.answers.records import chosen
    from profiler.study.fleet_status import COLUMNS, fleet_status

    destinations = out.destinations()
    destinations.put(chosen("fleet", fleet_status(address), COLUMNS, View()))
