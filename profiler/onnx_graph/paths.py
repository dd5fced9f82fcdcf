"""What the row of a node is called: the module that it was exported from, its own name, or that of its output."""

from __future__ import annotations

import ast
from typing import Any

SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
"""Where torch's exporter writes the modules that a node was called in, and their classes."""
LONGEST = 200
_LEAVES = "torch.nn.modules."
_CONTAINERS = "torch.nn.modules.container."


def path_of(node: Any, prefix: str = "") -> str:
    """`features.0.conv` of torch's notes, else its name with dots for slashes, else its first output's; at most 200 letters."""
    own = _of_weight(node) or _scoped(node) or _dotted(str(node.name)) or next((str(name) for name in node.output if name), "")
    path = own or str(node.op_type)
    path = "".join(sign if sign.isprintable() else "�" for sign in path)
    if prefix:
        path = f"{prefix}.{path}"
    return path if len(path) <= LONGEST else f"{path[: LONGEST - 1]}…"


def _dotted(name: str) -> str:
    """`/layer1/layer1.0/conv1/Conv` → `layer1.0.conv1.Conv`: a part that repeats the one before it stands for both."""
    parts: list[str] = []
    for part in name.strip("/").split("/"):
        if parts and part.startswith(f"{parts[-1]}."):
            parts.pop()
        parts.append(part)
    return ".".join(parts)


def folded_into(node: Any) -> str:
    """The path of the BatchNorm that torch's exporter made part of a convolution; empty of any other node."""
    notes = {each.key: each.value for each in getattr(node, "metadata_props", ())}
    scopes, classes = _names(notes.get(SCOPES)), _names(notes.get(CLASSES))
    of_norm = len(scopes) > 1 and len(scopes) == len(classes) and classes[-2].startswith(f"{_LEAVES}batchnorm.")
    return scopes[-2] if of_norm and node.op_type in ("Conv", "ConvTranspose", "Gemm") else ""


def _of_weight(node: Any) -> str:
    """The module of a weight that torch's exporter named, of a node that may have the notes of what was folded into it."""
    named = any(each.key == SCOPES for each in getattr(node, "metadata_props", ()))
    weight = str(node.input[1]) if named and len(node.input) > 1 else ""
    return weight.removesuffix(".weight") if weight.endswith(".weight") else ""


def _scoped(node: Any) -> str:
    """The path of a module of torch.nn, or of the module around and the name of the operation; empty where nothing is noted."""
    notes = {each.key: each.value for each in getattr(node, "metadata_props", ())}
    scopes, classes = _names(notes.get(SCOPES)), _names(notes.get(CLASSES))
    if len(scopes) < 2 or len(scopes) != len(classes):
        return ""
    if classes[-2].startswith(_LEAVES) and not classes[-2].startswith(_CONTAINERS):
        return scopes[-2]
    return f"{scopes[-2]}.{scopes[-1]}".strip(".")


def _names(text: str | None) -> list[str]:
    """A list of texts that is written as Python writes one; empty for anything else. Nothing is evaluated."""
    if not text or len(text) > 20 * LONGEST or not text.startswith("["):
        return []
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return []
    return found if isinstance(found, list) and all(isinstance(each, str) for each in found) else []
