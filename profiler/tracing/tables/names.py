"""Operators without multiply-adds, by name: elementwise ones with their kind, free ones, and what rows call them.

Elementwise operators cost their output elements: those that torch itself marks as pointwise, which need no place here but for a
kind of their own, and the few of ELEMENTWISE. FREE ones move or name data. An operator in none of the tables is opened, where
torch knows what it is made of, and otherwise reported: never counted as nothing.
"""

from __future__ import annotations

from typing import Any

import torch

_ELEMENTWISE: dict[str, str] = {
    "norm": "batch_norm native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training layer_norm "
    "native_layer_norm group_norm native_group_norm instance_norm rms_norm _fused_rms_norm local_response_norm "
    "linalg_vector_norm norm cudnn_batch_norm batch_norm_elemt _batch_norm_no_update _batch_norm_with_update renorm "
    "_weight_norm _weight_norm_interface "
    "linalg_norm native_norm _batch_norm_impl_index batch_norm_stats frobenius_norm",
    "activation": "relu relu6 hardtanh leaky_relu elu gelu silu mish sigmoid hardsigmoid hardswish tanh softmax _softmax "
    "log_softmax _log_softmax softplus prelu _prelu_kernel celu selu glu threshold rrelu rrelu_with_noise "
    "_safe_softmax softmin log_sigmoid log_sigmoid_forward hardshrink softshrink swiglu _masked_softmax "
    "gumbel_softmax softsign tanhshrink _sparse_softmax _sparse_log_softmax "
    "_nested_tensor_softmax_with_shape",
    "pool": "max_pool1d max_pool2d max_pool3d max_pool2d_with_indices max_pool3d_with_indices max_pool1d_with_indices "
    "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
    "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d "
    "fractional_max_pool2d fractional_max_pool3d mkldnn_max_pool2d lp_pool1d lp_pool2d lp_pool3d mean",
    "resize": "upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d "
    "_upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d "
    "_upsample_bilinear2d_aa _upsample_bicubic2d_aa grid_sampler grid_sampler_2d grid_sampler_3d "
    "affine_grid_generator max_unpool2d max_unpool3d",
    "embedding": "embedding embedding_bag _embedding_bag _embedding_bag_forward_only",
    "elementwise": "sum prod var std var_mean std_mean amax amin max min aminmax argmax argmin cumsum cumprod cummax cummin "
    "logsumexp logcumsumexp all any topk sort argsort median nanmedian mode kthvalue outer ger cross linalg_cross "
    "cosine_similarity pairwise_distance mse_loss l1_loss smooth_l1_loss huber_loss cross_entropy_loss nll_loss "
    "nll_loss_nd nll_loss_forward nll_loss2d nll_loss2d_forward kl_div binary_cross_entropy dist trace diff "
    "binary_cross_entropy_with_logits soft_margin_loss scatter_add scatter_reduce index_add scatter_add_ "
    "index_reduce bincount bucketize searchsorted histc count_nonzero multi_margin_loss multilabel_margin_loss "
    "margin_ranking_loss hinge_embedding_loss cosine_embedding_loss poisson_nll_loss triplet_margin_loss "
    "_thnn_fused_lstm_cell _thnn_fused_gru_cell fake_quantize_per_tensor_affine quantize_per_tensor "
    "quantize_per_channel dequantize segment_reduce nansum nanmean native_dropout _fused_dropout "
    "fake_quantize_per_channel_affine _fake_quantize_learnable_per_tensor_affine floor_divide remainder "
    "masked_fill isin fused_moving_avg_obs_fake_quant _fused_moving_avg_obs_fq_helper "
    "_fused_moving_avg_obs_fq_helper_functional rsub _add_relu _aminmax _cummax_helper _cummin_helper _logcumsumexp "
    "_unsafe_masked_index embedding_renorm glu_jvp _sparse_sum _sparse_csr_sum _sparse_csr_prod _nested_sum_backward "
    "fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask _masked_scale "
    "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams _fake_quantize_learnable_per_channel_affine "
    "quantize_per_tensor_dynamic _make_per_tensor_quantized_tensor _make_per_channel_quantized_tensor "
    "multilabel_margin_loss_forward linalg__powsum _foreach_norm _foreach_max _foreach_powsum _foreach_pow",
}
ELEMENTWISE: dict[str, str] = {f"aten::{name}": kind for kind, names in _ELEMENTWISE.items() for name in names.split()} | {
    **dict.fromkeys(("torchvision::roi_align", "torchvision::roi_pool"), "pool"),
    **dict.fromkeys(("torchvision::ps_roi_align", "torchvision::ps_roi_pool"), "pool"),
    "torchvision::nms": "elementwise",
}

