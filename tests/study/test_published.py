"""The zoo against the papers: every figure of archs/published.csv agrees, or is an erratum that still is one."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from profiler.network.registry import names
from profiler.records.published import Figure
from profiler.study import compressed_figures
from profiler.study.published import QUANTITIES, UNITS, figures, ours

COUNTED = [figure for figure in figures() if figure.verdict != "quoted"]


@pytest.mark.parametrize(
    "figure", COUNTED, ids=lambda f: f"{f.model}-{f.options}-{f.alpha}-{f.resolution}-{f.part}-{f.quantity}-{f.name}"
)
def test_figure(figure: Figure) -> None:
    if figure.verdict == "equal":
        assert figure.near(ours(figure)), f"printed {figure.printed} {figure.unit}, counted {float(ours(figure))}"
    else:
        assert not figure.near(ours(figure)), "listed as an erratum, and yet it agrees"
        assert len(figure.reason) > 20


def test_the_file_is_well_formed() -> None:
    for figure in figures():
        assert figure.model in names()
        assert figure.verdict in ("equal", "erratum", "quoted", "open")
        assert Decimal(figure.printed) > 0
        quoted = figure.quantity == "top1" or figure.quantity.startswith("latency_")
        assert (figure.verdict == "quoted") == quoted
        if not quoted:
            assert figure.quantity.removesuffix("_share") in QUANTITIES or figure.quantity in compressed_figures.QUANTITIES
            assert figure.unit in UNITS or figure.quantity.endswith(("_share", "_percent"))
    assert not [figure for figure, n in Counter(figures()).items() if n > 1]


def test_agreement_is_less_than_one_unit_of_the_last_digit() -> None:
    figure = figures()[0]._replace(part="", quantity="macs", unit="M")  # ours: 568.740352
    assert [
        printed
        for printed in ("567", "568", "569", "570")
        if figure._replace(printed=printed).near(ours(figure._replace(printed=printed)))
    ] == ["568", "569"]
    assert figure._replace(printed="5.7e2").near(ours(figure._replace(printed="5.7e2")))
    assert not figure._replace(printed="568.8", unit="G").near(ours(figure._replace(printed="568.8", unit="G")))
