"""`hf:`: a transformers model from its configuration alone, without weights and without network.

The target is a configuration class (`BertConfig`: the bare model), a model class (`LlamaForCausalLM`), a model type (`bert`),
or a local config.json or its folder (the class under its `architectures`). Options are the configuration's own; a dot reaches
into a configuration inside: `text_config.hidden_size=512`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from profiler.errors import ProfilerError, Unavailable, UnknownName
from profiler.load import arguments
from profiler.load.inputs import Input
from profiler.load.recipe import Recipe, imported, offline

MOST_TOKENS = 2048
SECOND_OF_AUDIO = 16_000
_HEADS = (
    "AutoModel",
    "AutoModelForCausalLM",
    "AutoModelForSeq2SeqLM",
    "AutoModelForImageClassification",
    "AutoModelForPreTraining",
)
DTYPES = {"_ids": "int64", "mask": "int64", "labels": "int64"}
"""What transformers' inputs hold, by the end of their names, where they are no floats."""


def hf(target: str, options: Mapping[str, Any]) -> Recipe:
    """How a model is built from its configuration. Raises Unavailable, UnknownName, ProfilerError."""
    transformers = imported("transformers", "transformers")
    kind, base, model = _named(transformers, target)
    given = _options(f"hf:{target}", kind, base, options)
    try:
        config = kind.from_dict(_nested(base, given))
    except Exception as fault:  # a configuration checks itself with errors of its own
        raise ProfilerError(f"hf:{target}: {' '.join(str(fault).split())[:300]}; mend the configuration") from None
    model = model or _class_of(transformers, config, target)

    def make() -> Any:
        with offline():
            return model._from_config(config)

    return Recipe(make, given, natural(model, config), "image_size" if _has_side(config) else None, DTYPES)


def _named(transformers: Any, target: str) -> tuple[Any, dict[str, Any], Any]:
    """(configuration class, what a file sets of it, model class or None)."""
    if target.endswith(".json") or "/" in target or Path(target).is_dir():
        return _of_file(transformers, Path(target))
    types = transformers.CONFIG_MAPPING
    if target in types:
        return types[target], {}, None
    named: Any = getattr(transformers, target, None) if not target.startswith("_") else None
    if inspect.isclass(named) and issubclass(named, transformers.PreTrainedConfig):
        return named, {}, None
    kind = getattr(named, "config_class", None)
    if kind is not None and inspect.isclass(named) and issubclass(named, transformers.PreTrainedModel):
        return kind, {}, named
    known = [name for name in dir(transformers) if name.endswith(("Config", "Model")) or "For" in name]
    raise UnknownName("configuration or model of transformers", target, known)


def _of_file(transformers: Any, path: Path) -> tuple[Any, dict[str, Any], Any]:
    file = path / "config.json" if path.is_dir() else path
    if not file.is_file():
        raise Unavailable(f"hf:{path}: there is no file '{file}'; name a config.json or its folder")
    try:
        base = json.loads(file.read_text(encoding="utf-8"))
        kind = base["model_type"]
    except (ValueError, KeyError, TypeError):
        raise ProfilerError(
            f"hf:{path}: '{file}' is no configuration: JSON with a model_type; name one of transformers"
        ) from None
    if kind not in transformers.CONFIG_MAPPING:
        raise UnknownName("model type of transformers", str(kind), list(transformers.CONFIG_MAPPING), f"(in {file})")
    names = [name for name in base.get("architectures") or [] if hasattr(transformers, name)]
    return transformers.CONFIG_MAPPING[kind], base, getattr(transformers, names[0]) if names else None


