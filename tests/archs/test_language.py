"""GPT-2, BERT and Llama as values: equal to transformers' own classes at the same sizes, and to what was published."""

from __future__ import annotations

import csv
from fractions import Fraction
from math import prod
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from profiler import build, compare
from profiler.errors import ProfilerError, ShapeError
from profiler.load.load import load
from profiler.network.combinators import Chain
from profiler.network.layers import Embedding, Linear, PositionEmbedding, TiedLinear
from profiler.network.registry import find, zoo_folder
from profiler.network.widths import fixed
from profiler.report.answers.formula import lines
from profiler.study.formula import formula
from profiler.tracing.traced import trace

SMALL: dict[str, dict[str, Any]] = {
    "gpt2": {"layers": 3, "width": 48, "heads": 4, "vocabulary": 91},
    "bert_base": {"layers": 2, "width": 60, "heads": 6, "vocabulary": 77},
    "llama2_7b": {"layers": 2, "width": 64, "heads": 4, "kv_heads": 4, "inner": 88, "vocabulary": 53},
    "llama3_8b": {"layers": 3, "width": 96, "heads": 12, "kv_heads": 3, "inner": 100, "vocabulary": 53},
}
"""One of each kind, small enough to be run."""
NAMES = {
    "GPT2LMHeadModel": {"layers": "n_layer", "width": "n_embd", "heads": "n_head", "vocabulary": "vocab_size"},
    "BertModel": {"layers": "num_hidden_layers", "width": "hidden_size", "heads": "num_attention_heads", "vocabulary": "vocab_size"},
    "LlamaForCausalLM": {
        "layers": "num_hidden_layers", "width": "hidden_size", "heads": "num_attention_heads",
        "kv_heads": "num_key_value_heads", "inner": "intermediate_size", "vocabulary": "vocab_size",
    },
}  # fmt: skip
"""What transformers calls our options."""
CLASS = {"gpt2": "GPT2LMHeadModel", "bert": "BertModel", "llama": "LlamaForCausalLM"}
PUBLISHED = {
    "gpt2": "GPT-2", "gpt2_xl": "GPT-2 XL", "llama2_7b": "Llama 2 7B", "llama2_70b": "Llama 2 70B", "llama3_8b": "Llama 3 8B",
    "llama3_70b": "Llama 3 70B",
}  # fmt: skip
"""{ours: the model of archs/language_models.csv}."""


def of_transformers(name: str, options: dict[str, int], tokens: int) -> Any:
    """transformers' own class at the same sizes."""
    cls = next(cls for start, cls in CLASS.items() if name.startswith(start))
    settings = {theirs: options[ours] for ours, theirs in NAMES[cls].items()}
    if cls == "BertModel":
        settings["intermediate_size"] = 4 * options["width"]
    written = ",".join(f"{key}={value}" for key, value in settings.items())
    return load(f"hf:{cls}@{written}", input=f"{tokens}")


def full_options(name: str) -> dict[str, int]:
    return {key: option.default for key, option in find(name).options.items()}


@pytest.mark.parametrize("tokens", [1, 33, 512])
@pytest.mark.parametrize("name", [*SMALL, "gpt2_medium", "bert_large", "llama2_70b"])
def test_it_counts_what_transformers_counts(name: str, tokens: int) -> None:
    pytest.importorskip("transformers")
    options = SMALL.get(name) or full_options(name)
    ours = load(name, input=(tokens,), options={k: v for k, v in options.items() if k != "tokens"}).profile()
    theirs = of_transformers(name, options, tokens).profile(1)
    assert (ours.params, ours.macs, ours.useful_macs) == (theirs.params, theirs.macs, theirs.useful_macs)
    assert (ours.weights, ours.totals.bias, ours.totals.norm) == (theirs.weights, theirs.totals.bias, theirs.totals.norm)
    assert ours.activations == theirs.activations


@pytest.mark.parametrize("name", PUBLISHED)
def test_its_parameters_are_those_of_the_published_files(name: str) -> None:
    with (zoo_folder() / "language_models.csv").open(newline="", encoding="utf-8") as file:
        (printed,) = [
            row["published"] for row in csv.DictReader(file) if (row["model"], row["quantity"]) == (PUBLISHED[name], "params")
        ]
    assert load(name).totals().params == int(printed)


