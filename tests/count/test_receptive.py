"""Receptive fields against published ones, against the gradient of one output, and worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from profiler import Shown, build, show, trace
from profiler.count.receptive.windows import SAME, Windows, adaptive, resized, through, transposed, union, window
from tests.count.gradient_extent import extents, without_signs

PUBLISHED = {
    "alexnet": 195, "vgg16": 212, "mobilenet_v1": 315, "resnet50_v1": 483, "resnet101_v1": 1027, "resnet152_v1": 1507,
    "inception_v2": 699, "inception_v3": 1311, "inception_v4": 2071, "inception_resnet_v2": 3039,
}  # fmt: skip
"""Araujo, Norris and Sim, Computing Receptive Fields of Convolutional Neural Networks, Distill 2019, Table 1."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_fields_are_those_that_were_published(name: str) -> None:
    found = show(name)
    last = [field for field in found.receptive if field.windows and None not in field.windows and field.jump == (32, 32)]
    assert max(field.windows for field in last) == (PUBLISHED[name], PUBLISHED[name])


def test_stacked_windows() -> None:
    # k + (k' - 1)·jump: two 3×3 are 3 + 2, three 3 + 2 + 2; behind a stride of 2 a 3×3 adds 2·2
    two = through(through(SAME, window(3)) or SAME, window(3))
    assert two is not None
    assert (two.size, two.step, two.period) == (5, 1, 1)
    three = through(two, window(3))
    assert three is not None
    assert three.size == 7
    strided = through(through(SAME, window(3, 2, 1)) or SAME, window(3, 1, 1, 2))
    assert strided is not None
    assert (strided.size, strided.step, strided.period) == (3 + 2 * 4, 2, 1)


