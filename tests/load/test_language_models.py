"""Public language models from their configurations: parameters, active ones and bytes as their cards and papers print them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from profiler import grid
from profiler.count import stored_weights
from profiler.count.weight_forms import weight_form
from profiler.load.load import load
from profiler.load.reference import Reference
from profiler.tracing.held_weights import stored_weights as held

FILE = Path(__file__).resolve().parents[2] / "archs" / "language_models.csv"
with FILE.open(encoding="utf-8", newline="") as _opened:
    FIGURES = list(csv.DictReader(_opened))


def counted(reference: str, options: str, quantity: str) -> int:
    """The quantity of a model, from its rows and the shapes of its parameters. One layer's worth of text is enough."""
    found = load(f"{reference}@{options}" if options else reference)
    assert isinstance(found, Reference)
    network = load(f"{reference}@{options}" if options else reference, input=[*_short(found)])
    assert isinstance(network, Reference)
    profile, module = network.profile(), network.module()
    if quantity == "params":
        return profile.params + profile.unread
    if quantity == "active":
        return profile.active_params
    if quantity.startswith("bytes "):
        return stored_weights.whole(held(module, profile.rows), weight_form(quantity.removeprefix("bytes "))).total
    tables = {each.name: each for each in held(module, profile.rows) if each.sort in ("embedding", "head")}
    sizes = [each.shape[0] * each.shape[1] for each in tables.values()]
    return profile.params - sum(sizes) if quantity == "non-embedding" else profile.active_params - sizes[0]


def _short(found: Reference) -> list[str]:
    return [f"{each.name}=8:int64" for each in found.given if (each.name or "").endswith("input_ids")]


def figure(text: str) -> tuple[float, float]:
    """`12.9B` as 12.9e9, and half of its last digit."""
    scale = next((power for unit, power in (("GB", 9), ("B", 9), ("M", 6)) if text.endswith(unit)), 0)
    digits = text.rstrip("GBM ").strip()
    decimals = len(digits.partition(".")[2])
    return float(grid.exact(digits, "figure") * 10**scale), 0.5 * 10 ** (scale - decimals) if scale else 0.0


@pytest.mark.parametrize("row", FIGURES, ids=lambda row: f"{row['model']}, {row['quantity']}")
def test_a_public_model_is_as_published(row: dict[str, str]) -> None:
    published, half = figure(row["published"])
    ours = counted(row["reference"], row["options"], row["quantity"])
    assert abs(ours - published) <= max(half, float(row["within"]) * published), f"{ours:,} against {row['published']}"


def test_twenty_models_have_their_source() -> None:
    assert len({row["model"] for row in FIGURES}) >= 20
    assert all(row["source"] for row in FIGURES)
