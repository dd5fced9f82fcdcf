"""What a transformers model reads by itself: an Input for each argument, from its configuration and its forward's signature.

The arguments are the model's main ones, those that its forward cannot do without, and the second of a pair of encoders. Each
is made by its own name, so that a model which is not known here is given what others of its kind are given.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from profiler.load.inputs import Input

MOST_TOKENS = 2048
SECOND_OF_AUDIO = 16_000
FRAMES = 3000
"""Of a spectrogram of 30 seconds, where a configuration does not say."""
BOXES = 36
"""Regions of an image that a detector hands on (LXMERT, section 3.1)."""
QUERIES = 32
"""Learnt queries of a Q-Former (BLIP-2, section 3.1)."""
PATCHES = 257
"""Tokens of an image: 224 pixels in patches of 14, and one of the class."""
DTYPES = {
    "_ids": "int64",
    "task_inputs": "int64",
    "mask": "int64",
    "labels": "int64",
    "_thw": "int64",
    "spatial_shapes": "int64",
}
"""What transformers' inputs hold, by the end of their names, where they are no floats."""


def natural(model: Any, config: Any) -> tuple[Input, ...]:
    """What a model of this configuration reads: text, images, audio, and what its decoder starts from."""
    takes = inspect.signature(model.forward).parameters
    found: dict[str, Input] = {}
    for name in _wanted(model, config, takes):
        if "Sequence[" in str(takes[name].annotation) or "list[" in str(takes[name].annotation):
            continue  # a list of tensors, of which nobody knows how many
        made = _made(name, config, takes, model)
        if made is not None:
            found.setdefault(name, made)
    return tuple(found.values())