def test_spans_are_those_of_the_operators_themselves() -> None:
    """Each output's first and last input, from the gradient of torch's own operators, phase by phase."""
    operators: list[tuple[Windows | None, nn.Module]] = [
        (through(SAME, transposed(3, 2, 1)), nn.ConvTranspose1d(1, 1, 3, 2, 1)),
        (through(SAME, transposed(2, 3, 0)), nn.ConvTranspose1d(1, 1, 2, 3)),
        (through(SAME, transposed(3, 3, 2, 2)), nn.ConvTranspose1d(1, 1, 3, 3, 2, dilation=2)),
        (through(SAME, adaptive(24, 9)), nn.AdaptiveAvgPool1d(9)),
        (through(SAME, resized(24, 36, "linear") or window(1)), nn.Upsample(size=36, mode="linear")),
        (through(SAME, resized(24, 72, "linear") or window(1)), nn.Upsample(size=72, mode="linear")),
        (through(SAME, resized(24, 10, "nearest") or window(1)), nn.Upsample(size=10, mode="nearest")),
        (through(SAME, resized(24, 10, "nearest-exact") or window(1)), nn.Upsample(size=10, mode="nearest-exact")),
        (through(SAME, resized(24, 47, "linear", True) or window(1)), nn.Upsample(size=47, mode="linear", align_corners=True)),
    ]
    for windows, module in operators:
        assert windows is not None
        for p in module.parameters():
            nn.init.ones_(p)
        x = torch.ones(1, 1, 24, requires_grad=True)
        out = module(x)
        for i in range(out.shape[2] // 3, out.shape[2] - out.shape[2] // 3):  # clear of the borders
            (gradient,) = torch.autograd.grad(out[0, 0, i], x, retain_graph=True)
            at = torch.nonzero(gradient[0, 0]).flatten().tolist()
            assert windows.at(i) == ((at[0], at[-1]) if at else None), (module, i)


def test_branches_that_drift_apart_are_not_followed() -> None:
    assert union(SAME, through(SAME, window(1, 2)) or SAME) is None


NETWORKS = {
    "vgg11": ({"alpha": "0.0625", "resolution": 128}, ("body.1.conv0", "body.3.conv0", "body.4.conv0"), 1),
    "resnet18": ({"alpha": "0.0625", "resolution": 160}, ("stem.pool", "body.1.0.sum.join", "body.2.0.sum.join"), 1),
    "googlenet": ({"alpha": "0.125", "resolution": 160}, ("body.inception3a.join", "body.inception3b.join"), 1),
    "densenet40_k12_cifar": ({"resolution": 48}, ("body.block1.5.join", "body.block1.5.new.conv"), 1),
    "unet": ({"alpha": "0.0625", "resolution": 316}, ("head.classifier",), 8),
}
"""{network: (point, layers whose fields fit into its input, outputs that see by turns)}."""


@pytest.mark.parametrize("name", NETWORKS)
def test_fields_of_the_zoo_are_where_one_output_has_a_gradient(name: str) -> None:
    point, paths, probes = NETWORKS[name]
    found = show(name, **point)  # type: ignore[arg-type]
    fields = dict(zip([row.path for row in found.profile.rows], found.receptive, strict=True))
    module = without_signs(build(name, **point))  # type: ignore[arg-type]
    assert {path: fields[path].windows for path in paths} == extents(module, found.profile.inputs[0], paths, probes)


class Own(nn.Module):
    """A module of a user's own: branches, a dilated and a strided convolution, slices, functional layers, resizing and skips."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.dilated = nn.Conv2d(4, 4, 3, padding=4, dilation=4)
        self.wide = nn.Conv2d(4, 4, (1, 7), padding=(0, 3), groups=4)
        self.down = nn.Conv2d(8, 4, 2, stride=2)
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.mix = nn.Linear(8, 4)
        self.last = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        both = torch.cat([self.dilated(x), self.wide(x)], dim=1)
        deep = nn.functional.interpolate(self.up(self.down(both)), scale_factor=2, mode="bilinear")
        deep = nn.functional.avg_pool2d(deep, 2)
        whole = torch.cat([deep, x], dim=1).permute(0, 2, 3, 1)
        whole = self.mix(whole).permute(0, 3, 1, 2)
        whole = nn.functional.pad(whole, (2, 0, 0, 0))[..., 1:-1, 1:]
        return self.last(whole[..., ::2, :] + whole[..., 1::2, :])  # type: ignore[no-any-return]


def test_fields_of_a_traced_module_are_where_one_output_has_a_gradient() -> None:
    found = trace(Own(), (torch.empty(1, 1, 96, 96, device="meta"),), wired=True)
    fields = dict(zip([row.path for row in found.profile.rows], found.receptive, strict=True))
    paths = ("stem", "dilated", "wide", "down", "up", "last")
    assert {path: fields[path].windows for path in paths} == extents(without_signs(Own()), (1, 96, 96), paths, probes=4)
    # jumps: the stride of the stem; of `down` twice that; of `last` two rows of the stem's and one column
    assert [fields[path].jump for path in ("stem", "down", "up", "last")] == [(2, 2), (4, 4), (2, 2), (4, 2)]
    assert fields["mix"].windows == fields["add"].windows or fields["mix"].windows < fields["add"].windows


def seen(found: Shown, path: str) -> dict[str, object]:
    rows = [row.path for row in found.profile.rows]
    return found.receptive[rows.index(path)].columns()


def test_what_mixes_all_positions_sees_all() -> None:
    vit, small = show("vit_b_16"), show("mobilenet_v3_small")
    assert seen(vit, "stem.patches") == {"jump": [16, 16], "receptive_field": [16, 16], "window_field": [16, 16]}
    assert seen(vit, "head.classifier")["receptive_field"] == "all"
    assert seen(small, "body.0.excite.join")["receptive_field"] == "all"  # squeeze and excite pools globally
    assert seen(small, "body.0.excite.join")["window_field"] == [7, 7]  # 3×3 of stride 2, then 3×3 of stride 2: 3 + 2·2
    flat = show("lenet5")
    assert seen(flat, "head.flatten") == {"jump": None, "receptive_field": [16, 16], "window_field": [16, 16]}
    assert seen(flat, "head.c5") == {"jump": None, "receptive_field": "all", "window_field": None}


class Tokens(nn.Module):
    """Attention over the positions of a sequence, and one that is split in a way that is not followed."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 5)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.norm = nn.GroupNorm(2, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        normed, windowed = self.norm(x), torch.relu(x.unflatten(2, (4, 6)))
        tokens = x.transpose(1, 2)
        return self.attention(tokens, tokens, tokens)[0].sum() + normed.sum() + windowed.sum()  # type: ignore[no-any-return]


def test_sequences_norms_and_what_is_not_followed() -> None:
    found = trace(Tokens(), (torch.empty(1, 2, 28, device="meta"),), wired=True)
    fields = dict(zip([row.path for row in found.profile.rows], found.receptive, strict=True))
    assert fields["conv"].columns() == {"jump": [1], "receptive_field": [5], "window_field": [5]}
    assert fields["attention"].columns()["receptive_field"] == "all"
    assert fields["norm"].columns() == {"jump": [1], "receptive_field": "all", "window_field": [5]}
    assert fields["relu"].columns() == {"jump": None, "receptive_field": None, "window_field": None}
