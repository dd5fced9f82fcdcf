"""Prefill, decoding, cache, weights and bounds of language models, each held to the product that it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from profiler.errors import ProfilerError, Unavailable, UnknownName
from profiler.load.caches import bytes_held, layers_of
from profiler.load.decoding import filled_cache
from profiler.load.load import load
from profiler.records.generation import CacheLayers, Generation, StepCost, longest_context
from profiler.study.show import show

pytest.importorskip("transformers")

LAYERS, C, F, HEADS, GROUPS, D, VOCABULARY = 2, 64, 96, 4, 2, 16, 100
SIZES = (
    f"num_hidden_layers={LAYERS},hidden_size={C},intermediate_size={F},num_attention_heads={HEADS},"
    f"num_key_value_heads={GROUPS},head_dim={D},vocab_size={VOCABULARY}"
)
LLAMA = f"hf:LlamaForCausalLM@{SIZES}"
LAYER = 2 * C * HEADS * D + 2 * C * GROUPS * D + 3 * C * F
"""Weights of a layer: q and out, k and v, the three of the MLP. Each is a multiply-add a token."""


def asked(model: str, **how: Any) -> Generation:
    found = show(model, wired=False, **how).generation
    assert found is not None
    return found


def step(found: Generation, name: str, batch: int = 1) -> StepCost:
    (one,) = [each for each in found.steps if each.name == name and each.batch == batch]
    return one


# Steps


@pytest.mark.parametrize("batch", [1, 3])
def test_prefill_and_one_token_more(batch: int) -> None:
    found = asked(LLAMA, prefill=32, decode=1, batch=str(batch))
    text, one = step(found, "prefill", batch), step(found, "decode", batch)
    assert text.macs == batch * (32 * (LAYERS * LAYER + C * VOCABULARY) + LAYERS * 2 * HEADS * D * 32 * 32)
    assert text.useful_macs == text.macs - batch * LAYERS * 2 * HEADS * D * (32 * 32 - 32 * 33 // 2)
    assert one.macs == one.useful_macs == batch * (LAYERS * LAYER + C * VOCABULARY + LAYERS * 2 * HEADS * D * 33)
    assert (one.tokens, one.context, text.context) == (1, 33, 32)


def test_several_batches_are_rows() -> None:
    found = asked(LLAMA, prefill=8, decode=2, batch="1,4")
    assert [(each.name, each.batch) for each in found.steps] == [("prefill", 1), ("decode", 1), ("prefill", 4), ("decode", 4)]
    assert step(found, "decode", 4).macs == 4 * step(found, "decode").macs


def test_an_encoder_reads_once() -> None:
    t5 = "hf:T5ForConditionalGeneration@num_layers=2,d_model=64,d_kv=16,num_heads=4,d_ff=96,vocab_size=100"
    found = asked(t5, tokens=24, prefill=1, decode=1)
    attention, feed = 4 * 64 * 64, 2 * 64 * 96
    assert step(found, "encode").macs == 2 * (24 * (attention + feed) + 2 * 64 * 24 * 24)
    # q and out of both attentions, k and v of its own tokens; those of the encoder stand in the cache
    assert step(found, "decode").macs == 2 * (attention + 2 * 64 * 64 + feed + 2 * 64 * 2 + 2 * 64 * 24) + 64 * 100
    own, cross = found.cache
    assert (own.kind, own.elements, cross.kind, cross.fixed) == ("full", 2 * 2 * 64, "cross", 2 * 2 * 64 * 24 * 4)


def test_a_model_without_a_cache_reads_a_text() -> None:
    bert = "hf:BertModel@num_hidden_layers=1,hidden_size=64,num_attention_heads=4,intermediate_size=96,vocab_size=100"
    found = asked(bert, tokens=16)
    (one,) = found.steps
    assert (one.name, one.macs) == ("forward", 16 * (4 * 64 * 64 + 2 * 64 * 96) + 2 * 64 * 16 * 16 + 64 * 64)
    assert found.cache == ()


def test_against_torch() -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    model = load(LLAMA, input=["32"])
    _, kwargs = model.example(2, "meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.module()(**kwargs)
    assert counter.get_total_flops() == 2 * step(asked(LLAMA, prefill=32, batch="2"), "prefill", 2).macs


# Caches: (model, what its layers hold)

GPT_OSS = f"hf:GptOssForCausalLM@{SIZES},num_local_experts=4,num_experts_per_tok=2,sliding_window=8"
DEEPSEEK = (
    "hf:DeepseekV3ForCausalLM@num_hidden_layers=2,first_k_dense_replace=1,hidden_size=64,intermediate_size=96,vocab_size=100,"
    "num_attention_heads=4,num_key_value_heads=4,kv_lora_rank=24,q_lora_rank=32,qk_rope_head_dim=8,qk_nope_head_dim=16,"
    "v_head_dim=16,moe_intermediate_size=32,n_routed_experts=8,num_experts_per_tok=2,n_group=2,topk_group=1"
)
MAMBA = (
    "hf:Mamba2ForCausalLM@num_hidden_layers=3,hidden_size=64,num_heads=8,head_dim=16,state_size=16,n_groups=1,vocab_size=100"
)
CACHES = {
    LLAMA: (CacheLayers("full", LAYERS, None, LAYERS * 2 * GROUPS * D, 32),),
    LLAMA.replace(f"num_key_value_heads={GROUPS}", "num_key_value_heads=1"): (CacheLayers("full", 2, None, 2 * 2 * D, 32),),
    GPT_OSS: (CacheLayers("sliding", 1, 7, 2 * GROUPS * D, 32), CacheLayers("full", 1, None, 2 * GROUPS * D, 32)),
    DEEPSEEK: (CacheLayers("latent", 2, None, 2 * (24 + 8), 32),),
    # a window of 4 of the 128 + 2·16 channels that its convolution has, and 8 heads of 16 × 16
    MAMBA: (CacheLayers("state", 3, None, 0, 16, 3 * 4 * (4 * (128 + 2 * 16) + 8 * 16 * 16)),),
}


@pytest.mark.parametrize("model", CACHES, ids=["groups", "one group", "windows", "latent", "state"])
def test_a_cache_holds_what_the_model_allocates(model: str) -> None:
    network = load(model)
    _, kwargs = network.example(2, "meta")
    module: Any = network.module()
    for tokens in (3, 20):
        cache = filled_cache(model, module, kwargs, tokens)
        found = layers_of(cache, getattr(module.config, "kv_lora_rank", None))
        assert found == CACHES[model]
        assert 2 * sum(each.bytes(tokens) for each in found) == bytes_held(cache)


def test_a_cache_of_fewer_bits() -> None:
    full, half = (asked(LLAMA, prefill=9, decode=1, cache_dtype=each) for each in ("fp32", "int4"))
    assert full.cache_bytes(10) == 8 * half.cache_bytes(10) == LAYERS * 2 * GROUPS * D * 10 * 4


def test_the_longest_context_is_exact() -> None:
    room = 1_000_000
    found = asked(GPT_OSS, prefill=4, decode=1, batch="1,2", memory=f"{room}B")
    weights = found.weights.total
    assert weights == 4 * found.weights.params
    for batch, tokens in found.longest:
        assert tokens is not None
        assert tokens > 7
        assert weights + found.cache_bytes(tokens, batch) <= room < weights + found.cache_bytes(tokens + 1, batch)
    window, full = 7 * 2 * GROUPS * D * 4, 2 * GROUPS * D * 4
    assert found.longest[0].tokens == (room - weights - window) // full


@pytest.mark.parametrize(("room", "tokens"), [(0, 0), (15, 0), (16, 1), (47, 2), (48, None), (10**9, None)])
def test_a_window_ends_to_grow(room: int, tokens: int | None) -> None:
    assert longest_context((CacheLayers("sliding", 1, 3, 8, 16),), 1, room) == tokens


# Experts

SWITCH = (
    "hf:SwitchTransformersForConditionalGeneration@num_layers=2,num_decoder_layers=2,num_sparse_encoder_layers=1,"
    "num_sparse_decoder_layers=1,d_model=64,d_kv=16,num_heads=4,d_ff=96,vocab_size=100,num_experts=8"
)
NLLB = (
    "hf:NllbMoeModel@encoder_layers=2,decoder_layers=2,encoder_sparse_step=2,decoder_sparse_step=2,d_model=64,num_experts=8,"
    "encoder_attention_heads=4,decoder_attention_heads=4,encoder_ffn_dim=96,decoder_ffn_dim=96,vocab_size=100"
)


@pytest.mark.parametrize(("model", "taken", "bias"), [(SWITCH, 1, 0), (NLLB, 2, 96 + 64)], ids=["switch", "nllb"])
def test_experts_in_a_loop_are_those_that_a_token_is_sent_to(model: str, taken: int, bias: int) -> None:
    found = show(model, input=["12", "decoder_input_ids=5"], wired=False)
    profile, traced = found.profile, found.traced
    assert traced is not None
    assert traced.rung == "meta"
    assert profile.unread == 0
    module: Any = load(model).module()
    assert profile.params == sum(p.numel() for p in module.parameters())
    rows = [row for row in profile.rows if "experts" in row.facts]
    assert {(row.facts["active"], row.facts["experts"]) for row in rows} == {(taken, 8)}
    assert sum(row.macs for row in rows) == (12 + 5) * taken * 2 * 64 * 96
    assert sum(row.params for row in rows) == 2 * 8 * (2 * 64 * 96 + bias)
    assert profile.active_params == profile.params - 2 * (8 - taken) * (2 * 64 * 96 + bias)


def test_a_shared_expert_is_active_and_routed_ones_are_few() -> None:
    profile = show(DEEPSEEK, input=["16"], wired=False).profile
    expert = 3 * 64 * 32
    assert profile.params - profile.active_params == (8 - 2) * expert


def test_biases_of_experts_are_theirs() -> None:
    profile = show(GPT_OSS, input=["16"], wired=False).profile
    expert = 3 * C * F + 2 * F + C
    assert profile.params - profile.active_params == LAYERS * (4 - 2) * expert


def test_a_token_moves_the_experts_that_it_meets() -> None:
    mixtral = f"hf:MixtralForCausalLM@{SIZES},num_local_experts=8,num_experts_per_tok=2"
    one, many = (step(asked(mixtral, prefill=n), "prefill") for n in (1, 64))
    experts = [row for row in show(mixtral, input=["1"], wired=False).profile.rows if "experts" in row.facts]
    assert all(row.moved < row.weights * 4 for row in experts)
    assert one.least_bytes < many.least_bytes
    assert one.moved < many.moved


def test_every_expert_on_every_token_is_useful_for_one() -> None:
    llama4 = f"hf:Llama4ForCausalLM@{SIZES},num_local_experts=4,num_experts_per_tok=1,intermediate_size_mlp=96,moe_layers=[0,1]"
    profile = show(llama4, input=["16"], wired=False).profile
    expert = 3 * C * F
    assert profile.params - profile.active_params == LAYERS * 3 * expert
    rows = [row for row in profile.rows if "experts" in row.facts]
    assert sum(row.macs for row in rows) == 4 * sum(row.facts["useful_macs"] for row in rows) == LAYERS * 16 * 4 * expert


# Weights and bounds


def test_weights_in_four_bits() -> None:
    found = asked(LLAMA, prefill=8, weights="int4:32").weights
    layers = LAYERS * LAYER
    assert found.values == layers // 2
    assert found.scales == 2 * layers // 32
    assert found.zero_points == layers // 32 // 2
    assert found.kept == 2 * (2 * C * VOCABULARY + (2 * LAYERS + 1) * C)
    assert asked(LLAMA, prefill=8, weights="bf16").weights.total == 2 * found.params


def test_steps_are_counted_with_weights_in_one_form() -> None:
    with pytest.raises(ProfilerError, match=r"--weights names 2 forms \(int8, int4:32\), and the steps .* in one; give one"):
        show(LLAMA, prefill=8, weights="int8,int4:32", wired=False)
    found = show(LLAMA, input=["8"], weights="int8,int4:32", wired=False)
    assert [each.form for each in found.weight_forms] == ["fp32", "int8", "int4:32"]
    assert found.generation is None


def test_experts_have_a_scale_for_each_of_their_channels() -> None:
    found = asked(GPT_OSS, prefill=8, weights="int8").weights
    # q, k, v and out by their own channels; of every expert 2·F of the first product and C of the second
    channels = LAYERS * (HEADS * D + 2 * GROUPS * D + C + 4 * (2 * F + C))
    assert found.scales == 4 * channels


def test_a_bound_is_the_slower_of_two_roofs() -> None:
    found = asked(LLAMA, prefill=32, decode=1, peak_macs="1G", bandwidth="1GB")
    assert found.limits is not None
    text, one = step(found, "prefill"), step(found, "decode")
    cache = LAYERS * 2 * GROUPS * D * 4
    assert one.least_bytes == 4 * (LAYERS * LAYER + (2 * LAYERS + 1) * C + C * VOCABULARY + C) + 33 * cache
    assert found.limits.least_s(one) == one.least_bytes / 1e9
    assert found.limits.bound_by(one) == "bytes"
    assert found.limits.least_s(text) == text.useful_macs / 1e9
    assert found.limits.bound_by(text) == "MACs"


def test_roofs_of_a_run_that_measured_them(tmp_path: Path) -> None:
    """What `bench --layers` saved: its product, and its stream through the largest working set."""
    run = Path(__file__).resolve().parents[1] / "golden" / "saved" / "bench_layers.json"
    roofs = json.loads(run.read_text())["layers"][0]["roofs"]
    found = asked(LLAMA, prefill=8, roofs=str(run)).limits
    assert found is not None
    assert (found.peak_macs, found.bandwidth) == (roofs["macs_per_s"], max(roofs["streams"])[1])
    with pytest.raises(ProfilerError, match="--roofs gives both the peak and the bandwidth; leave out --peak-macs"):
        asked(LLAMA, prefill=8, roofs=str(run), peak_macs="1T")
    with pytest.raises(
        ProfilerError,
        match=r"compare.json' holds no measured peak and bandwidth; write one with profiler bench lenet5 --layers -o",
    ):
        asked(LLAMA, prefill=8, roofs=str(run.with_name("compare.json")))
    with pytest.raises(Unavailable, match="there is no file"):
        asked(LLAMA, prefill=8, roofs=str(tmp_path / "none.json"))


# A sweep


def test_a_sweep_over_lengths_and_batches() -> None:
    from profiler.study.sweep import sweep

    found = sweep(LLAMA, prefill="16..32:16", decode=1, batch="1,2", engine="closed")
    one = asked(LLAMA, prefill=32, decode=1, batch="2")
    assert [(each["input"], each["batch"]) for each in found] == [
        *(("16", 1), ("16", 2), ("1 16", 1), ("1 16", 2)),
        *(("32", 1), ("32", 2), ("1 32", 1), ("1 32", 2)),
    ]
    assert [each["macs"] for each in found][-3::2] == [step(one, "prefill", 2).macs, step(one, "decode", 2).macs]
    with pytest.raises(ProfilerError, match="--decode needs the length of the prompt"):
        sweep(LLAMA, decode=1)
    with pytest.raises(ProfilerError, match="--prefill sets the input; leave out --input"):
        sweep(LLAMA, prefill="16", input="8")


# What is refused, and what a file holds


@pytest.mark.parametrize(
    ("model", "how", "sentence"),
    [
        (
            "hf:ViTModel@num_hidden_layers=1",
            {"tokens": 8},
            "reads pixel_values=3x224x224, and no tokens of text; give --resolution",
        ),
        ("resnet18", {"prefill": 8}, "resnet18 reads no text"),
        (LLAMA, {"prefill": 0}, "--prefill 0 is not a number of tokens from 1"),
        (LLAMA, {"prefill": 8, "tokens": 8}, "it has one text, which both --prefill and --tokens set"),
        (LLAMA, {"prefill": 8, "peak_macs": "3T"}, "--peak-macs needs --bandwidth too; add it"),
        (LLAMA, {"prefill": 8, "weights": "int3"}, "unknown form of weights 'int3'"),
        (LLAMA, {"prefill": 8, "memory": "80"}, "needs a unit \\(KiB"),
        (
            "hf:BertModel@num_hidden_layers=1,hidden_size=64,num_attention_heads=4",
            {"decode": 1},
            "returns no cache; give --tokens",
        ),
    ],
)
def test_what_has_no_steps_is_refused(model: str, how: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ProfilerError, match=sentence):
        show(model, wired=False, **how)


def test_an_unknown_cache_dtype() -> None:
    with pytest.raises(UnknownName, match="unknown dtype of a cache 'fp3'"):
        show(LLAMA, prefill=8, cache_dtype="fp3", wired=False)


def test_on_the_command_line_and_back(tmp_path: Path) -> None:
    first, second = tmp_path / "run.json", tmp_path / "again.json"
    words = [LLAMA, "--prefill", "16", "--decode", "1", "--batch", "1,2", "--memory", "1MiB", "-o", str(first)]
    ran = subprocess.run([sys.executable, "-m", "profiler", "show", *words], capture_output=True, text=True, check=True)
    assert "steps\n" in ran.stdout
    assert "1.0 MiB hold the weights" in ran.stdout
    read = subprocess.run(
        [sys.executable, "-m", "profiler", "report", str(first), "-o", str(second)], capture_output=True, text=True, check=True
    )
    assert read.stdout == ran.stdout
    assert json.loads(first.read_text())["generation"] == json.loads(second.read_text())["generation"]
    assert [each["name"] for each in json.loads(first.read_text())["generation"]["steps"]] == ["prefill", "decode"] * 2
