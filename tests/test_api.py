"""The library: three lines in a notebook."""

from __future__ import annotations

import ast
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import profiler
from profiler import (
    Chain,
    Config,
    Conv,
    Flatten,
    Linear,
    Profile,
    ProfilerError,
    Results,
    build,
    check,
    compare,
    fixed,
    profile,
    sweep,
)
from profiler.network import layers as leaves
from profiler.records.columns import WAITING
from profiler.records.events import Event, Recounted, Started
from profiler.saved.decode import Malformed, decode
from profiler.saved.row_parts import RowPart


def test_all_is_sorted_and_loads() -> None:
    assert profiler.__all__ == sorted(profiler.__all__)
    assert all(getattr(profiler, name) is not None for name in profiler.__all__)
    assert dir(profiler) == profiler.__all__
    with pytest.raises(AttributeError, match="has no attribute 'profil'"):
        _ = profiler.profil  # type: ignore[attr-defined]


def test_type_checkers_see_the_names_that_are_loaded() -> None:
    tree = ast.parse(Path(profiler.__file__).read_text(encoding="utf-8"))
    typed = next(node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    imported = [node for node in typed.body if isinstance(node, ast.ImportFrom)]
    known = {alias.name: node.module for node in imported for alias in node.names}
    assert known.pop("*") == leaves.__name__
    assert known == profiler._HOMES
    assert all(alias.name in ("*", alias.asname) for node in imported for alias in node.names), "not seen by others"


def test_every_layer_is_public() -> None:
    made = {name for name, value in vars(leaves).items() if isinstance(value, type) and issubclass(value, leaves.Layer)}
    assert {"Conv", "Linear", "Attention", "Layer"} <= made <= set(profiler.__all__)


def test_the_budgets_of_the_nearest_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.profiler.budgets."lenet5"]\nmacs = "400k"\n', encoding="utf-8")
    inside = tmp_path / "src"
    inside.mkdir()
    config = Config.nearest(inside)
    assert config.path == (tmp_path / "pyproject.toml").resolve()
    (line,) = check(config=config).lines
    assert (line.at["model"], line.value, line.limit.most, line.verdict) == ("lenet5", 416_520, 400_000, "over")
    with pytest.raises(ProfilerError, match="no network to check"):
        check()


def test_profile() -> None:
    found = profile("mobilenet_v1", alpha=0.5, resolution=192)
    assert isinstance(found, Profile)
    assert (found.params, found.macs, found.resolution, found.alpha) == (1_331_592, 109_970_432, 192, Fraction(1, 2))
    assert (found.buffers, found.side_params, found.side_macs, found.uncounted) == (10_971, 0, 0, ())
    assert [type(n) for n in (found.params, found.macs, found.elementwise, found.activations, found.weights)] == [int] * 5
    assert profile("mobilenet_v1", classes=10, separable=False).rows[-1].output == (1, 10)
    assert profile("mobilenet_v1", batch=8).macs == 8 * 568_740_352
    with pytest.raises(ProfilerError, match="batch must be a whole number from 1"):
        profile("mobilenet_v1", batch=0)


def test_profile_of_a_value() -> None:
    found = profile(Chain(conv=Conv(8, 3), flatten=Flatten(), fc=Linear(fixed(2))), input=(1, 5, 5))
    assert found.params == 9 * 8 + 8 + 8 * 9 * 2 + 2


def test_by_kind_and_by_depth() -> None:
    found = profile("resnet18")
    assert sum(group.macs for group in found.by_kind()) == found.macs
    assert sum(group.params for group in found.by_depth(1)) == found.params
    assert [group.name for group in found.by_depth(1)] == ["stem", "body", "head"]
    assert len(found.by_depth(0)) == len(found.rows)


def test_rows_go_to_plain_dicts_and_back() -> None:
    found = profile("googlenet", batch=2)
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["macs"] == found.macs
    assert tuple(part.row for part in decode(plain["rows"], list[RowPart])) == found.rows
    with pytest.raises(Malformed, match="there is no op"):
        decode({"path": "x"}, RowPart)


def test_compare_and_sweep_are_lists_of_records() -> None:
    compared = compare("mobilenet_v1", "vgg16", engine="closed")
    assert isinstance(compared, Results)
    assert [record["macs"] for record in compared] == [568_740_352, 15_470_264_320]
    swept = sweep("mobilenet_v1", alpha=[0.5, 1], resolution="128..160", batch=[1, 2], engine="closed")
    assert [(r["alpha"], r["resolution"], r["batch"]) for r in swept][:3] == [(0.5, 128, 1), (0.5, 128, 2), (0.5, 160, 1)]
    assert len(swept) == 8
    assert [r["model"] for r in sweep("vgg11", "resnet18", alpha=1, engine="closed")] == ["vgg11", "resnet18"]
    assert sweep("vgg11", alpha=Fraction(1, 3), engine="closed")[0]["alpha"] == pytest.approx(1 / 3)


