"""`hf:`: a transformers model from its configuration alone, without weights and without network.

The target is a configuration class (`BertConfig`: the bare model), a model class (`LlamaForCausalLM`), a model type (`bert`),
or a local config.json or its folder (the class under its `architectures`). Options are the configuration's own; a dot reaches
into a configuration inside: `text_config.hidden_size=512`.
"""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from profiler.errors import ProfilerError, Unavailable, UnknownName, shortened
from profiler.load import arguments
from profiler.load.libraries import imported, library
from profiler.load.natural import DTYPES, natural
from profiler.load.recipe import Recipe

_HEADS = (
    "AutoModel",
    "AutoModelForCausalLM",
    "AutoModelForSeq2SeqLM",
    "AutoModelForImageClassification",
    "AutoModelForPreTraining",
)
MOST_PARTS = 10_000
"""Layers, blocks, experts or heads of a configuration, at most: each is a module to be made."""
_PARTS = re.compile(r"(layers?|blocks?|depths?|experts?|heads?|stages?|groups)$")


def hf(target: str, options: Mapping[str, Any]) -> Recipe:
    """How a model is built from its configuration. Raises Unavailable, UnknownName, ProfilerError."""
    transformers = imported("transformers", "transformers")
    with library("transformers"):  # which imports a model, and what that needs, when it is named
        kind, base, model = _named(transformers, target)
        given = _options(f"hf:{target}", kind, base, options)
        config = _configuration(target, kind, _nested(base, given))
        model = model or _class_of(transformers, config, target)
        if model.forward.__name__ == "_forward_unimplemented":
            raise ProfilerError(
                f"hf:{target}: {model.__name__} has no forward of its own; name one of its parts, as hf:BertModel"
            )
        inputs = natural(model, config)

    def make() -> Any:
        with library("transformers", ImportError):
            return model._from_config(config)

    return Recipe(make, given, inputs, _side_option(config), DTYPES)


def _configuration(target: str, kind: Any, held: Mapping[str, Any]) -> Any:
    """The configuration that these values make, of no more parts than a network has. Raises ProfilerError."""
    try:
        config = kind.from_dict(dict(held))
    except ImportError:
        raise
    except Exception as fault:  # a configuration checks itself with errors of its own
        raise ProfilerError(f"hf:{target}: {shortened(str(fault))}; fix the configuration") from None
    for name, value in _numbers(held):
        if value > MOST_PARTS and _PARTS.search(name):
            raise ProfilerError(f"hf:{target}: {name}={value} is too large; give at most {MOST_PARTS}")
    return config


def _numbers(held: Any, name: str = "") -> Iterator[tuple[str, int]]:
    """Every whole number of a configuration with the path that it stands under."""
    if isinstance(held, Mapping):
        for key, value in held.items():
            yield from _numbers(value, f"{name}.{key}" if name else str(key))
    elif isinstance(held, list | tuple):
        for value in held:
            yield from _numbers(value, name)
    elif isinstance(held, int) and not isinstance(held, bool):
        yield name, held


def _named(transformers: Any, target: str) -> tuple[Any, dict[str, Any], Any]:
    """(configuration class, what a file sets of it, model class or None)."""
    if target.endswith(".json") or os.path.isdir(target) or ("/" in target and os.path.exists(target)):
        return _of_file(transformers, Path(target))
    types = transformers.CONFIG_MAPPING
    if target in types:
        return types[target], {}, None
    found = _class_named(transformers, target)
    if found is None and (same := {_plain(key): key for key in types}.get(_plain(target))) is not None:
        return types[same], {}, None
    if found is not None:
        return found
    if "/" in target or "-" in target:
        raise Unavailable(
            f"hf:{target[:80]}: nothing is fetched from the hub, and there is no such file here; download its config.json and "
            "name it, as hf:path/to/config.json, or name a class, as hf:LlamaForCausalLM"
        )
    raise UnknownName("configuration or model of transformers", target, _listed(transformers))


def names() -> list[str]:
    """The configurations and models of transformers by name. Raises Unavailable."""
    return _listed(imported("transformers", "transformers"))


def _listed(transformers: Any) -> list[str]:
    return [name for name in dir(transformers) if name.endswith(("Config", "Model")) or "For" in name]


