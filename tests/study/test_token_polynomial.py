"""Language models as polynomials in their tokens, each coefficient the product that it is."""

from __future__ import annotations

from fractions import Fraction

import pytest

from profiler.report.answers.formula import lines
from profiler.study.formula import formula

pytest.importorskip("transformers")


def test_gpt2() -> None:
    (found,) = formula("hf:GPT2LMHeadModel")
    c, layers, vocabulary, positions = 768, 12, 50257, 1024
    # q, k, v and out, and the two of a feed-forward of 4·C; the head; Q·Kᵀ and A·V
    weights = layers * 12 * c * c
    assert found.macs == {(0, 2): Fraction(layers * 2 * c), (0, 1): Fraction(weights + c * vocabulary)}
    assert found.params == {(0, 0): Fraction(124_439_808)}
    assert found.points == (3, 6)
    assert found.thumb == (124_439_808 - (vocabulary + positions) * c, 1024)
    said = "\n".join(lines(found))
    assert "MACs(T) = 18,432·T² + 123,532,032·T\n" in said
    assert "T tokens, T ≥ 1; found from 3 traced points, confirmed at 6 more; one sample" in said
    exact = 18432 * 1024**2 + 123532032 * 1024
    assert (
        f"rule of thumb: N·T = 85,056,000·T, which is 6N FLOPs a token of a training step, 59.7 % of the exact {exact:,}"
        in said
    )


def test_bert_has_a_pooler_of_one_token() -> None:
    (found,) = formula(
        "hf:BertModel@num_hidden_layers=2,hidden_size=64,num_attention_heads=4,intermediate_size=96,vocab_size=100"
    )
    assert found.macs == {
        (0, 2): Fraction(2 * 2 * 64),
        (0, 1): Fraction(2 * (4 * 64 * 64 + 2 * 64 * 96)),
        (0, 0): Fraction(64 * 64),
    }