_FREE: dict[str, str] = {
    "views and shapes": "view "
    "view_as reshape reshape_as _reshape_alias _unsafe_view flatten unflatten squeeze unsqueeze transpose t T "
    "mT mH H permute movedim moveaxis swapaxes swapdims adjoint numpy_T expand expand_as broadcast_to "
    "broadcast_tensors narrow select slice split split_with_sizes unsafe_split unsafe_split_with_sizes chunk "
    "unsafe_chunk tensor_split hsplit vsplit dsplit unbind diagonal as_strided unfold detach alias view_as_real "
    "view_as_complex real imag ravel atleast_1d atleast_2d atleast_3d lift lift_fresh positive resolve_conj "
    "resolve_neg conj _conj _conj_physical _neg_view meshgrid square_ size stride numel is_contiguous "
    "storage_offset sym_size sym_numel sym_stride _shape_as_tensor resize_ set_ pixel_shuffle pixel_unshuffle "
    "channel_shuffle native_channel_shuffle im2col col2im unfold_copy view_copy expand_copy slice_scatter "
    "select_scatter diagonal_scatter as_strided_scatter as_strided_ squeeze_ unsqueeze_ transpose_ t_ split_copy "
    "unbind_copy permute_copy requires_grad_ retain_grad is_same_size is_pinned",
    "movement": "cat concat concatenate stack hstack vstack dstack column_stack _pack_padded_sequence _pad_packed_sequence "
    "block_diag clone contiguous copy copy_ _copy_from _to_copy to type_as float double half bfloat16 cpu cuda "
    "_copy_from_and_resize pad constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d "
    "replication_pad2d replication_pad3d _pad_circular _pad_enum roll flip fliplr flipud rot90 repeat "
    "repeat_interleave tile gather index_select index _unsafe_index _index_put_impl_ index_put index_put_ "
    "_unsafe_index_put take take_along_dim scatter scatter_ index_copy index_fill masked_select masked_scatter tril "
    "triu diag diag_embed diagflat nonzero unique _unique2 unique_dim unique_consecutive one_hot tril_indices "
    "triu_indices combinations cartesian_prod rename_ _cast_Float index_copy_ index_fill_ scatter_value "
    "nonzero_static nonzero_numpy argwhere where_indices vander fill_diagonal_ "
    "_sparse_coo_tensor_with_dims_and_tensors _coalesced_ put_ put int_repr _pin_memory _stack _chunk_cat _mkldnn_reshape "
    "_mkldnn_transpose to_mkldnn mkldnn_reorder_conv2d_weight mkldnn_reorder_conv3d_weight _lazy_clone _resize_output "
    "_resize_output_ _foreach_copy _foreach_clone _foreach_zero resize_as_ resize_as nested_to_padded_tensor "
    "_nested_tensor_from_mask_left_aligned _nested_tensor_from_mask",
    "creation": "empty empty_like empty_strided empty_permuted new_empty new_empty_strided new_zeros new_ones new_full zeros "
    "zeros_like ones ones_like full full_like arange linspace logspace eye rand rand_like randn randn_like randint "
    "randint_like randperm normal normal_ uniform uniform_ bernoulli random random_ exponential geometric log_normal "
    "cauchy range"
    " normal_functional set resize exponential_ geometric_ multinomial "
    "scalar_tensor tensor fill fill_ zero zero_ _efficientzerotensor trunc_normal_ log_normal_ cauchy_ poisson "
    "binomial hann_window hamming_window blackman_window bartlett_window kaiser_window fft_fftfreq fft_rfftfreq "
    "promote_types result_type can_cast polar complex from_file set_data _sobol_engine_draw bernoulli_",
    "dropout, in evaluation": "dropout "
    "dropout_ feature_dropout feature_dropout_ alpha_dropout alpha_dropout_ feature_alpha_dropout",
    "questions": "item _local_scalar_dense equal is_nonzero allclose isclose is_floating_point is_complex is_signed "
    "_assert_async _assert_scalar _assert_tensor_metadata sym_constrain_range sym_constrain_range_for_size "
    "_functional_assert_async _has_compatible_shallow_copy_type _is_all_true _is_any_true is_set_to is_inference "
    "is_neg is_conj is_leaf record_stream _fw_primal _make_dual _unpack_dual output_nr _version data prim::device "
    "prim::layout prims::device_put prims::convert_element_type prims::view_of prims::broadcast_in_dim "
    "profiler::_record_function_enter profiler::_record_function_enter_new profiler::_record_function_exit "
    "_fused_sdp_choice q_scale q_zero_point q_per_channel_scales "
    "q_per_channel_zero_points q_per_channel_axis qscheme _print _functional_assert_scalar _make_dep_token "
    "_functional_sym_constrain_range _has_same_storage_numel _new_zeros_with_same_feature_meta _linalg_check_errors _nnz _dimI "
    "_dimV sparse_dim "
    "dense_dim is_coalesced _is_coalesced",
    "sparse tensors made, opened and closed": "_indices _values indices values crow_indices col_indices ccol_indices "
    "row_indices sparse_coo_tensor sparse_compressed_tensor sparse_csr_tensor _sparse_coo_tensor_unsafe "
    "_sparse_coo_tensor_with_dims _sparse_compressed_tensor_unsafe _sparse_csr_tensor_unsafe to_sparse _to_sparse "
    "to_sparse_csr _to_sparse_csr to_sparse_csc _to_sparse_csc to_sparse_bsr _to_sparse_bsr to_dense _to_dense coalesce "
    "_coalesce sparse_mask sparse_resize_ sparse_resize_and_clear_ _convert_indices_from_coo_to_csr "
    "_convert_indices_from_csr_to_coo _validate_sparse_coo_tensor_args _validate_sparse_compressed_tensor_args "
    "_validate_sparse_csr_tensor_args copy_sparse_to_sparse_ _sparse_mask_projection",
    "nested tensors made and opened": "_nested_view_from_jagged _nested_view_from_buffer _nested_get_values "
    "_nested_get_offsets _nested_get_lengths _nested_get_ragged_idx _nested_get_min_seqlen _nested_get_max_seqlen "
    "_nested_tensor_size _nested_tensor_strides _nested_tensor_storage_offsets _nested_from_padded "
    "_nested_from_padded_tensor _nested_from_padded_and_nested_example _nested_get_jagged_dummy to_padded_tensor "
    "_jagged_to_padded_dense_forward _padded_dense_to_jagged_forward _nested_compute_contiguous_strides_offsets "
    "_nested_tensor_from_tensor_list _nested_view_from_jagged_copy _nested_get_values_copy",
    "control, whose parts are seen as they run": "higher_order::cond higher_order::while_loop higher_order::map_impl "
    "higher_order::scan higher_order::associative_scan higher_order::wrap higher_order::invoke_subgraph "
    "higher_order::tag_activation_checkpoint higher_order::wrap_activation_checkpoint higher_order::hints_wrapper "
    "higher_order::strict_mode higher_order::wrap_with_set_grad_enabled higher_order::wrap_with_autocast "
    "higher_order::autograd_function_apply",
}
FREE: frozenset[str] = frozenset(name if ":" in name else f"aten::{name}" for names in _FREE.values() for name in names.split())

