"""Published accuracies: which network each belongs to, which of several stands, what is said beside them, and what is nearest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any, get_args, get_origin

import pytest

from profiler import compare, sweep
from profiler.load.load import Counted, Network, load
from profiler.network.combinators import rebuilt
from profiler.network.layers import Layer
from profiler.network.registry import Architecture, find, names
from profiler.network.widths import Fixed, fixed
from profiler.records.place import written
from profiler.records.published import Figure
from profiler.report import words
from profiler.report.page.content import content
from profiler.report.sheets.sheet import results_sheet
from profiler.study.published import accuracies, figures, neighbours, top1

ACCURACIES = [figure for figure in figures() if figure.quantity == "top1"]
RELEASED = [figure for figure in ACCURACIES if figure.source.startswith("TF-Slim")]


def at(figure: Figure, **others: Any) -> Counted:
    """The network of a figure, with other options in the place of some of its own; None takes the default."""
    given = dict(item.split("=") for item in figure.options.split(",") if item) | others
    options = {key: value for key, value in given.items() if value is not None}
    return load(figure.model, alpha=figure.alpha, resolution=figure.resolution, options=options)


def found(model: str, alpha: float = 1, resolution: int | None = None, **options: Any) -> tuple[str, str] | None:
    """The accuracy that stands, and where it is from."""
    figure = top1(load(model, alpha=alpha, resolution=resolution, options=options))
    return None if figure is None else (figure.printed, figure.name)


# Which network an accuracy belongs to


def test_there_are_47_released_checkpoints() -> None:
    counts = {name: sum(figure.model == name for figure in RELEASED) for name in {figure.model for figure in RELEASED}}
    assert counts == {"mobilenet_v1": 4 * 4, "mobilenet_v2": 2 + 4 * 5, "mobilenet_v3_large": 5, "mobilenet_v3_small": 4}
    assert len(RELEASED) == 16 + 22 + 9 == 47


@pytest.mark.parametrize("figure", RELEASED, ids=lambda f: f"{f.model}-{f.options}-{f.alpha}-{f.resolution}-{f.table}")
def test_a_released_checkpoint_reaches_its_network_whether_or_not_it_has_a_class_for_the_background(figure: Figure) -> None:
    for classes in (None, 1000, 1001):
        network = at(figure, classes=classes)
        assert figure in accuracies(network)
        shown = top1(network)
        assert shown is not None
        assert "8-bit" not in shown.table
    for classes in (10, 999, 1002):
        assert not accuracies(at(figure, classes=classes))


def test_mobilenet_v2_from_its_release_by_hand() -> None:
    made = sweep("mobilenet_v2", alpha="0.5..1.0", resolution="128..224", engine="closed")
    shown = {(record["alpha"], record["resolution"]): record["top1"] for record in made}
    assert shown == {
        (0.5, 128): 57.7, (0.5, 160): 61.0, (0.5, 192): 63.9, (0.5, 224): 65.4,
        (0.75, 128): 63.2, (0.75, 160): 66.4, (0.75, 192): 68.7, (0.75, 224): 69.8,
        (1.0, 128): 65.3, (1.0, 160): 68.8, (1.0, 192): 70.7, (1.0, 224): 72.0,
    }  # fmt: skip


def test_the_paper_of_a_network_stands_before_other_papers_and_these_before_a_release() -> None:
    assert found("mobilenet_v1") == ("70.6", "MobileNets Table 6")  # 70.9 in the release
    assert found("mobilenet_v1", 0.5, 192) == ("61.7", "TF-Slim mobilenet_v1.md")  # of the release only
    assert found("mobilenet_v2") == ("72.0", "MobileNetV2 Table 4")  # 71.8 in the release, which published.csv has first
    assert found("mobilenet_v2", 1.4) == ("74.7", "MobileNetV2 Table 4")
    assert found("mobilenet_v2", 0.35) == ("60.8", "MobileNetV3 Table 3")  # not in its own paper; 60.3 in the release
    assert found("mobilenet_v2", 0.35, 192) == ("58.2", "TF-Slim mobilenet/README.md")
    assert found("mobilenet_v3_small") == ("67.4", "MobileNetV3 Table 3")
    assert found("mobilenet_v3_large", minimalistic=True) == ("72.3", "TF-Slim mobilenet/README.md")
    assert found("shufflenet_v1", 2) == ("73.7", "ShuffleNet Table 5")  # 74.1 in the authors' later release
    for figure in ACCURACIES:
        others = accuracies(at(figure))
        own = [other for other in others if other.paper and other.paper in find(figure.model).paper]
        papers = [other for other in others if other.paper]
        assert others[0] in (own or papers or others)


def test_an_accuracy_stays_with_the_options_that_the_network_was_trained_with() -> None:
    assert found("mobilenet_v1", separable=False) == ("71.7", "MobileNets Table 4")
    assert found("mobilenet_v1", separable=False, classes=1001) == ("71.7", "MobileNets Table 4")
    assert found("mobilenet_v1", shallow=True) == ("65.3", "MobileNets Table 5")
    assert found("mobilenet_v1", shallow=True, separable=False) is None
    assert found("mobilenet_v1", min_width=16) is None
    assert found("shufflenet_v1", groups=3) == ("67.4", "ShuffleNet Table 2")
    assert found("shufflenet_v1", groups=8) == ("67.6", "ShuffleNet Table 2")
    assert found("shufflenet_v1", 0.75, groups=8) is None
    assert found("alexnet", groups=1) is None
    assert found("googlenet", norm="batch") is None


def test_another_number_of_classes_is_another_task() -> None:
    assert found("resnet50", classes=10) is None
    assert found("resnet50", classes=1001) == found("resnet50") == ("76.130", "torchvision acc@1 of IMAGENET1K_V1")
    # the 120 breeds of Stanford Dogs, Table 10
    assert found("mobilenet_v1", classes=120) == ("83.3", "MobileNets Table 10")
    assert found("inception_v3", classes=120) == ("84.0", "MobileNets Table 10")
    assert found("mobilenet_v1", 0.5, classes=120) is None
    (note, *_) = compare("mobilenet_v1@classes=120", engine="closed").notes
    assert str(note) == "top-1: published, MobileNets Table 10 (on Stanford Dogs)."


def test_other_inputs_have_none() -> None:
    assert top1(load("mobilenet_v1", input=(3, 224, 160))) is None
    assert top1(load("mobilenet_v1", input=(1, 224, 224))) is None
    assert top1(load("resnet18", alpha=0.5)) is None
    assert top1(load("resnet18", resolution=160)) is None
    assert top1(load(find("resnet18").make(), input=(3, 224, 224))) is None


@pytest.mark.parametrize(
    ("model", "percent"),
    [
        # torchvision's first weights, one crop of 224
        ("vgg11", 69.020), ("vgg13", 69.928), ("vgg19", 72.376),
        ("resnet18", 69.758), ("resnet34", 73.314), ("resnet50", 76.130), ("resnet101", 77.374), ("resnet152", 78.312),
        ("vit_b_16", 81.072), ("vit_b_32", 75.912), ("vit_l_16", 79.662), ("vit_l_32", 76.972),
        # the authors' own networks, which stride in the first 1×1: 1-crop errors of 24.7, 23.6 and 23.0 %
        ("resnet50_v1", 75.3), ("resnet101_v1", 76.4), ("resnet152_v1", 77.0),
        # papers
        ("vgg16", 71.5), ("densenet121", 74.98), ("efficientnet_b0", 77.1), ("efficientnet_b7", 84.3),
        ("shufflenet_v1", 67.4), ("shufflenet_v2_x1_0", 69.4), ("inception_v4", 80.0), ("inception_resnet_v1", 78.7),
    ],
)  # fmt: skip
def test_the_baselines(model: str, percent: float) -> None:
    figure = top1(load(model))
    assert figure is not None
    assert float(figure.printed) == percent


def test_an_accuracy_is_at_the_side_that_it_was_measured_at() -> None:
    assert found("efficientnet_b2") == ("80.1", "EfficientNet Table 2")  # 260
    assert found("efficientnet_b2", resolution=288) == ("80.608", "torchvision acc@1 of IMAGENET1K_V1")


# What `classes` changes, over the whole zoo


CLASSIFIERS = [name for name in names() if find(name).task != "language"]
"""The networks that have classes."""


def without_fixed_widths(network: Layer) -> Layer:
    """The value with one number in the place of every fixed width."""

    def erased(leaf: Layer) -> Layer:
        held = [field.name for field in fields(leaf) if isinstance(getattr(leaf, field.name), Fixed)]
        return replace(leaf, **dict.fromkeys(held, fixed(1))) if held else leaf

    return rebuilt(network, erased)


def other_values(made: Architecture, name: str) -> list[Any]:
    option = made.options[name]
    if option.annotation is bool:
        return [not option.default]
    if get_origin(option.annotation) is not None:
        return [value for value in get_args(option.annotation) if value != option.default]
    return [option.default + 1, 16 * option.default]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_and_no_other_option_leaves_the_trunk_as_it_is(name: str) -> None:
    made, quarter = find(name), Fraction(1, 4)
    assert "classes" in made.options
    as_it_is = without_fixed_widths(made.make(quarter)), made.inputs({})
    for option in made.options:
        alike = []
        for value in other_values(made, option):
            given = made.checked({option: value})
            alike.append((without_fixed_widths(made.make(quarter, **given)), made.inputs(given)) == as_it_is)
        # a least width of 2 is no bound at a quarter of the width, where the narrowest layer has 8 channels; 16 is one
        expected = {"classes": [True, True], "min_width": [True, False]}.get(option, [False] * len(alike))
        assert alike == expected, option


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_change_the_last_layers_only(name: str) -> None:
    classes = find(name).options["classes"].default + 7
    rows, changed = (load(name, options=options).profile().rows for options in ({}, {"classes": classes}))
    differing = [after for before, after in zip(rows, changed, strict=True) if before != after]
    counted = [row for row in differing if row.macs]
    assert {row.op for row in counted} <= {"linear", "conv"}
    # one classifier, one more where an auxiliary one is trained beside it, and the last perceptron of nin_fashion
    assert 1 <= len(counted) <= 3
    assert all(classes in row.output for row in differing)
    first = next(i for i, (before, after) in enumerate(zip(rows, changed, strict=True)) if before != after and not after.side)
    assert not [row for row in changed[first:] if row.macs and not row.side and row not in counted]


# What is said beside them


def test_the_note_names_the_sources_and_where_another_differs() -> None:
    sources, differ = map(str, sweep("mobilenet_v1", resolution="192,224", engine="closed").notes)
    assert sources == "top-1: published, MobileNets Table 7, MobileNets Table 6."
    assert differ == (
        "top-1: sources differ for mobilenet_v1 (192): 69.1 in MobileNets Table 7, 70.0 in TF-Slim mobilenet_v1.md; "
        "for mobilenet_v1 (224): 70.6 in MobileNets Table 6, 70.9 in TF-Slim mobilenet_v1.md; the first of each is shown."
    )
    made = sweep("mobilenet_v1", alpha="0.25..1.0", resolution="128..224", engine="closed")
    # 50.6 49.8, 60.2 59.1, 63.7 63.3, 64.4 65.2, 67.2 68.0, 69.1 70.0, 70.6 70.9: seven differ, 68.4 is 68.4 in both
    assert str(made.notes[1]) == (
        "top-1: other sources differ from what is shown: TF-Slim mobilenet_v1.md in 7 cells (-1.1 to +0.9 points)."
    )
    assert len(sweep("mobilenet_v1", alpha=0.75, engine="closed").notes) == 1
    assert not sweep("mobilenet_v1", alpha=0.6, engine="closed").notes


def test_figures_that_agree_to_the_digits_of_the_coarser_do_not_differ() -> None:
    # 71.5 and 71.592, 69.8 and 69.778
    assert len(accuracies(load("vgg16"))) == 2
    assert len(compare("vgg16", "googlenet_torchvision", engine="closed").notes) == 1
    # 75.2 and 74.042, 75.2 and 73.9 in 8 bits
    made = compare("mobilenet_v3_large", engine="closed")
    assert str(made.notes[1]) == (
        "top-1: sources differ for mobilenet_v3_large (224): 75.2 in MobileNetV3 Table 3, 74.042 in torchvision acc@1 of "
        "IMAGENET1K_V1, 73.9 in TF-Slim mobilenet/README.md, 8-bit; the first is shown."
    )


def test_the_notes_stand_where_the_accuracies_are_shown() -> None:
    made = compare("mobilenet_v1", "vgg16", engine="closed")
    assert not [note for note in results_sheet(made).notes if note.startswith(words.OF_TOP1)]
    assert results_sheet(made, chosen=["model", "top1"]).notes == [str(note) for note in made.notes]
    assert [note for note in content(made).notes if note.startswith(words.OF_TOP1)] == [str(note) for note in made.notes]


# The nearest published ones


def near(model: str, alpha: float, resolution: int, options: Mapping[str, Any] = {}) -> list[tuple[str, str, str]]:
    given = neighbours(load(model, alpha=alpha, resolution=resolution, options=options))
    return [(figure.alpha, figure.resolution, figure.printed) for figure in given]


def test_neighbours_are_beside_a_network_in_width_and_in_side() -> None:
    assert near("mobilenet_v2", 0.6, 224) == [("0.5", "224", "65.4"), ("0.75", "224", "69.8")]
    assert near("mobilenet_v2", 0.5, 200) == [("0.5", "192", "63.9"), ("0.5", "224", "65.4")]
    assert near("mobilenet_v2", 1.4, 160) == [("1", "160", "68.8"), ("1.4", "224", "74.7")]
    assert near("mobilenet_v2", 0.35, 64) == [("0.35", "96", "45.5")]
    # 0.6 at 168 is 6/5 · 21/20 = 1.26 times the point below it, 5/4 · 21/20 from 0.75 at 160, 6/5 · 8/7 from 0.5 at 192
    assert near("mobilenet_v2", 0.6, 168) == [("0.5", "160", "61.0")]
    assert near("resnet18", 0.5, 160) == [("1", "224", "69.758")]


def test_neighbours_are_of_the_same_options_and_task() -> None:
    assert near("mobilenet_v1", 0.6, 224, {"separable": False}) == [("1", "224", "71.7")]
    assert near("mobilenet_v1", 0.6, 224, {"classes": 120}) == [("0.75", "224", "81.9")]
    assert near("mobilenet_v1", 0.6, 224, {"classes": 1001}) == near("mobilenet_v1", 0.6, 224)
    assert near("mobilenet_v1", 0.6, 224, {"classes": 10}) == []


def test_who_has_an_accuracy_or_none_anywhere_has_no_neighbours() -> None:
    assert near("mobilenet_v2", 0.5, 224) == []
    assert near("lenet5", 1, 28) == []
    assert neighbours(load("mobilenet_v1", alpha=0.6, input=(3, 224, 160))) == ()
    assert neighbours(load(find("resnet18").make(), input=(3, 64, 64))) == ()


def test_a_network_loaded_for_a_figure_is_of_the_zoo() -> None:
    for figure in ACCURACIES:
        network = at(figure)
        assert isinstance(network, Network)
        assert network.sized_native, f"{figure.model} ({', '.join(written(network.options))})"
