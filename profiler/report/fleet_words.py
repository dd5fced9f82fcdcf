"""The notes of a fleet in words."""

from __future__ import annotations

from collections.abc import Callable

from profiler.records import fleet_notes as n
from profiler.records.notes import Note


def in_words(note: n.OfFleet, said: Callable[[Note], str]) -> str:
    """A note as a sentence; `said` is the same for any note."""
    match note:
        case n.OnDevice(where, of):
            return f"{where}: {said(of)}"
        case n.CarriedOn(jobs, rounds, machines):
            what = "1 job was" if jobs == 1 else f"{jobs} jobs were"
            return f"{what} carried on with {rounds} rounds that stood on the disk of {', '.join(machines)}."
        case n.BegunAnew(jobs, machines):
            what = "1 job was" if jobs == 1 else f"{jobs} jobs were"
            return f"{what} begun anew on another machine, since {', '.join(machines)} left the fleet."
        case n.DevicesRank(one, other, cells, rank):
            return f"Spearman's rank correlation of the latencies on {one} and {other}, over {cells} cells: {rank:.2f}."
        case n.MorePairs(pairs, least):
            return f"Rank correlations of {pairs} more pairs of devices: {least:.2f} or more; the JSON document has all."
    raise AssertionError(f"a note of type {type(note).__name__} has no words")
