"""A new leaf from end to end, as CONTRIBUTING tells it: RMSNorm, which torch.nn has and the networks of the zoo do not.

In the package the class stands in network/layers.py and the formula in count/formulas.py. torch needs no line: the class of
torch.nn has the leaf's name and takes its fields.
"""

from __future__ import annotations

from math import prod

from profiler.count.leaves import Cost, formula
from profiler.count.shapes import Inputs, one
from profiler.network.layers import Layer, value_class


@value_class
class RMSNorm(Layer):
    """Root-mean-square normalisation over the last axis of `(*, C)`."""

    positional = 0
    eps: float | None = None
    elementwise_affine: bool = True


@formula(RMSNorm, kind="norm", op="rms_norm")
def rms_norm(leaf: RMSNorm, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    return Cost(shape, norm=shape[-1] if leaf.elementwise_affine else 0, elementwise=prod(shape))
