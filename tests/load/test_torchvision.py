"""What a builder of torchvision says of its network's side, of builders made up here: torchvision itself need not be there."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from torch import nn

from profiler.load.schemes import _side_option, _trained_at


class Transformer(nn.Module):
    def __init__(self, image_size: int, patch: int = 16) -> None:
        super().__init__()


class Grid(nn.Module):
    def __init__(self, input_size: tuple[int, int], blocks: int = 2) -> None:
        super().__init__()


class Plain(nn.Module):
    def __init__(self, classes: int = 10) -> None:
        super().__init__()


def transformer(*, weights: Any = None, **kwargs: Any) -> Transformer:
    return Transformer(kwargs.pop("image_size", 224), **kwargs)


def grid(*, weights: Any = None, **kwargs: Any) -> Grid:
    return Grid(kwargs.pop("input_size", (224, 224)), **kwargs)


def plain(*, weights: Any = None, **kwargs: Any) -> Plain:
    return Plain(**kwargs)


def fixed(*, weights: Any = None) -> Transformer:
    return Transformer(224)


def untyped(**kwargs):  # type: ignore[no-untyped-def]
    return Transformer(**kwargs)


@pytest.mark.parametrize(
    ("builder", "expected"),
    [(transformer, ("image_size", False)), (grid, ("input_size", True)), (plain, (None, False)), (fixed, (None, False)), (untyped, (None, False))],
    ids=["a side", "two sides", "any side", "closed", "untyped"],
)  # fmt: skip
def test_the_option_that_fixes_the_side(builder: Any, expected: tuple[str | None, bool]) -> None:
    assert _side_option(builder) == expected


class Crop:
    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords


class Weights(NamedTuple):
    name: str
    transforms: Any


@pytest.mark.parametrize(
    ("weights", "sides"),
    [
        ([Weights("IMAGENET1K_V2", Crop(crop_size=176)), Weights("IMAGENET1K_V1", Crop(crop_size=224))], [224, 224]),
        ([Weights("IMAGENET1K_FBGEMM_V1", Crop(crop_size=299, resize_size=342))], [299, 299]),
        ([Weights("IMAGENET1K_QNNPACK_V1", Crop(crop_size=224))], [224, 224]),
        ([Weights("IMAGENET1K_SWAG_E2E_V1", Crop(crop_size=518)), Weights("IMAGENET1K_SWAG_LINEAR_V1", Crop(crop_size=224))], [224, 224]),
        ([Weights("KINETICS400_V1", Crop(crop_size=(224, 200)))], [224, 200]),
        ([Weights("COCO_V1", Crop(resize_size=520)), Weights("DEFAULT", object())], []),
        ([], []),
    ],
    ids=["the first version", "quantised", "quantised for phones", "the least", "two sides", "none cropped", "none"],
)  # fmt: skip
def test_the_sides_that_weights_were_trained_at(weights: list[Weights], sides: list[int]) -> None:
    assert _trained_at(weights) == sides