def test_macs_by_hand() -> None:
    """Llama 3 at three layers: queries and the projection are square, keys and values of 3 heads of 8 of 12."""
    (width, inner, words, tokens) = (96, 100, 53, 40)
    found = load("llama3_8b", input=(tokens,), options=SMALL["llama3_8b"]).totals()
    layer = width * width * 2 + width * 24 * 2 + 3 * width * inner
    assert found.macs == 3 * (layer * tokens + 2 * tokens * tokens * width) + words * width * tokens
    assert found.weights == 3 * layer + 2 * words * width
    assert found.norm == (2 * 3 + 1) * width


@pytest.mark.parametrize("name", SMALL)
def test_the_built_module_is_its_rows_and_runs(name: str) -> None:
    network = load(name, input=(20,), options=SMALL[name])
    module = build(name, input=(20,), **SMALL[name])
    args, kwargs = network.example(2)
    assert args[0].dtype is torch.int64
    with torch.no_grad():
        output = module(*args, **kwargs)
    assert output.shape == network.profile(2).rows[-1].output
    assert torch.isfinite(output).all()
    assert sum(p.numel() for p in module.parameters()) == network.totals().params  # a tied table once
    expected = network.profile(2)
    unallocated = build(name, input=(20,), device="meta", **SMALL[name])
    found = trace(unallocated, (args[0].to("meta"),), batch=2)
    assert found.profile.rows == expected.rows
    with FlopCounterMode(display=False) as counter:
        unallocated(args[0].to("meta"))
    assert counter.get_total_flops() == 2 * expected.macs


@pytest.mark.parametrize("name", ["gpt2", "llama3_8b"])
def test_a_decoder_is_causal(name: str) -> None:
    module = build(name, input=(12,), **SMALL[name])
    text = torch.randint(50, (1, 12), generator=torch.Generator().manual_seed(1))
    other = text.clone()
    other[0, 8:] = (other[0, 8:] + 1) % 50
    with torch.no_grad():
        a, b = module(text), module(other)
    assert torch.allclose(a[:, :8], b[:, :8], atol=1e-5)
    assert not torch.allclose(a[:, 8:], b[:, 8:], atol=1e-3)


def test_rotary_positions_turn_as_those_of_transformers() -> None:
    """The same weights give the same scores as LlamaForCausalLM, grouped heads and all."""
    transformers = pytest.importorskip("transformers")
    options = SMALL["llama3_8b"]
    settings = {theirs: options[ours] for ours, theirs in NAMES["LlamaForCausalLM"].items()}
    config = transformers.LlamaConfig(**settings, rms_norm_eps=1e-5, rope_theta=500_000.0, attn_implementation="eager")
    theirs = transformers.LlamaForCausalLM(config).eval()
    ours = build("llama3_8b", input=(9,), **options)
    known = dict(theirs.named_parameters())
    own = dict(ours.named_parameters())
    with torch.no_grad():
        for path, weight in own.items():
            if path.endswith("qkv.weight"):
                layer = path.split(".")[1]
                parts = [known[f"model.layers.{layer}.self_attn.{x}_proj.weight"] for x in "qkv"]
                weight.copy_(torch.cat(parts))
            else:
                weight.copy_(known[_theirs(path)])
        text = torch.arange(9)[None] * 5
        assert torch.allclose(ours(text), theirs(text).logits, atol=1e-4)


def _theirs(path: str) -> str:
    fixed_names = {
        "stem.token.weight": "model.embed_tokens.weight", "head.norm.weight": "model.norm.weight",
        "head.scores.weight": "lm_head.weight",
    }  # fmt: skip
    if path in fixed_names:
        return fixed_names[path]
    _, layer, *rest = path.split(".")
    inside = {
        "attention.branch.norm": "input_layernorm", "attention.branch.project": "self_attn.o_proj",
        "mlp.branch.norm": "post_attention_layernorm", "mlp.branch.expand.gate.linear": "mlp.gate_proj",
        "mlp.branch.expand.up": "mlp.up_proj", "mlp.branch.project": "mlp.down_proj",
    }  # fmt: skip
    return f"model.layers.{layer}.{inside['.'.join(rest[:-1])]}.weight"