def _wanted(model: Any, config: Any, takes: Mapping[str, inspect.Parameter]) -> Iterable[str]:
    """The arguments to be given, in order."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    main = [model.main_input_name] if isinstance(model.main_input_name, str) else list(model.main_input_name)
    main = [name for name in main if name in takes]
    required = [name for name, each in takes.items() if each.default is each.empty and each.kind in named and name != "self"]
    wanted = [*main, *required]
    if "input_ids" in takes and any(name.endswith("_input_ids") for name in required):
        wanted.append("input_ids")  # what a part of the model reads, the whole reads too
    parts = {name for name in ("text_config", "vision_config", "audio_config", "speech_config") if hasattr(config, name)}
    # a pair of encoders; where images or sounds stand among the tokens, the text alone is a natural input
    if "text_config" in parts and len(parts) > 1 and not _among_tokens(config):
        sound = parts - {"text_config", "vision_config"}
        others = ("input_ids", "pixel_values", "spatial_shapes", "pixel_attention_mask", *(["input_features"] if sound else []))
        wanted += [name for name in others if name in takes]
    wanted += [name for name, option in _BY_OPTION.items() if name in takes and hasattr(config, option)]
    if wanted and (getattr(config, "is_encoder_decoder", False) or hasattr(config, "decoder_config")):
        wanted += [name for name in ("decoder_input_ids", "decoder_input_values") if name in takes]
    return wanted


def _among_tokens(config: Any) -> bool:
    """Whether a token of the text stands for an image or a sound."""
    known = [name for name in vars(config) if name.endswith(("token_id", "token_index"))]
    return any(name.startswith(("image", "video", "audio", "speech")) for name in known)


_BY_OPTION = {
    "pixel_values": "modality_type_vocab_size",
    "bbox": "dim_bbox",
    "visual_feats": "visual_feat_dim",
    "visual_pos": "visual_pos_dim",
    "image_embeds_position_mask": "latent_query_num",
    "encoder_hidden_states": "encoder_hidden_size",
    "input_features_mask": "num_mel_bins",
    "future_values": "prediction_length",
    "future_time_features": "prediction_length",
}
"""Arguments with a default that a model with this option does not run without."""


def _made(name: str, config: Any, takes: Mapping[str, Any], model: Any) -> Input | None:
    """The argument called `name`, None where nobody knows it."""
    shape: tuple[int, ...] | None
    if name.endswith("input_values") and "decoder_input_values" in takes and model.__name__.endswith("Model"):
        shape = (FRAMES // 10, config.hidden_size)  # without the layers before the encoder and the decoder (SpeechT5)
    elif name in _MAKERS:
        shape = _MAKERS[name](config)
    elif name.endswith("input_ids"):
        shape = _text(name, config)
    elif name.endswith(("pixel_values", "pixel_values_videos", "prompt_masks")):
        return _pixels(name, config, takes, model)
    elif name in ("grid_thw", "image_grid_thw", "spatial_shapes", "pixel_attention_mask") or (
        name == "hidden_states" and "grid_thw" in takes
    ):
        return _of_patches(name, config, takes)
    else:
        return None
    if shape is None or not all(isinstance(side, int) and side > 0 for side in shape):
        return None
    like = "input_ids" if name == "bbox" else None
    return Input(name, shape, _dtype(name, config), like=like)


def _dtype(name: str, config: Any) -> str:
    for ending, dtype in DTYPES.items():
        if name.endswith(ending):
            return dtype
    return str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")


# Text


def _text(name: str, config: Any) -> tuple[int, ...]:
    """Tokens: those that stand for an image where their places are told by a mask, a row for each codebook of a decoder."""
    if (image := getattr(config, "latent_query_num", None)) is not None:
        return (image,)
    part = getattr(config, f"{name.removesuffix('_input_ids')}_config", None)  # qformer_input_ids
    if part is not None and part is not getattr(config, "decoder_config", None):
        return (_tokens(part),)
    books = getattr(getattr(config, "decoder", None), "num_codebooks", None)
    tokens = _tokens(config, decoder=name.startswith("decoder"))
    if name.startswith("decoder") and (channels := getattr(getattr(config, "decoder_config", None), "num_channels", None)):
        return (tokens, channels)
    return (books, tokens) if books and name.startswith("decoder") else (tokens,)


def _tokens(config: Any, decoder: bool = False) -> int:
    """As many as there are positions, at most 2,048; without the few that some tables keep for padding (RoBERTa: 514)."""
    most = None
    if decoder:
        own = getattr(config, "decoder_config", None)
        most = getattr(config, "max_target_positions", None) or (_positions(own) if own is not None else None)
    if most is None:
        try:
            most = _positions(config.get_text_config(decoder=decoder or None))
        except ValueError:  # a configuration of several texts, which says so
            most = _positions(config.get_text_config(decoder=True))
    longest = getattr(config, "max_text_len", None)
    most = min(most, MOST_TOKENS, longest if isinstance(longest, int) and longest > 0 else MOST_TOKENS)
    return most - most % 64 if most > 128 else most


def _positions(config: Any) -> int:
    for name in ("max_position_embeddings", "n_positions", "max_source_positions", "max_sequence_length", "max_text_positions"):
        if isinstance(found := getattr(config, name, None), int) and found > 0:
            return found
    return 512


# Images


def _vision(config: Any) -> Any:
    return getattr(config, "vision_config", None) or config


def _channels(config: Any) -> int:
    for name in ("num_channels", "in_channels", "in_chans"):
        if isinstance(found := getattr(config, name, None), int):
            return found
    return 3


def _sides(config: Any) -> tuple[int, int]:
    """The sides of an image: of the vision part, or of what prompts it."""
    own = _vision(config)
    parts = [own, getattr(config, "prompt_encoder_config", None)]
    for part in parts:
        for name in ("image_size", "crop_size"):
            size = getattr(part, name, None)
            if isinstance(size, Mapping) and {"height", "width"} <= size.keys():
                size = [size["height"], size["width"]]
            if isinstance(size, int) and size > 0:
                return size, size
            if isinstance(size, list | tuple) and len(size) == 2 and all(isinstance(side, int) for side in size):
                return size[0], size[1]
    return 224, 224


def _patch(config: Any) -> tuple[int, int, int]:
    """A patch: frames, height, width."""
    own = _vision(config)
    size = getattr(own, "patch_size", None) or 16
    size = tuple(size) if isinstance(size, list | tuple) else (size, size)
    return (getattr(own, "temporal_patch_size", None) or 1, *size[-2:])


def _grid(config: Any) -> tuple[int, int]:
    """How many patches an image has, down and across: a square of as many as there are positions, or of 224 pixels."""
    own = _vision(config)
    known = getattr(own, "num_patches", None)
    merged = getattr(own, "spatial_merge_size", None) or 1
    side = int(known**0.5) if isinstance(known, int) else 224 // _patch(config)[-1]
    return (side - side % merged,) * 2


def _pixels(name: str, config: Any, takes: Mapping[str, Any], model: Any) -> Input:
    own, dtype = _vision(config), _dtype(name, config)
    if {"grid_thw", "spatial_shapes", "image_grid_thw"} & takes.keys() and hasattr(own, "patch_size"):
        return _of_patches(name, config, takes)
    height, width = _sides(config)
    if "prompt_pixel_values" in takes:
        height //= 2  # the prompt stands above the image
    image: tuple[int, ...] = (_channels(own), height, width)
    frames = getattr(own, "num_frames", None) or getattr(own, "frames_per_clip", None)
    if "KeypointMatching" in model.__name__:
        image = (2, *image)  # a pair of images
    return Input(name, (*([frames] if frames else []), *image), dtype)


def _of_patches(name: str, config: Any, takes: Mapping[str, Any]) -> Input:
    """An image cut into patches, and the grid that they are of: whole where several images stand in one row of patches."""
    rows, columns = _grid(config)
    whole = "spatial_shapes" not in takes
    if name == "spatial_shapes":
        return Input(name, (2,), "int64", [rows, columns])
    if name.endswith("grid_thw"):
        return Input(name, (1, 3), "int64", [[1, rows, columns]], whole=True)
    if name == "pixel_attention_mask":
        return Input(name, (rows * columns,), "int64")
    frames, height, width = _patch(config)
    pixels = _channels(_vision(config)) * frames * height * width
    return Input(name, (rows * columns, pixels), _dtype(name, config), whole=whole)


# Sound


def _features(config: Any) -> tuple[int, ...] | None:
    """A spectrogram, in the order of axes that the configuration's kind of model has."""
    for part in ("audio_config", "encoder_config", "decoder_config"):
        own = getattr(config, part, None)
        if own is not None and (hasattr(own, "num_mel_bins") or hasattr(own, "feature_size")):
            return _features(own)
    bins, positions = getattr(config, "num_mel_bins", None), getattr(config, "max_source_positions", None)
    channels = getattr(config, "input_feat_per_channel", None)
    if positions and channels:
        return (positions, channels * getattr(config, "input_channels", 1))  # Speech2Text: the frames of its filter bank
    if hasattr(config, "feature_projection_input_dim"):
        return (FRAMES, config.feature_projection_input_dim)
    if bins and (side := getattr(config, "spec_size", None)):
        return (1, side * (side // bins), bins)  # cut into pieces that make a square of this side
    if bins and positions:
        return (bins, 2 * positions)  # Whisper: a convolution of stride 2 stands before the encoder
    if bins:
        return (FRAMES, bins)
    if isinstance(size := getattr(config, "feature_size", None), int):
        return (size, FRAMES // 10)
    return None


def _sound(config: Any) -> tuple[int, ...]:
    """The samples of a second, with a channel where a codec has them, or a spectrogram (AST)."""
    bins, most = getattr(config, "num_mel_bins", None), getattr(config, "max_length", None)
    if bins and most:
        return (most, bins)
    codec = hasattr(config, "sampling_rate") and hasattr(config, "codebook_size")
    return (*([getattr(config, "audio_channels", None) or 1] if codec else []), SECOND_OF_AUDIO)


# Series


def _past(config: Any) -> int:
    length = getattr(config, "context_length", None) or getattr(config, "prediction_length", None) or 0
    lags = getattr(config, "lags_sequence", None)
    return int(length + (max(lags) if lags else 0)) if length else 0


def _series(config: Any, steps: int, width: str) -> tuple[int, ...] | None:
    known = getattr(config, width, None)
    return (steps, known) if isinstance(known, int) and steps else None


def _values(config: Any) -> tuple[int, ...] | None:
    channels = getattr(config, "num_input_channels", None)
    if channels is not None:
        return (_past(config), channels)
    size = getattr(config, "input_size", 1)
    return (_past(config), size) if size != 1 else (_past(config),)


_MAKERS: dict[str, Callable[[Any], tuple[int, ...] | None]] = {
    "bbox": lambda config: (_tokens(config), 4),
    "visual_feats": lambda config: (BOXES, config.visual_feat_dim),
    "image_embeds_position_mask": lambda config: (config.latent_query_num,),
    "visual_pos": lambda config: (BOXES, config.visual_pos_dim),
    "inputs": lambda config: (_tokens(config), getattr(config, "d_model", 0)),
    "query_embeds": lambda config: (getattr(config, "num_query_tokens", QUERIES), config.hidden_size),
    "encoder_hidden_states": lambda config: (PATCHES, config.encoder_hidden_size),
    "input_features": _features,
    "input_features_mask": lambda config: (found := _features(config)) and (max(found),),
    "input_values": _sound,
    "task_inputs": lambda config: (getattr(config, "task_seq_len", 0),),
    "decoder_input_values": lambda config: (FRAMES // 10, getattr(config, "num_mel_bins", 0)),
    "past_values": _values,
    "past_time_features": lambda config: _series(config, _past(config), "num_time_features"),
    "past_observed_mask": _values,
    "future_values": lambda config: (getattr(config, "prediction_length", None) or 0,),
    "future_time_features": lambda config: _series(config, config.prediction_length or 0, "num_time_features"),
}
"""The shape of one sample of each argument, by its name; None where the configuration does not say."""
