"""What one torch operator costs: one table {operator: formula}, and those that are known to be free. Shapes in, integers out.

Three sorts. PRODUCTS have multiply-adds. Elementwise operators cost their output elements: those that torch itself marks as
pointwise, and the few of ELEMENTWISE. FREE ones move or name data. An operator in none of them is opened, where torch knows what
it is made of, and otherwise reported: never counted as nothing. A complex multiply-add is four real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

Shape = tuple[int, ...]


class Work(NamedTuple):
    """What one call does, for the whole batch."""

    macs: int = 0
    activations: int = 0
    elementwise: int = 0
    facts: Mapping[str, Any] = {}


Formula = Callable[..., Work]
"""(output, *args, **kwargs) as the operator was called → Work."""


def _product(out: Any, macs: int, **facts: Any) -> Work:
    first = out if isinstance(out, Tensor) else out[0]
    factor = 4 if first.is_complex() else 1
    return Work(factor * macs, first.numel(), 0, facts)


# Convolutions: elements of the weight × positions, whatever the groups


def _conv(out: Any, x: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
          groups: int = 1, *rest: Any) -> Work:  # fmt: skip
    # x (B, M, *n) or (M, *n), weight (N, M/groups, *k), out (B, N, *m)
    channels, rank = weight.shape[0], weight.ndim - 2
    facts = _window(weight, rank, stride, padding, dilation, groups, bias)
    return _product(out, out.numel() // max(channels, 1) * weight.numel(), **facts)


def _conv_transpose(out: Any, x: Tensor, weight: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0,
                    output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Work:  # fmt: skip
    # every *input* position meets the whole weight (M, N/groups, *k)
    facts = _window(weight, weight.ndim - 2, stride, padding, dilation, groups, bias) | {"transposed": True}
    return _product(out, x.numel() // max(weight.shape[0], 1) * weight.numel(), **facts)


def _convolution(out: Any, x: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
                 output_padding: Any, groups: int, *rest: Any) -> Work:  # fmt: skip
    if transposed:
        return _conv_transpose(out, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _conv(out, x, weight, bias, stride, padding, dilation, groups)


def _conv_tbc(out: Any, x: Tensor, weight: Tensor, *rest: Any) -> Work:
    # x (T, B, M), weight (k, M, N)
    return _product(out, out.numel() // max(weight.shape[2], 1) * weight.numel())


def _window(weight: Tensor, rank: int, stride: Any, padding: Any, dilation: Any, groups: int, bias: Any) -> dict[str, Any]:
    def spread(value: Any) -> Any:
        if isinstance(value, int):
            return (value,) * rank
        return value if isinstance(value, str) else tuple(value) * (rank if len(value) == 1 else 1)

    return {
        "kernel": tuple(weight.shape[2:]), "stride": spread(stride), "padding": spread(padding), "dilation": spread(dilation),
        "groups": groups, "bias": bias is not None,
    }  # fmt: skip


# Matrix products: elements of the output × the length of what is summed


def _linear(out: Any, x: Tensor, weight: Tensor, bias: Any = None) -> Work:
    # x (*, M), weight (N, M) or (M,)
    return _product(out, x.numel() * (weight.shape[0] if weight.ndim == 2 else 1), bias=bias is not None)


def _matmul(out: Any, a: Tensor, b: Tensor, *rest: Any, **named: Any) -> Work:
    # (*, n, k) · (*, k, m), the leading axes spread over each other; vectors drop their axis
    return _product(out, out.numel() * a.shape[-1])


def _plus_matmul(out: Any, c: Tensor, a: Tensor, b: Tensor, *rest: Any, **named: Any) -> Work:
    return _product(out, out.numel() * a.shape[-1])


def _addbmm(out: Any, c: Tensor, a: Tensor, b: Tensor, *rest: Any, **named: Any) -> Work:
    # (B, n, k) · (B, k, m), summed over the batch
    return _product(out, out.numel() * a.shape[0] * a.shape[-1])


def _outer(out: Any, *rest: Any, **named: Any) -> Work:
    return _product(out, out.numel())


def _bilinear(out: Any, a: Tensor, b: Tensor, weight: Tensor, bias: Any = None) -> Work:
    # a (*, I), weight (O, I, J), b (*, J): a·W is O·I·J, and its rows on b O·J
    o, i, j = weight.shape
    return _product(out, out.numel() // max(o, 1) * (o * i * j + o * j), bias=bias is not None)


def _grouped_mm(out: Any, a: Tensor, b: Tensor, *rest: Any, **named: Any) -> Work:
    # (T, k) · (E, k, n): a row meets the matrix of its group only; (n, T) · (T, m): the rows of a group are summed
    if a.ndim == 2 and b.ndim == 3:
        return _product(out, a.numel() * b.shape[-1], experts=b.shape[0])
    if a.ndim == 3 and b.ndim == 2:
        return _product(out, b.numel() * a.shape[-2], experts=a.shape[0])
    if a.ndim == 2:
        return _product(out, a.numel() * b.shape[-1])
    return _product(out, out.numel() * a.shape[-1], experts=b.shape[0])


def _cdist(out: Any, a: Tensor, b: Tensor, *rest: Any) -> Work:
    # a difference and a square for every element of every pair
    return _product(out, out.numel() * a.shape[-1])


def _packed_linear(out: Any, x: Tensor, *rest: Any, **named: Any) -> Work:
    # the weight is packed, its shape is not told: (*, M) -> (*, N)
    return _product(out, out.numel() * x.shape[-1])


# Attention: both products, in full; where it is causal, the half that a kernel may skip is a second figure


def attention(q: Shape, k: Shape, v: Shape, causal: bool, out: int, **facts: Any) -> Work:
    """q (B, H, L, E), k (B, H_k, S, E), v (B, H_k, S, E_v): Q·Kᵀ is B·H·L·S·E, A·V is B·H·L·S·E_v."""
    rows, length, keys = prod(q[:-2]), q[-2], k[-2]
    width = q[-1] + v[-1]
    scores = rows * length * keys
    if causal:
        short = min(length, keys)
        pairs = short * (short + 1) // 2 + (length - short) * keys
        facts |= {"causal": True, "useful_macs": rows * pairs * width}
    return Work(rows * length * keys * width, scores + out, scores, facts)


def _sdpa(out: Any, q: Tensor, k: Tensor, v: Tensor, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
          *rest: Any, **named: Any) -> Work:  # fmt: skip
    first = out if isinstance(out, Tensor) else out[0]
    return attention(q.shape, k.shape, v.shape, is_causal, first.numel())


def _flash(out: Any, q: Tensor, k: Tensor, v: Tensor, dropout_p: float = 0.0, is_causal: bool = False, *rest: Any,
           **named: Any) -> Work:  # fmt: skip
    return attention(q.shape, k.shape, v.shape, is_causal, out[0].numel())


def _efficient(out: Any, q: Tensor, k: Tensor, v: Tensor, bias: Any, lse: bool, dropout_p: float = 0.0,
               is_causal: bool = False, *rest: Any, **named: Any) -> Work:  # fmt: skip
    return attention(q.shape, k.shape, v.shape, is_causal, out[0].numel())


# Recurrence: every step meets both matrices, W_ih (G·H, I) and W_hh (G·H, H or its projection), and W_hr (P, H)


def _recurrent(out: Any, x: Tensor, *rest: Any, **named: Any) -> Work:
    # x (T, B, I), (B, T, I) or (T, I), or packed (ΣT, I) with its batch sizes
    weights = next(given for given in rest if isinstance(given, list | tuple) and given and given[0].ndim == 2)
    packed = isinstance(rest[0], Tensor) and rest[0].ndim == 1
    steps = x.shape[0] if packed else x.numel() // max(x.shape[-1], 1)
    matrices = [w for w in weights if w.ndim == 2]
    made = sum(w.shape[0] for w in matrices)
    return Work(steps * sum(w.numel() for w in matrices), steps * made)


def _cell(out: Any, x: Tensor, hidden: Any, w_ih: Tensor, w_hh: Tensor, *biases: Any) -> Work:
    rows = x.numel() // max(x.shape[-1], 1)
    return Work(rows * (w_ih.numel() + w_hh.numel()), rows * (w_ih.shape[0] + w_hh.shape[0]))


def _mkldnn_rnn(out: Any, x: Tensor, w_ih: Tensor, w_hh: Tensor, *rest: Any, **named: Any) -> Work:
    steps = x.shape[0] * x.shape[1]
    return Work(steps * (w_ih.numel() + w_hh.numel()), steps * (w_ih.shape[0] + w_hh.shape[0]))


class Operator(NamedTuple):
    """A formula with what its row is called."""

    op: str
    kind: str
    formula: Formula


def _named(op: str, kind: str, formula: Formula, names: str) -> dict[str, Operator]:
    return {f"aten::{name}" if ":" not in name else name: Operator(op, kind, formula) for name in names.split()}


PRODUCTS: dict[str, Operator] = {
    **_named("conv", "conv", _conv, "conv1d conv2d conv3d mkldnn_convolution"),
    **_named("conv", "conv", _convolution, "convolution _convolution convolution_overrideable"),
    **_named("conv", "conv", _conv_tbc, "conv_tbc"),
    **_named("conv_transpose", "conv_transpose", _conv_transpose, "conv_transpose1d conv_transpose2d conv_transpose3d"),
    **_named("linear", "linear", _linear, "linear _linear mkldnn_linear"),
    **_named("matmul", "matmul", _matmul, "mm bmm matmul mv dot vdot inner _int_mm _scaled_mm _weight_int8pack_mm linalg_matmul"),
    **_named("matmul", "matmul", _plus_matmul, "addmm baddbmm addmv _addmm_activation addmv_"),
    **_named("matmul", "matmul", _addbmm, "addbmm"),
    **_named("matmul", "matmul", _outer, "addr"),
    **_named("matmul", "matmul", _grouped_mm, "_grouped_mm _scaled_grouped_mm"),
    **_named("bilinear", "linear", _bilinear, "bilinear"),
    **_named("cdist", "matmul", _cdist, "cdist _cdist_forward _euclidean_dist"),
    **_named("attention", "attention", _sdpa, "scaled_dot_product_attention _scaled_dot_product_attention_math "
             "_scaled_dot_product_fused_attention_overrideable"),
    **_named("attention", "attention", _flash, "_scaled_dot_product_flash_attention "
             "_scaled_dot_product_flash_attention_for_cpu"),
    **_named("attention", "attention", _efficient, "_scaled_dot_product_efficient_attention "
             "_scaled_dot_product_cudnn_attention"),
    **{name: op for cell in ("lstm", "gru", "rnn_tanh", "rnn_relu")
       for name, op in _named(cell.partition("_")[0], "recurrent", _recurrent, cell).items()},
    **{name: op for cell in ("lstm", "gru", "rnn_tanh", "rnn_relu")
       for name, op in _named(f"{cell.partition('_')[0]}_cell", "recurrent", _cell, f"{cell}_cell").items()},
    **_named("lstm", "recurrent", _mkldnn_rnn, "mkldnn_rnn_layer"),
    **_named("linear", "linear", _packed_linear, "quantized::linear quantized::linear_relu quantized::linear_dynamic "
             "quantized::linear_dynamic_fp16 quantized::linear_relu_dynamic _weight_int4pack_mm _weight_int4pack_mm_for_cpu"),
}  # fmt: skip

# Without multiply-adds: (kind, names). What torch marks as pointwise needs no place here but for a kind of its own.
_ELEMENTWISE: dict[str, str] = {
    "norm": "batch_norm native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training layer_norm native_layer_norm "
            "group_norm native_group_norm instance_norm rms_norm _fused_rms_norm local_response_norm linalg_vector_norm norm "
            "cudnn_batch_norm _batch_norm_with_update renorm _weight_norm _weight_norm_interface linalg_norm native_norm "
            "_batch_norm_impl_index batch_norm_stats frobenius_norm",
    "activation": "relu relu6 hardtanh leaky_relu elu gelu silu mish sigmoid hardsigmoid hardswish tanh softmax _softmax log_softmax "
                  "_log_softmax softplus prelu _prelu_kernel celu selu glu threshold rrelu rrelu_with_noise _safe_softmax softmin "
                  "log_sigmoid log_sigmoid_forward hardshrink softshrink swiglu _masked_softmax gumbel_softmax softsign tanhshrink",
    "pool": "max_pool1d max_pool2d max_pool3d max_pool2d_with_indices max_pool3d_with_indices max_pool1d_with_indices avg_pool1d "
            "avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d _adaptive_avg_pool2d "
            "_adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d fractional_max_pool2d "
            "fractional_max_pool3d mkldnn_max_pool2d lp_pool1d lp_pool2d lp_pool3d mean",
    "resize": "upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d "
              "_upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d "
              "_upsample_bilinear2d_aa _upsample_bicubic2d_aa grid_sampler grid_sampler_2d grid_sampler_3d affine_grid_generator "
              "max_unpool2d max_unpool3d",
    "embedding": "embedding embedding_bag _embedding_bag _embedding_bag_forward_only",
    "elementwise": "sum prod var std var_mean std_mean amax amin max min aminmax argmax argmin cumsum cumprod cummax cummin "
                   "logsumexp logcumsumexp all any topk sort argsort median nanmedian mode kthvalue outer ger cross linalg_cross "
                   "cosine_similarity pairwise_distance mse_loss l1_loss smooth_l1_loss huber_loss cross_entropy_loss nll_loss "
                   "nll_loss_nd nll_loss_forward nll_loss2d nll_loss2d_forward kl_div binary_cross_entropy dist trace diff "
                   "binary_cross_entropy_with_logits soft_margin_loss scatter_add scatter_reduce index_add scatter_add_ "
                   "index_reduce bincount bucketize searchsorted histc count_nonzero multi_margin_loss multilabel_margin_loss "
                   "margin_ranking_loss hinge_embedding_loss cosine_embedding_loss poisson_nll_loss triplet_margin_loss "
                   "_thnn_fused_lstm_cell _thnn_fused_gru_cell fake_quantize_per_tensor_affine quantize_per_tensor quantize_per_channel "
                   "dequantize segment_reduce nansum nanmean native_dropout _fused_dropout bernoulli_ "
                   "fake_quantize_per_channel_affine _fake_quantize_learnable_per_tensor_affine floor_divide remainder",
}  # fmt: skip

ELEMENTWISE: dict[str, str] = {f"aten::{name}": kind for kind, names in _ELEMENTWISE.items() for name in names.split()}

FREE: frozenset[str] = frozenset(
    f"aten::{name}" if ":" not in name else name
    for name in (
        # views and shapes
        "view view_as reshape reshape_as _reshape_alias _unsafe_view flatten unflatten squeeze unsqueeze transpose t T mT mH H "
        "permute movedim moveaxis swapaxes swapdims adjoint numpy_T expand expand_as broadcast_to broadcast_tensors narrow "
        "select slice split split_with_sizes unsafe_split unsafe_split_with_sizes chunk unsafe_chunk tensor_split hsplit vsplit "
        "dsplit unbind diagonal as_strided unfold detach alias view_as_real view_as_complex real imag ravel atleast_1d "
        "atleast_2d atleast_3d lift lift_fresh positive resolve_conj resolve_neg conj _conj _conj_physical _neg_view meshgrid "
        "square_ size stride numel is_contiguous storage_offset sym_size sym_numel sym_stride _shape_as_tensor resize_ set_ "
        "pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle im2col col2im unfold_copy view_copy expand_copy "
        "slice_scatter select_scatter diagonal_scatter as_strided_scatter as_strided_ squeeze_ unsqueeze_ transpose_ t_ "
        "split_copy unbind_copy permute_copy requires_grad_ retain_grad is_same_size is_pinned "
        # movement
        "cat concat concatenate stack hstack vstack dstack column_stack _pack_padded_sequence _pad_packed_sequence block_diag "
        "clone contiguous copy copy_ _copy_from _to_copy to type_as float double half bfloat16 cpu cuda _copy_from_and_resize "
        "pad constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d "
        "replication_pad3d _pad_circular _pad_enum roll flip fliplr flipud rot90 repeat repeat_interleave tile gather "
        "index_select index _unsafe_index _index_put_impl_ index_put index_put_ _unsafe_index_put take take_along_dim scatter "
        "scatter_ index_copy index_fill masked_select masked_scatter tril triu diag diag_embed diagflat nonzero unique _unique2 "
        "unique_dim unique_consecutive one_hot tril_indices triu_indices combinations cartesian_prod rename_ _cast_Float "
        "index_copy_ index_fill_ scatter_value nonzero_static nonzero_numpy argwhere where_indices vander fill_diagonal_ "
        "nested_to_padded_tensor _nested_tensor_from_mask_left_aligned _nested_tensor_from_mask "
        # creation
        "empty empty_like empty_strided empty_permuted new_empty new_empty_strided new_zeros new_ones new_full zeros zeros_like "
        "ones ones_like full full_like arange linspace logspace eye rand rand_like randn randn_like randint randint_like "
        "randperm normal normal_ uniform_ bernoulli random_ exponential_ geometric_ multinomial scalar_tensor tensor fill fill_ "
        "zero zero_ _efficientzerotensor trunc_normal_ log_normal_ cauchy_ poisson binomial hann_window hamming_window "
        "blackman_window bartlett_window kaiser_window fft_fftfreq fft_rfftfreq promote_types result_type can_cast polar complex "
        "from_file set_data _sobol_engine_draw "
        # dropout, which does nothing in evaluation
        "dropout dropout_ feature_dropout feature_dropout_ alpha_dropout alpha_dropout_ feature_alpha_dropout "
        # questions
        "item _local_scalar_dense equal is_nonzero allclose isclose is_floating_point is_complex is_signed _assert_async "
        "_assert_scalar _assert_tensor_metadata sym_constrain_range sym_constrain_range_for_size _functional_assert_async "
        "_has_compatible_shallow_copy_type _is_all_true _is_any_true is_set_to is_inference is_neg is_conj is_leaf "
        "record_stream _fw_primal _make_dual _unpack_dual output_nr _version data linalg_inv_ex_unused "
        "prim::device prim::layout prims::device_put prims::convert_element_type prims::view_of prims::broadcast_in_dim "
        "profiler::_record_function_enter profiler::_record_function_enter_new profiler::_record_function_exit"
    ).split()
)  # fmt: skip

NAMES = {
    "mul": "multiply", "cat": "concatenate", "concat": "concatenate", "multiply": "multiply", "div": "divide", "sub": "subtract",
    "native_layer_norm": "layer_norm", "native_group_norm": "group_norm", "native_batch_norm": "batch_norm", "_softmax": "softmax",
    "_log_softmax": "log_softmax", "hardtanh": "hardtanh", "_safe_softmax": "softmax", "_embedding_bag": "embedding_bag",
    "_native_batch_norm_legit": "batch_norm", "_native_batch_norm_legit_no_training": "batch_norm", "_prelu_kernel": "prelu",
    "_adaptive_avg_pool2d": "adaptive_avg_pool", "_adaptive_avg_pool3d": "adaptive_avg_pool", "max_pool2d_with_indices": "max_pool",
    "max_pool3d_with_indices": "max_pool", "max_pool1d_with_indices": "max_pool", "_fused_rms_norm": "rms_norm",
    "_batch_norm_with_update": "batch_norm", "cudnn_batch_norm": "batch_norm", "_weight_norm_interface": "weight_norm",
}  # fmt: skip
"""torch's name → the row's, where they differ by more than an underscore or a number of axes."""


def row_name(name: str) -> str:
    """`add_` → `add`, `max_pool2d` → `max_pool`, `upsample_nearest2d` → `upsample`."""
    if name in NAMES:
        return NAMES[name]
    name = name.rstrip("_")
    if name in NAMES:
        return NAMES[name]
    if name.lstrip("_").startswith("upsample_"):
        return "upsample"
    if name[-2:] in ("1d", "2d", "3d"):
        name = name[:-2].rstrip("_")
    return name.lstrip("_")


def is_pointwise(func: Any) -> bool:
    """Whether torch marks the operator as working element by element."""
    return torch.Tag.pointwise in func.tags
