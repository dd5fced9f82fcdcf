"""A new leaf from end to end, as CONTRIBUTING tells it: Softplus, which torch.nn has and the networks of the zoo do not.

In the package the class stands in network/layers.py and the formula in count/formulas.py. torch needs no line: the class of
torch.nn has the leaf's name and takes its fields.
"""

from __future__ import annotations

from math import prod

from profiler.count.leaves import Cost, formula
from profiler.count.shapes import Inputs, one
from profiler.network.layers import Layer, value_class


@value_class
class Softplus(Layer):
    """log(1 + exp(beta · x)) / beta, an element; x itself above the threshold."""

    positional = 0
    beta: float = 1.0
    threshold: float = 20.0


@formula(Softplus, kind="activation")
def softplus(leaf: Softplus, inputs: Inputs, same: int | None) -> Cost:
    shape = one(inputs)
    return Cost(shape, elementwise=prod(shape))
