"""BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding (arXiv 1810.04805)."""

from __future__ import annotations

from profiler.network.combinators import Chain
from profiler.network.layers import Activation, Embedding, LayerNorm, Linear, PositionEmbedding, SegmentEmbedding, Token
from profiler.network.registry import architecture

from .blocks import attention, perceptron, post_norm

PAPER = "BERT (1810.04805)"
POSITIONS = 512
SEGMENTS = 2
VOCABULARY = 30522


def _tokens(tokens: int) -> tuple[int]:
    return (tokens,)


@architecture("bert_base", paper=PAPER, year=2018, input=_tokens, task="language")
def bert_base(
    layers: int = 12,
    width: int = 768,
    heads: int = 12,
    tokens: int = POSITIONS,  # noqa: ARG001  # the input follows it
    vocabulary: int = VOCABULARY,
) -> Chain:
    """Section 3: an encoder with a normalisation after each sum, and the pooler of the first token; no head of a task.

    `tokens` is the length of the text, of at most 512 positions, as one segment.
    """
    return _bert(layers, width, heads, vocabulary)


@architecture("bert_large", paper=PAPER, year=2018, input=_tokens, task="language")
def bert_large(
    layers: int = 24,
    width: int = 1024,
    heads: int = 16,
    tokens: int = POSITIONS,  # noqa: ARG001  # the input follows it
    vocabulary: int = VOCABULARY,
) -> Chain:
    """Section 3, the larger size."""
    return _bert(layers, width, heads, vocabulary)


def _bert(layers: int, width: int, heads: int, vocabulary: int) -> Chain:
    block = Chain(
        attention=post_norm(_norm(), attention(width, heads)),
        mlp=post_norm(_norm(), perceptron(width, 4 * width)),
    )
    return Chain(
        stem=Chain(
            token=Embedding(vocabulary, width),
            position=PositionEmbedding(POSITIONS),
            segment=SegmentEmbedding(SEGMENTS),
            norm=_norm(),
        ),
        body=Chain(*[block] * layers),
        head=Chain(token=Token(), pooler=Linear(width), act=Activation("Tanh")),
    )


def _norm() -> LayerNorm:
    return LayerNorm(eps=1e-12)
