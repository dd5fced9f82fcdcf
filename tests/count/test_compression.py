"""Pruning, weight sharing and Huffman coding on paper, against products worked out by hand and weights that are really written."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from profiler import inspect, profile
from profiler.count import compression
from profiler.count.compression import LayerScheme, Scheme, compressed, scheme
from profiler.count.deep_compression import NAME, TABLES
from profiler.errors import ProfilerError, Unavailable
from profiler.records.compressed import Compressed
from profiler.records.published import FigureCheck
from profiler.study.published import figures, ours

ROWS = {row.path: row for row in profile("lenet_300_100").rows}


def test_a_layer_by_hand() -> None:
    """ip2 of LeNet-300-100: 9 % of 30,000 weights, 6 bits each, distances in 5: few lie more than 32 apart."""
    found = compressed(ROWS["head.ip2"], LayerScheme(Fraction(9), 6, 5, Fraction("4.4"), Fraction("4.3")))
    missed = 0.91**32
    fillers = round(2700 * missed / (1 - missed))
    assert fillers == 139
    assert (found.weights, found.kept, found.fillers) == (30_000, 2_700, fillers)
    entries = 2_700 + fillers
    assert found.fp32_bytes == 30_000 * 4
    assert found.pruned_bytes == -(-entries * 37 // 8)
    assert found.shared_bytes == -(-(entries * 11 + 64 * 32) // 8)
    assert found.coded_bytes == -(-(entries * 87 // 10 + 64 * 32) // 8)


@pytest.mark.parametrize(("density", "index_bits"), [(0.05, 4), (0.09, 4), (0.25, 3), (0.5, 2)])
def test_fillers_are_those_of_weights_at_random_places(density: float, index_bits: int) -> None:
    """Written as section 2 of the paper says: a distance of more than 2^bits takes a zero at that distance, until it fits."""
    chance = np.random.default_rng(0)
    n, reach = 2_000_000, 1 << index_bits
    places = np.flatnonzero(chance.random(n) < density)
    distances = np.diff(np.concatenate([[-1], places]))
    written = int(((distances - 1) // reach).sum())
    row = next(iter(ROWS.values()))._replace(weights=n)
    found = compressed(row, LayerScheme(Fraction(str(100 * density)), 5, index_bits))
    assert found.fillers == pytest.approx(written, rel=0.02)


def test_what_a_scheme_does_not_name_stays_as_it_is() -> None:
    found = compressed(ROWS["head.ip1"], None)
    assert (found.fp32_bytes, found.pruned_bytes, found.shared_bytes, found.coded_bytes) == (4 * 235_200,) * 4
    assert (found.kept, found.bits) == (235_200, None)


@pytest.mark.parametrize("model", TABLES)
def test_the_scheme_that_is_built_in_names_every_layer(model: str) -> None:
    rows = [row for row in profile(model).rows if row.weights]
    assert sorted(TABLES[model]) == sorted(row.path for row in rows)


def test_every_printed_figure_is_equal_or_an_erratum_with_its_reason() -> None:
    printed = [figure for figure in figures() if figure.source.startswith("Deep Compression")]
    assert len(printed) == 145
    for figure in printed:
        assert FigureCheck(figure, ours(figure)).holds, figure
        assert figure.verdict in ("equal", "erratum")
        assert bool(figure.reason) == (figure.verdict == "erratum")
    equal = [figure for figure in printed if figure.verdict == "equal"]
    assert {(figure.model, figure.quantity) for figure in equal} >= {
        ("lenet_300_100", "shared_ratio"),
        ("lenet5_caffe", "shared_ratio"),
        ("vgg16", "coded_ratio"),
    }


def test_errata_that_rounding_explains_are_explained_by_it() -> None:
    """Where the reason is a range, the ends are ours at the ends of what the inputs were rounded from."""
    checked = 0
    for figure in figures():
        if not figure.source.startswith("Deep Compression") or not figure.reason.startswith("the inputs, shares"):
            continue
        low, high = map(Fraction, figure.reason.rpartition("leave ")[2].split(" to "))
        unit = Fraction(1, 10 ** len(figure.printed.partition(".")[2]))
        assert low - unit <= Fraction(figure.printed) <= high + unit, figure
        checked += 1
    assert checked > 20


SCHEME = """
[default]
weights = 50
bits = 8
index_bits = 4

[kind.linear]
weights = 10
bits = 5
index_bits = 4
coded_bits = 3.9
coded_index_bits = 3.2

[layer."body.c3"]
weights = 12.5
bits = 6
index_bits = 5
"""


def test_a_scheme_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(SCHEME)
    found = inspect(model="lenet5", scheme=str(tmp_path / "own.toml"))
    assert isinstance(found, Compressed)
    by_path = {layer.path: layer for layer in found.layers}
    assert [by_path[path].bits for path in ("body.c1", "body.c3", "head.c5")] == [8, 6, 5]
    assert by_path["body.c3"].kept == 16 * 6 * 25 // 8
    assert by_path["head.c5"].coded_bits == 3.9
    assert found.total("coded_bytes") is None  # not known of the convolutions
    assert found.total("weights") == profile("lenet5").weights


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("[default", "is not valid TOML"),
        ("default = 3", "a scheme has the tables"),
        ("[other]\nweights = 3", "a scheme has the tables"),
        ("[default]\nweights = 3", "a layer needs weights, bits, index_bits"),
        ("[default]\nweights = 3\nbits = 5\nindex_bits = 4\nsize = 1", "a layer needs weights"),
        ("[default]\nweights = 101\nbits = 5\nindex_bits = 4", "weights = 101; give a number from 0 to 100"),
        ("[default]\nweights = 3\nbits = 5.5\nindex_bits = 4", "give a whole number from 1 to 32"),
        ("[default]\nweights = nan\nbits = 5\nindex_bits = 4", "give a number from 0 to 100"),
        ("[default]\nweights = 3\nbits = 5\nindex_bits = 4\ncoded_bits = 3", "belong together"),
        ('[layer."head.fc9"]\nweights = 3\nbits = 5\nindex_bits = 4', "unknown layer 'head.fc9'"),
        (
            "[kind.attention]\nweights = 3\nbits = 5\nindex_bits = 4",
            "no layer is of kind 'attention'; use conv, linear",
        ),
    ],
)
def test_schemes_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(ProfilerError, match=".*".join(map(__import__("re").escape, [said]))):
        inspect(model="lenet5", scheme=str(tmp_path / "own.toml"))


def test_what_names_no_scheme(tmp_path: Path) -> None:
    for given, said in (
        ({"model": "lenet5", "scheme": "shallow"}, "unknown scheme 'shallow'; use deep-compression"),
        ({"model": "resnet50", "scheme": NAME}, "not for resnet50"),
        ({"scheme": NAME}, "name one, e.g. --model alexnet"),
        ({"file": "a.pt", "model": "alexnet", "scheme": NAME}, "leave out the file or the scheme"),
        ({}, "nothing to inspect"),
        ({"model": "alexnet"}, "nothing to inspect"),
    ):
        with pytest.raises(ProfilerError, match=said):
            inspect(**given)  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match="there is no file"):
        scheme(str(tmp_path / "no.toml"), "lenet5")


def test_a_path_stands_for_all_below_it() -> None:
    each = LayerScheme(Fraction(50), 8, 4)
    of = Scheme("mine", {"body": each})
    assert [layer.bits for layer in compression.layers(profile("lenet5").rows, of)] == [8, 8, None, None, None]
