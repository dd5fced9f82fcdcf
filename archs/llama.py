"""Llama 2: Open Foundation and Fine-Tuned Chat Models (arXiv 2307.09288); The Llama 3 Herd of Models (arXiv 2407.21783)."""

from __future__ import annotations

from profiler.network.combinators import Chain
from profiler.network.layers import Embedding, Linear, RMSNorm
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import attention, gated_perceptron, pre_norm

PAPER_2 = "Llama 2 (2307.09288)"
PAPER_3 = "Llama 3 (2407.21783)"
ROTARY_2 = 10_000.0
ROTARY_3 = 500_000.0


def _tokens(tokens: int) -> tuple[int]:
    return (tokens,)


@architecture("llama2_7b", paper=PAPER_2, year=2023, input=_tokens, task="language")
def llama2_7b(
    layers: int = 32,
    width: int = 4096,
    heads: int = 32,
    kv_heads: int = 32,
    inner: int = 11008,
    tokens: int = 4096,  # noqa: ARG001  # the input follows it
    vocabulary: int = 32000,
) -> Chain:
    """Section 2.2: a decoder with RMSNorm before each branch, rotary positions, SwiGLU, no biases and a head of its own.

    `kv_heads` fewer heads of keys and values are shared by those of queries. `tokens` is the length of the text; the scores of
    every position are counted.
    """
    return _llama(layers, width, heads, kv_heads, inner, vocabulary, ROTARY_2)


@architecture("llama2_13b", paper=PAPER_2, year=2023, input=_tokens, task="language")
def llama2_13b(
    layers: int = 40,
    width: int = 5120,
    heads: int = 40,
    kv_heads: int = 40,
    inner: int = 13824,
    tokens: int = 4096,  # noqa: ARG001  # the input follows it
    vocabulary: int = 32000,
) -> Chain:
    """Table 1, the second size."""
    return _llama(layers, width, heads, kv_heads, inner, vocabulary, ROTARY_2)


@architecture("llama2_70b", paper=PAPER_2, year=2023, input=_tokens, task="language")
def llama2_70b(
    layers: int = 80,
    width: int = 8192,
    heads: int = 64,
    kv_heads: int = 8,
    inner: int = 28672,
    tokens: int = 4096,  # noqa: ARG001  # the input follows it
    vocabulary: int = 32000,
) -> Chain:
    """Table 1, the largest size, whose heads of queries share 8 heads of keys and values."""
    return _llama(layers, width, heads, kv_heads, inner, vocabulary, ROTARY_2)


@architecture("llama3_8b", paper=PAPER_3, year=2024, input=_tokens, task="language")
def llama3_8b(
    layers: int = 32,
    width: int = 4096,
    heads: int = 32,
    kv_heads: int = 8,
    inner: int = 14336,
    tokens: int = 8192,  # noqa: ARG001  # the input follows it
    vocabulary: int = 128256,
) -> Chain:
    """Table 3, the smallest size: 8 heads of keys and values, and more tokens in the table."""
    return _llama(layers, width, heads, kv_heads, inner, vocabulary, ROTARY_3)


@architecture("llama3_70b", paper=PAPER_3, year=2024, input=_tokens, task="language")
def llama3_70b(
    layers: int = 80,
    width: int = 8192,
    heads: int = 64,
    kv_heads: int = 8,
    inner: int = 28672,
    tokens: int = 8192,  # noqa: ARG001  # the input follows it
    vocabulary: int = 128256,
) -> Chain:
    """Table 3, the second size."""
    return _llama(layers, width, heads, kv_heads, inner, vocabulary, ROTARY_3)


def _llama(layers: int, width: int, heads: int, kv_heads: int, inner: int, vocabulary: int, base: float) -> Chain:
    block = Chain(
        attention=pre_norm(_norm(), attention(width, heads, kv_heads, bias=False, causal=True, base=base)),
        mlp=pre_norm(_norm(), gated_perceptron(width, inner)),
    )
    return Chain(
        stem=Chain(token=Embedding(vocabulary, width)),
        body=Chain(*[block] * layers),
        head=Chain(norm=_norm(), scores=Linear(fixed(vocabulary), bias=False)),
    )


def _norm() -> RMSNorm:
    return RMSNorm(eps=1e-5)