def _options(name: str, kind: Any, base: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the types of what the configuration holds by itself."""
    if not options:
        return {}
    own = kind.from_dict(dict(base)).to_dict()
    found = {}
    for key, value in options.items():
        at: Any = own
        for step in key.split("."):
            if not isinstance(at, Mapping) or step not in at:
                raise UnknownName(f"option of {name}", key, [str(each) for each in (at if isinstance(at, Mapping) else own)])
            at = at[step]
        found[key] = arguments.typed(value, arguments.NOTHING, at, f"{name}: {key}") if isinstance(value, str) else value
    return found


def _nested(base: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(dict(base)))
    for key, value in options.items():
        *folders, last = key.split(".")
        at = made
        for folder in folders:
            at = at.setdefault(folder, {})
        at[last] = value
    return made


def _class_of(transformers: Any, config: Any, target: str) -> Any:
    """The model class of a configuration: the bare one, or the first with a head where there is no bare one."""
    for name in _HEADS:
        auto = getattr(transformers, name)
        if type(config) in auto._model_mapping:
            found = auto._model_mapping[type(config)]
            return found[0] if isinstance(found, tuple) else found
    raise ProfilerError(f"hf:{target}: transformers has no model of this configuration alone; name its class, as hf:BertModel")


# The configuration's natural inputs


def natural(model: Any, config: Any) -> tuple[Input, ...]:
    """What a model of this configuration reads: text, images, audio, and what its decoder starts from."""
    takes = inspect.signature(model.forward).parameters
    main = model.main_input_name
    found = [made] if main in takes and (made := _input(main, config)) is not None else []
    among = any(hasattr(config, name) for name in ("image_token_id", "image_token_index"))
    pair = hasattr(config, "text_config") and hasattr(config, "vision_config") and not among
    both = {"input_ids", "pixel_values"} <= takes.keys() and pair
    if both:  # a pair of encoders; where an image stands among the tokens, the text alone is a natural input
        other = "pixel_values" if main == "input_ids" else "input_ids"
        found += [made] if (made := _input(other, config)) is not None else []
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in takes and found:
        positions = getattr(config, "max_target_positions", None)
        found.append(Input("decoder_input_ids", (_tokens(positions or _positions(config)),), "int64"))
    return tuple(found)


def _input(name: str, config: Any) -> Input | None:
    if name == "input_ids":
        return Input(name, (_tokens(_positions(config.get_text_config())),), "int64")
    shape = _image(config) if name == "pixel_values" else _audio(name, config)
    dtype = str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")
    return None if shape is None else Input(name, shape, dtype)


def _positions(config: Any) -> int:
    for name in ("max_position_embeddings", "n_positions", "max_source_positions", "max_sequence_length"):
        if isinstance(found := getattr(config, name, None), int) and found > 0:
            return found
    return 512


def _tokens(positions: int) -> int:
    """As many as there are positions, at most 2,048; without the few that some tables keep for padding (RoBERTa: 514)."""
    most = min(positions, MOST_TOKENS)
    return most - most % 64 if most > 128 else most


def _image(config: Any) -> tuple[int, ...]:
    own = getattr(config, "vision_config", None) or config
    size = getattr(own, "image_size", None) or 224
    if isinstance(size, Mapping):
        size = [size["height"], size["width"]]
    sides = (size, size) if isinstance(size, int) else tuple(size)
    frames = getattr(own, "num_frames", None)
    return (*([frames] if frames else []), getattr(own, "num_channels", None) or 3, *sides)


def _audio(name: str, config: Any) -> tuple[int, ...] | None:
    bins, most = getattr(config, "num_mel_bins", None), getattr(config, "max_length", None)
    frames, channels = getattr(config, "max_source_positions", None), getattr(config, "input_feat_per_channel", None)
    if name == "input_features" and frames and channels:
        return (frames, channels * getattr(config, "input_channels", 1))  # Speech2Text: the frames of its filter bank
    if name == "input_features" and bins and hasattr(config, "max_source_positions"):
        return (bins, 2 * config.max_source_positions)  # Whisper: a convolution of stride 2 stands before the encoder
    if name == "input_values":
        return (most, bins) if bins and most else (SECOND_OF_AUDIO,)  # a spectrogram (AST), or the sound itself
    return None


def _has_side(config: Any) -> bool:
    return isinstance(getattr(config, "image_size", None), int)
