"""An Image is Worth 16×16 Words: Transformers for Image Recognition at Scale (arXiv 2010.11929)."""

from __future__ import annotations

from typing import Literal

from profiler.network.combinators import Branches, Chain
from profiler.network.layers import (
    Activation,
    Add,
    Attention,
    ClassToken,
    Conv,
    Identity,
    Layer,
    LayerNorm,
    Linear,
    PositionEmbedding,
    Token,
    Tokens,
)
from profiler.network.registry import architecture
from profiler.network.widths import fixed, times

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

    def residual(**branch: Layer) -> Branches:
        return Branches(branch=Chain(norm=_norm(), **branch), shortcut=Identity(), join=Add())

    # module hooks miss the projections inside nn.MultiheadAttention; here they are layers
    encoder = Chain(
        attention=residual(qkv=Linear(times(3)), attend=Attention(heads), project=Linear(hidden)),
        mlp=residual(expand=Linear(mlp), act=Activation("GELU"), project=Linear(hidden)),
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
