"""Language Models are Unsupervised Multitask Learners (GPT-2, OpenAI 2019)."""

from __future__ import annotations

from profiler.network.combinators import Chain
from profiler.network.layers import Embedding, LayerNorm, PositionEmbedding, TiedLinear
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import attention, perceptron, pre_norm

PAPER = "GPT-2 (OpenAI 2019)"
POSITIONS = 1024
VOCABULARY = 50257


def _tokens(tokens: int) -> tuple[int]:
    return (tokens,)


@architecture("gpt2", paper=PAPER, year=2019, input=_tokens, task="language")
def gpt2(
    layers: int = 12,
    width: int = 768,
    heads: int = 12,
    tokens: int = POSITIONS,  # noqa: ARG001  # the input follows it
    vocabulary: int = VOCABULARY,
) -> Chain:
    """Section 2.3: a decoder with a normalisation before each branch and after the last block, and the table of tokens as head.

    `tokens` is the length of the text, of at most 1,024 positions; the scores of every position are counted.
    """
    return _gpt2(layers, width, heads, vocabulary)


@architecture("gpt2_medium", paper=PAPER, year=2019, input=_tokens, task="language")
def gpt2_medium(
    layers: int = 24,
    width: int = 1024,
    heads: int = 16,
    tokens: int = POSITIONS,  # noqa: ARG001  # the input follows it
    vocabulary: int = VOCABULARY,
) -> Chain:
    """Table 2, the second size."""
    return _gpt2(layers, width, heads, vocabulary)


@architecture("gpt2_large", paper=PAPER, year=2019, input=_tokens, task="language")
def gpt2_large(
    layers: int = 36,
    width: int = 1280,
    heads: int = 20,
    tokens: int = POSITIONS,  # noqa: ARG001  # the input follows it
    vocabulary: int = VOCABULARY,
) -> Chain:
    """Table 2, the third size."""
    return _gpt2(layers, width, heads, vocabulary)


@architecture("gpt2_xl", paper=PAPER, year=2019, input=_tokens, task="language")
def gpt2_xl(
    layers: int = 48,
    width: int = 1600,
    heads: int = 25,
    tokens: int = POSITIONS,  # noqa: ARG001  # the input follows it
    vocabulary: int = VOCABULARY,
) -> Chain:
    """Table 2, the largest size."""
    return _gpt2(layers, width, heads, vocabulary)


def _gpt2(layers: int, width: int, heads: int, vocabulary: int) -> Chain:
    block = Chain(
        attention=pre_norm(LayerNorm(), attention(width, heads, causal=True)),
        mlp=pre_norm(LayerNorm(), perceptron(width, 4 * width)),
    )
    return Chain(
        stem=Chain(token=Embedding(vocabulary, width), position=PositionEmbedding(POSITIONS)),
        body=Chain(*[block] * layers),
        head=Chain(norm=LayerNorm(), scores=TiedLinear(fixed(vocabulary))),
    )