_CALLED: dict[str, str] = {
    "multiply": "mul",
    "concatenate": "cat concat",
    "divide": "div",
    "subtract": "sub",
    "layer_norm": "native_layer_norm",
    "group_norm": "native_group_norm",
    "batch_norm": "native_batch_norm "
    "_native_batch_norm_legit _native_batch_norm_legit_no_training _batch_norm_with_update cudnn_batch_norm",
    "softmax": "_softmax _safe_softmax",
    "log_softmax": "_log_softmax",
    "embedding_bag": "_embedding_bag",
    "prelu": "_prelu_kernel",
    "adaptive_avg_pool": "_adaptive_avg_pool2d _adaptive_avg_pool3d",
    "max_pool": "max_pool2d_with_indices max_pool3d_with_indices max_pool1d_with_indices",
    "rms_norm": "_fused_rms_norm",
    "weight_norm": "_weight_norm_interface",
}
NAMES: dict[str, str] = {name: ours for ours, names in _CALLED.items() for name in names.split()}
"""torch's name → the row's, where they differ by more than an underscore or a number of axes."""


FREE_LIBRARIES = ("c10d::", "_c10d_functional::", "_c10d_functional_autograd::", "_dtensor::")
"""Libraries of operators that move data between processes, and do no more."""


def is_free(name: str) -> bool:
    """Whether an operator moves or names data and does no more, or copies what such a one would view."""
    return name in FREE or name.startswith(FREE_LIBRARIES) or (name.endswith("_copy") and name.removesuffix("_copy") in FREE)


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


def is_pointwise(func: Any, plain: str) -> bool:
    """Whether torch marks an operator, or the one that it is the in-place form of, as working element by element."""
    if torch.Tag.pointwise in func.tags or plain.startswith("_foreach_"):
        return True
    if not func._schema.is_mutable and func.namespace != "prims":  # torch's own spelling of an operator, beneath it
        return False
    twin = getattr(torch.ops.aten, plain.rstrip("_"), None)
    return twin is not None and any(torch.Tag.pointwise in getattr(twin, name).tags for name in twin.overloads())
