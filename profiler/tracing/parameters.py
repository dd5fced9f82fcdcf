"""Which parameters and buffers a forward reads: each once, by identity, from the tensors that operators are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from torch import Tensor, nn

from profiler.module.trees import tensors
from profiler.tracing.paths import shared_paths
from profiler.tracing.restore import Places


class Owner(NamedTuple):
    """A parameter or buffer, and whose it is."""

    tensor: Tensor
    module: nn.Module | None
    """None of a parameter that no module of the network registers."""
    name: str
    parameter: bool


class ParameterReads:
    """The parameters and buffers of a network, those that were read, and what was made of them alone."""

    def __init__(self, everything: Places) -> None:
        self.paths: dict[int, str] = {}
        self.shared_paths = shared_paths(everything)
        self.owners: dict[int, Owner] = {}
        """id of a parameter or buffer → what it is. Beside those of the module, those that its forward has elsewhere."""
        self.counted_tensors: set[int] = set()
        self.derived: dict[int, tuple[Tensor, frozenset[int]]] = {}
        """id of what was made of parameters alone → itself, so that the id stays its own, and theirs."""
        self.tied: list[str] = []
        """Second names of parameters."""
        seen: set[int] = set()
        for path, module in everything:
            self.paths[id(module)] = path
            for name, p in module._parameters.items():
                if p is not None and id(p) in seen:
                    self.tied.append(f"{path}.{name}".lstrip("."))
                elif p is not None:
                    seen.add(id(p))
            self.own(module)

    def own(self, module: nn.Module) -> None:
        """Knows the parameters and buffers of a module as its own."""
        owners = self.owners
        for name, p in module._parameters.items():
            if p is not None and isinstance(p, nn.Parameter) and id(p) not in owners:
                owners[id(p)] = Owner(p, module, name, True)
        for name, b in module._buffers.items():
            if b is not None and id(b) not in owners:
                owners[id(b)] = Owner(b, module, name, False)

    def adopt(self, t: Tensor) -> bool:
        """Whether a tensor is a parameter; one that no module of the network registers is known from now on."""
        if not isinstance(t, nn.Parameter):
            return False
        self.owners[id(t)] = Owner(t, None, "parameter", True)
        return True

    def derive(self, out: Any, read: frozenset[int]) -> None:
        """Knows what was made of parameters alone."""
        for t in tensors(out):
            if id(t) not in self.owners:
                self.derived[id(t)] = (t, read)

    def read_by(self, held: list[Tensor]) -> frozenset[int]:
        """ids of the parameters and buffers that tensors are, or are views of."""
        return frozenset().union(*(self.derived[id(t)][1] if id(t) in self.derived else (id(t),) for t in held))

    def first_read(self, keys: Iterable[int], of_norm: Callable[[Owner], bool]) -> tuple[int, int, int, int]:
        """weights, bias, norm and buffers of those that nothing read before, whose ids are given."""
        weights = bias = norm = buffers = 0
        for key in keys:
            owner = self.owners.get(key)
            if owner is None or key in self.counted_tensors:
                continue
            self.counted_tensors.add(key)
            n = owner.tensor.numel()
            if not owner.parameter:
                buffers += n
            elif of_norm(owner):
                norm += n
            elif "bias" in owner.name:
                bias += n
            else:
                weights += n
        return weights, bias, norm, buffers
