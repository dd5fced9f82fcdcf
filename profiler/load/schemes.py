"""Where a module comes from: one recipe a scheme, `torchvision:`, `timm:`, `hf:`, a `.pt2`, or code. Nothing is downloaded.

A new scheme is a file of its own in this folder, which imports `recipe` and `libraries` and never this file, and its entry in
SCHEMES here.

A recipe builds nothing by itself: it knows the call that does, the options as that call takes them, and the network's own
inputs. torch and the libraries are imported when a recipe is asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any, NamedTuple

from profiler.errors import ProfilerError, UnknownName
from profiler.load import arguments, code
from profiler.load.inputs import Input
from profiler.load.libraries import imported, library
from profiler.load.recipe import Recipe


def recipe(name: str, options: Mapping[str, Any]) -> Recipe:
    """How `name` is built with `options`. Raises Unavailable, UnknownName, ProfilerError."""
    scheme, colon, target = name.partition(":")
    if colon and scheme in SCHEMES:
        if not target:
            raise ProfilerError(f"model '{name}' names no network; write {SCHEMES[scheme].example}")
        return SCHEMES[scheme].recipe(target, options)
    if name.endswith(".pt2"):
        from profiler.load.exported import exported

        return exported(name, options)
    return _code(name, options)


def _code(name: str, options: Mapping[str, Any]) -> Recipe:
    torch = imported("torch", "torch")
    with torch.random.fork_rng(devices=[]):  # what a file makes when it is imported draws from the generator too
        target = code.found(name)
    if isinstance(target, torch.nn.Module):
        if options:
            raise ProfilerError(f"{name} is a module and takes no options ({', '.join(options)}); name its class")
        return Recipe(lambda: target, {})
    if not callable(target):
        kind = type(target).__name__
        raise ProfilerError(f"{name} must be a class or function, not {kind}; name one that returns a torch.nn.Module")
    given = arguments.checked(name, target, options)
    return Recipe(lambda: target(**given), given, width=arguments.width_of(target))


# torchvision

_SIDE = 224
_SHAPES = {"video": (3, 16, 112, 112), "segmentation": (3, 520, 520), "detection": (3, 800, 800), "optical_flow": (3, 520, 960)}


def _torchvision(target: str, options: Mapping[str, Any]) -> Recipe:
    models = imported("torchvision", "torchvision.models")
    known = models.list_models()
    if target.lower() not in known:
        raise UnknownName("model of torchvision", target, known)
    builder = models.get_model_builder(target)
    parameters, _ = arguments.parameters(builder)
    # no weights, from no disk and no network; and none of the initialisation that nobody will look at
    fixed = {"weights": None, "weights_backbone": None, "init_weights": False}
    for key in options:
        if key in fixed or key == "progress":
            raise ProfilerError(f"torchvision:{target}: {key} cannot be set; networks are built without weights")
    given = arguments.checked(f"torchvision:{target}", builder, options)
    sized, pair = _side_option(builder)
    if sized in given and isinstance(given[sized], int) and pair:
        given[sized] = (given[sized], given[sized])
    made = _made_by(builder)
    taken = {*parameters, *({"init_weights"} & arguments.parameters(made)[0].keys() if made else ())}
    fixed = {key: value for key, value in fixed.items() if key in taken}
    inputs = _torchvision_inputs(models, builder, given.get(sized) if sized else None)
    return Recipe(lambda: builder(**fixed, **given), given, inputs, sized, width=arguments.width_of(builder, made))


def _torchvision_names() -> Sequence[str]:
    found: Sequence[str] = imported("torchvision", "torchvision.models").list_models()
    return found


def _torchvision_task(target: str) -> str:
    builder = imported("torchvision", "torchvision.models").get_model_builder(target)
    family = builder.__module__.split(".")[2]
    return family.replace("_", " ") if family in _SHAPES else "classification"


def _made_by(builder: Callable[..., Any]) -> type | None:
    """The class that a builder makes, where it hands its other keywords on to it."""
    made = arguments.hints(builder).get("return")
    return made if inspect.isclass(made) and arguments.parameters(builder)[1] else None


def _side_option(builder: Callable[..., Any]) -> tuple[str | None, bool]:
    """The option that fixes the side, of a network whose class is built for one, and whether it is a pair of sides."""
    made = _made_by(builder)
    if made is None:
        return None, False
    takes, _ = arguments.parameters(made)
    for name in ("image_size", "input_size"):
        if name in takes:
            return name, takes[name][0] not in (int, arguments.NOTHING)
    return None, False


def _torchvision_inputs(models: ModuleType, builder: Callable[..., Any], side: Any) -> tuple[Input, ...]:
    """What the network is built for or was trained on: `side`, the crop of its first weights, or the shapes of its task."""
    family = builder.__module__.split(".")[2]
    try:
        weights = list(models.get_model_weights(builder))
    except ValueError:
        weights = []
    crops = _pair(side) if side is not None else _trained_at(weights)
    if family == "optical_flow":
        return (Input("image1", _SHAPES[family]), Input("image2", _SHAPES[family]))
    if family == "detection":
        return (Input("images.0", _SHAPES[family], whole=True),)
    shape = _SHAPES.get(family, (3, _SIDE, _SIDE))
    return (Input(None, (*shape[: len(shape) - len(crops)], *crops)),)


def _trained_at(weights: Sequence[Any]) -> list[int]:
    """The sides that weights were trained at: those of the first version, else the least; none where they were not cropped."""
    crops = {each.name: getattr(each.transforms, "keywords", {}).get("crop_size") for each in weights}
    known = {name: _pair(crop) for name, crop in crops.items() if crop is not None}
    for name in ("IMAGENET1K_V1", "KINETICS400_V1"):
        if name in known:
            return known[name]
    return min(known.values(), default=[])


def _pair(size: Any) -> list[int]:
    return [size, size] if isinstance(size, int) else list(size)


# timm


def _timm(target: str, options: Mapping[str, Any]) -> Recipe:
    timm = imported("timm", "timm")
    if not timm.is_model(target):
        raise UnknownName("model of timm", target, timm.list_models())
    for key in ("pretrained", "checkpoint_path", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"):
        if key in options:
            raise ProfilerError(f"timm:{target}: {key} cannot be set; networks are built without weights")
    given = arguments.checked(f"timm:{target}", timm.model_entrypoint(target), options)
    config = timm.get_pretrained_cfg(target) or timm.models.PretrainedCfg()
    _, *sides = given.get("input_size") or config.input_size
    if "img_size" in given:
        sides = _pair(given["img_size"])
    shape = (given.get("in_chans", config.input_size[0]), *sides)

    def make() -> Any:
        with library("timm", ImportError):
            return timm.create_model(target, pretrained=False, **given)

    sized = "img_size" if config.fixed_input_size else None
    return Recipe(make, given, (Input(None, shape),), sized, width=arguments.width_of(timm.model_entrypoint(target)))


def _timm_names() -> Sequence[str]:
    found: Sequence[str] = imported("timm", "timm").list_models()
    return found


def _hf(target: str, options: Mapping[str, Any]) -> Recipe:
    from profiler.load.hf import hf

    return hf(target, options)


def _hf_names() -> Sequence[str]:
    from profiler.load.hf import names

    return names()


class Scheme(NamedTuple):
    """One scheme of references."""

    recipe: Callable[[str, Mapping[str, Any]], Recipe]
    """How what stands after the colon is built with options. Raises Unavailable, UnknownName, ProfilerError."""
    example: str
    """What to write."""
    names: Callable[[], Sequence[str]] | None = None
    """What may stand after the colon, where that can be listed. Raises Unavailable."""
    task: Callable[[str], str] | None = None
    """What a network is for, where the library says; None where its own inputs are not known at once either."""


SCHEMES = {
    "torchvision": Scheme(_torchvision, "torchvision:resnet50", _torchvision_names, _torchvision_task),
    "timm": Scheme(_timm, "timm:mobilenetv3_large_100", _timm_names, lambda _: "classification"),
    "hf": Scheme(_hf, "hf:BertConfig, hf:LlamaForCausalLM or hf:path/to/config.json", _hf_names),
}
"""By the word before the colon."""


def listed(pattern: str) -> list[str]:
    """The references that `timm:*mobile*` names, or as part of a name `timm:mobile`; sorted, none where none matches.

    Raises UnknownName for another scheme, ProfilerError for one whose networks cannot be listed, Unavailable.
    """
    scheme, _, target = pattern.partition(":")
    if scheme not in SCHEMES:
        known = [f"{name}:" for name, each in SCHEMES.items() if each.names is not None]
        raise UnknownName("library", f"{scheme}:", known, "(a pattern is for `profiler list` or for a library)")
    names = SCHEMES[scheme].names
    if names is None:
        raise ProfilerError(f"{scheme}: has no list of networks; name one, as {SCHEMES[scheme].example}")
    wanted = target.lower() if any(sign in target for sign in "*?[") else f"*{target.lower()}*"
    return sorted(f"{scheme}:{name}" for name in names() if fnmatchcase(name.lower(), wanted))


def matching(pattern: str) -> list[str]:
    """The same, where at least one matches. Raises UnknownName with the nearest names where none does."""
    found = listed(pattern)
    if not found:
        scheme, _, target = pattern.partition(":")
        raise UnknownName(f"model of {scheme}", target, [each.partition(":")[2] for each in listed(f"{scheme}:*")])
    return found
