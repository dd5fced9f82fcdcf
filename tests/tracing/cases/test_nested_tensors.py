"""A nested tensor costs what its members do, jagged or strided; a masked one what it holds, or it is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from profiler import ProfilerError, profile
from profiler.tracing.traced import trace
from tests.tracing.cases.counting import Run

# torch calls its nested tensors and its masked tensors prototypes
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def jagged(*lengths: int, width: int = 8) -> Tensor:
    return torch.nested.nested_tensor([torch.randn(n, width) for n in lengths], layout=torch.jagged)


def strided(*lengths: int, width: int = 8) -> Tensor:
    return torch.nested.nested_tensor([torch.randn(n, width) for n in lengths])


def macs(module: nn.Module, *inputs: Any) -> int:
    found = trace(module, inputs, batch=None)
    assert found.profile.uncounted == ()
    assert found.harm == ()
    return found.profile.macs


@pytest.mark.parametrize("make", [jagged, strided])
@pytest.mark.parametrize("lengths", [(3, 5), (3, 4, 5), (1,), (7, 7)])
def test_a_linear_layer(make: Any, lengths: tuple[int, ...]) -> None:
    x, module = make(*lengths), nn.Linear(8, 4)
    assert macs(module, x) == sum(lengths) * 8 * 4
    found = profile(module, args=(x,), batch=None)
    assert found.params == 8 * 4 + 4
    assert x.is_nested
    assert not x.is_meta
    assert module(x).is_nested


def test_jagged_by_offsets() -> None:
    x = torch.nested.nested_tensor_from_jagged(torch.randn(12, 8), torch.tensor([0, 3, 7, 12]))
    assert macs(nn.Linear(8, 4), x) == 12 * 8 * 4


@pytest.mark.parametrize("make", [jagged, strided])
def test_layers_one_after_the_other(make: Any) -> None:
    module = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.LayerNorm(16), nn.Linear(16, 4, bias=False))
    assert macs(module, make(3, 5)) == 8 * (8 * 16 + 16 * 4)
    found = trace(module, (make(3, 5),), batch=None)
    assert found.profile.params == 8 * 16 + 16 + 2 * 16 + 16 * 4
    assert found.profile.elementwise == 2 * 8 * 16


def test_wide_layers() -> None:
    assert macs(nn.Linear(512, 64), jagged(30, 50, 20, width=512)) == 100 * 512 * 64


def test_made_and_left_inside_the_forward() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        packed = torch.nested.nested_tensor_from_jagged(x, torch.tensor([0, 3, 7, 12]))
        return m.b(m.a(packed).values())  # type: ignore[no-any-return]

    assert macs(Run(forward, a=nn.Linear(8, 4), b=nn.Linear(4, 2)), torch.randn(12, 8)) == 12 * (8 * 4 + 4 * 2)


def test_padded_in_the_end() -> None:
    """Two sequences padded to five rows before the second layer."""

    def forward(m: Any, x: Tensor) -> Tensor:
        return m.b(torch.nested.to_padded_tensor(m.a(x), 0.0))  # type: ignore[no-any-return]

    module = Run(forward, a=nn.Linear(8, 4), b=nn.Linear(4, 2))
    assert macs(module, strided(3, 5)) == 8 * 8 * 4 + 2 * 5 * 4 * 2


@pytest.mark.parametrize("lengths", [(32, 64, 96, 128), (64, 64, 64, 64)], ids=["of other lengths", "of one length"])
def test_attention_over_sequences(lengths: tuple[int, ...]) -> None:
    """What a dense call for each makes."""
    offsets = torch.cat((torch.tensor([0]), torch.tensor(lengths).cumsum(0)))
    q = torch.nested.nested_tensor_from_jagged(torch.randn(sum(lengths), 64), offsets).view(4, -1, 8, 8).transpose(1, 2)
    found = trace(Run(lambda m, q: F.scaled_dot_product_attention(q, q, q)), (q,), batch=None)
    assert found.profile.macs == 2 * 8 * 8 * sum(n * n for n in lengths)
    assert found.profile.uncounted == ()
    assert {row.kind for row in found.profile.rows if row.macs} == {"attention"}


def test_attention_over_other_keys() -> None:
    def sequences(*lengths: int) -> Tensor:
        offsets = torch.cat((torch.tensor([0]), torch.tensor(lengths).cumsum(0)))
        return torch.nested.nested_tensor_from_jagged(torch.randn(sum(lengths), 64), offsets).view(2, -1, 8, 8).transpose(1, 2)

    q, k = sequences(3, 5), sequences(7, 2)
    assert macs(Run(lambda m, q, k: F.scaled_dot_product_attention(q, k, k)), q, k) == 2 * 8 * 8 * (3 * 7 + 5 * 2)


def test_a_block_of_attention() -> None:
    """A projection, attention, and a projection, of two sequences."""

    def forward(m: Any, x: Tensor) -> Any:
        q, k, v = (each.contiguous().unflatten(-1, [2, 4]).transpose(1, 2) for each in m.qkv(x).chunk(3, -1))
        return m.o(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2))

    module = Run(forward, qkv=nn.Linear(8, 24), o=nn.Linear(8, 8))
    assert macs(module, jagged(3, 5)) == 8 * 8 * 24 + 2 * 2 * 4 * (9 + 25) + 8 * 8 * 8


def test_a_masked_tensor_counts_or_is_refused() -> None:
    from torch.masked import masked_tensor

    x = masked_tensor(torch.randn(3, 8), torch.ones(3, 8, dtype=torch.bool))
    for module, expected in ((nn.Linear(8, 4), 3 * 8 * 4), (nn.ReLU(), 0), (nn.Sequential(nn.Tanh(), nn.ReLU()), 0)):
        try:
            module(x)
            runs = True
        except TypeError:
            runs = False
        try:
            assert trace(module, (x,), batch=None).profile.macs == expected
        except ProfilerError as refusal:
            assert "masked" in str(refusal).lower() or not runs  # noqa: PT017  # either way is right
    assert x.get_data().device.type == "cpu"


def test_an_encoder_layer_of_strided_members() -> None:
    """torch runs it by its fast path alone."""
    module = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    with torch.no_grad():
        assert module(strided(3, 5)).is_nested
    assert macs(module, strided(3, 5)) == 8 * (4 * 64 + 2 * 8 * 16) + 2 * 8 * (9 + 25)
