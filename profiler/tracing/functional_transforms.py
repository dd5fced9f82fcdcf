"""torch.func in inference mode: versions before 2.13 compute no gradients there and say nothing, so they run with gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

COMPUTE_IN_INFERENCE = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 13)
"""Whether transforms of this version compute gradients in inference mode."""
if not COMPUTE_IN_INFERENCE:
    from torch._functorch import eager_transforms  # here, since it changes the filters of warnings, which a forward must not
ENTRIES = ("grad_increment_nesting", "jvp_increment_nesting")
"""What grad, vjp, jacrev, jvp, jacfwd and hessian enter as they begin."""


@contextmanager
def refused_in_inference() -> Iterator[None]:
    """For a with block, a transform that would compute nothing raises RuntimeError, as what needs gradients does."""
    if COMPUTE_IN_INFERENCE:
        yield
        return
    before = {name: getattr(eager_transforms, name) for name in ENTRIES}
    for name, entry in before.items():
        setattr(eager_transforms, name, _refusing(entry))
    try:
        yield
    finally:
        for name, entry in before.items():
            setattr(eager_transforms, name, entry)


def _refusing(entry: Callable[..., Any]) -> Callable[..., Any]:
    def enter(*args: Any, **kwargs: Any) -> Any:
        if torch.is_inference_mode_enabled():
            raise RuntimeError(f"torch.func requires grad mode in torch {torch.__version__}")
        return entry(*args, **kwargs)

    return enter
