"""A training step on each device: parts by hand, shares, checkpoints, the batch that fits, and what torch allocates on the CPU."""

from __future__ import annotations

from typing import Any

import pytest

from profiler.errors import ProfilerError, UnknownName
from profiler.records.sharding import TrainingMemory
from profiler.study.show import show

pytest.importorskip("transformers")

LLAMA = (
    "hf:LlamaForCausalLM@num_hidden_layers=4,hidden_size=64,intermediate_size=160,num_attention_heads=4,num_key_value_heads=2,"
    "vocab_size=300"
)
LAYER = 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 160 + 2 * 64
OUTSIDE = 2 * 300 * 64 + 64
PARAMS = 4 * LAYER + OUTSIDE


def weighed(model: str = LLAMA, **how: Any) -> TrainingMemory:
    found = show(model, train=True, wired=False, input=how.pop("input", "64"), **how).sharding
    assert found is not None
    return found


def test_what_is_shared_out_at_each_stage() -> None:
    found = weighed(optimizer="adamw", zero=3, devices=8)
    assert (found.weights, found.gradients, found.states) == (4 * PARAMS, 4 * PARAMS, 8 * PARAMS)
    share = {stage: found.parts(stage) for stage in range(4)}
    assert [share[stage]["optimizer"] for stage in range(4)] == [8 * PARAMS, *[PARAMS] * 3]
    assert [share[stage]["gradients"] for stage in range(4)] == [4 * PARAMS] * 2 + [PARAMS // 2] * 2
    assert [share[stage]["weights"] for stage in range(4)] == [4 * PARAMS] * 3 + [PARAMS // 2]
    assert share[3]["gathered weights"] == 4 * (LAYER + OUTSIDE)
    assert {share[stage]["activations"] for stage in range(4)} == {found.activations}


def test_an_optimiser_of_eight_bits() -> None:
    found = weighed(optimizer="adamw-8bit")
    # norms of 64 stay in fp32; every weight here is of 2,048 elements or more, those of 4,096 and more are quantised
    small = (2 * 4 + 1) * 64 + 4 * 2 * 64 * 32
    large = [64 * 64] * 2 + [64 * 160] * 3
    quantised = [size for size in large * 4 + [300 * 64] * 2 if size >= 4096]
    small += sum(size for size in large * 4 + [300 * 64] * 2 if size < 4096)
    assert found.states == 2 * (4 * small + sum(size + 4 * -(-size // 256) for size in quantised))


def test_checkpoints_keep_the_inputs_of_blocks() -> None:
    whole, checkpointed = weighed(), weighed(checkpointing=True)
    assert checkpointed.activations < whole.activations / 2
    assert checkpointed.weights == whole.weights


def test_the_largest_batch_fits_and_one_more_does_not() -> None:
    found = weighed(memory="20MiB", zero=2, devices=4)
    assert found.largest is not None
    assert found.largest > 1
    held = [weighed(zero=2, devices=4, batch=n).total(2) for n in (found.largest, found.largest + 1)]
    assert held[0] <= 20 << 20 < held[1]
    assert weighed(memory="1MiB").largest == 0


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"zero": 4}, "--zero 4 is not a ZeRO stage"),
        ({"devices": 0}, "--devices 0 is none"),
        (
            {"checkpointing": True, "model": "resnet18", "input": "3x64x64"},
            "resnet18 marks no blocks for activation checkpointing",
        ),
    ],
)
def test_what_cannot_be_weighed_is_refused(how: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ProfilerError, match=sentence):
        weighed(**how)
    with pytest.raises(UnknownName, match="optimizer"):
        weighed(optimizer="lion")


@pytest.mark.filterwarnings("ignore:.*Profiler clears events:UserWarning")  # of torch 2.11's own profiler
@pytest.mark.parametrize("checkpointing", [False, True])
def test_against_what_torch_allocates(checkpointing: bool) -> None:
    """A real step of AdamW on the CPU, every allocation of torch's allocator added up as it stands."""
    import torch
    import transformers as hf
    from torch.profiler import ProfilerActivity, profile

    config = hf.LlamaConfig(
        num_hidden_layers=4, hidden_size=64, intermediate_size=160, num_attention_heads=4, num_key_value_heads=2, vocab_size=300
    )
    torch.manual_seed(0)
    model: Any = hf.LlamaForCausalLM(config).train()
    if checkpointing:
        (getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable)()
    optimizer = torch.optim.AdamW(model.parameters(), foreach=False)
    ids = torch.zeros(4, 64, dtype=torch.int64)

    def step() -> None:
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()  # the optimiser has its states
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        step()
    now = peak = 0
    for event in recorded.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    found = weighed(batch=4, checkpointing=checkpointing)
    ours = found.peak - found.weights - found.states - found.rest
    assert ours == pytest.approx(peak, rel=0.05)
