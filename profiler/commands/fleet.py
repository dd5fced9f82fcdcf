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
            help="worker: measure for a scheduler on this machine's devices until Ctrl-C; status: list a fleet's devices.",
            metavar="worker|status",
            autocompletion=_actions,
        ),
    ],
    address: Annotated[
        str,
        typer.Argument(
            help="Address of the scheduler: tcp://HOST:8786, tls://HOST:8786 or its scheduler.json.", metavar="ADDRESS"
        ),
    ],
    devices: Annotated[
        Optional[str],
        typer.Option(
            "--devices", metavar="NAMES", help="With worker: devices to measure on, e.g. cpu,cuda:0. [default: all of them]"
        ),
    ] = None,
    host: Annotated[
        Optional[str],
        typer.Option(
            "--host", metavar="ADDRESS", help="With worker: address to listen on. [default: 127.0.0.1, this machine alone]"
        ),
    ] = None,
    name: Annotated[
        Optional[str],
        typer.Option(
            "--name", metavar="NAME", help="With worker: name of the machine in tables, e.g. pi4. [default: its host name]"
        ),
    ] = None,
    out: Output = Output(),
) -> None:
    """Measure on several machines, by a scheduler of dask.distributed. A worker announces the devices of its machine, and
    `bench`, `compare --bench` and `sweep --bench` with --fleet measure on all of them.

    Examples:
        profiler fleet worker tcp://192.168.7.1:8786 --host 192.168.7.21
        profiler fleet status tcp://192.168.7.1:8786
    """
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
