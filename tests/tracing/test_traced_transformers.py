"""transformers' configurations, built without weights, against what their papers' shapes come to."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profiler.module.meta import on_meta
from profiler.records.traced import Traced
from profiler.tracing.traced import trace

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import transformers

hf: Any = transformers

pytestmark = pytest.mark.filterwarnings("ignore")

B, T, H, HEADS, LAYERS, FFN, VOCABULARY = 2, 10, 64, 4, 3, 160, 100


def ids(batch: int = B, length: int = T) -> Tensor:
    return torch.empty(batch, length, dtype=torch.int64, device="meta")


def counted(cls: Any, config: Any, **given: Any) -> Traced:
    with on_meta():
        module: nn.Module = cls(config)
    found = trace(module, (), given)
    assert found.profile.uncounted == ()
    assert found.harm == ()
    assert found.coverage.share == 1
    return found


def macs(found: Traced) -> int:
    """Without the angles of rotary positions, which some versions make by a product with 1."""
    return sum(row.macs for row in found.profile.rows if "rotary" not in row.path)


LAYER = 4 * T * H * H + 2 * T * T * H + 2 * T * H * FFN
LAYER_PARAMS = 4 * (H * H + H) + 2 * H + (H * FFN + FFN) + (FFN * H + H) + 2 * H


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_bert(attention: str) -> None:
    config = hf.BertConfig(
        hidden_size=H, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=FFN, vocab_size=VOCABULARY,
        max_position_embeddings=32, attn_implementation=attention,
    )  # fmt: skip
    found = counted(hf.BertModel, config, input_ids=ids())
    assert found.rung == "meta"
    assert macs(found) == B * (LAYERS * LAYER + H * H)
    assert found.profile.params == (VOCABULARY + 32 + 2) * H + 2 * H + LAYERS * LAYER_PARAMS + H * H + H
    attended = [row for row in found.profile.rows if row.kind == "attention"]
    assert sum(row.macs for row in attended) == B * LAYERS * 2 * T * T * H


def test_bert_with_a_mask_is_counted_on_its_values() -> None:
    config = hf.BertConfig(
        hidden_size=H, num_hidden_layers=1, num_attention_heads=HEADS, intermediate_size=FFN, vocab_size=VOCABULARY
    )
    mask = torch.ones(B, T, dtype=torch.int64)
    for given in (mask, mask.clone().index_fill_(1, torch.tensor([9]), 0)):
        found = counted(hf.BertModel, config, input_ids=ids(), attention_mask=given)
        assert macs(found) == B * (LAYER + H * H)
        assert found.rung == "data-dependent"


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_gpt2(attention: str) -> None:
    config = hf.GPT2Config(
        n_embd=H, n_layer=LAYERS, n_head=HEADS, vocab_size=VOCABULARY, n_positions=32, bos_token_id=0, eos_token_id=0,
        attn_implementation=attention,
    )  # fmt: skip
    found = counted(hf.GPT2LMHeadModel, config, input_ids=ids())
    assert macs(found) == B * (LAYERS * (4 * T * H * H + 2 * T * T * H + 2 * T * H * 4 * H) + T * H * VOCABULARY)
    layer = (H * 3 * H + 3 * H) + (H * H + H) + (H * 4 * H + 4 * H) + (4 * H * H + H) + 4 * H
    assert found.profile.params == (VOCABULARY + 32) * H + LAYERS * layer + 2 * H  # the head is the table of embeddings
    assert found.tied == ("lm_head.weight",)
    if attention == "sdpa":
        assert found.profile.macs - found.useful_macs == B * LAYERS * 2 * (T * T - T * (T + 1) // 2) * H


KV = H // 2


def llama_layer(experts: int = 1) -> int:
    return T * (2 * H * H + 2 * H * KV) + 2 * T * T * H + experts * 3 * T * H * FFN


def test_llama() -> None:
    config = hf.LlamaConfig(
        hidden_size=H, num_hidden_layers=LAYERS, num_attention_heads=HEADS, num_key_value_heads=HEADS // 2,
        intermediate_size=FFN, vocab_size=VOCABULARY,
    )  # fmt: skip
    found = counted(hf.LlamaForCausalLM, config, input_ids=ids())
    assert found.rung == "meta"
    assert macs(found) == B * (LAYERS * llama_layer() + T * H * VOCABULARY)
    layer = 2 * H * H + 2 * H * KV + 3 * H * FFN + 2 * H
    assert found.profile.params == 2 * VOCABULARY * H + LAYERS * layer + H
    assert found.active_params == found.profile.params


def test_llama_of_70_billion_parameters() -> None:
    """Llama 2 70B: 80 layers of 8,192, feed-forward 28,672, 64 heads on 8 of keys and values."""
    config = hf.LlamaConfig(
        hidden_size=8192, num_hidden_layers=80, num_attention_heads=64, num_key_value_heads=8, intermediate_size=28672,
        vocab_size=32000, max_position_embeddings=4096,
    )  # fmt: skip
    found = counted(hf.LlamaForCausalLM, config, input_ids=ids(1, 2048))
    layer = 2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28672
    assert found.profile.params == 80 * (layer + 2 * 8192) + 2 * 32000 * 8192 + 8192 == 68_976_648_192
    assert macs(found) == 2048 * (80 * (layer + 2 * 2048 * 8192) + 32000 * 8192)


def test_mixtral_meets_two_experts_of_eight() -> None:
    config = hf.MixtralConfig(
        hidden_size=H, num_hidden_layers=LAYERS, num_attention_heads=HEADS, num_key_value_heads=HEADS // 2,
        intermediate_size=FFN, vocab_size=VOCABULARY, num_local_experts=8, num_experts_per_tok=2,
    )  # fmt: skip
    found = counted(hf.MixtralForCausalLM, config, input_ids=ids())
    assert macs(found) == B * (LAYERS * (llama_layer(2) + T * H * 8) + T * H * VOCABULARY)
    layer = 2 * H * H + 2 * H * KV + 2 * H + H * 8
    rest = 2 * VOCABULARY * H + H
    assert found.profile.params == rest + LAYERS * (layer + 8 * 3 * H * FFN)
    assert found.active_params == rest + LAYERS * (layer + 2 * 3 * H * FFN)


def test_vit() -> None:
    config = hf.ViTConfig(
        hidden_size=H, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=FFN, image_size=64
    )
    found = counted(hf.ViTModel, config, pixel_values=torch.empty(B, 3, 64, 64, device="meta"))
    t = 4 * 4 + 1
    layer = 4 * t * H * H + 2 * t * t * H + 2 * t * H * FFN
    assert macs(found) == B * (16 * 16 * 3 * H * 4 * 4 + LAYERS * layer + H * H)
    patch = 16 * 16 * 3 * H + H
    assert found.profile.params == patch + H + t * H + LAYERS * LAYER_PARAMS + 2 * H + H * H + H


def test_whisper() -> None:
    config = hf.WhisperConfig(
        d_model=H, encoder_layers=LAYERS, decoder_layers=2, encoder_attention_heads=HEADS, decoder_attention_heads=HEADS,
        encoder_ffn_dim=FFN, decoder_ffn_dim=FFN, vocab_size=VOCABULARY, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1,
    )  # fmt: skip
    sound = torch.empty(1, 80, 3000, device="meta")
    found = counted(hf.WhisperModel, config, input_features=sound, decoder_input_ids=ids(1))
    s = 1500
    stem = 3 * 80 * H * 3000 + 3 * H * H * s
    encoder = 4 * s * H * H + 2 * s * s * H + 2 * s * H * FFN
    crossed = 2 * T * H * H + 2 * s * H * H + 2 * T * s * H
    decoder = LAYER + crossed
    assert macs(found) == stem + LAYERS * encoder + 2 * decoder