def test_polynomials_in_width_tokens_and_layers() -> None:
    (found,) = formula("gpt2")
    c, layers, vocabulary, positions = 768, 12, 50257, 1024
    assert found.macs == {(2, 1): layers * 12 * c * c, (1, 2): layers * 2 * c, (1, 1): vocabulary * c}
    assert found.params == {(2, 0): layers * 12 * c * c, (1, 0): (vocabulary + positions) * c + layers * 13 * c + 2 * c}
    assert found.layer is not None
    params, macs = found.layer
    layer: tuple[Any, Any] = (params, macs)
    assert layer == ({(2, 0): 12 * c * c, (1, 0): 13 * c}, {(2, 1): 12 * c * c, (1, 2): 2 * c})
    assert (found.domain.alpha_step, found.domain.most, found.domain.axis) == (Fraction(1, 64), positions, "tokens")
    for alpha, tokens in ((Fraction(1), 777), (Fraction(3, 8), 5), (Fraction(2), 1024)):
        totals = load("gpt2", alpha=alpha, input=(tokens,)).totals()
        assert found.at("macs", alpha, tokens) == totals.macs
        assert found.at("params", alpha, tokens) == totals.params
    # N besides tables and positions is 85 M: 6N FLOPs a token is short of the head by the words of the table
    said = "\n".join(lines(found))
    assert f"each layer: params {12 * c * c:,}·α² + {13 * c:,}·α; MACs {12 * c * c:,}·α²·T + {2 * c:,}·α·T²" in said
    assert "rule of thumb: N·T = 85,056,000·T" in said
    assert "1 ≤ T ≤ 1,024" in said


def test_a_layer_of_llama_is_its_formula() -> None:
    (found,) = formula("llama2_70b", alpha=1)
    width, kv, inner = 8192, 1024, 28672
    weights = 2 * width * width + 2 * width * kv + 3 * width * inner
    assert found.layer is not None
    params, macs = found.layer
    layer: tuple[Any, Any] = (params, macs)
    assert layer == ({(0, 0): weights + 2 * width}, {(0, 2): 2 * width, (0, 1): weights})


def test_more_tokens_than_positions_are_refused() -> None:
    with pytest.raises(ShapeError) as caught:
        load("gpt2", input=(1025,)).totals()
    assert str(caught.value) == "stem.position: has 1024 positions and is given 1025 tokens; give at most 1024"
    with pytest.raises(
        ProfilerError, match="gpt2 reads 1024 tokens, which have no height and width; give --input, as --input 512"
    ):
        load("gpt2", resolution=224)


def test_tied_weights_need_their_table() -> None:
    tied = Chain(token=Embedding(11, 6), scores=TiedLinear(fixed(11)))
    totals = load(tied, input=(5,)).totals()
    assert (totals.params, totals.macs) == (11 * 6, 5 * 6 * 11)
    for wrong in (Chain(Linear(6), TiedLinear(fixed(11))), Chain(Embedding(11, 7), Linear(6), TiedLinear(fixed(11)))):
        with pytest.raises(ShapeError, match="has the weights of an Embedding of 11 vectors of 6, and none comes before it"):
            load(wrong, input=(5,)).totals()


def test_positions_that_are_not_used_are_parameters_and_are_not_read() -> None:
    rows = load(Chain(Embedding(9, 4), PositionEmbedding(50)), input=(3,)).profile().rows
    assert rows[1].weights == 50 * 4
    assert rows[1].moved == 4 * prod((3, 4)) * 3  # what it is given, three of its vectors, and what it gives


@pytest.mark.parametrize("alpha", ["0.05", "0.3", "0.77", "1.4"])
@pytest.mark.parametrize("name", ["gpt2", "bert_base", "llama2_70b"])
def test_a_width_multiplier_keeps_heads_whole(name: str, alpha: str) -> None:
    rows = load(name, alpha=alpha, input=(7,)).profile().rows
    for row in rows:
        if row.op == "attention":
            heads, kv_heads = row.facts["heads"], row.facts.get("kv_heads") or row.facts["heads"]
            assert row.inputs[0][-1] % (2 * (heads + 2 * kv_heads)) in (0, heads + 2 * kv_heads)
            assert row.inputs[0][-1] * heads == row.output[-1] * (heads + 2 * kv_heads)


def test_useful_macs_are_the_same_in_a_table_and_alone() -> None:
    (row,) = compare("gpt2", engine="closed")
    found = load("gpt2").profile()
    c, layers, tokens = 768, 12, 1024
    assert row["useful_macs"] == found.useful_macs == found.macs - layers * tokens * (tokens - 1) * c
