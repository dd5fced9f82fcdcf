"""One network in full: its profile, its total under a convention, how its counts are made. No torch."""

from __future__ import annotations

from profiler.count import conventions
from profiler.count.derivation import derivation, separable_pairs
from profiler.forms import Shown
from profiler.network.load import Network


def show(network: Network, batch: int = 1, convention: str = "paper") -> Shown:
    """What `network` costs for a batch. Raises UnknownName for the convention, ShapeError as `profile` does."""
    rule = conventions.find(convention)
    profile = network.profile(batch)
    return Shown(
        profile,
        rule.name,
        rule.unit,
        {row.path: rule.of(row) for row in profile.rows},
        {row.path: made for row in profile.rows if not row.side and (made := derivation(row)) is not None},
        tuple(separable_pairs(profile.rows)),
    )
