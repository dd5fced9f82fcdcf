"""A decoding step: `cache=N` is the model's own cache of N tokens, and anything else that a cache may be meant by is refused."""

from __future__ import annotations

import pytest

from profiler.errors import ProfilerError, UnknownName
from profiler.load.load import load

LAYERS, C, F, HEADS, GROUPS, D, VOCABULARY = 2, 64, 96, 4, 2, 16, 100
LLAMA = (
    f"hf:LlamaForCausalLM@num_hidden_layers={LAYERS},hidden_size={C},intermediate_size={F},num_attention_heads={HEADS},"
    f"num_key_value_heads={GROUPS},head_dim={D},vocab_size={VOCABULARY}"
)
WEIGHTS = LAYERS * (2 * C * HEADS * D + 2 * C * GROUPS * D + 3 * C * F) + C * VOCABULARY
"""Each once a token: q and out, k and v, the three of the MLP; the head."""


@pytest.mark.parametrize(("cached", "step"), [(63, 1), (20, 4), (1, 1)])
@pytest.mark.parametrize("name", ["cache", "past_key_values"])
def test_a_step_reads_the_tokens_before_it(name: str, cached: int, step: int) -> None:
    found = load(LLAMA, input=[str(step), f"{name}={cached}"])
    expected = step * WEIGHTS + LAYERS * 2 * HEADS * D * step * (cached + step)
    assert found.profile().macs == expected
    assert found.profile(3).macs == 3 * expected
    assert found.profile().macs == expected  # whatever the count before it has put into a cache


def test_a_text_with_one_token_more_differs_by_a_step() -> None:
    step = load(LLAMA, input=["1", "cache=63"]).profile().macs
    assert step == WEIGHTS + LAYERS * 2 * HEADS * D * 64


def test_a_window_holds_no_more_than_itself() -> None:
    mistral = (
        f"hf:MistralConfig@num_hidden_layers=1,hidden_size={C},intermediate_size={F},num_attention_heads={HEADS},"
        f"num_key_value_heads={GROUPS},head_dim={D},vocab_size={VOCABULARY},sliding_window=16"
    )
    weights = 2 * C * HEADS * D + 2 * C * GROUPS * D + 3 * C * F
    assert load(mistral, input=["1", "cache=100"]).profile().macs == weights + 2 * HEADS * D * 16


def test_a_decoder_behind_an_encoder() -> None:
    t5 = "hf:T5ForConditionalGeneration@num_layers=1,d_model=64,d_kv=16,num_heads=4,d_ff=96,vocab_size=100"
    near, far = (load(t5, input=["16", "decoder_input_ids=1", f"cache={n}"]).profile().macs for n in (7, 15))
    assert far - near == 2 * 4 * 16 * 8  # eight tokens more to attend to


@pytest.mark.parametrize("given", ["cache=32x128x2047", "past_key_values=2x4x16", "cache=8:bool"])
def test_a_tensor_is_no_cache(given: str) -> None:
    with pytest.raises(
        ProfilerError, match="is not a cache; give the number of tokens that the cache holds, as --input cache=2047"
    ):
        load(LLAMA, input=["1", given]).profile()


def test_a_model_without_a_cache() -> None:
    with pytest.raises(UnknownName, match="unknown input of hf:ViTConfig 'cache'"):
        load("hf:ViTConfig@num_hidden_layers=1", input=["3x224x224", "cache=8"]).profile()


def test_a_cache_that_cannot_be_filled() -> None:
    bert = "hf:BertConfig@num_hidden_layers=1,hidden_size=64,num_attention_heads=2,max_position_embeddings=32"
    with pytest.raises(ProfilerError, match=r"its cache cannot be filled without values .*; count the whole text") as caught:
        load(bert, input=["1", "cache=64"]).profile()
    assert "\n" not in str(caught.value)


def test_a_step_is_not_measured() -> None:
    with pytest.raises(
        ProfilerError,
        match="a step with a cache can be counted, but not measured or checked by other counters; leave cache out",
    ):
        load(LLAMA, input=["1", "cache=8"]).example(1, "cpu")


def test_a_tensor_called_cache_of_ones_own() -> None:
    from torch import Tensor, nn

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(8, 2)

        def forward(self, x: Tensor, cache: Tensor) -> Tensor:
            return self.head(x + cache)  # type: ignore[no-any-return]

    assert load(Own(), input=["8", "cache=8"]).profile().macs == 8 * 2
