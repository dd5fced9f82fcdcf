"""What a change of shape is called: tokens, channels, a length, or the shapes where nothing tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler import diff
from profiler.records.profile import Row
from profiler.records.verdicts import Pair
from profiler.report.answers.axes import Layouts
from profiler.report.answers.layer_changes import what

NET = '''
import torch
from torch import nn

def encoder():
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    return nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

class Words(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.table, self.norm, self.fc = nn.Embedding(100, 16), nn.LayerNorm(16), nn.Linear(16, width)
        self.act, self.drop = nn.GELU(), nn.Dropout()
    def forward(self, ids):
        return self.drop(self.act(self.fc(self.norm(self.table(ids)))))

class Signal(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv, self.norm, self.act, self.pool = nn.Conv1d(3, width, 3), nn.BatchNorm1d(width), nn.ReLU(), nn.MaxPool1d(2)
    def forward(self, x):
        return self.pool(self.act(self.norm(self.conv(x))))

class Bare(nn.Module):
    """Nothing says what its axes are."""
    def forward(self, x):
        return torch.relu(x)
'''


@pytest.fixture
def net(tmp_path: Path) -> str:
    path = tmp_path / "net.py"
    path.write_text(NET)
    return str(path)


def changes(before: str, after: str) -> dict[str, str]:
    (cell,) = diff(before, after).cells
    pairs = [pair for pair in cell.layers or () if pair.word == "changed"]
    layouts = Layouts.of(cell.layers or ())
    return {pair.path: what(pair, layouts) for pair in pairs}


def test_tokens_of_an_encoder(net: str) -> None:
    found = changes(f"{net}:encoder@input=16x64", f"{net}:encoder@input=48x64")
    assert found
    assert set(found.values()) == {"tokens 16 → 48"}


def test_tokens_of_ids(net: str) -> None:
    found = changes(f"{net}:Words@input=32:int64", f"{net}:Words@input=128:int64")
    assert found == dict.fromkeys(("table", "norm", "fc", "act", "drop"), "tokens 32 → 128")


def test_channels_of_tokens(net: str) -> None:
    found = changes(f"{net}:Words@input=32:int64", f"{net}:Words@input=32:int64,width=24")
    assert found == dict.fromkeys(("fc", "act", "drop"), "channels 8 → 24")


def test_a_signal_is_longer(net: str) -> None:
    found = changes(f"{net}:Signal@input=3x32", f"{net}:Signal@input=3x64")
    assert found == {**dict.fromkeys(("conv", "norm", "act"), "length 30 → 62"), "pool": "length 15 → 31"}


def test_a_signal_is_wider(net: str) -> None:
    found = changes(f"{net}:Signal@input=3x32", f"{net}:Signal@input=3x32,width=12")
    assert set(found.values()) == {"channels 8 → 12"}


def test_where_nothing_tells(net: str) -> None:
    (told,) = changes(f"{net}:Bare@input=16x64", f"{net}:Bare@input=48x64").values()
    assert told == "output 16x64 → 48x64"


def test_images() -> None:
    found = changes("mobilenet_v1", "mobilenet_v1@alpha=0.5")
    assert found["stem.conv"] == "channels 32 → 16"
    assert found["body.0.depthwise.act"] == "channels 32 → 16"
    sides = changes("mobilenet_v1", "mobilenet_v1@resolution=192")
    assert sides["stem.conv"] == "output 32x112x112 → 32x96x96"


def test_words_of_a_vision_transformer() -> None:
    found = changes("vit_b_16", "vit_b_16@resolution=384")
    assert (
        found["body.0.mlp.fc1" if "body.0.mlp.fc1" in found else next(p for p in found if ".mlp." in p)] == "tokens 197 → 577"
    )


def test_the_first_axis_is_not_left_out() -> None:
    row = Row("fc", "linear", "linear", "Linear", {}, ((16, 1, 8),), (16, 1, 4), 32, 0, 0, 0, 512, 0, 64, False)
    longer = row._replace(inputs=((48, 1, 8),), output=(48, 1, 4), macs=1536)
    assert what(Pair(row, longer)) == "output 16x1x4 → 48x1x4"
