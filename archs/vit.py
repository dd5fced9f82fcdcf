"""An Image is Worth 16×16 Words: Transformers for Image Recognition at Scale (arXiv 2010.11929)."""

from __future__ import annotations

from typing import Literal

from profiler.network.combinators import Chain
from profiler.network.layers import ClassToken, Conv, LayerNorm, Linear, PositionEmbedding, Token, Tokens
from profiler.network.registry import architecture
from profiler.network.widths import fixed

from .blocks import attention, perceptron, pre_norm

# Table 1: layers, hidden size, MLP size, heads.
TABLE = {"B": (12, 768, 3072, 12), "L": (24, 1024, 4096, 16), "H": (32, 1280, 5120, 16)}
PAPER = "ViT (2010.11929)"


@architecture("vit_b_16", paper=PAPER, year=2020, input=(3, 224, 224), preset={"model": "B", "patch": 16})
@architecture("vit_b_32", paper=PAPER, year=2020, input=(3, 224, 224), preset={"model": "B", "patch": 32})
@architecture("vit_l_16", paper=PAPER, year=2020, input=(3, 224, 224), preset={"model": "L", "patch": 16})
@architecture("vit_l_32", paper=PAPER, year=2020, input=(3, 224, 224), preset={"model": "L", "patch": 32})
@architecture("vit_h_14", paper=PAPER, year=2020, input=(3, 224, 224), preset={"model": "H", "patch": 14})
def vit(model: Literal["B", "L", "H"], patch: int, classes: int = 1000) -> Chain:
    """Table 1 and Figure 1, fine-tuned: one linear layer for a head. The position embeddings grow with the side."""
    layers, hidden, mlp, heads = TABLE[model]

    encoder = Chain(
        attention=pre_norm(_norm(), attention(hidden, heads)),
        mlp=pre_norm(_norm(), perceptron(hidden, mlp)),
    )
    return Chain(
        stem=Chain(
            patches=Conv(hidden, patch, stride=patch), tokens=Tokens(), token=ClassToken(), position=PositionEmbedding()
        ),
        body=Chain(*[encoder] * layers),
        head=Chain(norm=_norm(), token=Token(), classifier=Linear(fixed(classes))),
    )


def _norm() -> LayerNorm:
    return LayerNorm(eps=1e-6)
