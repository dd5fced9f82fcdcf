"""Autocast on the meta device, where torch does not apply it: products in the lower type, some operators in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from profiler.module.trees import map_tensors

_LOWER = (
    *("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "conv_tbc", "convolution"),
    *("mm", "bmm", "addmm", "baddbmm", "addbmm", "addmv", "mv", "addr", "matmul", "linear", "linalg_matmul", "einsum"),
    *("_addmm_activation", "linalg_vecdot", "linalg_multi_dot", "scaled_dot_product_attention", "chain_matmul", "prelu"),
    *("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell", "_thnn_fused_lstm_cell", "_thnn_fused_gru_cell"),
)
LOWER = frozenset(f"aten::{name}" for name in _LOWER)
"""Operators that run in the lower type on every device (torch's documentation of autocast; prelu and cells on CUDA)."""
_FULL_ON_CUDA = (
    *("acos", "asin", "cosh", "erfinv", "exp", "expm1", "log", "log10", "log2", "log1p", "reciprocal", "rsqrt", "sinh", "tan"),
    *(
        "pow",
        "softplus",
        "layer_norm",
        "native_layer_norm",
        "group_norm",
        "frobenius_norm",
        "nuclear_norm",
        "cosine_similarity",
    ),
    *(
        "poisson_nll_loss",
        "nll_loss",
        "nll_loss2d",
        "hinge_embedding_loss",
        "kl_div",
        "l1_loss",
        "smooth_l1_loss",
        "huber_loss",
    ),
    *("mse_loss", "multi_margin_loss", "soft_margin_loss", "triplet_margin_loss", "dist", "pdist", "cdist", "renorm", "norm"),
    *("softmax", "log_softmax", "sum", "prod", "cumsum", "cumprod", "logsumexp", "linalg_vector_norm", "linalg_matrix_norm"),
)
_FULL_ON_CPU = (
    *("avg_pool3d", "binary_cross_entropy", "grid_sampler", "polar", "prod", "quantile", "nanquantile", "stft", "cdist"),
    *("trace", "view_as_complex", "cholesky", "inverse", "pinverse", "mse_loss", "cosine_embedding_loss", "nll_loss"),
    *("smooth_l1_loss", "l1_loss", "kl_div", "huber_loss", "linalg_vector_norm", "linalg_matrix_norm"),
)
_FULL = {kind: frozenset(f"aten::{name}" for name in names) for kind, names in (("cuda", _FULL_ON_CUDA), ("cpu", _FULL_ON_CPU))}


def enabled() -> str:
    """The device whose autocast is on, empty where none is."""
    return "cuda" if torch.is_autocast_enabled("cuda") else "cpu" if torch.is_autocast_enabled("cpu") else ""


@contextmanager
def watched(changed: Callable[[str], None]) -> Iterator[None]:
    """Calls `changed` with the device whose autocast is on, now and wherever a region of autocast begins or ends.

    Where operators arrive torch has switched it off already, so that it cannot be asked there.
    """
    region_class: Any = torch.autocast
    enter, leave = region_class.__enter__, region_class.__exit__

    def __enter__(region: Any) -> Any:  # noqa: N807
        found = enter(region)
        changed(enabled())
        return found

    def __exit__(region: Any, *fault: Any) -> Any:  # noqa: N807
        found = leave(region, *fault)
        changed(enabled())
        return found

    changed(enabled())
    region_class.__enter__, region_class.__exit__ = __enter__, __exit__
    try:
        yield
    finally:
        region_class.__enter__, region_class.__exit__ = enter, leave


def cast_arguments(name: str, device: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments of an operator as autocast of a device hands them on."""
    if name in LOWER:
        dtype = torch.get_autocast_dtype(device)
    elif name in _FULL[device]:
        dtype = torch.float32
    else:
        return args, kwargs

    def change(t: Tensor) -> Tensor:
        eligible = t.is_floating_point() and t.dtype is not torch.float64 and t.dtype is not dtype
        return torch.empty_strided(t.shape, t.stride(), dtype=dtype, device="meta") if eligible else t

    return map_tensors(list(args), change), map_tensors(dict(kwargs), change)
