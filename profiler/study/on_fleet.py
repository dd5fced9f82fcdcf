"""Cells on the clocks of a fleet: a block of results a device, ratios within each and never across. No torch here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from profiler.config import named
from profiler.errors import ProfilerError, Unavailable
from profiler.fleet.connect import connected, facts_of, workers_of
from profiler.fleet.devices import FleetDevice, devices_of
from profiler.fleet.dispatch import Call, Ended, Moved, SchedulerLost, dispatched
from profiler.fleet.facts import versions
from profiler.measure import statistics
from profiler.measure.devices import whole_name
from profiler.measure.outcomes import Outcome, Run
from profiler.measure.plan import Setting
from profiler.measure.signals import as_interrupts
from profiler.records.columns import latency
from profiler.records.events import Event, Timed
from profiler.records.fleet_notes import BegunAnew, CarriedOn, DevicesRank, MorePairs, OnDevice
from profiler.records.notes import MeasuringInterrupted, Note, Title
from profiler.records.results import Results
from profiler.study.bench_options import BenchOptions
from profiler.study.cells import Cell, Interrupted
from profiler.study.fleet_blocks import Block, Part, blocks_of, chosen
from profiler.study.fleet_folder import FleetFolder, SavedJob
from profiler.study.fleet_job import Job, Measured, held_by, here, run_job
from profiler.study.memory_needed import Held
from profiler.study.notes import notes_of, ranked

if TYPE_CHECKING:
    from distributed import Client

MOST_RANKED = 32
"""Devices of which each two are held against each other: 496 pairs, and more would take minutes."""
HELD_S = 60.0
"""How long a machine may take to tell what a job left on it."""
MOST_PAIRS = 6
"""Pairs of devices whose rank correlation is said one by one."""


def check_options(options: BenchOptions) -> None:
    """Refuses what cannot be measured on a fleet. Raises ProfilerError."""
    if options.measure is not None:
        raise ProfilerError("--measure predicts cells from others of one machine; leave it or --fleet out")


def measured_on_fleet(
    results: Results, cells: Sequence[Cell], settings: Sequence[Setting], options: BenchOptions
) -> Generator[Event, None, Results]:
    """Measure the cells of `results` on every device of a fleet that the settings name; with `spread` shared by all of them.

    Gives back a record a device and cell, device by device. Raises Interrupted with what was measured by then, where the user
    ends it; ProfilerError, Unavailable.
    """
    check_options(options)
    wanted = [name for name in dict.fromkeys(setting.device for setting in settings) if whole_name(name) == name != "auto"]
    with connected(str(options.fleet), wanted, options.runtimes) as client:
        blocks = blocks_of(results, cells, settings, *_devices(client, settings, options), options.spread)
        run = _FleetRun(client, results, cells, settings, options, blocks)
        statistics.load(ratios=len(cells) > 1, ranks=True)
        try:
            with as_interrupts():
                yield from run.events()
        except KeyboardInterrupt:
            raise Interrupted(run.ended(interrupted=True)) from None
        except SchedulerLost as fault:
            raise Unavailable(
                f"{fault}; {run.over} of {len(run.jobs)} jobs are in '{named(run.folder.path)}': "
                f"carry on with --resume {named(run.folder.path)}"
            ) from None
        return run.ended()


def _devices(
    client: Client, settings: Sequence[Setting], options: BenchOptions
) -> tuple[list[FleetDevice], dict[str, dict[str, Any]]]:
    """The devices that the settings name, and {address of a machine: its facts}. Raises Unavailable."""
    workers = workers_of(client)
    said = {at: found for at, found in facts_of(client).items() if at in workers and not isinstance(found, BaseException)}
    devices = devices_of({at: workers[at] for at in said}, {at: found["hostname"] for at, found in said.items()})
    found = chosen(devices, settings)
    if not found:
        asked = ", ".join(dict.fromkeys(setting.device for setting in settings))
        announced = ", ".join(dict.fromkeys(each.device for each in devices)) or "none"
        raise Unavailable(
            f"the workers of the fleet at '{options.fleet}' announce no device that --device {asked} names, but {announced}; "
            'start them with: profiler fleet worker, or dask worker ADDRESS --resources "cpu=1"'
        )
    return found, {str(workers[at]["host"]): found for at, found in said.items()}


class _FleetRun:
    """A run: its blocks, its jobs, its folder on this disk."""

    def __init__(
        self,
        client: Client,
        results: Results,
        cells: Sequence[Cell],
        settings: Sequence[Setting],
        options: BenchOptions,
        blocks: list[Block],
    ) -> None:
        self.client, self.results, self.cells, self.options, self.blocks = client, results, cells, options, blocks
        self.held = tuple(Held.of(network, settings) for network in dict.fromkeys(cell.network for cell in cells))
        self.jobs: list[tuple[Block, Part]] = [(block, part) for block in blocks for part in block.parts]
        self.carried: list[tuple[FleetDevice, int]] = []
        self.moved: dict[int, FleetDevice] = {}
        self.given_up: dict[int, Sequence[FleetDevice]] = {}
        self.rounds: dict[int, int] = {}
        """Of jobs whose workers died again and again, the rounds that they had then."""
        command = results.command
        if options.resume is not None:
            self.folder = FleetFolder.resumed(Path(options.resume), command)
        else:
            self.folder = FleetFolder.new([Path(each) for each in options.outputs], command)
        self.numbers = [self._number(block, part) for block, part in self.jobs]
        self.folder.write_jobs()
        for i, number in enumerate(self.numbers):
            self._read(i, number)

    @property
    def over(self) -> int:
        """Jobs that are over."""
        return sum(part.run is not None for _, part in self.jobs)

    def _number(self, block: Block, part: Part) -> int:
        """The number of a job in the folder: that of an interrupted run, or a new one."""
        job = SavedJob(
            tuple((each.host, each.label, each.device) for each in part.devices),
            tuple(block.specs[i].key for i in part.members),
        )
        for number, known in enumerate(self.folder.jobs):
            if known.cells == job.cells and (set(known.devices) & set(job.devices) or len(job.devices) > 1):
                return number
        if self.options.resume is not None and not any(set(known.cells) & set(job.cells) for known in self.folder.jobs):
            raise ProfilerError(
                f"samples '{self.folder.path}': it holds other cells than this run; repeat the command that wrote it, "
                "or measure again without --resume if the network has changed"
            )
        self.folder.jobs.append(job)
        return len(self.folder.jobs) - 1

    def _read(self, i: int, number: int) -> None:
        """Take what the folder holds of a job."""
        block, part = self.jobs[i]
        found = self.folder.over(number, lambda device: [spec.key for spec in part.on(device, block.specs)])
        if found is None:
            return
        part.run, part.device, part.machine = found.run, found.device, found.machine
        if found.carried_on:
            self.carried.append((found.device, found.carried_on))

    def events(self) -> Iterator[Event]:
        """Measure every job that is not over. Raises SchedulerLost."""
        left = [i for i, (_, part) in enumerate(self.jobs) if part.run is None]
        while left:
            left = yield from self._measured(left)

    def _measured(self, left: Sequence[int]) -> Generator[Event, None, list[int]]:
        """Measure some jobs; gives back those that dask gave up although they went on between one death and the next."""
        again: list[int] = []
        calls = [
            Call(f"{self.folder.run}-{self.numbers[i] + 1}", self._job_of(i), self.given_up.get(i, self.jobs[i][1].devices))
            for i in left
        ]
        yield self._so_far(0)
        for event in dispatched(self.client, run_job, calls):
            if isinstance(event, Moved):
                self.moved[left[event.number]] = event.device
            elif isinstance(event, Ended):
                if event.killed and self._went_on(left[event.number], event):
                    again.append(left[event.number])
                    self.given_up[left[event.number]] = [event.device]  # whose disk has its rounds
                    continue
                self._take(left[event.number], event)
                yield self._so_far(0)
        return again

    def _went_on(self, i: int, end: Ended) -> bool:
        """Whether a job has more rounds on its machine than when its workers died before; they are kept here."""
        block, part = self.jobs[i]
        try:
            found = self.client.submit(held_by, self._name(i), workers=[end.device.host], pure=False).result(timeout=HELD_S)
        except Exception:  # a machine that is gone, or dask without it
            return False
        if found is None:
            return False
        unknown = (None,) * len(part.members)
        self.folder.keep(self.numbers[i], end.device, Measured(found, unknown, (False,) * len(part.members), {}, 0), over=False)
        kept = self.folder.rounds(self.numbers[i], [spec.key for spec in part.on(end.device, block.specs)])
        before, self.rounds[i] = self.rounds.get(i, 0), kept
        return kept > before

    def _name(self, i: int) -> str:
        """What a job is called on its machine."""
        return f"{self.folder.run}-{self.numbers[i] + 1:03}"

    def _job_of(self, i: int) -> Any:
        block, part = self.jobs[i]
        seconds = self.options.budget.seconds * len(part.members) / len(block.specs)

        def job(device: FleetDevice) -> Job:
            return Job(
                self._name(i),
                tuple(part.on(device, block.specs)),
                self.results.command,
                seconds,
                self.options.energy,
                self.options.no_cache,
                self.held,
                versions(self.options.runtimes),
                tuple(self.options.runtimes),
                here(),
            )

        return job

    def _take(self, i: int, end: Ended) -> None:
        """Put what came of a job on the disk, and into its block."""
        block, part = self.jobs[i]
        if isinstance(end.value, Measured):
            self.folder.keep(self.numbers[i], end.device, end.value)
            self._read(i, self.numbers[i])
            return
        part.device = end.device
        part.run = Run([Outcome() for _ in part.members])
        if end.killed and i in self.rounds:  # the rounds that it had stand, with the reason
            part.run = self.folder.held(self.numbers[i], [spec.key for spec in part.on(end.device, block.specs)])
        for outcome in part.run.outcomes:
            outcome.reason = outcome.reason or end.reason or "its worker gave no answer"

    def _so_far(self, running: int) -> Timed:
        seconds = self.options.budget.seconds
        stage = f"{self.over} of {len(self.jobs)} jobs are over" + (f", {running} running" if running else "")
        return Timed(
            self._joined([block.filled(self.options) for block in self.blocks]),
            seconds * self.over / len(self.jobs),
            seconds,
            stage,
        )

    def _joined(self, made: Sequence[Results]) -> Results:
        """The blocks as one result, the devices one after the other."""
        records = [record for each in made for record in each]
        title = self.results.title
        if isinstance(title, Title) and title.measured_in is not None:
            title = structs.replace(
                title,
                measured_in=structs.replace(
                    title.measured_in,
                    fleet=sum(len(block.parts[0].devices) for block in self.blocks),
                    shared=self.options.spread and len(self.jobs) > 1,
                ),
            )
        return self.results.replace(
            records, title=title, base=records[0], measured=True, samples=named(self.folder.path),
            rounds=[each for block in made for each in block.rounds],
            profiles=[profile for _ in made for profile in self.results.profiles],
        )  # fmt: skip

    def ended(self, interrupted: bool = False) -> Results:
        """The results of a run that is over, with what is to be said of it."""
        made: list[Results] = []
        said: list[tuple[str, Note]] = []
        for block in self.blocks:
            each = block.filled(self.options, last=True).replace(machine=block.machine)
            each = ranked(each.replace(notes=notes_of(each, block.run(), block.specs, self.options.budget.seconds)))
            said += [(block.label, note) for note in each.notes]
            made.append(each)
        results = self._joined(made)
        ranks = self._ranks(made)
        machine = {
            "fleet": {
                "run": self.folder.run,
                "machines": [
                    {"host": part.device.label, "device": part.device.device, **part.machine}
                    for _, part in self.jobs
                    if part.device is not None and part.machine
                ],
                "rank_correlations": [structs.asdict(rank) for rank in ranks],
            }
        }
        notes: list[Note] = [*results.notes, *([MeasuringInterrupted(results.samples)] if interrupted else [])]
        notes += [*self._stated(), *_spoken(ranks), *_of_devices(said, len(self.blocks))]
        return results.replace(machine=machine, notes=notes)

    def _stated(self) -> list[Note]:
        """What was carried on, and what was begun anew."""
        found: list[Note] = []
        if self.carried:
            names = tuple(dict.fromkeys(device.label for device, _ in self.carried))
            found.append(CarriedOn(len(self.carried), sum(rounds for _, rounds in self.carried), names))
        if self.moved:
            found.append(BegunAnew(len(self.moved), tuple(dict.fromkeys(device.label for device in self.moved.values()))))
        return found

    def _ranks(self, made: Sequence[Results]) -> list[DevicesRank]:
        """How alike each two devices rank the cells; of many devices each and the first."""
        found = []
        every = list(zip(self.blocks, made, strict=True))
        pairs = combinations(every, 2) if len(every) <= MOST_RANKED else ((every[0], each) for each in every[1:])
        for (one, ours), (other, theirs) in pairs:
            both = [(a[0], b[0]) for x, y in zip(ours, theirs, strict=True) if (a := latency(x)) and (b := latency(y))]
            rank = statistics.rank_correlation([a for a, _ in both], [b for _, b in both])
            if rank is not None:
                found.append(DevicesRank(one.label, other.label, len(both), rank))
        return found


def _spoken(ranks: Sequence[DevicesRank]) -> list[Note]:
    """The pairs that are least alike, and how far the others are."""
    least = sorted(ranks, key=lambda each: each.rank)
    more = least[MOST_PAIRS:]
    return [*(each for each in ranks if each in least[:MOST_PAIRS]), *([MorePairs(len(more), more[0].rank)] if more else [])]


def _of_devices(said: Sequence[tuple[str, Note]], blocks: int) -> list[Note]:
    """The notes of the blocks: once what holds for all, else with the device."""
    times = Counter(str(note) for _, note in said)
    found: list[Note] = []
    for label, note in said:
        each = note if blocks == 1 or times[str(note)] == blocks else OnDevice(label, note)
        if str(each) not in map(str, found):
            found.append(each)
    return found