def test_what_the_witness_says_stands_in_the_record() -> None:
    (record,) = compare("mobilenet_v1@alpha=0.25", engine=("fvcore", "thop", "torch"), resolution=64)
    assert record["fvcore_macs"] == record["thop_macs"] == record["torch_macs"] == record["macs"]
    fvcore_total, thop_total = record["fvcore_total"], record["thop_total"]
    assert fvcore_total is not None
    assert thop_total is not None
    assert thop_total > fvcore_total > record["macs"]


def test_the_watcher_sees_the_closed_form_first() -> None:
    seen: list[Any] = []

    def watch(event: Event) -> None:
        assert isinstance(event, Started | Recounted)
        seen.append(event.results[0]["fvcore_macs"])

    compare("vgg11", resolution=32, watch=watch)
    assert seen == [WAITING, profile("vgg11", resolution=32).macs]


def test_notebooks_get_html() -> None:
    for html in (compare("vgg16", engine="closed")._repr_html_(), profile("vgg16")._repr_html_()):
        assert html.startswith("<div")
        assert "15,470,264,320" in html


def test_build_is_of_the_same_network() -> None:
    module = build("mobilenet_v1", alpha=0.25, resolution=64, device="meta")
    assert sum(p.numel() for p in module.parameters()) == profile("mobilenet_v1", alpha=0.25).params
    with pytest.raises(ProfilerError, match="vgg16 needs inputs of at least 32"):
        build("vgg16", resolution=16)


def test_profile_of_a_module() -> None:
    import sys

    import torch
    from torch import nn

    module = nn.MultiheadAttention(16, 4, batch_first=True)
    x = torch.zeros(2, 6, 16)
    before, path, generator = dict(module.__dict__), list(sys.path), torch.random.get_rng_state()
    found = profile(module, args=(x, x, x), kwargs={"need_weights": False})
    attention = 2 * 6 * 6 * 16
    assert found.macs == 2 * (4 * 6 * 16 * 16 + attention)
    assert (found.engine, found.model, found.batch, found.alpha, found.uncounted) == (
        "traced",
        "MultiheadAttention",
        None,
        None,
        (),
    )
    assert found.inputs == ((2, 6, 16),) * 3
    meta = torch.empty(2, 6, 16, device="meta")
    assert profile(module, args=(meta, meta, meta)).macs == found.macs
    assert (module.__dict__, sys.path) == (before, path)
    assert torch.equal(torch.random.get_rng_state(), generator)
    layer = nn.Linear(3, 2)
    assert profile(layer, args=x[..., :3]).macs == 2 * 6 * 3 * 2
    assert profile(layer, input=(5, 3)).macs == profile(layer, input="5x3").macs == 5 * 3 * 2
    assert profile(layer, input=(5, 3), batch=4).macs == 4 * 5 * 3 * 2
    assert profile(layer, input=(5, 3), batch=None).macs == 5 * 3 * 2
    assert profile(layer, input={"input": (5, 3)}).inputs == ((5, 3),)
    assert json.loads(json.dumps(found.to_dict()))["macs"] == found.macs


def test_a_module_in_a_comparison() -> None:
    from torch import nn

    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 2))
    compared = compare(net, input=(3, 8, 8))
    assert (compared[0]["model"], compared[0]["macs"]) == ("Sequential", 9 * 3 * 4 * 36 + 4 * 36 * 2)
    assert compared[0]["fvcore_macs"] == compared[0]["macs"]


def test_build_of_a_reference() -> None:
    built = build("torch.nn:Linear", in_features=3, out_features=2, input=(3,))
    assert [tuple(p.shape) for p in built.parameters()] == [(2, 3), (2,)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"network": "vgg16", "args": (1,)}, r"args and kwargs need a torch\.nn\.Module; for a name or a reference pass input"),
        ({"network": 3}, r"a model must be a name, a reference, a Layer or a torch\.nn\.Module, not int"),
    ],
    ids=["a name", "a number"],
)
def test_what_cannot_be_profiled(given: dict[str, object], message: str) -> None:
    with pytest.raises(ProfilerError, match=message):
        profile(**given)  # type: ignore[arg-type]