def _plain(name: str) -> str:
    """A model type as people write it: Llama, DeepSeek-V3 and deepseek_v3 are one."""
    return name.lower().replace("_", "").replace("-", "")


def _class_named(transformers: Any, name: str) -> tuple[Any, dict[str, Any], Any] | None:
    """The configuration or model of that name, None where there is none that a network is made of."""
    named: Any = getattr(transformers, name, None) if not name.startswith("_") else None
    if not inspect.isclass(named):
        return None
    if issubclass(named, transformers.PreTrainedConfig):
        return named, {}, None
    kind = getattr(named, "config_class", None)
    return (kind, {}, named) if kind is not None and issubclass(named, transformers.PreTrainedModel) else None


def _of_file(transformers: Any, path: Path) -> tuple[Any, dict[str, Any], Any]:
    file = path / "config.json" if path.is_dir() else path
    if not file.is_file():
        raise Unavailable(f"hf:{path}: there is no file '{file}'; name a config.json or its folder")
    try:
        base = json.loads(file.read_text(encoding="utf-8"))
        kind = base["model_type"]
        if not isinstance(kind, str):
            raise TypeError
    except OSError as fault:
        raise ProfilerError(f"hf:{path}: '{file}' cannot be read: {fault.strerror}; check its permissions") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProfilerError(
            f"hf:{path}: '{file}' is not a configuration of transformers, which is JSON with a model_type; name one"
        ) from None
    if kind not in transformers.CONFIG_MAPPING:
        raise UnknownName("model type of transformers", kind, list(transformers.CONFIG_MAPPING), f"(in {file})")
    names = base.get("architectures") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ProfilerError(
            f"hf:{path}: '{file}': its architectures are {str(names)[:60]}; write a list of model classes, as [\"BertModel\"]"
        )
    configured = transformers.CONFIG_MAPPING[kind]
    for name in names:
        found = _class_named(transformers, name)
        if found is None and not hasattr(transformers, name):
            continue  # of code that stands beside the configuration, and is not run
        if found is None or found[2] is None or not issubclass(configured, found[0]):
            raise ProfilerError(
                f"hf:{path}: '{file}': its architecture '{name[:60]}' is not a model class for {configured.__name__}; "
                "name the class of a model, or leave it out"
            )
        return configured, base, found[2]
    return configured, base, None


def _options(name: str, kind: Any, base: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the types of what the configuration holds by itself."""
    if not options:
        return {}
    own = _configuration(name.removeprefix("hf:"), kind, base).to_dict()
    found = {}
    other_names = getattr(kind, "attribute_map", None) or {}
    for given, value in options.items():
        key = given if given in own else other_names.get(given, given)  # num_experts, of what it keeps as num_local_experts
        at: Any = own
        for step in key.split("."):
            if step == key and step not in own and _read_besides(kind, key):
                at = 0  # a number, which the configuration keeps as it keeps what else a config.json holds
                break
            if not isinstance(at, Mapping) or step not in at:
                raise UnknownName(f"option of {name}", key, [str(each) for each in (at if isinstance(at, Mapping) else own)])
            at = at[step]
        found[key] = arguments.typed(value, arguments.NOTHING, at, f"{name}: {key}") if isinstance(value, str) else value
    return found


def _read_besides(kind: Any, key: str) -> bool:
    """Whether the model reads a number that its configuration has no default of (head_dim of Qwen3-MoE), by its source."""
    try:
        source = inspect.getsource(import_module(kind.__module__.replace(".configuration_", ".modeling_")))
    except (ImportError, OSError, TypeError):
        return False
    return f'getattr(config, "{key}"' in source


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
        try:
            found = auto._model_mapping.get(type(config), None)
        except ValueError:  # a class that is listed, and that its module does not have
            found = None
        if found is not None:
            return found[0] if isinstance(found, tuple) else found
    raise ProfilerError(f"hf:{target}: transformers has no model of this configuration alone; name its class, as hf:BertModel")


def _side_option(config: Any) -> str | None:
    """The option that fixes the side of the image, of a model that is built for one."""
    for option, part in (("image_size", config), ("vision_config.image_size", getattr(config, "vision_config", None))):
        if isinstance(getattr(part, "image_size", None), int):
            return option
    return None
