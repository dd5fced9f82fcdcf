"""What transformers' models read by themselves runs them: text, pairs, patches, sounds, series; at one layer, in small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from profiler.errors import ProfilerError, Unavailable, UnknownName
from profiler.load.load import load
from profiler.load.reference import Reference


def of(name: str, **place: Any) -> Reference:
    found = load(name, **place)
    assert isinstance(found, Reference)
    return found


SIGLIP2 = "text_config.num_hidden_layers=1,vision_config.num_hidden_layers=1"
RUNS: dict[str, list[str]] = {
    "hf:ViltConfig@num_hidden_layers=1": ["input_ids=40:int64", "pixel_values=3x384x384"],
    "hf:BrosConfig@num_hidden_layers=1": ["input_ids=512:int64", "bbox=512x4"],
    "hf:LxmertConfig": ["input_ids=512:int64", "visual_feats=36x2048", "visual_pos=36x4"],
    f"hf:Siglip2Config@{SIGLIP2}": [
        "input_ids=64:int64", "pixel_values=256x768", "spatial_shapes=[16,16]:int64", "pixel_attention_mask=256:int64",
    ],
    "hf:Qwen3VLVisionConfig@depth=1,deepstack_visual_indexes=[0]": ["hidden_states=196x1536", "grid_thw=[[1,14,14]]:int64"],
    "hf:DacConfig@encoder_hidden_size=8,decoder_hidden_size=16": ["input_values=1x16000"],
    "hf:EncodecConfig@num_filters=4": ["input_values=1x16000"],
    "hf:SpeechT5Config@encoder_layers=1,decoder_layers=1": ["input_values=300x768", "decoder_input_values=300x768"],
    "hf:Wav2Vec2BertConfig@num_hidden_layers=1": ["input_features=3000x160"],
    "hf:UnivNetConfig": ["input_features=3000x100"],
    "hf:ParakeetEncoderConfig@num_hidden_layers=1": ["input_features=3000x80"],
    "hf:VJEPA2Config@num_hidden_layers=1,pred_num_hidden_layers=1,frames_per_clip=4": ["pixel_values_videos=4x3x256x256"],
    "hf:PerceiverConfig@num_self_attends_per_block=1": ["inputs=2048x768"],
    "hf:Blip2QFormerConfig@num_hidden_layers=1": ["query_embeds=32x768", "encoder_hidden_states=257x1408"],
    "hf:SegGptConfig@num_hidden_layers=4,intermediate_hidden_state_indices=[3,3,3,3]": [
        "pixel_values=3x448x448", "prompt_pixel_values=3x448x448", "prompt_masks=3x448x448",
    ],
    "hf:Kosmos2Config@text_config.layers=1,vision_config.num_hidden_layers=1": [
        "pixel_values=3x224x224", "input_ids=64:int64", "image_embeds_position_mask=64:int64",
    ],
    "hf:AutoformerConfig@prediction_length=24,num_time_features=2": [
        "past_values=31", "past_time_features=31x2", "past_observed_mask=31:int64", "future_values=24",
        "future_time_features=24x2",
    ],
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", RUNS, ids=[name.partition("@")[0] for name in RUNS])
def test_a_model_runs_on_what_it_reads_by_itself(name: str) -> None:
    found = of(name)
    assert [str(each) for each in found.given] == RUNS[name]
    assert found.profile().macs > 0


def test_a_box_for_every_token_that_is_given() -> None:
    found = of("hf:BrosConfig@num_hidden_layers=1", input="128")
    assert [str(each) for each in found.given] == ["input_ids=128:int64", "bbox=128x4"]
    assert found.profile().inputs == ((128,), (128, 4))


def test_a_part_reads_what_its_own_configuration_says() -> None:
    # 512 positions of the Q-Former, 2,048 of the language model
    given = [str(each) for each in of("hf:InstructBlipConfig").given]
    assert given == ["pixel_values=3x224x224", "qformer_input_ids=512:int64", "input_ids=2048:int64"]


def test_several_main_inputs_and_several_texts() -> None:
    assert [str(each) for each in of("hf:OneFormerConfig").given] == ["pixel_values=3x224x224", "task_inputs=77:int64"]
    with pytest.raises(ProfilerError, match="hf:MusicgenConfig does not run: AttributeError") as caught:
        of("hf:MusicgenConfig").profile()
    assert caught.value.exit_code == 2
    given = [str(each) for each in of("hf:MusicgenForConditionalGeneration").given]
    assert given == ["input_ids=2048:int64", "decoder_input_ids=4x2048:int64"]  # a row for each codebook


def test_a_grid_of_patches_by_hand() -> None:
    # a token a patch of 2·16·16·3, 196 of them: embedding, then q, k, v, out, both products, two layers, and what merges 4 to 1
    c, f, t, heads = 64, 96, 14 * 14, 4
    merged, out = 4 * c, 32
    found = of(
        f"hf:Qwen3VLVisionConfig@depth=1,deepstack_visual_indexes=[],hidden_size={c},intermediate_size={f},num_heads={heads},"
        f"out_hidden_size={out}"
    )
    layer = 4 * t * c * c + 2 * t * t * c + 2 * t * c * f
    assert found.profile().macs == t * 1536 * c + layer + t // 4 * (merged * merged + merged * out)


# Names


@pytest.mark.parametrize("name", ["Llama", "LLAMA", "llama"])
def test_a_model_type_in_any_case(name: str) -> None:
    assert type(of(f"hf:{name}@num_hidden_layers=1").module()).__name__ == "LlamaModel"


@pytest.mark.parametrize("name", ["DeepSeek-V3", "deepseekv3"])
def test_a_model_type_as_people_write_it(name: str) -> None:
    assert type(of(f"hf:{name}@num_hidden_layers=1").module()).__name__ == "DeepseekV3Model"


@pytest.mark.parametrize("name", ["bert-base-uncased", "meta-llama/Llama-2-7b-hf", "org/model", "./nowhere/model"])
def test_a_name_of_the_hub_says_what_to_do(name: str) -> None:
    with pytest.raises(Unavailable, match=r"nothing is fetched from the hub.*; download its config.json and name it") as caught:
        of(f"hf:{name}")
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_a_class_without_a_forward() -> None:
    with pytest.raises(ProfilerError, match="hf:BarkConfig: BarkModel has no forward of its own; name one of its parts"):
        of("hf:BarkConfig")


def test_a_near_name_in_any_case() -> None:
    with pytest.raises(UnknownName, match="did you mean LlamaForCausalLM"):
        of("hf:llamaforcausallmm")


@pytest.mark.parametrize("option", ["num_hidden_layers", "num_attention_heads"])
def test_more_layers_than_a_network_has(option: str) -> None:
    with pytest.raises(ProfilerError, match=f"hf:BertConfig: {option}=1000000000 is too large; give at most 10000"):
        of(f"hf:BertConfig@{option}=1000000000")


BERT = {"model_type": "bert", "num_hidden_layers": 1, "hidden_size": 64, "num_attention_heads": 2, "vocab_size": 100}
FILES: dict[str, tuple[str, str]] = {
    "architectures is a number": (json.dumps({**BERT, "architectures": 5}), "its architectures are 5; write a list"),
    "of numbers": (json.dumps({**BERT, "architectures": [5]}), r"its architectures are \[5\]; write a list"),
    "of null": (json.dumps({**BERT, "architectures": [None]}), r"its architectures are \[None\]; write a list"),
    "a module": (
        json.dumps({**BERT, "architectures": ["logging"]}),
        "its architecture 'logging' is not a model class for BertConfig",
    ),
    "a function": (json.dumps({**BERT, "architectures": ["pipeline"]}), "its architecture 'pipeline' is not a model class"),
    "an auto class": (
        json.dumps({**BERT, "architectures": ["AutoModel"]}),
        "its architecture 'AutoModel' is not a model class",
    ),
    "a configuration": (
        json.dumps({**BERT, "architectures": ["BertConfig"]}),
        "its architecture 'BertConfig' is not a model class",
    ),
    "another's model": (
        json.dumps({**BERT, "architectures": ["GPT2Model"]}),
        "its architecture 'GPT2Model' is not a model class",
    ),
    "model_type is a list": (
        json.dumps({**BERT, "model_type": ["bert"]}),
        "is not a configuration of transformers, which is JSON with a model_type",
    ),
    "model_type is a dict": (
        json.dumps({**BERT, "model_type": {}}),
        "is not a configuration of transformers, which is JSON with a model_type",
    ),
    "nested deeply": ("[" * 100_000, "is not a configuration of transformers, which is JSON with a model_type"),
    "no UTF-8": ("\udcff", "is not a configuration of transformers, which is JSON with a model_type"),
    "too many layers": (json.dumps({**BERT, "num_hidden_layers": 10**9}), "num_hidden_layers=1000000000 is too large"),
    "layers are a text": (json.dumps({**BERT, "num_hidden_layers": "many"}), "."),
    "a list for a size": (json.dumps({**BERT, "hidden_size": [1, 2]}), "."),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_configuration_that_is_none(tmp_path: Path, kind: str) -> None:
    text, sentence = FILES[kind]
    file = tmp_path / "config.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ProfilerError, match=sentence) as caught:
        of(f"hf:{file}").profile()
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_code_beside_a_configuration_is_not_run(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({**BERT, "architectures": ["TheirOwnModel", "BertForMaskedLM"]}))
    assert type(of(f"hf:{file}").module()).__name__ == "BertForMaskedLM"
